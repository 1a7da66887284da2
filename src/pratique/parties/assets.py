"""Which assets a party operates: those that its patterns name, and what its evidence is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pratique.parties.model import Party, PartyKind

MAX_PATTERN: Final = 200
MAX_STARS: Final = 4
"""More would take long to match against a hostile name."""
EVIDENCE_ASSETS: Final = "vendor"
"""First part of assets that stand for a vendor's products: `vendor/NAME/PRODUCT`."""


def product_asset(party: str, product: str) -> str:
    """The asset whose contents an SBOM of this product becomes."""
    return f"{EVIDENCE_ASSETS}/{party}/{product}"


def operates(party: Party, asset: str) -> bool:
    """Whether the register says that this asset is the party's."""
    if asset.startswith(f"{EVIDENCE_ASSETS}/"):
        own = party.kind is PartyKind.VENDOR and asset.startswith(product_asset(party.name, ""))
        # Nobody else's pattern, not even `*`, reaches what stands for a vendor's products.
        return own and len(asset) > len(product_asset(party.name, ""))
    return _any_of(party.assets).fullmatch(asset) is not None


class Operators:
    """Whose an asset is, among many parties: names and beginnings are looked up, not tried in turn."""

    def __init__(self, parties: Iterable[Party]) -> None:
        """Sort the patterns of these parties by how they are found."""
        self._vendors: dict[str, Party] = {}
        self._exact: dict[str, list[Party]] = {}
        self._starts: dict[int, dict[str, list[Party]]] = {}
        self._others: list[Party] = []
        for party in parties:
            if party.kind is PartyKind.VENDOR:
                self._vendors[party.name] = party
            for pattern in party.assets:
                self._sort_in(party, pattern)

    def _sort_in(self, party: Party, pattern: str) -> None:
        start = pattern.removesuffix("*")
        if "*" in start:
            self._others.append(party)
        elif start == pattern:
            self._exact.setdefault(pattern, []).append(party)
        else:
            self._starts.setdefault(len(start), {}).setdefault(start, []).append(party)

    def of(self, asset: str) -> list[Party]:
        """Every party that operates this asset, once."""
        if asset.startswith(f"{EVIDENCE_ASSETS}/"):
            party = self._vendors.get(asset.split("/", 2)[1])
            return [party] if party is not None and operates(party, asset) else []
        found = {one.name: one for one in self._exact.get(asset, ())}
        for length, starts in self._starts.items():
            for one in starts.get(asset[:length], ()):
                found[one.name] = one
        for one in self._others:
            if one.name not in found and operates(one, asset):
                found[one.name] = one
        return list(found.values())


@lru_cache(maxsize=20_000)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all patterns; without any it matches nothing."""
    told = [_expression(one) for one in patterns]
    return re.compile("|".join(told) if told else r"(?!)", re.DOTALL)


def _expression(pattern: str) -> str:
    """A pattern whose parts between stars are found once, at their first place, and never elsewhere.

    That is enough, and a name that a party chose cannot make it take long.
    """
    first, *rest = map(re.escape, pattern.split("*"))
    if not rest:
        return first
    *between, last = rest
    return first + "".join(f"(?>.*?{one})" for one in between) + ".*" + last
