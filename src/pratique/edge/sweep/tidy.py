"""Looks as the ledger can take them: texts that have a canonical form, bounded; times not in the future.

Readers say what they saw as they saw it; file names may be no text, and clocks may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.observed.entries import MAX_GAPS
from pratique.inventory.observed.model import Gap, Identity, Item, Look, Sighting
from pratique.values.instants import Instant, parse_instant, render_instant

MAX_TEXT: Final = 4_000
_MAX_GAP_TEXT: Final = 240
_LEAST_GAP_TEXT: Final = 30
_GAPS_BYTES: Final = 40_000
"""An entry has room for 60,000 bytes, and other keys take some."""
_MAX_EVIDENCE: Final = 20
_MAX_NAME: Final = 1_000
SKEW: Final = timedelta(minutes=2)
"""Clocks of two machines that look after them differ by less."""


def plain(text: str, limit: int = MAX_TEXT) -> str:
    r"""A text without what JSON or a database cannot hold; bytes that are no text become `\xff`."""
    if not text.isascii() or "\0" in text:
        text = "".join(_plain_character(one) for one in text)
    if len(text) > limit:
        half = limit // 2 - 1
        text = f"{text[:half]}…{text[-half:]}"
    return text


def _plain_character(one: str) -> str:
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - how Python keeps undecodable bytes (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return "\ufffd" if code == 0 or 0xD800 <= code <= 0xDFFF else one  # noqa: PLR2004 - lone surrogates


def tidy(look: Look, *, now: Instant) -> Look:
    """The look with what cannot be stored replaced, and what lies in the future clamped and said."""
    gaps = list(look.gaps)
    latest = now + SKEW
    if look.at_lo > latest or look.at_hi > latest:
        gaps.append(
            Gap(
                what=look.locator,
                why="it is dated in the future: a clock is wrong, and its times are only bounds",
            )
        )
    at_hi = min(look.at_hi, now)
    at_lo = min(look.at_lo, at_hi)
    skewed: list[str] = []
    sightings = tuple(_sighting(one, at_hi, latest, skewed) for one in look.sightings)
    if skewed:
        more = f" and {len(skewed) - 1} more" if len(skewed) > 1 else ""
        why = f"{skewed[0]}{more}: dated in the future, so a clock was wrong when it came"
        gaps.append(Gap(what=look.locator, why=why))
    return msgspec.structs.replace(
        look,
        asset=plain(look.asset, _MAX_NAME),
        locator=plain(look.locator),
        lineage=plain(look.lineage, _MAX_NAME),
        machine=plain(look.machine, _MAX_NAME),
        at_lo=at_lo,
        at_hi=at_hi,
        sightings=sightings,
        identities=tuple(_identity(one) for one in look.identities),
        gaps=_gaps(gaps),
        evidence=tuple(
            msgspec.structs.replace(one, locator=plain(one.locator, _MAX_NAME))
            for one in look.evidence[:_MAX_EVIDENCE]
        ),
    )


def _gaps(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Gaps whose texts are short enough for those that a look names to fit an entry."""
    limit = _MAX_GAP_TEXT
    while True:
        made = tuple(Gap(what=plain(g.what, limit), why=plain(g.why, limit)) for g in gaps)
        if limit <= _LEAST_GAP_TEXT or len(msgspec.json.encode(made[:MAX_GAPS])) <= _GAPS_BYTES:
            return made
        limit //= 2


def _sighting(one: Sighting, at_hi: Instant, latest: Instant, skewed: list[str]) -> Sighting:
    if one.since_lo or one.since_hi:
        name = one.item.name
        since = _clamped(one.since_lo, one.since_hi, at_hi, latest, (skewed, name))
        one = msgspec.structs.replace(one, since_lo=since[0], since_hi=since[1])
        return _texts.__wrapped__(one)
    return _texts(one)


@lru_cache(maxsize=32_768)
def _texts(one: Sighting) -> Sighting:
    """The same with texts that can be stored; kept, because versions of a lock share nearly all."""
    return msgspec.structs.replace(
        one,
        item=_item(one.item),
        at=plain(one.at, _MAX_NAME),
        parents=tuple(plain(parent, _MAX_NAME) for parent in one.parents[:_MAX_EVIDENCE]),
        range=plain(one.range, _MAX_NAME),
        note=plain(one.note, _MAX_NAME),
    )


def _clamped(
    lo: str, hi: str, at_hi: Instant, latest: Instant, skewed: tuple[list[str], str]
) -> tuple[str, str]:
    """Times at most `at_hi`, in order; what cannot be read dates nothing."""
    try:
        moments = [parse_instant(text) if text else None for text in (lo, hi)]
    except ValueFormatError:
        return "", ""
    if any(moment is not None and moment > latest for moment in moments):
        skewed[0].append(plain(skewed[1], _MAX_NAME))
    earliest, last = (min(moment, at_hi) if moment is not None else None for moment in moments)
    if earliest is not None and last is not None:
        earliest = min(earliest, last)
    return (
        render_instant(earliest) if earliest is not None else "",
        render_instant(last) if last is not None else "",
    )


def _item(item: Item) -> Item:
    if _is_plain((item.name, item.version, item.digest, item.filename)):
        return item
    return Item(
        type=plain(item.type, _MAX_NAME),
        name=plain(item.name, _MAX_NAME),
        version=plain(item.version, _MAX_NAME),
        digest=plain(item.digest, _MAX_NAME),
        filename=plain(item.filename, _MAX_NAME),
    )


def _identity(one: Identity) -> Identity:
    return msgspec.structs.replace(
        one,
        name=plain(one.name, _MAX_NAME),
        locator=plain(one.locator, _MAX_NAME),
        fingerprint=plain(one.fingerprint, _MAX_NAME),
    )


def _is_plain(texts: Iterable[str]) -> bool:
    return all(t.isascii() and "\0" not in t and len(t) <= _MAX_NAME for t in texts)
