"""Indicators of one's own are compared with every content, also with what the base and the store know."""

from __future__ import annotations

import hashlib

import pytest

from kit.distributions import make_wheel
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.listed import MOST_FOUND, Listed, parse_listed
from pratique.vet.model import Language, Report

FILES = {
    "demo/__init__.py": "VALUE = 1\n",
    "demo/core.py": "URL = 'https://sub.collector.example/x'\nNOTE = 'operation gazebo'\n",
    "demo/data.txt": "see not-collector.example or collector.example.org\n",
}
HASH = hashlib.sha256(FILES["demo/__init__.py"].encode()).hexdigest()
TABLE = f"""
[contents]
{HASH.upper()} = "the first file"
[hosts]
"collector.example" = "the case of last week"
[texts]
"operation gazebo" = "its campaign"
"""
NAME, DATA = make_wheel("demo", "1.0", files=FILES)


def told(report: Report) -> set[tuple[str, str, int]]:
    return {(f.path, f.trait, f.line) for f in report.findings if f.rule == "known-bad"}


def test_hashes_hosts_and_texts_are_found_where_they_stand() -> None:
    listed = Listed.of(parse_listed(TABLE.encode()))
    report = vet_archive(DATA, NAME, listed=listed).report
    expected = {
        ("demo/__init__.py", "content", 0),
        ("demo/core.py", "host", 1),
        ("demo/core.py", "text", 2),
    }
    assert told(report) == expected
    assert not told(vet_archive(DATA, NAME).report)


def test_what_was_known_before_is_compared_all_the_same() -> None:
    listed = Listed.of(parse_listed(TABLE.encode()))
    base = facts_of(DATA, NAME)
    name, data = make_wheel("demo", "1.1", files=FILES)
    outcome = vet_archive(data, name, base=base, listed=listed)
    assert len(told(outcome.report)) == 3
    facts = (*outcome.new.values(), *base.contents.values())
    assert not [sign for one in facts for sign in one.signs if sign.rule == "known-bad"]


def test_the_file_itself_may_be_listed() -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    listed = Listed.of(parse_listed(f'[contents]\n{digest} = "it"\n'.encode()))
    assert told(vet_archive(DATA, NAME, listed=listed).report) == {(NAME, "content", 0)}


def test_an_empty_table_finds_nothing() -> None:
    assert not Listed.of(parse_listed(b"")).in_content(b"anything", Language.TEXT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff", "no TOML"),
        (b"[contents", "no TOML"),
        (b"[content]\n", "table 'content'"),
        (b"contents = 1\n", "does not hold lines"),
        (b"[hosts]\nx.example = 1\n", "does not hold lines"),
        (b"[contents]\nabc = 'x'\n", "no SHA-256"),
        (b"[texts]\nabc = 'x'\n", "fewer than 6"),
        (b"[hosts]\n" + b"".join(b'"h%d.example" = "x"\n' % n for n in range(100_001)), "entries"),
    ],
)
def test_what_is_no_table_is_refused_in_words(text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_listed(text)


def test_what_is_met_is_bounded() -> None:
    files = {
        f"demo/m{n}.py": "N = 'operation gazebo'\n" + f"# {n}\n" for n in range(MOST_FOUND + 99)
    }
    name, data = make_wheel("demo", "1.0", files=files)
    listed = Listed.of(parse_listed(TABLE.encode()))
    assert 0 < len(told(vet_archive(data, name, listed=listed).report)) <= MOST_FOUND
