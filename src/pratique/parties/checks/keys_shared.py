"""No two parties sign with one key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from pratique.parties.checks.facts import CheckFacts
from pratique.parties.checks.rule import Rule, found, named
from pratique.parties.model import Action, Found, PublicKey, Severity
from pratique.values.instants import Instant

NAME: Final = "keys-shared"


def fingerprint(key: PublicKey) -> str:
    """SHA-256 over the key's PEM without its line ends: one key, one fingerprint."""
    lines = (line.strip() for line in key.pem.splitlines())
    body = "".join(line for line in lines if line and not line.startswith("-----"))
    return hashlib.sha256(body.encode()).hexdigest()


def _look(facts: CheckFacts, now: Instant) -> Iterator[Found]:  # noqa: ARG001 - as every check
    owners: dict[str, set[str]] = {}
    for party in facts.register.parties.values():
        for key in party.keys:
            owners.setdefault(fingerprint(key), set()).add(party.name)
    for print_, names in sorted(owners.items()):
        if len(names) < 2:  # noqa: PLR2004 - one owner is right
            continue
        entries = [one for name in names for one in facts.entry(f"party:{name}")]
        for name in sorted(filter(facts.checked, names)):
            others = sorted(names - {name})
            yield found(
                NAME, name, f"key sha256:{print_[:16]}",
                f"{name} signs with the same key as {named(others)}: what one of them signed may be the"
                " other's. Let each have a key of its own.",
                severity=Severity.HIGH, entries=entries,
            )  # fmt: skip


CHECK: Final = Rule(
    name=NAME,
    title="Each party has keys of its own",
    serves=("cisa-ai-data-3", "nis2-ir-5.1.6", "dora-28.5"),
    severity=Severity.HIGH,
    action=Action.ALERT,
    look=_look,
)
