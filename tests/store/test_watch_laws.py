"""Whatever is told, taken back or restarted between questions: the projection with its book of
watches answers what the naive oracle answers, and the five counts add up to the assets known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.fact_story import FactStory, at, item, seen
from pratique.exposure.answering import Sources, answer_asked
from pratique.exposure.incident import Asked, Release, WindowLine
from pratique.inventory.observed.entries import RetractionBody
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind, Relation
from pratique.ledger.entries import Draft
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.presence import PresenceStore

ASKED = Asked(
    releases=(Release(type="pypi", name="litellm", version="1.82.8"),),
    windows=(
        WindowLine(
            channel="pypi", start=at("10:39"), end=at("11:25"), source="t", confidence="low"
        ),
    ),
)
_actions = st.lists(
    st.tuples(
        st.sampled_from(
            ["run", "part", "bad", "job", "watch", "fact", "retract", "ask", "restart"]
        ),
        st.integers(0, 3),
    ),
    max_size=14,
)


def _tell(story: FactStory, what: str, number: int) -> None:
    name = f"ci/{number}"
    version = "1.82.8" if what == "bad" else "1.82.6"
    packages = seen(item("litellm", version))
    match what:
        case "run" | "bad":
            story.run(name, packages, lineage="build")
        case "part":
            story.run(name, packages, lineage="build", whole=False)
        case "job":
            story.run(name, packages, lineage="test", start="08:00", end="08:20")
        case "watch":
            words = {"kind": AssetKind.LAPTOP, "place": PlaceKind.ASSET, "mode": LookMode.EVENT}
            story.look(f"lap/{number}", start=at("10:00"), end=at(f"1{number}:30"), **words)
        case "fact":
            story.fact(Relation.OPERATED_BY, f"asset:{name}", "vendor:x")
        case _:
            looks = [entry.sequence for entry in story.log.kept if entry.kind == "look"]
            if looks:
                entry = looks[number % len(looks)]
                body = msgspec.to_builtins(RetractionBody(entry=entry, fact=None, reason="wrong"))
                words = {"subject": f"entry:{entry}", "actor": "operator:x", "body": body}
                story.write(Draft(kind="retraction", **words))


def _opened(folder: Path, story: FactStory) -> PresenceStore:
    log: Any = story.log
    return PresenceStore(SqliteDatabase(folder / "facts.db", "facts"), log)


def _compare(presence: PresenceStore, story: FactStory) -> None:
    presence.catch_up()
    size = presence.applied()
    sources = Sources(presence.inventory, story, book=presence.watch_book(size))
    found = answer_asked(ASKED, sources, now=story.now, tx=size).answer
    expected = story.ask(ASKED).answer
    assert found == expected
    counts = msgspec.structs.asdict(found.counts)
    assert sum(counts.values()) == len(list(story.facts().assets(tx=size)))
    again = Sources(presence.inventory, story)  # as a later question about this size is answered
    assert answer_asked(ASKED, again, now=story.now, tx=size).answer.digest == found.digest


@pytest.mark.slow
@given(_actions)
@example([("run", 1), ("retract", 0), ("ask", 0), ("run", 0)])
@settings(max_examples=60, deadline=None)
def test_the_book_and_packed_runs_answer_what_the_oracle_answers(
    actions: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        story = FactStory(now=at("12:00"))
        presence = _opened(Path(name), story)
        try:
            for what, number in [*actions, ("ask", 0)]:
                if what == "restart":
                    presence.close()
                    presence = _opened(Path(name), story)
                elif what == "ask":
                    _compare(presence, story)
                else:
                    _tell(story, what, number)
        finally:
            presence.close()
