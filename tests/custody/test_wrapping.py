"""A wrapped key opens under its key, for its object, and not otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.errors import KeyBrokenError
from pratique.custody.model import ObjectId
from pratique.custody.wrapping import (
    parse_wrapped,
    unwrap,
    unwrap_object_key,
    wrap,
    wrap_object_key,
)

OBJECT = ObjectId("0123456789abcdef0123456789abcdef")
KEY, UNDER = bytes(range(32)), b"u" * 32


def wrapped() -> bytes:
    return wrap_object_key(
        KEY, under=UNDER, dataset="corpus", generation=3, object_id=OBJECT, nonce=bytes(12)
    )


def opened(data: bytes) -> bytes:
    return unwrap_object_key(parse_wrapped(data), under=UNDER, object_id=OBJECT)


def test_it_says_which_key_opens_it() -> None:
    parsed = parse_wrapped(wrapped())
    assert (parsed.dataset, parsed.generation) == ("corpus", 3)
    assert unwrap_object_key(parsed, under=UNDER, object_id=OBJECT) == KEY


@given(st.integers(0, len(wrapped()) * 8 - 1))
def test_one_changed_bit_and_it_does_not_open(bit: int) -> None:
    changed = bytearray(wrapped())
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(KeyBrokenError):
        opened(bytes(changed))


def test_another_object_another_key() -> None:
    parsed = parse_wrapped(wrapped())
    with pytest.raises(KeyBrokenError):
        unwrap_object_key(parsed, under=UNDER, object_id=ObjectId("f" * 32))
    with pytest.raises(KeyBrokenError):
        unwrap_object_key(parsed, under=KEY, object_id=OBJECT)


@given(st.binary(max_size=90))
def test_noise_is_no_wrapped_key(noise: bytes) -> None:
    with pytest.raises(KeyBrokenError):
        opened(noise)


def test_contexts_bind() -> None:
    sealed = wrap(KEY, under=UNDER, context=b"one", nonce=bytes(12))
    assert unwrap(sealed, under=UNDER, context=b"one") == KEY
    with pytest.raises(KeyBrokenError):
        unwrap(sealed, under=UNDER, context=b"two")
    with pytest.raises(KeyBrokenError, match="length"):
        unwrap(wrap(b"short", under=UNDER, context=b"", nonce=bytes(12)), under=UNDER, context=b"")
