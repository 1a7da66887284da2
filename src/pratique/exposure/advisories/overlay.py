"""Overlays: what is known of an advisory beyond OSV, read strictly and written again.

Strictly, because a person writes them: a mistyped key that was left out silently would be a window
that nobody evaluates. Source: docs/reference/advisory-overlay.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from pratique.errors import InputError, ValueFormatError
from pratique.exposure.advisories.ecosystems import parse_package
from pratique.exposure.advisories.model import (
    MIN_PREFIX,
    Advisory,
    AdvisoryRevision,
    Affected,
    Awareness,
    BadDigest,
    Confidence,
    MovedRef,
    Overlay,
    Payload,
    ReadGroup,
    Trigger,
    Window,
)
from pratique.exposure.advisories.records import is_digest
from pratique.policy.osv_wire import Osv, decode_osv
from pratique.values.instants import Instant, parse_instant, render_instant

MAX_OVERLAY_BYTES: Final = 4 << 20


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in an overlay: keys that are not documented are mistakes."""


class _Window(_Wire):
    channel: str
    source: str
    confidence: Confidence = Confidence.LOW
    start: str = msgspec.field(default="", name="from")
    end: str = msgspec.field(default="", name="to")
    package: str = ""
    versions: list[str] = []


class _Digest(_Wire):
    digest: str
    package: str = ""
    version: str = ""
    filename: str = ""


class _Ref(_Wire):
    package: str
    ref: str
    digests: list[str] = []
    start: str = msgspec.field(default="", name="from")
    end: str = msgspec.field(default="", name="to")
    spared: list[str] = []
    source: str = ""


class _Payload(_Wire):
    trigger: list[Trigger] = []
    versions: list[str] = []
    package: str = ""
    reads: list[ReadGroup] = []
    persists: list[str] = []
    contacts: list[str] = []
    source: str = ""
    note: str = ""


class _Aware(_Wire):
    at: str
    source: str


class _Overlay(_Wire):
    id: str = ""
    source: str = ""
    windows: list[_Window] = []
    digests: list[_Digest] = []
    refs: list[_Ref] = []
    payload: list[_Payload] = []
    clean: list[str] = []
    first_aware: _Aware | None = None
    note: str = ""
    sha256: list[str] | str = []
    """What the policy reads too: whole SHA-256 of bad files."""


class _Specific(msgspec.Struct):
    pratique: _Overlay | None = None


_DECODER: Final = msgspec.json.Decoder(_Overlay)
_SPECIFIC: Final = msgspec.json.Decoder(_Specific)
_RECORD: Final = msgspec.json.Decoder(Osv)
_REFERENCE: Final = "docs/reference/advisory-overlay.md"


class OverlayError(InputError):
    """An overlay that cannot be used as it is; nothing of it counts."""


def parse_overlay(data: bytes, *, advisory: str, source: str = "") -> Overlay:
    """Read an overlay file for an advisory.

    Raises: OverlayError that names the key.
    """
    if len(data) > MAX_OVERLAY_BYTES:
        raise OverlayError(f"the overlay has more than {MAX_OVERLAY_BYTES} bytes")
    try:
        wire = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OverlayError(
            f"not an overlay: {error}", expected=f"JSON as in {_REFERENCE}"
        ) from error
    if wire.id and wire.id != advisory:
        raise OverlayError(
            f"the overlay is for {wire.id[:80]!r}",
            expected=f"one for {advisory}, or one without id",
        )
    return _checked(wire, advisory, source)


def embedded_overlay(record: bytes) -> Overlay | None:
    """The overlay in a record's `database_specific.pratique`; None when there is none.

    Raises: OverlayError when there is one that cannot be used; AdvisoryError for what is no record.
    """
    osv = decode_osv(record, _RECORD)
    if b'"pratique"' not in bytes(osv.database_specific):
        return None
    try:
        wire = _SPECIFIC.decode(osv.database_specific).pratique
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OverlayError(
            f"{osv.id}: database_specific.pratique is no overlay: {error}",
            expected=f"as in {_REFERENCE}",
        ) from error
    if wire is None:
        return None
    return _checked(wire, osv.id, f"record {osv.id}")


def render_overlay(overlay: Overlay) -> str:
    """An overlay as JSON text, the same for the same content; read again by `parse_overlay`."""
    wire = _Overlay(
        id=overlay.id,
        source=overlay.source,
        windows=[
            _Window(
                channel=one.channel,
                source=one.source,
                confidence=one.confidence,
                start=_rendered(one.start),
                end=_rendered(one.end),
                package=one.package,
                versions=list(one.versions),
            )
            for one in overlay.windows
        ],
        digests=[
            _Digest(one.digest, one.package, one.version, one.filename) for one in overlay.digests
        ],
        refs=[
            _Ref(
                package=package,
                ref=one.ref,
                digests=list(one.digests),
                start=_rendered(one.start),
                end=_rendered(one.end),
                spared=list(one.spared),
                source=one.source,
            )
            for package, one in overlay.refs
        ],
        payload=[
            _Payload(
                trigger=list(one.trigger),
                versions=list(one.versions),
                package=one.package,
                reads=list(one.reads),
                persists=list(one.persists),
                contacts=list(one.contacts),
                source=one.source,
                note=one.note,
            )
            for one in overlay.payload
        ],
        clean=list(overlay.clean),
        first_aware=None
        if overlay.first_aware is None
        else _Aware(at=render_instant(overlay.first_aware.at), source=overlay.first_aware.source),
        note=overlay.note,
    )
    return msgspec.json.encode(wire, order="deterministic").decode()


def combine(revision: AdvisoryRevision, overlay: Overlay | None) -> Advisory:
    """Record and overlay together, as questions use them."""
    if overlay is None:
        return Advisory(revision=revision, overlay=None, affected=revision.affected)
    packages = {(one.type, one.name): one for one in revision.affected}
    named = [one.package for one in overlay.digests] + [package for package, _ in overlay.refs]
    for package in filter(None, named):
        type_, name = parse_package(package)
        packages.setdefault((type_, name), Affected(type=type_, name=name))
    return Advisory(
        revision=revision,
        overlay=overlay,
        affected=tuple(sorted(_joined(one, overlay) for one in packages.values())),
        clean=overlay.clean,
    )


def _joined(one: Affected, overlay: Overlay) -> Affected:
    package = f"{one.type}/{one.name}"
    digests = {each.digest for each in overlay.digests if each.package in {"", package}}
    refs = {ref for where, ref in overlay.refs if where == package}
    return msgspec.structs.replace(
        one,
        digests=tuple(sorted({*one.digests, *digests})),
        refs=tuple(sorted({*one.refs, *refs}, key=_ref_order)),
    )


def _ref_order(ref: MovedRef) -> tuple[str, ...]:
    return (ref.ref, *ref.digests, _rendered(ref.start), _rendered(ref.end))


def _checked(wire: _Overlay, advisory: str, source: str) -> Overlay:
    """Values of a read overlay. Raises: OverlayError."""
    policy_digests = [wire.sha256] if isinstance(wire.sha256, str) else wire.sha256
    listed = [*wire.digests, *(_Digest(digest=f"sha256:{one}") for one in policy_digests)]
    overlay = Overlay(
        id=advisory,
        source=wire.source or source,
        windows=tuple(_windows(wire.windows)),
        digests=tuple(sorted(_bad_digests(listed))),
        refs=tuple(_refs(wire.refs)),
        payload=tuple(_payloads(wire.payload)),
        clean=tuple(_digest(one, f"clean[{n}]", shortest=None) for n, one in enumerate(wire.clean)),
        first_aware=None
        if wire.first_aware is None
        else Awareness(
            at=_required(wire.first_aware.at, "first_aware.at"), source=wire.first_aware.source
        ),
        note=wire.note,
    )
    revision = hashlib.sha256(render_overlay(overlay).encode()).hexdigest()
    return msgspec.structs.replace(overlay, revision=revision)


def _windows(listed: Iterable[_Window]) -> Iterator[Window]:
    for number, one in enumerate(listed):
        where = f"windows[{number}]"
        start, end = _span(one.start, one.end, where)
        if not one.channel.strip() or not one.source.strip():
            raise OverlayError(
                f"{where} says not of which channel, or who says so",
                expected="texts for `channel` and `source`",
            )
        yield Window(
            channel=one.channel,
            start=start,
            end=end,
            source=one.source,
            confidence=one.confidence,
            package=_package(one.package, where),
            versions=tuple(one.versions),
        )


def _bad_digests(listed: Iterable[_Digest]) -> Iterator[BadDigest]:
    for number, one in enumerate(listed):
        where = f"digests[{number}]"
        yield BadDigest(
            digest=_digest(one.digest, where, shortest=MIN_PREFIX),
            package=_package(one.package, where),
            version=one.version,
            filename=one.filename,
        )


def _refs(listed: Iterable[_Ref]) -> Iterator[tuple[str, MovedRef]]:
    for number, one in enumerate(listed):
        where = f"refs[{number}]"
        start, end = _span(one.start, one.end, where)
        package = _package(one.package, where)
        if not package or not one.ref.strip():
            raise OverlayError(
                f"{where} names no package or no ref", expected="TYPE/NAME and a ref"
            )
        if one.spared and one.ref != "*":
            raise OverlayError(f"{where}: only the ref `*` can spare others")
        yield (
            package,
            MovedRef(
                ref=one.ref,
                digests=tuple(sorted(_digest(d, where, shortest=MIN_PREFIX) for d in one.digests)),
                start=start,
                end=end,
                spared=tuple(sorted(one.spared)),
                source=one.source,
            ),
        )


def _payloads(listed: Iterable[_Payload]) -> Iterator[Payload]:
    for number, one in enumerate(listed):
        yield Payload(
            trigger=tuple(one.trigger),
            versions=tuple(one.versions),
            package=_package(one.package, f"payload[{number}]"),
            reads=tuple(one.reads),
            persists=tuple(one.persists),
            contacts=tuple(refanged(contact) for contact in one.contacts),
            source=one.source,
            note=one.note,
        )


def refanged(contact: str) -> str:
    """A host as programs compare it, from a spelling that is safe to show."""
    plain = contact.strip()
    for safe, real in (("[.]", "."), ("(.)", "."), ("[:]", ":"), ("hxxp", "http")):
        plain = plain.replace(safe, real)
    return plain


def _package(text: str, where: str) -> str:
    if not text:
        return ""
    type_, name = parse_package(text)
    if not name:
        raise OverlayError(f"{where}: not a package: {text[:80]!r}", expected="TYPE/NAME")
    return f"{type_}/{name}"


def _digest(text: str, where: str, *, shortest: int | None) -> str:
    lowered = text.strip().lower()
    if not is_digest(lowered, shortest=shortest):
        digits = "all its digits" if shortest is None else f"{shortest} digits or more"
        raise OverlayError(
            f"{where}: not a digest: {text[:80]!r}",
            expected=f"ALGORITHM:HEX with {digits}, such as sha256:164a3ef3e19f",
        )
    return lowered


def _span(start: str, end: str, where: str) -> tuple[Instant | None, Instant | None]:
    first = _required(start, f"{where}.from") if start else None
    last = _required(end, f"{where}.to") if end else None
    if first is not None and last is not None and last <= first:
        raise OverlayError(f"{where} ends before it starts", expected="from earlier than to")
    return first, last


def _required(text: str, where: str) -> Instant:
    try:
        return parse_instant(text)
    except ValueFormatError as error:
        raise OverlayError(f"{where}: {error.message}", expected=error.expected) from error


def _rendered(moment: Instant | None) -> str:
    return "" if moment is None else render_instant(moment)
