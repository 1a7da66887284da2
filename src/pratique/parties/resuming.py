"""Whether a suspension may be lifted: its conditions, judged by facts.

Where one is not met, an approver decides. A condition that cannot be judged is not met. A suspension
without conditions is lifted by an approver only: nothing says by itself that it is safe again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.entries import ResumptionBody, clock_met_draft, resumption_draft
from pratique.parties.model import (
    NAMED_KINDS,
    SLIGHT,
    Condition,
    Finding,
    FindingState,
    Received,
    Register,
    Signature,
    Suspension,
)
from pratique.values.instants import Instant, render_second

ROTATION: Final = "rotation-verified"
EVIDENCE: Final = "evidence-received"
FINDINGS: Final = "findings-closed"
TOPICS: Final = (ROTATION, EVIDENCE, FINDINGS)
MAX_CONDITIONS: Final = 50
_DETAIL: Final = 300
_NAMED: Final = 5
"""Things that a sentence names; more are counted."""
_REFUTED: Final = (Signature.BROKEN, Signature.FOREIGN)


class Dead(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Somebody tried an earlier value of an identity, and it was refused."""

    identity: str
    at: Instant
    entry: int


class Rotations(msgspec.Struct, frozen=True, kw_only=True):
    """What facts say about identities of a suspended party."""

    held: Mapping[str, Collection[int]]
    """Identities that its assets held when it was suspended, or since, with the entries that say so."""
    dead: Sequence[Dead]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A condition with what became of it."""

    condition: Condition
    met: bool
    sentence: str


def parse_condition(text: str) -> Condition:
    """Read `TOPIC` or `TOPIC=DETAIL`. Raises: InputError."""
    topic, _, detail = text.partition("=")
    if topic not in TOPICS or len(detail) > _DETAIL or not (detail.isprintable()):
        raise InputError(
            f"not a condition: {text[:80]!r}",
            expected="rotation-verified[=IDENTITY], evidence-received[=KIND] or findings-closed[=ID]",
        )
    if topic == EVIDENCE and detail and detail not in set(NAMED_KINDS):
        raise InputError(
            f"no kind of evidence: {detail[:40]!r}", expected=", ".join(sorted(NAMED_KINDS))
        )
    if topic == ROTATION and detail and not detail.startswith("identity:"):
        raise InputError(
            f"not an identity: {detail[:80]!r}",
            expected="identity:KIND/NAME, as pratique reach show names it",
        )
    return Condition(topic=topic, detail=detail)


def judge(register: Register, suspension: Suspension, rotations: Rotations) -> tuple[Judged, ...]:
    """Each condition of a suspension, met or not, with the entries that say so."""
    return tuple(_judged(register, suspension, rotations, one) for one in suspension.conditions)


def resumption_drafts(
    register: Register,
    suspension: Suspension,
    judged: Sequence[Judged],
    *,
    reason: str,
    actor: str,
    approver: str,
) -> tuple[Draft, ...]:
    """The entries of a resumption, for one append: itself, then the clocks that end with it."""
    body = ResumptionBody(
        suspension=suspension.id,
        reason=reason,
        approver=approver,
        met=tuple(one.sentence for one in judged if one.met),
        unmet=tuple(one.sentence for one in judged if not one.met) or _NONE_SET[bool(judged)],
    )
    ended = []
    for clock in register.clocks.values():
        if clock.cause != suspension.id or clock.met_at is not None:
            continue
        if clock.duty == "update":
            ended.append(clock_met_draft(clock, how="the suspension was lifted", actor=actor))
        elif clock.duty == "evidence":
            came = _since(register.evidence.get(clock.party, ()), suspension.at, "")
            if came is not None:
                how = f"evidence came with entry {came.entry}"
                ended.append(clock_met_draft(clock, how=how, actor=actor))
    return (resumption_draft(suspension.scope.party, body, actor=actor), *ended)


_NONE_SET: Final[dict[bool, tuple[str, ...]]] = {
    False: ("no condition was set when it was suspended",),
    True: (),
}


def _judged(
    register: Register, suspension: Suspension, rotations: Rotations, condition: Condition
) -> Judged:
    match condition.topic:
        case "rotation-verified":
            met, words = _rotation(register, suspension, rotations, condition.detail)
        case "evidence-received":
            met, words = _evidence(register, suspension, condition.detail)
        case "findings-closed":
            met, words = _findings(register, suspension, condition.detail)
        case _:
            met, words = False, f"nobody here can judge {condition.topic!r}"
    return Judged(condition=condition, met=met, sentence=words)


def _rotation(
    register: Register, suspension: Suspension, rotations: Rotations, detail: str
) -> tuple[bool, str]:
    if not detail and (gone := _gone(register, [suspension.scope.party])):
        return False, gone
    wanted = {detail} if detail else set(rotations.held)
    if not wanted:
        return False, (
            f"no fact says which identities {suspension.scope.party} held, "
            "so that none is verified to be dead"
        )
    dead = {one.identity: one for one in sorted(rotations.dead) if one.at >= suspension.at}
    missing = sorted(wanted - set(dead))
    if missing:
        return False, (
            f"not verified to be dead since {render_second(suspension.at)}: {_some(missing)} "
            "(pratique reach verified-dead)"
        )
    entries = sorted({dead[name].entry for name in wanted})
    return (
        True,
        f"{_some(sorted(wanted))}: earlier values were refused ({_entries(entries)})",
    )


def _evidence(register: Register, suspension: Suspension, kind: str) -> tuple[bool, str]:
    what = kind or "evidence"
    # Of the party itself: what a sub-processor sends says nothing of it.
    pieces = register.evidence.get(suspension.scope.party, ())
    came = _since(pieces, suspension.at, kind)
    if came is None:
        return False, f"no {what} without a fault came since {render_second(suspension.at)}"
    return True, f"{what} came at {render_second(came.at)} (entry {came.entry})"


def _since(pieces: Iterable[Received], at: Instant, kind: str) -> Received | None:
    """The first sound piece that came after an instant, and is new.

    Bytes that were there before say nothing of what happened since, under whatever name they come again.
    """
    before: set[str] = set()
    for one in pieces:
        sound = not one.evidence.faults and one.evidence.signature not in _REFUTED
        fresh = one.at > at and one.evidence.sha256 not in before
        wanted = one.evidence.kind == kind if kind else one.evidence.kind not in SLIGHT
        if fresh and sound and wanted:
            return one
        if one.at <= at:
            before.add(one.evidence.sha256)
    return None


def _findings(register: Register, suspension: Suspension, detail: str) -> tuple[bool, str]:
    names = {suspension.scope.party, *suspension.vendors}
    if detail:
        one = register.findings.get(detail)
        if one is None or one.found.party not in names:
            return False, f"no finding {detail} of {suspension.scope.party} is known"
        asked = [one]
    else:
        asked = [one for one in register.findings.values() if one.found.party in names]
    if gone := _gone(register, [suspension.scope.party, *(one.found.party for one in asked)]):
        return False, gone
    if register.unreadable:
        some = _some([str(one) for one in register.unreadable])
        return False, f"entries that cannot be read may be findings: {some}"
    left = [one for one in asked if one.state is not FindingState.CLOSED]
    if left:
        return False, f"not closed: {_some(sorted(one.id for one in left))}"
    if not asked:
        return False, f"nothing was ever found of {suspension.scope.party}: was it checked?"
    if all(one.changed_at < suspension.at for one in asked):
        # What was closed before says nothing of what the suspension is about.
        return False, f"closed before it began: {_named_findings(asked)}"
    return True, f"closed: {_named_findings(asked)}"


def _gone(register: Register, names: Iterable[str]) -> str:
    """Which of these the register forgot: of them nothing is checked, and their findings close unseen."""
    gone = sorted(set(names) - register.parties.keys())
    return (
        f"not in the register any more, so that nobody checks them: {_some(gone)}" if gone else ""
    )


def _named_findings(findings: Iterable[Finding]) -> str:
    return _some(sorted(f"{one.id} (entry {one.history[-1]})" for one in findings))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _entries(entries: Sequence[int]) -> str:
    word = "entry" if len(entries) == 1 else "entries"
    return f"{word} {_some([str(one) for one in entries])}"
