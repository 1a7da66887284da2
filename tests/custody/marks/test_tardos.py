"""Scores: the bound holds exactly where it can be computed, the guilty are named, the innocent never."""

from __future__ import annotations

import math
import random
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.custody.codewords import Positions, codewords
from pratique.custody.marks.tardos import (
    DEFAULT_BOUND,
    Score,
    attribute,
    marks_needed,
    scores_of,
)

KEY = b"k" * 32
LEASES = tuple(f"PQL{number:05}" for number in range(10_000))

probability = st.floats(0.01, 0.99)
cases = st.integers(1, 10).flatmap(
    lambda n: st.tuples(
        st.lists(probability, min_size=n, max_size=n), st.binary(min_size=n, max_size=n)
    )
)


def _exact_tail(score: Score, z: float) -> float:
    """P(S ≥ z) of an innocent lease, by adding up all codewords."""
    total = 0.0
    for bits in product((False, True), repeat=len(score.chances)):
        chance, value = 1.0, 0.0
        for agrees, q, up, down in zip(
            bits, score.chances, score.agrees, score.differs, strict=True
        ):
            chance *= q if agrees else 1 - q
            value += up if agrees else down
        if value >= z - 1e-12:
            total += chance
    return total


@settings(max_examples=60)
@given(cases, st.floats(-5, 20))
def test_the_bound_is_never_below_the_exact_chance(
    case: tuple[list[float], bytes], z: float
) -> None:
    biases, raw = case
    leak = bytes(byte & 1 for byte in raw)
    for score in scores_of(leak, biases):
        assert math.exp(score.log_bound(z)) >= _exact_tail(score, z) * (1 - 1e-9)


@settings(max_examples=40)
@given(cases, st.floats(1e-6, 0.5))
def test_no_more_innocents_than_asked_reach_the_threshold(
    case: tuple[list[float], bytes], chance: float
) -> None:
    biases, raw = case
    leak = bytes(byte & 1 for byte in raw)
    for score in scores_of(leak, biases):
        threshold = score.threshold(math.log(chance))
        if threshold == math.inf:
            continue
        assert _exact_tail(score, threshold) <= chance * (1 + 1e-9)
        assert score.log_bound(threshold) <= math.log(chance) + 1e-6


@cache
def _words(marks: int, seed: int) -> tuple[tuple[float, ...], tuple[tuple[str, bytes], ...]]:
    positions = Positions(KEY, random.Random(seed).sample(range(50_000), marks))
    return positions.biases, tuple(codewords(KEY, LEASES, positions))


def _mixed(words: list[bytes], how: str, rng: random.Random) -> bytes:
    leak = bytearray()
    for bits in zip(*words, strict=True):
        ones = sum(bits)
        if how == "random" or ones in {0, len(bits)}:
            leak.append(rng.choice(bits))
        elif how == "minority":
            leak.append(int(ones * 2 < len(bits)))
        elif how == "majority":
            leak.append(int(ones * 2 > len(bits)))
        elif how == "in turns":  # a stretch of records of each
            leak.append(bits[len(leak) // 85 % len(bits)])
        elif how == "uneven":
            leak.append(rng.choices(bits, (70, 15, 15))[0])
        else:
            leak.append(int(how == "ones"))
    return bytes(leak)


@pytest.mark.parametrize("seed", range(3))
def test_one_leaker_of_ten_thousand_is_named_by_a_hundred_marks(seed: int) -> None:
    biases, words = _words(marks_needed(len(LEASES)), seed)
    guilty = random.Random(seed).randrange(len(LEASES))
    outcome = attribute(words[guilty][1], biases, words, leases=len(LEASES))
    assert [one.lease for one in outcome.named] == [LEASES[guilty]]
    (named,) = outcome.named
    assert named.false_accusation <= DEFAULT_BOUND
    assert named.score >= named.threshold
    assert named.agreeing == len(biases)
    assert outcome.needed == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "how", ["random", "minority", "majority", "ones", "zeros", "in turns", "uneven"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_three_colluders_are_named_by_1024_marks(how: str, seed: int) -> None:
    biases, words = _words(1024, seed)
    rng = random.Random(f"{how}{seed}")
    guilty = rng.sample(range(len(LEASES)), 3)
    leak = _mixed([words[one][1] for one in guilty], how, rng)
    outcome = attribute(leak, biases, words, leases=len(LEASES))
    named = {one.lease for one in outcome.named}
    assert named <= {LEASES[one] for one in guilty}
    # What two of three agree in hides the third; who gives little is seen in little.
    assert len(named) >= {"majority": 2, "uneven": 1}.get(how, 3)
    assert LEASES[guilty[0]] in named or how == "majority"
    assert all(one.false_accusation <= DEFAULT_BOUND for one in outcome.named)


def test_one_misread_mark_in_fifty_does_not_matter() -> None:
    biases, words = _words(200, 5)
    leak = bytearray(words[77][1])
    for at in range(0, 200, 50):
        leak[at] ^= 1
    outcome = attribute(bytes(leak), biases, words, leases=len(LEASES))
    assert [one.lease for one in outcome.named] == [LEASES[77]]


@pytest.mark.parametrize("how", ["random", "ones", "zeros", "biases", "opposite"])
@pytest.mark.parametrize("leaks", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_the_innocent_are_not_named_whatever_the_leak_shows(how: str, leaks: int) -> None:
    """10,000 innocents × 5 kinds × 60 leaks: three million chances, and none is used."""
    for seed in range(leaks):
        rng = random.Random(f"{how}{seed}")
        biases, words = _words(256, seed % 4)
        if how == "random":
            leak = bytes(rng.getrandbits(1) for _ in biases)
        elif how == "biases":
            leak = bytes(int(rng.random() < p) for p in biases)
        elif how == "opposite":
            leak = bytes(int(p < 0.5) for p in biases)
        else:
            leak = bytes([how == "ones"]) * len(biases)
        assert not attribute(leak, biases, words, leases=len(LEASES)).named


def test_few_marks_name_nobody_and_say_how_many_would() -> None:
    biases, words = _words(20, 3)
    outcome = attribute(words[5][1], biases, words, leases=len(LEASES))
    assert not outcome.named
    assert 80 < outcome.needed < 130


def test_a_stricter_bound_needs_more() -> None:
    assert marks_needed(10, 1e-6) < marks_needed(10_000, 1e-6) < marks_needed(10_000, 1e-12)


def test_no_marks_and_no_leases() -> None:
    assert not attribute(b"", (), (), leases=0).named
    assert not attribute(b"\x01", (0.5,), (), leases=0).named
    assert not attribute(b"", (), tuple((one, b"") for one in LEASES[:3]), leases=3).named
