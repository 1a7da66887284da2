"""Whom pseudonyms stand for: sealed, apart, and gone when erased."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from pratique.errors import InputError, IntegrityError, SettingsError, UnavailableError
from pratique.ledger.entries import Draft
from pratique.store import people as module
from pratique.store.people import KEY_FILE, NEXT_KEY_FILE, PEOPLE_FILE, Person, open_people

CANARY = "canary.jones@mail.example"
OTHER = "somebody.else@mail.example"


def person(pseudonym: str = "p-1", contact: str = CANARY, group: str = "interviewees") -> Person:
    return Person(pseudonym=pseudonym, group=group, contact=contact)


def erasure(pseudonym: str) -> Draft:
    body = {"reason": "asked for it", "kept": ""}
    return Draft(kind="erasure", subject=f"person:{pseudonym}", actor="operator:ann", body=body)


def files(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    with open_people(folder) as people:
        people.add_all([person(), person("p-2", OTHER)])
    return folder


def test_contacts_come_back_and_are_nowhere_in_clear(home: Path) -> None:
    with open_people(home) as people:
        assert people.person("p-1") == person()
        assert [one.pseudonym for one in people.group("interviewees")] == ["p-1", "p-2"]
        assert people.pseudonyms() == [("p-1", "interviewees"), ("p-2", "interviewees")]
        assert people.person("p-3") is None
    assert b"canary" not in files(home).lower()
    for name in (PEOPLE_FILE, KEY_FILE):
        assert (home / name).stat().st_mode & 0o077 == 0


def test_the_old_key_is_overwritten_where_it_lay(home: Path) -> None:
    """Another name of the same file stands for what is left on the disk when a name goes."""
    old, left = (home / KEY_FILE).read_bytes(), home / "left"
    os.link(home / KEY_FILE, left)
    with open_people(home) as people:
        people.erase("p-1", erasure("p-1"))
    assert left.read_bytes() not in (old, (home / KEY_FILE).read_bytes())


def test_erasing_leaves_no_row_and_no_key_that_opens_an_old_copy(
    home: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(home / PEOPLE_FILE, backup)
    old_key = (home / KEY_FILE).read_bytes()
    sealed = sealed_of(home, "p-1")
    with open_people(home) as people:
        people.erase("p-1", erasure("p-1"))
        assert people.person("p-1") is None
        assert people.person("p-2") == person("p-2", OTHER)
        ((number, _),) = people.owed()
        people.settle(number)
    with open_people(home) as people:
        assert [one.contact for one in people.group("interviewees")] == [OTHER]
    everything = files(home)
    assert sealed not in everything, "what was deleted is overwritten"
    assert b"p-1" not in everything
    assert old_key not in everything
    shutil.copy(home / KEY_FILE, backup)
    with pytest.raises(SettingsError), open_people(backup):
        pass  # the backup of the database opens with no key that there is


def sealed_of(home: Path, pseudonym: str) -> bytes:
    with open_people(home) as people:
        [row] = people._connection.execute(
            "SELECT sealed FROM people WHERE pseudonym = ?", (pseudonym,)
        ).fetchall()
    return bytes(row[0])


def test_a_row_is_overwritten_even_when_the_file_is_never_written_anew(home: Path) -> None:
    """As after a crash before step 3: the row lies in no free part of the file."""
    with closing(sqlite3.connect(home / PEOPLE_FILE)) as raw:
        rows = dict(raw.execute("SELECT pseudonym, sealed FROM people").fetchall())
    held = (home / PEOPLE_FILE).read_bytes()
    assert all(sealed in held for sealed in rows.values())
    with open_people(home) as people:
        people._connection.set_authorizer(
            lambda action, *_: (
                sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
            )
        )
        with pytest.raises(sqlite3.DatabaseError):  # VACUUM attaches the file that it writes
            people.erase("p-1", erasure("p-1"))
    left = (home / PEOPLE_FILE).read_bytes()
    assert not [name for name, sealed in rows.items() if sealed in left]


def test_nobody_is_erased_twice_or_by_mistake(home: Path) -> None:
    with open_people(home) as people:
        with pytest.raises(InputError, match="stands for nobody"):
            people.erase("p-9", erasure("p-9"))
        people.erase("p-1", erasure("p-1"))
        with pytest.raises(InputError, match="stands for nobody"):
            people.erase("p-1", erasure("p-1"))
        assert people.person("p-2") == person("p-2", OTHER)


class CrashError(Exception):
    pass


@pytest.mark.parametrize("step", ["key written", "rows changed", "key settled"])
def test_a_crash_while_erasing_loses_nobody(
    home: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_people(home) as people, monkeypatch.context() as patch:
        if step == "key written":
            patch.setattr(people, "_seal", lambda _: crash())
        elif step == "rows changed":
            patch.setattr(module, "_settle_keys", lambda *_: crash())
        else:
            patch.setattr(module, "_sync", lambda _: crash())
            patch.setattr(module, "_write_key", quiet_write)
        with pytest.raises(CrashError):
            people.erase("p-1", erasure("p-1"))
    with open_people(home) as people:
        assert people.person("p-2") == person("p-2", OTHER)
        gone = people.person("p-1") is None
    assert gone is (step != "key written"), "whole or not at all"
    assert not (home / NEXT_KEY_FILE).exists()


def crash() -> bytes:
    raise CrashError


def quiet_write(path: Path, key: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(key)


def test_whoever_opened_before_an_erasure_writes_nothing_that_nobody_can_read(home: Path) -> None:
    with open_people(home) as one:
        with open_people(home) as other:
            other.erase("p-1", erasure("p-1"))
        with pytest.raises(UnavailableError, match="meanwhile"):
            one.add(person("p-3"))
        with pytest.raises(UnavailableError, match="meanwhile"):
            one.erase("p-2", erasure("p-2"))
    with open_people(home) as fresh:
        fresh.add(person("p-3"))
        assert fresh.person("p-3") == person("p-3")


def test_whoever_opens_while_somebody_is_erased_takes_no_key_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Thread] = []

    def look() -> None:
        with open_people(home) as other:
            other.pseudonyms()

    written = module._write_key

    def write(path: Path, key: bytes) -> None:
        written(path, key)
        opened.append(Thread(target=look))
        opened[0].start()
        opened[0].join(0.3)  # it has to wait for the erasure

    with open_people(home) as people:
        monkeypatch.setattr(module, "_write_key", write)
        people.erase("p-1", erasure("p-1"))
    opened[0].join()
    with open_people(home) as people:
        assert people.person("p-2") == person("p-2", OTHER)


def test_a_row_that_no_key_opens_delays_nobodys_erasure(home: Path) -> None:
    with open_people(home) as people:
        people.add_all([person("p-3")])
        people._connection.execute("UPDATE people SET sealed = X'00' WHERE pseudonym = 'p-1'")
        people._connection.commit()
        people.erase("p-2", erasure("p-2"))
        people.erase("p-1", erasure("p-1"))
        assert people.pseudonyms() == [("p-3", "interviewees")]
        assert people.person("p-3") == person("p-3")


def test_a_changed_row_is_no_contact(home: Path) -> None:
    with open_people(home) as people:
        people._connection.execute(
            "UPDATE people SET sealed = (SELECT sealed FROM people WHERE pseudonym = 'p-2') "
            "WHERE pseudonym = 'p-1'"
        )
        with pytest.raises(IntegrityError):
            people.person("p-1")


def test_a_key_that_others_can_read_is_not_used(home: Path) -> None:
    (home / KEY_FILE).chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by others"), open_people(home):
        pass


def test_a_lost_key_is_said(home: Path) -> None:
    (home / KEY_FILE).unlink()
    with pytest.raises(SettingsError, match="is missing"), open_people(home):
        pass


@pytest.mark.parametrize(
    "one",
    [
        person("ann@mail.example"),
        person("p 1"),
        person("p-9", ""),
        person("p-9", "a\nb"),
        person("p-9", "x" * 401),
        person("p-9", CANARY, "no group"),
    ],
)
def test_what_is_no_pseudonym_or_contact_is_refused(home: Path, one: Person) -> None:
    with open_people(home) as people:
        with pytest.raises(InputError):
            people.add_all([person("p-8"), one])
        assert people.person("p-8") is None, "all or none"


def test_a_pseudonym_stands_for_one_person(home: Path) -> None:
    with open_people(home) as people, pytest.raises(InputError, match="already"):
        people.add(person("p-1", OTHER))


def test_an_erasure_is_owed_to_the_ledger_until_it_has_it(home: Path) -> None:
    with open_people(home) as people:
        people.erase("p-1", erasure("p-1"))
        with pytest.raises(InputError):
            people.erase("p-9", erasure("p-9"))
    with open_people(home) as people:
        people.erase("p-2", erasure("p-2"))
        (first, one), (second, two) = people.owed()
        assert (one, two) == (erasure("p-1"), erasure("p-2"))
        people.settle(first)
    with open_people(home) as people:
        assert people.owed() == [(second, erasure("p-2"))]
        people.settle(second)
        assert people.owed() == []
