"""The shape of an OSV record as JSON: what the policy and the questions about the past both read.

Tolerant of what is unknown: fields that other databases fill as they like stay raw until somebody
asks for them. Source: OSV schema 1.7.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from packaging.version import InvalidVersion, Version

from pratique.errors import InputError

MALWARE: Final = "MAL-"
EVENTS: Final = ("introduced", "fixed", "last_affected", "limit")
_NULL: Final = msgspec.Raw(b"null")


class AdvisoryError(InputError):
    """A record that cannot be read as OSV."""


class OsvPackage(msgspec.Struct):
    """`affected[].package`."""

    ecosystem: str = ""
    name: str = ""
    purl: str = ""


class OsvRange(msgspec.Struct):
    """`affected[].ranges[]`."""

    type: str = ""
    events: list[dict[str, str]] = []
    repo: str = ""

    def events_in_order(self) -> list[tuple[str, str]]:
        """Events that mean something, in the order written."""
        return [
            (kind, text.strip())
            for event in self.events
            for kind, text in event.items()
            if kind in EVENTS
        ]


class OsvAffected(msgspec.Struct):
    """`affected[]`."""

    package: OsvPackage | None = None
    versions: list[str] | None = None
    ranges: list[OsvRange] | None = None
    database_specific: msgspec.Raw = _NULL


class Osv(msgspec.Struct):
    """What everybody needs of a record."""

    id: str
    modified: str = ""
    withdrawn: str | None = None
    aliases: list[str] | None = None
    affected: list[OsvAffected] | None = None
    database_specific: msgspec.Raw = _NULL

    @property
    def is_malware(self) -> bool:
        """A `MAL-` record, or one that names a `MAL-` record as its alias."""
        return any(one.startswith(MALWARE) for one in (self.id, *(self.aliases or ())))


_Record = TypeVar("_Record", bound=Osv)


def decode_osv(data: bytes, decoder: msgspec.json.Decoder[_Record]) -> _Record:
    """Read the bytes of one record.

    Raises: AdvisoryError when they are none.
    """
    try:
        osv = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AdvisoryError(f"not an OSV record: {error}", expected="OSV JSON") from error
    if not osv.id.strip():
        raise AdvisoryError("not an OSV record: it has no id", expected="OSV JSON")
    return osv


def loose(raw: msgspec.Raw, *words: bytes) -> Any:  # noqa: ANN401 - other databases put anything here
    """A value of any shape, decoded only where one of these words stands in it."""
    data = bytes(raw)
    if not any(word in data for word in words):
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def integrity_hashes(specific: object) -> Iterator[tuple[str, object]]:
    """(algorithm, digest) of files named in an `affected[].database_specific`, unchecked.

    Source: OpenSSF malicious packages, `indicators.package_integrity[].hashes`.
    """
    indicators = specific.get("indicators") if isinstance(specific, dict) else None
    listed = indicators.get("package_integrity") if isinstance(indicators, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        hashes = entry.get("hashes") if isinstance(entry, dict) else None
        if isinstance(hashes, dict):
            yield from hashes.items()


def own_sha256(specific: object) -> Iterable[object]:
    """`pratique.sha256` of a `database_specific`: one text or a list of them, unchecked."""
    own = specific.get("pratique") if isinstance(specific, dict) else None
    listed = own.get("sha256") if isinstance(own, dict) else None
    if listed is None:
        return ()
    return listed if isinstance(listed, list) else [listed]


def usable_events(
    events: Iterable[tuple[str, str]], defects: list[str]
) -> tuple[tuple[str, str], ...]:
    """Events whose bounds are PEP 440 versions; a start that is none counts as the very start."""
    usable = []
    for kind, text in events:
        if _is_bound(kind, text):
            usable.append((kind, text))
            continue
        defects.append(f"range event {kind} {text[:40]!r} is not a version")
        if kind == "introduced":
            usable.append(("introduced", "0"))
    return tuple(usable)


def _is_bound(kind: str, text: str) -> bool:
    if (kind, text) == ("limit", "*") or text == "0":
        return True
    try:
        Version(text)
    except (InvalidVersion, ValueError):
        return False
    return True
