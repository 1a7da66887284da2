"""What reviewers found, as a text that others can trust: audits, under a signed note that names them.

    pratique-audits/v1
    <who reviewed: the origin on the signing key>
    <number of audits> sha256:<over the lines below>

    — <origin> <signature>

    {"created_at": …, "filename": …, "id": …, "reason": …, "reviewer": …, "sha256": …, "verdict": …}
    …

One audit a line, canonical JSON (RFC 8785), sorted; so two exports of the same audits are equal. The
signature is a C2SP signed note, made with the key of the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from pratique.errors import InputError
from pratique.ledger.canonical import canonical_json
from pratique.ledger.errors import NoteError
from pratique.ledger.notes import Signer, Verifier, open_note
from pratique.policy.model import Verdict
from pratique.values.digests import parse_sha256
from pratique.values.instants import parse_instant, render_instant
from pratique.vet.records import Audit

_HEAD = "pratique-audits/v1"
_MOST_LINES = 100_000
_LONGEST_REASON = 500


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    sha256: str
    filename: str
    verdict: Literal["clean", "suspicious", "malicious"]
    reason: str
    reviewer: str
    created_at: str


def render_statement(audits: Iterable[Audit], signer: Signer) -> str:
    """The signed text of living audits of our own, sorted."""
    lines = sorted(
        canonical_json(
            {
                "id": audit.id,
                "sha256": str(audit.sha256),
                "filename": audit.filename,
                "verdict": audit.verdict.value,
                "reason": audit.reason,
                "reviewer": audit.reviewer,
                "created_at": render_instant(audit.created_at),
            }
        ).decode()
        for audit in audits
        if audit.revoked_at is None and not audit.origin
    )
    body = "".join(f"{line}\n" for line in lines)
    note = signer.sign(_head(signer.verifier.name, len(lines), body))
    return f"{note}\n{body}"


def parse_statement(text: str, verifiers: Sequence[Verifier]) -> tuple[Audit, ...]:
    """Audits that one of these keys signed; the note is kept with each as evidence.

    Raises: NoteError when none of the keys signed it; InputError when it is no such statement, or
    not the audits that were signed.
    """
    head, _, rest = text.partition("\n\n")
    signatures, _, body = rest.partition("\n\n")
    note = f"{head}\n\n{signatures.rstrip(chr(10))}\n"
    origin = _origin_of(note, verifiers)
    lines = body.splitlines()
    if len(lines) > _MOST_LINES or f"{head}\n" != _head(origin, len(lines), body):
        raise InputError(
            "the audits are not those that were signed",
            expected=f"{_HEAD} of {origin}, at most {_MOST_LINES:,} audits",
            remedy="get the file again; it is made with: pratique audits export",
        )
    return tuple(
        _audit(line, number, origin, note.encode()) for number, line in enumerate(lines, 1)
    )


def _head(origin: str, count: int, body: str) -> str:
    return f"{_HEAD}\n{origin}\n{count} sha256:{hashlib.sha256(body.encode()).hexdigest()}\n"


def _origin_of(note: str, verifiers: Sequence[Verifier]) -> str:
    for number, verifier in enumerate(verifiers, 1):
        try:
            open_note(note, verifier)
        except NoteError:
            if number == len(verifiers):
                raise
            continue
        return verifier.name
    raise InputError("no key was given")


def _audit(line: str, number: int, origin: str, note: bytes) -> Audit:
    try:
        one = msgspec.json.decode(line, type=_Line)
        if len(one.reason) > _LONGEST_REASON or not one.reason.isprintable():
            raise InputError("the reason is too long or not printable")
        return Audit(
            # The same id may be used by two origins; ours never collides with theirs.
            id=f"{origin}#{one.id}",
            sha256=parse_sha256(one.sha256),
            filename=one.filename,
            verdict=Verdict(one.verdict),
            reason=one.reason,
            reviewer=f"{one.reviewer} ({origin})",
            origin=origin,
            statement=note,
            created_at=parse_instant(one.created_at),
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"audit {number} of the statement cannot be read: {error}") from error
