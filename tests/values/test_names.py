"""Names, versions and file names: examples from the standards, then laws."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from pratique.errors import InputError, ValueFormatError
from pratique.values.names import (
    DistributionKind,
    ProjectName,
    ProjectStatus,
    is_safe_filename,
    normal_name,
    parse_distribution_filename,
    parse_project_name,
    parse_version,
    trimmed_version,
)

# PEP 503 "Normalized Names": the examples of the packaging standards, all one project.
FRIENDLY = ["friendly-bard", "Friendly-Bard", "FRIENDLY-BARD", "friendly.bard", "friendly_bard",
            "friendly--bard", "FrIeNdLy-._.-bArD"]  # fmt: skip


@pytest.mark.parametrize("text", FRIENDLY)
def test_spellings_of_the_standard_are_one_project(text: str) -> None:
    assert parse_project_name(text) == "friendly-bard"


@pytest.mark.parametrize("text", ["a", "7", "A.b", "zope.interface", "x" * 256, "_x"[1:]])
def test_names_of_the_standard_are_accepted(text: str) -> None:
    assert parse_project_name(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", ".a", "_a", "a_", "..", "a/b", "a\\b", "a b", "a\n", "\na", "a\x00", "a%2fb",
     "ä", "İ", "a" * 257, "a@b", "a;b", "a[b]", "https://a.example"],
)  # fmt: skip
def test_what_is_not_a_name_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueFormatError) as caught:
        parse_project_name(text)
    assert isinstance(caught.value, InputError)
    assert "not a project name" in str(caught.value)
    assert "expected:" in str(caught.value)


def test_a_refusal_does_not_repeat_pages_of_input() -> None:
    with pytest.raises(ValueFormatError) as caught:
        parse_project_name("/" * 10_000)
    assert len(str(caught.value)) < 300


@given(st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?", fullmatch=True))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = parse_project_name(text)
    assert parse_project_name(once) == once
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", once)


@given(st.text(max_size=40))
def test_any_text_gives_a_safe_name_or_a_refusal(text: str) -> None:
    try:
        name = parse_project_name(text)
    except ValueFormatError:
        return
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("1.0", "1.0.0"),
        ("1!2.0", "1!2"),
        ("1.0a1", "1.0alpha1"),
        ("v1.0", "1.0"),
        ("1.0-1", "1.0.post1"),
    ],
)
def test_equal_spellings_of_a_version_are_equal(text: str, same_as: str) -> None:
    assert parse_version(text) == parse_version(same_as)


@pytest.mark.parametrize("text", ["", "latest", "1.x", "1..2", "1.0 or 2.0", "1.0+", "==1.0"])
def test_what_is_not_a_version_is_refused(text: str) -> None:
    with pytest.raises(ValueFormatError, match="not a version"):
        parse_version(text)


def test_statuses_are_spelled_as_in_pep_792() -> None:
    assert {s.value for s in ProjectStatus} == {"active", "archived", "quarantined", "deprecated"}


@pytest.mark.parametrize(
    ("filename", "project", "version", "kind"),
    [
        ("litellm-1.82.6-py3-none-any.whl", "litellm", "1.82.6", "wheel"),
        ("Flask_Cors-4.0.0-1build-py2.py3-none-any.whl", "flask-cors", "4.0.0", "wheel"),
        ("torch-2.5.0+cu124-cp312-cp312-linux_x86_64.whl", "torch", "2.5.0+cu124", "wheel"),
        ("demo-1!2.0-py3-none-any.whl", "demo", "1!2.0", "wheel"),
        ("zope.interface-7.0.tar.gz", "zope-interface", "7.0", "sdist"),
        ("zope_interface-7.0.tar.gz", "zope-interface", "7.0", "sdist"),
        ("python-dateutil-2.9.0.post0.tar.gz", "python-dateutil", "2.9.0.post0", "sdist"),
        ("demo-1.0.zip", "demo", "1.0", "sdist"),
        ("demo-1.0.tar.bz2", "demo", "1.0", "sdist"),
        ("PIL-1.1.6.win32-py2.5.exe", "pil", "1.1.6", None),
        ("demo-1.0-py2.7.egg", "demo", "1.0", "legacy"),
        ("demo-1.0-py3.11-linux-x86_64.egg", "demo", "1.0", "legacy"),
    ],
)
def test_file_names_found_in_the_world(
    filename: str, project: str, version: str, kind: str | None
) -> None:
    found = parse_distribution_filename(filename, project=ProjectName(project))
    if kind is None:
        # The version runs into the platform; a guess could bypass a rule about versions.
        assert found is None or found.version == Version(version)
        return
    assert found is not None
    assert found.project == project
    assert found.version == Version(version)
    assert found.kind == DistributionKind(kind)


@pytest.mark.parametrize(
    "filename",
    [
        "litellm-latest-py3-none-any.whl",
        "litellm.whl",
        "other-1.0-py3-none-any.whl",
        "litellm_proxy-1.0-py3-none-any.whl",
        "litellm-proxy-1.0.tar.gz",
        "litellm-1.0.txt",
        "litellm",
        "",
        "litellm-.tar.gz",
        "-1.0.tar.gz",
    ],
)
def test_a_file_without_a_sure_version_is_never_offered(filename: str) -> None:
    assert parse_distribution_filename(filename, project=ProjectName("litellm")) is None


VERSION = r"(?:[1-3]!)?[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}(?:(?:a|b|rc)[0-9])?(?:\.post[0-9])?"


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,8}(?:[-_.][a-z0-9]{1,6}){0,2}", fullmatch=True),
    st.from_regex(VERSION, fullmatch=True),
)  # fmt: skip
def test_a_standard_wheel_name_says_its_project_and_version(name: str, version: str) -> None:
    project = parse_project_name(name)
    escaped = project.replace("-", "_")
    found = parse_distribution_filename(f"{escaped}-{version}-py3-none-any.whl", project=project)
    assert found is not None
    assert (found.project, found.version) == (project, Version(version))


@given(st.text(max_size=60))
def test_no_file_name_crashes_the_parser(filename: str) -> None:
    found = parse_distribution_filename(filename, project=ProjectName("demo"))
    assert found is None or found.project == "demo"


@pytest.mark.parametrize(
    "text", ["demo-1.0.tar.gz", "a", "demo-1!2+cu.whl", "A_b.c-1.0-py3-none-any.whl"]
)
def test_ordinary_file_names_are_safe(text: str) -> None:
    assert is_safe_filename(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a..b", "a%2e", "a b", "a\n", "a\x00b", "é", "a" * 255,
     "a?b", "a#b"],
)  # fmt: skip
def test_names_that_could_leave_a_folder_or_a_url_are_not(text: str) -> None:
    assert not is_safe_filename(text)


# ── as packaging.utils, which is slow to load ────────────────────────────────────────────────


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_names_are_normalized_as_packaging_does(text: str) -> None:
    assert normal_name(text) == canonicalize_name(text)


_PARTS = st.tuples(
    st.sampled_from(["", "1!", "0!"]),
    st.lists(st.integers(0, 20), min_size=1, max_size=5).map(lambda n: ".".join(map(str, n))),
    st.sampled_from(["", "a0", "b1", "rc12", "-alpha", "c3"]),
    st.sampled_from(["", ".post0", ".post7", "-3"]),
    st.sampled_from(["", ".dev0", ".dev5"]),
    st.sampled_from(["", "+cpu", "+cu12.1", "+0"]),
)


@given(_PARTS.map("".join))
def test_versions_are_trimmed_as_packaging_does(text: str) -> None:
    version = Version(text)
    assert trimmed_version(version, local=True) == canonicalize_version(version)
    assert trimmed_version(version, local=False) == canonicalize_version(version.public)
