"""Contradictions in advisories are named; sound records raise none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.errors import ValueFormatError
from pratique.exposure.advisories.changes import changes_between
from pratique.exposure.advisories.checks import check_advisory, versions_in_text
from pratique.exposure.advisories.model import Advisory, AdvisoryRevision, Confidence
from pratique.exposure.advisories.overlay import (
    OverlayError,
    combine,
    embedded_overlay,
    parse_overlay,
    render_overlay,
)
from pratique.exposure.advisories.records import parse_revision
from pratique.policy.osv_wire import AdvisoryError

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "golden" / "data"
LITELLM = {"ecosystem": "PyPI", "name": "litellm"}


def advisory(overlay: dict[str, Any] | None = None, **fields: Any) -> Advisory:
    wire: dict[str, Any] = {"id": "MAL-1", **fields}
    data = json.dumps(wire).encode()
    read = parse_revision(data, source="t", seen_at=NOW)
    told = (
        None if overlay is None else parse_overlay(json.dumps(overlay).encode(), advisory="MAL-1")
    )
    return combine(read, told)


def golden(name: str) -> Advisory:
    data = (DATA / f"{name}.json").read_bytes()
    return combine(parse_revision(data, source=name, seen_at=NOW), embedded_overlay(data))


def rules(found: Advisory, **given_: Any) -> list[str]:
    return [one.rule for one in check_advisory(found, **given_)]


def listed(*versions: str, **fields: Any) -> dict[str, Any]:
    return {"affected": [{"package": LITELLM, "versions": list(versions)}], **fields}


# ── text ─────────────────────────────────────────────────────────────────────────────────────


def test_the_first_record_on_litellm_leaves_out_a_version_that_its_text_names() -> None:
    found = check_advisory(golden("litellm-2026-03.first"))
    assert [one.rule for one in found] == ["text-against-versions"]
    assert found[0].versions == ("1.82.7",)


def test_versions_told_in_full_are_no_contradiction() -> None:
    details = "Versions 1.82.7 and 1.82.8 are bad. Upgrade to 1.83.0; 1.82.6 is clean."
    assert rules(advisory(**listed("1.82.7", "1.82.8", details=details))) == []


def test_a_version_called_clean_and_listed() -> None:
    found = check_advisory(advisory(**listed("1.82.7", details="Version 1.82.7 is clean.")))
    assert [(one.rule, one.versions) for one in found] == [("called-clean", ("1.82.7",))]


def test_a_version_of_which_the_text_says_nothing() -> None:
    found = check_advisory(advisory(**listed("1.82.7", "1.82.9", details="Do not use 1.82.7.")))
    assert [(one.rule, one.versions) for one in found] == [("text-against-versions", ("1.82.9",))]


def test_the_fix_of_a_range_is_no_missing_version() -> None:
    events = [{"introduced": "1.0"}, {"fixed": "2.0.1"}]
    found = advisory(
        details="An error in 1.5.0, not in 2.0.1 any more.",
        affected=[{"package": LITELLM, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    )
    assert rules(found) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.82.7 and 1.82.8", (("1.82.7", False), ("1.82.8", False))),
        ("CVSS:3.1/AV:N, https://a.example/1.2.3 and 10.0.0.1", ()),
        ("46.151.182[.]203", ()),
        ("fixed in 2.0.1", (("2.0.1", True),)),
        ("1.0 is bad; downgrade from 1.0 to version 0.9", (("1.0", False), ("0.9", False))),
        ("on 2026-03-24 at 11:15", ()),
        ("v1.2.0rc1", (("1.2.0rc1", False),)),
        ("litellm==1.82.7.", (("1.82.7", False),)),
        ("litellm@1.2", ()),
    ],
)
def test_versions_are_read_from_text(text: str, expected: tuple[tuple[str, bool], ...]) -> None:
    assert versions_in_text(text) == expected


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_text_crashes_the_checks(text: str) -> None:
    check_advisory(advisory(**listed("1.0", details=text, summary=text)))


# ── ranges, pages, windows, dates, aliases ───────────────────────────────────────────────────


def test_a_record_that_means_every_known_version() -> None:
    """PYSEC-2026-206 did."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    found = advisory(affected=[{"package": LITELLM, "ranges": ranges}], details="0.9.1 was bad.")
    known = {("pypi", "litellm"): ["0.8", "0.9", "0.9.1"]}
    sweeping = [one for one in check_advisory(found, known=known) if one.rule == "every-version"]
    assert len(sweeping) == 1
    assert "3 known versions" in sweeping[0].sentence
    assert "0.9.1" in sweeping[0].sentence


def test_a_version_that_no_page_ever_listed() -> None:
    found = check_advisory(
        advisory(**listed("1.107.0", "1.106")),
        listed={("pypi", "litellm"): ["1.106.0", "1.106.10", "1.108.0"]},
    )
    assert [(one.rule, one.versions) for one in found] == [("never-listed", ("1.107.0",))]


def window(end: str, source: str, **fields: Any) -> dict[str, Any]:
    return {
        "channel": "pypi",
        "from": "2026-03-24T10:39:00Z",
        "to": end,
        "source": source,
        **fields,
    }


def test_a_window_that_is_shorter_than_anothers() -> None:
    found = check_advisory(
        advisory(
            {
                "windows": [
                    window("2026-03-24T11:25:00Z", "project"),
                    window("2026-03-24T13:11:00Z", "index", confidence="high"),
                    window("2026-03-24T13:11:30Z", "another, half a minute later"),
                    {**window("2026-03-24T10:50:00Z", "elsewhere"), "channel": "ghcr"},
                ]
            },
            **listed("1.82.7"),
        )
    )
    assert [one.rule for one in found] == ["window-shorter"]
    assert "1 h 46 min apart" in found[0].sentence
    assert "'project' ends at 2026-03-24T11:25:00Z" in found[0].sentence


def test_a_record_published_when_everything_was_over() -> None:
    overlay = {"windows": [window("2026-03-24T13:11:00Z", "index")]}
    late = advisory(overlay, published="2026-03-24T15:35:00Z", **listed("1.82.7"))
    assert rules(late) == ["published-late"]
    early = advisory(overlay, published="2026-03-24T10:00:00Z", **listed("1.82.7"))
    assert rules(early) == ["dates"]


def test_aliases_that_disagree_and_one_withdrawn_alone() -> None:
    one = advisory(**listed("1.82.7", "1.82.8", aliases=["PYSEC-1"]))
    wire = {"id": "PYSEC-1", **listed("1.82.8")}
    other = combine(parse_revision(json.dumps(wire).encode(), source="t", seen_at=NOW), None)
    found = check_advisory(one, others=[other, one])
    assert [(each.rule, each.versions) for each in found] == [("aliases-disagree", ("1.82.7",))]
    wire["withdrawn"] = "2026-03-25T00:00:00Z"
    gone = combine(parse_revision(json.dumps(wire).encode(), source="t", seen_at=NOW), None)
    assert rules(one, others=[gone]) == ["withdrawn-alone"]


# ── overlays ─────────────────────────────────────────────────────────────────────────────────

REFUSED = [
    ({"windows": [{"channel": "pypi"}]}, "source"),
    ({"windows": [window("2026-03-24T10:00:00Z", "s")]}, "windows[0] ends before it starts"),
    ({"windows": [window("yesterday", "s")]}, "windows[0].to"),
    ({"windows": [window("2026-03-24T11:00:00", "s")]}, "time zone"),
    ({"windows": [window("2026-03-24T11:00:00Z", "s", confidence="sure")]}, "confidence"),
    ({"window": []}, "window"),
    ({"digests": [{"digest": "sha256:abc"}]}, "digests[0]"),
    ({"digests": [{"digest": "sha257:" + "a" * 64}]}, "digests[0]"),
    ({"digests": [{"digest": "sha256:" + "a" * 65}]}, "digests[0]"),
    ({"clean": ["sha256:" + "a" * 20]}, "clean[0]"),
    ({"refs": [{"package": "githubactions/a/b", "ref": ""}]}, "refs[0]"),
    ({"refs": [{"package": "githubactions/a/b", "ref": "v1", "spared": ["v2"]}]}, "spare"),
    ({"refs": [{"package": "nonsense", "ref": "v1"}]}, "refs[0]"),
    ({"payload": [{"trigger": ["sometimes"]}]}, "trigger"),
    ({"payload": [{"reads": ["soul"]}]}, "reads"),
    ({"id": "OTHER-1"}, "OTHER-1"),
    ({"first_aware": {"at": "soon", "source": "s"}}, "first_aware.at"),
]  # fmt: skip


@pytest.mark.parametrize(("overlay", "named"), REFUSED)
def test_an_overlay_with_a_mistake_is_refused_by_name(overlay: dict[str, Any], named: str) -> None:
    with pytest.raises(OverlayError) as caught:
        parse_overlay(json.dumps(overlay).encode(), advisory="MAL-1")
    assert named in str(caught.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("*.json")))
def test_golden_overlays_survive_being_written(name: str) -> None:
    data = (DATA / f"{name}.json").read_bytes()
    overlay = embedded_overlay(data)
    if overlay is not None:
        text = render_overlay(overlay)
        assert parse_overlay(text.encode(), advisory=overlay.id) == overlay
        assert render_overlay(parse_overlay(text.encode(), advisory=overlay.id)) == text


def test_contacts_are_compared_as_real_names() -> None:
    overlay = parse_overlay(
        b'{"payload": [{"contacts": ["models.litellm[.]cloud", "hxxps[:]//a[.]example"]}]}',
        advisory="MAL-1",
    )
    assert overlay.payload[0].contacts == ("models.litellm.cloud", "https://a.example")


def test_a_window_without_confidence_is_of_low_confidence() -> None:
    overlay = parse_overlay(
        json.dumps({"windows": [window("2026-03-24T13:11:00Z", "s")]}).encode(), advisory="MAL-1"
    )
    assert overlay.windows[0].confidence is Confidence.LOW


def test_what_the_policy_reads_counts_as_digest_too() -> None:
    digest = "ab" * 32
    data = json.dumps(
        {"id": "MAL-1", **listed("1"), "database_specific": {"pratique": {"sha256": [digest]}}}
    ).encode()
    found = combine(parse_revision(data, source="t", seen_at=NOW), embedded_overlay(data))
    assert found.digests == {f"sha256:{digest}"}


def test_an_overlay_may_name_projects_that_the_record_does_not() -> None:
    overlay = {"digests": [{"digest": "sha256:" + "a" * 64, "package": "docker/litellm/litellm"}]}
    found = advisory(overlay, **listed("1.82.7"))
    assert found.names == {("pypi", "litellm"), ("docker", "litellm/litellm")}


# ── records ──────────────────────────────────────────────────────────────────────────────────


def parsed(wire: dict[str, Any]) -> AdvisoryRevision:
    return parse_revision(json.dumps(wire).encode(), source="t", seen_at=NOW)


@pytest.mark.parametrize(
    ("ecosystem", "name", "purl", "expected"),
    [
        ("PyPI", "Lite_LLM", "", ("pypi", "lite-llm")),
        ("npm", "@Scope/Name", "", ("npm", "@scope/name")),
        ("GitHub Actions", "tj-actions/Changed-Files", "",
         ("githubactions", "tj-actions/changed-files")),
        ("Debian:12", "xz-utils", "", ("deb", "debian/xz-utils")),
        ("Maven", "org.a:b", "", ("maven", "org.a/b")),
        ("", "", "pkg:npm/%40scope/name@1.0", ("npm", "@scope/name")),
        ("", "", "pkg:docker/library/Python@3", ("docker", "python")),
        ("", "x", "pkg:generic/xz@5.6.0?a=b", ("generic", "xz")),
        ("Moon", "rock", "", ("generic", "rock")),
    ],
)  # fmt: skip
def test_projects_have_one_name(
    ecosystem: str, name: str, purl: str, expected: tuple[str, str]
) -> None:
    package = {"ecosystem": ecosystem, "name": name, "purl": purl}
    affected = parsed({"id": "A-1", "affected": [{"package": package}]}).affected
    assert [(one.type, one.name) for one in affected] == [expected]


def test_odd_fields_of_other_databases_do_not_matter() -> None:
    read = parsed(
        {"id": "A-1", "severity": 7, "references": "none", "summary": ["a"], "related": {},
         "published": "never", "modified": "2026-01-01T00:00:00Z", "withdrawn": "gone",
         "affected": [{"package": None}, {"package": LITELLM, "versions": ["1", "1"]}]}
    )  # fmt: skip
    assert read.withdrawn is not None, "a record taken back at a strange time is taken back"
    assert read.affected[0].versions == ("1",)
    assert any("published" in defect for defect in read.defects)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"id": ""}', b"{", b'{"id": 1}', b"\xff\xfe"])
def test_what_is_no_record_is_said(data: bytes) -> None:
    with pytest.raises(AdvisoryError):
        parse_revision(data, source="t", seen_at=NOW)


def test_an_id_that_could_not_be_a_subject_is_refused() -> None:
    with pytest.raises(ValueFormatError):
        parsed({"id": "a b\nc"})


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["hashes", "pratique", "indicators",
                                                       "package_integrity", "sha256"]), inner,
                                      max_size=3), max_leaves=10))  # fmt: skip
def test_no_database_specific_crashes(anything: Any) -> None:
    package = {"package": LITELLM, "database_specific": anything}
    parsed({"id": "A-1", "affected": [package], "database_specific": anything})


# ── changes ──────────────────────────────────────────────────────────────────────────────────


def test_changes_name_what_was_added_and_whether_answers_may_change() -> None:
    first, later = golden("litellm-2026-03.first"), golden("litellm-2026-03")
    found = {one.what: one for one in changes_between(first, later)}
    assert found["versions"].added == ("1.82.7",)
    assert found["versions"].bears_on_answers
    assert not found["text"].bears_on_answers
    assert len(found["windows"].added) == 4
    assert changes_between(later, later) == ()


def test_a_project_that_was_taken_out_is_a_change() -> None:
    one = advisory(**listed("1"))
    none = advisory(affected=[])
    assert [(c.what, c.removed) for c in changes_between(one, none)] == [
        ("project", ("pypi/litellm",)),
        ("versions", ("1",)),
    ]
