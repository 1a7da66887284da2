"""Digests: what counts as a file's identity."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.errors import ValueFormatError
from pratique.values.digests import parse_sha256

# FIPS 180-4 example "abc".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("text", [ABC, ABC.upper(), f" {ABC}\n"])
def test_spellings_of_one_digest_are_one_value(text: str) -> None:
    assert parse_sha256(text) == ABC == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    "text",
    ["", ABC[:-1], ABC + "0", "sha256:" + ABC, "g" * 64, ABC[:32] + "\n" + ABC[32:], "\u0660" * 64],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueFormatError, match="64 hexadecimal digits"):
        parse_sha256(text)


@given(st.binary())
def test_every_digest_survives(content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert parse_sha256(digest.upper()) == digest
