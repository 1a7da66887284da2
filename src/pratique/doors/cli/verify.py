"""`pratique verify`: check an evidence file. Needs no database, no network and no home folder."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.case_verifier import MAX_BYTES
from pratique.doors.cli.verify_case import is_case, show_case, verifier_source
from pratique.doors.cli.verify_custody import is_custody_file, show_custody_file
from pratique.errors import InputError
from pratique.ledger.bundle import Verified, verify_bundle
from pratique.ledger.errors import BundleError, BundleIncomparableError, NoteError
from pratique.ledger.notes import Verifier, parse_verifier
from pratique.parties.audit.container import is_pack
from pratique.parties.status import is_status
from pratique.values.instants import render_instant

SHOWN_ENTRIES = 20


def _print_verifier(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(verifier_source().decode(), nl=False)
        ctx.exit()


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", help="The log's verifier key, or a file with it, from a source you trust.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A signed checkpoint that you kept or got elsewhere.",
)
@click.option(
    "--stamp-root",
    "roots",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificates (PEM) of the time stamp authority, from a source you trust.",
)
@click.option(
    "--whole",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A bundle of the whole log, to see that a client's log leaves nothing out.",
)
@click.option(
    "--print-verifier",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_verifier,
    help="Print the stand-alone verifier of cases, one Python file, and do nothing else.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to answer.",
)
def verify(
    file: Path,
    key: str | None,
    checkpoint: Path | None,
    roots: Path | None,
    whole: Path | None,
    form: str,
) -> None:
    """Verify an evidence file or a case, offline.

    Checks every byte of FILE, which `pratique ledger export`, `incident bundle`, `dataset log`, `dataset
    delivery`, `party audit` or `party status` made. Exit code 1 when anything does not hold, 3 when all
    holds but nothing in FILE leads to your checkpoint, or a client's log has gaps.
    """
    verifier = _verifier(key)
    known = _read(checkpoint).decode("utf-8", "replace") if checkpoint else None
    if _may_be_pack(file):
        from pratique.doors.cli.verify_pack import show_pack  # noqa: PLC0415 - one sort of file

        sys.exit(show_pack(file, verifier=verifier, known=known, form=form))
    data = _read(file)
    if is_status(data):
        from pratique.doors.cli.verify_status import show_status  # noqa: PLC0415 - one sort of file

        sys.exit(show_status(file, data, verifier=verifier, known=known, form=form))
    if is_case(data):
        trusted = _read(roots) if roots else None
        sys.exit(show_case(file, data, verifier=verifier, known=known, roots=trusted, form=form))
    if is_custody_file(data):
        every = _read(whole) if whole else None
        sys.exit(
            show_custody_file(file, data, verifier=verifier, known=known, whole=every, form=form)
        )
    try:
        verified = verify_bundle(data, verifier=verifier, known=known)
    except BundleError as error:
        _refuse(file, error, form)
        sys.exit(EXIT_UNKNOWN if isinstance(error, BundleIncomparableError) else EXIT_FOUND)
    if form == "json":
        _echo_json(_as_json(verified))
    else:
        _show(file, verified)


def _may_be_pack(file: Path) -> bool:
    """By its first bytes; whatever cannot be read is told of later."""
    try:
        with file.open("rb") as opened:
            return is_pack(opened.read(64))
    except OSError:
        return False


def _show(file: Path, verified: Verified) -> None:
    tree = verified.checkpoint
    click.echo(f"{file}: every byte holds")
    click.echo(f"  log     {tree.origin}, {tree.size} entries, root {_base64(tree.root)}")
    click.echo(f"  key     {verified.verifier.render()}")
    if verified.key_was_given:
        click.echo("          the key you gave")
    else:
        click.echo(
            "          taken from the file itself: this shows that the file agrees with itself,"
        )
        click.echo("          not who wrote it; give the key from a source you trust with --key")
    if verified.since is not None:
        click.echo(f"  extends the checkpoint of {verified.since.size} entries, unchanged")
    if verified.compared_with is not None:
        click.echo(f"  agrees  with your checkpoint of {verified.compared_with.size} entries")
    if verified.complete:
        click.echo("  entries all of the log: nothing was left out")
    else:
        click.echo(
            f"  entries {len(verified.entries)}, a selection: it does not show what was left out"
        )
    for entry in verified.entries[:SHOWN_ENTRIES]:
        click.echo(
            f"    {entry.sequence}  {render_instant(entry.recorded_at)}  {entry.kind}  "
            f"{entry.subject}  {entry.actor}"
        )
    if len(verified.entries) > SHOWN_ENTRIES:
        left = len(verified.entries) - SHOWN_ENTRIES
        click.echo(f"    and {left} more; --format json shows all")


def _as_json(verified: Verified) -> dict[str, Any]:
    tree = verified.checkpoint
    return {
        "verified": True,
        "origin": tree.origin,
        "size": tree.size,
        "root": _base64(tree.root),
        "verifier_key": verified.verifier.render(),
        "key_from": "you" if verified.key_was_given else "the file itself",
        "since": verified.since.size if verified.since else None,
        "agrees_with_checkpoint": verified.compared_with.size if verified.compared_with else None,
        "complete": verified.complete,
        "entries": [msgspec.structs.asdict(entry) for entry in verified.entries],
    }


def _refuse(file: Path, error: BundleError, form: str) -> None:
    incomparable = isinstance(error, BundleIncomparableError)
    if form == "json":
        reason = {"reason": error.message, "expected": error.expected, "to_do": error.remedy}
        _echo_json({"verified": None if incomparable else False, **reason})
        return
    verdict = "holds, but cannot be compared" if incomparable else "does not hold"
    click.echo(f"{file}: {verdict}: {error}")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is too large", expected=f"at most {MAX_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _verifier(key: str | None) -> Verifier | None:
    if key is None:
        return None
    text = key
    if "+" not in key:
        text = _read(Path(key)).decode("utf-8", "replace").strip()
    try:
        return parse_verifier(text)
    except NoteError as error:
        raise InputError(
            f"--key is not a verifier key: {error.message}", expected="NAME+HEXID+BASE64"
        ) from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
