"""Second forms of records: as long, still the same data, and nothing else touched."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.marks import a_record, as_jsonl, some_records
from pratique.custody.marks.jsonl import Form, choose, records, second_form
from pratique.custody.marks.text import fold, smooth


def _other(record: bytes, form: Form) -> bytes:
    return record[: form.start] + form.other + record[form.start + len(form.other) :]


def _differences(a: Any, b: Any) -> list[tuple[Any, Any]]:
    if isinstance(a, dict):
        assert list(a) == list(b), "keys stay, in their order"
        return [d for key in a for d in _differences(a[key], b[key])]
    if isinstance(a, list):
        assert len(a) == len(b)
        return [d for x, y in zip(a, b, strict=True) for d in _differences(x, y)]
    return [] if a == b and type(a) is type(b) else [(a, b)]


@settings(max_examples=200)
@given(
    st.integers(0, 2**32),
    st.sampled_from([None, (",", ":"), (" ,  ", ":"), (", ", " : ")]),
    st.booleans(),
)
def test_a_second_form_is_as_long_and_changes_one_value(
    seed: int, separators: tuple[str, str] | None, ascii_only: bool
) -> None:
    rng = random.Random(seed)
    value = {"meta": {"tags": ["a", "b"], "n": [1, 2.5, None, True]}, **a_record(rng, seed)}
    if rng.random() < 0.4:
        value["prompt"] = (
            value["prompt"].replace("'", "’") + ' He said "no".\nAnd left… or so it was.'
        )
    record = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
    form = second_form(record)
    if form is None:
        return
    other = _other(record, form)
    assert len(other) == len(record)
    (difference,) = _differences(json.loads(record), json.loads(other))
    if form.is_number:
        assert difference == (float(form.first_text), float(form.second_text))
        assert difference[0] == pytest.approx(difference[1], rel=1e-8)
    else:
        assert fold(smooth(form.first_text)) == fold(smooth(form.second_text))
        assert form.first_text in difference[0]
        assert form.second_text in difference[1]
        assert difference[1] == difference[0].replace(form.first_text, form.second_text)


LONG = "we do not know whether this is long enough, but it should be."


@pytest.mark.parametrize(
    "key",
    ["id", "user_id", "ID", "recordId", "url", "image_url", "path", "hash", "sha256", "name", "email",
     "label", "category", "type", "status", "language", "created_time", "userName"],
)  # fmt: skip
def test_keys_that_name_identifiers_are_left_alone(key: str) -> None:
    assert second_form(json.dumps({key: LONG}).encode()) is None


@pytest.mark.parametrize(
    "record",
    [
        b"", b"{}", b"no json do not touch this, it is not what you think it is",
        b'"we do not touch a bare string, whatever it may say of it"',
        json.dumps({"we do not touch keys, however long they may be today": 1}).encode(),
        json.dumps({"a": "short do not"}).encode(),
        json.dumps({"n": 12345678901234567890, "m": 0.5, "t": 1700000000.123456}).encode(),
        json.dumps({"text": "def f():\n    return 'we do not touch code, whatever it says'"}).encode(),
        b'{"text": "we do not touch \\u0061 text with odd escapes of its own, do we"}',
        b'{"text": "we do not touch broken \\x escapes in a text that is long"}',
        b'{"text": "\xff\xfe we do not touch what is not UTF-8 at all, of course"}',
    ],
)  # fmt: skip
def test_records_without_a_second_form(record: bytes) -> None:
    assert second_form(record) is None


def test_a_compact_record_only_shrinks_or_stays() -> None:
    record = b'{"text":"we don\'t know whether this is long enough to be found again"}'
    form = second_form(record)
    assert form is None or len(_other(record, form)) == len(record)
    record = b'{"text":"we do not know whether this is long enough to be found again"}'
    form = second_form(record)
    assert form is not None
    assert (
        _other(record, form)
        == b'{"text":"we don\'t know whether this is long enough to be found again" }'
    )


def test_blanks_are_taken_from_outside_of_strings_only() -> None:
    record = b'{"text": "we don\'t know whether this is long enough to be found", "x": "a, b: c", "y": 1}'
    form = second_form(record)
    assert form is not None
    other = _other(record, form)
    assert json.loads(other)["x"] == "a, b: c"
    assert json.loads(other)["y"] == 1
    assert "do not" in json.loads(other)["text"]


def test_long_decimals_change_in_their_last_digit_only() -> None:
    record = b'{"id": 7, "loss": 0.8437261945123, "epoch": 12, "lr": 0.0001}'
    form = second_form(record)
    assert form == Form(
        record.index(b"3,"), b"4", "0.8437261945123", "0.8437261945124", is_number=True
    )


def test_chosen_records_are_spread_and_never_overlap() -> None:
    data = as_jsonl(some_records(3000))
    chosen = list(choose(data, share=0.03, most=10_000, draw=random.Random(1).random))
    assert 80 <= len(chosen) <= 90
    spans = [(begin + form.start, begin + form.start + len(form.other)) for begin, form in chosen]
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(len(spans) - 1))
    starts = {start for start, _ in records(data)}
    assert all(begin in starts for begin, _ in chosen)
    assert max(begin for begin, _ in chosen) > len(data) * 0.9
    other = list(choose(data, share=0.03, most=10_000, draw=random.Random(2).random))
    assert len({b for b, _ in chosen} & {b for b, _ in other}) < 20
    assert len(list(choose(data, share=0.03, most=10, draw=random.Random(1).random))) == 10


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    for begin, form in choose(data, share=1.0, most=50, draw=lambda: 0.5):
        end = data.find(b"\n", begin)
        record = data[begin : end if end >= 0 else len(data)]
        assert len(_other(record, form)) == len(record)
