"""Times in front of the lines of logs.

2026-03-24T10:45:12.1234567Z text          GitHub, Azure (seven digits)
2026-03-24T10:45:12.123456Z 00O text       GitLab with timestamps
section_start:1774349112:step              GitLab without
[2026-03-24T10:45:12.123Z] text            Jenkins
_bk;t=1774349112000                        Buildkite
2026-03-24 10:45:12,123 text               a local time: its zone is anybody's guess
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

from pratique.values.spans import to_micros

_HOUR: Final = 3_600_000_000
WESTMOST: Final = 12 * _HOUR
"""A clock at twelve hours west shows twelve hours less than UTC."""
EASTMOST: Final = 14 * _HOUR
_LEADING: Final = re.compile(
    r"\ufeff?(?:\[bk:(?P<buildkite>\d{9,16})\]\s?"
    r"|section_(?:start|end):(?P<section>\d{9,11}):"
    r"|\[?(?P<date>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?P<zone> ?Z| ?[+-]\d\d:?\d\d)?\]?(?:\s(?P<stream>[0-9a-f]{2}[OE])(?P<more>\+)?)?(?:\s|\Z))"
)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No log of a package manager is older; a clock that says so is wrong."""


class Stamp(NamedTuple):
    """When a line was written, and where its text begins."""

    lo: int
    hi: int
    local: bool
    """Whether the zone is unknown, so that `lo` and `hi` are 26 hours apart."""
    end: int
    continued: bool
    """Whether this line goes on with the text of the one before (GitLab `00O+`)."""


def parse_stamp(line: str) -> Stamp | None:
    """The time that a line begins with; None when it begins with none."""
    found = _LEADING.match(line)
    if found is None:
        return None
    if found["buildkite"]:
        return _unix(int(found["buildkite"]) * 1000, found.end())
    if found["section"]:
        return _unix(int(found["section"]) * 1_000_000, found.start())
    return _written(found)


def _unix(micros: int, end: int) -> Stamp | None:
    if micros < to_micros(_EARLIEST) or micros > to_micros(datetime(9000, 1, 1, tzinfo=UTC)):
        return None
    return Stamp(micros, micros, local=False, end=end, continued=False)


def _written(found: re.Match[str]) -> Stamp | None:
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['time']}").replace(tzinfo=UTC)
    except ValueError:
        return None
    zone = (found["zone"] or "").strip()
    if zone not in {"", "Z"}:
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 14 or minutes > 59:  # noqa: PLR2004 - no zone is further from UTC
            return None
        offset = timedelta(hours=hours, minutes=minutes)
        moment = moment.replace(tzinfo=timezone(offset if zone[0] == "+" else -offset))
    if moment < _EARLIEST:
        return None
    micros = to_micros(moment) + int((found["fraction"] or "0").ljust(6, "0")[:6])
    local = not zone
    return Stamp(
        micros - EASTMOST if local else micros,
        micros + WESTMOST if local else micros,
        local=local,
        end=found.end(),
        continued=bool(found["more"]),
    )
