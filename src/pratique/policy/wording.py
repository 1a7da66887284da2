"""Reasons: one ASCII line that fits a terminal and an HTTP reason phrase."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final

from pratique.policy.model import FileFacts
from pratique.values.instants import Instant

MAX_REASON = 160
LAST_INSTANT: Final = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
"""What arithmetic on hostile upload times stops at."""

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


def sentence(text: str, *, limit: int = MAX_REASON) -> str:
    """One printable ASCII line of at most `limit` characters; accents are dropped, the rest is `?`.

    Text from an upstream or a policy file ends in a response's status line, where a line break
    would begin a header.
    """
    folded = unicodedata.normalize("NFKD", " ".join(text.split()))
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    line = _UNPRINTABLE.sub("?", plain)
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def label(file: FileFacts) -> str:
    """How a person names the file: `litellm 1.82.7`, or the file's name when it tells no version."""
    distribution = file.distribution
    if distribution is None:
        return sentence(file.filename, limit=80)
    return sentence(f"{file.project} {distribution.version}", limit=80)


def render_hours(hours: float) -> str:
    """Hours for a person: `72 h`, `1.5 h`."""
    return f"{hours:g} h"


def later(moment: Instant, delta: timedelta) -> Instant:
    """`moment + delta`, stopping at the last instant there is."""
    try:
        return min(moment + delta, LAST_INSTANT)
    except OverflowError:
        return LAST_INSTANT
