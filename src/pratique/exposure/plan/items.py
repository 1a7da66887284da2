"""What an answer asks to be done.

The order protects: evidence first, because everything after it changes the machine; isolation before
credentials are replaced, or the new ones are stolen too; whatever the payload left behind before
anything is revoked, because some payloads wipe the machine when a token dies; and a replaced
credential counts only when the old one was seen to fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pratique.exposure.advisories.model import Payload
from pratique.exposure.disclosure import LEASE
from pratique.exposure.incident import AssetLine, IncidentAnswer, Reached
from pratique.exposure.plan.model import WHOLE_STEP, Step, Wanted, item_id
from pratique.inventory.observed.model import AssetKind
from pratique.values.instants import Instant, render_second
from pratique.values.spans import is_dawn

AUTHORITY: Final = "authority:data-protection"
"""Whom personal data that lay open must be reported to."""
_TOUCHED: Final = frozenset({"fetched", "installed", "executed", "exfiltration_seen"})
_PASSING: Final = frozenset({AssetKind.CI_RUN, AssetKind.REPOSITORY})
"""Nothing of it runs on once it is over."""
_SHOWN: Final = 6


class SeenDead(NamedTuple):
    """That an old value of a credential was tried, and refused."""

    at: Instant
    entry: int


def wanted_items(
    answer: IncidentAnswer,
    payloads: Sequence[Payload],
    dead: Mapping[str, SeenDead] | None = None,
) -> tuple[Wanted, ...]:
    """Every item, in the order of doing.

    `payloads` is what the overlays of the answer's advisories say of behaviour; `dead` the newest
    such fact of each identity.
    """
    touched = [line for line in answer.lines if line.certainty.exposed and _was_touched(line)]
    ran = [line for line in touched if line.ran is not None]
    found: list[Wanted] = [_snapshot(line) for line in touched]
    found += [_isolate(line) for line in ran if line.kind not in _PASSING or line.still_there]
    found += [_hold_vendor(one, answer) for one in answer.reach.vendors]
    found += _disarm(answer, ran, payloads)
    isolated = {one.target for one in found if one.step is Step.ISOLATE}
    for one in answer.reach.identities:
        if one.entity.startswith(LEASE):
            found.append(_revoke_lease(one, answer))
        else:
            found += _replace(one, isolated, (dead or {}).get(one.entity))
    found += _notify(answer)
    return tuple(sorted(found, key=lambda one: (list(Step).index(one.step), one.target)))


def _was_touched(line: AssetLine) -> bool:
    return line.stage in _TOUCHED or line.ran is not None


def _snapshot(line: AssetLine) -> Wanted:
    what = {
        AssetKind.CI_RUN: "keep its log and artifacts before they expire",
        AssetKind.IMAGE: "keep the image and who pulled it",
        AssetKind.VENDOR_SYSTEM: "have the vendor keep disk, memory and logs",
    }.get(AssetKind(line.kind), "keep disk, memory and logs as they are")
    stage = (line.stage or "").replace("_", " ")
    return Wanted(
        id=item_id(Step.SNAPSHOT, line.asset),
        step=Step.SNAPSHOT,
        target=line.asset,
        why=f"{line.certainty}, {stage}: {what}",
        entries=line.entries,
    )


def _isolate(line: AssetLine) -> Wanted:
    ran = "its code ran" if line.ran == "confirmed" else f"its code may have run ({line.ran})"
    return Wanted(
        id=item_id(Step.ISOLATE, line.asset),
        step=Step.ISOLATE,
        target=line.asset,
        why=f"{ran} from {_moment(line.theft_from)}; what it left behind may still talk outside",
        entries=line.entries,
        after=(item_id(Step.SNAPSHOT, line.asset),),
    )


def _hold_vendor(one: Reached, answer: IncidentAnswer) -> Wanted:
    asset = one.proof[0].subject if one.proof else "an exposed asset"
    why = f"operates {asset}: stop its access until it has answered"
    if one.proof and one.proof[-1].subject.startswith(LEASE):
        lease = one.proof[-1].subject.removeprefix(LEASE)
        why = (
            f"its people hold lease {lease}, taken from {asset}: stop its access until it has answered: "
            f"pratique scope suspend {one.entity} --reason {_SAID}{_incident(answer)}"
        )
    return Wanted(
        id=item_id(Step.ISOLATE, one.entity),
        step=Step.ISOLATE,
        target=one.entity,
        why=why,
        entries=one.entries,
    )


def _disarm(
    answer: IncidentAnswer, ran: Sequence[AssetLine], payloads: Sequence[Payload]
) -> Iterator[Wanted]:
    unexplained: list[AssetLine] = []
    for line in ran:
        matching = [one for one in payloads if _is_of(one, line)]
        places = sorted({place for one in matching for place in one.persists})
        if not matching:
            unexplained.append(line)
        elif places:
            yield Wanted(
                id=item_id(Step.DISARM, line.asset),
                step=Step.DISARM,
                target=line.asset,
                why=f"remove what the payload leaves behind: {', '.join(places)}. Some payloads "
                "destroy data when a credential stops working, so this comes before any revocation",
                entries=line.entries,
                after=(item_id(Step.SNAPSHOT, line.asset),),
            )
    if unexplained:
        names = _listed(line.asset for line in unexplained)
        target = f"incident:{answer.incident}"
        yield Wanted(
            id=item_id(Step.DISARM, target),
            step=Step.DISARM,
            target=target,
            why="no advisory overlay says what the payload leaves behind: find out before anything "
            f"is revoked, because some destroy data when a credential stops working ({names})",
            entries=tuple(used.entry for used in answer.advisories if used.entry >= 0),
        )


def _is_of(payload: Payload, line: AssetLine) -> bool:
    """Whether a payload is that of a release seen on the asset."""
    return any(
        payload.package in {"", f"{one.type}/{one.name}"}
        and (not payload.versions or not one.version or one.version in payload.versions)
        for one in line.sightings
    ) or (not line.sightings and not payload.package)


_SAID: Final = "'its key may be in foreign hands'"


def _incident(answer: IncidentAnswer) -> str:
    return f" --incident {answer.incident}" if answer.incident else ""


def _revoke_lease(one: Reached, answer: IncidentAnswer) -> Wanted:
    """Our own door refuses a revoked lease within a second: nothing is issued anew or tried out."""
    lease = one.entity.removeprefix(LEASE)
    holder = one.proof[0].subject if one.proof else "an exposed asset"
    told = next((found for found in answer.reach.disclosed or () if found.lease == lease), None)
    settled = ""
    if told is not None and told.revoked_at is not None:
        settled = f"revoked at {_moment(told.revoked_at)}"
    if told is not None and told.not_after <= answer.asked_at:
        settled = settled or f"expired at {_moment(told.not_after)}"
    return Wanted(
        id=item_id(Step.REVOKE, one.entity),
        step=Step.REVOKE,
        target=one.entity,
        why=f"may have been taken from {holder} from {_moment(one.start)} on: pratique lease revoke {lease} "
        f"--reason {_SAID}{_incident(answer)}",
        entries=one.entries,
        after=(f"{WHOLE_STEP}{Step.DISARM}",),
        settled=settled,
        since=one.spans[-1].start if one.spans else one.start,
    )


def _replace(one: Reached, isolated: set[str], dead: SeenDead | None) -> Iterator[Wanted]:
    """Revoke, issue anew, see the old one fail."""
    holder = one.proof[0].subject if one.proof else ""
    why = f"may have been taken from {holder or 'an exposed asset'} from {_moment(one.start)} on"
    if len(one.proof) > 1:
        why += f", by way of {', '.join(step.object for step in one.proof[:-1])}"
    rotated = f"rotated at {_moment(one.end)} (entry {one.ended_by})" if one.end else ""
    since = one.spans[-1].start if one.spans else one.start
    failed = ""
    if dead is not None and dead.at > since:
        failed = f"seen to fail at {_moment(dead.at)} (entry {dead.entry})"
    secured = (item_id(Step.ISOLATE, holder),) if holder in isolated else ()
    revoke, reissue = (item_id(step, one.entity) for step in (Step.REVOKE, Step.REISSUE))
    for step, after, reason in (
        (Step.REVOKE, (f"{WHOLE_STEP}{Step.DISARM}",), why),
        (Step.REISSUE, (revoke, *secured), f"{why}; give the new one to no exposed asset"),
        (
            Step.VERIFY,
            (revoke, reissue),
            f"{why}; see that the old one fails, everywhere it was good for",
        ),
    ):
        yield Wanted(
            id=item_id(step, one.entity),
            step=step,
            target=one.entity,
            why=reason,
            entries=one.entries,
            after=after,
            # A rotation is somebody's word; that the old one fails must be seen all the same.
            settled=failed if step is Step.VERIFY else rotated,
            since=since,
        )


def _notify(answer: IncidentAnswer) -> Iterator[Wanted]:
    """Notices wait for nothing: clocks run, and a notice says what is not known yet."""
    reach = answer.reach
    for one in (*reach.clients, *reach.people, *reach.vendors):
        if one.entity.startswith("vendor:"):
            why = "it operates what is exposed"
        else:
            why = f"its data lay open from {_moment(one.start)} to {_moment(one.end)}"
        yield Wanted(
            id=item_id(Step.NOTIFY, one.entity),
            step=Step.NOTIFY,
            target=one.entity,
            why=why,
            entries=one.entries,
        )
    if reach.people:
        yield Wanted(
            id=item_id(Step.NOTIFY, AUTHORITY),
            step=Step.NOTIFY,
            target=AUTHORITY,
            why=f"data of people lay open: {_listed(one.entity for one in reach.people)}",
            entries=tuple(sorted({n for one in reach.people for n in one.entries})),
        )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _moment(moment: Instant | None) -> str:
    if moment is None:
        return "now"
    return "a time not known" if is_dawn(moment) else render_second(moment)
