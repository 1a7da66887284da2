"""What a home remembers from sweep to sweep: reader's notes, places seen, its fingerprint key.

    <home>/sweep/key          32 random bytes, made once, readable by their owner only
    <home>/sweep/memory.json  notes, and the places that were seen of each asset

Losing the key makes fingerprints of later sweeps incomparable with earlier ones. Losing the memory
makes the next sweep read again what it could have skipped, and leaves places open that are gone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from pratique.edge.errors import StorageError
from pratique.errors import SettingsError

FOLDER: Final = "sweep"
KEY_BYTES: Final = 32
_NOTE_CHARACTERS: Final = 4_000
_MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_MEMORY_BYTES: Final = 512 << 20


class KnownPlace(msgspec.Struct, frozen=True, order=True):
    """A place of an asset that an earlier sweep looked at."""

    kind: str
    locator: str
    lineage: str = ""
    evidence_class: int = 2
    collector: str = ""


class _Memory(msgspec.Struct):
    notes: dict[str, str] = msgspec.field(default_factory=dict)
    places: dict[str, list[KnownPlace]] = msgspec.field(default_factory=dict)
    machines: dict[str, str] = msgspec.field(default_factory=dict)


class SweepMemory:
    """The memory of a home. Fulfils `Notes`; nothing is durable before `save`."""

    def __init__(self, home: Path) -> None:
        """Read what is there; a memory that cannot be read is an empty one."""
        self._folder = home / FOLDER
        self._path = self._folder / "memory.json"
        self._pending: dict[str, str] = {}
        self._memory = _read(self._path)

    def recall(self, key: str) -> str:
        """The text kept under `key`, "" if none."""
        return self._pending.get(key) or self._memory.notes.get(key, "")

    def keep(self, key: str, text: str) -> None:
        """Keep a text from the next `save` on."""
        if len(text) > _NOTE_CHARACTERS:
            raise ValueError(f"a note of {len(text)} characters")
        self._pending[key] = text

    def drop(self) -> None:
        """Forget the notes since the last `save`: the looks before them were not recorded."""
        self._pending.clear()

    def places(self, asset: str) -> list[KnownPlace]:
        """Places of an asset that were seen before and not seen to be gone."""
        return list(self._memory.places.get(asset, ()))

    def set_places(self, asset: str, places: list[KnownPlace]) -> None:
        """Remember which places an asset has."""
        self._memory.places[asset] = sorted(places)

    def machine_of(self, asset: str) -> str:
        """Fingerprint of the machine that this name stood for at the last sweep; "" if none."""
        return self._memory.machines.get(asset, "")

    def set_machine(self, asset: str, machine: str) -> None:
        """Remember which machine a name stands for."""
        self._memory.machines[asset] = machine

    def save(self) -> None:
        """Make everything durable. Raises: StorageError."""
        self._memory.notes.update(self._pending)
        self._pending.clear()
        try:
            make_private(self._folder)
            write_whole(self._path, msgspec.json.encode(self._memory))
        except OSError as error:
            raise StorageError(f"cannot keep {self._path}: {error.strerror}") from error


def fingerprint_key(home: Path) -> bytes:
    """The key of this home's keyed hashes, made once.

    Raises: StorageError when it cannot be made; SettingsError when the file holds something else.
    """
    path = home / FOLDER / "key"
    try:
        make_private(home / FOLDER)
        if not path.exists():
            aside = path.with_name(f".key-{secrets.token_hex(8)}")
            _write_private(aside, secrets.token_bytes(KEY_BYTES))
            try:
                os.link(aside, path)
            except FileExistsError:  # another process was faster: its key is the key
                pass
            finally:
                aside.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot make the key {path}: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"{path} is no fingerprint key",
            expected=f"{KEY_BYTES} bytes",
            remedy="put it back from a copy, or remove it: then old fingerprints compare no more",
        )
    return key


def machine_fingerprint(key: bytes) -> str:
    """A keyed hash of this machine's id; "" where the system has none."""
    for path in _MACHINE_IDS:
        try:
            text = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text and text != "uninitialized":
            return hmac.new(key, b"machine:" + text.encode(), hashlib.sha256).hexdigest()[:32]
    return ""


def make_private(folder: Path) -> None:
    """Make a folder that only its owner looks into."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it holds the old or the new content after a crash, never half."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_private(aside, content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    handle = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_private(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _read(path: Path) -> _Memory:
    try:
        if path.stat().st_size > _MEMORY_BYTES:
            return _Memory()
        return msgspec.json.decode(path.read_bytes(), type=_Memory)
    except (OSError, msgspec.DecodeError, RecursionError):
        return _Memory()
