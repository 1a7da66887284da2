"""`python -m evals.lookalikes`: every look-alike on real releases, judged through the diff.

The releases are fetched by name from the index once, verified, and kept in the cache folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from evals import places
from evals.lookalikes import bases
from evals.lookalikes.incidents import LOOKALIKES
from evals.lookalikes.judging import Row, judge_all
from pratique.policy.model import Verdict
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Context

CAUGHT = (Verdict.MALICIOUS, Verdict.SUSPICIOUS)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m evals.lookalikes", description=__doc__)
    parser.add_argument("--incident", default="", help="only incidents whose name has this in it")
    parser.add_argument("--findings", type=int, default=1, help="findings shown for each")
    parser.add_argument("--honest", action="store_true", help="judge the honest releases too")
    return parser.parse_args()


def told(row: Row, findings: int) -> Iterator[str]:
    """A row of the table, then what else was found."""
    kind = "shape" if row.one.shape else ""
    shown = row.report.findings[:findings]
    first = shown[0] if shown else None
    yield (
        f"{row.one.incident:16} {row.one.name[:44]:44} {kind:5} {row.form:5} {row.verdict:10} "
        f"{row.report.score:5.3f} {row.report.regime.value:5} "
        + (f"{first.reach:9} {first.rule}:{first.trait}  {row.headline}" if first else "-")
    )
    for finding in shown[1:]:
        yield (
            f"{'':16}   {finding.reach:9} {finding.points:+.1f} {finding.rule}:{finding.trait}  "
            f"{finding.path}:{finding.line}  {finding.shown[:60]}"
        )


def honest(project: str) -> Iterator[str]:
    """The honest next releases, which must stay clean."""
    for old, new in bases.honest_pairs():
        if project not in new.project:
            continue
        base = facts_of(bases.load(old), old.filename)
        context = Context(project=new.project, first_release=False)
        report = vet_archive(bases.load(new), new.filename, context=context, base=base).report
        yield f"{new.filename:60} {report.verdict.value:10} {report.score:5.3f}"


def summed(rows: Sequence[Row]) -> Iterator[str]:
    """How many were caught."""
    for word, chosen in (
        ("published shapes", [row for row in rows if row.one.shape]),
        ("disguises", [row for row in rows if not row.one.shape]),
    ):
        counts = {v: sum(row.report.verdict is v for row in chosen) for v in Verdict}
        parts = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
        yield f"{word}: {len(chosen)} files, {parts}"


def command() -> int:
    """Judge and print; 1 when something got through."""
    options = arguments()
    chosen = [one for one in LOOKALIKES if options.incident in one.incident]
    rows = []
    for row in judge_all(chosen):
        rows.append(row)
        for line in told(row, options.findings):
            print(line, flush=True)
    for line in summed(rows):
        print(line)
    if options.honest:
        for line in honest(options.incident):
            print(line, flush=True)
    through = any(
        row.report.verdict is not Verdict.MALICIOUS
        if row.one.shape
        else row.report.verdict not in CAUGHT
        for row in rows
    )
    return int(through)


if __name__ == "__main__":
    places.main(command)
