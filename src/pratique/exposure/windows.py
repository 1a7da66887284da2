"""Windows: claims of when something bad could be had. They sharpen an answer and never filter it.

A presence outside every window counts all the same: caches, mirrors and lock files outlive the
index, and claims are corrected. The widest of all claims says from when on an asset must have been
watched to be cleared; to the other side there is no end but the question's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from pratique.exposure.incident import Asked, WindowLine
from pratique.values.spans import DAWN, OPEN, Span, to_micros


def widest_window(windows: Iterable[WindowLine]) -> WindowLine | None:
    """From the earliest start to the latest end of all claims; an unknown bound stays unknown."""
    listed = list(windows)
    if not listed:
        return None
    starts = [one.start for one in listed if one.start is not None]
    ends = [one.end for one in listed if one.end is not None]
    return WindowLine(
        channel="",
        start=min(starts) if len(starts) == len(listed) else None,
        end=max(ends) if len(ends) == len(listed) else None,
        source=f"the widest of {len(listed)} claims" if len(listed) > 1 else listed[0].source,
        confidence=listed[0].confidence if len(listed) == 1 else "",
    )


def agreed_bounds(windows: Iterable[WindowLine]) -> tuple[int, int]:
    """What all claims agree on; without claims, always. Empty when they contradict each other."""
    bounds = [bounds_of(one) for one in windows]
    return max((start for start, _ in bounds), default=DAWN), min(
        (end for _, end in bounds), default=OPEN
    )


def bounds_of(window: WindowLine | None) -> tuple[int, int]:
    """A window in microseconds; without one, always."""
    if window is None:
        return DAWN, OPEN
    start = DAWN if window.start is None else to_micros(window.start)
    return start, OPEN if window.end is None else to_micros(window.end)


def asked_bounds(asked: Asked) -> tuple[int, int]:
    """The span that presence must touch to count."""
    start = DAWN if asked.start is None else to_micros(asked.start)
    return start, OPEN if asked.end is None else to_micros(asked.end)


def span_to_clear(asked: Asked, widest: WindowLine | None, *, now: int) -> tuple[int, int]:
    """What must have been watched before absence counts.

    From the earliest claim, or the question's start, until now or the question's end: that a window
    ended ends nothing.
    """
    start, end = asked_bounds(asked)
    if asked.start is None:
        start = bounds_of(widest)[0]
    end = min(end, now)
    return min(start, end), end


def sharpened(span: Span, widest: WindowLine | None) -> tuple[int, int, bool]:
    """When something may have been there at most, and whether that contradicts the window.

    What nobody saw arrive cannot have arrived before it could be had. What was surely there earlier
    than any claim allows disproves the claims, and nothing is cut.
    """
    start, _ = bounds_of(widest)
    if span.from_hi < start:
        return span.from_lo, span.to_hi, True
    return max(span.from_lo, start), span.to_hi, False
