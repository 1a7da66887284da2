"""Chunked bodies: published vectors, botocore's own, and whatever can be wrong with them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.custody.aws_chunked import (
    MAX_CHUNK_BYTES,
    ChunkChain,
    ChunkedBody,
    parse_decoded_length,
)
from pratique.custody.checksums import BodyCheck
from pratique.custody.model import LeaseId
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.sigv4 import Claim, Payload, day_key

KEY = day_key(
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", date="20130524", region="us-east-1", service="s3"
)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
DATA = b"a" * 66_560


def chain(seed: str = SEED) -> ChunkChain:
    claim = Claim(
        access_key=LeaseId("AKIAIOSFODNN7EXAMPLE"),
        date="20130524",
        region="us-east-1",
        service="s3",
        signed_headers=("host",),
        signature=seed,
        stamp="20130524T000000Z",
        at=datetime(2013, 5, 24, tzinfo=UTC),
        expires=0,
        content_sha256=Payload.STREAMING.value,
        session_token="",
    )
    return ChunkChain(claim, KEY)


def published() -> bytes:
    return b"".join(
        [
            b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
            DATA[:65_536],
            b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
            DATA[65_536:],
            b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
        ]
    )


def published_with_trailer(*, spelled: bytes = b"\r\n") -> bytes:
    return b"".join(
        [
            b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n",
            DATA[:65_536],
            b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n",
            DATA[65_536:],
            b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
            b"x-amz-checksum-crc32c:sOO8/Q==",
            spelled,
            b"x-amz-trailer-signature:",
            b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
        ]
    )


def signed_body(**changed: int) -> ChunkedBody:
    return ChunkedBody(
        Payload.STREAMING, decoded_length=changed.get("length", len(DATA)), chain=chain()
    )


def trailer_body() -> ChunkedBody:
    return ChunkedBody(
        Payload.STREAMING_TRAILER,
        decoded_length=len(DATA),
        chain=chain(TRAILER_SEED),
        trailer_names=("x-amz-checksum-crc32c",),
    )


def unsigned_body(length: int, *names: str) -> ChunkedBody:
    return ChunkedBody(
        Payload.STREAMING_UNSIGNED_TRAILER, decoded_length=length, chain=None, trailer_names=names
    )


def fed(body: ChunkedBody, wire: bytes, *cuts: int) -> bytes:
    out = []
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, end in pairwise(edges):
        out += body.feed(memoryview(wire)[start:end])
    body.close()
    assert body.done
    return b"".join(out)


def refused(body: ChunkedBody, wire: bytes) -> S3Error:
    with pytest.raises(S3Error) as error:
        fed(body, wire)
    return error.value


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 70_000), max_size=8))
def test_the_published_body_is_read_however_it_is_cut(cuts: list[int]) -> None:
    assert fed(signed_body(), published(), *cuts) == DATA


@pytest.mark.parametrize("spelled", [b"\r\n", b"\n", b"\n\r\n"])
def test_the_published_trailer_is_read(spelled: bytes) -> None:
    body = trailer_body()
    check = BodyCheck({}, trailers=("x-amz-checksum-crc32c",))
    data = fed(body, published_with_trailer(spelled=spelled), 66_800)
    check.update(data)
    check.finish(body.trailers)
    assert body.trailers == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_byte_by_byte() -> None:
    wire = b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfS2A==\r\n\r\n"
    body = unsigned_body(5, "x-amz-checksum-crc32")
    got = b"".join(piece for byte in wire for piece in body.feed(bytes([byte])))
    body.close()
    assert got == b"abcde"


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=5000), chunk=st.integers(1, 700))
def test_what_botocore_wraps_is_read(data: bytes, chunk: int) -> None:
    wrapper = AwsChunkedWrapper(
        io.BytesIO(data), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=chunk
    )
    body = unsigned_body(len(data), "x-amz-checksum-crc32")
    check = BodyCheck({}, trailers=("x-amz-checksum-crc32",))
    got = fed(body, wrapper.read())
    check.update(got)
    check.finish(body.trailers)
    assert got == data


@pytest.mark.parametrize("at", [0, 30, 90, 5_000, 65_630, 65_700, 66_700, 66_810, -90, -6])
def test_any_changed_byte_of_a_signed_body_is_refused(at: int) -> None:
    wire = bytearray(published())
    wire[at] ^= 1
    assert refused(signed_body(), bytes(wire)).status in {400, 403}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_of_a_trailer_is_refused(data: st.DataObject) -> None:
    wire = bytearray(published_with_trailer())
    at = data.draw(st.integers(len(wire) - 240, len(wire) - 1))
    wire[at] ^= data.draw(st.integers(1, 255))
    try:
        fed(trailer_body(), bytes(wire))
    except S3Error:
        return
    # Names have no case, and a line may end bare: the same trailer, spelled otherwise.
    same = published_with_trailer().lower().replace(b"\r\n", b"\n")
    assert bytes(wire).lower().replace(b"\r", b"").replace(b"\t", b"") in {
        same, same.replace(b"\r", b"")
    }  # fmt: skip


def test_a_chunk_is_handed_out_only_when_its_signature_is_right() -> None:
    body = signed_body()
    first = published()[: 88 + 65_536]
    assert body.feed(first[:-1]) == []
    assert body.feed(first[-1:]) == [DATA[:65_536]]


def test_chunks_cannot_be_swapped_dropped_or_repeated() -> None:
    wire = published()
    second = wire.index(b"400;")
    last = wire.index(b"\r\n0;") + 2
    first, middle, end = wire[:second], wire[second:last], wire[last:]
    for shuffled in (middle + first + end, first + end, first + middle + middle + end, end):
        refused(ChunkedBody(Payload.STREAMING, decoded_length=10**6, chain=chain()), shuffled)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"", Code.INCOMPLETE_BODY),
        (b"3\r\nabc", Code.INCOMPLETE_BODY),
        (b"3\r\nabc\r\n", Code.INCOMPLETE_BODY),
        (b"3\r\nabc\r\n0\r\n", Code.INCOMPLETE_BODY),
        (b"2\r\nab\r\n0\r\n\r\n", Code.INCOMPLETE_BODY),
        (b"3\r\nabcd\r\n0\r\n\r\n", Code.INVALID_REQUEST),
        (b"4\r\nabcd\r\n0\r\n\r\n", Code.INVALID_REQUEST),
        (b"3\r\nabc\r\n0\r\n\r\nx", Code.INVALID_REQUEST),
        (b"\r\n", Code.INVALID_REQUEST),
        (b"-3\r\n", Code.INVALID_REQUEST),
        (b"0x3\r\n", Code.INVALID_REQUEST),
        (b"+3\r\n", Code.INVALID_REQUEST),
        (b" 3\r\n", Code.INVALID_REQUEST),
        (b"1_0\r\n", Code.INVALID_REQUEST),
        (b"f" * 14 + b"\r\n", Code.INVALID_REQUEST),
        (b"0" * 300, Code.INVALID_REQUEST),
        (b"3;" + b"x" * 300, Code.INVALID_REQUEST),
        (b"3;chunk-signature=00\r\nabc\r\n", Code.INVALID_REQUEST),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\n", Code.MALFORMED_TRAILER),
        (b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n", Code.MALFORMED_TRAILER),
        (b"3\r\nabc\r\n0\r\n" + b"a:b\r\n" * 2 + b"\r\n", Code.MALFORMED_TRAILER),
        (b"3\r\nabc\r\n0\r\n" + b"a:b\r\n" * 3000, Code.MALFORMED_TRAILER),
    ],
)
def test_broken_bodies(wire: bytes, code: Code) -> None:
    assert refused(unsigned_body(3), wire).code is code


def test_a_signed_chunk_has_a_limit() -> None:
    body = ChunkedBody(Payload.STREAMING, decoded_length=10**12, chain=chain())
    wire = f"{MAX_CHUNK_BYTES + 1:x};chunk-signature={'0' * 64}\r\n".encode()
    assert refused(body, wire).code is Code.ENTITY_TOO_LARGE


def test_an_announced_trailer_must_come() -> None:
    error = refused(unsigned_body(3, "x-amz-checksum-crc32"), b"3\r\nabc\r\n0\r\n\r\n")
    assert error.code is Code.MALFORMED_TRAILER


def test_memory_is_bounded_by_what_is_fed() -> None:
    body = unsigned_body(10**9)
    body.feed(b"%x\r\n" % 10**9)
    for _ in range(50):
        body.feed(bytes(65_536))
        assert len(body._buffer) == 0


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, Code.MISSING_CONTENT_LENGTH), ("-1", Code.INVALID_ARGUMENT), ("", Code.INVALID_ARGUMENT),
     ("٣", Code.INVALID_ARGUMENT), ("1" * 30, Code.INVALID_ARGUMENT), ("101", Code.ENTITY_TOO_LARGE)],
)  # fmt: skip
def test_decoded_lengths(value: str | None, code: Code) -> None:
    headers = {} if value is None else {"x-amz-decoded-content-length": value}
    with pytest.raises(S3Error) as error:
        parse_decoded_length(headers, limit=100)
    assert error.value.code is code
    assert parse_decoded_length({"x-amz-decoded-content-length": "100"}, limit=100) == 100


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [b"\r\n", b"\n", b"0", b"3", b"abc", b";", b"chunk-signature=", b"a:b"]
            ),
            st.binary(max_size=10),
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_nothing_but_s3_errors_comes_of_hostile_bodies(pieces: list[bytes], signed: bool) -> None:
    body = signed_body(length=3) if signed else unsigned_body(3)
    try:
        got = b"".join(out for piece in pieces for out in body.feed(piece))
        body.close()
    except S3Error:
        return
    assert not signed
    assert len(got) == 3
    assert sha256(got).digest()
