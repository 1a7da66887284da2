"""What becomes of what checks find: opened, changed, accepted, closed; only changes are recorded.

A finding's identity is rule, party and subject. A check opens and closes it; a person gives it an owner
and a date, and may accept it until an instant. Nothing else changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from pratique.errors import InputError
from pratique.parties.checks.rule import EVERYTHING
from pratique.parties.entries import FindingBody, finding_id
from pratique.parties.model import Finding, FindingState, Found, Register, Severity
from pratique.values.instants import Instant

DUE_DAYS: Final[Mapping[Severity, int]] = {
    Severity.CRITICAL: 1,
    Severity.HIGH: 7,
    Severity.MEDIUM: 30,
    Severity.LOW: 90,
}
"""Days to put something right, where the settings say nothing else."""
_RANK: Final = {one: number for number, one in enumerate(Severity)}
NO_LONGER: Final = "the check no longer finds it"
ENDED: Final = "its acceptance ended"
WORSE: Final = "it became worse than what was accepted"


class Change(NamedTuple):
    """A finding that is to be recorded, and what it was before."""

    body: FindingBody
    before: FindingState | None
    """None: it is new."""

    @property
    def id(self) -> str:
        """Of the finding."""
        return finding_id(self.body.found)

    @property
    def opens(self) -> bool:
        """Whether it is open now and was not before."""
        return self.body.state is FindingState.OPEN and self.before is not FindingState.OPEN


class Looked(NamedTuple):
    """What a run of checks looked at: only that is closed when it is not found."""

    rules: frozenset[str]
    parties: frozenset[str] | None = None
    """None: all, those that the register forgot included."""
    subject: Callable[[str], bool] | None = None
    """None: every subject; else whether this one was looked at."""

    def covers(self, finding: Finding) -> bool:
        """Whether the run would have found it."""
        found = finding.found
        return (
            found.rule in self.rules
            and (self.parties is None or found.party in self.parties)
            and (self.subject is None or self.subject(found.subject))
        )


def reconcile(
    register: Register,
    found: Iterable[Found],
    looked: Looked,
    *,
    now: Instant,
    due_days: Mapping[Severity, int] = DUE_DAYS,
    owner: str = "",
) -> list[Change]:
    """What a run of checks changes, in the order of ids. Reconciled again, nothing changes.

    `owner`: of what is new.
    Where a check could not be made for a party at all (`EVERYTHING`), nothing of it is closed.
    """
    current: dict[str, Found] = {}
    for one in found:
        current.setdefault(finding_id(one), one)
    blind = {(one.rule, one.party) for one in current.values() if one.subject == EVERYTHING}
    changes: list[Change] = []
    for id_, one in current.items():
        change = _kept(register.findings.get(id_), one, now, due_days)
        if change is not None and change.before is None and owner:
            change = change._replace(body=msgspec.structs.replace(change.body, owner=owner))
        if change is not None:
            changes.append(change)
    for id_, finding in register.findings.items():
        gone = finding.state is not FindingState.CLOSED and id_ not in current
        unseen = (finding.found.rule, finding.found.party) in blind
        if gone and not unseen and looked.covers(finding):
            changes.append(_closed(finding))
    return sorted(changes, key=lambda change: change.id)


def _kept(
    finding: Finding | None, found: Found, now: Instant, due_days: Mapping[Severity, int]
) -> Change | None:
    """What changes of something that is found; None: nothing."""
    due = now + timedelta(days=due_days[found.severity])
    if finding is None:
        return Change(FindingBody(found=found, state=FindingState.OPEN, due_at=due), None)
    if finding.state is FindingState.CLOSED:
        body = FindingBody(found=found, state=FindingState.OPEN, owner=finding.owner, due_at=due)
        return Change(body, finding.state)
    if finding.state is FindingState.ACCEPTED:
        return _accepted(finding, found, now, due)
    if _says_the_same(finding.found, found):
        return None
    worse = _RANK[found.severity] > _RANK[finding.found.severity]
    earlier = min(due, finding.due_at) if worse and finding.due_at is not None else finding.due_at
    body = FindingBody(
        found=found,
        state=FindingState.OPEN,
        owner=finding.owner,
        due_at=earlier,
        reason=finding.reason,
    )
    return Change(body, finding.state)


def _accepted(finding: Finding, found: Found, now: Instant, due: Instant) -> Change | None:
    ended = finding.accepted_until is None or finding.accepted_until <= now
    worse = _RANK[found.severity] > _RANK[finding.found.severity] or (
        finding.found.unknown and not found.unknown
    )
    if not ended and not worse:
        return None
    body = FindingBody(
        found=found,
        state=FindingState.OPEN,
        owner=finding.owner,
        due_at=due,
        reason=ENDED if ended else WORSE,
    )
    return Change(body, finding.state)


def _says_the_same(before: Found, after: Found) -> bool:
    """Entries may grow without anything new being said."""
    return (before.severity, before.sentence, before.action, before.unknown) == (
        after.severity,
        after.sentence,
        after.action,
        after.unknown,
    )


def _closed(finding: Finding) -> Change:
    body = FindingBody(
        found=finding.found,
        state=FindingState.CLOSED,
        owner=finding.owner,
        due_at=finding.due_at,
        reason=NO_LONGER,
    )
    return Change(body, finding.state)


# ── what people say ──────────────────────────────────────────────────────────────────────────


def assigned(finding: Finding, *, owner: str) -> FindingBody:
    """The finding with another owner. Raises: InputError when it is closed."""
    return _said(finding, owner=owner)


def due(finding: Finding, *, due_at: Instant) -> FindingBody:
    """The finding with another date. Raises: InputError when it is closed."""
    return _said(finding, due_at=due_at)


def accepted(finding: Finding, *, until: Instant, reason: str, now: Instant) -> FindingBody:
    """The finding, accepted until an instant. Raises: InputError."""
    if until <= now:
        raise InputError(
            "nothing is accepted into the past", expected="--until with a later instant"
        )
    if not reason.strip():
        raise InputError("no reason", expected="--reason with a sentence")
    return _said(finding, state=FindingState.ACCEPTED, accepted_until=until, reason=reason)


def _said(
    finding: Finding,
    *,
    owner: str | None = None,
    due_at: Instant | None = None,
    state: FindingState | None = None,
    accepted_until: Instant | None = None,
    reason: str | None = None,
) -> FindingBody:
    if finding.state is FindingState.CLOSED:
        raise InputError(
            f"{finding.id} is closed: {finding.reason}", expected="a finding that is open"
        )
    return FindingBody(
        found=finding.found,
        state=state or finding.state,
        owner=finding.owner if owner is None else owner,
        due_at=finding.due_at if due_at is None else due_at,
        accepted_until=accepted_until or finding.accepted_until,
        reason=finding.reason if reason is None else reason,
    )


def find_finding(findings: Mapping[str, Finding], name: str) -> Finding:
    """The finding of an id, or of the only id that begins so. Raises: InputError."""
    told = name.strip()
    found = [findings[told]] if told in findings else []
    if not found and told not in {"", "F", "F-"}:
        found = [one for id_, one in findings.items() if id_.startswith(told)]
    if len(found) != 1:
        raise InputError(
            f"{'several findings begin' if found else 'no finding begins'} with {name[:80]!r}",
            expected="an id such as F-0123456789",
            remedy="see: pratique party findings",
        )
    return found[0]
