"""`pratique party evidence`: what parties gave, what it says, and what is wrong with it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.desk import answer_open_incidents
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_register import read_file
from pratique.doors.cli.plain import safe_line
from pratique.doors.cli.stores import operator
from pratique.edge.parties.witnesses import find_witness
from pratique.errors import InputError
from pratique.parties.evidence import MAX_EVIDENCE_BYTES, Given
from pratique.parties.model import NAMED_KINDS, EvidenceKind, Received
from pratique.parties.receiving import (
    Receipt,
    ReceivingParts,
    evidence_plain,
    receive,
    receive_oversized,
)
from pratique.store.party_receiving import receiving_parts
from pratique.values.instants import Instant, now_utc, parse_instant, render_minute, render_second

_KINDS = click.Choice([kind.value for kind in NAMED_KINDS])
_DIGITS = 8
"""Of a SHA-256, that name a piece at least."""
_SHOWN = 40
"""Claims told to a person; JSON has all that are recorded."""


@click.group()
def evidence() -> None:
    """What parties gave to show that they keep their promises: `add`, `list`, `show`."""


@evidence.command("add")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", type=_KINDS, help="What it is; else told by its form.")
@click.option("--product", default="", help="Of which product of the register it is.")
@click.option("--made", metavar="INSTANT", help="When it was made, where it does not say.")
@click.option("--expires", metavar="INSTANT", help="Until when it holds.")
@click.option("--issuer", default="", help="Of a certifier's paper: whose it is.")
@click.option(
    "--trusted-root",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sigstore's trusted root; else HOME/sigstore/trusted_root.json.",
)
@home_option
@format_option
def add_evidence(
    name: str,
    file: Path,
    *,
    kind: str | None,
    product: str,
    made: str | None,
    expires: str | None,
    issuer: str,
    trusted_root: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Record a piece of evidence of a party, and keep its bytes.

    Understood: CycloneDX and SPDX, in-toto statements and other documents in DSSE envelopes,
    Sigstore bundles, CycloneDX Attestations, OSCAL assessment results, questionnaires (CSV, JSON),
    certificates (TOML, JSON, or a PDF with --issuer and --expires), acknowledgements. What is wrong
    with it is recorded with it, and told; then the exit code is 1.
    """
    now = now_utc()
    data = read_file(file, most=MAX_EVIDENCE_BYTES)
    with open_party_desk(home) as desk:
        witness, without = find_witness(desk.stores.settings.home, trusted_root)
        given = Given(
            party=desk.party(name),
            everybody=desk.register.parties,
            now=now,
            filename=file.name,
            kind=EvidenceKind(kind) if kind is not None else None,
            product=product,
            made_at=parse_instant(made) if made else None,
            expires_at=parse_instant(expires) if expires else None,
            issuer=issuer,
            witness=witness,
            without_witness=without,
        )
        parts = _parts(desk, now)
        if len(data) > MAX_EVIDENCE_BYTES:
            sha256, size = _hashed(file)
            receipt = receive_oversized(parts, sha256, size, given, actor=operator())
        else:
            receipt = receive(parts, data, given, actor=operator())
    if receipt.new and receipt.evidence.asset:
        answer_open_incidents(home)
    _tell(receipt, form)


def _hashed(file: Path) -> tuple[str, int]:
    """SHA-256 and size of a file of any size. Raises: InputError."""
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return digest, stream.tell()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error


def _parts(desk: PartyDesk, now: Instant) -> ReceivingParts:
    return receiving_parts(
        desk.stores.presence,
        append=lambda drafts: desk.record(drafts, now),
        keep=desk.keep_evidence,
    )


def _tell(receipt: Receipt, form: str) -> None:
    found = receipt.evidence
    if form == "json":
        answer = {
            "entry": receipt.entry,
            "new": receipt.new,
            "standing": found.standing.value,
            **msgspec.to_builtins(found),
        }
        _echo_json(answer)
    else:
        about = f" of {', '.join(found.subjects[:3])}" if found.subjects else ""
        signed = f", signed by {found.signer}" if found.signature.value == "valid" else ""
        known = "" if receipt.new else " (known already)"
        click.echo(
            safe_line(
                f"{found.kind.value}{about}: {found.standing.value}{signed},"
                f" ledger entry {receipt.entry}{known}"
            )
        )
        if found.asset:
            click.echo(safe_line(f"it is what {found.asset} contains from now on"))
        for fault in found.faults:
            click.echo(safe_line(f"  wrong: {fault}"), err=True)
        if found.faults:
            click.echo("it is kept, and satisfies no promise", err=True)
    if found.faults:
        sys.exit(EXIT_FOUND)


@evidence.command("list")
@click.argument("name", required=False)
@click.option(
    "--kind", type=click.Choice([kind.value for kind in EvidenceKind]), help="Only these."
)
@click.option("--faulty", is_flag=True, help="Only those with which something is wrong.")
@home_option
@format_option
def list_evidence(
    name: str | None, *, kind: str | None, faulty: bool, home: Path | None, form: str
) -> None:
    """List pieces of evidence, of one party or of all, newest first."""
    with open_party_desk(home) as desk:
        names = [desk.party(name).name] if name else sorted(desk.register.evidence)
        found = [
            one
            for party in names
            for one in desk.register.evidence.get(party, ())
            if kind in (None, one.evidence.kind.value) and (one.evidence.faults or not faulty)
        ]
    found.sort(key=lambda one: one.entry, reverse=True)
    if form == "json":
        _echo_json({"evidence": [evidence_plain(one) for one in found]})
        return
    for one in found:
        click.echo(safe_line(_line(one)))
    if not found:
        click.echo("no evidence; see: pratique party evidence add")


def _line(one: Received) -> str:
    piece = one.evidence
    about = ", ".join(piece.subjects[:2]) or piece.filename
    state = "FAULTY" if piece.faults else piece.standing.value
    until = f", until {render_minute(piece.expires_at)}" if piece.expires_at else ""
    return f"{one.entry:6}  {piece.party}  {piece.kind.value:13}  {state:8}  {about}{until}"


@evidence.command("show")
@click.argument("piece", metavar="ENTRY|SHA256")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write its bytes there.",
)
@home_option
@format_option
def show_evidence(piece: str, output: Path | None, home: Path | None, form: str) -> None:
    """Show one piece: what it says, who signed it, what is wrong; or get its bytes.

    ENTRY is its ledger entry, SHA256 eight digits or more of its hash.
    """
    with open_party_desk(home) as desk:
        one = _find(desk, piece)
        data = desk.evidence_bytes(one.evidence.sha256)
    if output is not None:
        if data is None:
            raise InputError("its bytes were not kept", remedy="ask the party for it again")
        try:
            output.write_bytes(data)
        except OSError as error:
            raise InputError(f"cannot write {output}: {error.strerror}") from error
    if form == "json":
        _echo_json({**evidence_plain(one), "kept": data is not None})
        return
    _show(one, kept=data is not None)


def _show(one: Received, *, kept: bool) -> None:
    piece = one.evidence
    lines = [
        f"{piece.kind.value} of {piece.party}, entry {one.entry}, {render_second(one.at)} by {one.by}",
        f"  {piece.filename}, {piece.size:,} bytes, sha256 {piece.sha256}"
        + ("" if kept else " (not kept)"),
        f"  about: {', '.join(piece.subjects) or 'it does not say'}",
        f"  made: {_when(piece.made_at)}, until: {_when(piece.expires_at)}",
        f"  signature: {piece.signature.value}{f', {piece.signer}' if piece.signer else ''}",
        *(f"  wrong: {fault}" for fault in piece.faults),
    ]
    if one.while_suspended:
        lines.append("  it came while the party was suspended: what was frozen stays as it was")
    lines += [
        f"  {piece.standing.value}: {claim.topic}: {claim.answer}"
        + (f" ({claim.detail})" if claim.detail else "")
        for claim in piece.claims[:_SHOWN]
    ]
    if piece.claims_total > _SHOWN:
        lines.append(f"  and {piece.claims_total - _SHOWN} claims more")
    for text in lines:
        click.echo(safe_line(text))


def _when(at: Instant | None) -> str:
    return render_minute(at) if at is not None else "it does not say"


def _find(desk: PartyDesk, piece: str) -> Received:
    every = [one for pieces in desk.register.evidence.values() for one in pieces]
    by_hash = len(piece) >= _DIGITS and not piece.isdecimal()
    found = [
        one
        for one in every
        if (one.evidence.sha256.startswith(piece.lower()) if by_hash else str(one.entry) == piece)
    ]
    if not found:
        raise InputError(
            f"no piece {piece[:80]!r}",
            expected="a ledger entry, or 8 digits or more of a SHA-256",
            remedy="see: pratique party evidence list",
        )
    return max(found, key=lambda one: one.entry)


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
