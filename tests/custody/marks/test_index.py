"""The index: reads marks whatever became of the records around them."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.marks.index import (
    IndexBuilder,
    IndexFormatError,
    Place,
    Reading,
    parse_index,
    read_record,
)
from pratique.custody.model import ObjectId

OBJECT = ObjectId("ab" * 16)
FIRST = "We do not know if it's enough, but we hope that it may be."
SECOND = "We don't know if it’s enough, but we hope that it may be."
TYPE_FIRST = "So here it's said again - in words that are long enough."
TYPE_SECOND = "So here it’s said again – in words that are long enough."


def _reading(*, first: int = 7) -> Reading:
    builder = IndexBuilder(b"s" * 16, first=first)
    mark = builder.add_mark(Place(OBJECT, 100, 120))
    builder.add_text(mark, FIRST, SECOND)
    mark = builder.add_mark(Place(OBJECT, 300, 301))
    builder.add_number(mark, "0.8437261945123", "0.8437261945124")
    mark = builder.add_mark(Place(OBJECT, 500, 600))
    builder.add_text(mark, TYPE_FIRST, TYPE_SECOND)
    mark = builder.add_mark(Place(OBJECT, 700, 800))
    builder.add_content(mark, b"1" * 32, b"2" * 32)
    return Reading(parse_index(builder.render()))


@pytest.mark.parametrize(
    "text",
    [
        SECOND,
        f"User: hello.\n{SECOND} And so on.",
        f"  {SECOND}\n\nNext",
        SECOND.replace("’", "'"),  # cleaned of type, the contraction still tells
        SECOND.upper(),
        SECOND.replace(" ", "  "),
    ],
)
def test_a_mark_of_words_survives(text: str) -> None:
    reading = _reading()
    read_record([reading], {"renamed": [{"deep": text}]})
    assert reading.bits() == {7: 1}
    reading = _reading()
    read_record(
        [reading], [re.sub("don['’]t", "do not", text, flags=re.IGNORECASE).replace("’", "'")]
    )
    assert reading.bits() == {7: 0}


def test_a_mark_of_type_does_not_survive_cleaning_and_says_so() -> None:
    reading = _reading()
    reading.text(TYPE_SECOND)
    assert reading.bits() == {9: 1}
    reading = _reading()
    reading.text(TYPE_SECOND.replace("’", "'").replace("again", "again "))
    assert reading.bits() == {}
    assert reading.blurred == 1


def test_numbers_and_content() -> None:
    reading = _reading()
    read_record([reading], json.loads('{"a": 0.8437261945124, "b": [1, 0.5, null, true]}'))
    reading.content(b"1" * 32)
    assert reading.bits() == {8: 1, 10: 0}


def test_a_double_of_the_first_form_does_not_hide_the_second() -> None:
    for texts in ((FIRST, SECOND), (SECOND, FIRST), (FIRST, FIRST, SECOND)):
        reading = _reading()
        for text in texts:
            reading.text(text)
        assert reading.bits() == {7: 1}


def test_many_units_of_one_mark_vote() -> None:
    builder = IndexBuilder(b"s" * 16, first=0)
    mark = builder.add_mark(Place(OBJECT, 0, 1))
    long = "see number {} in the long list of things"
    pairs = [(f"We do not {long}".format(n), f"We don't {long}".format(n)) for n in range(5)]
    for pair in pairs:
        builder.add_text(mark, *pair)
    reading = Reading(parse_index(builder.render()))
    for number, pair in enumerate(pairs):
        reading.text(pair[number == 0])
    assert reading.bits() == {0: 0}


def test_words_that_carry_a_mark_are_not_marked_again() -> None:
    builder = IndexBuilder(b"s" * 16, first=0)
    assert builder.is_new(FIRST)
    builder.add_text(builder.add_mark(Place(OBJECT, 0, 1)), FIRST, SECOND)
    assert not builder.is_new(FIRST)
    assert not builder.is_new(SECOND.upper())


def test_places_and_salts() -> None:
    index = _reading()._index
    assert index.place(8) == Place(OBJECT, 300, 301)
    assert index.count == 4
    assert FIRST.encode() not in IndexBuilder(b"s" * 16, first=0).render()
    other = IndexBuilder(b"t" * 16, first=7)
    other.add_text(other.add_mark(Place(OBJECT, 0, 1)), FIRST, SECOND)
    assert not set(parse_index(other.render()).by_key) & set(index.by_key)


@given(st.binary(max_size=100))
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(IndexFormatError):
        parse_index(data)


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_record_is_survived(record: object) -> None:
    reading = _reading()
    read_record([reading], record)
    assert reading.bits() in ({}, {8: 0}, {8: 1})


def test_unmarked_text_is_nobodys() -> None:
    rng = random.Random(1)
    reading = _reading()
    for _ in range(500):
        reading.text(" ".join(rng.choice(FIRST.split()) for _ in range(12)))
    assert not reading.bits()
