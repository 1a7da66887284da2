"""Checksums of bodies: published check values, botocore's, and wrong ones."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5, sha256

import pytest
from botocore.httpchecksum import CrtCrc32cChecksum, CrtCrc64NvmeChecksum
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.checksums import ALGORITHMS, BodyCheck, new_digest, parse_trailer_names
from pratique.custody.s3_errors import Code, S3Error

DATA = b"123456789"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        # "check" values of the catalogue of parametrised CRC algorithms; SHA by FIPS 180's tools.
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ],
)
def test_check_values(algorithm: str, value: str) -> None:
    digest = new_digest(algorithm)
    digest.update(DATA[:4])
    digest.update(memoryview(DATA)[4:])
    assert digest.digest().hex() == value


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_crcs_are_botocores(pieces: list[bytes]) -> None:
    for name, oracle in (("crc32c", CrtCrc32cChecksum()), ("crc64nvme", CrtCrc64NvmeChecksum())):
        digest = new_digest(name)
        for piece in pieces:
            digest.update(piece)
            oracle.update(piece)
        assert digest.digest() == oracle.digest()


def _value(algorithm: str, data: bytes = DATA) -> str:
    digest = new_digest(algorithm)
    digest.update(data)
    return b64encode(digest.digest()).decode()


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize("late", [False, True])
def test_right_and_wrong_checksums(algorithm: str, late: bool) -> None:
    name = f"x-amz-checksum-{algorithm}"
    for data, right in ((DATA, True), (DATA + b"0", False), (b"", False)):
        headers = {} if late else {name: _value(algorithm)}
        trailers = {name: _value(algorithm)} if late else None
        check = BodyCheck(headers, trailers=(name,) if late else ())
        check.update(data)
        if right:
            check.finish(trailers)
            assert check.checksum == (name, _value(algorithm))
            continue
        with pytest.raises(S3Error) as error:
            check.finish(trailers)
        assert error.value.code is Code.BAD_DIGEST


def test_md5_and_the_signed_hash_are_checked() -> None:
    headers = {"content-md5": b64encode(md5(DATA).digest()).decode()}
    check = BodyCheck(headers, content_sha256=sha256(DATA).hexdigest())
    check.update(DATA)
    check.finish()
    assert check.checksum is None
    wrong = BodyCheck(headers)
    wrong.update(b"other")
    with pytest.raises(S3Error) as error:
        wrong.finish()
    assert error.value.code is Code.BAD_DIGEST
    wrong = BodyCheck({}, content_sha256=sha256(DATA).hexdigest())
    with pytest.raises(S3Error) as error:
        wrong.finish()
    assert error.value.code is Code.CONTENT_SHA256_MISMATCH


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc16": "AAAA"}, Code.INVALID_REQUEST),
        ({"x-amz-checksum-md5": "AAAA"}, Code.INVALID_REQUEST),
        ({"x-amz-checksum-crc32": "AAAA"}, Code.INVALID_REQUEST),
        ({"x-amz-checksum-crc32": "!!!!"}, Code.INVALID_REQUEST),
        ({"x-amz-checksum-crc32": "\udcff"}, Code.INVALID_REQUEST),
        ({"x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-sha1": "x"}, Code.INVALID_REQUEST),
        ({"x-amz-sdk-checksum-algorithm": "CRC16"}, Code.INVALID_REQUEST),
        ({"content-md5": "AAAA"}, Code.INVALID_DIGEST),
        ({"content-md5": ""}, Code.INVALID_DIGEST),
    ],
)
def test_checks_that_cannot_be_made_are_refused(headers: dict[str, str], code: Code) -> None:
    with pytest.raises(S3Error) as error:
        BodyCheck(headers)
    assert error.value.code is code


def test_a_checksum_in_header_and_trailer_is_one_too_many() -> None:
    with pytest.raises(S3Error):
        BodyCheck({"x-amz-checksum-crc32": "y/Q5Jg=="}, trailers=("x-amz-checksum-crc32",))


def test_a_missing_trailer_is_noticed() -> None:
    check = BodyCheck({}, trailers=("x-amz-checksum-crc32",))
    with pytest.raises(S3Error) as error:
        check.finish({})
    assert error.value.code is Code.MALFORMED_TRAILER


def test_words_that_are_no_algorithm_are_left_alone() -> None:
    check = BodyCheck({"x-amz-checksum-mode": "ENABLED", "x-amz-sdk-checksum-algorithm": "CRC32"})
    check.finish()


def test_trailers_are_checksums() -> None:
    assert parse_trailer_names({}) == ()
    assert parse_trailer_names({"x-amz-trailer": " X-Amz-Checksum-CRC32 "}) == (
        "x-amz-checksum-crc32",
    )
    for text in ("", "x-amz-meta-a", "x-amz-checksum-crc16", "x-amz-checksum-crc32,content-md5"):
        with pytest.raises(S3Error):
            parse_trailer_names({"x-amz-trailer": text})
