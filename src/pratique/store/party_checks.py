"""Gathers what checks of parties look at, runs them, and records what changed.

`CheckDesk` does it for a command; `StandingChecks` for a process that goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from pratique.custody.read_entries import reads_body
from pratique.custody.roles import BY_ROLE
from pratique.errors import InputError, PratiqueError
from pratique.exposure.advisories.entries import read_advisory
from pratique.exposure.advisories.model import Advisory
from pratique.exposure.ports import NOW_TX
from pratique.inventory.observed.model import Relation
from pratique.parties.bad_components import (
    BadVerdict,
    Owners,
    Whereabouts,
    bad_by_advisories,
    bad_by_verdicts,
)
from pratique.parties.checks import CHECKS, COMPONENT_CHECKS
from pratique.parties.checks.components_poisoned import REMEMBERED, source_name, source_of
from pratique.parties.checks.components_vulnerable import NO_ADVISORIES
from pratique.parties.checks.facts import (
    READ_DAYS,
    CheckFacts,
    CheckOptions,
    Drill,
    LockedBuild,
    ReadFrom,
)
from pratique.parties.checks.rule import EVERYTHING, Check, Need
from pratique.parties.entries import finding_draft
from pratique.parties.findings import Change, Looked, reconcile
from pratique.parties.model import Found, Register, Severity
from pratique.settings import Settings
from pratique.store.parties import read_register
from pratique.store.presence_rows import EventRow, version_of
from pratique.values.instants import Instant
from pratique.values.names import parse_project_name
from pratique.values.spans import to_micros

if TYPE_CHECKING:
    from pratique.ledger.store import LogStore
    from pratique.store.advisories import AdvisoryStore
    from pratique.store.custody import CustodyStore
    from pratique.store.presence import PresenceStore

_MOST_READS: Final = 200_000
"""Entries about reads that one check looks at: a minute's work at most."""
_DRAFTS_AT_ONCE: Final = 1_000
"""Findings appended in one batch; a first check may open tens of thousands."""
_MOSTLY_OTHERS: Final = 4
"""Where this many times as many assets are of nobody who is checked, those who are are asked one by one."""
_VENDOR: Final = "vendor:"
_ASSET: Final = "asset:"


class Run(NamedTuple):
    """What a run of checks found, and what of it is to be recorded."""

    facts: CheckFacts
    checks: tuple[Check, ...]
    found: tuple[Found, ...]
    changes: tuple[Change, ...]


class CheckDesk:
    """Checks the parties of one installation. Order: the projection is up to date."""

    def __init__(
        self,
        log: LogStore,
        presence: PresenceStore,
        open_custody: Callable[[], CustodyStore],
        settings: Settings,
        evidence: Callable[[str], bytes | None],
    ) -> None:
        """`open_custody` opens custody's state, which is closed again; `evidence` gives kept bytes."""
        self._log = log
        self._presence = presence
        self._open_custody = open_custody
        self._settings = settings
        self._evidence = evidence

    def check(
        self,
        *,
        now: Instant,
        checks: Sequence[Check] = CHECKS,
        parties: Collection[str] | None = None,
        register: Register | None = None,
    ) -> Run:
        """Run checks over all parties, or over these. `register`: as it is now, if it is at hand."""
        register = register or read_register(self._presence)
        only = None if parties is None else frozenset(parties)
        facts = self.gather(register, checks, only, now=now)
        looked = Looked(rules=frozenset(one.name for one in checks), parties=only)
        return self._run(facts, tuple(checks), looked, now=now)

    def check_since(self, advisory: str, *, now: Instant, register: Register | None = None) -> Run:
        """Compare components with an advisory, and with what was recorded after it.

        Raises: InputError when it was never recorded.
        """
        newest = self._advisories().newest_row(advisory)
        if newest is None:
            raise InputError(
                f"no advisory {advisory[:80]!r} is recorded",
                expected="an id from `pratique advisory list`",
                remedy="record it first: pratique advisory add",
            )
        return self.check_advisories(newest.entry, now=now, register=register)

    def check_advisories(
        self, since: int, *, now: Instant, register: Register | None = None
    ) -> Run:
        """Compare components with the advisories whose newest revision is from an entry on."""
        register = register or read_register(self._presence)
        recorded = list(self._advisories().newest_rows())
        entries = [row for row in recorded if row.entry >= since]
        ids = frozenset(source_name(row.id) for row in entries)
        advisories, unreadable = self._load(row.entry for row in entries)
        owners = self._owners(register, now=now)
        where = Whereabouts(self._presence.inventory, tx=NOW_TX)
        bad = bad_by_advisories(advisories, where, owners, now=now)
        facts = CheckFacts(
            register=register,
            options=options_of(self._settings),
            bad=tuple(bad),
            advisories=len(recorded),
            unreadable=unreadable,
        )
        looked = Looked(
            rules=frozenset(one.name for one in COMPONENT_CHECKS),
            subject=lambda subject: subject == NO_ADVISORIES or source_of(subject) in ids,
        )
        run = self._run(facts, COMPONENT_CHECKS, looked, now=now)
        # What speaks of a party as a whole is for a check of everything.
        return run._replace(changes=tuple(one for one in run.changes if _of_source(one, ids)))

    def _run(
        self, facts: CheckFacts, checks: tuple[Check, ...], looked: Looked, *, now: Instant
    ) -> Run:
        found = tuple(one for check in checks for one in check.run(facts, now))
        changes = reconcile(
            facts.register,
            found,
            looked,
            now=now,
            due_days=due_days_of(self._settings),
            owner=self._settings.parties.owner,
        )
        return Run(facts=facts, checks=checks, found=found, changes=tuple(changes))

    def record(self, changes: Sequence[Change], *, actor: str, now: Instant) -> None:
        """Make changes durable, in batches; what one batch lacks the next check records."""
        for start in range(0, len(changes), _DRAFTS_AT_ONCE):
            drafts = [
                finding_draft(one.body, actor=actor)
                for one in changes[start : start + _DRAFTS_AT_ONCE]
            ]
            self._log.append(drafts, now=now)
        self._presence.catch_up()

    # ── gathering ────────────────────────────────────────────────────────────────────────────

    def gather(
        self,
        register: Register,
        checks: Iterable[Check],
        only: frozenset[str] | None,
        *,
        now: Instant,
    ) -> CheckFacts:
        """The facts that these checks need, and no others."""
        needs = frozenset(need for check in checks for need in check.needs)
        facts = CheckFacts(register=register, options=options_of(self._settings), only=only)
        if Need.CUSTODY in needs:
            facts = replace(facts, **self._custody_facts())
        if Need.READS in needs:
            facts = replace(facts, **self._reads(facts, now=now))
        if Need.DRILLS in needs:
            events = self._presence.events("revocation-drill")
            facts = replace(facts, drills=tuple(_drill(event) for event in events))
        if needs & {Need.COMPONENTS, Need.LOCKS}:
            owners = self._owners(register, now=now)
            assets = {row.id: row.name for row in self._presence.inventory.assets(tx=NOW_TX)}
            mine = {number: name for number, name in assets.items() if owners.of(name)}
            if Need.COMPONENTS in needs:
                few = len(assets) > _MOSTLY_OTHERS * len(mine)
                where = Whereabouts(
                    self._presence.inventory, tx=NOW_TX, assets=mine if few else None
                )
                facts = replace(facts, **self._components(mine.values(), owners, where, now=now))
            if Need.LOCKS in needs:
                facts = replace(facts, builds=tuple(self._builds(mine, owners, only, now=now)))
        return facts

    def _custody_facts(self) -> dict[str, Any]:
        issuers = {one.name: one.url for one in self._settings.custody.issuer}
        custody = self._open_custody()
        try:
            leases = tuple(custody.leases())
            roles = {f"{BY_ROLE}{one.name}": issuers.get(one.issuer, "") for one in custody.roles()}
            return {
                "leases": leases,
                "scopes": {one.id: one for one in custody.scopes()},
                "datasets": {one.name: one for one in custody.datasets()},
                "issuers": {
                    one.id: roles[one.granted_by] for one in leases if one.granted_by in roles
                },
            }
        finally:
            custody.close()

    def _reads(self, facts: CheckFacts, *, now: Instant) -> dict[str, Any]:
        clients = {lease.client for lease in facts.leases}
        since = now - timedelta(days=READ_DAYS)
        last: dict[tuple[str, str, str, str], ReadFrom] = {}
        seen = 0
        missing = ""
        for client in sorted(clients):
            for entry in self._presence.custody.read_entries(client=client, since=since):
                if entry.kind != "reads":
                    continue
                seen += 1
                if seen > _MOST_READS:
                    missing = (
                        f"There are more than {_MOST_READS:,} entries about reads in {READ_DAYS} days; the"
                        " rest were not looked at."
                    )
                    break
                try:
                    body = reads_body(entry)
                except PratiqueError as error:
                    missing = f"What was read cannot be said wholly: {error.message}."
                    continue
                lease = entry.subject.partition(":")[2]
                for address in {body.names[read[6]] for read in body.reads}:
                    last[body.vendor, body.project, body.holder, address] = ReadFrom(
                        body.vendor, body.project, body.holder, lease, address,
                        entry.recorded_at, entry.sequence,
                    )  # fmt: skip
        return {"reads": tuple(last[key] for key in sorted(last)), "reads_missing": missing}

    def _owners(self, register: Register, *, now: Instant) -> Owners:
        since, until = to_micros(now - REMEMBERED), to_micros(now)
        operated: dict[str, set[str]] = {}
        for edge in self._presence.inventory.edges_of(Relation.OPERATED_BY.value, tx=NOW_TX):
            if edge.object.startswith(_VENDOR) and edge.span.may_overlap(since, until + 1):
                asset = edge.subject.removeprefix(_ASSET)
                operated.setdefault(asset, set()).add(edge.object.removeprefix(_VENDOR))
        return Owners(register, operated)

    def _advisories(self) -> AdvisoryStore:
        return self._presence.advisories(self._evidence)

    def _load(self, entries: Iterable[int]) -> tuple[list[Advisory], tuple[str, ...]]:
        """Advisories, and sentences about those that cannot be read; neighbours are read in one go."""
        found: list[Advisory] = []
        unreadable: list[str] = []
        for entry in self._presence.custody.entries(list(entries)):
            try:
                found.append(read_advisory(entry, self._evidence))
            except PratiqueError as error:
                unreadable.append(
                    f"The advisory of entry {entry.sequence} cannot be read ({error.message}), so nobody was"
                    " compared with it."
                )
        return found, tuple(unreadable)

    def _components(
        self, assets: Iterable[str], owners: Owners, where: Whereabouts, *, now: Instant
    ) -> dict[str, Any]:
        rows = list(self._advisories().newest_rows())
        advisories, unreadable = self._load(row.entry for row in rows if not row.withdrawn)
        bad = list(bad_by_advisories(advisories, where, owners, now=now))
        verdicts = bad_verdicts(self._presence.events("verdict"))
        bad += bad_by_verdicts(verdicts, where, owners, now=now)
        looked_at = frozenset(party for name in assets for party in owners.of(name))
        return {
            "bad": tuple(bad),
            "looked_at": looked_at,
            "advisories": len(rows),
            "unreadable": unreadable,
        }

    def _builds(
        self,
        assets: Mapping[int, str],
        owners: Owners,
        only: frozenset[str] | None,
        *,
        now: Instant,
    ) -> Iterator[LockedBuild]:
        from pratique.store.party_locks import LockLooks  # noqa: PLC0415 - loads every reader of locks

        looks = LockLooks(self._presence, self._evidence)
        wanted = {
            number: name
            for number, name in assets.items()
            if only is None or not only.isdisjoint(owners.of(name))
        }
        for look in looks.newest(wanted, now=now):
            for party in owners.of(look.asset):
                yield look._replace(party=party)


def _of_source(change: Change, ids: frozenset[str]) -> bool:
    subject = change.body.found.subject
    return subject == NO_ADVISORIES or (subject != EVERYTHING and source_of(subject) in ids)


class _DrillBody(msgspec.Struct, frozen=True, kw_only=True):
    p99_ms: int | None = None


def _drill(event: EventRow) -> Drill:
    try:
        measured = msgspec.convert(event.body, _DrillBody).p99_ms
    except msgspec.ValidationError:
        measured = None
    return Drill(event.subject.removeprefix("scope:"), event.at, measured, event.sequence)


class _VerdictBody(msgspec.Struct, frozen=True, kw_only=True):
    verdict: str
    project: str = ""
    filename: str = ""
    reason: str = ""


def bad_verdicts(events: Iterable[EventRow]) -> list[BadVerdict]:
    """Files whose newest verdict is `malicious`, by hash."""
    newest: dict[str, BadVerdict | None] = {}
    for event in events:
        digest = event.subject.removeprefix("sha256:")
        try:
            body = msgspec.convert(event.body, _VerdictBody)
            project = parse_project_name(body.project) if body.project else None
        except (msgspec.ValidationError, PratiqueError):
            continue
        newest[digest] = None
        if body.verdict == "malicious":
            version = version_of(body.filename, project) if project else None
            newest[digest] = BadVerdict(digest, project or "", version, body.reason, event.sequence)
    return [one for _, one in sorted(newest.items()) if one is not None]


def options_of(settings: Settings) -> CheckOptions:
    """What checks may be told, from the settings."""
    parties = settings.parties
    own = settings.custody.organisation
    return CheckOptions(
        own=frozenset({own} if own else ()),
        lease_hours=parties.lease_hours,
        drill_days=parties.drill_days,
        sbom_days=parties.sbom_days,
    )


def due_days_of(settings: Settings) -> dict[Severity, int]:
    """Days by severity, from the settings."""
    parties = settings.parties
    return {
        Severity.CRITICAL: parties.due_critical_days,
        Severity.HIGH: parties.due_high_days,
        Severity.MEDIUM: parties.due_medium_days,
        Severity.LOW: parties.due_low_days,
    }


@dataclass(slots=True)
class StandingChecks:
    """Checks for a process that goes on: after new advisories at once, everything on a slow clock."""

    desk: CheckDesk
    presence: PresenceStore
    actor: str
    every: timedelta
    _advisory: int = -1
    """Newest `advisory-revision` that components were compared with; -1: none yet."""
    _full_at: Instant | None = None

    def tick(self, *, now: Instant) -> int:
        """Do what is due; gives the number of findings that changed."""
        if not self.presence.events("party"):
            return 0
        newest = self.presence.recent_events("advisory-revision", 1)
        latest = newest[0].sequence if newest else -1
        if self._full_at is None or now >= self._full_at + self.every:
            run = self.desk.check(now=now)
            self._full_at = now
        elif latest > self._advisory:
            run = self.desk.check_advisories(self._advisory + 1, now=now)
        else:
            return 0
        self.desk.record(run.changes, actor=self.actor, now=now)
        self._advisory = latest
        return len(run.changes)
