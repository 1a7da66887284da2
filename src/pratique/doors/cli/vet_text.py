"""Reports of vetting for a person: the verdict, then the evidence, weightiest first.

Texts of findings were made safe to print when they were made (`vet.safe_text`); on a terminal their
source is highlighted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import click

from pratique.doors.vet_desk import Examined
from pratique.policy.model import Verdict
from pratique.values.counting import counted
from pratique.vet.model import Finding, Report, Severity

_SHOWN = 6
"""Places of one file, unless all are asked for: a person decides within a minute."""
_SHOWN_OF_PLACE = 4
_MANY = 4
"""Of more files than this a clean one takes one line."""
_COLOURS = {
    Verdict.MALICIOUS: "red",
    Verdict.SUSPICIOUS: "yellow",
    Verdict.UNKNOWN: "magenta",
    Verdict.CLEAN: "green",
}
_SEVERITY_COLOURS = {
    Severity.CRITICAL: "red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
}
_WHEN = {
    "startup": "runs at every start of the interpreter",
    "build": "runs when pip builds or installs it",
    "import": "runs when the package is imported",
    "submodule": "runs when that module is imported",
    "entry": "runs when its command is started",
    "called": "runs only when it is called",
    "never": "nothing known runs it",
}
_INDENT = "     "


def echo_report(examined: Sequence[Examined], *, everything: bool) -> None:
    """Print every file, then the sum when there are several."""
    briefly = len(examined) > _MANY and not everything
    for number, one in enumerate(examined):
        if briefly and one.verdict is Verdict.CLEAN:
            click.echo(next(_file(one, everything=False)))
            continue
        if number:
            click.echo()
        for line in _file(one, everything=everything):
            click.echo(line)
    if len(examined) > 1:
        click.echo(f"\n{_sum(examined)}")


def _file(one: Examined, *, everything: bool) -> Iterator[str]:
    word = click.style(one.verdict.value.upper(), fg=_COLOURS[one.verdict], bold=True)
    if one.vetted is None:
        yield f"{one.filename}  {word}"
        yield f"  not vetted: {one.problem}"
        return
    report = one.vetted.report
    against = f"  compared with {report.base}" if report.base else "  without a predecessor"
    yield f"{one.filename}  {word}{against}"
    yield f"  {_summary(report)}"
    if report.unweighed:
        yield f"  not weighed in full: {report.unweighed}"
    for sentence in report.unread:
        yield f"  not examined: {sentence}"
    # Of a clean file there is nothing to decide: findings are told when they are asked for.
    told = () if report.verdict is Verdict.CLEAN and not everything else report.findings
    places = _by_place(told)
    for number, place in enumerate(places[: None if everything else _SHOWN], 1):
        yield ""
        yield from _place(number, place, everything=everything)
    hidden = len(report.findings) - sum(map(len, places[: None if everything else _SHOWN]))
    if hidden:
        yield f"\n  {hidden} more finding{'s' * (hidden > 1)}: --all-findings"


def _by_place(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one line together, where the weightiest of them stands."""
    places: dict[tuple[str, int], list[Finding]] = {}
    for finding in findings:
        places.setdefault((finding.path, finding.line), []).append(finding)
    return list(places.values())


def _summary(report: Report) -> str:
    parts = [
        f"score {report.score:.2f}",
        f"{report.contents:,} contents, {report.analysed:,} analysed now",
    ]
    if report.capabilities:
        parts.append("can: " + ", ".join(c.value for c in report.capabilities))
    gained = sorted({c.capability.value for c in report.changes if c.gained})
    if gained:
        parts.append("gains: " + ", ".join(gained))
    return " · ".join(parts)


def _place(number: int, findings: Sequence[Finding], *, everything: bool) -> Iterator[str]:
    first = findings[0]
    place = f"{first.path}:{first.line}:{first.column + 1}" if first.line else first.path
    title = click.style(place or "the release", bold=True)
    yield f"{number:3}. {title}  {_WHEN.get(first.reach, first.reach)}"
    if first.how:
        yield f"{_INDENT}because {first.how}"
    if first.excerpt:
        yield from _source(first)
    for finding in findings if everything else findings[:_SHOWN_OF_PLACE]:
        yield from _told(finding)
    left_out = 0 if everything else len(findings) - _SHOWN_OF_PLACE
    if left_out > 0:
        yield f"{_INDENT}and {left_out} more here"
    yield f"{_INDENT}why it matters: {first.danger}"
    yield f"{_INDENT}honest reasons: {first.benign}"


def _told(finding: Finding) -> Iterator[str]:
    weight = ["decides"] if finding.decisive else []
    weight += [f"+{finding.points:.1f}"] if finding.points else []
    facts = ", ".join([finding.rule, *finding.technique, *weight])
    word = click.style(f"{finding.severity.value:8}", fg=_SEVERITY_COLOURS.get(finding.severity))
    yield f"{_INDENT}{word} {finding.what}  ({facts})"
    if finding.shown and finding.shown != finding.excerpt:
        deep = (
            f" after {finding.layer} decoding{'s' * (finding.layer > 1)}" if finding.layer else ""
        )
        yield f"{_INDENT}         comes to{deep}: {finding.shown}"


def _source(finding: Finding) -> Iterator[str]:
    lines = finding.excerpt.splitlines() or [finding.excerpt]
    if sys.stdout.isatty():
        lines = _highlighted(finding.excerpt) or lines
    for offset, line in enumerate(lines):
        number = f"{finding.line:>6}" if finding.line and not offset else " " * 6
        yield f"{_INDENT}{number} | {line}"


def _highlighted(source: str) -> list[str]:
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.syntax import Syntax  # noqa: PLC0415 - only for a terminal

    console = Console(force_terminal=True, width=max(80, len(source) + 4))
    with console.capture() as capture:
        console.print(Syntax(source, "python", background_color="default"), end="")
    return [line.rstrip() for line in capture.get().splitlines() if line.strip()]


def _sum(examined: Sequence[Examined]) -> str:
    counts = {verdict: sum(one.verdict is verdict for one in examined) for verdict in Verdict}
    told = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
    return f"{counted(len(examined), 'file')}: {', '.join(told)}"
