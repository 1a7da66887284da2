"""Writing a log to a folder as C2SP tiles, for any tool or web server that knows them.

Order: entry bundles, tiles, the checkpoint last; each file whole under its final name. A reader who
sees a checkpoint finds everything it needs, whenever the writing stopped.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from pratique.ledger.errors import LedgerDamagedError, LedgerUnavailableError, NoteError, ProofError
from pratique.ledger.merkle import HASH_BYTES, TILE_WIDTH, verify_consistency
from pratique.ledger.notes import Checkpoint, Verifier, open_checkpoint, parse_verifier
from pratique.ledger.store import LogStore
from pratique.ledger.tiles import TileName, names_between, render_bundle

CHECKPOINT_FILE = "checkpoint"


def publish_log(log: LogStore, folder: Path) -> tuple[int, int]:
    """Bring a folder up to the log's newest checkpoint.

    Shape: entries published, files written.
    Raises: LedgerDamagedError when the folder shows another history; LedgerUnavailableError.
    """
    note = log.checkpoint()
    verifier = parse_verifier(log.verifier_key())
    checkpoint = open_checkpoint(note, verifier)
    written = 0
    try:
        old = _published(folder, verifier)
        if old is not None:
            _require_growth(log, old, checkpoint, folder)
        for name in names_between(old.size if old else 0, checkpoint.size):
            _write(folder / name.path(), _content(log, name))
            written += 1
        _write(folder / CHECKPOINT_FILE, note.encode())
    except OSError as error:
        raise LedgerUnavailableError(f"cannot publish to {folder}: {error}") from error
    return checkpoint.size, written + 1


def _published(folder: Path, verifier: Verifier) -> Checkpoint | None:
    try:
        note = (folder / CHECKPOINT_FILE).read_text("utf-8")
    except FileNotFoundError:
        return None
    try:
        return open_checkpoint(note, verifier)
    except NoteError as error:
        raise LedgerDamagedError(
            f"what is published there is not of this log: {error.message}",
            place=str(folder / CHECKPOINT_FILE),
        ) from error


def _require_growth(log: LogStore, old: Checkpoint, new: Checkpoint, folder: Path) -> None:
    try:
        verify_consistency(
            old_size=old.size,
            new_size=new.size,
            old_root=old.root,
            new_root=new.root,
            proof=log.prove_consistency(old.size, size=new.size),
        )
    except ProofError as error:
        raise LedgerDamagedError(
            f"the log does not extend what was published before: {error.message}",
            place=str(folder / CHECKPOINT_FILE),
        ) from error


def _content(log: LogStore, name: TileName) -> bytes:
    if name.level is not None:
        return log.tile(name.level, name.index)[: name.width * HASH_BYTES]
    start = name.index * TILE_WIDTH
    return render_bundle(islice(log.leaves(start, start + name.width), name.width))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.write_bytes(content)
    aside.replace(path)
