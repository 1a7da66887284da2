"""`pratique party check`: promises compared with what is seen; only changes are recorded."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import echo_json
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.party_acts import Act, act_on, proposed
from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.doors.cli.party_finding_text import finding_line, finding_plain
from pratique.doors.cli.plain import safe_line
from pratique.doors.cli.stores import operator
from pratique.errors import InputError
from pratique.parties.checks import BY_NAME, CHECKS
from pratique.parties.checks.rule import Check
from pratique.parties.entries import finding_id
from pratique.parties.findings import Change
from pratique.parties.model import Finding, FindingState, Severity
from pratique.store.custody import open_custody
from pratique.store.party_checks import CheckDesk, Run
from pratique.values.instants import now_utc

_TOLD = 200
"""Changes told one by one; JSON has all of them."""


@click.command()
@click.argument("names", metavar="NAME", nargs=-1)
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Only this rule; repeatable.")
@click.option(
    "--since-advisory",
    "advisory",
    metavar="ID",
    help="Only components, against this advisory and those recorded after it.",
)
@click.option("--act", is_flag=True, help="Narrow and suspend as findings propose.")
@click.option(
    "--watch", type=click.IntRange(min=1), metavar="SECONDS", help="Check again and again."
)
@home_option
@format_option
def check(
    names: tuple[str, ...],
    *,
    rules: tuple[str, ...],
    advisory: str | None,
    act: bool,
    watch: int | None,
    home: Path | None,
    form: str,
) -> None:
    """Compare what parties promised with what is seen, and record what changed.

    NAME is a party; without any, all are checked. What is wrong becomes a finding; what nobody
    looked at, or nobody gave, becomes one too. Exit code 1 when something checked is open, 3 when
    all that is open is unknown, 0 when nothing is.
    """
    chosen = _rules(rules)
    if advisory is not None and (names or rules):
        raise InputError(
            "--since-advisory goes by itself", expected="no NAME and no --rule with it"
        )
    while True:
        code = _once(names, chosen, advisory, act=act, home=home, form=form)
        if watch is None:
            sys.exit(code)
        time.sleep(watch)


def _rules(names: Iterable[str]) -> tuple[Check, ...]:
    for name in names:
        if name not in BY_NAME:
            raise InputError(
                f"no rule {name[:60]!r}", expected=f"one of {', '.join(sorted(BY_NAME))}"
            )
    wanted = frozenset(names)
    return tuple(one for one in CHECKS if not wanted or one.name in wanted)


def _once(
    names: tuple[str, ...],
    checks: tuple[Check, ...],
    advisory: str | None,
    *,
    act: bool,
    home: Path | None,
    form: str,
) -> int:
    now = now_utc()
    with open_party_desk(home) as desk:
        parties = [desk.party(name).name for name in names] or None
        checker = check_desk(desk)
        if advisory is not None:
            run = checker.check_since(advisory, now=now, register=desk.register)
        else:
            run = checker.check(now=now, checks=checks, parties=parties, register=desk.register)
        checker.record(run.changes, actor=operator(), now=now)
        after = desk.reread() if run.changes else desk
        found = _found(after, run)
        acts = act_on(after, found, now=now) if act else proposed(after, found)
    if form == "json":
        echo_json(_answer(run, found, acts))
    else:
        _tell(run, found, acts)
    return exit_code(found)


def check_desk(desk: PartyDesk) -> CheckDesk:
    """What checks with the stores of a command."""
    stores = desk.stores
    return CheckDesk(
        stores.log,
        stores.presence,
        lambda: open_custody(stores.settings),
        stores.settings,
        desk.evidence_bytes,
    )


def _found(desk: PartyDesk, run: Run) -> list[Finding]:
    """What the run found, as it stands now, worst first."""
    ids = dict.fromkeys(finding_id(one) for one in run.found)
    known = desk.register.findings
    return sorted((known[one] for one in ids if one in known), key=order)


def order(finding: Finding) -> tuple[bool, int, str, str, str]:
    """What is known first, of that the worst."""
    found = finding.found
    worst = list(Severity)[::-1].index(found.severity)
    return found.unknown, worst, found.party, found.rule, found.subject


def exit_code(findings: Iterable[Finding]) -> int:
    """1: something is open. 3: only what nobody can say. 0: nothing."""
    unknown = [one.found.unknown for one in findings if one.state is FindingState.OPEN]
    if not unknown:
        return EXIT_NOTHING_FOUND
    return EXIT_UNKNOWN if all(unknown) else EXIT_FOUND


# ── how it is told ───────────────────────────────────────────────────────────────────────────


def _answer(run: Run, found: list[Finding], acts: list[Act]) -> dict[str, Any]:
    return {
        "rules": [one.name for one in run.checks],
        "changed": [
            {"id": one.id, "state": one.body.state.value, "opened": one.opens}
            for one in run.changes
        ],
        "findings": [finding_plain(one) for one in found],
        "counts": _counts(found),
        "actions": [act.plain() for act in acts],
    }


def _counts(found: Iterable[Finding]) -> dict[str, int]:
    listed = list(found)
    is_open = [one for one in listed if one.state is FindingState.OPEN]
    counted = Counter(one.found.severity for one in is_open if not one.found.unknown)
    return {
        **{one.value: counted[one] for one in reversed(Severity)},
        "unknown": sum(one.found.unknown for one in is_open),
        "accepted": sum(one.state is FindingState.ACCEPTED for one in listed),
    }


def _tell(run: Run, found: list[Finding], acts: list[Act]) -> None:
    by_id = {one.id: one for one in found}
    for line in _changes(run.changes, by_id):
        click.echo(line)
    for act in acts:
        click.echo(safe_line(act.line(), 1000))
    click.echo(summary(found))


def _changes(changes: Iterable[Change], by_id: dict[str, Finding]) -> Iterator[str]:
    listed = list(changes)
    for one in listed[:_TOLD]:
        finding = by_id.get(one.id)
        if finding is None:
            what = f"{one.body.found.party} {one.body.found.rule}: {one.body.found.subject}"
            yield safe_line(f"closed  {one.id}  {what}")
        else:
            yield f"{'opened' if one.opens else 'changed'}  {finding_line(finding)}"
    if len(listed) > _TOLD:
        yield f"and {len(listed) - _TOLD:,} more changes: pratique party findings"


def summary(found: Iterable[Finding]) -> str:
    """One line: how many are open, by severity, and what is unknown or accepted."""
    counts = _counts(found)
    told = [
        f"{number:,} {name}"
        for name, number in counts.items()
        if number and name not in {"unknown", "accepted"}
    ]
    line = f"open: {', '.join(told)}" if told else "nothing wrong is open"
    if counts["unknown"]:
        line += f"; {counts['unknown']:,} that nobody can say"
    if counts["accepted"]:
        line += f"; {counts['accepted']:,} accepted"
    return line
