"""What a check is: a name, what it serves, what it asks for, and a pure function."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.model import Action, Found, Severity
from pratique.values.instants import Instant

EVERYTHING: Final = "everything"
"""Subject of what says that a check could not be made for a party at all: then nothing that it found
before is closed."""
_MAX_SUBJECT: Final = 300
_MAX_SENTENCE: Final = 900
_MAX_ENTRIES: Final = 50


class Need(StrEnum):
    """Facts beyond the register that a check asks for; what no check asks for is not gathered."""

    CUSTODY = "custody"
    """Leases, scopes, datasets, issuers of leases."""
    READS = "reads"
    """Where reads came from."""
    DRILLS = "drills"
    COMPONENTS = "components"
    """Bad components of what parties operate."""
    LOCKS = "locks"
    """Lock files of what parties operate."""


class Check(Protocol):
    """One rule."""

    @property
    def name(self) -> str:
        """As its file, with dashes."""
        ...

    @property
    def title(self) -> str:
        """What is right, in a sentence."""
        ...

    @property
    def serves(self) -> tuple[str, ...]:
        """Ids of `parties.standards`."""
        ...

    @property
    def severity(self) -> Severity:
        """The usual one."""
        ...

    @property
    def action(self) -> Action:
        """What is proposed when something is wrong."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """What it looks at beside the register."""
        ...

    def run(self, facts: CheckFacts, now: Instant) -> Iterable[Found]:
        """All that is wrong, or cannot be said."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A `Check` made of its parts."""

    name: str
    title: str
    serves: tuple[str, ...]
    severity: Severity
    action: Action
    look: Callable[[CheckFacts, Instant], Iterable[Found]]
    needs: frozenset[Need] = frozenset()

    def run(self, facts: CheckFacts, now: Instant) -> Iterable[Found]:
        """All that is wrong, or cannot be said."""
        return self.look(facts, now)


def found(
    rule: str,
    party: str,
    subject: str,
    sentence: str,
    *,
    severity: Severity,
    action: Action = Action.ALERT,
    entries: Iterable[int] = (),
) -> Found:
    """Something that is wrong. Its sentence holds no ages: the same thing tomorrow says the same."""
    return Found(
        rule=rule,
        party=party,
        subject=bounded(subject, _MAX_SUBJECT),
        severity=severity,
        sentence=bounded(sentence, _MAX_SENTENCE),
        action=action,
        entries=tuple(sorted(set(entries)))[:_MAX_ENTRIES],
    )


def unknown(
    rule: str,
    party: str,
    subject: str,
    sentence: str,
    *,
    severity: Severity = Severity.LOW,
    entries: Iterable[int] = (),
) -> Found:
    """Something that nobody can say. It never asks for more than attention."""
    told = found(rule, party, subject, sentence, severity=severity, entries=entries)
    return Found(
        rule=told.rule,
        party=told.party,
        subject=told.subject,
        severity=told.severity,
        sentence=told.sentence,
        action=Action.ALERT,
        entries=told.entries,
        unknown=True,
    )


def named(names: Iterable[str], most: int = 5) -> str:
    """Some names, and how many there are besides: `a, b and 3 more`."""
    listed = list(names)
    some = ", ".join(listed[:most])
    return f"{some} and {len(listed) - most} more" if len(listed) > most else some


def bounded(text: str, most: int) -> str:
    """A text that is too long ends in its hash, so that two of them stay two."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{text[: most - 13]}…#{digest}"
