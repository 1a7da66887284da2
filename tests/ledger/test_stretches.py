"""One proof for many entries: it leads to the root, and to nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.ledger import stretches
from pratique.ledger.errors import ProofError
from pratique.ledger.merkle import EMPTY_ROOT, Frontier, extend, leaf_hash, split_hashes
from pratique.ledger.stretches import (
    Gaps,
    fold_stretch,
    join_stretches,
    sequence_of,
    stretch_span,
    stretches_of,
)


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "STRETCH_HEIGHT", 3)
    monkeypatch.setattr(stretches, "STRETCH", 8)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def prove(every: list[bytes], shown: set[int]) -> list[bytes]:
    found = []
    for number in stretches_of(len(every)):
        start, end = stretch_span(number, len(every))
        gaps = Gaps(start)
        for place in range(start, end):
            gaps.show() if place in shown else gaps.skip(every[place])
        found.append(gaps.result())
    return found


def root_of(every: list[bytes], shown: set[int], proofs: list[bytes]) -> bytes:
    parts = []
    for number in stretches_of(len(every)):
        start, end = stretch_span(number, len(every))
        mine = [(place, every[place]) for place in range(start, end) if place in shown]
        parts.append(fold_stretch(number, len(every), mine, proofs[number]))
    return join_stretches(parts, len(every))


trees = st.integers(1, 45).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))
)


@given(trees)
def test_what_is_shown_and_the_hashes_give_the_root(tree: tuple[int, set[int]]) -> None:
    size, shown = tree
    every = leaves(size)
    wanted = extend(Frontier(), every)[0].root()
    proofs = prove(every, shown)
    assert root_of(every, shown, proofs) == wanted
    hashes = sum(map(len, proofs)) // 32
    assert hashes <= 4 * (len(shown) + len(proofs)), "no more than a few for each gap"


@given(trees, st.data())
def test_no_other_leaf_and_no_other_place_holds(
    tree: tuple[int, set[int]], data: st.DataObject
) -> None:
    size, shown = tree
    every = leaves(size)
    wanted = extend(Frontier(), every)[0].root()
    proofs = prove(every, shown)
    other = [*every]
    place = data.draw(st.integers(0, size - 1))
    other[place] = hashlib.sha256(b"other").digest()
    if place in shown:
        assert not holds(other, shown, proofs, wanted)
        assert not holds(every, shown - {place}, proofs, wanted)
    else:
        assert not holds(every, shown | {place}, proofs, wanted)
    number = data.draw(st.integers(0, len(proofs) - 1))
    if proofs[number]:
        hashes = split_hashes(proofs[number])
        for changed in (hashes[1:], [*hashes, hashes[0]], [bytes(32), *hashes[1:]]):
            spoilt = [*proofs]
            spoilt[number] = b"".join(changed)
            assert not holds(every, shown, spoilt, wanted)


def holds(every: list[bytes], shown: set[int], proofs: list[bytes], wanted: bytes) -> bool:
    try:
        return root_of(every, shown, proofs) == wanted
    except ProofError:
        return False


def test_no_leaves_have_the_empty_root() -> None:
    assert join_stretches([], 0) == EMPTY_ROOT


@pytest.mark.parametrize("leaf", [
    b"{}", b'{"sequence":1}', b'{"a":1,"sequence":,"subject":"x"}',
    b'{"a":1,"sequence":01,"subject":"x"}', b'{"a":1,"sequence":-1,"subject":"x"}',
])  # fmt: skip
def test_an_entry_without_its_sequence_is_refused(leaf: bytes) -> None:
    with pytest.raises(ProofError):
        sequence_of(leaf)


def test_the_sequence_is_the_entrys_own() -> None:
    leaf = rb'{"body":{"x":",\"sequence\":7,"},"sequence":12,"subject":"a,\"sequence\":9,"}'
    assert sequence_of(leaf) == 12
