"""Rule `instruction-injection`: text that speaks to an AI tool instead of to people.

Source: docs/rules/instruction-injection.md; tool descriptions that made agents hand over keys, 2025.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.first_pass import AGENT_PATTERNS, Seen, first_pass
from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.texts import bounded_text, sign_at
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME: Final = "instruction-injection"
AROUND: Final = 600
"""Characters around a phrase in which its purpose is looked for."""
MAX_PHRASES: Final = 200
"""Phrases looked at per content."""

RULE = Rule(
    name=NAME,
    title="Instructions for AI tools",
    techniques=("T1204", "T1059"),
    what="A docstring, tool description or document tells a language model what to do: to ignore its"
    " instructions, to keep something from the user, to read and hand over files, or to call the"
    " package safe.",
    danger="Agents read what they install. A sentence in a docstring is enough to make one send keys, and"
    " no line of code shows it.",
    benign="Libraries for language models ship prompts and tests against exactly such sentences.",
    traits={
        "ignore-instructions": trait(
            "tells a model to ignore its instructions", Severity.MEDIUM, Confidence.LOW
        ),
        "hide-from-user": trait(
            "tells a model to keep something from the user", Severity.HIGH, Confidence.MEDIUM
        ),
        "system-block": trait(
            "imitates a system message or directive", Severity.LOW, Confidence.LOW
        ),
        "role": trait("gives a model a role", Severity.INFO, Confidence.LOW),
        "tool-order": trait(
            "tells a model to call a tool before or after others", Severity.MEDIUM, Confidence.LOW
        ),
        "fool-review": trait(
            "tells a model that this code is safe", Severity.HIGH, Confidence.HIGH
        ),
        "asks-for-secrets": trait(
            "tells a model to read or send credentials", Severity.CRITICAL, Confidence.HIGH
        ),
        "asks-for-commands": trait("tells a model to run commands", Severity.HIGH, Confidence.LOW),
    },
)

# In the order of AGENT_PATTERNS.
_KINDS: Final = (
    "ignore-instructions", "system-block", "hide-from-user", "role", "tool-order", "system-block",
    "system-block",
    "fool-review", "fool-review",
)  # fmt: skip
_PHRASES: Final = tuple(
    (kind, re.compile(pattern.decode("ascii"), re.IGNORECASE))
    for kind, pattern in zip(_KINDS, AGENT_PATTERNS, strict=True)
)
_ASKS = re.compile(
    r"\b(?:read|open|cat|collect|include|send|pass|provide|copy|upload|append|attach|forward|post|transmit|return)\b",
    re.IGNORECASE,
)
_RUNS = re.compile(
    r"\b(?:run|execute|invoke)\b.{0,60}\b(?:command|shell|bash|curl|script|terminal|code)\b",
    re.IGNORECASE,
)
_SECRET_WORDS: Final = ("api key", "api_key", "private key", "credentials", "access token",
    "environment variables",
                        "ssh key", "mcp.json", "password")  # fmt: skip


def find_instructions(data: bytes, language: Language) -> Iterator[Sign]:
    """Phrases of the kinds above, each kind once, and what is asked for near them."""
    if Seen.AGENT not in first_pass(data):
        return
    text = bounded_text(data, language)
    told: set[str] = set()
    for kind, phrase in _PHRASES:
        for count, match in enumerate(phrase.finditer(text)):
            if count >= MAX_PHRASES:
                break
            if kind not in told:
                told.add(kind)
                yield sign_at(NAME, kind, text, match.start(), shown=match[0])
            if kind != "role":
                yield from _purpose(text, match.start(), told)


def _purpose(text: str, at: int, told: set[str]) -> Iterator[Sign]:
    around = text[max(0, at - AROUND) : at + AROUND]
    if "asks-for-secrets" not in told and _ASKS.search(around):
        low = around.lower()
        places = [
            kind for kind, _ in judge_path(around) if kind not in {"pth-name", "developer-hook"}
        ]
        if places or any(word in low for word in _SECRET_WORDS):
            told.add("asks-for-secrets")
            yield sign_at(NAME, "asks-for-secrets", text, at, shown=" ".join(around.split())[:300])
    if "asks-for-commands" not in told and _RUNS.search(around):
        told.add("asks-for-commands")
        yield sign_at(NAME, "asks-for-commands", text, at, shown=" ".join(around.split())[:300])


ANALYSIS = ContentAnalysis(
    rule=RULE,
    languages=frozenset({
        Language.PYTHON, Language.TEXT, Language.JAVASCRIPT, Language.NOTEBOOK, Language.METADATA,
        Language.SHELL,
    }),
    run=find_instructions,
)  # fmt: skip
