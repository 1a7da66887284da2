"""How long something lasts, as people write it on a command line."""

from __future__ import annotations

import re
from datetime import timedelta

from pratique.errors import InputError, ValueFormatError
from pratique.values.instants import Instant, parse_instant

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN = re.compile(r"([0-9]{1,5})([mhd])")


def parse_expiry(text: str, *, now: Instant, longest: timedelta) -> Instant:
    """Read `30m`, `12h`, `7d` or an instant; it must lie ahead, but not too far.

    Raises: InputError otherwise.
    """
    match = _SPAN.fullmatch(text.strip().lower())
    try:
        end = now + int(match[1]) * _UNITS[match[2]] if match else parse_instant(text)
    except ValueFormatError:
        raise InputError(
            f"not a span of time: {text[:40]!r}",
            expected="a number of minutes, hours or days such as 30m, 12h or 7d, or an instant",
        ) from None
    if not now < end <= now + longest:
        raise InputError(
            f"{text[:40]!r} is not between now and {_shown(longest)} from now",
            expected=f"at most {_shown(longest)}",
        )
    return end


def _shown(span: timedelta) -> str:
    """Such as `90d`, `12h` or `90m`, which can be typed."""
    unit = next((one for one in "dh" if not span % _UNITS[one]), "m")
    return f"{span // _UNITS[unit]}{unit}"
