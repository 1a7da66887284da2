"""Recorded advisories: every dialect finds the revisions that were known at a ledger size."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kit.memory_log import MemoryLog
from pratique.exposure.advisories.bodies import KIND
from pratique.exposure.advisories.entries import advisory_draft
from pratique.exposure.advisories.overlay import combine, parse_overlay
from pratique.exposure.advisories.records import parse_revision
from pratique.ledger.entries import Draft
from pratique.settings import Settings, StorageSettings
from pratique.store.presence import PresenceStore, open_facts

NOW = datetime(2026, 3, 24, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def presence(request: pytest.FixtureRequest, tmp_path: Path) -> PresenceStore:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    settings = Settings(home=tmp_path, storage=StorageSettings(database_url=url))
    return PresenceStore(open_facts(settings), MemoryLog())


def draft(id_: str, *names: str, overlay: str = "", **fields: Any) -> Draft:
    affected = [{"package": {"ecosystem": "PyPI", "name": n}, "versions": ["1"]} for n in names]
    data = json.dumps({"id": id_, "affected": affected, **fields}).encode()
    told = parse_overlay(overlay.encode(), advisory=id_) if overlay else None
    read = combine(parse_revision(data, source="t", seen_at=NOW), told)
    return advisory_draft(read, data, actor="operator:a")


def no_evidence(_digest: str) -> bytes | None:
    return None


@pytest.mark.slow
def test_revisions_as_of_a_ledger_size(presence: PresenceStore) -> None:
    log = presence._log
    spoiled = Draft(kind=KIND, subject="advisory:B-1", actor="operator:a", body={"revision": 3})
    log.append(
        [
            draft("B-1", "one", aliases=["CVE-1"]),
            draft("A-1", "two"),
            spoiled,
            draft("B-1", "one", "two", withdrawn="2026-03-25T00:00:00Z"),
            draft("B-1", "one", overlay='{"note": "by hand"}'),
        ],
        now=NOW,
    )
    presence.catch_up()
    store = presence.advisories(no_evidence)
    assert [(row.entry, row.withdrawn) for row in store.revisions("B-1")] == [
        (0, False), (3, True), (4, False),
    ]  # fmt: skip
    assert [(row.id, row.entry) for row in store.newest_rows()] == [("A-1", 1), ("B-1", 4)]
    assert [(row.id, row.entry) for row in store.newest_rows(tx=4)] == [("A-1", 1), ("B-1", 3)]
    assert list(store.newest_rows(tx=0)) == []
    assert store.mentioning("package:pypi/two") == ("A-1", "B-1")
    assert store.mentioning("package:pypi/two", tx=3) == ("A-1",)
    assert store.mentioning("alias:CVE-1") == ("B-1",)
    first, newest = store.newest("B-1", tx=1), store.newest("B-1")
    assert first is not None
    assert newest is not None
    assert (first.overlay, first.revision.entry, first.revision.seen_at) == (None, 0, NOW)
    assert newest.overlay is not None
    assert newest.overlay.note == "by hand"
    assert store.newest("C-1") is None
    presence.close()


def test_many_advisories_are_listed_in_pieces(
    presence: PresenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.store.advisories._PAGE", 3)
    ids = [f"X-{number:02}" for number in range(10)]
    presence._log.append([draft(id_, "one") for id_ in reversed(ids)], now=NOW)
    presence.catch_up()
    assert [row.id for row in presence.advisories(no_evidence).newest_rows()] == ids
    presence.close()
