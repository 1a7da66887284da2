"""What our index door alone can say, as text for a person; its coverage for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pratique.exposure.answer import BLIND_SPOTS, Answer, AssetLine, Stage
from pratique.exposure.certainty import Certainty
from pratique.exposure.coverage import Coverage
from pratique.exposure.question import BEGINNING
from pratique.values.instants import Instant, render_instant
from pratique.values.intervals import Interval

_LINES_SHOWN = 50
"""Assets listed per part of the text; JSON lists all."""
_NAMES_SHOWN = 10
_EVIDENCE_SHOWN = 6


def render_answer_text(answer: Answer) -> str:
    """Counts first, then assets, then what was watched and what cannot be seen."""
    fetched = [line for line in answer.lines if line.stage is Stage.FETCHED]
    offered = [line for line in answer.lines if line.stage is Stage.LISTED and line.offered]
    rest = [line for line in answer.lines if line not in fetched and line not in offered]
    wanting = [line for line in rest if line.refused]
    withheld = [line for line in rest if line.offered is False and not line.refused]
    silent = [line for line in rest if line.offered is None and not line.refused]
    parts = [
        _headline(answer),
        _counts(answer, fetched, offered, wanting),
        _block("FETCHED: bytes of it left for", fetched),
        _block("OFFERED: could have installed it from here, no download seen", offered),
        _block("REFUSED: asked for it and was turned away", wanting),
        _block("LISTED BUT HELD OR DENIED: could not install it from here", withheld),
        _names("Nothing of it came through this door for", silent),
        _coverage(answer),
        "What no door can see:\n" + "\n".join(f"  {text}" for text in BLIND_SPOTS),
        _how_to_verify(answer),
    ]
    return "\n\n".join(part for part in parts if part)


def _headline(answer: Answer) -> str:
    question = answer.question
    releases = [f"{project} {version}" for project, version in question.releases]
    what = ", ".join([*releases, *(f"sha256:{digest[:12]}…" for digest in question.sha256s)])
    asked = answer.coverage.asked
    basis = f"ledger entries 0 to {answer.applied - 1}" if answer.applied else "an empty ledger"
    whom = f" · only {question.asset}" if question.asset else ""
    return f"{what}{whom}\n{_moment(asked.start)} to {_moment(asked.end)} · {basis}"


def _moment(moment: Instant | None) -> str:
    if moment is None:
        return "now"
    return "the beginning" if moment == BEGINNING else render_instant(moment)


def _counts(
    answer: Answer,
    fetched: Sequence[AssetLine],
    offered: Sequence[AssetLine],
    wanting: Sequence[AssetLine],
) -> str:
    first = f"fetched {len(fetched)} · offered {len(offered)} · refused {len(wanting)}"
    words = " · ".join(f"{word.value} {answer.count(word)}" for word in Certainty)
    return f"{first}\n{words}"


def _block(title: str, lines: Sequence[AssetLine]) -> str:
    if not lines:
        return ""
    shown = [row for line in lines[:_LINES_SHOWN] for row in _asset_rows(line)]
    return "\n".join([title, *shown, *_more(len(lines) - _LINES_SHOWN)])


def _asset_rows(line: AssetLine) -> Iterable[str]:
    span = _moment(line.first_at)
    if line.last_at != line.first_at:
        span += f" to {_moment(line.last_at)}"
    times = "once" if line.times == 1 else f"{line.times} times"
    yield f"  {line.asset}  {line.certainty.value}  {span}  {times}"
    if line.files:
        yield f"    files: {', '.join(line.files)}"
    if line.refused and line.stage is not None:
        yield f"    refused: {line.refused}"
    evidence = ", ".join(str(sequence) for sequence in line.evidence[:_EVIDENCE_SHOWN])
    more = len(line.evidence) - _EVIDENCE_SHOWN
    yield f"    entries: {evidence}" + (f" and {more} more" if more > 0 else "")
    if line.note:
        yield f"    {line.note}"


def _names(title: str, lines: Sequence[AssetLine]) -> str:
    rows = []
    for certainty in Certainty:
        names = [line.asset for line in lines if line.certainty is certainty]
        if names:
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            rows.append(f"  {certainty.value}: {', '.join(names[:_NAMES_SHOWN])}{more}")
    return "\n".join([title, *rows]) if rows else ""


def _more(count: int) -> list[str]:
    return [f"  … and {count} more; --format json lists all"] if count > 0 else []


def _coverage(answer: Answer) -> str:
    coverage = answer.coverage
    rows = []
    if coverage.whole:
        rows.append("Coverage: the door watched during the whole span.")
    else:
        rows.append("Coverage: UNKNOWN, because nobody watched")
        rows += [f"  {_span(gap)}" for gap in coverage.gaps[:_LINES_SHOWN]]
        rows += _more(len(coverage.gaps) - _LINES_SHOWN)
    if answer.question.interval.start == BEGINNING:
        rows.append("  Give --from: the instant from which the file could be had at all.")
    if answer.unreadable:
        rows.append(f"UNKNOWN: {answer.unreadable} ledger entries could not be read.")
    if answer.unexplained:
        rows.append(f"UNKNOWN: the log does not say what {answer.unexplained} page answers held.")
    return "\n".join(rows)


def _span(span: Interval) -> str:
    return f"{_moment(span.start)} to {_moment(span.end)}"


def _how_to_verify(answer: Answer) -> str:
    first = next((line.evidence[0] for line in answer.lines if line.evidence), None)
    if first is None:
        return ""
    return f"Check any entry yourself: pratique ledger export --entry {first}"


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """What was watched, for programs."""
    return {
        "from": _instant_or_null(coverage.asked.start),
        "to": _instant_or_null(coverage.asked.end),
        "whole": coverage.whole,
        "watched": [_span_json(span) for span in coverage.watched],
        "gaps": [_span_json(span) for span in coverage.gaps],
    }


def _span_json(span: Interval) -> dict[str, str | None]:
    return {"from": _instant_or_null(span.start), "to": _instant_or_null(span.end)}


def _instant_or_null(moment: Instant | None) -> str | None:
    """The beginning of all time is no instant that anybody named."""
    return None if moment is None or moment == BEGINNING else render_instant(moment)
