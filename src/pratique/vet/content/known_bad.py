"""Rule `known-bad`: contents and hosts of published incidents.

The table is data (`vet/data/known-bad.toml`) and can be extended by who runs the product; the function takes
it as an argument. Source: docs/rules/known-bad.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.data_tables import load_table
from pratique.vet.content.first_pass import Seen, first_pass
from pratique.vet.content.texts import bounded_text, sign_at
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME: Final = "known-bad"

RULE = Rule(
    name=NAME,
    title="Indicator of a published incident",
    techniques=("T1195.002",),
    what="The content, or a host or text in it, is on the list of indicators of published incidents.",
    danger="Somebody examined this before and found an attack.",
    benign="Security tools and reports name the same indicators; a content's hash has no honest reason.",
    traits={
        "content": trait("is a file of a published incident", Severity.CRITICAL, Confidence.HIGH),
        "host": trait("names a host of a published incident", Severity.CRITICAL, Confidence.MEDIUM),
        "text": trait("holds a text of a published incident", Severity.HIGH, Confidence.MEDIUM),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBad:
    """Indicators: what to look for → the incident, in words."""

    contents: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 in lower-case hexadecimal digits."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def parse_table(table: Mapping[str, Any]) -> KnownBad:
    """Read the form of `known-bad.toml`: tables `contents`, `hosts`, `texts` of indicator = incident."""
    return KnownBad(
        contents={str(k).lower(): str(v) for k, v in table.get("contents", {}).items()},
        hosts={str(k).lower(): str(v) for k, v in table.get("hosts", {}).items()},
        texts={str(k): str(v) for k, v in table.get("texts", {}).items()},
    )


@cache
def shipped_table() -> KnownBad:
    """What the product ships."""
    return parse_table(load_table("known-bad"))


def find_known(data: bytes, language: Language, table: KnownBad) -> Iterator[Sign]:
    """Compare a content with a table of indicators."""
    incident = table.contents.get(hashlib.sha256(data).hexdigest()) if table.contents else None
    if incident is not None:
        yield Sign(rule=NAME, trait="content", line=0, shown=incident)
    needles = [("host", h, i) for h, i in table.hosts.items() if h.encode() in data]
    needles += [("text", t, i) for t, i in table.texts.items() if t.encode() in data]
    if not needles:
        return
    text = bounded_text(data, language)
    for kind, needle, incident in needles:
        at = text.find(needle)
        if kind == "text" or _stands_alone(text, at, len(needle)):
            yield sign_at(NAME, kind, text, max(at, 0), shown=f"{needle}: {incident}")


def _stands_alone(text: str, at: int, size: int) -> bool:
    """Whether a host is not the tail or head of another one."""
    before = text[at - 1] if at > 0 else " "
    after = text[at + size] if at + size < len(text) else " "
    return not (before.isalnum() or before == "-") and not (after.isalnum() or after == "-")


def _run(data: bytes, language: Language) -> Iterator[Sign]:
    """Compare with hosts and texts of the shipped table.

    Whole contents are compared where their hashes are known already: over the release.
    """
    if Seen.KNOWN not in first_pass(data):
        return iter(())
    table = shipped_table()
    return find_known(data, language, KnownBad(hosts=table.hosts, texts=table.texts))


_LANGUAGES: Final = frozenset(Language) - {Language.PYC, Language.IMAGE, Language.AUDIO}
"""Compiled Python has its source beside it, or is a finding by itself; pictures name no hosts."""

ANALYSIS = ContentAnalysis(rule=RULE, languages=_LANGUAGES, run=_run)
