"""The forms every analysis has: a rule in words for people, and a pure function that yields signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pratique.vet.model import Confidence, Language, Severity, Sign

if TYPE_CHECKING:  # a reading asks the judges, and the judges' own rules have these forms
    from pratique.vet.analyses.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """One variant of a rule, with its own weight in the score."""

    sentence: str
    """What was seen, as a clause after the place: `decodes base64 and executes the result`."""
    severity: Severity
    confidence: Confidence


def trait(sentence: str, severity: Severity, confidence: Confidence) -> Trait:
    """A trait in one line, so that a rule reads as a table."""
    return Trait(sentence=sentence, severity=severity, confidence=confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an analysis looks for, in words for a person."""

    name: str
    """Slug, the name of its page: docs/rules/NAME.md."""
    title: str
    techniques: tuple[str, ...]
    """MITRE ATT&CK ids."""
    what: str
    danger: str
    benign: str
    traits: Mapping[str, Trait]


PythonFunction: TypeAlias = "Callable[[Reading], Iterator[Sign]]"
ContentFunction: TypeAlias = Callable[[bytes, Language], Iterator[Sign]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonAnalysis:
    """Looks at Python as read (`.py`, `.pth` lines, decoded inner sources)."""

    rule: Rule
    run: PythonFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentAnalysis:
    """Looks at the bytes of contents of some languages."""

    rule: Rule
    languages: frozenset[Language]
    run: ContentFunction
