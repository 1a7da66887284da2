"""Ranges and conditions as RFC 9110 and S3 have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.conditions import (
    check_copy_source,
    check_read,
    check_write,
    range_applies,
    render_http_date,
)
from pratique.custody.ranges import (
    parse_copy_range,
    parse_range,
    part_span,
    parts_count,
    whole,
)
from pratique.custody.s3_errors import Code, S3Error

ETAG = '"0123456789abcdef-1"'
MODIFIED = datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)
SAME = render_http_date(MODIFIED)
EARLIER = render_http_date(MODIFIED - timedelta(seconds=1))
LATER = render_http_date(MODIFIED + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        # Examples of RFC 9110 section 14.1.2, for 10,000 bytes.
        ("bytes=0-499", 0, 500),
        ("bytes=500-999", 500, 1000),
        ("bytes=-500", 9500, 10_000),
        ("bytes=9500-", 9500, 10_000),
        ("bytes=0-0", 0, 1),
        ("bytes=-1", 9999, 10_000),
        ("Bytes=0-0", 0, 1),
        ("bytes=9999-99999999", 9999, 10_000),
        ("bytes=-99999", 0, 10_000),
        ("bytes=0-", 0, 10_000),
    ],
)
def test_single_ranges(text: str, start: int, end: int) -> None:
    span = parse_range(text, 10_000)
    assert (span.start, span.end, span.partial) == (start, end, True)
    assert span.content_range(10_000) == f"bytes {start}-{end - 1}/10000"


@pytest.mark.parametrize(
    "text",
    [None, "bytes=0-0,-1", "bytes=0-1,3-4", "items=0-5", "bytes", "bytes=", "bytes=-", "bytes=5-2",
     "bytes=a-b", "bytes=1-2-3", "bytes=+1-2", "bytes=٣-٤", "bytes=0x1-2", "", "bytes=1_0-20",
     f"bytes={'9' * 20}-", f"bytes=0-{'9' * 5000}"],
)  # fmt: skip
def test_what_is_no_single_range_is_ignored(text: str | None) -> None:
    assert parse_range(text, 10_000) == whole(10_000)


@pytest.mark.parametrize(
    ("text", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_ranges_behind_the_end_are_refused(text: str, size: int) -> None:
    with pytest.raises(S3Error) as error:
        parse_range(text, size)
    assert error.value.status == 416
    assert error.value.fields == (("ActualObjectSize", str(size)),)


@given(st.text(max_size=30), st.integers(0, 10**6))
def test_no_range_leaves_the_object(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            span = parse_range(header, size)
        except S3Error:
            continue
        assert 0 <= span.start <= span.end <= size
        assert not span.partial or span.length > 0


def test_copy_ranges_are_never_ignored() -> None:
    assert parse_copy_range("bytes=0-9", 10).length == 10
    assert parse_copy_range(None, 10) == whole(10)
    for text in ("bytes=0-10", "bytes=9-3", "bytes=0-", "bytes=-3", "0-9", "bytes=0-1,3-4", ""):
        with pytest.raises(S3Error):
            parse_copy_range(text, 10)


@given(st.integers(0, 100), st.integers(1, 10))
def test_parts_tile_the_object(size: int, part: int) -> None:
    spans = [
        part_span(number, size, part_bytes=part)
        for number in range(1, parts_count(size, part_bytes=part) + 1)
    ]
    assert [spans[0].start, *(span.end for span in spans)][-1] == size
    assert all(a.end == b.start for a, b in pairwise(spans))
    with pytest.raises(S3Error) as error:
        part_span(len(spans) + 1, size, part_bytes=part)
    assert error.value.code is Code.INVALID_PART_NUMBER


def read_status(**headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        check_read(named, etag=ETAG, modified=MODIFIED)
    except S3Error as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"if_match": ETAG}, 200),
        ({"if_match": ETAG.strip('"')}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": f'"x", {ETAG}'}, 200),
        ({"if_match": '"x"'}, 412),
        ({"if_match": ""}, 412),
        ({"if_none_match": ETAG}, 304),
        ({"if_none_match": f"W/{ETAG}"}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_modified_since": SAME}, 304),
        ({"if_modified_since": LATER}, 304),
        ({"if_modified_since": EARLIER}, 200),
        ({"if_unmodified_since": SAME}, 200),
        ({"if_unmodified_since": EARLIER}, 412),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_unmodified_since": "yesterday"}, 200),
        # Precedence: an ETag beats a date (and so in S3's documentation).
        ({"if_match": ETAG, "if_unmodified_since": EARLIER}, 200),
        ({"if_none_match": ETAG, "if_modified_since": EARLIER}, 304),
        ({"if_none_match": '"x"', "if_modified_since": LATER}, 200),
        ({"if_match": '"x"', "if_none_match": ETAG}, 412),
        ({"if_unmodified_since": EARLIER, "if_none_match": ETAG}, 412),
    ],
)
def test_conditions_of_reads(headers: dict[str, str], status: int) -> None:
    assert read_status(**headers) == status


@pytest.mark.slow
@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} (Jan|Dec) [0-9]{1,20} 23:59:59 [+-][0-9]{4}"),
    )
)
def test_no_header_breaks_a_condition(text: str) -> None:
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"):
        assert read_status(**{name: text}) in {200, 304, 412}
    range_applies({"if-range": text}, etag=ETAG, modified=MODIFIED)


@pytest.mark.parametrize(
    ("headers", "etag", "code"),
    [
        ({}, None, None),
        ({"if-none-match": "*"}, None, None),
        ({"if-none-match": "*"}, ETAG, Code.PRECONDITION_FAILED),
        ({"if-none-match": ETAG}, None, Code.NOT_IMPLEMENTED),
        ({"if-match": ETAG}, ETAG, None),
        ({"if-match": '"x"'}, ETAG, Code.PRECONDITION_FAILED),
        ({"if-match": ETAG}, None, Code.NO_SUCH_KEY),
    ],
)
def test_conditions_of_writes(headers: dict[str, str], etag: str | None, code: Code | None) -> None:
    if code is None:
        check_write(headers, etag=etag)
        return
    with pytest.raises(S3Error) as error:
        check_write(headers, etag=etag)
    assert error.value.code is code


def test_conditions_of_copies_give_412() -> None:
    check_copy_source({"if-none-match": ETAG}, etag=ETAG, modified=MODIFIED)
    for name, value in (("if-none-match", ETAG), ("if-modified-since", LATER), ("if-match", "x")):
        with pytest.raises(S3Error) as error:
            check_copy_source({f"x-amz-copy-source-{name}": value}, etag=ETAG, modified=MODIFIED)
        assert error.value.status == 412


@pytest.mark.parametrize(
    ("text", "applies"),
    [(None, True), (ETAG, True), ('"x"', False), (f"W/{ETAG}", False), (SAME, True),
     (LATER, False), (EARLIER, False), ("", False), ("nonsense", False)],
)  # fmt: skip
def test_if_range(text: str | None, applies: bool) -> None:
    headers = {} if text is None else {"if-range": text}
    assert range_applies(headers, etag=ETAG, modified=MODIFIED) is applies
