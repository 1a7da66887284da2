"""`pratique audits`: what reviewers found in files, recorded, revoked and shared."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.audits import parse_statement, render_statement
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import ReviewStores, open_review_stores
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.ledger.notes import Verifier, parse_verifier
from pratique.policy.model import Verdict
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.instants import Instant, now_utc, render_instant
from pratique.vet.records import Audit, vetting_facts

_REASON_LENGTH = 500
_MOST_BYTES = 64 * 1024 * 1024
"""Of a statement that is imported."""


@click.group()
def audits() -> None:
    """Overrule verdicts, and share what reviewers found.

    An audit is about one file's content. The newest living one decides instead of what vetting said.
    """


@audits.command()
@click.argument("digest", metavar="SHA256")
@click.option(
    "--verdict",
    required=True,
    type=click.Choice(["clean", "suspicious", "malicious"]),
    help="What it is.",
)
@click.option("--reason", required=True, help="Why, in a sentence; others will read it.")
@click.option("--reviewer", required=True, help="Who looked at it and answers for it.")
@click.option("--filename", default="", help="Name of a file that this door has not shown yet.")
@home_option
@format_option
def add(
    digest: str,
    verdict: str,
    reason: str,
    reviewer: str,
    filename: str,
    home: Path | None,
    form: str,
) -> None:
    """Record what a reviewer found in a file; it decides from the next request on."""
    now = now_utc()
    for text in (reason, reviewer):
        if not text.strip() or len(text) > _REASON_LENGTH or not text.isprintable():
            raise InputError(
                "the reason or the reviewer cannot be used",
                expected=f"one to {_REASON_LENGTH} printable characters",
            )
    with open_review_stores(home) as opened:
        sha256 = parse_sha256(digest)
        audit = Audit(
            id=secrets.token_hex(6),
            sha256=sha256,
            filename=filename or _name_of(sha256, opened),
            verdict=Verdict(verdict),
            reason=" ".join(reason.split()),
            reviewer=reviewer,
            created_at=now,
        )
        _put([audit], opened, now=now)
    if form == "json":
        _echo_json(_described(audit))
        return
    click.echo(f"audit {audit.id}: {audit.filename or digest} is {verdict}, says {reviewer}")


def _name_of(digest: Sha256, opened: ReviewStores) -> str:
    places = opened.stores.presence.places(digest)
    return next((place.filename for place in places), "")


def _put(found: Iterable[Audit], opened: ReviewStores, *, now: Instant) -> None:
    """1. The entries are durable. 2. The audits are kept. 3. They decide."""
    found = list(found)
    opened.stores.log.append([_entry(audit) for audit in found], now=now)
    for audit in found:
        opened.audits.add_audit(audit)
    _decide({audit.sha256 for audit in found}, opened)


def _decide(digests: Iterable[Sha256], opened: ReviewStores) -> None:
    """Let audits, or what vetting said without them, decide on these files."""
    control = opened.stores.control
    by_file = opened.audits.audits_of(list(digests))
    for digest in digests:
        living = [a for a in by_file.get(digest, ()) if a.revoked_at is None]
        reports = opened.vetting.reports_of(digest)
        if living or reports:
            report = reports[0].report if reports else None
            control.set_vetting(digest, vetting_facts(report, living))
        else:
            control.drop_vetting(digest)


def _entry(audit: Audit, *, revoked: bool = False) -> Draft:
    return Draft(
        kind="verdict",
        subject=f"sha256:{audit.sha256}",
        actor=f"reviewer:{audit.reviewer}",
        body={
            "verdict": audit.verdict.value,
            "source": f"audit:{audit.id}",
            "reason": audit.reason,
            "filename": audit.filename,
            "revoked": revoked,
        },
    )


@audits.command("list")
@home_option
@format_option
def list_command(home: Path | None, form: str) -> None:
    """Show all audits, oldest first."""
    with open_review_stores(home) as opened:
        found = opened.audits.audits()
    if form == "json":
        _echo_json([_described(audit) for audit in found])
        return
    for audit in found:
        ended = f"  revoked {render_instant(audit.revoked_at)}" if audit.revoked_at else ""
        click.echo(
            f"{audit.id}  {audit.verdict.value:10}  {audit.filename or audit.sha256[:16]}  "
            f"{audit.reviewer}: {audit.reason}{ended}"
        )
    if not found:
        click.echo("no audits")


@audits.command()
@click.argument("audit_id", metavar="ID")
@home_option
@format_option
def revoke(audit_id: str, home: Path | None, form: str) -> None:
    """Take an audit back; what vetting said decides again."""
    now = now_utc()
    with open_review_stores(home) as opened:
        audit = next((a for a in opened.audits.audits() if a.id == audit_id), None)
        if audit is None or audit.revoked_at is not None:
            raise InputError(
                f"no living audit has the id {audit_id[:80]!r}",
                expected="an id from: pratique audits list",
            )
        opened.stores.record(_entry(audit, revoked=True), now=now)
        opened.audits.revoke_audit(audit_id, at=now)
        _decide([audit.sha256], opened)
    if form == "json":
        _echo_json({**_described(audit), "revoked_at": render_instant(now)})
    else:
        click.echo(f"audit {audit_id} is revoked")


@audits.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; else standard output.",
)
@home_option
@format_option
def export(output: Path | None, home: Path | None, form: str) -> None:
    """Write the audits made here as one text, signed with the key of the ledger.

    Others check it with the public half: home/ledger/verifier-key.
    """
    with open_review_stores(home) as opened:
        signer = opened.signer()
        note = render_statement(opened.audits.audits(), signer)
    if output is not None:
        output.write_text(note, "utf-8")
    if form == "json":
        _echo_json({"origin": signer.verifier.name, "output": str(output or ""), "statement": note})
    elif output is None:
        click.echo(note, nl=False)


@audits.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="KEY",
    help="Public key of those whose audits are trusted, or a file with it.",
)
@home_option
@format_option
def import_command(file: Path, keys: tuple[str, ...], home: Path | None, form: str) -> None:
    """Take over audits that others signed, if they are signed by a key that is given here.

    Nothing is taken over unless all of it can be read. Audits of your own about a file go first.
    """
    now = now_utc()
    note = _read_note(file)
    found = parse_statement(note, [_verifier(key) for key in keys])
    with open_review_stores(home) as opened:
        known = {audit.id: audit for audit in opened.audits.audits()}
        ours = {a.sha256 for a in known.values() if not a.origin and a.revoked_at is None}
        new = [a for a in found if a.id not in known and a.sha256 not in ours]
        _put(new, opened, now=now)
    answer = {"read": len(found), "taken_over": len(new), "known_or_our_own": len(found) - len(new)}
    if form == "json":
        _echo_json(answer)
    else:
        click.echo(f"{len(found)} audits read, {len(new)} taken over")


def _read_note(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{file} is too large", expected=f"at most {_MOST_BYTES >> 20} MiB")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {file}: {error}", expected="what audits export wrote"
        ) from error


def _verifier(key: str) -> Verifier:
    path = Path(key)
    return parse_verifier((path.read_text("utf-8") if path.is_file() else key).strip())


def _described(audit: Audit) -> dict[str, Any]:
    return {
        "id": audit.id,
        "sha256": audit.sha256,
        "filename": audit.filename,
        "verdict": audit.verdict.value,
        "reason": audit.reason,
        "reviewer": audit.reviewer,
        "origin": audit.origin,
        "created_at": render_instant(audit.created_at),
        "revoked_at": render_instant(audit.revoked_at) if audit.revoked_at else None,
    }


def _echo_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
