"""Codewords: the literature's biases, the same bits everywhere, fast enough for every lease there is."""

from __future__ import annotations

import hashlib
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.codewords import (
    MAX_MARKS,
    Positions,
    codeword,
    codewords,
    commitment,
    commitment_salt,
    key_commitment,
    lease_key,
    pack_bits,
    unpack_bits,
)

KEY = b"k" * 32


def test_bits_of_today_are_bits_of_tomorrow() -> None:
    """Copies that lie outside are judged by these for years: a change here is a change of format."""
    assert codeword(KEY, "PQLA", 64).hex() == "a42671dbab88de6b"
    assert [round(p, 6) for p in Positions(KEY, [0, 1, 999_999]).biases] == [
        0.173663,
        0.00101,
        0.912247,
    ]


@given(st.lists(st.integers(0, MAX_MARKS - 1), max_size=40))
def test_a_position_has_its_bit_whatever_is_asked_besides(positions: list[int]) -> None:
    key = lease_key(KEY, "PQLB")
    together = Positions(KEY, positions).bits(key)
    alone = b"".join(Positions(KEY, [position]).bits(key) for position in positions)
    assert together == alone


def test_biases_follow_the_arcsine_law_within_the_cut_off() -> None:
    biases = sorted(Positions(KEY, range(20_000)).biases)
    cut = 1 / 1500
    assert cut - 1e-6 < biases[0] < 2 * cut
    assert 1 - 2 * cut < biases[-1] < 1 - cut + 1e-6
    lowest = math.asin(math.sqrt(cut))
    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        expected = math.sin(lowest + quantile * (math.pi / 2 - 2 * lowest)) ** 2
        assert biases[int(quantile * 20_000)] == pytest.approx(expected, abs=0.012)


def test_bits_are_as_frequent_as_their_biases() -> None:
    positions = Positions(KEY, range(50))
    counts = [0] * 50
    for _, bits in codewords(KEY, (f"PQL{n}" for n in range(4_000)), positions):
        counts = [count + bit for count, bit in zip(counts, bits, strict=True)]
    for count, bias in zip(counts, positions.biases, strict=True):
        sigma = math.sqrt(bias * (1 - bias) * 4_000)
        assert abs(count - bias * 4_000) < 5 * sigma + 1


def test_another_dataset_has_other_biases_and_other_bits() -> None:
    other = b"o" * 32
    assert Positions(KEY, range(64)).biases != Positions(other, range(64)).biases
    assert codeword(KEY, "PQLA", 256) != codeword(other, "PQLA", 256)
    assert codeword(KEY, "PQLA", 256) != codeword(KEY, "PQLB", 256)


@given(st.binary(max_size=100).map(lambda data: bytes(byte & 1 for byte in data)))
def test_packing_goes_both_ways(bits: bytes) -> None:
    packed = pack_bits(bits)
    assert len(packed) == -(-len(bits) // 8)
    assert unpack_bits(packed, len(bits)) == bits


def test_mark_0_is_the_lowest_bit_of_the_first_byte() -> None:
    assert pack_bits(b"\1\0\0\0\0\0\0\0\0\1") == b"\x01\x02"


def test_commitments() -> None:
    salt = commitment_salt(KEY, "PQLA")
    assert commitment(salt, b"word") == hashlib.sha256(salt + b"word").hexdigest()
    assert salt != commitment_salt(KEY, "PQLB")
    assert len(key_commitment(KEY)) == 64


@pytest.mark.parametrize("position", [-1, MAX_MARKS])
def test_positions_have_an_end(position: int) -> None:
    with pytest.raises(ValueError, match="positions"):
        Positions(KEY, [position])


def test_a_thousand_leases_by_five_thousand_marks() -> None:
    """CPU time; a tenth of what attribution asks for."""
    positions = Positions(KEY, range(0, 1_000_000, 200))
    started = time.process_time()
    for _ in codewords(KEY, (f"PQL{n}" for n in range(1_000)), positions):
        pass
    assert time.process_time() - started < 3
