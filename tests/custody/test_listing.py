"""Paging against a plain re-telling of what S3 lists, and what a question costs."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.listing import Page, SelectedKeys, Tokens, list_page
from pratique.custody.s3_errors import Code, S3Error

_KEYS = st.sets(st.text("ab/é\U0010ffff", min_size=1, max_size=6), max_size=25)
_PREFIX = st.text("ab/", max_size=3)
_DELIMITER = st.sampled_from(["", "/", "b", "//", "é"])


@dataclass(frozen=True)
class Row:
    key: str


class Keys:
    """A sorted source that counts what it hands out."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = sorted(keys)
        self.handed_out = 0
        self.questions = 0

    def after(self, after: str, *, prefix: str, limit: int) -> list[Row]:
        start = bisect_right(self.keys, max(after, "")) if after else 0
        if prefix > after:
            start = max(start, bisect_right(self.keys, prefix) - (prefix in self.keys))
        found = []
        for key in self.keys[start:]:
            if len(found) == limit or not key.startswith(prefix):
                break
            found.append(Row(key))
        self.handed_out += len(found)
        self.questions += 1
        return found


def told(keys: set[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """All rows in order; True: a common prefix."""
    rows: list[tuple[str, bool]] = []
    for key in sorted(keys, key=str.encode):
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            row = (key, False) if at < 0 else (key[: at + len(delimiter)], True)
            if row not in rows:
                rows.append(row)
    return rows


def rows_of(page: Page) -> list[tuple[str, bool]]:
    both = [(entry.key, False) for entry in page.entries] + [(p, True) for p in page.prefixes]
    return sorted(both, key=lambda row: row[0].encode())


@given(_KEYS, _PREFIX, _DELIMITER, st.integers(1, 7))
def test_pages_together_are_the_whole_listing(
    keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    after, seen = "", []
    for _ in range(len(keys) + 2):
        page = list_page(
            Keys(list(keys)), prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )
        rows = rows_of(page)
        assert len(rows) <= limit
        seen += rows
        if not page.truncated:
            break
        assert len(rows) == limit
        assert page.next_after == rows[-1][0]
        after = page.next_after
    assert seen == told(keys, prefix, delimiter)


@given(_KEYS, _PREFIX, st.text("ab/é", max_size=4))
def test_a_marker_leaves_out_what_is_not_behind_it(
    keys: set[str], prefix: str, marker: str
) -> None:
    page = list_page(Keys(list(keys)), prefix=prefix, delimiter="", after=marker, limit=1000)
    assert [e.key for e in page.entries] == sorted(
        key for key in keys if key.startswith(prefix) and key > marker
    )


def test_a_folder_is_skipped_without_reading_it() -> None:
    keys = [f"{folder}/{number:06d}" for folder in "abcde" for number in range(20_000)] + ["z"]
    source = Keys(keys)
    page = list_page(source, prefix="", delimiter="/", after="", limit=1000)
    assert page.prefixes == ("a/", "b/", "c/", "d/", "e/")
    assert [entry.key for entry in page.entries] == ["z"]
    assert source.handed_out < 200
    assert source.questions < 10


def test_many_small_folders_take_few_questions() -> None:
    source = Keys([f"{number:05d}/only" for number in range(5_000)])
    page = list_page(source, prefix="", delimiter="/", after="", limit=1000)
    assert len(page.prefixes) == 1000
    assert page.next_after == "00999/"
    assert source.handed_out < 3_000


def test_a_flat_page_is_one_question() -> None:
    source = Keys([f"{number:06d}" for number in range(5_000)])
    page = list_page(source, prefix="", delimiter="", after="", limit=1000)
    assert len(page.entries) == 1000
    assert source.questions == 1


def test_an_empty_page_is_the_last_one() -> None:
    assert not list_page(Keys(["a"]), prefix="", delimiter="", after="", limit=0).truncated


@given(_KEYS, st.lists(_PREFIX, max_size=4), _PREFIX, _DELIMITER, st.integers(1, 9))
def test_a_lease_lists_only_what_it_selects(
    keys: set[str], allowed: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    source = SelectedKeys(Keys(list(keys)), allowed)
    visible = {key for key in keys if key.startswith(tuple(allowed))}
    after, seen = "", []
    for _ in range(len(keys) + 2):
        page = list_page(source, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        seen += rows_of(page)
        after = page.next_after
        if not page.truncated:
            break
    assert seen == told(visible, prefix, delimiter)


TOKENS = Tokens(b"k" * 32)


def test_a_token_is_good_for_its_listing_only() -> None:
    token = TOKENS.render(bucket="data", prefix="a/", delimiter="/", after="a/é")
    assert TOKENS.parse(token, bucket="data", prefix="a/", delimiter="/") == "a/é"
    for bucket, prefix, delimiter in (("dat", "a/", "/"), ("data", "", "/"), ("data", "a/", "")):
        with pytest.raises(S3Error) as error:
            TOKENS.parse(token, bucket=bucket, prefix=prefix, delimiter=delimiter)
        assert error.value.code is Code.INVALID_ARGUMENT
    with pytest.raises(S3Error):
        Tokens(b"x" * 32).parse(token, bucket="data", prefix="a/", delimiter="/")


def test_a_changed_token_is_refused() -> None:
    token = TOKENS.render(bucket="data", prefix="", delimiter="", after="a/key")
    data = urlsafe_b64decode(token)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(S3Error):
            TOKENS.parse(
                urlsafe_b64encode(changed).decode(), bucket="data", prefix="", delimiter=""
            )


@given(st.text(max_size=60))
def test_nothing_else_is_a_token(token: str) -> None:
    with pytest.raises(S3Error):
        TOKENS.parse(token, bucket="data", prefix="", delimiter="")


def test_parts_of_a_token_cannot_be_shifted() -> None:
    token = TOKENS.render(bucket="data", prefix="ab", delimiter="c", after="x")
    with pytest.raises(S3Error):
        TOKENS.parse(token, bucket="data", prefix="a", delimiter="bc")
