"""The policy file: what it may say, and what a person is told when it says something else."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.policies import osv, policy
from pratique.policy.advisories import NO_ADVISORIES
from pratique.policy.compile import compile_policy
from pratique.policy.default import default_policy_text
from pratique.policy.language import PolicyError, PolicyTables, parse_policy
from pratique.policy.show import effective_keys, render_keys
from pratique.policy.toml_lines import locate_lines


def refused(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, source="policy.toml")
    return caught.value


def test_an_empty_file_is_the_default_policy() -> None:
    assert parse_policy("", source="x").tables == PolicyTables()


def test_the_shipped_policy_says_exactly_the_defaults() -> None:
    text = default_policy_text()
    assert parse_policy(text, source="x").tables == PolicyTables()
    shown = effective_keys(parse_policy(text, source="x"))
    left_out = {entry.key for entry in shown if entry.default}
    assert left_out == {
        "cool-down.override",
        "deny",
        "allow",
        "capability-gain",
        "new-dependency.horizon_hours",
    }


def test_the_examples_in_the_shipped_policy_can_be_used() -> None:
    lines = []
    for line in default_policy_text().splitlines():
        example = re.match(r"# (\[\[.*|[a-z_0-9]+ += .*)", line)
        lines.append(example.group(1) if example else line)
    tables = parse_policy("\n".join(lines), source="x").tables
    assert len(tables.deny) == 2
    assert len(tables.allow) == 1
    assert len(tables.capability_gain) == 1
    assert tables.cool_down.override[0].projects == ("acme-*",)
    assert tables.new_dependency.horizon_hours == 72


TWO_OVERRIDES = """[cool-down]
hours = 1
[[cool-down.override]]
projects = ["a"]
hours = 1
reason = "r"
[[cool-down.override]]
projects = ["a"]
huors = 1
reason = "r"
"""


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("x =", 1, "", ["not TOML"]),
        ("mode = 'enforce'\nmode = 'audit'", 2, "", ["not TOML"]),
        ("mode = 'enforc'", 1, "mode", ["mode", "enforce", "audit"]),
        ("mode = 7", 1, "mode", ["mode"]),
        ("\n[cooldown]\nhours = 1", 2, "cooldown", ["did you mean 'cool-down'"]),
        ("[cool-down]\n\nhors = 1", 3, "cool-down.hors", ["did you mean 'hours'", "[cool-down]"]),
        ("[cool_down]\nhours = 1", 1, "cool_down", ["did you mean 'cool-down'"]),
        ("[cool-down]\nhours = '72'", 2, "cool-down.hours", ["cool-down.hours"]),
        ("[cool-down]\nhours = -1", 2, "cool-down.hours", ["between 0 and 87600"]),
        ("[cool-down]\nhours = 1e9", 2, "cool-down.hours", ["between 0 and 87600"]),
        ("[cool-down]\nhours = inf", 2, "cool-down.hours", ["between 0"]),
        ("[cool-down]\nhours = nan", 2, "cool-down.hours", ["between 0"]),
        ("[cool-down]\nmissing_time = 'allow'", 2, "cool-down.missing_time", ["hold", "deny"]),
        ("[advisory]\nmalware = 'allow'", 2, "advisory.malware", ["hold, deny"]),
        ("[[deny]]\nprojects=['x']", 1, "deny[0]", ["reason"]),
        ("[[deny]]\nreason='x'", 1, "deny[0]", ["what it denies"]),
        ("[[deny]]\nprojects=['x']\nreason=' '", 3, "deny[0].reason", ["empty"]),
        ("[[deny]]\nprojects=['x y']\nreason='r'", 2, "deny[0].projects", ["'x y'"]),
        ("[[deny]]\nprojects=['[ab]']\nreason='r'", 2, "deny[0].projects", ["* or ?"]),
        ("[[deny]]\nprojects='x'\nreason='r'", 2, "deny[0].projects", ["array"]),
        ("[[deny]]\nprojects=['x']\nversions='1.0'\nreason='r'", 3, "deny[0].versions", ["PEP 440"]),
        ("[[deny]]\nprojects=['x']\nversions=''\nreason='r'", 3, "deny[0].versions", ["empty"]),
        ("[[deny]]\nsha256='beef'\nreason='r'", 2, "deny[0].sha256", ["64 hexadecimal"]),
        ("[[deny]]\nprojects=['x']\noutcome='allow'\nreason='r'", 3, "deny[0].outcome", ["hide"]),
        ("[[deny]]\nsha256=[]\nreason='r'", 1, "deny[0]", ["what it denies"]),
        ("[[allow]]\nprojects=['x']\nreason='r'", 1, "allow[0]", ["exact"]),
        ("[[allow]]\nversions='==1'\nreason='r'", 1, "allow[0]", ["exact"]),
        ("[[allow]]\nprojects=['x*']\nversions='==1'\nreason='r'", 2, "allow[0].projects",
         ["pattern", "override"]),
        ("[[allow]]\nprojects=['x']\nversions='>=1'\nreason='r'", 3, "allow[0].versions",
         ["exact versions"]),
        ("[[allow]]\nprojects=['x']\nversions='==1.*'\nreason='r'", 3, "allow[0].versions",
         ["exact versions"]),
        ("[[allow]]\nprojects=['x']\nversions='==1'\nrules=['advisory']\nreason='r'", 4,
         "allow[0].rules", ["'advisory'", "cool-down"]),
        ("[[cool-down.override]]\nprojects=[]\nhours=1\nreason='r'", 2,
         "cool-down.override[0].projects", ["must name projects"]),
        (TWO_OVERRIDES, 9,
         "cool-down.override[1].huors", ["did you mean 'hours'"]),
        ("[yanked]\nwords=['...']", 2, "yanked.words", ["not a word"]),
        ("[early-release]\nsources=[]", 2, "early-release.sources", ["enabled = false"]),
        ("[early-release]\nsources=['NVD']", 2, "early-release.sources[0]", ["GHSA", "PYSEC"]),
        ("deny = 3", 1, "deny", ["array"]),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_line_key_and_what_was_expected(
    text: str, line: int | None, key: str, words: list[str]
) -> None:
    error = refused(text)
    assert error.key == key
    if line is not None:
        assert error.line == line
        assert f"policy.toml:{line}" in str(error)
    for word in words:
        assert word in str(error), str(error)


def test_every_unknown_key_is_refused_with_the_known_ones() -> None:
    assert "expected: one of advisory, allow" in str(refused("zzz = 1"))


def assert_policy_or_policy_error(text: str) -> None:
    told = ""
    try:
        parse_policy(text, source="policy.toml")
    except PolicyError as error:
        told = str(error)
    assert told == "" or told.startswith("policy.toml")


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_any_text_is_a_policy_or_a_policy_error(text: str) -> None:
    assert_policy_or_policy_error(text)


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["hours", "projects", "reason", "override", "x"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(sorted(
    field.encode_name for field in msgspec.structs.fields(PolicyTables))), _values, max_size=3))  # fmt: skip
@settings(max_examples=200)
def test_any_shape_is_a_policy_or_a_policy_error(raw: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in raw.items())
    assert_policy_or_policy_error(text)


def toml(value: Any) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return (
                '"'
                + "".join(f"\\U{ord(c):08x}" for c in value if not 0xD800 <= ord(c) < 0xE000)
                + '"'
            )
        case _:
            return repr(value)


def test_lines_are_found_around_strings_comments_and_arrays() -> None:
    text = (
        '# [deny]\nmode = "audit"\n[advisory] # x\npaths = [\n  "a",\n]\n'
        '[[deny]]\nreason = """\n[allow]\nhours = 3\n"""\n"projects" = ["x"]\n'
        "[[cool-down.override]]\nhours = 1\n[[cool-down.override]]\nhours = 2\n"
    )
    tomllib.loads(text)
    lines = locate_lines(text)
    assert lines[("mode",)] == 2
    assert lines[("advisory", "paths")] == 4
    assert lines[("deny", 0, "projects")] == 12
    assert lines[("cool-down", "override", 1, "hours")] == 16
    assert ("allow",) not in lines
    assert ("hours",) not in lines


# ── effective values and the view id ─────────────────────────────────────────────────────────


def test_show_marks_defaults_and_lines() -> None:
    parsed = parse_policy(
        "[cool-down]\nhours = 24\n[[deny]]\nprojects=['x']\nreason='r'", source="p"
    )
    shown = {entry.key: entry for entry in effective_keys(parsed)}
    assert (shown["cool-down.hours"].value, shown["cool-down.hours"].default) == (24, False)
    assert shown["cool-down.hours"].line == 2
    assert shown["early-release.min_age_hours"].default
    assert shown["deny[0].reason"].value == "r"
    assert shown["deny[0].outcome"].default
    text = render_keys(list(shown.values()))
    assert re.search(r"^cool-down\.hours +\= 24  # line 2$", text, re.MULTILINE)
    assert re.search(r"^mode +\= \"enforce\"  # default$", text, re.MULTILINE)


def test_the_view_id_changes_with_what_can_change_a_decision() -> None:
    base = policy("[cool-down]\nhours = 24").sha256
    assert policy("# why\n[cool-down]\nhours = 24.0\n").sha256 == base
    assert policy("[cool-down]\nhours = 25").sha256 != base
    assert policy("[cool-down]\nhours = 24", osv("MAL-1", "1.0")).sha256 != base
    parsed = parse_policy("[cool-down]\nhours = 24", source="elsewhere.toml")
    assert compile_policy(parsed, NO_ADVISORIES).sha256 == base
