"""The status of one party as a file that it can poll: signed, and checked offline.

The JSON file is one line of canonical JSON; the page is written from the same status and carries the file, so
that checking the page is writing it again. Nothing in it names another party.
"""

from __future__ import annotations

import base64
import html
import re
from typing import Any, Final, NamedTuple

import msgspec

from pratique.custody.sizes import human_bytes
from pratique.ledger.canonical import canonical_json
from pratique.ledger.errors import BundleError, NoteError
from pratique.ledger.notes import (
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
    envelope_text,
    open_checkpoint,
    parse_verifier,
)
from pratique.values.instants import Instant, render_instant, render_second

FORMAT: Final = "pratique-status/v1"
PAYLOAD_TYPE: Final = "application/vnd.pratique.status+json"
MAX_BYTES: Final = 4 << 20
_HEAD: Final = b'{"format":"pratique-status/v1"'
_PAGE_HEAD: Final = b"<!doctype html>\n<!-- pratique-status/v1 "


class StandingSuspension(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension in force that concerns the party."""

    id: str
    at: Instant
    own: bool
    """The party is what is suspended; else work on its data is."""
    reason: str
    conditions: tuple[str, ...]


class OpenClock(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that is not met."""

    id: str
    duty: str
    cause: str
    due_at: Instant
    late: bool


class LeaseCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Leases of the party, or over its data, by state."""

    living: int
    suspended: int
    not_yet: int
    revoked: int
    expired: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a party sees of itself."""

    party: str
    kind: str
    state: str
    """`working`, `partly-suspended` or `suspended`."""
    made_at: Instant
    suspensions: tuple[StandingSuspension, ...]
    leases: LeaseCounts
    disclosed_bytes: int
    """Distinct within each lease, added up."""
    disclosed_objects: int
    disclosed_at: Instant | None
    """When something was disclosed last."""
    disclosed_to: int
    """Entries of the log that were counted."""
    open_findings: int
    clocks: tuple[OpenClock, ...]
    last_notice_at: Instant | None
    next_update: Instant | None
    checkpoint: str
    """Signed state of the log."""


class OpenedStatus(NamedTuple):
    """A status whose signature is good."""

    status: Status
    verifier: Verifier
    size: int
    """Entries of its checkpoint."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # Declared in the order RFC 8785 sorts them.
    format: str
    key: str
    signature: str
    status: msgspec.Raw


def render_status(status: Status, *, signer: Signer) -> bytes:
    """The signed file."""
    plain: dict[str, Any] = msgspec.to_builtins(status)
    body = canonical_json(plain)
    signature = signer.sign_envelope(PAYLOAD_TYPE, body)
    return (
        msgspec.json.encode(
            _File(
                format=FORMAT,
                key=signer.verifier.render(),
                signature=encode_base64(signature),
                status=msgspec.Raw(body),
            )
        )
        + b"\n"
    )


def is_status(start: bytes) -> bool:
    """Whether a file is a status, or the page of one, by its first bytes."""
    return start.startswith((_HEAD, _PAGE_HEAD))


def open_status(data: bytes, verifier: Verifier | None = None) -> OpenedStatus:
    """Check a status, or the page of one. Raises: BundleError saying what does not hold."""
    if len(data) > MAX_BYTES:
        raise BundleError("too large to be a status", expected=f"at most {MAX_BYTES:,} bytes")
    if data.startswith(_PAGE_HEAD):
        return _open_page(data, verifier)
    try:
        file = msgspec.json.decode(data, type=_File)
        own = parse_verifier(file.key)
        body = bytes(file.status)
        status = msgspec.json.decode(body, type=Status)
        plain: dict[str, Any] = msgspec.to_builtins(status)
        signature = decode_base64(file.signature)
        same = msgspec.json.encode(file) + b"\n" == data and canonical_json(plain) == body
    except (msgspec.MsgspecError, NoteError, UnicodeError, RecursionError) as error:
        raise BundleError(f"not a status: {error}") from None
    if not same or file.format != FORMAT:
        raise BundleError("the status is not spelled as it was made", remedy="do not reformat it")
    if verifier is not None and verifier != own:
        raise BundleError("the status is signed with another key", expected=verifier.render())
    if not own.holds(envelope_text(PAYLOAD_TYPE, body).decode(), signature):
        raise BundleError("the status's signature is not good")
    try:
        tree = open_checkpoint(status.checkpoint, own)
    except NoteError as error:
        raise BundleError(f"the checkpoint in the status: {error.message}") from None
    return OpenedStatus(status, own, tree.size)


def _open_page(data: bytes, verifier: Verifier | None) -> OpenedStatus:
    match = re.match(re.escape(_PAGE_HEAD) + rb"([A-Za-z0-9+/=]+) -->\n", data)
    if match is None:
        raise BundleError("the page does not carry its status")
    try:
        inside = decode_base64(match[1].decode())
    except NoteError as error:
        raise BundleError(f"the page does not carry its status: {error.message}") from None
    opened = open_status(inside, verifier)
    if inside.startswith(_PAGE_HEAD) or render_status_page(inside) != data:
        raise BundleError("the page says something else than the status that it carries")
    return opened


# ── the page ─────────────────────────────────────────────────────────────────────────────────


_STYLE: Final = (
    "body{margin:0 auto;max-width:46rem;padding:2rem 1.2rem;color:#1c2024;"
    'font:16px/1.5 "Noto Sans","Segoe UI",system-ui,sans-serif}'
    "h1{font-size:1.5rem;margin:0}p{margin:.4rem 0}"
    ".state{border:1px solid #d5dae0;border-left:6px solid var(--tone);padding:.6rem 1rem;margin:1rem 0}"
    ".working{--tone:#2b7a4b}.suspended{--tone:#a4161a}.partly-suspended{--tone:#a98307}"
    "dl{display:grid;grid-template-columns:13rem 1fr;gap:.25rem 1rem}dt{color:#5b6470}dd{margin:0}"
    ".soft{color:#5b6470;font-size:.9em}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8em}"
    "@media(max-width:36rem){dl{grid-template-columns:1fr}}@media print{body{padding:0}}"
)


def render_status_page(data: bytes) -> bytes:
    """The page of a signed status file; it is not checked here."""
    file = msgspec.json.decode(data, type=_File)
    status = msgspec.json.decode(file.status, type=Status)
    rows = "".join(
        f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>\n" for name, value in _rows(status)
    )
    says = "".join(f"<p>{_text(line)}</p>\n" for line in _suspension_lines(status))
    page = (
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Status of {_text(status.party)}</title><style>{_STYLE}</style></head><body>\n"
        f'<p class="soft">Status</p><h1>{_text(status.party)}</h1>\n'
        f'<div class="state {_text(status.state)}"><b>{_text(status.state.replace("-", " "))}</b>\n'
        f"{says}</div>\n"
        f"<dl>\n{rows}</dl>\n"
        f'<p class="soft">Signed with the key of the log. Check this page, or the file in it, without a '
        f"network: pratique verify FILE --key KEY. Signed state of the log:</p>\n"
        f"<pre>{_text(status.checkpoint)}</pre>\n</body></html>\n"
    )
    return (
        _PAGE_HEAD + base64.b64encode(data) + b" -->\n" + page.encode("utf-8", "backslashreplace")
    )


def _rows(status: Status) -> list[tuple[str, str]]:
    counts = status.leases
    last = "" if status.disclosed_at is None else f", last on {render_second(status.disclosed_at)}"
    leases = (
        f"{counts.living:,} living, {counts.suspended:,} suspended, {counts.not_yet:,} not begun, "
        f"{counts.revoked:,} revoked, {counts.expired:,} expired"
    )
    counted = f", by the first {status.disclosed_to:,} entries of the log"
    size, objects = human_bytes(status.disclosed_bytes), status.disclosed_objects
    rows = [
        ("As of", render_second(status.made_at)),
        ("Leases", leases),
        ("Disclosed", f"{size} of {objects:,} objects, counted lease by lease{last}{counted}"),
        ("Open findings", f"{status.open_findings:,}"),
        ("Last notice", _moment(status.last_notice_at, "none")),
        ("Next update", _moment(status.next_update, "none is due")),
    ]
    for one in status.clocks:
        late = ", overdue" if one.late else ""
        rows.append((f"Clock: {one.duty}", f"by {render_second(one.due_at)}{late} ({one.cause})"))
    return rows


def _suspension_lines(status: Status) -> list[str]:
    lines = []
    for one in status.suspensions:
        whose = "Suspended" if one.own else "Work on your data is suspended"
        lines.append(f"{whose} since {render_second(one.at)} ({one.id}): {one.reason}")
        lines += [f"Lifted when: {condition}" for condition in one.conditions]
    return lines


def _moment(moment: Instant | None, none: str) -> str:
    return none if moment is None else render_second(moment)


def _text(value: str) -> str:
    return html.escape(value)


def status_plain(opened: OpenedStatus) -> dict[str, Any]:
    """For programs: what was checked and what it says."""
    return {
        "verified": True,
        "format": FORMAT,
        "verifier_key": opened.verifier.render(),
        "size": opened.size,
        "made_at": render_instant(opened.status.made_at),
        "status": msgspec.to_builtins(opened.status),
    }
