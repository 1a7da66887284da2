"""What a completion names and claims, against what has arrived."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from pratique.custody.model import ObjectId
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_xml_parse import NamedPart
from pratique.custody.upload_checks import MOST_OBJECT, WholeChecksum, named_parts
from pratique.custody.upload_ids import staging_key, stored_id
from pratique.custody.write_ports import StagedPart
from pratique.values.digests import Sha256

NAME = "x-amz-checksum-crc32"


def crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def staged(
    number: int, data: bytes, *, size: int | None = None, checked: bool = True
) -> StagedPart:
    return StagedPart(
        upload="u",
        number=number,
        stage=ObjectId("00" * 16),
        size=len(data) if size is None else size,
        sha256=Sha256(sha256(data).hexdigest()),
        checksum=f"{NAME}={text(crc(data))}" if checked else "",
        sent_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


PARTS = (staged(1, b"one"), staged(2, b"two"))


def test_parts_are_those_that_were_named() -> None:
    known = {part.number: part for part in PARTS}
    named = [NamedPart(number=part.number, etag=part.etag.strip('"')) for part in PARTS]
    assert named_parts(named, known) == PARTS
    assert named_parts(named[1:], known) == PARTS[1:]
    for wrong in (NamedPart(number=3, etag=named[0].etag), NamedPart(number=1, etag="x")):
        with pytest.raises(S3Error) as caught:
            named_parts([wrong], known)
        assert caught.value.code is Code.INVALID_PART
    huge = staged(1, b"one", size=MOST_OBJECT + 1)
    with pytest.raises(S3Error) as caught:
        named_parts(named[:1], {1: huge})
    assert caught.value.code is Code.ENTITY_TOO_LARGE


def test_a_checksum_of_checksums() -> None:
    right = text(crc(crc(b"one") + crc(b"two")))
    check = WholeChecksum({NAME: f"{right}-2"}, PARTS)
    check.update(b"whatever")
    check.finish()
    for wrong in (f"{right}-3", f"{text(bytes(4))}-2", "-2", "nonsense-2"):
        with pytest.raises(S3Error) as caught:
            WholeChecksum({NAME: wrong}, PARTS)
        assert caught.value.code is Code.BAD_DIGEST
    with pytest.raises(S3Error) as caught:
        WholeChecksum({NAME: f"{right}-2"}, (PARTS[0], staged(2, b"two", checked=False)))
    assert caught.value.code is Code.INVALID_REQUEST


def test_a_checksum_of_the_whole() -> None:
    for value, holds in ((text(crc(b"onetwo")), True), (text(bytes(4)), False)):
        check = WholeChecksum({NAME: value, "x-amz-checksum-type": "FULL_OBJECT"}, PARTS)
        check.update(b"one")
        check.update(b"two")
        if holds:
            check.finish()
        else:
            with pytest.raises(S3Error):
                check.finish()
    with pytest.raises(S3Error):
        WholeChecksum({NAME: "x", "x-amz-checksum-sha1": "y"}, PARTS)
    none = WholeChecksum({"x-amz-checksum-algorithm": "CRC32"}, PARTS)
    none.update(b"x")
    none.finish()


def test_ids_of_uploads() -> None:
    plain, token = "0a" * 16, "0b" * 32
    assert stored_id(plain) == plain
    hashed = stored_id(token)
    assert len(hashed) == 32
    assert hashed not in token
    assert stored_id("0c" * 32) != hashed
    for odd in ("", "x", plain.upper() + "G", "../" + plain, token + "0", " " + plain[1:]):
        with pytest.raises(S3Error):
            stored_id(odd)
    key = bytes(32)
    assert staging_key(key, plain, sealed=False) == key
    assert staging_key(key, token, sealed=True) != staging_key(key, "0c" * 32, sealed=True)
    assert staging_key(key, token, sealed=True) != key
    with pytest.raises(S3Error):
        staging_key(key, hashed, sealed=True)
