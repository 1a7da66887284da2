"""One installed distribution as a sighting, from what its files say."""

from __future__ import annotations

from typing import Final

import msgspec

from pratique.inventory.environments.items import join_notes, pypi_item
from pratique.inventory.environments.metadata import Head, parse_head
from pratique.inventory.environments.origin import Origin, parse_origin
from pratique.inventory.observed.model import Sighting, Stage

MAX_PARENTS: Final = 20
SUFFIXES: Final = (".dist-info", ".egg-info", ".egg")
_NOTHING: Final = Origin()
_NAMELESS: Final = Head(name="", version="")


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of one dist-info or egg-info say."""

    folder: str
    head: Head
    installer: str = ""
    requested: bool = False
    origin: Origin = _NOTHING
    since_lo: str = ""
    since_hi: str = ""
    stage: Stage = Stage.INSTALLED
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Normalized."""
        return pypi_item(self.head.name, "").name


def read_distribution(
    folder: str,
    *,
    metadata: bytes | None,
    installer: bytes = b"",
    requested: bool = False,
    direct_url: bytes | None = None,
    provenance_url: bytes | None = None,
    since: tuple[str, str] = ("", ""),
    stage: Stage = Stage.INSTALLED,
    notes: tuple[str, ...] = (),
) -> Distribution:
    """Put together what the files of `folder` said; None is a file that is not there."""
    told = list(notes)
    head = parse_head(metadata) if metadata is not None else _NAMELESS
    named = head if folder == f"{head.name}-{head.version}.dist-info" else _from_folder(folder)
    if not head.name or not head.version:
        head = Head(
            name=head.name or named.name,
            version=head.version or named.version,
            data=head.data,
        )
        told.append("name and version from the folder's name")
    elif named is not head and named.name and _differ(head, named):
        told.append(f"METADATA says {head.name} {head.version}, its folder {folder}")
    origin = _origin(direct_url, provenance_url, told)
    return Distribution(
        folder=folder,
        head=head,
        installer=installer[:80].decode("utf-8", "replace").strip(),
        requested=requested,
        origin=origin,
        since_lo=since[0],
        since_hi=since[1],
        stage=stage,
        notes=tuple(told),
    )


def _origin(direct_url: bytes | None, provenance_url: bytes | None, told: list[str]) -> Origin:
    """Where it came from; the direct URL counts, as the specification allows only one of them."""
    for name, data in (("direct_url.json", direct_url), ("provenance_url.json", provenance_url)):
        if data is None:
            continue
        origin = parse_origin(data)
        if origin is not None:
            return origin
        told.append(f"{name} is malformed")
    return _NOTHING


def _from_folder(folder: str) -> Head:
    """Name and version as the folder's name says: `NAME-VERSION[-py3.11].egg-info`."""
    stem = folder.rpartition("/")[2]
    for suffix in SUFFIXES:
        stem = stem.removesuffix(suffix)
    name, _, rest = stem.partition("-")
    return Head(name=name, version=rest.partition("-py")[0])


def _differ(head: Head, named: Head) -> bool:
    """Whether a folder names another release. Installers escape: `-` and `+` become `_`."""
    if named.version == head.version and named.name == head.name:
        return False
    if not named.version:
        return _plain(head.name) != _plain(named.name)
    return _plain(head.name) + _plain(head.version) != _plain(named.name) + _plain(named.version)


def _plain(text: str) -> str:
    return text.lower().translate(_PLAIN)


_PLAIN: Final = str.maketrans("", "", "-_.+! ")


def sightings_of(distributions: list[Distribution]) -> list[Sighting]:
    """All distributions of one environment, each with what requires it.

    REQUESTED tells what a person asked for only under pip; uv writes it for everything.
    """
    parents: dict[str, list[str]] = {}
    for one in distributions:
        for required in one.head.requires():
            parents.setdefault(required, []).append(one.name)
    pip_tells = any(one.requested and one.installer == "pip" for one in distributions)
    return [_sighting(one, parents, pip_tells=pip_tells) for one in distributions]


def _sighting(one: Distribution, parents: dict[str, list[str]], *, pip_tells: bool) -> Sighting:
    item = pypi_item(
        one.head.name, one.head.version, digest=one.origin.digest, filename=one.origin.filename
    )
    by_pip = pip_tells and one.installer == "pip"
    installer = f"installed by {one.installer}" if one.installer else ""
    return Sighting(
        item=item,
        stage=one.stage,
        since_lo=one.since_lo,
        since_hi=one.since_hi,
        at=one.folder,
        parents=tuple(sorted(set(parents.get(item.name, ())) - {item.name})[:MAX_PARENTS]),
        direct=one.requested if by_pip else None,
        note=join_notes([installer, one.origin.note, *one.notes]),
    )
