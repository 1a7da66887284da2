"""`pratique incident` and `pratique asset` against a real log and projection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.fact_story import FactStory, at, item, seen
from pratique.doors.cli import cli
from pratique.errors import PratiqueError
from pratique.exposure.incident import IncidentAnswer, is_sealed
from pratique.inventory.observed.model import AssetKind, LookMode, PlaceKind, Relation
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.logs import open_log

GOLDEN = Path(__file__).parents[1] / "golden" / "data"
WINDOW = "pypi,2026-03-24T10:39Z,2026-03-24T14:35Z,blog"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(home)])


def found(home: Path, *words: str, code: int | None = None) -> Any:
    result = run(home, *words, "--format", "json")
    assert code is None or result.exit_code == code, result.output
    return json.loads(result.stdout)


def tell(story: FactStory, home: Path) -> Path:
    """Puts what is new in a story into a real log, each entry at its own time."""
    log = open_log(Settings(home=home))
    try:
        for e in story.log.kept[log.size() :]:
            draft = Draft(kind=e.kind, subject=e.subject, actor=e.actor, body=e.body)
            log.append([draft], now=e.recorded_at)
    finally:
        log.close()
    return home


@pytest.fixture
def story() -> FactStory:
    made = FactStory()
    made.run("ci/1", seen(item("litellm", "1.82.8"), at="line 88", parents=("dspy",)))
    made.holds("ci/1", "DEPLOY", when="10:42", kind=AssetKind.CI_RUN)
    made.fact(Relation.OPENS, "identity:ci-secret/DEPLOY", "dataset:acme")
    made.run("ci/2", seen(item("litellm", "1.82.6")))
    made.run("ci/3", whole=False)
    return made


@pytest.fixture
def home(story: FactStory, tmp_path: Path) -> Path:
    return tell(story, tmp_path)


def opened(home: Path) -> None:
    run(home, "incident", "open", "litellm==1.82.8", "--window", WINDOW, "--id", "llm")


def test_an_incident_is_opened_answered_listed_and_closed(home: Path) -> None:
    words = ("incident", "open", "litellm==1.82.7,1.82.8", "--window", WINDOW, "--title", "L")
    answer = found(home, *words, "--aware-at", "2026-03-24T12:00Z", code=1)
    assert answer["counts"] == {
        "confirmed": 0, "probable": 1, "possible": 0, "cleared": 1, "unknown": 1,
    }  # fmt: skip
    assert answer["incident"] == "litellm-1.82.7"
    (one,) = found(home, "incident", "list", code=0)["incidents"]
    assert (one["title"], one["aware_at"]) == ("L", "2026-03-24T12:00:00Z")
    assert one["answers"][0]["because"] == ["opened"]
    assert one["answers"][0]["digest"] == answer["digest"]
    assert "exposed 1 · unknown 1 · cleared 1" in run(home, "incident", "list").stdout
    closed = run(home, "incident", "close", "litellm", "--reason", "all dead")
    assert closed.exit_code == 0, closed.output
    assert found(home, "incident", "list")["incidents"] == []
    assert found(home, "incident", "list", "--all")["incidents"][0]["closed_because"] == "all dead"
    assert "closed" in run(home, "incident", "show", "litellm", "--history").stdout
    again = run(home, "incident", "close", "litellm", "--reason", "x")
    assert isinstance(again.exception, PratiqueError)


def test_the_answer_is_a_value_with_its_own_digest(home: Path) -> None:
    import msgspec  # noqa: PLC0415 - one test needs it

    opened(home)
    answer = found(home, "incident", "show", "llm", code=1)
    assert is_sealed(msgspec.convert(answer, IncidentAnswer))
    assert not is_sealed(msgspec.convert({**answer, "title": "x"}, IncidentAnswer))


def test_a_late_fact_answers_it_anew_and_the_difference_is_recorded(
    story: FactStory, home: Path
) -> None:
    opened(home)
    size = len(found(home, "incident", "list")["incidents"][0]["answers"])
    assert run(home, "incident", "answer", "--all").stdout.strip() == "nothing new is known"
    late = FactStory(now=at("18:00"), bases={}, recorded=set())
    late.log.kept.extend([story.log.kept[0]] * (_size(home)))  # as long as the log is by now
    late.run("ci/3", seen(item("litellm", "1.82.8")))
    tell(late, home)
    text = run(home, "incident", "answer", "--all").stdout
    assert "asset:ci/3: not seen with it became probable, installed" in text
    answers = found(home, "incident", "list")["incidents"][0]["answers"]
    assert len(answers) == size + 1
    assert any("late facts, entries" in one for one in answers[-1]["because"])
    assert answers[-1]["counts"]["probable"] == 2
    diff = found(home, "incident", "diff", "llm", code=1)
    assert [one["asset"] for one in diff["lines"]] == ["asset:ci/3"]
    assert len(found(home, "incident", "list")["incidents"][0]["answers"]) == size + 1


def _size(home: Path) -> int:
    log = open_log(Settings(home=home))
    try:
        return log.size()
    finally:
        log.close()


def test_as_known_at_takes_sequences_and_instants_and_never_changes(
    story: FactStory, home: Path
) -> None:
    opened(home)
    last = story.log.size() - 1
    words = ("exposed", "litellm==1.82.8", "--window", WINDOW)
    by_sequence = found(home, *words, "--as-known-at", str(last))
    moment = story.log.kept[last].recorded_at.isoformat()
    by_instant = found(home, *words, "--as-known-at", moment)
    assert by_sequence["digest"] == by_instant["digest"]
    assert by_sequence["ledger_entries"] == last + 1
    before = found(home, *words, "--as-known-at", "2026-01-01")
    assert (before["ledger_entries"], before["assets"]) == (0, [])
    more = FactStory(now=at("18:00"))
    more.log.kept.extend([story.log.kept[0]] * _size(home))
    more.run("ci/9", seen(item("litellm", "1.82.8")))
    tell(more, home)
    assert found(home, *words, "--as-known-at", str(last))["digest"] == by_sequence["digest"]
    result = run(home, *words, "--as-known-at", "99999")
    assert "no entry 99999" in str(result.exception)


def test_a_corrected_advisory_answers_open_incidents_by_itself(home: Path, tmp_path: Path) -> None:
    first = GOLDEN / "litellm-2026-03.first.json"
    assert run(home, "advisory", "add", str(first)).exit_code == 0
    run(home, "incident", "open", "--advisory", "MAL-2026-2144")
    added = run(home, "advisory", "add", str(GOLDEN / "litellm-2026-03.json"))
    assert "incident MAL-2026-2144:" in added.stderr
    marks = found(home, "incident", "list")["incidents"][0]["answers"]
    assert len(marks) == 2
    assert any(one.startswith("advisory MAL-2026-2144, entry") for one in marks[1]["because"])
    assert any("was corrected" in one for one in marks[1]["changes"])
    diff = run(home, "incident", "diff", "MAL")
    assert diff.exit_code == 1
    assert "was corrected" in diff.stdout


def test_why_gives_entries_evidence_and_commands(home: Path) -> None:
    opened(home)
    why = found(home, "incident", "why", "llm", "ci/1", code=0)
    whats = [step["what"] for step in why["steps"]]
    assert "line 88; required by dspy" in whats[0]
    assert "identity:ci-secret/DEPLOY" in whats[1]
    assert why["steps"][0]["check"] == f"pratique ledger export --entry {why['steps'][0]['entry']}"
    text = run(home, "incident", "why", "llm", "asset:ci/3").stdout
    assert text.startswith("asset:ci/3: unknown")
    assert "gaps" in text
    assert "nothing has looked at it" in run(home, "incident", "why", "llm", "ghost").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("incident", "open"),
        ("incident", "open", "litellm"),
        ("incident", "open", "litellm==1", "--id", "a b"),
        ("incident", "open", "litellm==1", "--id", "llm"),
        ("incident", "open", "litellm==1", "--aware-at", "2999-01-01"),
        ("incident", "open", "litellm==1", "--window", "pypi"),
        ("incident", "open", "litellm==1", "--window", "pypi,2026-02-02,2026-01-01"),
        ("incident", "open", "pkg:npm/axios"),
        ("incident", "open", "--digest", "sha1:abc"),
        ("incident", "show", "nothing"),
        ("incident", "show", "llm", "--as-known-at", "0"),
        ("incident", "answer"),
        ("incident", "answer", "llm", "--all"),
        ("incident", "answer", "--all", "--format", "sarif"),
        ("incident", "diff", "llm", "--since", "1", "--between", "1", "2"),
        ("incident", "diff", "llm", "--between", "9", "2"),
        ("incident", "close", "llm", "--reason", " "),
        ("asset", "show", "ghost"),
    ],
)
def test_wrong_input_is_said_with_what_was_expected(home: Path, words: tuple[str, ...]) -> None:
    opened(home)
    result = run(home, *words)
    assert isinstance(result.exception, PratiqueError), result.output
    assert result.exception.expected


def test_an_advisory_that_is_not_recorded_clears_nobody(home: Path) -> None:
    answer = found(home, "exposed", "--advisory", "MAL-0000-1", code=3)
    assert answer["counts"]["cleared"] == 0
    assert any("MAL-0000-1 is not recorded" in text for text in answer["not_seen"])


def test_what_others_named_moves_no_cursor(tmp_path: Path) -> None:
    story = FactStory()
    story.run("ci/\x1b[2J\nevil", seen(item("litellm", "1.82.8"), at="\x1b]0;x\x07"))
    home = tell(story, tmp_path)
    text = run(home, "exposed", "litellm==1.82.8").stdout
    assert "\x1b" not in text
    assert "ci/\\x1b[2J\\nevil" in text


@pytest.mark.parametrize(
    "form", ["sarif", "openvex", "cyclonedx-vex", "ocsf", "stix", "timesketch"]
)
def test_every_output_can_be_asked_for(home: Path, form: str) -> None:
    opened(home)
    result = run(home, "incident", "show", "llm", "--format", form)
    assert result.exit_code == 1, result.output
    assert result.stdout.strip()


def test_assets_are_listed_with_what_is_doubtful(story: FactStory, tmp_path: Path) -> None:
    for machine in ("m1", "m2"):
        story.look("lap", kind=AssetKind.LAPTOP, place=PlaceKind.ASSET, machine=machine)
    home = tell(story, tmp_path)
    listed = {one["asset"]: one for one in found(home, "asset", "list", code=3)["assets"]}
    assert listed["asset:lap"]["machines"] == 2
    assert listed["asset:ci/3"]["unreadable"] == 1
    only = found(home, "asset", "list", "--kind", "laptop", code=3)["assets"]
    assert [one["asset"] for one in only] == ["asset:lap"]
    shown = found(home, "asset", "show", "ci/1", code=0)
    assert [place["kind"] for place in shown["places"]] == ["ci-log", "secrets"]
    assert shown["identities"][0]["identity"] == "identity:ci-secret/DEPLOY"
    assert shown["unwatched"][0] == {"start": None, "end": "2026-03-24T10:41:00Z"}
    text = run(home, "asset", "show", "lap").stdout
    assert "CONFLICT: 2 machines use this name" in text


def test_looks_and_our_door_are_one_answer(tmp_path: Path) -> None:
    from kit.door_story import Story, row  # noqa: PLC0415 - one test needs it

    door = Story()
    door.watch("start")
    bad = row("litellm-1.82.8-py3-none-any.whl", "1.82.8")
    door.view("litellm", [bad])
    door.token("lap")
    door.token("build")
    door.deliver("asset:lap", "litellm", bad)
    door.watched(minutes=30)
    story = FactStory(log=door.log, now=door.now)
    story.machine("lap", seen(item("litellm", "1.82.8")), when="10:20")
    since = "2026-01-01T00:00:00Z"
    bound = ("asset:build", "door:index")
    story.fact(Relation.FETCHES_THROUGH, *bound, from_lo=since, from_hi=since)
    home = tell(story, tmp_path)
    words = (
        "exposed",
        "litellm==1.82.8",
        "--from",
        "2026-03-24T10:00Z",
        "--to",
        "2026-03-24T10:30Z",
    )
    answer = found(home, *words, code=1)
    told = {one["asset"]: one for one in answer["assets"]}
    lap = told["asset:lap"]
    assert (lap["certainty"], lap["stage"], lap["times"]) == ("confirmed", "installed", 1)
    assert {one["how"] for one in lap["sightings"]} == {"version", "door"}
    assert told["asset:build"]["rule"] == "bound-to-door"
    assert answer["coverage"]["whole"] is True


def _door_and_sweep() -> FactStory:
    """`lap` was swept, `build` asked our door for a page only, `eager` got an old release."""
    from kit.door_story import Story, row  # noqa: PLC0415 - two tests need it

    door = Story()
    door.watch("start")
    old = row("litellm-1.0.0-py3-none-any.whl", "1.0.0")
    door.view("litellm", [old])
    door.token("build")
    door.token("eager")
    door.deliver("asset:eager", "litellm", old)
    door.watched(minutes=30)
    story = FactStory(log=door.log, now=door.now)
    story.machine("lap", seen(item("other", "1")), when="10:20")
    since = "2026-01-01T00:00:00Z"
    bound = ("asset:eager", "door:index")
    story.fact(Relation.FETCHES_THROUGH, *bound, from_lo=since, from_hi=since)
    return story


_HALF_HOUR = ("--from", "2026-03-24T10:00Z", "--to", "2026-03-24T10:30Z")


def test_asking_about_one_asset_says_what_asking_about_all_says(tmp_path: Path) -> None:
    home = tell(_door_and_sweep(), tmp_path)
    fleet = found(home, "exposed", "litellm==1.82.8", *_HALF_HOUR, code=3)
    rules = {one["asset"]: one["rule"] for one in fleet["assets"]}
    assert rules["asset:build"] == "elsewhere"
    for name, rule in rules.items():
        words = ("exposed", "litellm==1.82.8", "--asset", name, *_HALF_HOUR)
        code = 0 if rule == "bound-to-door" else 3
        (one,) = found(home, *words, code=code)["assets"]
        assert (name, one["rule"]) == (name, rule)


def _advise_by_range(home: Path, tmp_path: Path, **affected: Any) -> None:
    """Record TEST-1: versions listed and a range, as PYSEC does."""
    package = {"ecosystem": "PyPI", "name": "litellm"}
    record = {
        "id": "TEST-1",
        "modified": "2026-03-24T10:20:00Z",
        "affected": [{"package": package, **affected}],
    }
    file = tmp_path / "record.json"
    file.write_text(json.dumps(record), "utf-8")
    assert run(home, "advisory", "add", str(file)).exit_code == 0


def _events(*events: dict[str, str]) -> list[dict[str, Any]]:
    return [{"type": "ECOSYSTEM", "events": list(events)}]


def test_a_release_that_only_a_range_means_is_found_where_our_door_delivered_it(
    tmp_path: Path,
) -> None:
    home = tell(_door_and_sweep(), tmp_path)
    below = _events({"introduced": "0"}, {"fixed": "1.5"})
    _advise_by_range(home, tmp_path, versions=["1.4.9"], ranges=below)
    words = ("exposed", "--advisory", "TEST-1", *_HALF_HOUR)
    (one,) = found(home, *words, "--asset", "eager", code=1)["assets"]
    assert (one["certainty"], one["rule"], one["stage"]) == ("confirmed", "fetched", "fetched")
    assert one["files"] == ["litellm-1.0.0-py3-none-any.whl"]
    told = {one["asset"]: one for one in found(home, *words, code=1)["assets"]}
    assert told["asset:eager"]["certainty"] == "confirmed"
    assert told["asset:build"]["rule"] == "elsewhere"
    # As of the ledger before the delivery nothing had come.
    first = one["entries"][0]
    then = found(home, *words, "--as-known-at", str(first - 1), "--asset", "eager")["assets"]
    assert then[0]["certainty"] == "unknown"
    # An incident says the same, and why.
    opened = found(home, "incident", "open", "--advisory", "TEST-1", *_HALF_HOUR)
    name = opened["incident"]
    assert found(home, "incident", "answer", name)["counts"]["confirmed"] == 1
    why = run(home, "incident", "why", name, "eager").stdout
    assert "litellm-1.0.0-py3-none-any.whl" in why


def test_our_door_clears_of_a_range_in_which_it_delivered_nothing(tmp_path: Path) -> None:
    home = tell(_door_and_sweep(), tmp_path)
    above = _events({"introduced": "1.0.0.post1"}, {"fixed": "1.5"})
    _advise_by_range(home, tmp_path, versions=["1.4.9"], ranges=above)
    words = ("exposed", "--advisory", "TEST-1", "--asset", "eager", *_HALF_HOUR)
    (one,) = found(home, *words, code=0)["assets"]
    assert (one["certainty"], one["rule"]) == ("cleared", "bound-to-door")


def test_a_mode_that_watches_needs_no_patience(tmp_path: Path) -> None:
    story = FactStory()
    story.look(
        "lap",
        kind=AssetKind.LAPTOP,
        place=PlaceKind.ASSET,
        mode=LookMode.EVENT,
        start=at("10:00"),
        end=at("12:00"),
    )
    home = tell(story, tmp_path)
    words = ("exposed", "litellm==1.82.8", "--window", WINDOW)
    assert found(home, *words, "--to", "2026-03-24T12:00Z", code=0)["clear"] is True
    assert found(home, *words, code=3)["assets"][0]["rule"] == "not-since"


def test_an_advisory_that_names_the_project_is_pointed_to(home: Path) -> None:
    run(home, "advisory", "add", str(GOLDEN / "litellm-2026-03.json"))
    told = found(home, "exposed", "litellm==1.82.8")["not_seen"]
    assert any("--advisory MAL-2026-2144" in text for text in told)
    told = found(home, "exposed", "litellm==1.82.8", "--advisory", "MAL-2026-2144")["not_seen"]
    assert not any("--advisory" in text for text in told)
    assert not any("--advisory" in text for text in found(home, "exposed", "other==1")["not_seen"])
