"""Who leaked: scores of codewords against what a leak shows, with a proven bound on accusing the innocent.

Two scores, each a sum over the readable marks. For a mark with bias p whose form in the leak is y, let q
be the chance that an innocent lease's bit equals y (p, or 1 - p).

    group    (Škorić's symmetric form of Tardos' score, for mixed copies)
             bit = y: +√((1-q)/q)     bit ≠ y: -√(q/(1-q))
    single   (likelihood that the leak is this one lease's copy, one mark in fifty misread)
             bit = y: ln(0.98/q)      bit ≠ y: ln(0.02/(1-q))

Once somebody is named, others who mixed their copies with theirs are looked for: what the named ones
cannot have shown must be from somebody else.

    joint    (likelihood that this lease, the named ones and one more unknown made the leak)

The bits of an innocent lease are independent of the leak, whoever made it and however it was mixed, and
of each other. So the chance that its score S reaches z is at most, for every t > 0 (Chernoff),

    exp(Σ ln(q·exp(t·w₁) + (1-q)·exp(t·w₀)) - t·z)

with w₁, w₀ the mark's two summands: a bound, not an approximation. Times the number of all leases that
exist it bounds the chance that anybody innocent is named by a score (union bound). The bound asked for is
shared out: a quarter each to `single` and `group`, then 1/4, 1/8, … to rounds of `joint`, whose summands hang
on the named leases only: as long as those are guilty, the rest is as independent of them as of the leak.
Source: Tardos 2008; Škorić, Katzenbeisser, Celik, "Symmetric Tardos fingerprinting codes" (2008).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Final

from pratique.custody.codewords import COLLUDERS

DEFAULT_BOUND: Final = 1e-6
"""At most this chance that anybody innocent is named."""
_MISREAD: Final = 0.02
_PARTS_SHARE: Final = 1 / 32
_ROUNDS: Final = 4
"""Of looking for others once somebody is named."""
_STEPS: Final = 80
_SPARE: Final = 1.35
"""How many more marks than needed on average, so that nine of ten leaks are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One of the scores, for what one leak shows."""

    name: str
    chances: tuple[float, ...]
    """For each mark the chance q that an innocent bit agrees with the leak."""
    agrees: tuple[float, ...]
    differs: tuple[float, ...]

    def log_bound(self, z: float) -> float:
        """Natural logarithm of a bound on P(S ≥ z) for an innocent lease; 0 at most."""
        low, high = 0.0, 1.0
        while self._slope(high) < z and high < 1 << 20:
            low, high = high, 2 * high
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._slope(middle) < z else (low, middle)
        # Whatever t the search ends at, the bound at t holds.
        return min(0.0, self._log_mean(high) - high * z, self._log_mean(low) - low * z)

    def threshold(self, log_chance: float) -> float:
        """A score that innocents reach with at most this chance; infinite where no score is so rare."""
        low, high = 0.0, 1.0
        while (here := self._at(high)) > log_chance:
            if high > 1 << 20:
                return math.inf
            low, high = high, 2 * high
            if self._at(high) >= here - 1e-12:
                return math.inf  # the highest score there is has a larger chance
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self._at(middle) <= log_chance else (middle, high)
        # From P(S ≥ z) ≤ exp(K(t) - t·z): the smallest z for which that is the chance wanted, at this t.
        return (self._log_mean(high) - log_chance) / high

    def _at(self, t: float) -> float:
        return self._log_mean(t) - t * self._slope(t)

    def _log_mean(self, t: float) -> float:
        """K(t): the logarithm of the mean of exp(t·S)."""
        total = 0.0
        for q, up, down in zip(self.chances, self.agrees, self.differs, strict=True):
            # With the larger exponent taken out, nothing overflows.
            most = max(up, down)
            total += t * most
            total += math.log(q * math.exp(t * (up - most)) + (1 - q) * math.exp(t * (down - most)))
        return total

    def _slope(self, t: float) -> float:
        total = 0.0
        for q, up, down in zip(self.chances, self.agrees, self.differs, strict=True):
            most = max(up, down)
            one, other = q * math.exp(t * (up - most)), (1 - q) * math.exp(t * (down - most))
            total += (one * up + other * down) / (one + other)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A lease's score."""

    lease: str
    score: float
    threshold: float
    by: str
    """`single`, `group` or `joint`, whichever speaks most clearly; `parts` of a holder."""
    false_accusation: float
    """Bound on the chance that any innocent lease scores so, among all leases."""
    agreeing: int
    """Marks whose form is the lease's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the readable marks say."""

    marks: int
    leases: int
    bound: float
    named: tuple[Suspicion, ...]
    """Leases above the threshold, the clearest first."""
    needed: int
    """Readable marks that would be enough, most likely, for one leaker; 0 when somebody is named."""


def scores_of(leak: bytes, biases: Sequence[float]) -> tuple[Score, Score]:
    """Both scores for what a leak shows: one byte (0 or 1) for each mark, and the marks' biases."""
    chances = tuple(p if bit else 1 - p for bit, p in zip(leak, biases, strict=True))
    group = Score(
        name="group",
        chances=chances,
        agrees=tuple(math.sqrt((1 - q) / q) for q in chances),
        differs=tuple(-math.sqrt(q / (1 - q)) for q in chances),
    )
    single = Score(
        name="single",
        chances=chances,
        agrees=tuple(math.log((1 - _MISREAD) / q) for q in chances),
        differs=tuple(math.log(_MISREAD / (1 - q)) for q in chances),
    )
    return single, group


def attribute(
    leak: bytes,
    biases: Sequence[float],
    codewords: Sequence[tuple[str, bytes]],
    *,
    leases: int,
    bound: float = DEFAULT_BOUND,
) -> Outcome:
    """Name leases, with at most `bound` as the chance that anybody innocent is among them.

    `codewords`: (lease, its bits at these marks, one byte each) of all `leases` that exist.
    """
    found: dict[str, Suspicion] = {}
    if leak and leases:
        words = _Agreements(leak, codewords, leases)
        for score in scores_of(leak, biases):
            words.add(found, score, bound / 4)
        share = bound / 4
        for _ in range(_ROUNDS if found else 0):
            before = len(found)
            words.add(found, _joint(leak, biases, [words.bits[name] for name in found]), share)
            if len(found) == before:
                break
            share /= 2
    named = sorted(found.values(), key=lambda one: (one.false_accusation, one.lease))
    return Outcome(
        marks=len(leak),
        leases=leases,
        bound=bound,
        named=tuple(named),
        needed=0 if named else marks_needed(leases, bound),
    )


class _Agreements:
    """Where the leases' bits are what the leak shows."""

    def __init__(self, leak: bytes, codewords: Sequence[tuple[str, bytes]], leases: int) -> None:
        self._leases = leases
        flip = bytes.maketrans(b"\x00\x01", b"\x01\x00")
        wanted = int.from_bytes(leak.translate(flip), "little")
        # Where bit and leak are equal, bit xor not-leak is 1: all marks in one operation.
        self.bits = {
            lease: (int.from_bytes(bits, "little") ^ wanted).to_bytes(len(leak), "little")
            for lease, bits in codewords
        }

    def add(self, found: dict[str, Suspicion], score: Score, share: float) -> None:
        """Name whom a score names, with at most `share` as the chance that one is innocent."""
        limit = score.threshold(math.log(share / self._leases))
        if limit == math.inf:
            return
        base = sum(score.differs)
        steps = [up - down for up, down in zip(score.agrees, score.differs, strict=True)]
        for lease, agreement in self.bits.items():
            value = base + sum(compress(steps, agreement))
            if value >= limit and (lease not in found or score.name != "joint"):
                chance = min(1.0, self._leases * math.exp(score.log_bound(value)))
                suspicion = Suspicion(
                    lease=lease,
                    score=value,
                    threshold=limit,
                    by=score.name,
                    false_accusation=chance,
                    agreeing=sum(agreement),
                )
                if lease not in found or chance < found[lease].false_accusation:
                    found[lease] = suspicion


def _joint(leak: bytes, biases: Sequence[float], named: Sequence[bytes]) -> Score:
    """The score for others beside the named ones, of whom `named` says where they agree with the leak."""
    chances = tuple(p if bit else 1 - p for bit, p in zip(leak, biases, strict=True))
    agrees, differs = [], []
    for q, shown in zip(chances, zip(*named, strict=True), strict=True):
        by_named = sum(shown)
        # By the named ones, this lease and one unknown; each bit of the leak is of any of them alike.
        innocent = by_named + 2 * q
        agrees.append(math.log((by_named + 1 + q) / innocent))
        differs.append(math.log(max(by_named + q, _MISREAD) / innocent))
    return Score(name="joint", chances=chances, agrees=tuple(agrees), differs=tuple(differs))


def attribute_parts(
    leak: bytes,
    biases: Sequence[float],
    holders: Sequence[tuple[str, Mapping[int, int]]],
    *,
    bound: float = DEFAULT_BOUND,
) -> tuple[Suspicion, ...]:
    """Name holders who read a dataset in parts, under one lease after another.

    `holders`: (name, place among the readable marks → bit of the lease that was given it). Only what a
    holder was given counts, which says nothing of the bits. By the `single` score, whose exponential has
    the mean 1: Markov's bound is its threshold. It has the 1/32 of the bound that `attribute` leaves.
    """
    found = []
    share = bound * _PARTS_SHARE / max(1, len(holders))
    for name, bits in holders:
        places = sorted(bits)
        part = bytes(leak[place] for place in places)
        score, _ = scores_of(part, [biases[place] for place in places])
        agreeing = [bits[place] == shown for place, shown in zip(places, part, strict=True)]
        value = sum(
            up if agrees else down
            for agrees, up, down in zip(agreeing, score.agrees, score.differs, strict=True)
        )
        threshold = -math.log(share)
        if value >= threshold:
            found.append(
                Suspicion(
                    lease=name,
                    score=value,
                    threshold=threshold,
                    by="parts",
                    false_accusation=min(1.0, len(holders) * math.exp(score.log_bound(value))),
                    agreeing=sum(agreeing),
                )
            )
    return tuple(sorted(found, key=lambda one: (one.false_accusation, one.lease)))


def marks_needed(leases: int, bound: float = DEFAULT_BOUND) -> int:
    """Readable marks that most likely name one leaker among so many leases."""
    return math.ceil(_SPARE * math.log(4 * max(1, leases) / bound) / _mean_information())


def _mean_information(points: int = 512) -> float:
    """What one mark says of a single leaker, on average over the biases, in nats."""
    lowest = math.asin(math.sqrt(1 / (300 * COLLUDERS)))
    total = 0.0
    for point in range(points):
        p = math.sin(lowest + (point + 0.5) / points * (math.pi / 2 - 2 * lowest)) ** 2
        for q, weight in ((p, p), (1 - p, 1 - p)):
            agrees = (1 - _MISREAD) * math.log((1 - _MISREAD) / q)
            total += weight * (agrees + _MISREAD * math.log(_MISREAD / (1 - q)))
    return total / points
