"""Nothing that a party runs or delivers has a recorded vulnerability."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.components_poisoned import component_subject
from pratique.parties.checks.facts import BadComponent, CheckFacts
from pratique.parties.checks.rule import EVERYTHING, Need, Rule, found, unknown
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant

NAME: Final = "components-vulnerable"
NO_ADVISORIES: Final = "advisories"
"""Subject of what says that there are none to compare with."""
_WORDS: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}
_LOSSES: Final = re.compile(r"/(?:C|I|A|VC|VI|VA):H(?=/|$)")
_MANY: Final = 3


def severity_of(text: str) -> Severity:
    """How much an advisory matters, from its word or its CVSS vector; `medium` when it says nothing.

    A vector is read, not scored: high is what can be used over the network without a login and loses
    something wholly, critical what then loses everything.
    """
    for word in re.findall(r"[a-z]+", text.partition("CVSS:")[0].casefold()):
        if word in _WORDS:
            return _WORDS[word]
    losses = len(_LOSSES.findall(text))
    if "/AV:N/" not in text or not losses:
        return Severity.MEDIUM
    open_to_all = "/PR:N/" in text and "/UI:N/" in text
    return Severity.CRITICAL if losses == _MANY and open_to_all else Severity.HIGH


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    for bad in facts.bad:
        if not bad.poisoned and bad.present and facts.checked(bad.party):
            yield found(
                NAME, bad.party, component_subject(bad), _sentence(bad),
                severity=severity_of(bad.severity), entries=bad.entries,
            )  # fmt: skip
    own = min(facts.own, default="register")
    if facts.advisories == 0 and facts.checked(own):
        yield unknown(
            NAME, own, NO_ADVISORIES,
            "No advisory is recorded here, so nobody's components were compared with any: pratique advisory"
            " add, with the archive of a database.",
            severity=Severity.MEDIUM,
        )  # fmt: skip
    if facts.unreadable:
        for party in facts.vendors:
            yield unknown(NAME, party.name, EVERYTHING, facts.unreadable[0])


def _sentence(bad: BadComponent) -> str:
    told = f" ({bad.says})" if bad.says else ""
    return (
        f"{bad.asset} has {bad.component}, which is vulnerable by {bad.source}{told}. Ask {bad.party} for"
        " a release without it, or for why it cannot be reached."
    )


CHECK: Final = Rule(
    name=NAME,
    title="No component of a party has a recorded vulnerability",
    serves=(
        "sp800-218-pw.4.1", "sp800-218-pw.4.4", "sp800-218-rv.1.1", "nis2-21.3", "nis2-ir-5.1.4.f",
        "dora-28.7.c", "ai-rmf-map-4.1", "ai-rmf-manage-3.1",
    ),
    severity=Severity.MEDIUM,
    action=Action.ALERT,
    needs=frozenset({Need.COMPONENTS}),
    look=_look,
)  # fmt: skip
