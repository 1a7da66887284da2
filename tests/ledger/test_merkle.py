"""The tree: published vectors first, then the definition of RFC 6962 as oracle."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.logs import naive_root
from pratique.ledger.errors import ProofError
from pratique.ledger.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_WIDTH,
    Frontier,
    TiledTree,
    extend,
    leaf_hash,
    level_width,
    node_hash,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots that the Certificate Transparency implementations share as test data.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATHS = {
    (0, 1): [],
    (0, 2): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_GROWTHS = {
    (1, 1): [],
    (1, 8): CT_PATHS[0, 8],
    (2, 5): CT_PATHS[1, 5][1:],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


class Rows:
    """A tree kept as the stores keep it: one row of hashes per tile level."""

    def __init__(self, hashes: list[bytes], batch: int = 7) -> None:
        self.rows: dict[int, list[bytes]] = {0: list(hashes)}
        self.frontier = Frontier()
        for start in range(0, len(hashes), batch):
            self.frontier, completed = extend(self.frontier, hashes[start : start + batch])
            for level, row in completed.items():
                self.rows.setdefault(level, []).extend(row)

    def tile(self, level: int, index: int) -> bytes:
        row = self.rows.get(level, [])
        return b"".join(row[index * TILE_WIDTH : (index + 1) * TILE_WIDTH])

    def tree(self, size: int) -> TiledTree:
        return TiledTree(self.tile, size)


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


CT = Rows([leaf_hash(leaf) for leaf in CT_LEAVES], batch=1)
MANY = numbered(700)
ROWS = Rows(MANY)


def test_published_hashes() -> None:
    assert sha256(b"").digest() == EMPTY_ROOT
    assert leaf_hash(b"").hex() == CT_ROOTS[1]
    assert leaf_hash(b"L123456").hex() == (
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert node_hash(b"N123", b"N456").hex() == (
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    frontier, _ = extend(Frontier(), [leaf_hash(leaf) for leaf in CT_LEAVES[:size]])
    assert frontier.root().hex() == CT.tree(size).root().hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("index", "size"), CT_PATHS)
def test_published_audit_paths(index: int, size: int) -> None:
    proof = prove_inclusion(CT.tree(size), index)
    assert [digest.hex() for digest in proof] == CT_PATHS[index, size]


@pytest.mark.parametrize(("old", "new"), CT_GROWTHS)
def test_published_consistency_proofs(old: int, new: int) -> None:
    proof = prove_consistency(CT.tree(new), old)
    assert [digest.hex() for digest in proof] == CT_GROWTHS[old, new]


def test_published_accumulated_subtrees() -> None:
    # draft-ietf-plants-merkle-tree-certs, "Subtree Test Vectors": every valid subtree up to 130.
    tree = Rows([leaf_hash(bytes([n])) for n in range(130)]).tree(130)
    found = sha256()
    for end in range(131):
        for start in range(end + 1):
            width = end - start
            if width and start % (1 << (width - 1).bit_length()):
                continue
            root = tree.range_root(start, end) if width else EMPTY_ROOT
            found.update(f"[{start}, {end}) {root.hex()}\n".encode())
    wanted = "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"
    assert found.hexdigest() == wanted


def test_every_size_up_to_700_has_the_root_of_the_definition() -> None:
    frontier = Frontier()
    for size in range(701):
        assert frontier.root() == naive_root(MANY[:size]), size
        assert ROWS.tree(size).root() == frontier.root()
        assert len(frontier.hashes) == size.bit_count()
        if size < 700:
            frontier, _ = extend(frontier, [MANY[size]])


@given(st.integers(0, 700), st.integers(1, 300))
def test_batches_do_not_matter(size: int, batch: int) -> None:
    rows = Rows(MANY[:size], batch)
    assert rows.frontier.root() == ROWS.tree(size).root()
    for level, row in rows.rows.items():
        assert len(row) == level_width(size, level) or not level
        assert row == ROWS.rows[level][: len(row)]


@given(st.data())
def test_every_inclusion_proof_holds_and_only_where_it_belongs(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    tree = ROWS.tree(size)
    proof, root = prove_inclusion(tree, index), tree.root()
    verify_inclusion(index=index, size=size, leaf=MANY[index], proof=proof, root=root)
    other = data.draw(st.integers(0, size).filter(lambda n: n != index))
    wrong = [
        {"index": other},
        {"leaf": leaf_hash(b"other")},
        {"root": leaf_hash(b"other")},
        {"proof": (*proof, root)},
        {"proof": proof[:-1]} if proof else {"proof": (root,)},
        {"proof": tuple(reversed(proof))} if len(set(proof)) > 1 else {"size": size + 1 << 12},
        {"proof": (*proof[:-1], proof[-1][:31])} if proof else {"leaf": b""},
        {"index": -1},
        {"index": size},
    ]
    for change in wrong:
        arguments = {
            "index": index,
            "size": size,
            "leaf": MANY[index],
            "proof": proof,
            "root": root,
        }
        with pytest.raises(ProofError):
            verify_inclusion(**{**arguments, **change})  # type: ignore[arg-type] # one change each


def test_all_pairs_of_sizes_are_consistent() -> None:
    roots = [ROWS.tree(size).root() for size in range(71)]
    for new in range(71):
        tree = ROWS.tree(new)
        for old in range(new + 1):
            proof = prove_consistency(tree, old)
            verify_consistency(
                old_size=old, new_size=new, old_root=roots[old], new_root=roots[new], proof=proof
            )
            if 0 < old < new:
                for wrong in (proof[:-1], (*proof, roots[1]), (roots[1], *proof)):
                    with pytest.raises(ProofError):
                        verify_consistency(
                            old_size=old,
                            new_size=new,
                            old_root=roots[old],
                            new_root=roots[new],
                            proof=wrong,
                        )


@given(st.data())
def test_a_changed_past_is_never_consistent(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 700))
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    forged = Rows([*MANY[:changed], leaf_hash(b"forged"), *MANY[changed + 1 : new]])
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=old,
            new_size=new,
            old_root=ROWS.tree(old).root(),
            new_root=forged.frontier.root(),
            proof=prove_consistency(forged.tree(new), old),
        )


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof"),
    [
        (5, 4, MANY[0], MANY[0], ()),
        (-1, 4, MANY[0], MANY[0], ()),
        (4, 4, MANY[0], MANY[1], ()),
        (4, 4, MANY[0], MANY[0], (MANY[0],)),
        (0, 4, MANY[0], MANY[1], ()),
        (0, 4, EMPTY_ROOT, MANY[1], (MANY[0],)),
        (3, 4, MANY[0], MANY[1], ()),
        (4, 4, b"short", b"short", ()),
    ],
)
def test_impossible_growth_is_refused(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: tuple[bytes, ...]
) -> None:
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=old, new_size=new, old_root=old_root, new_root=new_root, proof=proof
        )


def test_what_is_not_there_cannot_be_proved() -> None:
    for ask in (
        lambda: prove_inclusion(ROWS.tree(10), 10),
        lambda: prove_inclusion(ROWS.tree(10), -1),
        lambda: prove_consistency(ROWS.tree(10), 11),
        lambda: prove_inclusion(TiledTree(lambda _level, _index: b"", 300), 5),
    ):
        with pytest.raises(ProofError):
            ask()


def test_a_frontier_fits_its_size() -> None:
    with pytest.raises(ValueError, match="cannot span"):
        Frontier(size=3, hashes=(MANY[0],))
    assert len(Frontier(size=1, hashes=(MANY[0],)).root()) == HASH_BYTES
