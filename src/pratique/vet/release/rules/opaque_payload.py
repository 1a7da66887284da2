"""Rule `opaque-payload`: data that says nothing, beside code that decrypts or executes what it opens."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import (
    Capability,
    Confidence,
    ContentFacts,
    Context,
    FileEntry,
    Language,
    PlacedSign,
    Reach,
    Severity,
)  # fmt: skip
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.loaders import Load, load_of
from pratique.vet.release.paths import extension
from pratique.vet.release.view import ReleaseView
from pratique.vet.release.words import word_set

RULE = Rule(
    name="opaque-payload",
    title="Opaque data beside code that executes what it opens",
    techniques=("T1027.009", "T1140"),
    what="The release has a data file of no known format, and code that opens a file and executes, loads or "
    "decrypts what it read.",
    danger="The deed lies in the data, where no reading of the code finds it.",
    benign="Models and tables in formats of their own are opaque too; their readers execute nothing.",
    traits={
        "executed": trait(
            "opens opaque data and executes what it reads", Severity.HIGH, Confidence.MEDIUM
        ),
        "decrypted": trait("opens opaque data and decrypts it", Severity.MEDIUM, Confidence.LOW),
    },
)

SMALLEST = 256
"""Bytes: less holds no program worth hiding."""
UNKNOWN = frozenset(("", "base64", "hex"))
"""Forms of data that do not say what it is."""
SHOWN = 5
"""Pairs of loader and data shown; the first tell all."""
_RUNNING = frozenset((Capability.DYNAMIC_CODE, Capability.NATIVE))
_PLAIN = word_set("loads", "plain")


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each loader, at its own place; news is a new loader or new data."""
    known = {entry.sha256 for entry in base.release.files} if base else frozenset[str]()
    payloads = [entry for entry, facts in view.walk() if is_opaque(entry, facts)]
    if not payloads:
        return
    fresh = [entry for entry in payloads if entry.sha256 not in known]
    told = 0
    for entry, facts in view.walk():
        if entry.sha256 in known and not fresh:
            continue
        for index, name in _loaders(facts):
            reach = view.placement.reach(entry.path, index)
            if reach is Reach.NEVER or told >= SHOWN:
                continue
            told += 1
            data = (fresh or payloads)[0]
            yield mark(
                RULE,
                name,
                path=entry.path,
                line=facts.regions[index].line,
                shown=f"{data.path}, {data.size:,} bytes of no known format",
                reach=reach,
                how=view.placement.how(entry.path, index),
            )


def is_opaque(entry: FileEntry, facts: ContentFacts) -> bool:
    """Whether the bytes tell nothing of what they are."""
    return (
        facts.language is Language.DATA
        and facts.form in UNKNOWN
        and entry.size >= SMALLEST
        and extension(entry.path) not in _PLAIN
    )


def _loaders(facts: ContentFacts) -> Iterator[tuple[int, str]]:
    """Regions that open a file and execute, load or decrypt."""
    running = {use.region for use in facts.uses if use.capability in _RUNNING}
    opening = {use.region for use in facts.uses if use.capability is Capability.FILESYSTEM}
    ciphers = word_set("loads", "decrypt")
    for index, region in enumerate(facts.regions):
        if index not in opening and not any(load_of(call) is Load.OPEN for call in region.calls):
            continue
        if index in running:
            yield index, "executed"
        elif any(part in ciphers for call in region.calls for part in call.split(".")[-2:]):
            yield index, "decrypted"


OPAQUE_PAYLOAD = ReleaseRule(rule=RULE, run=find)
