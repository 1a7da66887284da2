"""Nothing that a party runs or delivers is known to be malicious, or was within a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pratique.parties.checks.facts import BadComponent, CheckFacts
from pratique.parties.checks.rule import EVERYTHING, Need, Rule, bounded, found, unknown
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant, render_minute

NAME: Final = "components-poisoned"
REMEMBERED: Final = timedelta(days=365)
"""How long something that is gone counts: what it stole is not gone with it."""
_MAX_PLACE: Final = 200
_MAX_SOURCE: Final = 90


def source_name(id_: str) -> str:
    """An advisory's id as subjects of findings have it."""
    return bounded(id_, _MAX_SOURCE)


def component_subject(bad: BadComponent) -> str:
    """What a finding about a component is about; it ends with who calls it bad, in brackets."""
    return f"{bounded(f'{bad.component} in {bad.asset}', _MAX_PLACE)} ({source_name(bad.source)})"


def source_of(subject: str) -> str:
    """Who called a component bad, from such a subject; empty: it is no such subject."""
    _, bracket, source = subject.rpartition(" (")
    return source.removesuffix(")") if bracket else ""


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:
    for bad in facts.bad:
        if bad.poisoned and facts.checked(bad.party) and _counts(bad, now):
            yield found(
                NAME, bad.party, component_subject(bad), _sentence(bad),
                severity=Severity.CRITICAL, action=Action.PAUSE, entries=bad.entries,
            )  # fmt: skip
    for party in facts.vendors:
        delivers = party.products or party.assets or party.name in facts.projects_of
        if delivers and party.name not in facts.looked_at:
            yield unknown(
                NAME, party.name, "contents",
                f"Nobody has seen what {party.name} runs or delivers, so nobody can say whether anything"
                " of it is poisoned: ask for an SBOM, or for its inventory.",
                severity=Severity.MEDIUM, entries=facts.entry(f"party:{party.name}"),
            )  # fmt: skip
    if facts.unreadable:
        for party in facts.vendors:
            yield unknown(NAME, party.name, EVERYTHING, facts.unreadable[0])


def _counts(bad: BadComponent, now: Instant) -> bool:
    return bad.present or bad.last_at is None or bad.last_at > now - REMEMBERED


def _sentence(bad: BadComponent) -> str:
    told = f": {bad.says}" if bad.says else ""
    if bad.present:
        what = f"{bad.asset} has {bad.component}, which {bad.source} calls malicious{told}."
    else:
        until = "" if bad.last_at is None else f" until {render_minute(bad.last_at)}"
        what = f"{bad.asset} had {bad.component}{until}, which {bad.source} calls malicious{told}."
    sure = "" if bad.sure else " Known by name and version, not by content."
    return f"{what}{sure} Suspend {bad.party}, and let it rotate what the component could read."


CHECK: Final = Rule(
    name=NAME,
    title="No component of a party is known to be malicious",
    serves=(
        "sp800-218-pw.4.4", "sp800-218-rv.1.1", "cisa-ai-data-4", "dora-28.7.c", "nis2-21.2.d", "nis2-21.3",
        "nis2-ir-5.1.4.f", "ai-rmf-map-4.1", "ai-rmf-manage-3.1",
    ),
    severity=Severity.CRITICAL,
    action=Action.PAUSE,
    needs=frozenset({Need.COMPONENTS}),
    look=_look,
)  # fmt: skip
