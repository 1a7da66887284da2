"""A profile: what was seen before what was signed before what was said, and promises kept or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from kit.parties import ACME, NOW, OTHER
from pratique.parties.checks.facts import BadComponent, CheckFacts, Drill, ReadFrom
from pratique.parties.model import (
    Claim,
    Evidence,
    EvidenceKind,
    Party,
    Promise,
    Received,
    Register,
    Signature,
    Standing,
)
from pratique.parties.naming import names_guard
from pratique.parties.own_view import own_view
from pratique.parties.profile import Profile, observed_lines, profile_of


def piece(entry: int, **more: Any) -> Received:
    plain: dict[str, Any] = {
        "party": "acme", "kind": EvidenceKind.QUESTIONNAIRE, "sha256": f"{entry:064x}", "size": 1,
        "media_type": "text/csv", "filename": "x", "subjects": (), "made_at": NOW, "expires_at": None,
        "signature": Signature.NONE, "signer": "", "claims": (Claim(topic="mfa", answer="yes"),),
        "claims_total": 1, "faults": (),
    }  # fmt: skip
    return Received(
        evidence=Evidence(**plain | more),
        at=NOW,
        by="party:acme",
        entry=entry,
        while_suspended=False,
    )


def register(*pieces: Received, party: Party = ACME) -> Register:
    return Register(
        parties={"acme": party, "other": OTHER}, projects={}, contracts={},
        evidence={"acme": pieces}, findings={}, suspensions={}, clocks={}, entries={"party:acme": 3},
        unreadable=(),
    )  # fmt: skip


def profile(*pieces: Received, party: Party = ACME) -> Profile:
    return profile_of(register(*pieces, party=party), "acme", now=NOW)


def mfa(found: Profile) -> list[tuple[str, str, tuple[int, ...]]]:
    return [
        (one.standing.value, one.text, one.entries) for one in found.lines if one.topic == "mfa"
    ]


def test_the_newest_word_of_each_sort_counts_and_attested_comes_first() -> None:
    said = (Claim(topic="mfa", answer="no"),)
    found = profile(
        piece(5), piece(6, claims=said), piece(7, claims=said, signature=Signature.VALID)
    )
    assert mfa(found) == [("attested", "no", (7,)), ("claimed", "no", (6,))]


def test_faulty_foreign_and_expired_pieces_say_nothing() -> None:
    found = profile(
        piece(5, faults=("broken",)),
        piece(6, signature=Signature.FOREIGN),
        piece(7, expires_at=NOW),
    )
    assert mfa(found) == []
    assert [one.entry for one in found.faulty] == [6, 5]


def test_what_the_register_says_is_a_claim_of_its_entry() -> None:
    [line] = [one for one in profile().lines if one.topic == "register:products"]
    assert (line.standing, line.entries) == (Standing.CLAIMED, (3,))


def promised(*pieces: Received) -> tuple[bool, str]:
    promise = Promise(evidence="questionnaire", every_days=30, product="")
    party = msgspec.structs.replace(ACME, promises=(promise,))
    [kept] = profile(*pieces, party=party).promises
    return kept.kept, kept.text.rpartition(", ")[2]


def test_promises() -> None:
    assert promised() == (False, "questionnaire every 30 days: never given")
    assert promised(piece(5, made_at=NOW - timedelta(days=30))) == (True, "claimed")
    assert promised(piece(5, made_at=NOW - timedelta(days=31))) == (False, "too old")
    assert promised(piece(5, expires_at=NOW)) == (False, "expired")
    assert promised(piece(5, faults=("x",)))[0] is False
    assert promised(piece(5, kind=EvidenceKind.SBOM))[0] is False


def test_what_was_seen_is_observed_of_this_party_only() -> None:
    def bad(party: str, name: str, *, present: bool) -> BadComponent:
        return BadComponent(
            party=party, asset="a", component=name, source="OSV-1", poisoned=True, severity="",
            says="", present=present, last_at=None, sure=True, entries=(9,),
        )  # fmt: skip

    facts = CheckFacts(
        register=register(),
        reads=(
            ReadFrom("acme", "p", "h", "L1", "198.51.100.7", NOW - timedelta(days=1), 4),
            ReadFrom("other", "p", "h", "L2", "203.0.113.9", NOW, 5),
        ),
        drills=(Drill("vendor:acme", NOW, 620, 6), Drill("vendor:other", NOW, 1, 7)),
        bad=(
            bad("acme", "pkg:pypi/litellm@1.82.8", present=True),
            bad("acme", "pkg:pypi/gone@1", present=False),
            bad("other", "pkg:pypi/else@1", present=True),
        ),
    )
    lines = {one.topic: one for one in observed_lines(facts, ACME, now=NOW)}
    assert {one.standing for one in lines.values()} == {Standing.OBSERVED}
    assert lines["drill"].text == "suspension was drilled, 620 ms at p99"
    assert lines["reads"].text == "read data from 198.51.100.7"
    assert lines["components"].text == "has what is called bad: pkg:pypi/litellm@1.82.8"
    assert (lines["drill"].entries, lines["components"].entries) == ((6,), (9,))
    found = profile_of(register(piece(5)), "acme", now=NOW, observed=lines.values())
    assert [one.standing for one in found.lines][:3] == [Standing.OBSERVED] * 3


def test_a_party_reads_what_it_sent_and_no_name_of_others_in_what_we_kept() -> None:
    said = (Claim(topic="sub-processors", answer="other", detail="also OTHER and another-one"),)
    note = msgspec.structs.replace(ACME, note="we watch them")
    ours = msgspec.structs.replace(piece(6, claims=said), by="operator:ann")
    view = own_view(register(piece(5, claims=said), ours, party=note), "acme", now=NOW)
    assert [one["by"] for one in view["evidence"]] == ["party:acme", "customer"]
    [claim] = view["evidence"][0]["claims"]
    assert claim["answer"] == "other", "a word of its own that came back otherwise would tell much"
    [claim] = view["evidence"][1]["claims"]
    assert claim["answer"] == "another party"
    assert claim["detail"] == "also another party and another-one"
    assert "we watch them" not in str(view)


def test_who_was_in_the_register_once_is_named_to_nobody() -> None:
    said = (Claim(topic="mfa", answer="yes", detail="as for past-lab and other"),)
    ours = msgspec.structs.replace(piece(6, claims=said), by="operator:ann")
    known = msgspec.structs.replace(
        register(ours), entries={"party:acme": 3, "party:past-lab": 4, "project:x/y": 5}
    )
    assert "past-lab" not in str(own_view(known, "acme", now=NOW))
    guard = names_guard(ACME, known)
    assert guard.find("because of Past Lab") == "past lab"
    assert guard.find("because of acme") is None
