"""From the bytes of one content to its facts: a pure function of (bytes, language, engine version).

Owns: which reader and which analyses see a content, and that a crash of one of them is named in the
facts, where it makes `unknown`. Never: knows a path beyond the language it implies, or another content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from pratique.vet.analyses.kit import ContentAnalysis
from pratique.vet.analyses.registry import run_analyses
from pratique.vet.catalogue import catalogue
from pratique.vet.content.registry import CONTENT_ANALYSES
from pratique.vet.gate import imports_of, uses_of
from pratique.vet.gate_patterns import Hit
from pratique.vet.limits import VetLimits
from pratique.vet.model import CapabilityUse, ContentFacts, Language, Sign
from pratique.vet.python.model import PythonFile
from pratique.vet.python.reader import read_python

READ_AS_PYTHON = frozenset({Language.PYTHON, Language.PTH})


def examine_python(
    data: bytes, language: Language, *, form: str, limits: VetLimits
) -> ContentFacts:
    """Parse, fold, and run every analysis."""
    try:
        file = read_python(executed_lines(data) if language is Language.PTH else data)
    except Exception as error:  # noqa: BLE001 - a hostile source found a mistake in the reader: `unknown`
        return _unread(data, language, form, f"reading it as Python failed: {type(error).__name__}")
    signs, unfinished = run_analyses(file)
    more, crashed = _content_signs(data, language, limits)
    return ContentFacts(
        language=language,
        size=len(data),
        form=form,
        parsed=True,
        regions=file.regions,
        imports=file.imports[: limits.imports_per_content],
        signs=_bounded((*signs, *more), limits),
        uses=tuple(islice(_uses(file), limits.uses_per_content)),
        unfinished=(
            *file.unfinished,
            *unfinished,
            *crashed,
            *_cut("imports", len(file.imports), limits.imports_per_content),
            *_cut("signs", len(signs) + len(more), limits.signs_per_content),
        ),
    )


def _cut(what: str, there: int, most: int) -> Iterator[str]:
    """What is beyond a limit may be what counts: whoever wants to hide it writes the rest before it."""
    if there > most:
        yield f"more than {most:,} {what}; the others were left out"


def executed_lines(data: bytes) -> bytes:
    """Of a `.pth` file what the interpreter executes, in its lines; the others are only paths.

    Source: `site.addpackage`: lines that begin with `import` and a blank or tab.
    """
    return b"\n".join(
        line if line.startswith((b"import ", b"import\t")) else b"" for line in data.splitlines()
    )


def pass_by(
    data: bytes, found: Hit, language: Language, *, form: str, limits: VetLimits
) -> ContentFacts:
    """Facts of a Python source that the gate does not let through to the parser."""
    signs, unfinished = _content_signs(data, language, limits)
    return ContentFacts(
        language=language,
        size=len(data),
        form=form,
        imports=imports_of(data, limits.imports_per_content),
        signs=_bounded(signs, limits),
        uses=tuple(uses_of(found)),
        unfinished=unfinished,
        hits=int(found),
    )


def examine_other(data: bytes, language: Language, *, form: str, limits: VetLimits) -> ContentFacts:
    """Run the analyses of contents that are not Python source."""
    signs, unfinished = _content_signs(data, language, limits)
    return ContentFacts(
        language=language,
        size=len(data),
        form=form,
        parsed=True,
        signs=_bounded(signs, limits),
        unfinished=unfinished,
    )


def _unread(data: bytes, language: Language, form: str, sentence: str) -> ContentFacts:
    return ContentFacts(language=language, size=len(data), form=form, unfinished=(sentence,))


def _content_signs(
    data: bytes, language: Language, limits: VetLimits
) -> tuple[tuple[Sign, ...], tuple[str, ...]]:
    """Signs of all content analyses, and a sentence for each that crashed."""
    signs: list[Sign] = []
    unfinished: list[str] = []
    for analysis in CONTENT_ANALYSES:
        if language in analysis.languages:
            try:
                signs.extend(islice(analysis.run(data, language), limits.signs_per_content))
            except Exception as error:  # noqa: BLE001 - one broken analysis must not hide the others
                unfinished.append(_crash(analysis, error))
    return tuple(signs), tuple(unfinished)


def _crash(analysis: ContentAnalysis, error: Exception) -> str:
    return f"analysis {analysis.rule.name} failed: {type(error).__name__}"


def _bounded(signs: Iterable[Sign], limits: VetLimits) -> tuple[Sign, ...]:
    ordered = sorted(signs, key=lambda s: (s.line, s.column, s.rule, s.trait, s.layer))
    return tuple(ordered[: limits.signs_per_content])


def _uses(file: PythonFile) -> Iterator[CapabilityUse]:
    """Each capability that a call gives, once for each name and region."""
    known = catalogue()
    seen: set[tuple[str, int]] = set()
    for call in file.calls:
        if not call.roles or (key := (call.name, call.region)) in seen:
            continue
        seen.add(key)
        for capability in sorted(known.look_up(call.name).capabilities):
            yield CapabilityUse(
                capability=capability, name=call.name, region=call.region, line=call.line
            )
