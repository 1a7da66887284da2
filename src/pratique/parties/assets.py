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


def operated(party: Party, assets: Iterable[str]) -> list[str]:
    """Those of these assets that are the party's."""
    return [one for one in assets if operates(party, one)]


@lru_cache(maxsize=20_000)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all patterns; without any it matches nothing."""
    told = [".*".join(map(re.escape, one.split("*"))) for one in patterns]
    return re.compile("|".join(told) if told else r"(?!)", re.DOTALL)
