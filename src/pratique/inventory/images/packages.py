"""Files of an image as sightings: of what is left, and of what later layers took away."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from pratique.inventory.environments.distributions import (
    Distribution,
    read_distribution,
    sightings_of,
)
from pratique.inventory.environments.hooks import hook_sighting, runs_code
from pratique.inventory.environments.items import join_notes, plain
from pratique.inventory.environments.node import (
    Locked,
    installed_sighting,
    parse_hidden_lock,
    parse_package_json,
)
from pratique.inventory.environments.record import parse_record
from pratique.inventory.environments.system import (
    SystemPackages,
    parse_apk,
    parse_conda_record,
    parse_dpkg,
    parse_os_id,
)
from pratique.inventory.images.layers import LayerFile
from pratique.inventory.images.state import ImageState, Placed
from pratique.inventory.images.wanted import Kind
from pratique.inventory.observed.model import Sighting, Stage
from pratique.values.instants import render_instant
from pratique.values.spans import from_micros

_OLDEST: Final = 631_152_000
"""1990, in seconds: earlier dates come from build tools that write 1970, 1980 or 1985."""
_CACHE: Final = re.compile(r"(?:^|/)(?:archive-v\d+|builds-v\d+|http-v2|_cacache)/")
_EGG: Final = "/EGG-INFO/PKG-INFO"
_NODE_ROOT: Final = re.compile(r"^(.*?)node_modules/")


class Found(NamedTuple):
    """Sightings of one image."""

    left: tuple[Sighting, ...]
    """In the image as it starts."""
    removed: dict[int, tuple[Sighting, ...]]
    """By the number of the layer that brought them: gone from the layers above."""
    defects: tuple[str, ...]


def packages_of(state: ImageState, now: int) -> Found:
    """Everything that an image holds or held. `now` is in seconds: no date may be later."""
    defects: list[str] = []
    left = _Files(state.present, now, defects)
    here = left.sightings()
    items = {one.item for one in here}
    removed: dict[int, list[Sighting]] = {}
    generations: dict[tuple[int, int], dict[str, Placed]] = {}
    for ended in state.ended:
        generation = generations.setdefault((ended.layer, ended.ended), {})
        generation[ended.path] = Placed(ended.layer, ended.file)
    for (layer, ended_in), files in generations.items():
        note = f"removed in a later layer ({ended_in})"
        for one in _Files(files, now, defects).sightings(partial=True):
            replaced = one.item.type in {"deb", "apk"} and one.item in items
            if not replaced:  # a database of packages is written anew by each layer that adds one
                noted = msgspec.structs.replace(one, note=join_notes([note, one.note]))
                removed.setdefault(layer, []).append(noted)
    return Found(
        left=tuple(here),
        removed={layer: tuple(dict.fromkeys(found)) for layer, found in removed.items()},
        defects=tuple(dict.fromkeys(defects)),
    )


class _Files:
    """A set of files that were there together."""

    def __init__(self, files: Mapping[str, Placed], now: int, defects: list[str]) -> None:
        self._files = files
        self._now = now
        self._defects = defects

    def sightings(self, *, partial: bool = False) -> list[Sighting]:
        """All that they say. `partial`: a distribution counts only if its METADATA is among them."""
        found = [*self._python(partial=partial), *self._hooks(), *self._node()]
        for path, placed in self._of(Kind.CONDA):
            conda = parse_conda_record(placed.file.content, at=_at(path, placed))
            if conda is None:
                self._defects.append(f"{plain(path)} is no record of conda")
            else:
                found.append(conda)
        for kind, parse in ((Kind.DPKG, parse_dpkg), (Kind.APK, parse_apk)):
            found += self._system(kind, parse)
        if not partial and any(True for _ in self._of(Kind.RPM)):
            self._defects.append(
                "has an RPM database, which is not read: list its packages with an SBOM tool"
            )
        return found

    def _of(self, *kinds: Kind) -> Iterable[tuple[str, Placed]]:
        return ((path, placed) for path, placed in self._files.items() if placed.file.kind in kinds)

    def _since(self, file: LayerFile) -> tuple[str, str]:
        """Not before it was written, if its date can be right; a layer does not say more."""
        if not _OLDEST <= file.modified <= self._now:
            return "", ""
        return render_instant(from_micros(file.modified * 1_000_000)), ""

    # Python.

    def _python(self, *, partial: bool) -> list[Sighting]:
        folders: dict[str, dict[str, Placed]] = {}
        for path, placed in self._of(Kind.PYTHON):
            folder, name = _split(path)
            folders.setdefault(folder, {})[name] = placed
        sites: dict[str, list[Distribution]] = {}
        for folder, files in sorted(folders.items()):
            main = files.get("METADATA") or files.get("PKG-INFO") or files.get("")
            if main is None and partial:
                continue
            site = folder.rpartition("/")[0]
            sites.setdefault(site, []).append(self._distribution(folder, files, main))
        return [one for listed in sites.values() for one in sightings_of(listed)]

    def _distribution(
        self, folder: str, files: dict[str, Placed], main: Placed | None
    ) -> Distribution:
        def content(name: str) -> bytes | None:
            return files[name].file.content if name in files else None

        some = main or next(iter(files.values()))
        dated = files.get("RECORD") or some
        notes = (main.file.note,) if main is not None and main.file.note else ()
        cached = _CACHE.search(folder) is not None
        return read_distribution(
            _at(folder, some),
            metadata=main.file.content if main is not None and not main.file.note else None,
            installer=content("INSTALLER") or b"",
            requested="REQUESTED" in files,
            direct_url=content("direct_url.json"),
            provenance_url=content("provenance_url.json"),
            since=self._since(dated.file),
            stage=Stage.FETCHED if cached else Stage.INSTALLED,
            notes=notes if not cached else (*notes, "unpacked in an installer's cache"),
        )

    def _hooks(self) -> list[Sighting]:
        hooks = list(self._of(Kind.HOOK))
        sites = {path.rpartition("/")[0] for path, _placed in hooks}
        owners: dict[str, str] = {}
        for path, placed in self._of(Kind.PYTHON):
            folder, name = _split(path)
            site = folder.rpartition("/")[0]
            if name == "RECORD" and site in sites:
                owner = folder.rpartition("/")[2].removesuffix(".dist-info").partition("-")[0]
                for line in parse_record(placed.file.content).lines:
                    if "/" not in line.path:
                        owners[f"{site}/{line.path}"] = owner.replace("_", "-").lower()
        return [
            hook_sighting(
                _at(path, placed),
                sha256="" if placed.file.note else hashlib.sha256(placed.file.content).hexdigest(),
                owner=owners.get(path, ""),
                runs=runs_code(path, placed.file.content),
                since=self._since(placed.file),
                note=placed.file.note,
            )
            for path, placed in hooks
        ]

    # npm and the system.

    def _node(self) -> list[Sighting]:
        locks: dict[str, dict[str, Locked]] = {}
        for path, placed in self._of(Kind.NODE_LOCK):
            lock = parse_hidden_lock(placed.file.content)
            if lock is None:
                self._defects.append(f"{plain(path)} is not the list that npm writes there")
            else:
                locks[path.rpartition("node_modules/")[0]] = lock
        found: list[Sighting] = []
        for path, placed in self._of(Kind.NODE):
            folder = path.rpartition("/")[0]
            if not _is_package(folder):
                continue
            package = parse_package_json(placed.file.content)
            if package is None:
                self._defects.append(f"{plain(path)} names no package")
                continue
            root = _NODE_ROOT.match(path)
            locked = locks.get(root[1], {}).get(folder.removeprefix(root[1])) if root else None
            found.append(
                installed_sighting(package, at=_at(folder, placed), locked=locked, since=("", ""))
            )
        return found

    def _system(self, kind: Kind, parse: Callable[..., SystemPackages]) -> list[Sighting]:
        vendor = ""
        for _path, placed in self._of(Kind.OS_RELEASE):
            vendor = vendor or parse_os_id(placed.file.content)
        found: list[Sighting] = []
        for path, placed in self._of(kind):
            read = parse(placed.file.content, vendor=vendor, at=_at(path, placed))
            found += read.sightings
            if read.malformed:
                self._defects.append(f"{plain(path)}: {read.malformed} packages without version")
        return found


def _split(path: str) -> tuple[str, str]:
    """Folder of a distribution and the file in it; a file that is itself one has no name there."""
    if path.endswith(_EGG):
        return path.removesuffix(_EGG), "PKG-INFO"
    folder, _, name = path.rpartition("/")
    if name.endswith(".egg-info"):
        return path, ""
    return folder, name


def _is_package(folder: str) -> bool:
    """Whether a folder is directly in `node_modules`, or in a scope there."""
    inner = folder.rpartition("node_modules/")[2]
    return inner.count("/") == (1 if inner.startswith("@") else 0)


def _at(path: str, placed: Placed) -> str:
    return f"layer {placed.layer}: {plain(path)}"
