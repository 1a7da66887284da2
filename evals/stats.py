"""Shares with their uncertainty, and percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total`, with its Wilson 95 % interval."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else math.nan

    def interval(self) -> tuple[float, float]:
        """Lower and upper bound (Wilson 1927); (0, 1) when nothing was seen."""
        if not self.total:
            return 0.0, 1.0
        square = Z95 * Z95
        middle = self.hits + square / 2
        spread = Z95 * math.sqrt(self.hits * (self.total - self.hits) / self.total + square / 4)
        below = 0.0 if self.hits == 0 else (middle - spread) / (self.total + square)
        above = 1.0 if self.hits == self.total else (middle + spread) / (self.total + square)
        return below, above

    def text(self) -> str:
        """`81.3 % (244/300; 76.5-85.3)`."""
        if not self.total:
            return "none measured"
        low, high = self.interval()
        return f"{self.value:.1%} ({self.hits}/{self.total}; {100 * low:.1f}-{100 * high:.1f})"


def share(flags: Sequence[bool]) -> Share:
    """How many are true."""
    return Share(sum(flags), len(flags))


def percentile(values: Sequence[float], fraction: float) -> float:
    """Nearest-rank percentile; nan of nothing."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, math.ceil(fraction * len(ranked)) - 1))]
