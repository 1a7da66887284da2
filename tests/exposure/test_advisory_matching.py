"""Which items an advisory means: exact by the order of each ecosystem, against a naive oracle."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import semver
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pratique.exposure.advisories.matching import affects_version, match_items, resolve
from pratique.exposure.advisories.model import (
    Advisory,
    Affected,
    How,
    Match,
    MovedRef,
    Range,
    defanged,
)
from pratique.exposure.advisories.npm_ranges import npm_admits
from pratique.exposure.advisories.order import debian, key_of, same_version
from pratique.exposure.advisories.overlay import combine, embedded_overlay
from pratique.exposure.advisories.records import parse_revision
from pratique.exposure.ports import ItemRow
from pratique.values.spans import DAWN, OPEN, to_micros

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DATA = Path(__file__).parents[1] / "golden" / "data"
COMMIT = "0e58ed8671d6b60d0890c21b07f8835ace038e67"


def row(version: str = "", *, id_: int = 1, type_: str = "pypi", name: str = "litellm",
        digest: str = "", wanted: str = "") -> ItemRow:  # fmt: skip
    return ItemRow(id_, type_, name, version, digest, "", wanted)


def golden(name: str) -> Advisory:
    data = (DATA / f"{name}.json").read_bytes()
    return combine(parse_revision(data, source=name, seen_at=NOW), embedded_overlay(data))


def record(*, id: str = "MAL-1", **affected: Any) -> Advisory:  # noqa: A002 - OSV's name of it
    wire = {"id": id, "affected": [affected]}
    return combine(parse_revision(json.dumps(wire).encode(), source="t", seen_at=NOW), None)


def one(advisory: Advisory | Affected, item: ItemRow) -> Match | None:
    affected = advisory.affected if isinstance(advisory, Advisory) else (advisory,)
    clean = advisory.clean if isinstance(advisory, Advisory) else ()
    return match_items(affected, [item], clean=clean).get(item.id)


def how(advisory: Advisory | Affected, item: ItemRow) -> How | None:
    found = one(advisory, item)
    return None if found is None else found.how


# ── LiteLLM: the traps of March 2026 ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.82.7.0", "v1.82.8", "1.82.8+local.1"])
def test_the_bad_versions_in_every_spelling(version: str) -> None:
    found = one(golden("litellm-2026-03"), row(version))
    assert found is not None
    assert (found.how, found.sure) == (How.VERSION, False)


@pytest.mark.parametrize("version", ["1.82.70", "1.82.6", "1.82.80", "11.82.7", "1.82.7rc1",
                                     "1.82.7.post1", "1.8.27", "1.82"])  # fmt: skip
def test_versions_that_only_look_alike(version: str) -> None:
    assert how(golden("litellm-2026-03"), row(version)) is None


def test_a_digest_is_sure_whatever_the_item_is_called() -> None:
    digest = "sha256:8395c3268d5c5dbae1c7c6d4bb3c318c752ba4608cfcd90eb97ffb94a910eac2"
    renamed = row("9.9", name="other", digest=digest)
    found = one(golden("litellm-2026-03"), renamed)
    assert found == Match(How.DIGEST, sure=True, said=digest)


def test_a_digest_known_to_be_clean_frees_an_item_of_any_name() -> None:
    clean = "sha256:164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205"
    assert how(golden("litellm-2026-03"), row("1.82.7", digest=clean)) is None


def test_a_prefix_of_a_digest_counts_for_its_own_project_only() -> None:
    affected = Affected(type="pypi", name="litellm", digests=("sha256:8395c3268d5c",))
    digest = "sha256:8395c3268d5c5dbae1c7c6d4bb3c318c752ba4608cfcd90eb97ffb94a910eac2"
    assert how(affected, row("1", digest=digest)) is How.DIGEST
    assert how(affected, row("1", digest=digest, name="other")) is None
    assert how(affected, row("1", digest=digest.replace("8395", "8396"))) is None


@pytest.mark.parametrize(
    ("wanted", "admits"),
    [
        (">=1.80", True),
        ("", True),
        ("==1.82.*", True),
        ("~=1.82.0", True),
        ("<1.82.7", False),
        (">1.82.8", False),
        ("!=1.82.7,!=1.82.8", False),
        ("!=1.82.7", True),
        ("no specifier at all", True),
    ],
)
def test_a_loose_requirement_matches_when_it_admits_a_bad_version(
    wanted: str, *, admits: bool
) -> None:
    assert how(golden("litellm-2026-03"), row(wanted=wanted)) is (How.RANGE if admits else None)


# ── axios: npm ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (row("1.14.1", type_="npm", name="axios"), How.VERSION),
        (row("1.14.10", type_="npm", name="axios"), None),
        (row("1.14.1-0", type_="npm", name="axios"), None),
        (row("1.14.1+build", type_="npm", name="axios"), How.VERSION),
        (row("1.14.1", type_="pypi", name="axios"), None),
        (row(wanted="^1.9.0", type_="npm", name="axios"), How.RANGE),
        (row(wanted="~1.13.0", type_="npm", name="axios"), None),
        (row(wanted="^0.30.0 || 2.x", type_="npm", name="axios"), How.RANGE),
        (row(wanted="latest", type_="npm", name="axios"), How.RANGE),
        (row(wanted="workspace:*", type_="npm", name="axios"), None),
        (row("4.2.1", type_="npm", name="plain-crypto-js"), How.VERSION),
    ],
)
def test_axios(item: ItemRow, expected: How | None) -> None:
    assert how(golden("axios-2026-03"), item) is expected


# ── moved refs ───────────────────────────────────────────────────────────────────────────────


def action(version: str, digest: str = "", name: str = "tj-actions/changed-files") -> ItemRow:
    return row(version, type_="githubactions", name=name, digest=digest)


def test_a_moved_ref_is_meant_by_what_it_pointed_at() -> None:
    tj = golden("tj-actions-2025-03")
    assert one(tj, action("v45", f"sha1:{COMMIT}")) == Match(
        How.DIGEST, sure=True, said=f"sha1:{COMMIT}"
    )
    assert how(tj, action("v45", "sha1:" + "a" * 40)) is None
    assert how(tj, action("b" * 40)) is None, "a whole commit cannot be moved"
    assert how(tj, action(COMMIT, f"sha1:{COMMIT}")) is How.DIGEST


def test_a_moved_ref_without_a_digest_is_meant_while_it_was_moved() -> None:
    found = one(golden("tj-actions-2025-03"), action("v45"))
    assert found is not None
    start, end = datetime(2025, 3, 14, tzinfo=UTC), datetime(2025, 3, 16, tzinfo=UTC)
    assert found == Match(How.REF, False, to_micros(start), to_micros(end), "every ref")


def test_refs_that_were_spared_are_free() -> None:
    trivy = golden("trivy-2026-03")
    name = "aquasecurity/trivy-action"
    assert how(trivy, action("0.35.0", name=name)) is None
    assert how(trivy, action("0.28.0", name=name)) is How.REF
    assert how(trivy, action("master", name=name)) is How.REF
    bad = "sha1:ddb9da4475c1cef7d5389062bdfdfbdbd1394648"
    assert how(trivy, action("0.34.2", bad, name=name)) is How.DIGEST
    assert how(trivy, action("57a97c7e7821a5776cebc9bb87c984fa69cba8f1", name=name)) is None


def test_an_image_pinned_by_digest_cannot_be_moved() -> None:
    bad, other = "sha256:" + "b" * 64, "sha256:" + "c" * 64
    moved = MovedRef(ref="latest", digests=(bad,), start=NOW)
    affected = Affected(type="docker", name="a/b", refs=(moved,))
    image = row(type_="docker", name="a/b", digest=other)
    assert how(affected, image) is None
    assert how(affected, image._replace(digest=bad)) is How.DIGEST
    assert how(affected, image._replace(version="latest", digest="")) is How.REF
    assert how(affected, image._replace(version="1.2", digest="")) is None


def test_the_widest_of_several_times_counts() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    refs = (MovedRef(ref="v1", start=early), MovedRef(ref="*", start=late, end=late))
    affected = Affected(type="githubactions", name="a/b", refs=refs)
    found = one(affected, action("v1", name="a/b"))
    assert found is not None
    assert (found.start, found.end) == (to_micros(early), OPEN)


def test_an_action_without_overlay_matches_a_major_tag_as_possible() -> None:
    events = (("introduced", "45.0.1"), ("fixed", "46"))
    affected = Affected(
        type="githubactions", name="a/b", ranges=(Range(type="ECOSYSTEM", events=events),)
    )
    assert how(affected, action("v45", name="a/b")) is How.RANGE
    assert how(affected, action("v45.0.3", name="a/b")) is How.VERSION
    assert how(affected, action("v46", name="a/b")) is None
    assert how(affected, action("v46.0.0", name="a/b")) is None


# ── xz: Debian's order ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "meant"),
    [
        ("5.6.1-1", True),
        ("5.6.0-0.2", True),
        ("5.6.1+really5.4.5-1", False),
        ("5.4.5-0.3", False),
        ("1:5.6.1-1", False),
        ("5.6.1-1~bpo1", True),
    ],
)
def test_xz_in_debian(version: str, *, meant: bool) -> None:
    found = how(golden("xz-2024"), row(version, type_="deb", name="debian/xz-utils"))
    assert (found is not None) == meant


# deb-version(7), and dpkg's own test vectors.
def test_dpkg_order() -> None:
    pairs = [("1.0~rc1-1", "1.0-1"), ("1.0-1", "1.0-1.1"), ("1.0-1", "1:0.1-1"), ("1.9", "1.10"),
             ("1.0a", "1.0+b"), ("2~", "2"), ("0~~", "0~~a"), ("0~~a", "0~"), ("1.2.3", "1.2.3a"),
             ("1.0", "1.0-0a"), ("009", "10")]  # fmt: skip
    for low, high in pairs:
        left, right = debian(low), debian(high)
        assert left is not None
        assert right is not None
        assert left < right, (low, high)
        assert not right < left
    assert debian("1.0-0") == debian("1.0")
    assert debian("0:1.0-1") == debian("1.0-1")


# ── what cannot be decided is said ───────────────────────────────────────────────────────────


def test_versions_without_order_are_texts_and_a_gap() -> None:
    package = {"ecosystem": "PyPI", "name": "litellm"}
    events = [{"introduced": "1"}, {"fixed": "3"}]
    advisory = record(package=package, ranges=[{"type": "ECOSYSTEM", "events": events}],
                      versions=["2.0.1rc2-git"])  # fmt: skip
    rows = [row("2.0.1rc2-git", id_=1), row("2.0.1rc3-git", id_=2), row("2.5", id_=3)]
    found = resolve(advisory, rows)
    assert set(found.matches) == {1, 3}
    assert len(found.gaps) == 1
    assert "2.0.1rc3-git" in found.gaps[0]


def test_commits_alone_are_a_gap() -> None:
    commits = {"type": "GIT", "repo": "r", "events": [{"introduced": "0"}]}
    package = {"ecosystem": "PyPI", "name": "litellm"}
    advisory = record(package=package, ranges=[commits], id="GHSA-1")
    found = resolve(advisory, [row("1.0")])
    assert found.matches == {}
    assert "only commits" in found.gaps[0]


def test_an_unknown_ecosystem_compares_texts() -> None:
    advisory = record(package={"ecosystem": "Moon", "name": "rock"}, versions=["1.0"])
    assert how(advisory, row("1.0", type_="generic", name="rock")) is How.VERSION
    assert how(advisory, row("1.0.0", type_="generic", name="rock")) is None


def test_silent_malware_means_the_whole_project() -> None:
    advisory = record(package={"ecosystem": "npm", "name": "Evil"})
    assert how(advisory, row("77.1", type_="npm", name="evil")) is How.VERSION
    assert how(advisory, row(wanted="^3", type_="npm", name="evil")) is How.RANGE


# ── laws ─────────────────────────────────────────────────────────────────────────────────────

SMALL = st.integers(0, 3)
PYTHON = st.builds(
    lambda a, b, tail: f"{a}.{b}{tail}",
    SMALL, SMALL, st.sampled_from(["", "", ".0", "rc1", ".post1", ".dev2", "+l1"]),
)  # fmt: skip
SEMANTIC = st.builds(
    lambda a, b, c, tail: f"{a}.{b}.{c}{tail}",
    SMALL, SMALL, SMALL, st.sampled_from(["", "", "-0", "-rc.1", "+b"]),
)  # fmt: skip
KINDS = st.sampled_from(["introduced", "fixed", "last_affected"])


def naive(events: list[tuple[str, Any]], candidate: Any) -> bool:
    """Walk a line of events up to the candidate, as one would with a pencil."""
    inside = False
    for kind, place in sorted(events, key=lambda event: event[1]):
        if kind == "introduced" and place <= candidate:
            inside = True
        if kind == "fixed" and place <= candidate:
            inside = False
        if kind == "last_affected" and place < candidate:
            inside = False
    return inside


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(KINDS, PYTHON), min_size=1, max_size=4), st.lists(PYTHON, max_size=3),
       PYTHON)  # fmt: skip
def test_python_matching_is_the_naive_one(
    events: list[tuple[str, str]], listed: list[str], candidate: str
) -> None:
    public = [(kind, text.partition("+")[0]) for kind, text in events]
    bounds = {Version(text) for _, text in public}
    if len(bounds) < len(public):
        return  # two events at one place have no order of their own
    listed = [text.partition("+")[0] for text in listed]
    affected = Affected(type="pypi", name="litellm", versions=tuple(listed),
                        ranges=(Range(type="ECOSYSTEM", events=tuple(public)),))  # fmt: skip
    version = Version(Version(candidate).public)
    expected = version in {Version(text) for text in listed} or naive(
        [(kind, Version(text)) for kind, text in public], version
    )
    assert affects_version(affected, candidate) == expected
    assert (how(affected, row(candidate)) is How.VERSION) == expected


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(KINDS, SEMANTIC), min_size=1, max_size=4), st.lists(SEMANTIC, max_size=3),
       SEMANTIC)  # fmt: skip
def test_npm_matching_is_the_naive_one(
    events: list[tuple[str, str]], listed: list[str], candidate: str
) -> None:
    places = [(kind, semver.Version.parse(text)) for kind, text in events]
    if len({place.replace(build=None) for _, place in places}) < len(places):
        return
    affected = Affected(type="npm", name="a", versions=tuple(listed),
                        ranges=(Range(type="SEMVER", events=tuple(events)),))  # fmt: skip
    version = semver.Version.parse(candidate)
    expected = any(semver.Version.parse(text) == version for text in listed) or naive(
        places, version
    )
    assert (how(affected, row(candidate, type_="npm", name="a")) is How.VERSION) == expected


@settings(max_examples=200, deadline=None)
@given(PYTHON, PYTHON)
def test_equal_keys_are_equal_versions(one: str, other: str) -> None:
    assert (key_of("pypi", one) == key_of("pypi", other)) == same_version("pypi", one, other)
    assert same_version("pypi", one, other) == (Version(one) == Version(other))


@settings(max_examples=200, deadline=None)
@given(SEMANTIC, SEMANTIC)
def test_equal_keys_are_equal_semantic_versions(one: str, other: str) -> None:
    assert (key_of("npm", one) == key_of("npm", other)) == same_version("npm", one, other)


GRID = [f"{a}.{b}" for a in range(5) for b in range(5)]
SPECIFIERS = st.lists(
    st.builds(
        lambda sign, a, b: f"{sign}{a}.{b}",
        st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~="]), SMALL, SMALL,
    ),
    min_size=1, max_size=3,
).map(",".join)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(SPECIFIERS, st.lists(st.tuples(KINDS, st.sampled_from(GRID)), min_size=1, max_size=3))
def test_no_requirement_that_admits_a_bad_version_is_missed(
    wanted: str, events: list[tuple[str, str]]
) -> None:
    if len({text for _, text in events}) < len(events):
        return
    affected = Affected(type="pypi", name="litellm",
                        ranges=(Range(type="ECOSYSTEM", events=tuple(events)),))  # fmt: skip
    specifiers = SpecifierSet(wanted)
    bad = [text for text in GRID if affects_version(affected, text)]
    if any(specifiers.contains(text, prereleases=True) for text in bad):
        assert how(affected, row(wanted=wanted)) is How.RANGE


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("^1.2.3", ["1.2.3", "1.9.0", "1.2.4-rc.1"], ["1.2.2", "2.0.0", "2.0.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4", "0.1.0"]),
        ("^0.0", ["0.0.0", "0.0.9"], ["0.1.0"]),
        ("^0", ["0.0.1", "0.9.9"], ["1.0.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0", "1.2.2"]),
        ("~1", ["1.0.0", "1.9.9"], ["2.0.0", "0.9.9"]),
        ("1.x", ["1.0.0", "1.99.0"], ["2.0.0"]),
        ("1.2.*", ["1.2.0"], ["1.3.0"]),
        ("*", ["0.0.0", "9.9.9"], []),
        ("", ["0.0.0", "9.9.9"], []),
        (">=1.2.0 <2.0.0", ["1.2.0", "1.9.9"], ["2.0.0", "1.1.9"]),
        (">1.2", ["1.3.0"], ["1.2.9"]),
        (">1.2.3", ["1.2.4"], ["1.2.3"]),
        ("<=1.2", ["1.2.9", "0.1.0"], ["1.3.0"]),
        ("<=1.2.3", ["1.2.3"], ["1.2.4"]),
        ("1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.5.0", "1.1.9"]),
        ("1.2.3 - 2", ["1.2.3", "2.9.9"], ["3.0.0", "1.2.2"]),
        ("1.0.0 || 3.x", ["1.0.0", "3.1.0"], ["2.0.0", "1.0.1"]),
        ("=1.0.0", ["1.0.0", "1.0.0+b"], ["1.0.1", "1.0.0-rc.1"]),
        ("v1.0.0", ["1.0.0"], ["1.0.1"]),
        (">= 1.0.0 < 2", ["1.5.0"], ["2.0.0"]),
        ("npm:other@^1.0.0", ["1.1.0"], ["2.0.0"]),
        ("git+ssh://host.example/a.git", [], ["1.0.0"]),
        ("next", ["1.0.0"], []),
        ("1.0.0-rc.1", ["1.0.0-rc.1"], ["1.0.0", "1.0.0-rc.2"]),
        ("<*", [], ["1.0.0", "0.0.0"]),
    ],
)  # fmt: skip
def test_npm_requirements(text: str, yes: list[str], no: list[str]) -> None:
    admitted = [one for one in (*yes, *no) if npm_admits(text, semver.Version.parse(one))]
    assert admitted == yes


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.x*^~<>=|- vabc@:", max_size=30))
def test_no_npm_requirement_crashes(text: str) -> None:
    npm_admits(text, semver.Version.parse("1.2.3"))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["pypi", "npm", "deb", "x"]))
def test_no_version_crashes(version: str, bound: str, type_: str) -> None:
    events = (("introduced", bound),)
    affected = Affected(
        type=type_, name="n", versions=(bound,), ranges=(Range(type="SEMVER", events=events),)
    )
    match_items((affected,), [row(version, type_=type_, name="n"),
                              row(wanted=version, type_=type_, name="n", id_=2)])  # fmt: skip


def test_spans_of_a_match_are_everything_unless_said() -> None:
    assert Match(How.VERSION, sure=False)[2:4] == (DAWN, OPEN)


def test_contacts_are_shown_defanged() -> None:
    assert defanged("https://a.example/x") == "https[:]//a[.]example/x"
