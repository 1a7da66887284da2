"""What a party is told of a suspension: from entries only, and of nobody else."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.audits import Seen, contracts, instant, parties, projects, story, suspension
from pratique.errors import InputError
from pratique.exposure.guard import NameGuard
from pratique.ledger.entries import Entry
from pratique.parties import notices
from pratique.parties.dossier import Facts, LeaseUse, draft_of_suspension
from pratique.parties.entries import CLOCK, CLOCK_MET
from pratique.parties.model import Party, PartyKind, Register, Suspension, SuspensionScope
from pratique.parties.naming import names_guard
from pratique.parties.notices import (
    NOTICE,
    PartyNotice,
    render_party_notice,
    sent_drafts,
)
from pratique.parties.ordinary import ORDINARY
from pratique.parties.register import fold_register

NOW = instant(31)
SOURCE = Path(notices.__file__).parents[1]
SEEN = {"suspension:S-ABCDEFGH2345": 65, "resumption:S-ABCDEFGH2345": 90, "drill:vendor:acme": 21}
USE = LeaseUse(
    lease="PQL1", vendor="acme", project="coding", datasets=("code-tasks",), bytes=3 << 20, objects=7,
    last_at=instant(20), entries=(15, 23, 24),
)  # fmt: skip


def register() -> Register:
    entries = [
        Entry(sequence=n, recorded_at=instant(n), kind=d.kind, subject=d.subject, actor=d.actor, body=d.body)
        for n, d in enumerate(story())
    ]  # fmt: skip
    return fold_register(Seen(one) for one in entries)


def facts(one: Suspension | None = None, **changes: Any) -> Facts:
    given = Facts(
        register=register(), suspension=one or suspension(), entries=SEEN, leases=(USE,),
        drills={"vendor:acme": 480},
    )  # fmt: skip
    return replace(given, **changes)


def draft(name: str, given: Facts | None = None, forbidden: tuple[str, ...] = ()) -> PartyNotice:
    given = given or facts()
    guard = NameGuard([*forbidden, "client:hooli", "vendor:initech"], allowed=[name])
    party = given.register.parties[name]
    return draft_of_suspension(party, given, guard=guard, next_update=None, now=NOW)


@pytest.mark.parametrize("name", ["acme", "annotators-inc", "lab", "interviewees"])
def test_every_sentence_has_its_entries(name: str) -> None:
    notice = draft(name)
    sections = {section for section, _ in notice.sentences}
    assert sections == {"known", "not_known", "done", "asked"}
    for _, sentence in notice.sentences:
        assert sentence.entries, sentence.text
        assert set(sentence.entries) <= {*SEEN.values(), *USE.entries, *given_projects()}


def given_projects() -> set[int]:
    return {number for name, number in register().entries.items() if name.startswith("project:")}


def test_the_vendor_is_told_what_stops_and_what_lifts_it() -> None:
    letter = render_party_notice(draft("acme"))
    assert "your access to our data is suspended (S-ABCDEFGH2345). [65]" in letter
    assert "Send us new evidence: sbom. It is a condition" in letter
    assert "480 ms" in letter
    assert letter.startswith("DRAFT for acme")
    sub = render_party_notice(draft("annotators-inc"))
    assert "because of whom you work for" in sub
    assert "acme" not in sub
    assert "a condition of lifting" not in sub, "conditions are the other party's"


def test_the_client_is_told_what_was_read_and_no_vendors_name() -> None:
    notice = draft("lab", forbidden=("vendor:acme", "vendor:annotators-inc"))
    letter = render_party_notice(notice)
    assert "Under lease PQL1 3.0 MiB of 7 objects were read" in letter
    assert "Work on hold: project coding. [9, 65]" in letter
    assert "acme" not in letter.lower()
    assert notice.due_at == instant(31), "its clock"
    people = render_party_notice(draft("interviewees"))
    assert "data about you" in people
    assert "PQL1" not in people


def test_a_reason_that_names_somebody_is_withheld_and_the_rest_is_said() -> None:
    told = suspension(reason="what Hooli told us")
    notice = draft("lab", facts(told))
    text = render_party_notice(notice)
    assert "hooli" not in text.lower()
    assert "A detail is withheld here" in text
    assert "Work on hold: project coding" in text


def test_whoever_it_does_not_concern_is_told_nothing() -> None:
    for name in ("hooli", "vandelay", "initech", "clerks"):
        with pytest.raises(InputError, match="does not concern"):
            draft(name)
    narrow = suspension(scope=SuspensionScope(party="acme", dataset="another"))
    with pytest.raises(InputError, match="does not concern"):
        draft("lab", facts(narrow))


def test_without_a_lease_in_force_nothing_is_said_to_be_read() -> None:
    letter = render_party_notice(draft("lab", facts(leases=())))
    assert "No lease over your data was in force then." in letter
    assert "were read" not in letter


def test_a_lifted_suspension_says_so() -> None:
    lifted = suspension(lifted_at=instant(33), lifted_by="approver:eve", lifted_reason="rotated")
    notice = draft("acme", facts(lifted))
    assert notice.subject == "A suspension is lifted"
    assert "Why it was lifted: rotated [90]" in render_party_notice(notice)
    assert "How long it lasts" not in render_party_notice(notice)


def test_sending_meets_the_clock_and_starts_the_next() -> None:
    known = register()
    notice = draft("lab")
    drafts = sent_drafts(
        notice, known, sha256="a" * 64, channel="e-mail", actor="operator:ann", now=NOW
    )
    assert [one.kind for one in drafts] == [NOTICE, CLOCK_MET, CLOCK]
    body = drafts[0].body
    assert (body["cause"], body["channel"], body["sha256"]) == (notice.cause, "e-mail", "a" * 64)
    assert [one["section"] for one in body["sentences"]] == [name for name, _ in notice.sentences]
    assert "code-tasks" not in str(drafts), "what is said stays out of the log"
    entries = [
        Entry(sequence=n, recorded_at=NOW, kind=d.kind, subject=d.subject, actor=d.actor, body=d.body)
        for n, d in enumerate([*story(), *drafts])
    ]  # fmt: skip
    after = fold_register(Seen(one) for one in entries)
    assert after.clocks["S-ABCDEFGH2345/lab/notify"].met_at == NOW
    following = after.clocks["S-ABCDEFGH2345/lab/update/1"]
    assert (following.due_at, following.met_at) == (NOW + timedelta(hours=24), None)
    again = sent_drafts(
        draft("lab", replace(facts(), register=after)), after,
        sha256="b" * 64, channel="e-mail", actor="operator:ann", now=NOW,
    )  # fmt: skip
    assert [one.body.get("id") or one.body.get("clock") for one in again[1:]] == [
        "S-ABCDEFGH2345/lab/update/1",
        "S-ABCDEFGH2345/lab/update/2",
    ]


def test_the_last_notice_starts_no_clock() -> None:
    known = register()
    lifted = suspension(lifted_at=instant(33), lifted_by="approver:eve", lifted_reason="rotated")
    over = msgspec.structs.replace(known, suspensions={lifted.id: lifted})
    drafts = sent_drafts(
        draft("lab", facts(lifted)), over, sha256="a" * 64, channel="e-mail", actor="operator:ann", now=NOW
    )  # fmt: skip
    assert [one.kind for one in drafts] == [NOTICE, CLOCK_MET]


def test_the_story_is_as_told() -> None:
    """What other tests count on."""
    assert len(parties()) == 9
    assert len(projects()) == len(contracts()) == 2


def test_words_of_the_sentences_are_known() -> None:
    words: set[str] = set()
    for name in ("parties/dossier.py", "parties/notices.py", "exposure/notices.py"):
        tree = ast.parse((SOURCE / name).read_text("utf-8"))
        told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in ast.walk(tree):
            text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if text and id(node) not in told:
                words |= set(re.findall("[a-z]+", node.value.lower()))
    assert words <= ORDINARY, sorted(words - ORDINARY)


def test_a_project_that_is_called_like_a_word_withholds_nothing() -> None:
    known = register()
    for name in ("access", "reason", "known"):
        other = msgspec.structs.replace(projects()[1], name=name)
        crowded = msgspec.structs.replace(known, projects={**known.projects, other.id: other})
        guard = names_guard(known.parties["lab"], crowded)
        notice = draft_of_suspension(
            known.parties["lab"], facts(register=crowded), guard=guard, next_update=None, now=NOW
        )
        assert "withheld" not in render_party_notice(notice)
    secret = msgspec.structs.replace(projects()[1], name="bluebird")
    crowded = msgspec.structs.replace(known, projects={**known.projects, secret.id: secret})
    assert names_guard(known.parties["lab"], crowded).find("what Bluebird told us") == "bluebird"
    assert names_guard(known.parties["hooli"], crowded).find("what Bluebird told us") is None


def test_others_are_known_by_their_titles_as_well() -> None:
    known = register()
    bolt = Party(name="bolt-77", kind=PartyKind.VENDOR, title="Lightning Partners")
    crowded = msgspec.structs.replace(known, parties={**known.parties, "bolt-77": bolt})
    guard = names_guard(known.parties["lab"], crowded)
    for blank in (" ", "  ", "\n", "\r\n  ", "\t", "\u00a0"):
        assert guard.find(f"as LIGHTNING{blank}Partners told us") == "lightning partners"
    assert guard.find("as light, and partners too") is None
    assert names_guard(bolt, crowded).find("as Lightning Partners told us") is None
