"""Inclusion proofs as files of their own. Source: C2SP tlog-proof@v1."""

from __future__ import annotations

from collections.abc import Sequence

from pratique.ledger.notes import encode_base64

FIRST_LINE = "c2sp.org/tlog-proof@v1"


def render_proof(*, index: int, path: Sequence[bytes], checkpoint: str) -> bytes:
    """The proof that the leaf `index` is in the tree of a signed checkpoint."""
    lines = [FIRST_LINE, f"index {index}", *(encode_base64(digest) for digest in path), ""]
    return ("\n".join(lines) + "\n" + checkpoint).encode()
