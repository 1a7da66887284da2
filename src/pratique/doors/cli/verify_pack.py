"""`pratique verify pack.zip`: an audit pack, checked by itself."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.party_audit import mapped
from pratique.doors.cli.plain import safe_line
from pratique.errors import PratiqueError
from pratique.ledger.errors import BundleError, NoteError
from pratique.ledger.notes import Verifier, open_checkpoint
from pratique.parties.audit.verify import Folded, VerifiedPack, Work, verify_pack

_FEW_BYTES: Final = 8 << 20
"""A pack smaller than this is checked by one process: others would take longer to start."""


def checked_pack(file: Path, verifier: Verifier | None) -> VerifiedPack:
    """Check a pack, in several processes when it is large. Raises: BundleError, InputError."""
    # Not closed by hand: an error on its way holds parts of it.
    view = memoryview(mapped(file))
    if len(view) < _FEW_BYTES or (os.cpu_count() or 1) < 2:  # noqa: PLR2004 - nobody to share with
        return verify_pack(view, verifier=verifier)
    count, fork = min(os.cpu_count() or 1, 8), multiprocessing.get_context("fork")
    with ProcessPoolExecutor(count, mp_context=fork) as workers:
        return verify_pack(view, verifier=verifier, run=partial(_few_at_once, workers, count))


def _few_at_once(
    workers: ProcessPoolExecutor,
    count: int,
    fold: Callable[[Work], Folded],
    work: Iterable[Work],
) -> Iterator[Folded]:
    """As `map`; of a large pack only what is being worked on is in memory."""
    waiting: deque[Future[Folded]] = deque()
    for one in work:
        waiting.append(workers.submit(fold, one))
        if len(waiting) > count + 1:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def show_pack(file: Path, *, verifier: Verifier | None, known: str | None, form: str) -> int:
    """Verify and say what was found; gives the exit code."""
    try:
        shown = checked_pack(file, verifier)
        compared = None if known is None else _compare(known, shown)
    except PratiqueError as error:
        if form == "json":
            said = {"reason": error.message, "expected": error.expected, "to_do": error.remedy}
            _echo({"verified": False, **said})
        else:
            click.echo(f"{file}: does not hold: {safe_line(str(error))}")
        return EXIT_FOUND
    if form == "json":
        _echo(_report(shown, verifier, compared))
    else:
        click.echo(f"{file}: every byte holds")
        for line in _words(shown, verifier, compared):
            click.echo(f"  {safe_line(line)}")
    return EXIT_UNKNOWN if known is not None and compared is None else EXIT_NOTHING_FOUND


def _compare(known: str, shown: VerifiedPack) -> int | None:
    """Size of the reader's checkpoint when it is the pack's; None: nothing here joins them."""
    try:
        other = open_checkpoint(known, shown.verifier)
    except NoteError as error:
        raise BundleError(f"your checkpoint: {error.message}") from error
    if other.size != shown.checkpoint.size:
        return None
    if other.root != shown.checkpoint.root:
        raise BundleError(
            f"the log shows two histories: two signed roots for {other.size} entries",
            remedy="keep both; they prove that the log was forked",
        )
    return other.size


def _report(shown: VerifiedPack, verifier: Verifier | None, compared: int | None) -> dict[str, Any]:
    audit, tree = shown.audit, shown.checkpoint
    return {
        "verified": True,
        "format": "pratique-pack/v1",
        "party": audit.name,
        "made_at": audit.made_at,
        "from": audit.start,
        "to": audit.end,
        "origin": tree.origin,
        "size": tree.size,
        "root": tree.root.hex(),
        "verifier_key": shown.verifier.render(),
        "key_from": "you" if verifier is not None else "the file itself",
        "agrees_with_checkpoint": compared,
        "entries": shown.entries,
        "withheld": shown.withheld,
        "documents_compared": shown.documents_compared,
        "totals": audit.totals,
        "not_shown": audit.not_shown,
    }


def _words(shown: VerifiedPack, verifier: Verifier | None, compared: int | None) -> list[str]:
    audit, tree, totals = shown.audit, shown.checkpoint, shown.audit.totals
    lines = [
        f"party   {audit.name}",
        f"log     {tree.origin}, {tree.size:,} entries, root {tree.root.hex()}",
        f"key     {shown.verifier.render()}",
        "        the key you gave"
        if verifier is not None
        else "        taken from the file itself: this shows that the file agrees with itself, not who"
        " wrote it; give the key from a source you trust with --key",
        f"entries {shown.entries:,} in clear, {shown.withheld:,} by hash only",
        (
            f"reads   {human_bytes(totals.bytes)} of {totals.objects:,} objects, leases:"
            f" {totals.leases:,}, as the sender counts"
        ),
        "page    says what audit.json says"
        if shown.documents_compared
        else "page    not compared: another version wrote it; go by audit.json",
    ]
    if compared is not None:
        lines.append(f"agrees  with your checkpoint of {compared:,} entries")
    return [*lines, *audit.not_shown]


def _echo(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
