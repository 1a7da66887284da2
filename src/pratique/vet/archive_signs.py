"""What is odd about an archive as an archive, as signs: all was examined, but readers may disagree on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pratique.vet.analyses.kit import Rule, Trait
from pratique.vet.archives.model import Problem, ProblemClass
from pratique.vet.archives.problems import PROBLEMS
from pratique.vet.model import Confidence, PlacedSign, Reach, Severity, Sign
from pratique.vet.safe_text import printable

_SPLIT: Final = frozenset(
    {
        "also-a-zip", "duplicate-name", "zip-directory-differs", "zip-end-record", "zip-local-only",
        "zip-central-only", "zip-entry-differs", "zip-overlap", "zip-unicode-path", "link-escapes",
        "through-link", "name-parent", "name-absolute", "zip-comment-directory", "tar-size-differs",
        "tar-mixed-headers", "tar-after-end", "record-differs", "record-unlisted",
    }
)  # fmt: skip
"""Installers unpack different files from these, or write where they should not."""


def _trait(code: str, sentence: str) -> Trait:
    severity = Severity.HIGH if code in _SPLIT else Severity.LOW
    return Trait(
        sentence=sentence.partition(" ({detail})")[0].replace("{detail}", "some").rstrip("."),
        severity=severity,
        confidence=Confidence.MEDIUM,
    )


RULE: Final = Rule(
    name="archive-oddity",
    title="An archive that readers see differently",
    techniques=("T1027", "T1036"),
    what="The archive is not built as build tools build them.",
    danger="What a reviewer or scanner sees in it can differ from what pip or uv installs.",
    benign="A hand-made archive, or a build tool with a bug.",
    traits={
        code: _trait(code, kind.sentence)
        for code, kind in PROBLEMS.items()
        if kind.problem_class is ProblemClass.ODDITY
    },
)


def archive_signs(problems: Iterable[Problem]) -> tuple[PlacedSign, ...]:
    """A sign for each oddity. It runs when pip unpacks the file, yet does nothing by itself."""
    return tuple(
        PlacedSign(
            sign=Sign(rule=RULE.name, trait=problem.code, shown=printable(problem.sentence)),
            path=printable(problem.path),
            region="",
            reach=Reach.NEVER,
            how="as the archive is built",
        )
        for problem in problems
        if problem.problem_class is ProblemClass.ODDITY
    )
