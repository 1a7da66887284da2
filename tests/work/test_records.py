"""Records, what is looked through in them, and what is left of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.errors import InputError
from pratique.work.records import (
    MAX_DEPTH,
    MAX_RECORD,
    Span,
    is_text,
    merge_spans,
    read_records,
    redact,
    redact_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def lines_of(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def texts(value: Any) -> dict[str, str]:
    [record] = read_records("a.jsonl", lines_of(value))
    return dict(record.texts)


def test_texts_keys_and_long_numbers_are_looked_through() -> None:
    assert texts({"a/b": ["x", {"c": 536904399}], "n": 7}) == {
        "/a~1b#": "a/b",
        "/a~1b/0": "x",
        "/a~1b/1/c#": "c",
        "/a~1b/1/c": "536904399",
        "/n#": "n",
    }


def test_lines_keep_their_numbers_and_empty_ones_are_none() -> None:
    found = list(read_records("a.ndjson", b'{"a":1}\n\n  \n[2]'))
    assert [(one.number, one.data) for one in found] == [(0, b'{"a":1}'), (3, b"[2]")]


def test_another_text_is_one_record() -> None:
    [record] = read_records("a.txt", "höher".encode())
    assert record.texts == (("", "höher"),)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": ', "line 2 is not JSON"),
        ("a.jsonl", b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "nested deeper"),
        ("a.jsonl", b"[" * 100_000, "is not JSON"),
        ("a.txt", b"\xff\xfe", "not UTF-8 at byte 0"),
        ("a.txt", b"x" * (MAX_RECORD + 1), "expected"),
        ("a.jsonl", b'{"a": {"b": "ann@example.org", "b": ""}}', "one name"),
        ("a.json", b'{"a": "ann@example.org", "a": ""}', "one name"),
        ("a.json", b"{'a': 1}", "is not JSON"),
        ("a.html", b"ann&#64;example.org", "&#64;"),
        ("a.md", b"ann&#x0040;example.org", "&#x0040;"),
        ("a.xml", b"&#97;nn@example.org", "&#97;"),
        ("a.html", b"ann&commat;example.org", "&commat;"),
    ],
)
def test_what_is_no_record_is_named(name: str, data: bytes, said: str) -> None:
    with pytest.raises(InputError) as raised:
        list(read_records(name, data))
    assert said in str(raised.value)


def test_what_two_rules_find_of_one_sort_is_one_thing() -> None:
    spans = [
        Span(start=2, end=9, sort="A", score=0.5),
        Span(start=2, end=9, sort="A", score=1.0),
        Span(start=8, end=12, sort="A", score=0.4),
        Span(start=12, end=13, sort="A", score=0.4),
        Span(start=3, end=4, sort="B", score=0.4),
    ]
    assert [(one.start, one.end, one.sort, one.score) for one in merge_spans(spans)] == [
        (2, 12, "A", 1.0),
        (3, 4, "B", 0.4),
        (12, 13, "A", 0.4),
    ]


def test_ordinary_references_are_text() -> None:
    for text in ("a &amp; b &#39;c&#39; &#160; &#8217; &#228;", "R&#38;D", "&#60;b&#62;", "&nbsp;"):
        [record] = read_records("a.html", text.encode())
        assert record.texts == (("", text),)


def test_a_json_file_is_looked_through_by_what_it_says() -> None:
    [record] = read_records("a.json", rb'{"who": "ann\u0040example.org", "n": 4111111111111111.0}')
    assert dict(record.texts) == {
        "/who#": "who", "/who": "ann@example.org", "/n#": "n", "/n": "4111111111111111",
    }  # fmt: skip
    found = [
        (Span(start=0, end=len(text), sort="X", score=1.0),) if pointer in {"/who", "/n"} else ()
        for pointer, text in record.texts
    ]
    assert json.loads(redact(record, found, structured=True)) == {"who": "<X>", "n": "<X>"}


def test_pictures_are_no_text() -> None:
    assert [is_text(name) for name in ("A.JSONL", "b.txt", "c.png", "d")] == [
        True,
        True,
        False,
        False,
    ]


@given(JSON)
def test_nothing_found_leaves_the_very_bytes(value: Any) -> None:
    for record in read_records("a.jsonl", lines_of(value)):
        assert redact(record, [() for _ in record.texts], structured=True) == record.data


@given(JSON)
def test_what_was_found_is_gone_and_the_rest_stays(value: Any) -> None:
    [record] = list(read_records("a.jsonl", lines_of(value))) or [None]
    if record is None or not record.texts:
        return
    spans = [
        (Span(start=0, end=len(text), sort="X", score=1.0),) if text else ()
        for _, text in record.texts
    ]
    [after] = read_records("a.jsonl", redact(record, spans, structured=True))
    assert {text.rstrip("'") for _, text in after.texts} <= {"<X>", ""}
    assert len(after.texts) == len(record.texts)


def test_two_keys_that_become_one_word_both_stay() -> None:
    [record] = read_records("a.jsonl", lines_of({"ann": 1, "bob": 2}))
    spans = [(Span(start=0, end=3, sort="PERSON", score=1.0),) for _ in record.texts]
    assert json.loads(redact(record, spans, structured=True)) == {"<PERSON>": 1, "<PERSON>'": 2}


def test_a_number_that_names_somebody_becomes_a_word() -> None:
    [record] = read_records("a.jsonl", lines_of({"s": 536904399}))
    whole = (Span(start=0, end=9, sort="US_SSN", score=1.0),)
    spans = [() if pointer.endswith("#") else whole for pointer, _ in record.texts]
    assert json.loads(redact(record, spans, structured=True)) == {"s": "<US_SSN>"}


@given(
    st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5)
)
def test_no_character_of_a_span_survives(text: str, places: list[tuple[int, int]]) -> None:
    spans = [
        Span(start=min(a, b, len(text)), end=min(max(a, b), len(text)), sort="\x00", score=1.0)
        for a, b in places
    ]
    hidden = {at for span in spans for at in range(span.start, span.end)}
    kept = "".join(char for at, char in enumerate(text) if at not in hidden)
    assert redact_text(text, spans).replace("<\x00>", "") == kept
