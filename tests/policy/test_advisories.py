"""OSV records: which versions and files they speak of, and what becomes of odd ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.version import Version

from kit.policies import OTHER_SHA, SHA, index, osv, reviewed_fix
from pratique.policy.advisories import (
    build_index,
    fixed_version_keys,
    matches_version,
    sweeping_records,
)
from pratique.policy.osv import parse_record
from pratique.policy.osv_wire import AdvisoryError
from pratique.values.names import ProjectName

LITELLM = ProjectName("litellm")


def matched(record: dict[str, Any], *versions: str, name: str = "litellm") -> list[str]:
    found = index(record).for_project(ProjectName(name))
    return [v for v in versions if any(matches_version(a, Version(v)) for a in found)]


# ── versions: the OSV schema's evaluation ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("events", "affected", "free"),
    [
        ([{"introduced": "0"}], ["0", "0.0.dev1", "99"], []),
        ([{"introduced": "0"}, {"fixed": "1.2"}], ["0.1", "1.1", "1.2rc1"], ["1.2", "1.2.0", "2"]),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}], ["1.0", "1.0.0", "1.1.post1"], ["0.9", "1.2"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.2"}], ["1.2", "1.2.0"], ["1.2.1", "0.9"]),
        ([{"fixed": "1.2"}, {"introduced": "1.0"}], ["1.1"], ["1.2", "0.9"]),
        (
            [{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}],
            ["1", "3.5"],
            ["2", "2.9", "4", "0"],
        ),
        ([{"introduced": "1.0"}, {"limit": "2.0"}], ["1.5"], ["2.0", "0.9"]),
        ([{"introduced": "1.0"}, {"limit": "*"}], ["1.5", "9"], ["0.9"]),
        ([{"introduced": "1!1.0"}, {"fixed": "1!2.0"}], ["1!1.5"], ["1.5", "1!2.0"]),
    ],
)
def test_ranges(events: list[dict[str, str]], affected: list[str], free: list[str]) -> None:
    record = osv("GHSA-1", events=events)
    assert matched(record, *affected, *free) == affected


def test_listed_versions_match_by_value_not_by_text() -> None:
    record = osv("MAL-1", "1.82.7", "2.0", "3.0-1", "v4.0")
    yes = ["1.82.7", "1.82.7.0", "2", "2.0.0", "2.0+cu118", "3.0.post1", "4"]
    no = ["1.82.70", "1.82.6", "11.82.7", "2.0.post1", "2.0rc1", "3.0"]
    assert matched(record, *yes, *no) == yes


def test_listed_versions_and_ranges_add_up() -> None:
    record = osv("GHSA-1", "9.9", events=[{"introduced": "1"}, {"fixed": "2"}])
    assert matched(record, "1.5", "2", "9.9") == ["1.5", "9.9"]


def test_a_local_version_is_affected_where_its_public_one_is() -> None:
    record = osv("GHSA-1", events=[{"introduced": "0"}, {"last_affected": "2.1"}])
    assert matched(record, "2.1+cu118", "2.2+cu118") == ["2.1+cu118"]


@pytest.mark.parametrize("name", ["LiteLLM", "lite.LLM", "LITELLM", "lite_llm"])
def test_names_are_normalized(name: str) -> None:
    expected = {"LiteLLM": "litellm", "LITELLM": "litellm"}.get(name, "lite-llm")
    assert matched(osv("MAL-1", "1.0", name=name), "1.0", name=expected) == ["1.0"]


@pytest.mark.parametrize("ecosystem", ["npm", "Root:PyPI", "", "Debian:12"])
def test_other_ecosystems_are_none_of_ours(ecosystem: str) -> None:
    assert matched(osv("MAL-1", "1.0", ecosystem=ecosystem), "1.0") == []


def test_a_package_may_be_named_by_purl_alone() -> None:
    record = osv("MAL-1", "1.0")
    record["affected"][0]["package"] = {"purl": "pkg:pypi/LiteLLM"}
    assert matched(record, "1.0") == ["1.0"]


def test_ranges_over_commits_say_nothing_about_files() -> None:
    record = osv("GHSA-1", "1.0")
    record["affected"][0]["ranges"] = [
        {"type": "GIT", "repo": "https://git.example/x", "events": [{"introduced": "0"}]}
    ]
    assert matched(record, "1.0", "2.0") == ["1.0"]


# ── malware, review, withdrawal ──────────────────────────────────────────────────────────────


def test_the_real_litellm_record_names_two_versions_and_no_file() -> None:
    # Shape of MAL-2026-2144: origins carry hashes of source *records*, which must not be taken for
    # hashes of files.
    record = osv("MAL-2026-2144", "1.82.7", "1.82.8", aliases=["PYSEC-2026-2"])
    record["database_specific"] = {
        "malicious-packages-origins": [{"source": "x", "sha256": OTHER_SHA, "versions": ["1.82.8"]}]
    }
    found = index(record)
    (advisory,) = found.for_project(LITELLM)
    assert (advisory.malware, advisory.everything, advisory.sha256) == (True, False, ())
    assert found.malware_sha256 == {}
    assert matched(record, "1.82.6", "1.82.7", "1.82.8", "1.82.70") == ["1.82.7", "1.82.8"]


def test_hashes_of_files_are_read_where_openssf_puts_them() -> None:
    record = osv("MAL-2026-15859", "0.0.1")
    record["affected"][0]["database_specific"] = {
        "indicators": {
            "evidence_files": [{"path": "x/__init__.py", "sha256": OTHER_SHA}],
            "package_integrity": [
                {"filename": "x-0.0.1.tar.gz", "hashes": {"md5": "0" * 32, "sha256": SHA}}
            ],
        }
    }
    assert dict(index(record).malware_sha256) == {SHA: ("MAL-2026-15859",)}


@pytest.mark.parametrize("place", ["record", "affected"])
def test_hashes_of_our_own_records(place: str) -> None:
    record = osv("MAL-ACME-1")
    own = {"pratique": {"sha256": [SHA.upper(), "not a hash"]}}
    (record if place == "record" else record["affected"][0])["database_specific"] = own
    found = index(record)
    assert dict(found.malware_sha256) == {SHA: ("MAL-ACME-1",)}
    assert matched(record, "1.0") == [], "a record that names files speaks of these files only"
    assert any("not a SHA-256" in defect for defect in found.defects)


def test_hashes_in_ordinary_records_deny_nothing() -> None:
    record = osv("GHSA-1", "1.0", database_specific={"pratique": {"sha256": [SHA]}})
    assert index(record).malware_sha256 == {}


@pytest.mark.parametrize(
    ("change", "malware"),
    [({}, False), ({"aliases": ["CVE-1"]}, False), ({"aliases": ["MAL-2026-1"]}, True)],
)
def test_an_alias_of_malware_is_malware(change: dict[str, Any], malware: bool) -> None:
    (advisory,) = index(osv("PYSEC-2026-2", "1.0", **change)).for_project(LITELLM)
    assert advisory.malware is malware


@pytest.mark.parametrize(
    ("record", "reviewer"),
    [
        (osv("PYSEC-2026-2", "1"), "PYSEC"),
        (osv("GHSA-1", "1", database_specific={"github_reviewed": True}), "GHSA"),
        (osv("GHSA-1", "1", database_specific={"github_reviewed": False}), ""),
        (osv("GHSA-1", "1", database_specific={"github_reviewed": "true"}), ""),
        (osv("GHSA-1", "1"), ""),
        (osv("ACME-1", "1", database_specific={"github_reviewed": True}), ""),
        (osv("MAL-1", "1", database_specific={"github_reviewed": True}), ""),
    ],
)
def test_reviewed_means_reviewed(record: dict[str, Any], reviewer: str) -> None:
    (advisory,) = index(record).for_project(LITELLM)
    assert advisory.reviewed_by == reviewer


def test_withdrawn_records_vanish() -> None:
    assert matched(osv("MAL-1", "1.0", withdrawn="2026-04-01T00:00:00Z"), "1.0") == []
    assert matched(osv("MAL-1", "1.0", withdrawn=None), "1.0") == ["1.0"]


def test_of_two_copies_the_one_modified_last_counts_in_any_order() -> None:
    old = osv("MAL-1", "1.0") | {"modified": "2026-03-24T15:35:00Z"}
    new = osv("MAL-1", "2.0") | {"modified": "2026-03-24T15:35:00.5Z"}
    gone = new | {"withdrawn": "2026-04-01T00:00:00Z", "modified": "2026-04-01T00:00:00Z"}
    for pair in ((old, new), (new, old)):
        (advisory,) = index(*pair).for_project(LITELLM)
        assert advisory.versions == ("2",)
    for triple in ((old, new, gone), (gone, old, new)):
        assert index(*triple).for_project(LITELLM) == ()


def test_malware_without_versions_is_the_whole_project() -> None:
    (advisory,) = index(osv("MAL-1")).for_project(LITELLM)
    assert advisory.everything
    (ordinary,) = index(osv("GHSA-1")).for_project(LITELLM)
    assert not ordinary.everything


@pytest.mark.parametrize(
    ("events", "everything"),
    [
        ([{"introduced": "0"}], True),
        ([{"introduced": "0.0.0"}], True),
        ([{"introduced": "0"}, {"limit": "*"}], True),
        ([{"introduced": "1.0"}], False),
        ([{"introduced": "0"}, {"fixed": "1"}], False),
        ([{"limit": "*"}], False),
    ],
)
def test_every_version_is_kept_as_such(events: list[dict[str, str]], everything: bool) -> None:
    (advisory,) = index(osv("MAL-1", events=events)).for_project(LITELLM)
    assert advisory.everything is everything


# ── odd and hostile records ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"null", b"{", b'{"id": 7}', b'{"modified": "x"}', b'{"id": ""}', b"\xff\xfe",
        b'{"id": "MAL-1", "affected": {"package": 1}}',
        b'{"id": "MAL-1", "affected": [{"versions": [1.0]}]}',
    ],
)  # fmt: skip
def test_what_is_not_a_record_is_an_error(data: bytes) -> None:
    with pytest.raises(AdvisoryError):
        parse_record(data)


@pytest.mark.parametrize(
    "odd",
    [
        {"database_specific": None},
        {"database_specific": ["sha256"]},
        {"database_specific": {"pratique": "sha256"}},
        {"database_specific": {"pratique": {"sha256": {"a": 1}}}},
        {"aliases": None},
        {"severity": [{"type": "CVSS_V3", "score": 7}]},
        {"unheard_of": {"deep": [1, 2, {"x": None}]}},
    ],
)
def test_odd_corners_do_not_hide_the_record(odd: dict[str, Any]) -> None:
    assert matched(osv("MAL-1", "1.0") | odd, "1.0") == ["1.0"]


def test_odd_corners_of_a_package_do_not_hide_the_record() -> None:
    for specific in (None, [], {"indicators": 1}, {"indicators": {"package_integrity": {"sha256": 1}}},
                     {"indicators": {"package_integrity": [7, {"hashes": {"sha256": None}}]}}):  # fmt: skip
        record = osv("MAL-1", "1.0")
        record["affected"][0]["database_specific"] = specific
        assert matched(record, "1.0") == ["1.0"]


def test_versions_that_are_none_are_reported_and_match_nothing() -> None:
    found = index(osv("MAL-1", "1.0", "2004d", "one"))
    assert matched(osv("MAL-1", "1.0", "2004d"), "1.0", "2.0") == ["1.0"]
    assert found.defects == ("MAL-1: versions that are not PEP 440 match no file: 2004d, one",)


def test_an_unreadable_beginning_counts_as_the_beginning_and_an_unreadable_end_as_none() -> None:
    record = osv("MAL-1", events=[{"introduced": "r17"}, {"fixed": "r18"}])
    assert matched(record, "0.1", "5") == ["0.1", "5"]
    assert len(index(record).defects) == 2


def test_a_name_that_is_none_is_reported() -> None:
    assert "not a project name" in index(osv("MAL-1", "1.0", name="@scope/x")).defects[0]


# ── what else is asked of records ────────────────────────────────────────────────────────────


def test_fixed_versions() -> None:
    (advisory,) = index(reviewed_fix("1.83.0")).for_project(LITELLM)
    assert fixed_version_keys(advisory) == {"1.83"}


def test_the_content_hash_changes_with_what_is_said_and_only_then() -> None:
    one, two = osv("MAL-1", "1.0"), osv("MAL-2", "2.0")
    same = index(one, two).content_hash
    assert index(two, one).content_hash == same
    assert index(one | {"summary": "other words"}, two).content_hash == same
    assert index(one).content_hash != same
    assert index(osv("MAL-1", "1.1"), two).content_hash != same
    assert index(one, two | {"withdrawn": "2026-04-01T00:00:00Z"}).content_hash == (
        index(one).content_hash
    )


def test_records_that_condemn_every_version_are_pointed_out() -> None:
    versions = [Version(v) for v in ("1.0", "1.1", "2.0")]
    sweeping = osv("PYSEC-2026-206", events=[{"introduced": "0"}])
    listing = osv("MAL-2", "1.0", "1.1", "2.0")
    narrow = osv("MAL-3", "1.0", "1.1")
    found = index(sweeping, listing, narrow).for_project(LITELLM)
    assert [a.id for a in sweeping_records(found, versions)] == ["MAL-2", "PYSEC-2026-206"]
    assert sweeping_records(found, versions[:1]) == ()
    assert sweeping_records(found, []) == ()


def test_an_empty_index_knows_nothing() -> None:
    empty = build_index(())
    assert empty.for_project(LITELLM) == ()
    assert json.dumps(list(empty.defects)) == "[]"
