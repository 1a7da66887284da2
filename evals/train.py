"""`python -m evals.train`: make the shipped weights from the train half; deterministic.

Two tables: `first` from malicious archives against thin benign ones, `diff` from grafts against consecutive
benign releases. Features are extracted once per engine (kept in the cache), then training takes seconds.
What is printed of the check half was not used for anything.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from evals import fit, places
from evals.cases import FIRST, GRAFTS, LARGE, MALICIOUS, PAIRS, PUBLISHED, all_cases, choose
from evals.engine import ROOM, engine_digest
from evals.fit import DIGITS, Floats, Model, Rows
from evals.floors import with_floors
from evals.lists import Half
from evals.measure import Result, measure
from evals.stats import share
from evals.store import Store
from pratique.vet.model import ENGINE

TARGET = ROOM / "data" / "weights.json"
GROUPS = {"first": (MALICIOUS, FIRST, PUBLISHED), "diff": (GRAFTS, PAIRS)}
TARGETS = {
    "first": {"malicious": 0.002, "suspicious": 0.025},
    "diff": {"malicious": 0.001, "suspicious": 0.004},
}
"""Shares of benign releases that may reach a tier. A wrong `malicious` stops a build, a wrong `suspicious`
costs a look; a first release is installed by few, a next release by all who follow the project."""
FLOORED = frozenset({"diff"})
"""Tables in which what no honest release showed weighs at least what its rule says."""
MARGIN = 0.5
"""Logits that the thresholds of those tables are raised by: what a project does for the first time no other
project foretells, so that thresholds from projects that were seen are too low for those that were not."""
SUPPORT = 2
"""A feature must occur in so many clusters: what one project or campaign has alone is its name tag."""
LISTS = (
    "malicious-dev.txt",
    "malicious-dev-harmless.txt",
    "benign-first.txt",
    "benign-published.txt",
    "benign-pairs.txt",
)


def rows_of(results: Sequence[Result], names: tuple[str, ...] | None = None) -> Rows:
    """The matrix; columns are features with enough support unless they are given."""
    if names is None:
        clusters: dict[str, set[str]] = {}
        for result in results:
            for feature in result.features:
                clusters.setdefault(feature, set()).add(result.cluster)
        names = tuple(sorted(name for name, own in clusters.items() if len(own) >= SUPPORT))
    index = {name: column for column, name in enumerate(names)}
    features = np.zeros((len(results), len(names)))
    for row, result in enumerate(results):
        for feature in result.features:
            if feature in index:
                features[row, index[feature]] = 1.0
    return Rows(
        names=names,
        features=features,
        malicious=np.array([float(r.group in {MALICIOUS, GRAFTS}) for r in results]),
        clusters=tuple(r.cluster for r in results),
    )


def usable(results: Sequence[Result], table: str, half: Half) -> list[Result]:
    """Results that a table may learn from: judged, of its groups and half."""
    return [
        r
        for r in results
        if r.group in GROUPS[table]
        and r.half == half.value
        and r.part != LARGE  # has a history, so it is no first release
        and not r.skipped
        and not r.error
    ]


def learn(results: Sequence[Result], table: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A table as it is shipped, and notes on how it was made."""
    train = usable(results, table, Half.TRAIN)
    rows = rows_of(train)
    if not 0 < rows.malicious.sum() < len(train):
        raise places.EvalsError(
            f"table {table}: expected both kinds in the train half; see evals.collect"
        )
    strength = fit.best_strength(rows)
    unseen = fit.unseen_logits(rows, strength=strength)
    slope, offset = fit.calibrate(rows, unseen)
    model = fit.fit(rows, strength=strength)
    intercept = round(slope * model.intercept + offset, DIGITS)
    weights = {
        name: round(slope * float(value), DIGITS)
        for name, value in zip(rows.names, model.weights, strict=True)
        if round(slope * float(value), DIGITS) > 0
    }
    benign = [
        float(slope * logit + offset)
        for logit, result in zip(unseen, train, strict=True)
        if result.group not in {MALICIOUS, GRAFTS} and not result.decisive
    ]
    limits = {tier: fit.threshold(benign, share) for tier, share in TARGETS[table].items()}
    limits["suspicious"] = min(limits.values())
    if table in FLOORED:
        honest = frozenset(f for r in train if r.group in {FIRST, PAIRS} for f in r.features)
        way = limits["suspicious"] - intercept
        weights = with_floors(weights, honest=honest, way=way, digits=DIGITS)
        limits = {tier: value + MARGIN for tier, value in limits.items()}
    made = {
        "intercept": intercept,
        "weights": dict(sorted(weights.items())),
        "thresholds": {
            tier: round(_probability(value), 6) for tier, value in sorted(limits.items())
        },
    }
    notes = {
        "strength": strength, "calibration": [round(slope, DIGITS), round(offset, DIGITS)],
        "features": len(rows.names), "malicious": int(rows.malicious.sum()), "benign": len(benign),
        "unseen": _shares(train, slope * unseen + offset, limits),
    }  # fmt: skip
    return made, notes


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))


def _shares(results: Sequence[Result], logits: Floats, limits: dict[str, float]) -> dict[str, str]:
    """By group and tier, hard rules included."""
    made = {}
    for group in sorted({r.group for r in results}):
        for tier, limit in sorted(limits.items()):
            flags = [
                bool(logit >= limit) or r.decisive
                for r, logit in zip(results, logits, strict=True)
                if r.group == group
            ]
            made[f"{group} {tier}"] = share(flags).text()
    return made


def on_check_half(results: Sequence[Result], table: str, made: dict[str, Any]) -> dict[str, str]:
    """What the finished table gives on the half that it has not seen."""
    check = usable(results, table, Half.CHECK)
    names = tuple(made["weights"])
    model = Model(
        intercept=made["intercept"], weights=np.array([made["weights"][name] for name in names])
    )
    logits = model.logits(rows_of(check, names).features)
    limits = {tier: math.log(p / (1 - p)) for tier, p in made["thresholds"].items()}
    return _shares(check, logits, limits)


def recipe(digest: str, notes: dict[str, Any]) -> str:
    """How the weights were made, in one line of text."""
    hashes = {
        name: hashlib.sha256((places.LISTS / name).read_bytes()).hexdigest()[:16] for name in LISTS
    }
    kept = {
        table: {key: value for key, value in each.items() if key != "unseen"}
        for table, each in notes.items()
    }
    said = {
        "targets": TARGETS,
        "folds": fit.FOLDS,
        "support": SUPPORT,
        "lists": hashes,
        "tables": kept,
    }
    return f"python -m evals.train; engine sources {digest}; " + json.dumps(said, sort_keys=True)


def extract(size: int | None, jobs: int) -> tuple[str, list[Result]]:
    """Results of all cases that training and checking need; made where they are missing."""
    wanted = {group for groups in GROUPS.values() for group in groups}
    cases = choose((case for case in all_cases() if case.group in wanted), size=size)
    digest = engine_digest()
    store = Store(f"features-{digest}")
    todo = store.missing(cases)
    with closing(measure(todo, jobs=jobs)) as running:
        for _ in track(
            store.keep(running), "extracting features", total=len(todo), console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        ):  # fmt: skip
            pass
    return digest, store.of(cases)


def command() -> int:
    """Train and write."""
    parser = argparse.ArgumentParser(prog="python -m evals.train", description=__doc__)
    parser.add_argument("--size", type=int, help="at most so many cases of each group and part")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    digest, results = extract(options.size, options.jobs)
    tables, notes = {}, {}
    for table in GROUPS:
        tables[table], notes[table] = learn(results, table)
        print(f"{table}: {json.dumps(notes[table], indent=1)}")
        print(f"check half: {json.dumps(on_check_half(results, table, tables[table]), indent=1)}")
    text = json.dumps(
        {"engine": ENGINE, "recipe": recipe(digest, notes), "tables": tables},
        indent=1,
        sort_keys=True,
    )
    if not options.dry_run:
        TARGET.write_text(text + "\n", "utf-8")
        print(f"{TARGET.relative_to(places.ROOT)} written")
    return 0


if __name__ == "__main__":
    places.main(command)
