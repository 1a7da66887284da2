"""One contract for the vetting store and for audits, on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from pratique.policy.model import Verdict
from pratique.settings import Settings, StorageSettings
from pratique.store.connect_sqlite import SqliteSession
from pratique.store.control import open_control
from pratique.store.errors import StoreDamagedError
from pratique.store.vetting import VettingStore, open_vetting
from pratique.store.vetting_audits import AuditStore, open_audits
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName
from pratique.vet.engine import ContentKey
from pratique.vet.facts import encode_content, encode_release
from pratique.vet.model import (
    ENGINE,
    Capability,
    Change,
    Confidence,
    ContentFacts,
    FileEntry,
    Finding,
    Language,
    Metadata,
    Regime,
    ReleaseFacts,
    Report,
    Severity,
)
from pratique.vet.records import ApprovedFile, Audit, KeptReport, ReportKey

T0 = datetime(2026, 3, 24, 10, 39, 0, 123456, tzinfo=UTC)
DIGESTS = tuple(Sha256(character * 64) for character in "abcdef")
PROJECT = ProjectName("litellm")


def content(number: int, *, size: int = 1) -> tuple[ContentKey, bytes]:
    facts = ContentFacts(language=Language.PYTHON, size=size)
    return (f"{number:064x}", Language.PYTHON), encode_content(facts)


def report(**changes: Any) -> Report:
    finding = Finding(
        rule="decoded-exec",
        trait="constant",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        technique=("T1027",),
        title="t",
        path="a.py",
        line=1,
        column=2,
        reach="startup",
        how="hö",
        excerpt="x",
        shown="y",
        layer=1,
        what="w",
        danger="d",
        benign="b",
        points=1.25,
        decisive=True,
    )
    made = Report(
        engine=ENGINE,
        verdict=Verdict.MALICIOUS,
        regime=Regime.DIFF,
        base="litellm 1.82.6 (wheel)",
        score=0.98765,
        features=("decoded-exec:constant@startup",),
        findings=(finding,),
        capabilities=(Capability.NETWORK,),
        changes=(Change(capability=Capability.NETWORK, gained=True),),
        unread=("one",),
        contents=3,
        analysed=1,
    )
    return msgspec.structs.replace(made, **changes)


def kept(sha256: Sha256 = DIGESTS[0], *, at: datetime = T0, **changes: Any) -> KeptReport:
    key = {name: changes.pop(name) for name in ("base_sha256", "weights") if name in changes}
    engine = changes.get("engine", ENGINE)
    return KeptReport(
        key=ReportKey(sha256=sha256, engine=engine, **key), vetted_at=at, report=report(**changes)
    )


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    url = request.getfixturevalue("postgres_url")
    return Settings(home=tmp_path, storage=StorageSettings(database_url=url))


@pytest.fixture
def store(settings: Settings) -> Iterator[VettingStore]:
    opened = open_vetting(settings)
    yield opened
    opened.close()


@pytest.fixture
def audits(settings: Settings) -> Iterator[AuditStore]:
    opened = open_audits(settings)
    yield opened
    opened.close()


# ── facts ────────────────────────────────────────────────────────────────────────────────────


def test_facts_are_found_by_content_language_and_engine(
    store: VettingStore, settings: Settings
) -> None:
    (sha256, _), python = content(1)
    text = encode_content(ContentFacts(language=Language.TEXT, size=9))
    store.add_facts({(sha256, Language.PYTHON): python, (sha256, Language.TEXT): text})
    asked = [(sha256, language) for language in Language]
    expected = {(sha256, Language.PYTHON): python, (sha256, Language.TEXT): text}
    assert store.content_facts(asked) == expected
    assert store.content_facts([(sha256, Language.DATA)]) == {}
    assert store.content_facts([]) == {}
    other = VettingStore(store._database, engine="another")
    assert other.content_facts(asked) == {}
    again = open_vetting(settings)
    assert again.content_facts(asked) == expected
    again.close()


def test_the_first_facts_of_a_content_stay(store: VettingStore, settings: Settings) -> None:
    key, first = content(1)
    store.add_facts({key: first})
    store.add_facts({key: content(1, size=99)[1]})
    again = open_vetting(settings)
    assert again.content_facts([key]) == {key: first}
    again.close()


def test_hundreds_of_contents_take_one_query_and_then_none(
    store: VettingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = dict(content(number) for number in range(700))
    store.add_facts(contents)
    asked: list[str] = []
    fetch = store._database.fetch

    def counting(name: str, /, **values: object) -> Any:
        asked.append(name)
        return fetch(name, **values)

    monkeypatch.setattr(store._database, "fetch", counting)
    unknown = content(9_999)[0]
    assert store.content_facts([*contents, unknown]) == contents
    assert asked == ["find_content_facts"]
    assert store.content_facts(contents) == contents
    assert asked == ["find_content_facts"]


def test_the_cache_is_bounded_in_bytes(
    store: VettingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = dict(content(number) for number in range(10))
    monkeypatch.setattr(store._cache, "_most_bytes", 3 * len(content(1)[1]))
    store.add_facts(contents)
    assert store.content_facts(contents) == contents
    assert len(store._cache._kept) == 3
    assert store._cache._bytes == sum(len(facts) for facts in store._cache._kept.values())


def test_a_release_comes_with_all_its_contents(store: VettingStore) -> None:
    contents = dict(content(number) for number in range(3))
    files = tuple(
        FileEntry(path=f"m{n}.py", sha256=key[0], size=1, language=key[1])
        for n, key in enumerate(contents)
    )
    facts = encode_release(
        ReleaseFacts(
            engine=ENGINE,
            filename="litellm-1.82.6-py3-none-any.whl",
            sha256=DIGESTS[0],
            kind="wheel",
            size=10,
            files=files,
            metadata=Metadata(name="litellm"),
        )
    )
    assert store.release(DIGESTS[0]) is None
    store.add_facts(contents, release=(DIGESTS[0], facts))
    found = store.release(DIGESTS[0])
    assert found is not None
    assert (found.facts, dict(found.contents)) == (facts, contents)
    assert found.engine == ENGINE
    assert VettingStore(store._database, engine="another").release(DIGESTS[0]) is None


def test_a_thorough_reading_is_preferred_and_stays(store: VettingStore) -> None:
    quick = dict(content(number, size=1) for number in range(3))
    whole = dict(content(number, size=2) for number in (0, 2))
    later = dict(content(number, size=3) for number in (0, 1))
    files = tuple(FileEntry(path=k[0], sha256=k[0], size=1, language=k[1]) for k in quick)
    facts = encode_release(
        ReleaseFacts(
            engine=ENGINE,
            filename="a-1.tar.gz",
            sha256=DIGESTS[0],
            kind="sdist",
            size=10,
            files=files,
            metadata=Metadata(name="a"),
        )
    )
    store.add_facts(quick, release=(DIGESTS[0], facts))
    assert store.content_facts(quick) == quick
    before = store.release(DIGESTS[0])
    assert before is not None
    assert (before.thorough, store.is_thorough(DIGESTS[0])) == (False, False)
    store.add_facts(whole, release=(DIGESTS[0], facts), thorough=True)
    store.add_facts(later, thorough=False)
    store.add_facts(later, thorough=True)
    expected = {**quick, **later, **whole}
    for reader in (store, VettingStore(store._database)):
        assert reader.content_facts(quick) == expected
        found = reader.release(DIGESTS[0])
        assert found is not None
        assert (found.thorough, found.contents) == (True, expected)
        assert reader.is_thorough(DIGESTS[0])
    store.purge()
    assert VettingStore(store._database).content_facts(quick) == expected


def test_purging_removes_other_engines_facts_only(
    store: VettingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.store.vetting._PURGE_ROWS", 4)
    contents = dict(content(number) for number in range(10))
    for engine in ("0", ENGINE, "zzz"):
        VettingStore(store._database, engine=engine).add_facts(
            contents, release=(DIGESTS[0], b"facts")
        )
    assert store.purge() == 2 * 11
    assert store.purge() == 0
    assert VettingStore(store._database).content_facts(contents) == contents
    assert VettingStore(store._database, engine="0").content_facts(contents) == {}
    assert store._database.fetch("find_release_facts", engine=ENGINE, sha256=DIGESTS[0])


def test_damaged_facts_are_noticed(tmp_path: Path) -> None:
    store = open_vetting(Settings(home=tmp_path))
    key, facts = content(1)
    store.add_facts({key: facts})
    for spoiled in (b"", b"\x78\x9c", b"not compressed"):
        with store._database.write() as session:
            assert isinstance(session, SqliteSession)
            session._connection.execute("UPDATE content_facts SET facts = ?", (spoiled,))
        with pytest.raises(StoreDamagedError, match=r"vetting\.db"):
            VettingStore(store._database).content_facts([key])
    store.close()


# ── reports ──────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_found_by_its_whole_question(store: VettingStore) -> None:
    first = kept(base_sha256=DIGESTS[1], weights="w1")
    store.set_report(first)
    assert store.report(first.key) == first
    for change in (
        {"sha256": DIGESTS[2]},
        {"engine": "other"},
        {"base_sha256": ""},
        {"weights": "w2"},
    ):
        assert store.report(replace(first.key, **change)) is None


def test_reports_of_a_file_show_how_its_verdict_changed(store: VettingStore) -> None:
    old = kept(at=T0 - timedelta(days=2), verdict=Verdict.CLEAN, engine="0")
    new = kept(at=T0)
    other = kept(at=T0 - timedelta(days=1), verdict=Verdict.SUSPICIOUS, weights="w2")
    elsewhere = kept(DIGESTS[1], verdict=Verdict.UNKNOWN)
    for one in (old, new, other, elsewhere):
        store.set_report(one)
    assert store.reports_of(DIGESTS[0]) == (new, other, old)
    assert store.verdicts([DIGESTS[0], DIGESTS[1], DIGESTS[2]]) == {
        new.key: Verdict.MALICIOUS,
        other.key: Verdict.SUSPICIOUS,
        elsewhere.key: Verdict.UNKNOWN,
    }
    later = kept(at=T0 + timedelta(hours=1), verdict=Verdict.CLEAN)
    store.set_report(later)
    assert store.reports_of(DIGESTS[0]) == (later, other, old)
    # Only those go that are old and have a newer one.
    assert store.purge(reports_before=T0 + timedelta(days=1)) == 2
    assert store.reports_of(DIGESTS[0]) == (later,)
    assert store.reports_of(DIGESTS[1]) == (elsewhere,)


# ── approved files ───────────────────────────────────────────────────────────────────────────


def approved(filename: str, digest: Sha256, *, at: datetime = T0) -> ApprovedFile:
    return ApprovedFile(project=PROJECT, sha256=digest, filename=filename, approved_at=at)


def test_the_nearest_approved_file_of_the_same_kind_is_the_predecessor(
    store: VettingStore,
) -> None:
    names = {
        "litellm-1.82.6-py3-none-any.whl": DIGESTS[0],
        "litellm-1.82.6.tar.gz": DIGESTS[1],
        "litellm-1.9.0-py3-none-any.whl": DIGESTS[2],
        "litellm-2.0.0rc1-py3-none-any.whl": DIGESTS[3],
    }
    for number, (name, digest) in enumerate(names.items()):
        store.approve(approved(name, digest, at=T0 + timedelta(seconds=number)))
    store.approve(approved("litellm-1.82.6.tar.gz", DIGESTS[1], at=T0 + timedelta(days=9)))
    assert [file.filename for file in store.approved(PROJECT)] == list(names)

    def base(filename: str, **more: Any) -> str:
        found = store.predecessor(PROJECT, filename, **more)
        return found.filename if found else ""

    assert base("litellm-1.82.8-py3-none-any.whl") == "litellm-1.82.6-py3-none-any.whl"
    assert base("litellm-1.82.8.tar.gz") == "litellm-1.82.6.tar.gz"
    # Versions are compared as versions, not as texts.
    assert base("litellm-1.10.0-py3-none-any.whl") == "litellm-1.9.0-py3-none-any.whl"
    assert base("litellm-2.0.0-py3-none-any.whl") == "litellm-2.0.0rc1-py3-none-any.whl"
    # Older than all: the next higher one.
    assert base("litellm-0.1-py3-none-any.whl") == "litellm-1.9.0-py3-none-any.whl"
    # Another wheel of the same release is nearer than any other release, but a file is not its own.
    assert base("litellm-1.82.6-cp311-cp311-linux_x86_64.whl") == "litellm-1.82.6-py3-none-any.whl"
    assert (
        base("litellm-1.82.6-py3-none-any.whl", sha256=DIGESTS[0])
        == "litellm-1.9.0-py3-none-any.whl"
    )
    assert base("nonsense") == ""
    assert store.predecessor(ProjectName("other"), "other-1.0.tar.gz") is None
    assert store.disapprove(DIGESTS[0])
    assert not store.disapprove(DIGESTS[0])
    assert base("litellm-1.82.8-py3-none-any.whl") == "litellm-1.9.0-py3-none-any.whl"


def test_of_one_releases_wheels_the_one_with_the_same_tags_is_chosen(store: VettingStore) -> None:
    for name, digest in (
        ("litellm-1.0-cp310-cp310-macosx_11_0_arm64.whl", DIGESTS[0]),
        ("litellm-1.0-cp311-cp311-linux_x86_64.whl", DIGESTS[1]),
        ("litellm-1.0-py3-none-any.whl", DIGESTS[2]),
    ):
        store.approve(approved(name, digest))
    for asked, expected in (
        ("litellm-1.1-cp311-cp311-linux_x86_64.whl", DIGESTS[1]),
        ("litellm-1.1-cp312-cp312-linux_x86_64.whl", DIGESTS[2]),
        ("litellm-1.1-py3-none-any.whl", DIGESTS[2]),
    ):
        found = store.predecessor(PROJECT, asked)
        assert found is not None
        assert found.sha256 == expected


# ── audits ───────────────────────────────────────────────────────────────────────────────────


def audit(number: int = 1, **changes: Any) -> Audit:
    made = Audit(
        id=f"a{number}",
        sha256=DIGESTS[0],
        filename="litellm-1.82.6.tar.gz",
        verdict=Verdict.CLEAN,
        reason="gelesen — 'all of it'",
        reviewer="alice",
        created_at=T0 + timedelta(seconds=number),
    )
    return replace(made, **changes)


def test_audits_are_found_by_file_and_keep_every_field(audits: AuditStore) -> None:
    imported = audit(
        2,
        sha256=DIGESTS[1],
        verdict=Verdict.MALICIOUS,
        origin="acme.example",
        statement=b"\x00\xff",
    )
    audits.add_audit(imported)
    audits.add_audit(audit(1))
    audits.add_audit(audit(3))
    assert audits.audits() == (audit(1), imported, audit(3))
    assert audits.audits_of([DIGESTS[0], DIGESTS[1], DIGESTS[2]]) == {
        DIGESTS[0]: (audit(1), audit(3)),
        DIGESTS[1]: (imported,),
    }
    assert audits.audits_of([]) == {}
    assert audits.revoke_audit("a1", at=T0 + timedelta(days=1))
    assert not audits.revoke_audit("a1", at=T0)
    assert not audits.revoke_audit("a9", at=T0)
    audits.add_audit(audit(1))
    (first, _) = audits.audits_of(DIGESTS)[DIGESTS[0]]
    assert first == audit(1, revoked_at=T0 + timedelta(days=1))


def test_an_audit_without_a_verdict_is_refused(audits: AuditStore) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        audits.add_audit(audit(verdict=Verdict.UNKNOWN))


def test_an_audit_changes_the_epoch(audits: AuditStore, settings: Settings) -> None:
    control = open_control(settings)
    before = control.epoch()
    audits.add_audit(audit())
    seen = control.epoch()
    for _ in range(200):
        if (seen := control.epoch()) != before:
            break
        time.sleep(0.01)
    assert seen != before
    control.close()


def test_vetting_db_is_for_its_owner_only(tmp_path: Path) -> None:
    open_vetting(Settings(home=tmp_path)).close()
    assert (tmp_path / "vetting.db").stat().st_mode & 0o777 == 0o600


def test_postgres_keeps_facts_in_a_schema_of_their_own(postgres_url: str, tmp_path: Path) -> None:
    storage = StorageSettings(database_url=postgres_url)
    open_vetting(Settings(home=tmp_path, storage=storage)).close()
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'pratique_vetting'"
        ).fetchall()
    assert rows == [(5,)]
    assert not list(tmp_path.iterdir())


def test_facts_are_stored_compressed(tmp_path: Path) -> None:
    store = open_vetting(Settings(home=tmp_path))
    key, _ = content(1)
    store.add_facts({key: b"word " * 10_000})
    store.close()
    connection = sqlite3.connect(tmp_path / "vetting.db")
    ((size,),) = connection.execute("SELECT length(facts) FROM content_facts").fetchall()
    connection.close()
    assert size < 1_000
