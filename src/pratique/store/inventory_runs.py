"""Finished CI runs, packed: a name, a span and a content in a few bytes.

A company has millions of runs, and nearly all are looked at once: one log, from start to end, of a job
whose contents many runs share. Such a look says nothing that does not follow from its series (whose
job), its number and its span. So it is not a row in six tables but some twenty bytes in a block of
runs of one job with one content. A run of which anything else becomes known is unpacked first.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from pratique.inventory.observed.entries import EMPTY, LookBody
from pratique.inventory.observed.model import AssetKind, EvidenceClass, LookMode
from pratique.values.spans import Span

BLOCK_RUNS: Final = 256
PACKED: Final = 1 << 61
"""Numbers of packed assets and places begin here; they hold their series and their run's number."""
_PLACE: Final = 1 << 60
_NUMBER_BITS: Final = 40
MAX_SERIES: Final = (1 << 20) - 1
_MAX_NUMBER: Final = (1 << _NUMBER_BITS) - 1
EVIDENCE: Final = EvidenceClass.LOGGED

_MAX_DIGITS: Final = 12

_HEAD: Final = struct.Struct("<H")
_COLUMN: Final = struct.Struct("<qc")
_WIDTHS: Final = ((b"b", 1 << 7), (b"h", 1 << 15), (b"i", 1 << 31), (b"q", 1 << 63))


class Run(NamedTuple):
    """One finished run."""

    number: int
    entry: int
    """Sequence of its look."""
    lo: int
    hi: int
    appeared: bool
    """Whether nothing was known of its asset before."""

    @property
    def span(self) -> Span:
        """It had its content from its start to its end."""
        return Span(self.lo, self.lo, self.hi, self.hi)


class RunName(NamedTuple):
    """An asset's name that ends in a number."""

    prefix: str
    number: int

    @property
    def text(self) -> str:
        """The name."""
        return f"{self.prefix}/{self.number}"


def run_name(asset: str) -> RunName | None:
    """Prefix and number of a name that can be packed."""
    prefix, slash, digits = asset.rpartition("/")
    if not (slash and digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return None
    number = int(digits)
    if number > _MAX_NUMBER or str(number) != digits:
        return None
    return RunName(prefix, number)


def is_packable(body: LookBody) -> bool:
    """Whether a first look at a place says nothing beyond series, number, span and content."""
    return (
        body.asset_kind is AssetKind.CI_RUN
        and body.mode is LookMode.EVENT
        and body.ended
        and body.whole
        and body.gaps_total == 0
        and body.evidence_class is EVIDENCE
        and bool(body.lineage)
        and not body.machine
        and body.content != EMPTY
        and "\x00" not in body.locator + body.lineage
    )


def asset_number(series: int, number: int) -> int:
    """Number of a packed asset, by the series of its name."""
    return PACKED | series << _NUMBER_BITS | number


def place_number(series: int, number: int) -> int:
    """Number of a packed place, by its own series."""
    return PACKED | _PLACE | series << _NUMBER_BITS | number


def series_and_number(packed: int) -> tuple[int, int]:
    """What `asset_number` or `place_number` was made of."""
    return packed >> _NUMBER_BITS & MAX_SERIES, packed & _MAX_NUMBER


def encode_runs(runs: Sequence[Run]) -> bytes:
    """A block: per column the first value, then differences in as few bytes as the widest needs."""
    columns = (
        [run.number for run in runs],
        [run.entry for run in runs],
        [run.lo for run in runs],
        [(run.hi - run.lo) * 2 + run.appeared for run in runs],
    )
    return _HEAD.pack(len(runs)) + b"".join(map(_encode_column, columns))


def _encode_column(values: list[int]) -> bytes:
    steps = [after - before for before, after in itertools.pairwise(values)]
    widest = max((step if step >= 0 else -step - 1 for step in steps), default=0)
    code = next(code for code, limit in _WIDTHS if widest < limit)
    packed = struct.pack(f"<{len(steps)}{code.decode()}", *steps)
    return _COLUMN.pack(values[0], code) + packed


def decode_columns(block: bytes) -> tuple[list[int], list[int], list[int], list[int]]:
    """Numbers, entries, starts, and lengths (doubled, plus one where the asset was new)."""
    (count,) = _HEAD.unpack_from(block)
    offset = _HEAD.size
    columns: list[list[int]] = []
    for _ in range(4):
        first, code = _COLUMN.unpack_from(block, offset)
        form = f"<{count - 1}{code.decode()}"
        steps = struct.unpack_from(form, block, offset + _COLUMN.size)
        columns.append(list(itertools.accumulate(steps, initial=first)))
        offset += _COLUMN.size + struct.calcsize(form)
    numbers, entries, starts, lengths = columns
    return numbers, entries, starts, lengths


def decode_runs(block: bytes) -> list[Run]:
    """The runs of a block, in the order in which they came."""
    return [
        Run(number, entry, lo, lo + (length >> 1), bool(length & 1))
        for number, entry, lo, length in zip(*decode_columns(block), strict=True)
    ]


def block_columns(runs: Sequence[Run]) -> dict[str, object]:
    """What a block's row says of it."""
    return {
        "runs": len(runs),
        "number_min": min(run.number for run in runs),
        "number_max": max(run.number for run in runs),
        "entry_min": min(run.entry for run in runs),
        "entry_max": max(run.entry for run in runs),
        "lo_min": min(run.lo for run in runs),
        "hi_max": max(run.hi for run in runs),
        "body": encode_runs(runs),
    }
