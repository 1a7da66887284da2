"""A look-alike before the vetter: made in memory, judged against its predecessor, told in one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from evals.lookalikes import bases
from evals.lookalikes.shape import FORMS, Lookalike, filename, make, predecessor
from pratique.vet.engine import Base, facts_of, vet_archive
from pratique.vet.model import Context, Report

Load = Callable[[Lookalike, str], bytes]
"""Gives the bytes of the last good release, in a form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the vetter said of one look-alike in one form."""

    one: Lookalike
    form: str
    report: Report

    @property
    def verdict(self) -> str:
        return self.report.verdict.value

    @property
    def headline(self) -> str:
        """Path and line of the first finding."""
        if not self.report.findings:
            return "-"
        first = self.report.findings[0]
        return f"{first.path}:{first.line}"


def real(one: Lookalike, form: str) -> bytes:
    """The published release."""
    return bases.load(bases.releases()[one.project, one.base, form])


def judge_all(chosen: Iterable[Lookalike], load: Load = real) -> Iterator[Row]:
    """Every look-alike in both forms; facts of a release that several stand on are made once."""
    known: dict[tuple[str, str], tuple[bytes, Base]] = {}
    for one in chosen:
        for form in FORMS:
            if one.alone:
                yield Row(one=one, form=form, report=judge(one, b"", form, None))
                continue
            key = (f"{one.project}-{one.base}", form)
            if key not in known:
                if len(known) >= len(FORMS):  # look-alikes of one project stand together
                    known.clear()
                honest = load(one, form)
                known[key] = (honest, facts_of(honest, filename(one.project, one.base, form)))
            honest, base = known[key]
            if one.lain:
                base = facts_of(*predecessor(one, honest, form))
            yield Row(one=one, form=form, report=judge(one, honest, form, base))


def judge(one: Lookalike, honest: bytes, form: str, base: Base | None) -> Report:
    """The report on a look-alike against its predecessor."""
    context = Context(project=one.project, first_release=base is None)
    return vet_archive(*make(one, honest, form), context=context, base=base).report
