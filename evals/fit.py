"""Non-negative logistic regression, its cross-validation and calibration.

No weight is below zero: every point of a score is then a reason, and adding code can never lower it.
Deterministic: no random start, folds by hash, rounded results.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.float64]
FOLDS = 5
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Of the L2 penalty, tried in cross-validation."""
DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Examples: features as zeros and ones, what each is, and the cluster that must not be split."""

    names: tuple[str, ...]
    features: Floats
    malicious: Floats
    clusters: tuple[str, ...]
    on_top: frozenset[str] = frozenset()
    """Names of features that add to what the others say, and never stand in for it."""

    def weights(self) -> Floats:
        """Both kinds weigh the same in sum, and so does each cluster within its kind."""
        counts: dict[tuple[str, float], int] = {}
        keys = list(zip(self.clusters, self.malicious.tolist(), strict=True))
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        raw = np.array([1 / counts[key] for key in keys])
        for kind in (0.0, 1.0):
            chosen = self.malicious == kind
            raw[chosen] *= len(keys) / 2 / max(raw[chosen].sum(), 1e-12)
        return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights in logits."""

    intercept: float
    weights: Floats

    def logits(self, features: Floats) -> Floats:
        return np.asarray(self.intercept + features @ self.weights)


def fit(rows: Rows, *, strength: float, chosen: NDArray[np.bool_] | None = None) -> Model:
    """Fit with weights at or above zero and a free intercept.

    Shape: first without the features `on_top`; with them no weight falls below what it had then. Who takes
    them away from a release takes only what they add.
    """
    pick = np.ones(len(rows.malicious), bool) if chosen is None else chosen
    part = (rows.features[pick], 2 * rows.malicious[pick] - 1, rows.weights()[pick])
    top = np.array([name in rows.on_top for name in rows.names], bool)
    nothing = np.zeros(len(rows.names))
    if not top.any():
        return _fit_above(nothing, *part, strength=strength, free=~top)
    below = _fit_above(nothing, *part, strength=strength, free=~top)
    return _fit_above(below.weights, *part, strength=strength, free=np.ones(len(top), bool))


def _fit_above(
    least: Floats,
    features: Floats,
    sign: Floats,
    weight: Floats,
    *,
    strength: float,
    free: NDArray[np.bool_],
) -> Model:
    """Fit weights that are at least `least`, which is also where the penalty draws them; 0 where not free."""

    def loss(point: Floats) -> tuple[float, Floats]:
        margins, raised = sign * (point[0] + features @ point[1:]), point[1:] - least
        value = float(weight @ np.logaddexp(0, -margins) + strength / 2 * raised @ raised)
        pull = -weight * sign * expit(-margins)
        return value, np.concatenate([[pull.sum()], features.T @ pull + strength * raised])

    bounds = [
        (float(low), None if may else float(low)) for low, may in zip(least, free, strict=True)
    ]
    found = minimize(
        loss, np.concatenate([[0.0], least]), jac=True, method="L-BFGS-B",
        bounds=[(None, None), *bounds],
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-12, "gtol": 1e-7},
    )  # fmt: skip
    return Model(intercept=float(found.x[0]), weights=np.asarray(found.x[1:]))


def fold_of(cluster: str) -> int:
    """The fold of all examples of a cluster."""
    return hashlib.sha256(f"fold:{cluster}".encode()).digest()[1] % FOLDS


def unseen_logits(rows: Rows, *, strength: float) -> Floats:
    """For each example the logit of a model that has seen nothing of its cluster."""
    folds = np.array([fold_of(cluster) for cluster in rows.clusters])
    logits = np.zeros(len(folds))
    for fold in range(FOLDS):
        held = folds == fold
        if held.any():
            logits[held] = fit(rows, strength=strength, chosen=~held).logits(rows.features[held])
    return logits


def log_loss(rows: Rows, logits: Floats) -> float:
    """Weighted mean."""
    weight = rows.weights()
    return float(weight @ np.logaddexp(0, -(2 * rows.malicious - 1) * logits) / weight.sum())


def best_strength(rows: Rows) -> float:
    """The penalty with the smallest loss on clusters that were not seen."""
    losses = {each: log_loss(rows, unseen_logits(rows, strength=each)) for each in STRENGTHS}
    return min(STRENGTHS, key=lambda each: (round(losses[each], 6), -each))


def calibrate(rows: Rows, logits: Floats) -> tuple[float, float]:
    """Slope and offset (Platt) that make unseen logits probabilities at even odds; (1, 0) if it worsens."""
    weight, sign = rows.weights(), 2 * rows.malicious - 1

    def loss(point: Floats) -> float:
        return float(weight @ np.logaddexp(0, -sign * (point[0] * logits + point[1])))

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 20), (-20, 20)])
    slope, offset = float(found.x[0]), float(found.x[1])
    return (slope, offset) if loss(found.x) < loss(np.array([1.0, 0.0])) else (1.0, 0.0)


def shares_of(clusters: Sequence[str]) -> list[float]:
    """What each example counts when every cluster counts as much as one example does on average."""
    counts = Counter(clusters)
    return [len(clusters) / len(counts) / counts[cluster] for cluster in clusters]


def threshold(
    benign_logits: Sequence[float], target: float, shares: Sequence[float] | None = None
) -> float:
    """The logit at and above which at most `target` of benign examples lie, halfway to the next one."""
    counted = shares if shares is not None else [1.0] * len(benign_logits)
    ranked = sorted(zip(benign_logits, counted, strict=True), reverse=True)
    left = target * sum(counted) + 1e-9
    above: list[float] = []
    for value, count in ranked:
        left -= count
        if left < 0:
            higher = [one for one in above if one > value]
            return (value + higher[-1]) / 2 if higher else value + 0.05
        above.append(value)
    return -math.inf
