"""The score: non-negative weights over features, and the rules that decide without weighing.

Owns: the table of weights (`data/weights.json`, made by evals), the sum, and where the tiers begin. No
weight is below zero, so nothing that is added to a release can lower its score.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import msgspec

from pratique.vet.model import ENGINE, PlacedSign


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Probabilities from which a tier begins."""

    suspicious: float
    malicious: float


class Table(msgspec.Struct, frozen=True):
    """Weights of one regime, in logits."""

    intercept: float
    weights: Mapping[str, float]
    thresholds: Thresholds


class Weights(msgspec.Struct, frozen=True):
    """What `data/weights.json` holds."""

    engine: str
    recipe: str
    """How it was made: the command, and hashes of the lists that it was made from."""
    tables: Mapping[str, Table]
    """`first` for releases without a base, `diff` for those with one."""


def parse_weights(text: bytes) -> Weights:
    """Read a table of weights.

    Raises: ValueError when it is not one, has a weight below zero, or was made for another engine.
    """
    try:
        weights = msgspec.json.decode(text, type=Weights)
    except msgspec.MsgspecError as error:
        raise ValueError(f"expected a table of weights: {error}") from error
    if weights.engine != ENGINE:
        raise ValueError(f"weights are for engine {weights.engine!r}, this is {ENGINE!r}")
    if missing := {"first", "diff"} - set(weights.tables):
        raise ValueError(f"tables are missing: {', '.join(sorted(missing))}")
    for name, table in weights.tables.items():
        wrong = [key for key, value in table.weights.items() if not 0 <= value < math.inf]
        if wrong or not math.isfinite(table.intercept):
            raise ValueError(f"table {name}: weights below zero: {', '.join(wrong[:5])}")
    return weights


@cache
def _shipped() -> bytes:
    return resources.files("pratique.vet").joinpath("data/weights.json").read_bytes()


@cache
def shipped_weights() -> Weights:
    """The table that comes with this engine."""
    return parse_weights(_shipped())


@cache
def shipped_digest() -> str:
    """Names the shipped table: reports made with another one are of yesterday. 16 hex digits."""
    return hashlib.sha256(_shipped()).hexdigest()[:16]


class Scored(msgspec.Struct, frozen=True):
    """The sum, and who gave what."""

    score: float
    """Probability."""
    points: Mapping[str, float]
    """Logits by feature, of features that have a weight."""


def score(features: Iterable[str], table: Table) -> Scored:
    """Weigh features."""
    points = {
        feature: weight
        for feature in sorted(features)
        if (weight := table.weights.get(feature, 0.0))
    }
    total = table.intercept + math.fsum(points.values())
    return Scored(score=1 / (1 + math.exp(-max(-60.0, min(60.0, total)))), points=points)


def points_by_sign(
    points: Mapping[str, float], given: Mapping[str, PlacedSign]
) -> dict[PlacedSign, float]:
    """What each placed sign adds: its features' points, of those that it was the first to give."""
    added: dict[PlacedSign, float] = {}
    for feature, value in points.items():
        placed = given[feature]
        added[placed] = added.get(placed, 0.0) + value
    return added
