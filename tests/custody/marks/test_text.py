"""Second forms of texts: what may change, what never does, and that detection sees one mark in both."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.marks import a_sentence
from pratique.custody.marks.text import (
    fold,
    is_code,
    lasting_changes,
    other_texts,
    smooth,
    type_changes,
    unit_around,
    units,
)

LONG = "and the rest of this sentence is only there to make it long enough"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("We do not know this", "don't"),
        ("We don't know this", "do not"),
        ("We don’t know this", "do not"),
        ("You cannot see this", "can't"),
        ("You can't see this", "cannot"),
        ("They won't come today", "will not"),
        ("I'm here now", "I am"),
        ("I am here now", "I'm"),
        ("Do not go there", "Don't"),
        ("it is good so", "it's"),
        ("they organise the day", "organize"),
        ("they organized the day", "organised"),
        ("the colour of it", "color"),
        ("the color of it", "colour"),
        ("a neighbourhood there", "neighborhood"),
        ("towards the end", "toward"),
        ("among the people", "amongst"),
        ("a grey day", "gray"),
        ("they analysed this", "analyzed"),
    ],
)
def test_words_have_another_form(text: str, other: str) -> None:
    assert next(lasting_changes(text)).other == other


@pytest.mark.parametrize(
    "text",
    [
        "Don't you see",  # "Do not you see" is no English
        "It's been a day",  # it has
        "That's gone wrong",
        "as you are.",  # nothing follows
        "WE DO NOT GO there",  # capitals have their reasons
        "Gray and Labour and Harbor",  # names
        "Colorado and greyhounds and alabora",
        "the knot is tied",
    ],
)
def test_words_without_another_form(text: str) -> None:
    assert not list(lasting_changes(text))


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("she's here", "she’s here"),
        ("so... and then", "so… and then"),
        ("so… and then", "so... and then"),
        ("this – that", "this - that"),
        ("1990–1999", "1990-1999"),
        ("two  blanks", "two blanks"),
    ],
)
def test_type_has_another_form(text: str, changed: str) -> None:
    (change,) = type_changes(text)
    assert text[: change.start] + change.other + text[change.end :] == changed


@pytest.mark.parametrize("text", ["'quoted'", "rock 'n' roll"[5:8], "a-b", "1-2", "....", "x  Y"])
def test_type_that_means_something(text: str) -> None:
    assert not list(type_changes(text))


@pytest.mark.parametrize(
    "text",
    [
        f"```python\nprint('do not')\n``` {LONG}",
        f"def f():\n    '''We do not care {LONG}.'''\n",
        f"if (x) {{\n  // we do not care {LONG}\n}}",
        f"<p>we do not care {LONG}</p>",
        f"see https://a.example/do not {LONG}",
        f"the file some_name is not here {LONG}",
        f"write to a@b.example, we do not {LONG}",
        f"x = 5 is not true {LONG}",
        "do not go",
    ],
)
def test_what_is_no_prose_is_left_alone(text: str) -> None:
    assert next(other_texts(text), None) is None


def test_a_change_keeps_to_one_sentence() -> None:
    text = f"A first one {LONG}. We do not know it’s so {LONG}. A third... {LONG}."
    other, unit, second = next(other_texts(text))
    assert unit == f"We do not know it’s so {LONG}."
    assert second == f"We don't know it's so {LONG}."
    assert other == text.replace(unit, second)


def test_growing_is_avoided_where_it_must_be() -> None:
    text = f"We don't know why they cannot see {LONG}."
    assert "can't" in next(other_texts(text, may_grow=False))[0]
    assert next(other_texts(f"We don't know {LONG}.", may_grow=False), None) is None or all(
        len(other) <= len(text) for other, _, _ in other_texts(text, may_grow=False)
    )


@given(st.integers(0, 2**32))
def test_both_forms_are_one_mark_and_differ(seed: int) -> None:
    rng = random.Random(seed)
    text = " ".join(a_sentence(rng) for _ in range(rng.randint(1, 5)))
    if rng.random() < 0.3:
        text = text.replace("'", "’")
    for other, unit, second in other_texts(text):
        assert other != text
        assert unit != second
        assert fold(smooth(unit)) == fold(smooth(second))
        ours, theirs = ([t[a:b] for a, b in units(t)] for t in (text, other))
        assert len(ours) == len(theirs)
        assert [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b] == [(unit, second)]


@given(st.text(alphabet="ab.… '’\n!?\"”)", max_size=60))
def test_units_cover_the_text_and_are_found_again(text: str) -> None:
    spans = list(units(text))
    assert all(a < b for a, b in spans)
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))
    between = [
        text[b:c] for (_, b), (c, _) in zip([(0, 0), *spans], [*spans, (len(text), 0)], strict=True)
    ]
    assert all(not piece.strip(" \n") for piece in between)
    for start, end in spans:
        assert unit_around(text, start) == (start, end)


@given(st.text(max_size=80))
def test_smoothing_twice_changes_nothing(text: str) -> None:
    once = smooth(text)
    assert smooth(once) == " ".join(once.lower().split())


def test_signs_of_code() -> None:
    assert is_code("x\ty")
    assert is_code("for (;;) {\n}")
    assert not is_code("We do not write code (or so) here; it's prose = fine"[:40])
