"""What a sweep says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pratique.edge.sweep.run import SweepReport
from pratique.values.counting import counted
from pratique.values.instants import render_instant

if TYPE_CHECKING:
    # Loading an HTTP client would cost a sweep of one file most of its time.
    from pratique.edge.sweep.push import PushReport

_SHOWN_GAPS: Final = 20
_SHOWN_SORTS: Final = 8


def render_json(report: SweepReport) -> str:
    """The report for a program."""
    return _json(_described(report))


def render_push_json(report: SweepReport | None, pushed: PushReport) -> str:
    """What was seen, if a sweep was asked for, and what the server took."""
    answer = {
        "sent": pushed.sent,
        "known": pushed.known,
        "refused": pushed.refused,
        "waiting": pushed.waiting,
        "trouble": pushed.trouble,
    }
    return _json({"sweep": _described(report) if report else None, "push": answer})


def render_push_text(report: SweepReport | None, pushed: PushReport) -> str:
    """As `render_push_json`, for a person."""
    lines = [_summary(report)] if report is not None else []
    sent = f"{counted(pushed.sent, 'batch', 'batches')} sent"
    lines.append(sent + (f", {pushed.known} of them known there" if pushed.known else ""))
    lines += [f"refused by the server: {why}" for why in pushed.refused[:_SHOWN_GAPS]]
    if pushed.trouble:
        lines.append(f"not sent: {pushed.trouble}")
    if pushed.waiting:
        lines.append(f"{counted(pushed.waiting, 'batch', 'batches')} wait for the next push")
    return "\n".join(lines)


def _json(answer: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()


def _described(report: SweepReport) -> dict[str, Any]:
    return {
        "asset": report.asset,
        "roots": report.roots,
        "started": render_instant(report.started),
        "ended": render_instant(report.ended),
        "folders": report.folders,
        "files": report.files,
        "whole": report.whole,
        "stopped": report.stopped,
        "readers": {
            name: {
                "looks": tally.looks,
                "items": tally.items,
                "identities": tally.identities,
                "gaps": tally.gaps,
            }
            for name, tally in sorted(report.readers.items())
        },
        "unread": report.unread,
        "gone": report.gone,
        "known_bad": list(report.known_bad),
        "gaps": [{"what": gap.what, "why": gap.why} for gap in report.gaps],
        "gaps_total": report.gaps_total,
        "recorded": {
            "looks": report.recorded.looks,
            "contents": report.recorded.contents,
            "first_entry": report.recorded.first_entry,
            "last_entry": report.recorded.last_entry,
            "spooled": report.recorded.spooled,
            "trouble": report.recorded.trouble,
            "set_aside": report.recorded.set_aside,
        },
    }


def render_text(report: SweepReport) -> str:
    """The report for a person."""
    return "\n".join((_summary(report), *map(_printable, _recorded(report))))


def _summary(report: SweepReport) -> str:
    seconds = (report.ended - report.started).total_seconds()
    lines = [
        f"{report.asset}: {report.files:,} files in {report.folders:,} folders, {seconds:.1f} s"
        + (", stopped before the end" if report.stopped else "")
    ]
    for name, tally in sorted(report.readers.items()):
        if not (tally.looks or tally.gaps):
            continue
        parts = [counted(tally.looks, "look"), counted(tally.items, "item")]
        if tally.identities:
            parts.append(counted(tally.identities, "credential"))
        if tally.gaps:
            parts.append(counted(tally.gaps, "gap"))
        lines.append(f"  {name}: {', '.join(parts)}")
    if report.gone:
        lines.append(f"  gone since the last sweep: {counted(report.gone, 'place')}")
    lines += [f"KNOWN BAD: {one}" for one in report.known_bad]
    lines += _gaps(report)
    return "\n".join(_printable(line) for line in lines)


def _gaps(report: SweepReport) -> list[str]:
    if not (report.gaps_total or report.unread):
        return ["nothing was left out"]
    return [*_not_read(report), *_unread(report)]


def _unread(report: SweepReport) -> list[str]:
    """What nobody looked into: no reader knows it, which is no fault of the machine."""
    if not report.unread:
        return []
    sorts = [f"{count:,} {sort}" for sort, count in report.unread.items()]
    more = f" and {len(sorts) - _SHOWN_SORTS} sorts more" if len(sorts) > _SHOWN_SORTS else ""
    return [f"no reader looked into: {', '.join(sorts[:_SHOWN_SORTS])}{more}"]


def _not_read(report: SweepReport) -> list[str]:
    if not report.gaps_total:
        return []
    shown = report.gaps[:_SHOWN_GAPS]
    lines = [f"not read ({report.gaps_total}):", *(f"  {gap.what}: {gap.why}" for gap in shown)]
    if report.gaps_total > len(shown):
        lines.append(f"  and {report.gaps_total - len(shown)} more; --format json lists them")
    return lines


def _recorded(report: SweepReport) -> list[str]:
    recorded = report.recorded
    lines = []
    if recorded.first_entry is not None:
        lines.append(
            f"recorded: {counted(recorded.looks, 'look')},"
            f" {counted(recorded.contents, 'new content')},"
            f" ledger entries {recorded.first_entry} to {recorded.last_entry}"
        )
    if recorded.trouble:
        lines.append(f"the ledger could not write: {recorded.trouble}")
    if recorded.set_aside:
        batches = counted(recorded.set_aside, "batch", "batches")
        lines.append(f"{batches} of an earlier sweep cannot be read: see sweep/spool/refused")
    if recorded.spooled:
        batches = counted(recorded.spooled, "batch", "batches")
        lines.append(f"{batches} wait in the spool; the next sweep records them")
    return lines


def _printable(line: str) -> str:
    """File names may hold escapes that would rewrite the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in line)
