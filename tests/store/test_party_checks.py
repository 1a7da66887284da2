"""Checks over a real ledger and projection: what is gathered, and that a part says what the whole says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.checks import KEY
from kit.leases import a_lease
from kit.memory_log import MemoryLog
from pratique.custody.entries import lease_entry
from pratique.errors import InputError
from pratique.exposure.advisories.entries import advisory_draft
from pratique.exposure.advisories.overlay import combine
from pratique.exposure.advisories.records import parse_revision
from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Item,
    Look,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.inventory.observed.model import Evidence as LookEvidence
from pratique.ledger.entries import Draft
from pratique.parties.checks import BY_NAME, COMPONENT_CHECKS
from pratique.parties.entries import contract_draft, party_draft, project_draft
from pratique.parties.model import (
    Contract,
    FindingState,
    Party,
    PartyKind,
    Project,
    PublicKey,
)
from pratique.settings import CustodySettings, IssuerSettings, Settings, StorageSettings
from pratique.store import party_checks
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.parties import read_register
from pratique.store.party_checks import CheckDesk, Run, StandingChecks
from pratique.store.presence import IN_MEMORY, PresenceStore, open_facts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ACTOR = "operator:ann"


class Desk:
    """A small installation in memory; custody is on disk."""

    def __init__(self, folder: Path, url: str = "") -> None:
        issuer = IssuerSettings(
            name="acme-login", url="https://login.acme.example", audience="a", jwks="j"
        )
        self.settings = Settings(
            home=folder,
            custody=CustodySettings(issuer=(issuer,)),
            storage=StorageSettings(database_url=url),
        )
        self.log = MemoryLog()
        facts = open_facts(self.settings) if url else SqliteDatabase(IN_MEMORY, "facts")
        self.presence = PresenceStore(facts, self.log)
        self.kept: dict[str, bytes] = {}
        self.checker = CheckDesk(
            self.log,
            self.presence,
            lambda: open_custody(self.settings),
            self.settings,
            self.kept.get,
        )
        self.now = NOW

    def add(self, *drafts: Draft) -> None:
        self.log.append(drafts, now=self.now)
        self.presence.catch_up()

    def custody(self) -> closing[CustodyStore]:
        return closing(open_custody(self.settings))

    def vendor(self, name: str, **fields: Any) -> None:
        party = Party(name=name, kind=PartyKind.VENDOR, **fields)
        self.add(party_draft(name, party, source="", actor=ACTOR))

    def look(
        self,
        asset: str,
        items: Sequence[tuple[str, str]],
        *,
        at: datetime | None = None,
        **fields: Any,
    ) -> None:
        moment = at or self.now
        terms: dict[str, Any] = {
            "asset": asset, "asset_kind": AssetKind.VENDOR_SYSTEM, "place_kind": PlaceKind.SBOM,
            "locator": "bom", "at_lo": moment, "at_hi": moment, "evidence_class": EvidenceClass.DECLARED,
            "collector": "test", **fields,
        }  # fmt: skip
        sightings = tuple(
            Sighting(item=Item(type="pypi", name=name, version=version), stage=Stage.INSTALLED)
            for name, version in items
        )
        self.add(
            *look_drafts(Look(sightings=sightings, **terms), base=None, is_recorded=lambda _: False)
        )

    def advisory(self, id_: str, names: dict[str, list[str]], **fields: Any) -> None:
        affected = [
            {"package": {"ecosystem": "PyPI", "name": name}, "versions": versions}
            for name, versions in names.items()
        ]
        data = json.dumps({"id": id_, "affected": affected, **fields}).encode()
        read = combine(parse_revision(data, source="t", seen_at=self.now), None)
        self.add(advisory_draft(read, data, actor=ACTOR))

    def verdict(self, digest: str, verdict: str, project: str, filename: str) -> None:
        body = {"verdict": verdict, "project": project, "filename": filename, "reason": "it steals"}
        self.add(Draft(kind="verdict", subject=f"sha256:{digest}", actor=ACTOR, body=body))

    def check(self, *rules: str) -> Run:
        checks = tuple(BY_NAME[rule] for rule in rules) or COMPONENT_CHECKS
        run = self.checker.check(now=self.now, checks=checks)
        self.checker.record(run.changes, actor=ACTOR, now=self.now)
        return run

    def open(self, *, unknown: bool = False) -> list[str]:
        findings = read_register(self.presence).findings.values()
        return sorted(
            one.found.subject
            for one in findings
            if one.state is FindingState.OPEN and one.found.unknown is unknown
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.presence.close()


# ── components ───────────────────────────────────────────────────────────────────────────────


def test_a_vendors_sbom_meets_a_poisoned_release(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",), assets=("acme-*",))
    desk.vendor("other", products=("thing",))
    desk.look("vendor/acme/labeler", [("litellm", "1.82.8"), ("idna", "3.7")])
    desk.look("vendor/other/thing", [("litellm", "1.82.6")])
    desk.look("acme-build", [("litellm", "1.82.8")])
    desk.look("our-build", [("litellm", "1.82.8")])
    desk.advisory("MAL-2026-1", {"litellm": ["1.82.7", "1.82.8"]}, summary="steals\ncredentials")
    run = desk.check()
    assert desk.open() == [
        "pkg:pypi/litellm@1.82.8 in acme-build (MAL-2026-1)",
        "pkg:pypi/litellm@1.82.8 in vendor/acme/labeler (MAL-2026-1)",
    ]
    assert {one.party for one in run.found} == {"acme"}
    assert "steals credentials" in run.found[0].sentence
    assert desk.check().changes == ()


def test_what_facts_say_of_who_operates_counts(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("build-7", [("litellm", "1.82.8")])
    fact = Fact(
        relation=Relation.OPERATED_BY, subject="asset:build-7", object="vendor:acme",
        from_lo=NOW - timedelta(days=9), evidence_class=EvidenceClass.ASSERTED,
    )  # fmt: skip
    desk.add(*facts_drafts([fact], source="test", actor=ACTOR))
    desk.advisory("MAL-1", {"litellm": ["1.82.8"]})
    desk.check()
    assert desk.open() == ["pkg:pypi/litellm@1.82.8 in build-7 (MAL-1)"]


def test_a_poisoned_release_that_left_still_counts_and_a_vulnerable_one_does_not(
    desk: Desk,
) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("bad", "1"), ("weak", "1")], at=NOW - timedelta(days=20))
    desk.look("vendor/acme/labeler", [("bad", "2"), ("weak", "2")], at=NOW - timedelta(days=10))
    desk.advisory("MAL-1", {"bad": ["1"]})
    desk.advisory("GHSA-1", {"weak": ["1"]})
    (found,) = desk.check().found
    assert "had pkg:pypi/bad@1 until 2026-11-12" in found.sentence
    desk.now = NOW + timedelta(days=400)
    desk.check()
    assert desk.open() == []


def test_withdrawn_advisories_accuse_nobody(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("weak", "1")])
    desk.advisory("GHSA-1", {"weak": ["1"]})
    desk.check()
    assert desk.open() == ["pkg:pypi/weak@1 in vendor/acme/labeler (GHSA-1)"]
    desk.advisory("GHSA-1", {"weak": ["1"]}, withdrawn="2026-11-20T00:00:00Z")
    desk.check()
    assert desk.open() == []


def test_an_advisory_whose_record_is_gone_closes_nothing(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("weak", "1"), ("bad", "1")])
    desk.advisory("GHSA-1", {"weak": ["1"]})
    desk.advisory("MAL-1", {"bad": ["1"]})
    desk.check()
    before = desk.open()
    assert len(before) == 2
    desk.advisory("GHSA-1", {"weak": ["1"]}, details="x" * 50_000)  # too long for an entry
    run = desk.checker.check_since("GHSA-1", now=NOW)
    assert run.changes == ()
    desk.check()
    assert desk.open() == before
    assert desk.open(unknown=True) == ["everything", "everything"]


def test_what_vetting_calls_malicious_is_found_by_hash_and_by_release(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("evil", "1.0.0"), ("fine", "1")])
    digest = "a" * 64
    sighting = Sighting(
        item=Item(type="pypi", name="renamed", version="9", digest=f"sha256:{digest}"),
        stage=Stage.INSTALLED,
    )
    look = Look(
        asset="vendor/acme/labeler", asset_kind=AssetKind.VENDOR_SYSTEM, place_kind=PlaceKind.ENVIRONMENT,
        locator="env", at_lo=NOW, at_hi=NOW, evidence_class=EvidenceClass.OBSERVED, collector="t",
        sightings=(sighting,),
    )  # fmt: skip
    desk.add(*look_drafts(look, base=None, is_recorded=lambda _: False))
    desk.verdict(digest, "malicious", "evil", "evil-1.0-py3-none-any.whl")
    desk.verdict("b" * 64, "malicious", "fine", "fine-1-py3-none-any.whl")
    desk.verdict("b" * 64, "clean", "fine", "fine-1-py3-none-any.whl")
    run = desk.check("components-poisoned")
    assert desk.open() == [
        "pkg:pypi/evil@1.0.0 in vendor/acme/labeler (verdict:aaaaaaaaaaaa)",
        "pkg:pypi/renamed@9 in vendor/acme/labeler (verdict:aaaaaaaaaaaa)",
    ]
    assert "by name and version" in next(one for one in run.found if "evil" in one.subject).sentence


@pytest.mark.slow
def test_postgres_says_the_same(tmp_path: Path, postgres_url: str) -> None:
    told = []
    for url, folder in (("", tmp_path / "a"), (postgres_url, tmp_path / "b")):
        folder.mkdir()
        desk = Desk(folder, url)
        desk.vendor("acme", products=("labeler",), networks=("192.0.2.0/24",), assets=("acme-*",))
        with desk.custody() as custody:
            custody.add_lease(a_lease(not_after=NOW + timedelta(hours=1)))
        desk.look("vendor/acme/labeler", [("bad", "1"), ("weak", "1")], at=NOW - timedelta(days=20))
        desk.look("vendor/acme/labeler", [("weak", "1")], at=NOW - timedelta(days=10))
        desk.advisory("MAL-1", {"bad": ["1"]})
        desk.advisory("GHSA-1", {"weak": ["1"]})
        desk.verdict("a" * 64, "malicious", "weak", "weak-1.0-py3-none-any.whl")
        desk.add(reads("lab", "198.51.100.9"))
        run = desk.checker.check(now=NOW)
        desk.checker.record(run.changes, actor=ACTOR, now=NOW)
        told.append([(one.rule, one.subject, one.sentence, one.entries) for one in run.found])
        assert desk.checker.check(now=NOW).changes == ()
        desk.presence.close()
    assert told[0] == told[1]
    assert {"components-poisoned", "components-vulnerable", "holders-named"} <= {
        one[0] for one in told[0]
    }


def test_where_most_assets_are_our_own_the_same_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.vendor("acme", products=("labeler",), assets=("acme-*",))
    desk.look("vendor/acme/labeler", [("bad", "1"), ("weak", "1")], at=NOW - timedelta(days=20))
    desk.look("vendor/acme/labeler", [("weak", "1")], at=NOW - timedelta(days=10))
    desk.look("acme-build", [("weak", "2"), ("evil", "1")])
    for number in range(20):
        desk.look(f"our-{number}", [("bad", "1"), ("weak", "1"), ("evil", "1")])
    desk.advisory("MAL-1", {"bad": ["1"]})
    desk.advisory("GHSA-1", {"weak": ["1"]})
    desk.verdict("a" * 64, "malicious", "evil", "evil-1-py3-none-any.whl")
    asked = []
    real = desk.presence.inventory.hits_of_asset

    def counted(asset: int, names: Any, *, tx: int) -> Any:
        asked.append(asset)
        return real(asset, names, tx=tx)

    monkeypatch.setattr(desk.presence.inventory, "hits_of_asset", counted)
    few = desk.check().found
    assert len(set(asked)) == 2  # of 22 assets
    monkeypatch.setattr(party_checks, "_MOSTLY_OTHERS", 1000)
    assert desk.check().found == few
    assert [one.subject for one in few] == [
        "pkg:pypi/bad@1 in vendor/acme/labeler (MAL-1)",
        "pkg:pypi/evil@1 in acme-build (verdict:aaaaaaaaaaaa)",
        "pkg:pypi/weak@1 in vendor/acme/labeler (GHSA-1)",
    ]


def test_an_unknown_advisory_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="no advisory"):
        desk.checker.check_since("MAL-9", now=NOW)


def test_a_check_since_an_advisory_takes_what_came_after_it(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("a", "1"), ("b", "1"), ("c", "1")])
    for name in "abc":
        desk.advisory(f"MAL-{name}", {name: ["1"]})
    run = desk.checker.check_since("MAL-b", now=NOW)
    assert sorted(one.body.found.subject[:11] for one in run.changes) == [
        "pkg:pypi/b@",
        "pkg:pypi/c@",
    ]


# ── incremental is the whole ─────────────────────────────────────────────────────────────────

NAMES = ("alpha", "beta", "gamma")
VERSIONS = ("1", "2", "3")
releases = st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS))
versions = st.lists(st.sampled_from(VERSIONS), min_size=1)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("advisory"),
            st.sampled_from(("MAL-1", "MAL-2", "GHSA-1")),
            st.dictionaries(
                st.sampled_from(NAMES), st.lists(st.sampled_from(VERSIONS), min_size=1), max_size=2
            ),
            st.booleans(),
        ),
        st.tuples(
            st.just("look"), st.sampled_from(("acme", "other")), st.lists(releases, max_size=4)
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=steps)
def test_checking_each_advisory_says_what_checking_everything_says(
    tmp_path: Path, told: list[tuple[Any, ...]]
) -> None:
    desk = Desk(tmp_path)
    desk.vendor("acme", products=("labeler",))
    desk.vendor("other", products=("thing",))
    for asset in ("vendor/acme/labeler", "vendor/other/thing"):
        desk.look(asset, [("alpha", "1")], at=NOW - timedelta(days=100))
    for number, step in enumerate(told):
        desk.now = NOW + timedelta(minutes=number)
        if step[0] == "look":
            product = {"acme": "labeler", "other": "thing"}[step[1]]
            desk.look(f"vendor/{step[1]}/{product}", step[2])
            desk.check()
            continue
        fields = {"withdrawn": "2026-11-20T00:00:00Z"} if step[3] else {}
        desk.advisory(step[1], step[2], **fields)
        run = desk.checker.check_since(step[1], now=desk.now)
        desk.checker.record(run.changes, actor=ACTOR, now=desk.now)
        # Everything, checked at the same instant, has nothing to add.
        assert [one.body.found.subject for one in desk.check().changes] == []
    desk.presence.close()


def test_a_process_that_goes_on_checks_after_advisories_and_on_its_clock(desk: Desk) -> None:
    standing = StandingChecks(
        desk=desk.checker, presence=desk.presence, actor="door:index", every=timedelta(hours=1)
    )
    assert standing.tick(now=NOW) == 0  # nobody is registered
    desk.vendor("acme", products=("labeler",))
    desk.look("vendor/acme/labeler", [("bad", "1")])
    assert standing.tick(now=NOW) > 0
    assert standing.tick(now=NOW + timedelta(minutes=1)) == 0
    desk.advisory("MAL-1", {"bad": ["1"]})
    # The component is found, and that there is an advisory to compare with.
    assert standing.tick(now=NOW + timedelta(minutes=2)) == 2
    assert standing.tick(now=NOW + timedelta(minutes=3)) == 0
    desk.vendor("acme", products=("labeler",), keys=(PublicKey(id="a", pem=KEY),))
    desk.vendor("other", keys=(PublicKey(id="b", pem=KEY),))
    assert standing.tick(now=NOW + timedelta(minutes=59)) == 0
    assert standing.tick(now=NOW + timedelta(minutes=60)) > 0
    actors = {event.actor for event in desk.presence.events("finding")}
    assert actors == {"door:index"}


# ── custody, reads, locks ────────────────────────────────────────────────────────────────────


def test_leases_and_drills_are_gathered(desk: Desk) -> None:
    desk.vendor("acme", products=("labeler",), issuers=("https://login.acme.example",))
    project = Project(
        name="dictation", vendor="acme", client="lab", purpose="annotation", holders=("bob",)
    )
    desk.add(project_draft(project.id, project, source="", actor=ACTOR))
    ended = Contract(id="msa", party="acme", starts=date(2025, 1, 1), ends=date(2026, 1, 1))
    desk.add(contract_draft("msa", ended, source="", actor=ACTOR))
    with desk.custody() as custody:
        custody.add_lease(
            a_lease(granted_at=NOW - timedelta(days=3), not_after=NOW + timedelta(hours=1))
        )
    drill = {"streams": 1, "p50_ms": 10, "p99_ms": 1200, "bytes_after_max": 0, "nodes": 1}
    desk.add(Draft(kind="revocation-drill", subject="scope:vendor:acme", actor=ACTOR, body=drill))
    desk.check("holders-named", "contract-ended", "leases-old", "drill-recent", "budgets-purpose")
    assert desk.open() == ["ann in dictation", "latency", "lease PQLAAAAAAAAAAAAAAAAA", "msa"]
    desk.check("issuers-promised")
    assert "ann by hand" in desk.open(unknown=True)


def reads(client: str, address: str) -> Draft:
    body = {
        "client": client, "dataset": "corpus", "vendor": "acme", "project": "dictation", "holder": "ann",
        "process": "p", "number": 0, "names": ["agent", address],
        "reads": [["0" * 32, 0, 0, 0, 10, 200, 1, 0]], "ahead": [], "seconds": 0,
    }  # fmt: skip
    return Draft(kind="reads", subject="lease:PQLAAAAAAAAAAAAAAAAA", actor="door:s3", body=body)


def test_reads_of_a_month_are_compared_with_the_promised_networks(desk: Desk) -> None:
    desk.vendor("acme", networks=("192.0.2.0/24",))
    lease = a_lease(not_after=NOW + timedelta(hours=1))
    with desk.custody() as custody:
        custody.add_lease(lease)
    desk.now = NOW - timedelta(days=40)
    desk.add(lease_entry(lease, actor=ACTOR), reads("lab", "203.0.113.9"))
    desk.now = NOW - timedelta(days=2)
    desk.add(reads("lab", "192.0.2.9"), reads("lab", "198.51.100.9"))
    desk.now = NOW
    desk.check("reads-networks")
    assert desk.open() == ["ann from 198.51.100.0/24"]
    desk.now = NOW + timedelta(days=29)
    desk.check("reads-networks")
    assert desk.open() == []


LOCKED = b"""version = 1

[[package]]
name = "idna"
version = "3.7"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example/idna-3.7-py3-none-any.whl" HASH }]
"""


@pytest.mark.parametrize(
    ("data", "kept", "known", "unknown"),
    [
        (LOCKED.replace(b"HASH", b', hash = "sha256:' + b"a" * 64 + b'"'), True, [], []),
        (LOCKED.replace(b"HASH", b""), True, ["uv.lock of acme-repo"], []),
        (LOCKED.replace(b"HASH", b""), False, [], ["uv.lock of acme-repo"]),
        (b"[[package", True, [], ["uv.lock of acme-repo"]),
    ],
)
def test_lock_files_of_vendors_are_read_again(
    desk: Desk, data: bytes, kept: bool, known: list[str], unknown: list[str]
) -> None:
    desk.vendor("acme", products=("labeler",), assets=("acme-*",))
    digest = hashlib.sha256(data).hexdigest()
    if kept:
        desk.kept[digest] = data
    evidence = LookEvidence(
        sha256=digest, media_type="text/plain", locator="uv.lock", size=len(data)
    )
    desk.look(
        "acme-repo", [("idna", "3.7")], asset_kind=AssetKind.REPOSITORY, place_kind=PlaceKind.LOCK,
        locator="uv.lock", evidence=(evidence,),
    )  # fmt: skip
    desk.check("builds-locked")
    assert desk.open() == known
    assert desk.open(unknown=True) == unknown


def test_entries_that_cannot_be_read_stop_no_check(desk: Desk) -> None:
    desk.vendor("acme", networks=("192.0.2.0/24",))
    spoiled = (
        ("party", "party:x"),
        ("verdict", "sha256:x"),
        ("revocation-drill", "scope:vendor:acme"),
    )
    for kind, subject in spoiled:
        desk.add(Draft(kind=kind, subject=subject, actor=ACTOR, body={"nothing": 1}))
    run = desk.checker.check(now=NOW)
    assert {one.subject for one in run.found if one.rule == "register-readable"} == {"entries"}
