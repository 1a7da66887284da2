"""Plain `==` entries are compared as text; they must mean what the specifier means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pratique.policy.compile import Entry
from pratique.policy.model import FileFacts, Outcome
from pratique.policy.patterns import compile_projects, compile_versions
from pratique.policy.spelling import reader_for
from pratique.values.names import ProjectName

DEMO = ProjectName("demo")
NUMBER = st.sampled_from(["0", "1", "2", "10", "1.0", "1.0.0", "1.10", "1.1", "2.0.1", "0.0"])
TAIL = st.sampled_from(["", "a1", "rc1", ".post1", ".dev2", "a1.dev2"])
LOCAL = st.sampled_from(["", "", "+cu124"])
EPOCH = st.sampled_from(["", "", "1!"])


@st.composite
def versions(draw: st.DrawFn) -> str:
    return draw(EPOCH) + draw(NUMBER) + draw(TAIL) + draw(LOCAL)


def entry(*specifiers: str) -> Entry:
    return Entry(
        projects=compile_projects(["demo"]),
        versions=compile_versions(specifiers),
        sha256=frozenset(),
        reason="r",
        outcome=Outcome.DENY,
        rules=frozenset(),
        line="policy.toml:1",
    )


def file(version: str, shape: str) -> FileFacts:
    return FileFacts(filename=shape.format(version), project=DEMO)


@given(
    st.lists(versions(), min_size=1, max_size=3),
    versions(),
    st.sampled_from(["demo-{}-py3-none-any.whl", "demo-{}.tar.gz", "Demo-{}.zip"]),
)
def test_an_exact_entry_means_what_its_specifiers_mean(
    wanted: list[str], version: str, shape: str
) -> None:
    specifiers = [f"=={text}" for text in wanted]
    expected = any(
        SpecifierSet(text).contains(Version(version), prereleases=True) for text in specifiers
    )
    found = entry(*specifiers).matches(file(version, shape), reader_for(DEMO))
    assert found is expected, (specifiers, version)


@pytest.mark.parametrize("specifier", ["==1.*", "==1.0+cu124", ">=1", "===1.0", "==1,!=2", "!=1.0"])
def test_anything_else_is_left_to_the_specifier(specifier: str) -> None:
    assert compile_versions([specifier]).exact == frozenset()
    assert compile_versions(["==1.0", specifier]).exact == frozenset()


def test_spellings_of_one_version_are_one_key() -> None:
    assert compile_versions(["==1.0"]).exact == compile_versions(["== 1.0.0"]).exact == {"1"}
