"""What is said of leases from what a sample shows: places, parts, canonical bytes."""

from __future__ import annotations

import random

import pytest

from pratique.custody.codewords import Positions, codewords
from pratique.custody.marks.attribution import given_places, joined_parts, looks_canonical
from pratique.custody.marks.index import Place
from pratique.custody.marks.tardos import attribute_parts
from pratique.custody.model import SEGMENT_BYTES, ObjectId

ONE, TWO = ObjectId("01" * 16), ObjectId("02" * 16)


def test_places_lie_in_what_was_given() -> None:
    places = [
        Place(ONE, 0, 10),
        Place(ONE, SEGMENT_BYTES - 1, SEGMENT_BYTES),
        Place(ONE, 5 * SEGMENT_BYTES, 5 * SEGMENT_BYTES + 1),
        Place(ONE, 9 * SEGMENT_BYTES, 9 * SEGMENT_BYTES + 1),
        Place(TWO, 0, 1),
    ]
    assert given_places(places, {ONE: ((0, 0), (3, 5))}) == [0, 1, 2]
    assert given_places(places, {TWO: ((0, 0),)}) == [4]
    assert given_places(places, {}) == []


def test_parts_are_joined_where_leases_agree() -> None:
    words = {"a": bytes([0, 1, 0]), "b": bytes([1, 1, 0])}
    assert joined_parts({"a": [0, 1], "b": [1, 2]}, words) == {0: 0, 1: 1, 2: 0}
    assert joined_parts({"a": [0, 1], "b": [0, 2]}, words) == {1: 1, 2: 0}


def test_canonical_bytes_show_first_forms_only() -> None:
    biases = [0.5] * 60
    assert looks_canonical(bytes(60), biases, leases=100, bound=1e-6)
    assert not looks_canonical(bytes(59) + b"\x01", biases, leases=100, bound=1e-6)
    assert not looks_canonical(bytes(20), biases[:20], leases=100, bound=1e-6), "chance would do it"
    assert not looks_canonical(bytes(5), [0.999] * 5, leases=1, bound=1e-6)
    assert not looks_canonical(b"", [], leases=1, bound=1e-6)


def _parts(seed: int, count: int) -> tuple[Positions, list[tuple[str, dict[int, int]]]]:
    rng = random.Random(seed)
    positions = Positions(b"k" * 32, rng.sample(range(50_000), 200))
    names = [f"{seed}-{number}" for number in range(count * 10)]
    words = [bits for _, bits in codewords(b"k" * 32, names, positions)]
    holders = []
    for number in range(count):
        own = words[number * 10 : number * 10 + 10]
        holders.append(
            (f"holder:{number}", {place: own[place % 10][place] for place in range(200)})
        )
    return positions, holders


def test_one_holder_of_ten_leases_is_named_from_parts() -> None:
    positions, holders = _parts(1, 500)
    leak = bytes(bit for _, bit in sorted(holders[77][1].items()))
    (named,) = attribute_parts(leak, positions.biases, holders)
    assert named.lease == "holder:77"
    assert named.by == "parts"
    assert named.agreeing == 200
    assert named.false_accusation < 1e-6 / 32


@pytest.mark.slow
def test_innocent_holders_are_not_named() -> None:
    for seed in range(5):
        positions, holders = _parts(seed, 500)
        rng = random.Random(seed)
        for leak in (
            bytes(rng.getrandbits(1) for _ in range(200)),
            bytes(200),
            bytes(int(rng.random() < p) for p in positions.biases),
        ):
            assert not attribute_parts(leak, positions.biases, holders)
    assert not attribute_parts(b"", [], [])
