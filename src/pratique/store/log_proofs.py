"""Tiles and proofs for both stores: read hashes, check them against the signed root, repair once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from pratique.ledger.errors import LedgerDamagedError, ProofError
from pratique.ledger.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    TiledTree,
    level_width,
    node_hash,
    prove_consistency,
    prove_inclusion,
    split_hashes,
    subtree_root,
    verify_consistency,
    verify_inclusion,
)

_T = TypeVar("_T")


class ProvingLog(ABC):
    """What both stores answer in the same way from rows of hashes that they keep differently."""

    @abstractmethod
    def frontier(self) -> Frontier:
        """The frontier of all durable entries; its root is the newest checkpoint's."""

    @abstractmethod
    def _read_hashes(self, level: int, index: int, *, width: int) -> bytes:
        """The first `width` hashes of a tile as stored, unchecked; shorter when some are missing."""

    @abstractmethod
    def rebuild_hashes(self) -> None:
        """Make the stored hashes again from the entries."""

    def tile(self, level: int, index: int) -> bytes:
        """Concatenated hashes of one tile, checked against the signed root.

        Raises: ValueError when the log has no such tile; LedgerDamagedError.
        """
        frontier = self.frontier()
        above = max(level, 0)
        width = min(TILE_WIDTH, level_width(frontier.size, above) - index * TILE_WIDTH)
        if level < 0 or index < 0 or width <= 0:
            raise ValueError(f"a log of {frontier.size} entries has no tile {level}/{index}")
        return self._repaired(lambda: self._checked_tile(frontier, level, index, width))

    def prove_inclusion(self, index: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Audit path of an entry in the log of `size` entries (None: all).

        Raises: ProofError when there is no such entry; LedgerDamagedError.
        """
        frontier = self.frontier()
        wanted = frontier.size if size is None else size
        _require_within(wanted, frontier.size)
        if not 0 <= index < wanted:
            raise ProofError(f"entry {index} is not in a log of {wanted} entries")

        def prove() -> tuple[bytes, ...]:
            tree = self._tree(wanted)
            proof = prove_inclusion(tree, index)
            root = self._root(tree, frontier)
            leaf = tree.node(0, index)
            verify_inclusion(index=index, size=wanted, leaf=leaf, proof=proof, root=root)
            return proof

        return self._repaired(prove)

    def prove_consistency(self, old_size: int, *, size: int | None = None) -> tuple[bytes, ...]:
        """Proof that the log of `size` entries (None: all) extends the one of `old_size`.

        Raises: ProofError when it cannot; LedgerDamagedError.
        """
        frontier = self.frontier()
        wanted = frontier.size if size is None else size
        _require_within(wanted, frontier.size)
        _require_within(old_size, wanted)

        def prove() -> tuple[bytes, ...]:
            tree = self._tree(wanted)
            proof = prove_consistency(tree, old_size)
            verify_consistency(
                old_size=old_size,
                new_size=wanted,
                old_root=self._tree(old_size).root(),
                new_root=self._root(tree, frontier),
                proof=proof,
            )
            return proof

        return self._repaired(prove)

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries, proved to be what the newest checkpoint extends.

        Raises: ProofError when the log is shorter; LedgerDamagedError.
        """
        frontier = self.frontier()
        _require_within(size, frontier.size)
        return self._repaired(lambda: self._root(self._tree(size), frontier))

    def _tree(self, size: int) -> TiledTree:
        def read(level: int, index: int) -> bytes:
            width = min(TILE_WIDTH, level_width(size, level) - index * TILE_WIDTH)
            return self._read_hashes(level, index, width=width)

        return TiledTree(read, size)

    def _root(self, tree: TiledTree, frontier: Frontier) -> bytes:
        """The tree's root; of an older tree only after proving that the newest extends it."""
        if tree.size == frontier.size:
            return frontier.root()
        root = tree.root()
        verify_consistency(
            old_size=tree.size,
            new_size=frontier.size,
            old_root=root,
            new_root=frontier.root(),
            proof=prove_consistency(self._tree(frontier.size), tree.size),
        )
        return root

    def _checked_tile(self, frontier: Frontier, level: int, index: int, width: int) -> bytes:
        data = self._read_hashes(level, index, width=width)
        if len(data) != width * HASH_BYTES:
            raise ProofError(f"tile {level}/{index} is not complete")
        row = split_hashes(data)
        if width == TILE_WIDTH:
            # A full tile is below the root that the levels above prove.
            tree = self._tree(frontier.size)
            height = TILE_HEIGHT * (level + 1)
            known = tree.node(height, index) == subtree_root(row)
            if not known or _root_above(tree, height, index) != frontier.root():
                raise ProofError(f"tile {level}/{index} does not belong to the signed root")
            return data
        # A partial tile consists of the frontier's own subtrees at these heights.
        start = 0
        for height in reversed(range(TILE_HEIGHT)):
            span = 1 << height
            if width & span:
                above = frontier.size >> (TILE_HEIGHT * level + height + 1)
                if subtree_root(row[start : start + span]) != frontier.hashes[above.bit_count()]:
                    raise ProofError(f"tile {level}/{index} does not belong to the signed root")
                start += span
        return data

    def _repaired(self, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except ProofError:
            self.rebuild_hashes()
        try:
            return ask()
        except ProofError as error:
            raise LedgerDamagedError(
                f"the entries do not lead to the signed root: {error.message}", place="hashes"
            ) from error


def _root_above(tree: TiledTree, height: int, index: int) -> bytes:
    """The root that a complete subtree leads to, with its neighbours taken from the tiles."""
    start, end = 0, tree.size
    place = index << height
    neighbours: list[tuple[bytes, bool]] = []
    while end - start > 1 << height:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if place < middle:
            neighbours.append((tree.range_root(middle, end), False))
            end = middle
        else:
            neighbours.append((tree.range_root(start, middle), True))
            start = middle
    node = tree.node(height, index)
    for neighbour, is_left in reversed(neighbours):
        node = node_hash(neighbour, node) if is_left else node_hash(node, neighbour)
    return node


def _require_within(size: int, limit: int) -> None:
    if not 0 <= size <= limit:
        raise ProofError(f"the log has {limit} entries, not {size}")
