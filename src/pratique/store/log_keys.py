"""The installation's signing key on disk: `ledger/key`, and its public half beside it."""

from __future__ import annotations

from pathlib import Path

from pratique.ledger.errors import LedgerKeyError, NoteError
from pratique.ledger.notes import Signer
from pratique.store.log_disk import FOLDER_MODE, Disk, write_new_file
from pratique.store.log_names import KEY_FILE, VERIFIER_FILE

_OTHERS = 0o077


def load_signer(folder: Path, *, origin: str, disk: Disk, may_create: bool) -> Signer:
    """Read the key; make one on first use.

    `may_create` is true only while the log is certain to have no entries: a new key beside old
    entries would let anybody who can delete a file start a different history.
    Raises: LedgerKeyError when the key is missing, readable for others, damaged or another log's.
    """
    path = folder / KEY_FILE
    if not path.exists():
        if not may_create:
            raise LedgerKeyError(
                f"the log has entries but its key {path} is missing",
                remedy="put the key back from its backup; nothing else can continue this log",
            )
        write_new_file(disk, path, key_file(Signer.generate(origin)))
    signer = read_key(path, origin)
    _keep_public_half(folder, signer, disk)
    return signer


def key_file(signer: Signer) -> bytes:
    """What the key's file holds."""
    return f"{signer.render()}\n".encode()


def verifier_file(signer: Signer) -> bytes:
    """What the file of its public half holds."""
    return f"{signer.verifier.render()}\n".encode()


def make_folder(folder: Path, disk: Disk) -> None:
    """Make a folder that only we may enter, and its name durable."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        disk.sync_folder(folder.parent)


def read_key(path: Path, origin: str) -> Signer:
    """Read the key file.

    Raises: LedgerKeyError without a byte of the key; OSError.
    """
    if path.stat().st_mode & _OTHERS:
        raise LedgerKeyError(f"{path} can be read by others", remedy=f"chmod 600 {path}")
    signer = _parse_key(path.read_bytes())
    if signer is None:
        raise LedgerKeyError(
            f"{path} is damaged: it does not have its key id",
            remedy="put the key back from its backup",
        )
    if signer.verifier.name != origin:
        raise LedgerKeyError(
            f"{path} signs for the log {signer.verifier.name!r}, not for {origin!r}",
            expected=f"[storage] log_origin = {signer.verifier.name!r}",
            remedy="a log keeps its origin for life; start a new home for another one",
        )
    return signer


def _parse_key(content: bytes) -> Signer | None:
    try:
        text = content.decode("ascii")
        signer = Signer.parse(text.removesuffix("\n"))
    except (NoteError, UnicodeDecodeError):
        return None
    return signer if content == key_file(signer) else None


def _keep_public_half(folder: Path, signer: Signer, disk: Disk) -> None:
    path = folder / VERIFIER_FILE
    wanted = verifier_file(signer)
    if not path.exists():
        write_new_file(disk, path, wanted)
    elif path.read_bytes() != wanted:
        raise LedgerKeyError(
            f"{path} is not the public half of the key beside it",
            remedy=f"if the key is right, remove {path}; it is made again",
        )
