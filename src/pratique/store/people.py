"""Whom a pseudonym stands for: a database of its own, so that erasing breaks nothing else.

`people.db` has one row per pseudonym, sealed (AES-256-GCM) with the key in `people.key`, which only its owner
reads. Nothing of it is ever in the ledger, in logs or in packs.

Erasing is more than deleting:

1. The row goes, and SQLite overwrites where it was (`secure_delete`).
2. All other rows are sealed anew with a new key, in the same transaction.
3. The file is written anew (`VACUUM`), and the old key is overwritten and deleted.

So copies of the database made before (backups, blocks of the disk, its journal) can no longer be read, as
far as nobody kept the old key. A crash between any two steps leaves a key that opens what the database has:
it names the key that it is sealed with, and both files stay until the next opening tidies up. The ledger
entry of an erasure is owed from the same transaction on: whoever comes next records it.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pratique.custody.scopes import parse_word
from pratique.errors import InputError, IntegrityError, SettingsError, UnavailableError
from pratique.ledger.entries import Draft

PEOPLE_FILE: Final = "people.db"
KEY_FILE: Final = "people.key"
NEXT_KEY_FILE: Final = "people.key.next"
MAX_CONTACT: Final = 400
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_OTHERS: Final = 0o077

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sealed_with (only INTEGER PRIMARY KEY CHECK (only = 1), key_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (
    pseudonym TEXT PRIMARY KEY, party TEXT NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_of_party ON people (party);
CREATE TABLE IF NOT EXISTS owed (number INTEGER PRIMARY KEY, entry BLOB NOT NULL);
"""


class Person(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Whom a pseudonym stands for."""

    pseudonym: str
    group: str
    """A group of people of the register."""
    contact: str
    """Where the person is reached."""


class PeopleStore:
    """The open database. One process at a time writes."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, key: bytes) -> None:
        self._folder = folder
        self._connection = connection
        self._key = key

    def add(self, person: Person) -> None:
        """Remember whom a pseudonym stands for. Raises: InputError when it stands for somebody."""
        self.add_all([person])

    def add_all(self, people: Sequence[Person]) -> None:
        """Remember several, all or none. Raises: InputError."""
        for one in people:
            check_person(one)
        try:
            with self._writing():
                rows = [(one.pseudonym, one.group, self._seal(one)) for one in people]
                self._connection.executemany(
                    "INSERT INTO people (pseudonym, party, sealed) VALUES (?, ?, ?)", rows
                )
        except sqlite3.IntegrityError:
            raise InputError(
                "one of these pseudonyms stands for somebody already",
                expected="pseudonyms that are new",
                remedy="see: pratique people list",
            ) from None

    def person(self, pseudonym: str) -> Person | None:
        """Whom a pseudonym stands for. Raises: IntegrityError when the row was changed."""
        row = self._connection.execute(
            "SELECT pseudonym, party, sealed FROM people WHERE pseudonym = ?", (pseudonym,)
        ).fetchone()
        return None if row is None else self._open(*row)

    def group(self, party: str) -> Iterator[Person]:
        """Everybody of a group, by pseudonym."""
        rows = self._connection.execute(
            "SELECT pseudonym, party, sealed FROM people WHERE party = ? ORDER BY pseudonym",
            (party,),
        )
        for row in rows:
            yield self._open(*row)

    def pseudonyms(self, party: str = "") -> list[tuple[str, str]]:
        """(pseudonym, group) of everybody, or of one group; nothing is unsealed."""
        rows = self._connection.execute(
            "SELECT pseudonym, party FROM people WHERE ?1 IN ('', party) ORDER BY pseudonym",
            (party,),
        )
        return [(str(name), str(group)) for name, group in rows]

    def erase(self, pseudonym: str, entry: Draft) -> None:
        """Forget whom a pseudonym stands for, as the module says; `entry` is owed to the ledger then.

        Raises: InputError.
        """
        fresh, old = secrets.token_bytes(_KEY_BYTES), self._key
        try:
            with self._writing():
                kept = list(self._all_but(pseudonym))
                _write_key(self._folder / NEXT_KEY_FILE, fresh)
                self._key = fresh
                self._connection.execute("DELETE FROM people WHERE pseudonym = ?", (pseudonym,))
                self._connection.executemany(
                    "UPDATE people SET sealed = ? WHERE pseudonym = ?",
                    [(self._seal(one), one.pseudonym) for one in kept],
                )
                self._connection.execute("UPDATE sealed_with SET key_id = ?", (_key_id(fresh),))
                self._connection.execute(
                    "INSERT INTO owed (entry) VALUES (?)", (msgspec.json.encode(entry),)
                )
        except BaseException:
            self._key = old
            raise
        self._connection.execute("VACUUM")
        _key_of(self._folder, self._connection)

    def owed(self) -> list[tuple[int, Draft]]:
        """Entries of erasures that the ledger may not have yet, oldest first, by their numbers."""
        rows = self._connection.execute("SELECT number, entry FROM owed ORDER BY number")
        return [(int(row[0]), msgspec.json.decode(row[1], type=Draft)) for row in rows]

    def settle(self, number: int) -> None:
        """The ledger has that one."""
        with self._connection:
            self._connection.execute("DELETE FROM owed WHERE number = ?", (number,))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone, from the first look on. Raises: UnavailableError when somebody erased since it was opened.

        What is sealed with a key that is gone could never be read again.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            row = self._connection.execute("SELECT key_id FROM sealed_with").fetchone()
            if row is None or str(row[0]) != _key_id(self._key):
                raise UnavailableError("somebody was erased meanwhile", remedy="try again")
            yield

    def _all_but(self, pseudonym: str) -> Iterator[Person]:
        rows = self._connection.execute("SELECT pseudonym, party, sealed FROM people").fetchall()
        if pseudonym not in {str(row[0]) for row in rows}:
            raise InputError(
                f"the pseudonym {pseudonym[:80]!r} stands for nobody",
                remedy="see: pratique people list",
            )
        for row in rows:
            if row[0] != pseudonym:
                # What no key opens stays as it is: nobody's erasure waits for it.
                with suppress(IntegrityError):
                    yield self._open(*row)

    def _seal(self, one: Person) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = _bound(one.pseudonym, one.group)
        return nonce + AESGCM(self._key).encrypt(nonce, one.contact.encode(), bound)

    def _open(self, pseudonym: str, group: str, sealed: bytes) -> Person:
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            contact = AESGCM(self._key).decrypt(nonce, rest, _bound(pseudonym, group)).decode()
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"the row of {pseudonym} in {PEOPLE_FILE} was changed, or sealed with another key",
                remedy="restore both files from one backup",
            ) from None
        return Person(pseudonym=pseudonym, group=group, contact=contact)


def check_person(one: Person) -> None:
    """Raises: InputError for what would name a person where only pseudonyms stand, or is too long."""
    parse_word(one.pseudonym, what="pseudonym")
    if "@" in one.pseudonym:
        raise InputError(
            "a pseudonym is no address", expected="one that tells nothing, such as p-4711"
        )
    parse_word(one.group, what="group")
    if not one.contact.strip() or len(one.contact) > MAX_CONTACT or not one.contact.isprintable():
        raise InputError(
            f"the contact of {one.pseudonym} is empty, too long or not printable",
            expected=f"one line of at most {MAX_CONTACT} characters",
        )


def _bound(pseudonym: str, group: str) -> bytes:
    return f"{pseudonym}\0{group}".encode()


@contextmanager
def open_people(folder: Path) -> Iterator[PeopleStore]:
    """Open the database, and make it and its key on first use.

    Raises: SettingsError when the key is missing or others can read it; UnavailableError.
    """
    path = folder / PEOPLE_FILE
    try:
        _prepare(path)
        with closing(sqlite3.connect(path, timeout=10, isolation_level="DEFERRED")) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.executescript(_SCHEMA)
            yield PeopleStore(folder, connection, _key_of(folder, connection))
    except sqlite3.OperationalError as error:
        raise UnavailableError(f"cannot use {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise IntegrityError(f"{path} is damaged: {error}", remedy="restore it") from error


def _prepare(path: Path) -> None:
    """The file is there and its owner's alone before anything is written into it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        if path.stat().st_mode & _OTHERS:
            raise SettingsError(f"{path} can be read by others", remedy=f"chmod 600 {path}")
    except OSError as error:
        raise UnavailableError(f"cannot open {path}: {error.strerror}") from error


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def _key_of(folder: Path, connection: sqlite3.Connection) -> bytes:
    """The key that the database names. Alone: the next key of an erasure that runs is not left over."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        return _settled_key(folder, connection)


def _settled_key(folder: Path, connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT key_id FROM sealed_with").fetchone()
    if row is None:
        path = folder / KEY_FILE
        key = _read_key(path) if path.exists() else secrets.token_bytes(_KEY_BYTES)
        if not path.exists():
            _write_key(path, key)
        connection.execute("INSERT INTO sealed_with VALUES (1, ?)", (_key_id(key),))
        return key
    _settle_keys(folder, str(row[0]))
    return _read_key(folder / KEY_FILE)


def _settle_keys(folder: Path, wanted: str) -> None:
    """After an erasure, whole or cut short: the key that the database names stays, the other goes."""
    current, following = folder / KEY_FILE, folder / NEXT_KEY_FILE
    if following.exists() and _key_id(_read_key(following)) == wanted:
        _overwrite(current)
        following.replace(current)
        _sync(folder)
    elif current.exists() and _key_id(_read_key(current)) == wanted:
        if following.exists():
            _overwrite(following)
            following.unlink()
    else:
        raise SettingsError(
            f"{current} is missing, or is not the key of {PEOPLE_FILE}",
            remedy="put it back from its backup; without it nobody can be reached",
        )


def _key_id(key: bytes) -> str:
    return sha256(b"pratique people key\0" + key).hexdigest()[:16]


def _read_key(path: Path) -> bytes:
    try:
        if path.stat().st_mode & _OTHERS:
            raise SettingsError(f"{path} can be read by others", remedy=f"chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"{path} is no key", expected=f"{_KEY_BYTES} bytes")
    return key


def _write_key(path: Path, key: bytes) -> None:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(key)
        out.flush()
        os.fsync(out.fileno())
    _sync(path.parent)


def _overwrite(path: Path) -> None:
    if not path.exists():
        return
    with path.open("r+b") as out:
        out.write(secrets.token_bytes(_KEY_BYTES))
        out.flush()
        os.fsync(out.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
