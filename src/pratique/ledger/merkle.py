"""The Merkle tree of RFC 6962 over leaf hashes, and the tiles it is cut into.

Owns: leaf and node hashes, the frontier (all that is needed to append and to know the root), proofs
made from tiles and their verification. Never does: I/O; tiles come from a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from pratique.ledger.errors import ProofError

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 256
"""Hashes in a full tile: C2SP tlog-tiles fixes 8 levels of the tree per tile."""

EMPTY_ROOT = sha256(b"").digest()

TileReader: TypeAlias = Callable[[int, int], bytes]
"""`(level, index)` to the concatenated hashes of that tile, as wide as the log has them."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf. Source: RFC 6962 section 2.1."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node. Source: RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The roots of the complete subtrees that a tree of `size` leaves consists of, widest first.

    One hash per set bit of `size`. Enough to append and to compute the root: a compact range.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes cannot span {self.size} leaves")

    def root(self) -> bytes:
        """The tree's root."""
        if not self.hashes:
            return EMPTY_ROOT
        return fold_right(self.hashes)


def fold_right(roots: Sequence[bytes]) -> bytes:
    """Join complete subtrees, widest first, into the root above them."""
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


def extend(
    frontier: Frontier, leaf_hashes: Iterable[bytes]
) -> tuple[Frontier, dict[int, list[bytes]]]:
    """Append leaves.

    Shape: the new frontier, and per tile level above 0 the hashes that became complete, in order;
    they go to the end of that level.
    """
    stack = list(frontier.hashes)
    size = frontier.size
    completed: dict[int, list[bytes]] = {}
    for leaf in leaf_hashes:
        node = leaf
        carry = size
        height = 0
        while carry & 1:
            node = sha256(b"\x01" + stack.pop() + node).digest()
            carry >>= 1
            height += 1
            if height % TILE_HEIGHT == 0:
                completed.setdefault(height // TILE_HEIGHT, []).append(node)
        stack.append(node)
        size += 1
    return Frontier(size=size, hashes=tuple(stack)), completed


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Root over neighbouring hashes, as many as a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row), 2)]
    return row[0]


def split_hashes(data: bytes) -> list[bytes]:
    """Cut concatenated hashes apart."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def level_width(size: int, level: int) -> int:
    """How many hashes a tree of `size` leaves has at a tile level."""
    return size >> (TILE_HEIGHT * level)


class TiledTree:
    """Roots of parts of a tree, computed from its tiles. Keeps the tiles it has read.

    Raises: ProofError when a tile is narrower than the size asks.
    """

    def __init__(self, tile: TileReader, size: int) -> None:
        self._tile = tile
        self._rows: dict[tuple[int, int], list[bytes]] = {}
        self.size = size

    def node(self, height: int, index: int) -> bytes:
        """Root of the complete subtree of `2**height` leaves that starts at `index << height`."""
        level, depth = divmod(height, TILE_HEIGHT)
        start = index << depth
        tile_index, offset = divmod(start, TILE_WIDTH)
        row = self._row(level, tile_index)
        end = offset + (1 << depth)
        if end > len(row):
            raise ProofError(f"tile {level}/{tile_index} has {len(row)} hashes, {end} are needed")
        return subtree_root(row[offset:end])

    def _row(self, level: int, index: int) -> list[bytes]:
        row = self._rows.get((level, index))
        if row is None:
            row = self._rows[level, index] = split_hashes(self._tile(level, index))
        return row

    def frontier(self, start: int, end: int) -> list[bytes]:
        """Roots of the complete subtrees of `[start, end)`, where `start` is aligned to them."""
        roots = []
        while start < end:
            height = (end - start).bit_length() - 1
            roots.append(self.node(height, start >> height))
            start += 1 << height
        return roots

    def range_root(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) for the ranges that RFC 6962 proofs ask for."""
        return fold_right(self.frontier(start, end))

    def root(self) -> bytes:
        """The tree's root."""
        return self.range_root(0, self.size) if self.size else EMPTY_ROOT


def prove_inclusion(tree: TiledTree, index: int) -> tuple[bytes, ...]:
    """Audit path of a leaf, from its sibling upwards.

    Source: RFC 6962 section 2.1.1, PATH(m, D[n]).
    """
    if not 0 <= index < tree.size:
        raise ProofError(f"entry {index} is not in a log of {tree.size} entries")
    path: list[bytes] = []
    start, end = 0, tree.size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(tree.range_root(middle, end))
            end = middle
        else:
            path.append(tree.range_root(start, middle))
            start = middle
    return tuple(reversed(path))


def prove_consistency(tree: TiledTree, old_size: int) -> tuple[bytes, ...]:
    """Proof that the tree extends the one it was at `old_size`.

    Source: RFC 6962 section 2.1.2, PROOF(m, D[n]); empty for no growth and for growth from nothing.
    """
    if not 0 <= old_size <= tree.size:
        raise ProofError(f"a log of {tree.size} entries never extends one of {old_size}")
    if old_size in {0, tree.size}:
        return ()
    proof: list[bytes] = []
    start, end = 0, tree.size
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(tree.range_root(middle, end))
            end = middle
        else:
            proof.append(tree.range_root(start, middle))
            start = middle
    if start:
        # The old tree's last part is not a root the verifier knows, so it is part of the proof.
        proof.append(tree.range_root(start, end))
    return tuple(reversed(proof))


def _split(width: int) -> int:
    """Largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash is the leaf `index` of the tree with this root.

    Raises: ProofError.
    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError(f"entry {index} cannot be in a log of {size} entries")
    _require_hashes(leaf, root, *proof)
    node = leaf
    for sibling, is_left in _steps(index, size - 1, proof):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise ProofError(f"entry {index} is not in the tree with this root")


def verify_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the newer tree extends the older one without changing it.

    Raises: ProofError.
    Source: RFC 9162 section 2.1.4.2.
    """
    _require_hashes(old_root, new_root, *proof)
    if not 0 <= old_size <= new_size:
        raise ProofError(f"a log of {new_size} entries never extends one of {old_size}")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("two trees of one size differ")
        return
    if old_size == 0:
        if proof or old_root != EMPTY_ROOT:
            raise ProofError("the older tree is empty but its root or the proof is not")
        return
    _verify_growth(old_size, new_size, old_root, new_root, proof)


def _verify_growth(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    path = list(proof)
    if not path:
        raise ProofError("the consistency proof is empty")
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old = new = path[0]
    for sibling, is_left in _steps(place, last, path[1:]):
        if is_left:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != old_root:
        raise ProofError("the consistency proof does not start from the older tree")
    if new != new_root:
        raise ProofError("the newer tree does not extend the older one")


def _steps(place: int, last: int, siblings: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Walk from a node towards the root, saying of each sibling whether it lies to the left."""
    for sibling in siblings:
        if last == 0:
            raise ProofError("the proof is too long")
        is_left = bool(place & 1) or place == last
        yield sibling, is_left
        while is_left and place and not place & 1:
            place >>= 1
            last >>= 1
        place >>= 1
        last >>= 1
    if last:
        raise ProofError("the proof is too short")


def _require_hashes(*hashes: bytes) -> None:
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise ProofError(f"a hash in the proof is not {HASH_BYTES} bytes long")
