"""Each output against its standard's library or schema, and what each word becomes."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from py_ocsf_models.objects.finding_info import FindingInformation
from py_ocsf_models.objects.metadata import Metadata

from kit.incidents import WHEEL, answer, incident, later, line, sighting
from kit.openvex_schema import OPENVEX
from kit.sarif_schema import SARIF
from kit.schemas import checker_of, cyclonedx_errors
from pratique.errors import InputError
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import (
    AnswerMark,
    Asked,
    Counts,
    Group,
    Incident,
    IncidentAnswer,
    Reach,
    Release,
)
from pratique.exposure.outputs import FORMS, render_output
from pratique.exposure.outputs.common import purl_of

FULL = answer(
    lines=(
        line(),
        line("ci/acme/api/7", sighting(4, how="version", digest=""), certainty=Certainty.PROBABLE,
             kind="ci-run"),
        line("laptop ann/ü", sighting(5, certainty=Certainty.POSSIBLE), kind="laptop",
             certainty=Certainty.POSSIBLE, ran=None, theft_from=None),
        line("web-1", certainty=Certainty.CLEARED, stage=None, first_at=None, last_at=None),
        line("web-2", certainty=Certainty.UNKNOWN, stage=None, first_at=None, last_at=None,
             missing="sweep/environments"),
    ),
    groups=(
        Group(certainty=Certainty.CLEARED, rule="watched", kind="image", missing="", count=41,
              assets=("asset:image/1", "asset:image/2")),
        Group(certainty=Certainty.UNKNOWN, rule="unwatched", kind="laptop", missing="no look",
              count=1, assets=("asset:laptop-bob",)),
    ),
)  # fmt: skip
EMPTY = answer(
    lines=(), groups=(), advisories=(), windows=(), widest=None, reach=Reach(), counts=Counts(),
    not_seen=(), asked=Asked(digests=(WHEEL,)), incident="", title="",
)  # fmt: skip
CASES: list[tuple[Incident | None, IncidentAnswer]] = [
    (incident(), FULL), (incident(), answer()), (None, EMPTY),
]  # fmt: skip


def rendered(form: str, number: int = 0) -> Any:
    return json.loads(render_output(form, *CASES[number]))


def lines_of(form: str, number: int = 0) -> list[dict[str, Any]]:
    return [json.loads(one) for one in render_output(form, *CASES[number]).splitlines()]


def checked(schema: dict[str, Any], value: Any) -> None:
    checker_of(schema).validate(value)


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match="no such format"):
        render_output("csaf", None, EMPTY)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("number", range(3))
def test_the_same_answer_gives_the_same_bytes(form: str, number: int) -> None:
    assert render_output(form, *CASES[number]) == render_output(form, *CASES[number])


# --- SARIF ---


@pytest.mark.parametrize("number", range(3))
def test_sarif_is_sarif(number: int) -> None:
    checked(SARIF, rendered("sarif", number))


def test_sarif_points_at_the_line_and_says_the_chain() -> None:
    run = rendered("sarif", 1)["runs"][0]
    lock = run["results"][1]
    assert lock["ruleId"] == "exposure/possible"
    assert lock["level"] == "warning"
    where = lock["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "requirements.txt"
    assert where["region"]["startLine"] == 12
    assert "litellm 1.82.8 ← dspy" in run["results"][0]["message"]["text"]
    notes = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert any("2 assets (laptop) are unknown" in note for note in notes)


# --- VEX ---


@pytest.mark.parametrize("number", range(3))
def test_cyclonedx_vex_is_cyclonedx(number: int) -> None:
    errors = cyclonedx_errors(render_output("cyclonedx-vex", *CASES[number]))
    assert errors is None, str(errors)


def test_cyclonedx_vex_says_the_state_of_every_asset() -> None:
    found = rendered("cyclonedx-vex")
    states = {
        affected["ref"]: one["analysis"]["state"]
        for one in found["vulnerabilities"]
        for affected in one["affects"]
    }
    assert states == {
        "urn:pratique:asset:build-7": "exploitable",
        "urn:pratique:asset:ci%2Facme%2Fapi%2F7": "exploitable",
        "urn:pratique:asset:laptop%20ann%2F%C3%BC": "in_triage",
        "urn:pratique:asset:web-1": "not_affected",
        "urn:pratique:asset:web-2": "in_triage",
        "urn:pratique:asset:image%2F1": "not_affected",
        "urn:pratique:asset:image%2F2": "not_affected",
        "urn:pratique:asset:laptop-bob": "in_triage",
    }
    assert {one["bom-ref"] for one in found["components"]} == set(states)
    cleared = next(v for v in found["vulnerabilities"] if v["bom-ref"].endswith("cleared"))
    assert "39 further assets are counted" in cleared["analysis"]["detail"]


@pytest.mark.parametrize("number", range(3))
def test_openvex_is_openvex(number: int) -> None:
    checked(OPENVEX, rendered("openvex", number))


def test_openvex_never_clears_what_is_not_known() -> None:
    statuses = {
        product["@id"].rpartition(":")[2]: one
        for one in rendered("openvex")["statements"]
        for product in one["products"]
    }
    assert statuses["build-7"]["status"] == "affected"
    assert statuses["build-7"]["action_statement"]
    assert statuses["laptop-bob"]["status"] == "under_investigation"
    assert statuses["web-2"]["status"] == "under_investigation"
    cleared = statuses["web-1"]
    assert (cleared["status"], cleared["justification"]) == (
        "not_affected",
        "component_not_present",
    )
    assert "was watched" in cleared["status_notes"]
    assert rendered("openvex", 2)["statements"][0]["status"] == "under_investigation"


# --- OCSF ---

# Required by class incident_finding 1.5.0 (schema.ocsf.io); py-ocsf-models does not have the class.
INCIDENT_FINDING: dict[str, Any] = {
    "type": "object",
    "required": ["activity_id", "category_uid", "class_uid", "finding_info_list", "metadata",
                 "severity_id", "status_id", "time", "type_uid"],
    "anyOf": [{"required": ["assignee"]}, {"required": ["assignee_group"]}],
    "properties": {
        "activity_id": {"enum": [0, 1, 2, 3, 99]},
        "category_uid": {"const": 2},
        "class_uid": {"const": 2005},
        "type_uid": {"enum": [200500, 200501, 200502, 200503, 200599]},
        "severity_id": {"enum": [0, 1, 2, 3, 4, 5, 6, 99]},
        "status_id": {"enum": [0, 1, 2, 3, 4, 5, 99]},
        "time": {"type": "integer"},
        "start_time": {"type": "integer"},
        "assignee": {"type": "object", "required": ["name"]},
        "finding_info_list": {"type": "array", "minItems": 1},
    },
}  # fmt: skip


@pytest.mark.parametrize("number", range(3))
def test_ocsf_is_ocsf(number: int) -> None:
    for event in lines_of("ocsf", number):
        if event["class_uid"] == 2005:
            checked(INCIDENT_FINDING, event)
            Metadata.model_validate(event["metadata"])
            for one in event["finding_info_list"]:
                FindingInformation.model_validate(one)
        else:
            DetectionFinding.model_validate(event)
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]


def test_ocsf_has_the_incident_and_each_exposed_asset() -> None:
    events = lines_of("ocsf")
    assert [one["class_uid"] for one in events] == [2005, 2004, 2004, 2004]
    assert [one["severity"] for one in events[1:]] == ["Critical", "High", "Medium"]
    assert [one["confidence"] for one in events[1:]] == ["High", "Medium", "Low"]
    assert events[0]["unmapped"]["unknown"][0]["missing"] == "no look"
    assert lines_of("ocsf", 2) == []


def test_ocsf_follows_the_life_of_an_incident() -> None:
    mark = AnswerMark(
        entry=9, recorded_at=later(99), as_known_at=9, asked_at=later(99), counts=Counts(),
        digest="d", substance="", because=("late fact",), changes=(), changes_total=0,
    )  # fmt: skip
    updated = render_output("ocsf", incident(answers=(mark, mark)), FULL).splitlines()[0]
    assert json.loads(updated)["activity_name"] == "Update"
    closed = render_output("ocsf", incident(closed_at=later(99)), FULL).splitlines()[0]
    assert json.loads(closed)["status"] == "Closed"
    story = render_output("timesketch", incident(answers=(mark,)), FULL)
    assert "answer recorded (late fact)" in story
    nothing = render_output("ocsf", incident(), answer(lines=())).splitlines()
    assert len(nothing) == 1


# --- STIX ---


@pytest.mark.parametrize("number", range(3))
def test_stix_is_stix(number: int) -> None:
    bundle = stix2.parse(render_output("stix", *CASES[number]), allow_custom=False)
    ids = [one.id for one in bundle.objects]
    assert len(ids) == len(set(ids))
    for one in bundle.objects:
        for name in ("created_by_ref", "source_ref", "target_ref", "sighting_of_ref"):
            assert one.get(name) is None or one[name] in ids


def test_stix_sightings_have_first_last_and_count() -> None:
    bundle = rendered("stix")
    sightings = [one for one in bundle["objects"] if one["type"] == "sighting"]
    assert [(one["count"], one["confidence"]) for one in sightings] == [(1, 75), (1, 35), (1, 95)]
    assert sightings[0]["first_seen"] == "2026-03-24T10:45:00.000Z"
    assert sightings[0]["last_seen"] == "2026-03-24T15:39:00.000Z"
    assert "build-7" not in json.dumps(bundle), "others need not know which of ours"
    patterns = [one["pattern"] for one in bundle["objects"] if one["type"] == "indicator"]
    assert f"[file:hashes.'SHA-256' = '{WHEEL.removeprefix('sha256:')}']" in patterns


# --- Timesketch ---


@pytest.mark.parametrize("number", range(3))
def test_timesketch_has_its_three_columns_in_order_of_time(number: int) -> None:
    events = lines_of("timesketch", number)
    for one in events:
        assert one["message"]
        assert one["timestamp_desc"]
        assert one["datetime"].endswith("+00:00")
    assert [one["datetime"] for one in events] == sorted(one["datetime"] for one in events)


def test_timesketch_tells_the_story() -> None:
    story = [(one["timestamp_desc"], one["message"]) for one in lines_of("timesketch", 1)]
    words = [description for description, _ in story]
    for word in ("Could be had from", "First Seen", "Code may have run from", "Rotated",
                 "Awareness", "Incident Opened"):  # fmt: skip
        assert word in words
    assert words.index("Could be had from") < words.index("First Seen")


# --- whatever stands in an answer ---

NASTY = st.text(max_size=30)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=15, deadline=None)
@given(NASTY, NASTY, NASTY, st.sampled_from(["pypi", "npm", "", "odd type", "docker"]))
def test_no_text_breaks_a_format(name: str, version: str, place: str, kind: str) -> None:
    seen = sighting(type=kind, name=name, version=version, locator=place, at=place, note=name,
                    digest=f"sha256:{name}", filename=name, parents=(name, version))  # fmt: skip
    odd = answer(
        title=name,
        asked=Asked(releases=(Release(type=kind, name=name, version=version),)),
        lines=(line(f"x{name}", seen, note=place, kind="server"),),
    )
    case = incident(title=name)
    checked(SARIF, json.loads(render_output("sarif", case, odd)))
    checked(OPENVEX, json.loads(render_output("openvex", case, odd)))
    errors = cyclonedx_errors(render_output("cyclonedx-vex", case, odd))
    assert errors is None, str(errors)
    for event in render_output("ocsf", case, odd).split("\n")[1:]:
        DetectionFinding.model_validate_json(event)
    stix2.parse(render_output("stix", case, odd), allow_custom=False)
    for event in render_output("timesketch", case, odd).split("\n"):
        json.loads(event)


def test_releases_become_package_urls() -> None:
    assert purl_of("npm", "@scope/name", "1.0") == "pkg:npm/%40scope/name@1.0"
    assert purl_of("githubactions", "tj-actions/changed-files", "v45") == (
        "pkg:githubactions/tj-actions/changed-files@v45"
    )
    assert purl_of("pypi", "litellm") == "pkg:pypi/litellm"
    for odd in (("", "x", "1"), ("odd type", "x", "1"), ("pypi", "", "")):
        PackageURL.from_string(purl_of(*odd))


# --- again, and much ---


def test_asked_again_the_same_things_keep_their_ids() -> None:
    """A platform must update what it has, not count it twice."""
    again = answer(lines=FULL.lines, asked_at=later(600), facts=9)
    for form, key in (("stix", "id"), ("ocsf", "finding_info")):
        first, second = (
            json.loads(text)["objects"]
            if form == "stix"
            else [json.loads(x) for x in text.split("\n")]
            for text in (render_output(form, incident(), one) for one in (FULL, again))
        )
        assert [one.get(key) for one in first if form == "stix"] == [
            one.get(key) for one in second if form == "stix"
        ]
        if form == "stix":
            assert [one.get("created") for one in first] == [one.get("created") for one in second]
            assert [one for one in first if one.get("modified", "") < one.get("created", "")] == []
        else:
            uids = [[one["finding_info"]["uid"] for one in some[1:]] for some in (first, second)]
            assert uids[0] == uids[1]
    alone = [json.loads(render_output("ocsf", None, one).split("\n")[0]) for one in (FULL, again)]
    assert alone[0]["finding_info"]["uid"] == alone[1]["finding_info"]["uid"]


def test_software_has_the_id_that_the_standard_gives_it() -> None:
    (one,) = [one for one in rendered("stix")["objects"] if one["type"] == "software"]
    assert one["id"] == stix2.Software(name="litellm", version="1.82.8").id


def test_openvex_names_at_an_asset_what_was_seen_there() -> None:
    releases = tuple(Release(type="npm", name=f"p{n}", version="1") for n in range(1000))
    found = answer(lines=FULL.lines, groups=FULL.groups, asked=Asked(releases=releases))
    text = render_output("openvex", incident(), found)
    checked(OPENVEX, json.loads(text))
    affected = next(one for one in json.loads(text)["statements"] if one["status"] == "affected")
    (product,) = affected["products"]
    assert product["subcomponents"] == [{"@id": "pkg:pypi/litellm@1.82.8"}]
    assert len(text) < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_many_assets_take_time_and_room_as_they_are_many(form: str) -> None:
    releases = tuple(Release(type="npm", name=f"p{n}", version="1") for n in range(300))
    count = 3000
    found = answer(
        lines=tuple(line(f"build-{n}") for n in range(count)),
        asked=Asked(releases=releases), counts=Counts(confirmed=count), groups=(),
    )  # fmt: skip
    started = process_time()
    text = render_output(form, incident(), found)
    assert process_time() - started < 4
    assert len(text) < count * 6000
