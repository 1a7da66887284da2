"""`pratique verify` of what custody gives to clients: their own log, and statements of deliveries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.plain import safe_line
from pratique.errors import PratiqueError
from pratique.ledger.errors import BundleIncomparableError
from pratique.values.counting import counted

if TYPE_CHECKING:
    from pratique.custody.client_log import ClientLog
    from pratique.ledger.notes import Verifier

_CLIENT_LOG: Final = b'{"bundle":'
_STATEMENT: Final = b'{"payload":'


def is_custody_file(data: bytes) -> bool:
    """Whether a file is a client's log or a signed statement, by how it begins."""
    return data.startswith((_CLIENT_LOG, _STATEMENT))


def show_custody_file(
    file: Path,
    data: bytes,
    *,
    verifier: Verifier | None,
    known: str | None,
    whole: bytes | None,
    form: str,
) -> int:
    """Verify and say what was found; gives the exit code."""
    try:
        if data.startswith(_CLIENT_LOG):
            report, words, code = _client_log(data, verifier, known, whole)
        else:
            report, words, code = _delivery(data, verifier, known)
    except PratiqueError as error:
        incomparable = isinstance(error, BundleIncomparableError)
        if form == "json":
            said = {"reason": error.message, "expected": error.expected, "to_do": error.remedy}
            _echo({"verified": None if incomparable else False, **said})
        else:
            verdict = "holds, but cannot be compared" if incomparable else "does not hold"
            click.echo(f"{file}: {verdict}: {safe_line(str(error))}")
        return EXIT_UNKNOWN if incomparable else EXIT_FOUND
    if form == "json":
        _echo(report)
    else:
        click.echo(f"{file}: every byte holds")
        for line in words:
            click.echo(f"  {safe_line(line)}")
    return code


def _client_log(
    data: bytes, verifier: Verifier | None, known: str | None, whole: bytes | None
) -> tuple[dict[str, Any], list[str], int]:
    from pratique.custody.client_log import totals_of, verify_client_log  # noqa: PLC0415 - one sort of file
    from pratique.custody.sizes import human_bytes  # noqa: PLC0415 - as above

    shown = verify_client_log(data, verifier=verifier, known=known)
    log, tree = shown.log, shown.verified.checkpoint
    withheld = None if whole is None else _withheld(shown, whole)
    report = {
        "verified": True,
        "format": "pratique-client-log/v1",
        "client": shown.client,
        "made_at": shown.made_at,
        "origin": tree.origin,
        "size": tree.size,
        "root": tree.root.hex(),
        **_key_words(shown.verified.verifier, verifier),
        "entries": len(shown.verified.entries),
        "withheld": shown.withheld,
        "gaps": shown.gaps,
        "compared_with_whole_log": withheld is not None,
        "withheld_entries": withheld,
        "totals": totals_of(log),
        "leases": log.leases,
        "chains": log.chains,
        "says": shown.sentences,
    }
    words = [
        f"log     {tree.origin}, {tree.size} entries",
        *_key_lines(report),
        (
            f"client  {shown.client}: {human_bytes(log.bytes)} of {counted(log.objects, 'object')}"
            f" disclosed, to {counted(len(log.leases), 'lease')} in {counted(log.reads, 'read')}"
        ),
        *_leases(shown),
        *shown.sentences,
        *_whole_words(withheld),
    ]
    unsure = shown.gaps or log.unreadable
    return report, words, EXIT_UNKNOWN if unsure else EXIT_NOTHING_FOUND


def _withheld(shown: ClientLog, whole: bytes) -> tuple[int, ...]:
    """Entries that the whole log has and the client's file withholds. Raises: BundleError."""
    from pratique.custody.client_log import left_out  # noqa: PLC0415 - as above
    from pratique.ledger.bundle import verify_bundle  # noqa: PLC0415 - as above

    return left_out(shown, verify_bundle(whole, verifier=shown.verified.verifier))


def _whole_words(withheld: tuple[int, ...] | None) -> list[str]:
    if withheld is None:
        return []
    words = "Proven by the whole log: no entry about this client's data is left out"
    if withheld:
        words += f" but those withheld: {', '.join(map(str, withheld[:20]))}"
    return [f"{words}."]


def _leases(shown: ClientLog) -> list[str]:
    from pratique.custody.sizes import human_bytes  # noqa: PLC0415 - as above
    from pratique.values.instants import render_instant  # noqa: PLC0415 - as above

    return [
        f"  {one.lease}  {one.holder} of {one.vendor}/{one.project}: {human_bytes(one.bytes)} of"
        f" {one.objects:,} objects, {render_instant(one.first_at)} to {render_instant(one.last_at)}"
        for one in shown.log.leases
    ]


def _delivery(
    data: bytes, verifier: Verifier | None, known: str | None
) -> tuple[dict[str, Any], list[str], int]:
    from pratique.custody.delivery import delivery_words, verify_delivery  # noqa: PLC0415 - as above
    from pratique.custody.statements import read_envelope  # noqa: PLC0415 - as above
    from pratique.errors import InputError  # noqa: PLC0415 - as above
    from pratique.work.statement import PREDICATE, verify_work_delivery, work_delivery_words  # noqa: PLC0415 - as above

    if known is not None:
        raise InputError("a delivery's statement cannot be compared with a checkpoint")
    of_work = read_envelope(data.removesuffix(b"\n"))[0].predicate_type == PREDICATE
    shown = (verify_work_delivery if of_work else verify_delivery)(data, verifier=verifier)
    words = (work_delivery_words if of_work else delivery_words)(shown)
    report = {
        "verified": True,
        "format": shown.predicate_type,
        **_key_words(shown.verifier, verifier),
        "subjects": len(shown.statement.subject),
        **shown.statement.predicate,
    }
    return report, [*_key_lines(report), *words], EXIT_NOTHING_FOUND


def _key_words(own: Verifier, given: Verifier | None) -> dict[str, Any]:
    return {
        "verifier_key": own.render(),
        "key_from": "you" if given is not None else "the file itself",
    }


def _key_lines(report: dict[str, Any]) -> list[str]:
    lines = [f"key     {report['verifier_key']}"]
    if report["key_from"] == "you":
        return [*lines, "        the key you gave"]
    return [
        *lines,
        "        taken from the file itself: this shows that the file agrees with itself, not who wrote",
        "        it; give the key from a source you trust with --key",
    ]


def _echo(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
