"""What an npm requirement admits: `^1.9.0`, `~1.2`, `1.x`, `>=1 <2 || 3.0.0`, `1.2 - 1.4`.

Kept generous: pre-releases count where the numbers fit, and a tag (`latest`) admits everything,
because the question is what may have come, not what npm would have chosen. Source: node-semver,
"Ranges" and "Advanced Range Syntax".
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

import semver

MAX_RANGE: Final = 1024
"""Longer requirements are taken to admit everything."""
_WHOLE: Final = 3
"""Numbers of a version that is not partial."""

_NUMBER = r"\d{1,15}|[xX*]"
_PARTIAL = (
    rf"[v=]*(?P<major>{_NUMBER})(?:\.(?P<minor>{_NUMBER}))?(?:\.(?P<patch>{_NUMBER}))?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_COMPARATOR: Final = re.compile(rf"(?P<operator>>=|<=|>|<|=|\^|~>?|)\s*{_PARTIAL}")
_HYPHEN: Final = re.compile(r"(\S+)\s+-\s+(\S+)")
_SPACED: Final = re.compile(r"(>=|<=|>|<|=|\^|~>?)\s+")
_ELSEWHERE: Final = ("file:", "link:", "workspace:", "portal:", "git", "http:", "https:", "github:")


class Bounds(NamedTuple):
    """`low <= version < high`; None: no limit."""

    low: semver.Version | None
    high: semver.Version | None

    def admits(self, version: semver.Version) -> bool:
        """Whether a version lies within."""
        if self.low is not None and version < self.low:
            return False
        return self.high is None or version < self.high


_ALL: Final = Bounds(None, None)
_NONE: Final = Bounds(semver.Version(0, 0, 0), semver.Version(0, 0, 0, "0"))


@functools.lru_cache(maxsize=4096)
def npm_bounds(text: str) -> tuple[Bounds, ...]:
    """Alternatives of a requirement, as half-open spans; empty when it means no registry at all."""
    stripped = text.strip()
    if stripped.startswith("npm:"):  # an alias: npm:NAME@RANGE
        at = stripped.rfind("@")
        stripped = stripped[at + 1 :] if at > len("npm:") else ""
    if stripped.startswith((*_ELSEWHERE, "/", "./", "../", "~/")):
        return ()
    if len(stripped) > MAX_RANGE:
        return (_ALL,)
    found = []
    for alternative in stripped.split("||"):
        bounds = _alternative(alternative.strip())
        if bounds is None:  # a tag, or a syntax of a newer npm: may admit anything
            return (_ALL,)
        found.append(bounds)
    return tuple(found)


def npm_admits(text: str, version: semver.Version) -> bool:
    """Whether a requirement may have brought this version."""
    return any(bounds.admits(version) for bounds in npm_bounds(text))


def _alternative(text: str) -> Bounds | None:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen is not None:
        text = f">={hyphen.group(1)} <={hyphen.group(2)}"
    joined = _ALL
    for word in _SPACED.sub(r"\1", text).split():
        bounds = _comparator(word)
        if bounds is None:
            return None
        joined = _both(joined, bounds)
    return joined


def _both(one: Bounds, other: Bounds) -> Bounds:
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    return Bounds(max(lows, default=None), min(highs, default=None))


def _comparator(word: str) -> Bounds | None:
    match = _COMPARATOR.fullmatch(word)
    if match is None:
        return None
    numbers = []
    for part in ("major", "minor", "patch"):
        told = match[part]
        if told is None or not told.isdecimal():
            break
        numbers.append(int(told))
    pre = match["pre"] if len(numbers) == _WHOLE else None
    return _bounds(match["operator"], numbers, pre)


def _bounds(operator: str, numbers: list[int], pre: str | None) -> Bounds:
    """The span of one comparator over a version that may be partial."""
    low = _version(numbers, pre)
    if not numbers:
        # `<*` and `>*` admit nothing, everything else with a bare star admits all.
        return _NONE if operator in {"<", ">"} else _ALL
    match operator:
        case ">=":
            return Bounds(low, None)
        case ">":
            after = _after(numbers, pre)
            return Bounds(after if len(numbers) == _WHOLE else after.finalize_version(), None)
        case "<":
            return Bounds(None, low if len(numbers) == _WHOLE else low.replace(prerelease="0"))
        case "<=":
            return Bounds(None, _after(numbers, pre))
        case "^":
            return Bounds(low, _caret(numbers))
        case "~" | "~>":
            return Bounds(low, _next(numbers[:2]))
        case _:
            return Bounds(low, _after(numbers, pre))


def _version(numbers: list[int], pre: str | None) -> semver.Version:
    """The first version that numbers stand for."""
    major, minor, patch = (*numbers, 0, 0, 0)[:_WHOLE]
    return semver.Version(major, minor, patch, _prerelease(pre))


def _prerelease(pre: str | None) -> str | None:
    """A pre-release as SemVer spells it; numbers with leading zeros lose them."""
    if pre is None:
        return None
    parts = [one for one in pre.split(".") if one]
    return ".".join(str(int(one)) if one.isdecimal() else one for one in parts) or None


def _after(numbers: list[int], pre: str | None) -> semver.Version:
    """The first version beyond everything that the numbers stand for."""
    if len(numbers) < _WHOLE:
        return _next(numbers)
    version = _version(numbers, pre)
    if version.prerelease:
        # Right behind 1.0.0-a comes 1.0.0-a.0 in SemVer's order.
        return version.replace(prerelease=f"{version.prerelease}.0")
    return semver.Version(version.major, version.minor, version.patch + 1, "0")


def _next(numbers: list[int]) -> semver.Version:
    """The first version with the last of these numbers raised."""
    *head, last = numbers
    major, minor, patch = (*head, last + 1, 0, 0)[:_WHOLE]
    return semver.Version(major, minor, patch, "0")


def _caret(numbers: list[int]) -> semver.Version:
    """Up to the next change of the leftmost number that is not zero."""
    for index, number in enumerate(numbers):
        if number:
            return _next(numbers[: index + 1])
    return _next(numbers)
