"""Whether evidence is about a product: by its name, or by its purl without version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from pratique.parties.model import EvidenceKind, Received, Signature

_VERSION: Final = re.compile(r"(?<=.)@[^/]*$")
_SPACED: Final = re.compile(r"\s+v?[0-9][^\s/]*$")
MOST_TOLD: Final = 200
"""Pieces of one party that one rule tells of, the newest: whoever sends many makes no more findings."""
BAD_SIGNATURES: Final = frozenset({Signature.BROKEN, Signature.FOREIGN})


@lru_cache(maxsize=50_000)
def bare_product(subject: str) -> str:
    """A subject of evidence without its version: `pkg:generic/acme/exporter@1.2?arch=x` → without."""
    text = subject.strip()
    if text.startswith("pkg:"):
        text = text.partition("#")[0].partition("?")[0]
    return _VERSION.sub("", _SPACED.sub("", text)).strip().casefold()


def is_of_product(subject: str, product: str) -> bool:
    """Whether a subject names this product of the register."""
    return bare_product(subject) in {bare_product(product), product.strip().casefold()}


def names_any(subjects: Iterable[str], products: Iterable[str]) -> bool:
    """Whether any subject names any of these products."""
    known = tuple(products)
    return any(is_of_product(subject, product) for subject in subjects for product in known)


def counts(piece: Received) -> bool:
    """Whether a piece satisfies anything: it has no fault, and its signature is not a wrong one."""
    return not piece.evidence.faults and piece.evidence.signature not in BAD_SIGNATURES


def last_good(pieces: Iterable[Received]) -> dict[tuple[EvidenceKind, str], int]:
    """The newest entry of a piece that counts, by kind and subject, and by kind alone (`""`)."""
    last: dict[tuple[EvidenceKind, str], int] = {}
    for piece in pieces:
        if counts(piece):
            for subject in ("", *map(bare_product, piece.evidence.subjects)):
                key = (piece.evidence.kind, subject)
                last[key] = max(piece.entry, last.get(key, -1))
    return last


def superseded(piece: Received, last: Mapping[tuple[EvidenceKind, str], int]) -> bool:
    """Whether a later piece of the same kind that counts speaks of the same, so that this is history."""
    subjects = [bare_product(one) for one in piece.evidence.subjects] or [""]
    return any(last.get((piece.evidence.kind, one), -1) > piece.entry for one in subjects)


def of_kind(pieces: Iterable[Received], kind: EvidenceKind | str) -> list[Received]:
    """Pieces of one kind, oldest first."""
    return [one for one in pieces if one.evidence.kind == kind]
