"""Each rule finds what is wrong, says what nobody can say, and is silent where all is as promised."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.checks import (
    GIB,
    GOOD_EVIDENCE,
    KEY,
    NOW,
    acme,
    annotators,
    answers,
    bad,
    contract,
    dataset,
    facts,
    lab,
    lease,
    piece,
    project,
    register,
    run,
    scope,
    scopes,
    subjects,
)
from pratique.custody.model import ScopeState
from pratique.parties import checks as checks_package
from pratique.parties.checks import BY_NAME, CHECKS
from pratique.parties.checks.components_vulnerable import severity_of
from pratique.parties.checks.data_residency import lies_within, places_of
from pratique.parties.checks.facts import Drill, LockedBuild, ReadFrom
from pratique.parties.checks.products import MOST_TOLD, is_of_product
from pratique.parties.checks.rule import EVERYTHING
from pratique.parties.model import (
    Action,
    EvidenceKind,
    Found,
    Party,
    PartyKind,
    Promise,
    PublicKey,
    Register,
    Severity,
    Signature,
)
from pratique.parties.standards import STANDARDS


@pytest.mark.parametrize("rule", sorted(BY_NAME))
def test_where_all_is_as_promised_nothing_is_found(rule: str) -> None:
    assert run(rule, facts()) == []


def test_every_file_of_a_rule_is_one_and_serves_something_known() -> None:
    folder = Path(checks_package.__file__).parent
    helpers = {"__init__", "facts", "products", "rule"}
    stems = {path.stem for path in folder.glob("*.py")} - helpers
    files = {stem.replace("_", "-") for stem in stems}
    assert files == set(BY_NAME) == {check.name for check in CHECKS}
    for check in CHECKS:
        assert check.serves
        assert set(check.serves) <= STANDARDS.keys(), check.name
        assert len(set(check.serves)) == len(check.serves)
        assert re.fullmatch(r"[A-Z][^.]+", check.title)


def test_every_text_that_the_product_names_is_served_by_a_rule() -> None:
    served = {STANDARDS[id_].text for check in CHECKS for id_ in check.serves}
    for word in (
        "800-218A",
        "AI Data Security",
        "DORA",
        "2022/2555",
        "2024/2690",
        "AI Act",
        "AI RMF",
        "AISVS",
    ):
        assert any(word in text for text in served), word


# ── components ───────────────────────────────────────────────────────────────────────────────


def test_a_poisoned_component_asks_for_suspension() -> None:
    (found,) = run("components-poisoned", facts(bad=(bad(),)))
    assert found.subject == "pkg:pypi/litellm@1.82.8 in vendor/acme/labeler (MAL-2026-2144)"
    assert found.severity is Severity.CRITICAL
    assert found.action is Action.PAUSE
    assert found.entries == (5, 9)
    assert not found.unknown
    assert "has pkg:pypi/litellm@1.82.8" in found.sentence


def test_a_poisoned_component_that_is_gone_counts_for_a_year() -> None:
    gone = bad(present=False, last_at=NOW - timedelta(days=364))
    (found,) = run("components-poisoned", facts(bad=(gone,)))
    assert "had pkg:pypi/litellm@1.82.8 until 2025-11-23" in found.sentence
    older = gone._replace(last_at=NOW - timedelta(days=366))
    assert run("components-poisoned", facts(bad=(older,))) == []


def test_a_vulnerable_component_is_none_that_is_poisoned_and_the_reverse() -> None:
    vulnerable = bad(poisoned=False, source="GHSA-1", severity="HIGH")
    assert run("components-poisoned", facts(bad=(vulnerable,))) == []
    assert run("components-vulnerable", facts(bad=(bad(),))) == []
    (found,) = run("components-vulnerable", facts(bad=(vulnerable,)))
    assert (found.severity, found.action) == (Severity.HIGH, Action.ALERT)


def test_a_vulnerable_component_that_is_gone_is_nothing() -> None:
    gone = bad(poisoned=False, present=False, last_at=NOW - timedelta(days=1))
    assert run("components-vulnerable", facts(bad=(gone,))) == []


def test_where_nobody_looked_nobody_can_say() -> None:
    found = run("components-poisoned", facts(looked_at=frozenset()))
    assert [(one.party, one.subject, one.unknown) for one in found] == [("acme", "contents", True)]


def test_an_advisory_that_cannot_be_read_is_told_of_every_vendor() -> None:
    for rule in ("components-poisoned", "components-vulnerable"):
        found = run(rule, facts(unreadable=("The advisory of entry 4 cannot be read.",)))
        assert {(one.party, one.subject) for one in found if one.unknown} == {
            ("acme", EVERYTHING),
            ("annotators", EVERYTHING),
        }


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("", Severity.MEDIUM),
        ("LOW", Severity.LOW),
        ("MODERATE", Severity.MEDIUM),
        ("CRITICAL CVSS_V3 CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N", Severity.CRITICAL),
        ("CVSS_V3 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.CRITICAL),
        ("CVSS_V3 CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Severity.HIGH),
        ("CVSS_V3 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", Severity.HIGH),
        ("CVSS_V3 CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L", Severity.MEDIUM),
        ("CVSS_V3 CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.MEDIUM),
        (
            "CVSS_V4 CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            Severity.CRITICAL,
        ),
    ],
)
def test_severity_is_read_from_what_the_advisory_says(text: str, severity: Severity) -> None:
    assert severity_of(text) is severity


# ── leases ───────────────────────────────────────────────────────────────────────────────────


def test_a_holder_who_is_not_named_is_found() -> None:
    (found,) = run("holders-named", facts(leases=(lease(), lease(1, holder="p-99"))))
    assert found.subject == "p-99 in coding"
    assert (found.action, found.severity) == (Action.NARROW, Severity.HIGH)


def test_leases_outside_the_register_are_found() -> None:
    strange = lease(vendor="nobody")
    (found,) = run("holders-named", facts(leases=(strange,)))
    assert (found.party, found.subject) == ("nobody", "vendor nobody")
    (found,) = run("holders-named", facts(leases=(lease(project="other"),)))
    assert found.subject == "project other"
    told = register(projects=[project(holders=())])
    assert subjects(run("holders-named", facts(told)), unknown=True) == ["holders of coding"]


def test_leases_that_ended_or_are_our_own_are_nobodys_findings() -> None:
    ended = lease(holder="p-99", not_after=NOW)
    assert run("holders-named", facts(leases=(ended,))) == []
    own = Party(name="mercury", kind=PartyKind.OWN)
    told = register([acme(), annotators(), lab(), own])
    assert run("holders-named", facts(told, leases=(lease(vendor="mercury"),))) == []
    revoked = lease(holder="p-99")
    stopped = scopes(scope(f"lease:{revoked.id}", state=ScopeState.ENDED))
    assert run("holders-named", facts(leases=(revoked,), scopes=stopped)) == []


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("198.51.100.9", "p-17 from 198.51.100.0/24"),
        ("2001:db9::1", "p-17 from 2001:db9::/48"),
        ("::ffff:198.51.100.9", "p-17 from 198.51.100.0/24"),
        ("192.0.2.255", None),
        ("::ffff:192.0.2.1", None),
        ("2001:db8:1::9", None),
    ],
)
def test_reads_from_elsewhere_are_found(address: str, subject: str | None) -> None:
    read = ReadFrom("acme", "coding", "p-17", "PQL", address, NOW, 71)
    found = run("reads-networks", facts(reads=(read,)))
    assert subjects(found) == ([] if subject is None else [subject])


def test_what_cannot_be_said_of_reads_is_said() -> None:
    read = ReadFrom("acme", "coding", "p-17", "PQL", "somewhere", NOW, 71)
    assert subjects(run("reads-networks", facts(reads=(read,))), unknown=True) == [
        "p-17 from nowhere"
    ]
    told = register([acme(networks=()), annotators(), lab()])
    assert subjects(run("reads-networks", facts(told)), unknown=True) == ["promised networks"]
    found = run("reads-networks", facts(reads_missing="Too many."))
    assert subjects(found, unknown=True) == [EVERYTHING]


def test_another_issuer_is_found_and_no_issuer_is_unknown() -> None:
    mine = lease()
    other = facts(leases=(mine,), issuers={mine.id: "https://evil.example"})
    (found,) = run("issuers-promised", other)
    assert found.subject == "p-17 by https://evil.example"
    assert (
        run(
            "issuers-promised",
            facts(leases=(mine,), issuers={mine.id: "https://login.acme.example/"}),
        )
        == []
    )
    by_hand = lease(granted_by="operator:ann")
    assert subjects(run("issuers-promised", facts(leases=(by_hand,))), unknown=True) == [
        "p-17 by hand"
    ]
    gone = facts(leases=(mine,), issuers={})
    assert subjects(run("issuers-promised", gone), unknown=True) == ["p-17 by a role that is gone"]
    told = register([acme(issuers=()), annotators(), lab()])
    assert subjects(run("issuers-promised", facts(told)), unknown=True) == ["promised issuers"]


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"purpose": "training"}, "purpose training in coding"),
        ({"client": "other"}, "client other in coding"),
        ({"selectors": ("code-tasks/a/", "secrets/")}, "dataset secrets in coding"),
    ],
)
def test_a_lease_for_something_else_is_found(changes: dict[str, Any], subject: str) -> None:
    (found,) = run("budgets-purpose", facts(leases=(lease(**changes),)))
    assert (found.subject, found.action) == (subject, Action.NARROW)


def test_caps_and_budgets_beyond_the_purpose_are_found() -> None:
    over = facts(scopes=scopes(scope("project:acme/coding", 101 * GIB)))
    assert subjects(run("budgets-purpose", over)) == ["cap of coding"]
    many = facts(leases=(lease(budget_bytes=60 * GIB), lease(1, budget_bytes=60 * GIB)), scopes={})
    assert subjects(run("budgets-purpose", many)) == ["budgets of coding"]
    assert subjects(run("budgets-purpose", facts(scopes={}))) == ["no cap of coding"]
    assert subjects(run("budgets-purpose", facts(leases=(), scopes={}))) == []
    told = register(projects=[project(purpose="", budget_bytes=None)])
    found = run("budgets-purpose", facts(told))
    assert subjects(found, unknown=True) == ["purpose of coding", "budget of coding"]


def test_an_old_lease_is_found() -> None:
    old = lease(granted_at=NOW - timedelta(hours=24))
    assert subjects(run("leases-old", facts(leases=(old,)))) == [f"lease {old.id}"]
    young = lease(granted_at=NOW - timedelta(hours=23, minutes=59))
    assert run("leases-old", facts(leases=(young,))) == []


# ── contracts ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "subject", "unknown"),
    [
        ({"notice_hours": None}, "acme-msa without a clock", False),
        ({"evidence_hours": None}, "acme-msa without evidence clock", False),
        ({"return_days": None}, "acme-msa without return", False),
        ({"audit_right": False}, "acme-msa audit right", False),
        ({"audit_right": None}, "acme-msa audit right", True),
    ],
)
def test_a_contract_that_does_not_say_is_found(
    changes: dict[str, Any],
    subject: str,
    unknown: bool,
) -> None:
    told = register(contracts=[contract(**changes), contract(id="lab-1", party="lab")])
    found = run("contract-clocks", facts(told))
    assert [(one.subject, one.unknown) for one in found] == [(subject, unknown)]


def test_no_contract_is_told_and_a_sub_processor_needs_none() -> None:
    found = run("contract-clocks", facts(register(contracts=[])))
    assert [(one.party, one.subject, one.unknown) for one in found] == [
        ("acme", "contract", True),
        ("lab", "contract", True),
    ]


def test_leases_after_the_end_of_a_contract_ask_for_suspension() -> None:
    ended = contract(ends=date(2026, 11, 21))
    told = register(contracts=[ended, contract(id="lab-1", party="lab")])
    (found,) = run("contract-ended", facts(told))
    assert (found.party, found.severity, found.action) == ("acme", Severity.CRITICAL, Action.PAUSE)
    assert run("contract-ended", facts(told, leases=())) == []
    last_day = register(contracts=[contract(ends=date(2026, 11, 22))])
    assert run("contract-ended", facts(last_day)) == []
    renewed = register(contracts=[ended, contract(id="acme-2", starts=date(2026, 11, 22))])
    assert run("contract-ended", facts(renewed)) == []


def test_leases_on_a_clients_data_after_its_contract_are_found() -> None:
    told = register(
        contracts=[contract(), contract(id="lab-1", party="lab", ends=date(2026, 1, 2))]
    )
    (found,) = run("contract-ended", facts(told))
    assert found.party == "lab"
    assert "on the data of lab" in found.sentence


def test_sub_processors_that_only_one_side_names_are_found() -> None:
    more = (
        piece(),
        answers(
            ("sub-processors", "", "Annotators Inc; Cheap Clicks"),
            ("hash-locked-builds", "yes", ""),
        ),
    )
    found = run("sub-processors", facts(register(evidence=more)))
    assert subjects(found) == ["Cheap Clicks, not in the register"]
    fewer = (piece(), answers(("sub-processors", "none", "")))
    found = run("sub-processors", facts(register(evidence=fewer)))
    assert subjects(found) == ["annotators, not acknowledged"]
    told = piece(62, kind=EvidenceKind.ACKNOWLEDGEMENT, subjects=("annotators",))
    assert run("sub-processors", facts(register(evidence=(*fewer, told)))) == []


def test_of_sub_processors_nobody_named_nobody_can_say() -> None:
    found = run("sub-processors", facts(register(evidence=(piece(),))))
    assert subjects(found, unknown=True) == ["list"]
    told = register([acme(sub_processors=("ghost",)), lab()])
    assert "ghost, of whom nothing is known" in subjects(
        run("sub-processors", facts(told)), unknown=True
    )


@pytest.mark.parametrize(
    ("place", "allowed", "inside"),
    [
        ("DE", "EU", True), ("EU", "EU", True), ("GB", "EU", False), ("EU", "DE", False),
        ("NO", "EEA", True), ("EU", "EEA", True), ("NO", "EU", False), ("CH", "EU, CH", True),
        ("US", "us", True),
    ],
)  # fmt: skip
def test_which_place_lies_within_which(place: str, allowed: str, inside: bool) -> None:
    assert lies_within(place, places_of(allowed)) is inside


def test_work_outside_where_data_must_stay_is_found() -> None:
    told = register([acme(locations=("EU", "GB")), annotators(), lab()])
    found = run("data-residency", facts(told))
    assert subjects(found) == ["dataset code-tasks at acme", "project coding at acme"]
    told = register([acme(), annotators(locations=("IN",)), lab()])
    assert "dataset code-tasks at annotators" in subjects(run("data-residency", facts(told)))
    wider = facts(datasets={"code-tasks": dataset(residency="DE")})
    found = run("data-residency", wider)
    assert "project coding with code-tasks" in subjects(found)


def test_where_data_is_or_must_be_may_be_unknown() -> None:
    told = register([acme(locations=()), annotators(), lab()])
    assert "dataset code-tasks at acme" in subjects(
        run("data-residency", facts(told)), unknown=True
    )
    found = run("data-residency", facts(datasets={}))
    assert subjects(found, unknown=True) == ["dataset code-tasks"]
    shredded = dataset(shredded_at=NOW, residency="US")
    nowhere = register(projects=[project(residency="")])
    assert run("data-residency", facts(nowhere, datasets={"code-tasks": shredded})) == []


@pytest.mark.parametrize(
    ("drills", "subject", "unknown"),
    [
        ((), "drill", True),
        ((Drill("vendor:other", NOW, 1, 1), Drill("client:acme", NOW, 1, 1)), "drill", True),
        ((Drill("vendor:acme", NOW - timedelta(days=90), 300, 1),), "drill", False),
        ((Drill("vendor:acme", NOW - timedelta(days=89), 300, 1),), None, False),
        ((Drill("project:acme/coding", NOW - timedelta(days=1), 300, 1),), None, False),
        ((Drill("vendor:acme", NOW - timedelta(days=1), 1001, 1),), "latency", False),
        ((Drill("vendor:acme", NOW - timedelta(days=1), None, 1),), "latency", True),
    ],
)
def test_drills(drills: tuple[Drill, ...], subject: str | None, unknown: bool) -> None:
    found = run("drill-recent", facts(drills=drills))
    assert [(one.subject, one.unknown) for one in found] == (
        [(subject, unknown)] if subject else []
    )


def test_the_contract_says_how_often_to_drill() -> None:
    told = register(contracts=[contract(drill_days=10)])
    assert subjects(run("drill-recent", facts(told))) == ["drill"]
    told = register(contracts=[contract(drill_days=11)])
    assert run("drill-recent", facts(told)) == []


# ── evidence ─────────────────────────────────────────────────────────────────────────────────


def sboms(*pieces: Any) -> Any:
    return facts(register(evidence=(*pieces, GOOD_EVIDENCE[1])))


def test_evidence_that_is_late_is_found_and_missing_one_is_unknown() -> None:
    late = piece(at=NOW - timedelta(days=30))
    assert subjects(run("evidence-fresh", sboms(late))) == ["sbom of labeler"]
    fresh = piece(at=NOW - timedelta(days=30) + timedelta(seconds=1))
    assert run("evidence-fresh", sboms(fresh)) == []
    assert subjects(run("evidence-fresh", sboms()), unknown=True) == ["sbom of labeler"]


def test_evidence_counts_from_when_it_was_made_and_not_from_the_future() -> None:
    resent = piece(made_at=NOW - timedelta(days=31))
    assert subjects(run("evidence-fresh", sboms(resent))) == ["sbom of labeler"]
    dated_ahead = piece(at=NOW - timedelta(days=31), made_at=NOW + timedelta(days=99))
    assert subjects(run("evidence-fresh", sboms(dated_ahead))) == ["sbom of labeler"]


@pytest.mark.parametrize(
    "changes",
    [
        {"faults": ("it is of something else",)},
        {"signature": Signature.BROKEN},
        {"signature": Signature.FOREIGN},
        {"subjects": ("exporter@1",)},
        {"kind": EvidenceKind.INVENTORY},
    ],
)
def test_what_does_not_count_satisfies_no_promise(changes: dict[str, Any]) -> None:
    assert subjects(run("evidence-fresh", sboms(piece(**changes))), unknown=True) == [
        "sbom of labeler"
    ]


def test_products_without_any_promise_are_told() -> None:
    told = register([acme(promises=()), annotators(), lab()], evidence=())
    found = run("evidence-fresh", facts(told))
    assert subjects(found, unknown=True) == ["sbom of labeler, which nobody promised"]
    for_all = acme(promises=(Promise(evidence="sbom", every_days=30),))
    assert run("evidence-fresh", facts(register([for_all, annotators(), lab()]))) == []


def test_expired_evidence_is_found_until_its_successor_comes() -> None:
    old = piece(51, kind=EvidenceKind.CERTIFICATE, subjects=("ISO 27001",), expires_at=NOW)
    assert subjects(run("evidence-expired", sboms(piece(), old))) == ["certificate of ISO 27001"]
    new = piece(
        52,
        kind=EvidenceKind.CERTIFICATE,
        subjects=("ISO 27001",),
        expires_at=NOW + timedelta(seconds=1),
    )
    assert run("evidence-expired", sboms(piece(), old, new)) == []
    broken = piece(
        53, kind=EvidenceKind.CERTIFICATE, subjects=("ISO 27001",), signature=Signature.BROKEN
    )
    assert subjects(run("evidence-expired", sboms(piece(), old, broken))) == [
        "certificate of ISO 27001"
    ]


@pytest.mark.parametrize(
    ("signature", "unknown"),
    [(Signature.BROKEN, False), (Signature.FOREIGN, False), (Signature.UNCHECKED, True)],
)
def test_wrong_signatures_are_found_until_a_good_one_comes(
    signature: Signature,
    unknown: bool,
) -> None:
    wrong = piece(55, signature=signature)
    (found,) = run("evidence-signed", sboms(piece(), wrong))
    assert (found.unknown, found.entries) == (unknown, (55,))
    assert run("evidence-signed", sboms(wrong, piece(56))) == []
    assert len(run("evidence-signed", sboms(wrong, piece(56, subjects=("other",))))) == 1
    assert run("evidence-signed", sboms(piece(57, signature=Signature.NONE))) == []


def test_two_parties_with_one_key_are_both_found() -> None:
    spaced = KEY.replace("\n", "\r\n").strip()
    other = annotators(keys=(PublicKey(id="ours", pem=spaced),))
    found = run("keys-shared", facts(register([acme(), other, lab()])))
    assert [one.party for one in found] == ["acme", "annotators"]
    assert len({one.subject for one in found}) == 1
    twice = acme(keys=(PublicKey(id="a", pem=KEY), PublicKey(id="b", pem=KEY)))
    assert run("keys-shared", facts(register([twice, annotators(), lab()]))) == []


def test_an_sbom_of_something_else_is_found_until_a_right_one_comes() -> None:
    foreign = piece(55, subjects=("pkg:npm/left-pad@1.0.0",))
    (found,) = run("sbom-own", sboms(foreign))
    assert (found.severity, found.unknown) == (Severity.HIGH, False)
    assert run("sbom-own", sboms(foreign, piece(56))) == []
    theirs = register(
        [acme(), annotators(products=("pkg:npm/left-pad",)), lab()],
        evidence=(foreign, GOOD_EVIDENCE[1]),
    )
    found_ = run("sbom-own", facts(theirs))
    assert "which is of annotators" in found_[0].sentence


def test_an_sbom_of_nobody_knows_what_is_unknown() -> None:
    assert len(subjects(run("sbom-own", sboms(piece(subjects=()))), unknown=True)) == 1
    told = register([acme(products=()), annotators(), lab()])
    assert len(subjects(run("sbom-own", facts(told)), unknown=True)) == 1


@pytest.mark.parametrize(
    ("subject", "product", "same"),
    [
        ("labeler", "labeler", True), ("labeler@4.1", "labeler", True), ("labeler 4.1", "labeler", True),
        ("Labeler v4.1", "labeler", True), ("labeler-pro 4.1", "labeler", False),
        ("pkg:generic/acme/exporter@1.2?os=x#y", "pkg:generic/acme/exporter", True),
        ("pkg:npm/@acme/exporter@1.2", "pkg:npm/@acme/exporter", True),
        ("pkg:npm/@acme/exporter", "pkg:npm/@acme/exporter", True),
        ("pkg:generic/other/exporter@1.2", "pkg:generic/acme/exporter", False), ("", "labeler", False),
        ("@scope", "@scope", True), ("label er", "labeler", False),
    ],
)  # fmt: skip
def test_which_subject_names_which_product(subject: str, product: str, same: bool) -> None:
    assert is_of_product(subject, product) is same


# ── builds, and the register itself ──────────────────────────────────────────────────────────


def build(**changes: Any) -> LockedBuild:
    return LockedBuild("acme", "acme-repo", "uv.lock", (), 0, "", 90)._replace(**changes)


def test_open_pins_are_found_and_unread_locks_unknown() -> None:
    loose = build(loose=("litellm 1.82 is named, but it has no hash",), loose_total=7)
    (found,) = run("builds-locked", facts(builds=(loose,)))
    assert found.subject == "uv.lock of acme-repo"
    assert "7 pins open" in found.sentence
    (found,) = run("builds-locked", facts(builds=(build(loose=loose.loose, loose_total=1),)))
    assert "1 pin open" in found.sentence
    (found,) = run("builds-locked", facts(builds=(build(unread="gone"),)))
    assert found.unknown
    # What was seen counts more than what is said.
    denied = (piece(), answers(("hash-locked-builds", "no", "")))
    assert run("builds-locked", facts(register(evidence=denied), builds=(build(),))) == []


def test_builds_that_nobody_saw_are_as_good_as_what_is_said() -> None:
    denied = (piece(), answers(("hash-locked-builds", "Partly", "")))
    assert subjects(run("builds-locked", facts(register(evidence=denied)))) == ["builds"]
    assert subjects(run("builds-locked", facts(register(evidence=(piece(),)))), unknown=True) == [
        "builds"
    ]


def test_entries_that_cannot_be_read_are_told() -> None:
    (found,) = run("register-readable", facts(register(unreadable=(4, 9))))
    assert found.unknown
    assert found.entries == (4, 9)


# ── all of them ──────────────────────────────────────────────────────────────────────────────


def everything_wrong() -> Any:
    told = register(
        [acme(locations=(), networks=(), issuers=(), sub_processors=("ghost", "x" * 63)), lab()],
        projects=[project(holders=(), purpose="", budget_bytes=None, residency="US")],
        contracts=[contract(notice_hours=None, ends=date(2026, 1, 1))],
        evidence=(piece(signature=Signature.BROKEN, subjects=("z" * 900,), filename="f" * 900),),
        unreadable=tuple(range(1000)),
    )
    return facts(
        told, leases=(lease(granted_by="operator:x"), lease(1, vendor="who", project="q")), drills=(),
        bad=(bad(component="c" * 900, source="s" * 900), bad(poisoned=False)), looked_at=frozenset(),
    )  # fmt: skip


def found_everywhere(now: Any) -> list[Found]:
    return [one for check in CHECKS for one in check.run(everything_wrong(), now)]


def test_findings_are_bounded_and_say_the_same_an_hour_later() -> None:
    found = found_everywhere(NOW)
    # Enough of the rules speak for this to say something of all of them.
    assert len({one.rule for one in found}) > 12
    for one in found:
        assert 0 < len(one.subject) <= 300
        assert 0 < len(one.sentence) <= 900
        assert len(one.entries) <= 50
        assert not (one.unknown and one.action is not Action.ALERT)
    assert found_everywhere(NOW + timedelta(hours=1)) == found


def test_each_party_is_checked_as_if_it_were_alone() -> None:
    whole = everything_wrong()
    for check in CHECKS:
        together = [one for one in check.run(whole, NOW) if one.party == "acme"]
        alone = list(check.run(replace(whole, only=frozenset({"acme"})), NOW))
        assert alone == together, check.name


def test_whoever_sends_much_makes_few_findings_and_little_work() -> None:
    wrong = tuple(
        piece(100 + number, subjects=(f"thing-{number}",), signature=Signature.BROKEN)
        for number in range(5_000)
    )
    told = facts(register(evidence=(*GOOD_EVIDENCE, *wrong)))
    for rule in ("evidence-signed", "sbom-own"):
        found = run(rule, told)
        assert len(found) == MOST_TOLD
        assert found[-1].entries == (5_099,)
    for check in CHECKS:
        assert len(list(check.run(told, NOW))) <= MOST_TOLD


def test_who_works_for_whom_is_what_either_says() -> None:
    told = facts(register([acme(), annotators(), lab(), acme(name="solo", sub_processors=())]))
    assert told.workers_of["acme"] == {"annotators"}
    assert told.workers == {"annotators"}
    one_sided = facts(register([acme(sub_processors=()), annotators(), lab()]))
    assert one_sided.workers_of["acme"] == {"annotators"}
    stranger = facts(register([annotators(), lab()]))
    assert stranger.workers == set()


def test_faults_that_no_other_rule_tells_are_told() -> None:
    faulty = piece(55, faults=("it cannot be read",), kind=EvidenceKind.OSCAL, subjects=())
    (found,) = run("evidence-usable", sboms(piece(), faulty))
    assert "it cannot be read" in found.sentence
    good = piece(56, kind=EvidenceKind.OSCAL, subjects=())
    assert run("evidence-usable", sboms(piece(), faulty, good)) == []
    for changes in (
        {"signature": Signature.FOREIGN},
        {"signature": Signature.UNCHECKED},
        {"kind": EvidenceKind.SBOM, "subjects": ("left-pad",)},
        {"expires_at": NOW},
    ):
        told = piece(
            55, **{"faults": ("x",), "kind": EvidenceKind.OSCAL, "subjects": (), **changes}
        )
        assert run("evidence-usable", sboms(piece(), told)) == []
        others = ("evidence-signed", "evidence-expired", "sbom-own")
        assert any(run(rule, sboms(told)) for rule in others)


def test_what_had_expired_when_it_came_is_found() -> None:
    stale = piece(
        51, kind=EvidenceKind.CERTIFICATE, subjects=("ISO 27001",), faults=("it has expired",),
        expires_at=NOW - timedelta(days=9),
    )  # fmt: skip
    assert subjects(run("evidence-expired", sboms(piece(), stale))) == ["certificate of ISO 27001"]


@pytest.mark.parametrize(
    ("answer", "detail", "named"),
    [
        ("no", "We use nobody, ever.", []),
        ("not applicable", "", []),
        ("none", "n/a", []),
        ("yes", "Annotators Inc, Cheap Clicks", ["Cheap Clicks"]),
        ("Cheap Clicks", "", ["Cheap Clicks"]),
        ("partly", "none", []),
    ],
)
def test_which_answers_name_sub_processors(answer: str, detail: str, named: list[str]) -> None:
    told = register(evidence=(piece(), answers(("sub-processors", answer, detail))))
    found = subjects(run("sub-processors", facts(told)))
    assert [one for one in found if one.endswith("not in the register")] == [
        f"{name}, not in the register" for name in named
    ]


def test_an_answer_that_says_nothing_is_none() -> None:
    told = register(evidence=(piece(), answers(("sub-processors", "no answer", ""))))
    assert subjects(run("sub-processors", facts(told)), unknown=True) == ["list"]


def test_where_no_advisory_is_recorded_nothing_was_compared() -> None:
    own = Party(name="mercury", kind=PartyKind.OWN)
    told = register([acme(), annotators(), lab(), own])
    (found,) = run("components-vulnerable", facts(told, advisories=0))
    assert (found.party, found.subject, found.unknown) == ("mercury", "advisories", True)
    assert run("components-vulnerable", facts(told, advisories=1)) == []
    assert run("components-vulnerable", facts(told)) == []


def test_leases_that_were_revoked_outlive_no_contract() -> None:
    told = register(
        contracts=[contract(), contract(id="lab-1", party="lab", ends=date(2026, 1, 2))]
    )
    revoked = lease()
    stopped = scopes(scope(f"lease:{revoked.id}", state=ScopeState.ENDED))
    assert run("contract-ended", facts(told, leases=(revoked,), scopes=stopped)) == []
    suspended = scopes(scope(f"lease:{revoked.id}", state=ScopeState.SUSPENDED))
    assert len(run("contract-ended", facts(told, leases=(revoked,), scopes=suspended))) == 1


def test_whoever_works_with_data_has_systems_that_somebody_should_have_seen() -> None:
    told = register([acme(products=(), assets=(), promises=()), annotators(), lab()])
    found = run("components-poisoned", facts(told, looked_at=frozenset()))
    assert subjects(found, unknown=True) == ["contents"]
    nowhere = facts(replace_projects(told), looked_at=frozenset())
    assert run("components-poisoned", nowhere) == []


def replace_projects(told: Register) -> Register:
    return msgspec.structs.replace(told, projects={})
