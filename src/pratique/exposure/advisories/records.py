"""OSV records of every ecosystem → revisions. Tolerant; what could not be understood is a defect."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.exposure.advisories.bodies import is_advisory_id
from pratique.exposure.advisories.ecosystems import UNKNOWN_TYPE, package_of
from pratique.exposure.advisories.model import FULL_LENGTH, AdvisoryRevision, Affected, Range
from pratique.policy.osv_wire import (
    Osv,
    OsvAffected,
    decode_osv,
    integrity_hashes,
    loose,
    own_sha256,
)
from pratique.values.instants import Instant, parse_instant

MAX_TEXT: Final = 200_000
"""Characters of details that are kept; reports with whole payloads in them exist."""
_NULL: Final = msgspec.Raw(b"null")


class _FullOsv(Osv):
    """A record with what questions about the past want besides; shapes differ, so all is raw."""

    published: msgspec.Raw = _NULL
    summary: msgspec.Raw = _NULL
    details: msgspec.Raw = _NULL
    severity: msgspec.Raw = _NULL
    references: msgspec.Raw = _NULL
    related: msgspec.Raw = _NULL


_DECODER: Final = msgspec.json.Decoder(_FullOsv)


def parse_revision(data: bytes, *, source: str, seen_at: Instant) -> AdvisoryRevision:
    """Read one record.

    Raises: AdvisoryError when it is not one; ValueFormatError when its id cannot be used.
    """
    osv = decode_osv(data, _DECODER)
    if not is_advisory_id(osv.id):
        raise ValueFormatError(
            f"not an id of an advisory: {osv.id[:80]!r}",
            expected="letters, digits, '.', '_', ':' and '-'",
        )
    defects: list[str] = []
    return AdvisoryRevision(
        id=osv.id,
        revision=hashlib.sha256(data).hexdigest(),
        source=source,
        seen_at=seen_at,
        modified=_moment("modified", osv.modified, defects),
        published=_moment("published", _text(osv.published), defects),
        withdrawn=_withdrawn(osv.withdrawn, defects),
        aliases=tuple(osv.aliases or ()),
        related=tuple(_texts(osv.related)),
        summary=_text(osv.summary)[:1000],
        details=_text(osv.details)[:MAX_TEXT],
        severity=tuple(_severity(osv)),
        malware=osv.is_malware,
        references=tuple(_references(osv.references)),
        affected=tuple(sorted(_all_affected(osv, defects))),
        defects=tuple(dict.fromkeys(defects)),
    )


def _all_affected(osv: _FullOsv, defects: list[str]) -> Iterator[Affected]:
    shared = _digests(
        (("sha256", one) for one in own_sha256(loose(osv.database_specific, b"sha256"))), defects
    )
    for affected in osv.affected or ():
        package = affected.package
        if package is None:
            defects.append("one `affected` names no package: it says of commits only")
            continue
        type_, name = package_of(package.ecosystem, package.name, package.purl)
        if not name:
            defects.append("one `affected` names no package")
            continue
        if type_ == UNKNOWN_TYPE and package.ecosystem:
            defects.append(f"ecosystem {package.ecosystem[:40]!r} is not known: compared as text")
        yield _affected(osv, affected, type_, name, shared=shared, defects=defects)


def _affected(
    osv: _FullOsv,
    affected: OsvAffected,
    type_: str,
    name: str,
    *,
    shared: tuple[str, ...],
    defects: list[str],
) -> Affected:
    ranges = tuple(
        Range(type=one.type.upper(), events=tuple(one.events_in_order()), repo=one.repo)
        for one in affected.ranges or ()
    )
    specific = loose(affected.database_specific, b"sha256", b"sha512", b"sha1", b"hashes")
    named = [("sha256", one) for one in own_sha256(specific)] + list(integrity_hashes(specific))
    digests = tuple(sorted({*shared, *_digests(named, defects)}))
    versions = tuple(dict.fromkeys(affected.versions or ()))
    ordered = [one for one in ranges if one.type != "GIT"]
    # A malware record that names neither versions nor files speaks of the whole project.
    silent = osv.is_malware and not versions and not ordered and not digests
    return Affected(
        type=type_,
        name=name,
        ecosystem=affected.package.ecosystem if affected.package is not None else "",
        versions=versions,
        ranges=ranges,
        digests=digests,
        everything=silent or any(is_endless(one) for one in ordered),
    )


def is_endless(one: Range) -> bool:
    """Whether a range has a start at 0 and nothing else."""
    told = [event for event in one.events if event != ("limit", "*")]
    return bool(told) and all(event in {("introduced", "0"), ("introduced", "")} for event in told)


def _digests(named: Iterable[tuple[str, object]], defects: list[str]) -> tuple[str, ...]:
    found = []
    for algorithm, digest in named:
        text = f"{algorithm.lower().replace('-', '')}:{str(digest).strip().lower()}"
        if is_digest(text):
            found.append(text)
        else:
            defects.append(f"not a digest: {text[:80]!r}")
    return tuple(sorted(set(found)))


_HEX: Final = re.compile(r"[0-9a-f]+")


def is_digest(text: str, *, shortest: int | None = None) -> bool:
    """Whether a text is `ALGORITHM:HEX`, whole, or with at least `shortest` digits."""
    algorithm, _, digits = text.partition(":")
    whole = FULL_LENGTH.get(algorithm)
    if whole is None or _HEX.fullmatch(digits) is None:
        return False
    return len(digits) == whole if shortest is None else shortest <= len(digits) <= whole


def _moment(field: str, text: str, defects: list[str]) -> Instant | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueFormatError as error:
        defects.append(f"`{field}` is left out: {error.message}")
        return None


def _withdrawn(text: str | None, defects: list[str]) -> Instant | None:
    if not text:
        return None
    # A record that was taken back at a time nobody can read was taken back all the same.
    return _moment("withdrawn", text, defects) or parse_instant("0001-01-01")


def _plain(raw: msgspec.Raw) -> Any:  # noqa: ANN401 - other databases put anything here
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def _text(raw: msgspec.Raw) -> str:
    found = _plain(raw)
    return found if isinstance(found, str) else ""


def _texts(raw: msgspec.Raw) -> Iterator[str]:
    found = _plain(raw)
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, str))


def _severity(osv: _FullOsv) -> Iterator[str]:
    listed = _plain(osv.severity)
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield f"{one.get('type', '')} {one.get('score', '')}".strip()[:200]
    specific = loose(osv.database_specific, b"severity")
    word = specific.get("severity") if isinstance(specific, dict) else None
    if isinstance(word, str):
        yield word[:40]


def _references(raw: msgspec.Raw) -> Iterator[str]:
    listed = _plain(raw)
    for one in listed if isinstance(listed, list) else ():
        url = one.get("url") if isinstance(one, dict) else None
        if isinstance(url, str):
            yield url[:2000]
