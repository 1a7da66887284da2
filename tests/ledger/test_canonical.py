"""Canonical bytes: the RFC's own vectors, an independent library as oracle, strict reading."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from kit.logs import NOW, draft
from pratique.ledger.canonical import (
    MAX_DEPTH,
    MAX_ENTRY_BYTES,
    MAX_INTEGER,
    canonical_json,
    encode_entry,
    parse_entry,
    prepare,
    render_time,
)
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import EntryFormatError, EntryTooLargeError

# From RFC 8785 section 3.2.2 and 3.2.3 and its test suite, as far as they lie in our domain.
STRUCTURES = (
    '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56}, "10": { }, "": "empty", "a": { },'
    ' "111": [ {"e": "yes","E": "no" } ], "A": { }}'
)
STRUCTURES_SORTED = (
    '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],'
    '"A":{},"a":{}}'
)
PUBLISHED = [
    (r'"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/"', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
    ('{"literals": [null, true, false]}', '{"literals":[null,true,false]}'),
    ('[56, {"d": true, "10": null, "1": [ ]}]', '[56,{"1":[],"10":null,"d":true}]'),
    (STRUCTURES, STRUCTURES_SORTED),
    (r'{"Unnormalized Unicode":"A\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'),
    (r'"\u0080\u007f\u2028"', '"\u0080\u007f\u2028"'),
    ("-9007199254740991", "-9007199254740991"),
]


@pytest.mark.parametrize(("given_text", "wanted"), PUBLISHED)
def test_published_vectors(given_text: str, wanted: str) -> None:
    assert canonical_json(json.loads(given_text)) == wanted.encode()


texts = st.text(st.characters(codec="utf-8"), max_size=20)
keys = st.text(st.characters(max_codepoint=127), max_size=8)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
scalars = st.none() | st.booleans() | integers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(keys, values, max_size=5)


@given(values)
def test_it_writes_what_the_reference_library_writes(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)
    assert json.loads(canonical_json(value)) == value


class Colour(StrEnum):
    RED = "red"


def test_tuples_are_lists_and_string_enums_are_strings() -> None:
    assert canonical_json({"a": (1, ["x"]), "b": Colour.RED}) == b'{"a":[1,["x"]],"b":"red"}'


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (1.5, "a float at the top"),
        ({"a": [1, {"b": 2.0}]}, r"a float at \.a\[1\]\.b"),
        ({"a": 2**53}, r"the integer 9007199254740992 at \.a"),
        (-(2**53), "the integer"),
        ({"a": b"x"}, r"a bytes at \.a"),
        ({"a": NOW}, "a datetime"),
        ({"a": {1, 2}}, "a set"),
        ({"ä": 1}, "the key 'ä'"),
        ({"a": {1: 2}}, r"the key 1 at \.a"),
        ({"a": Text("x")}, "a Text"),
        ({"a": "\ud800"}, "lone surrogate"),
    ],
)
def test_what_does_not_belong_is_refused_and_named(value: Any, names: str) -> None:
    with pytest.raises(EntryFormatError, match=names):
        canonical_json(value)


def test_nesting_has_a_limit() -> None:
    value: Any = []
    for _ in range(MAX_DEPTH - 2):
        value = [value]
    assert canonical_json({"a": value})
    for _ in range(500):
        value = [value]
        with pytest.raises(EntryFormatError, match="nesting deeper"):
            canonical_json({"a": value})


names = st.text(st.characters(codec="utf-8"), max_size=30)
instants = st.datetimes(min_value=datetime(1970, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware at once


@given(body=bodies, subject=names, actor=names, sequence=st.integers(0, MAX_INTEGER), at=instants)
def test_an_entry_reads_back_as_it_was(
    body: dict[str, Any], subject: str, actor: str, sequence: int, at: datetime
) -> None:
    made = Draft(kind="some-kind", subject=subject, actor=actor, body=body)
    leaf = encode_entry(prepare(made), sequence=sequence, recorded_at=render_time(at))
    assert parse_entry(leaf) == Entry(
        sequence=sequence,
        recorded_at=at,
        kind="some-kind",
        subject=subject,
        actor=actor,
        body=body,
    )
    # The leaf itself is canonical JSON, and says the hash of its body.
    decoded = json.loads(leaf)
    assert rfc8785.dumps(decoded) == leaf
    assert set(decoded) == {
        "actor", "body", "body_hash", "kind", "recorded_at", "sequence", "subject",
    }  # fmt: skip


def leaf_of(number: int = 3) -> bytes:
    return encode_entry(prepare(draft(number)), sequence=number, recorded_at=render_time(NOW))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sequence":3', b'"sequence": 3'),
        (b'"sequence":3', b'"sequence":3.0'),
        (b'"sequence":3', b'"sequence":"3"'),
        (b'"sequence":3', b'"sequence":-3'),
        (b'"sequence":3', b'"sequence":3,"sequence":3'),
        (b'"sequence":3', b'"sequence":3,"extra":1'),
        (b'"status":200', b'"status":200.0'),
        (b'"status":200', b'"status":201'),
        (b'"status":200', b'"status":2e2'),
        (b'"status":200', b'"status":200,"status":200'),
        (b"10:39:00.123456Z", b"10:39:00.123456+00:00"),
        (b"10:39:00.123456Z", b"10:39:00.123456"),
        (b"T10:39", b" 10:39"),
        (b"demo-3", b"\\u0064emo-3"),
        (b'{"actor"', b' {"actor"'),
        (b'"kind"', b'"KIND"'),
        (b"asset:", b"\xff\xfe"),
    ],
)
def test_another_spelling_of_an_entry_is_refused(old: bytes, new: bytes) -> None:
    leaf = leaf_of()
    assert old in leaf
    with pytest.raises(EntryFormatError):
        parse_entry(leaf.replace(old, new))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_without_surprise(data: bytes) -> None:
    with pytest.raises(EntryFormatError):
        parse_entry(data)


def test_a_prefix_or_a_tail_is_refused() -> None:
    leaf = leaf_of()
    for wrong in (leaf[:-1], leaf + b"\n", leaf + leaf, b""):
        with pytest.raises(EntryFormatError):
            parse_entry(wrong)


def test_the_size_limit_holds_for_the_whole_entry_wherever_it_lands() -> None:
    spare = MAX_ENTRY_BYTES - len(
        encode_entry(
            prepare(draft(0, blob="")),
            sequence=MAX_INTEGER,
            recorded_at="9999-12-31T23:59:59.999999Z",
        )
    )
    largest = prepare(draft(0, blob="x" * spare))
    leaf = encode_entry(largest, sequence=MAX_INTEGER, recorded_at="9999-12-31T23:59:59.999999Z")
    assert len(leaf) == MAX_ENTRY_BYTES
    assert parse_entry(leaf).sequence == MAX_INTEGER
    with pytest.raises(EntryTooLargeError, match="split"):
        prepare(draft(0, blob="x" * (spare + 1)))
    with pytest.raises(EntryTooLargeError):
        prepare(Draft(kind="k", subject="\x01" * 10_000, actor="a", body={}))


def test_instants_are_written_in_utc() -> None:
    abroad = datetime(2026, 3, 24, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert render_time(abroad) == "2026-03-24T10:00:00Z"
    assert render_time(NOW) == "2026-03-24T10:39:00.123456Z"
    with pytest.raises(ValueError, match="aware"):
        render_time(datetime(2026, 3, 24))  # noqa: DTZ001 - the mistake under test
