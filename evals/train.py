"""`python -m evals.train`: make the shipped weights; deterministic.

Two tables: `first` from malicious archives against thin benign ones, `diff` from grafts against consecutive
benign releases. Features are extracted once per engine (kept in the cache), then training takes seconds.
First a table is made from each half, and what it gives on the other is printed: that figure is of clusters
that it has not seen. What is shipped is then made from both halves in the same way.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec
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
    "first": {"malicious": 0.001, "suspicious": 0.02},
    "diff": {"malicious": 0.001, "suspicious": 0.004},
}
"""Shares of benign releases that may reach a tier. A wrong `malicious` stops a build, a wrong `suspicious`
costs a look; a first release is installed by few, a next release by all who follow the project."""
FLOORED = frozenset({"diff"})
"""Tables in which what no honest release showed weighs at least what its rule says."""
MARGINS = {
    "first": {"malicious": 0.75, "suspicious": 0.0},
    "diff": {"malicious": 0.5, "suspicious": 0.5},
}
"""Logits that thresholds are raised by: what a project does for the first time no other project foretells,
so that thresholds from projects that were seen are too low for those that were not. Chosen on what tables
of either half gave on the other."""
SPECIFIC = frozenset({"first"})
"""Tables that weigh traits alone: a rule as a whole stands for its weakest trait too, and in absolute
judgement honest archives show some trait of nearly every rule."""
BY_PROJECT = frozenset({"first"})
"""Tables whose thresholds count projects, not archives: a project has one first release."""
SUPPORT = 3
"""A feature must occur in so many clusters: what one or two projects have alone is their name tag."""
UNCOUNTED = (
    "thin-package", "metadata-oddity@", "metadata-oddity:no-", "metadata-oddity:throw-away",
    "archive-oddity", "name-squat@", "star-jacking@", "unread",
)  # fmt: skip
"""Features that are never learned: padding takes away that a release is small or says little of itself,
archives made from git lack metadata that published ones have, the dataset has packed samples anew, and
what was not read is `unknown`, not evidence."""
ON_TOP = (
    "thin-deed:tiny-", "thin-deed:small-", "thin-deed:short-", "thin-deed:terse-", "thin-deed@"
)  # fmt: skip
"""Features that are learned on top of the others: padding can take them away, though a deed counts in them,
so they may not take weight from what the deed says by itself."""
LISTS = (
    "malicious-dev.txt",
    "malicious-dev-harmless.txt",
    "benign-first.txt",
    "benign-published.txt",
    "benign-mispacked.txt",
    "benign-pairs.txt",
)


def rows_of(
    results: Sequence[Result], names: tuple[str, ...] | None = None, *, specific: bool = False
) -> Rows:
    """The matrix; columns are features (of traits only: `specific`) with enough support unless given."""
    if names is None:
        clusters: dict[str, set[str]] = {}
        for result in results:
            for feature in result.features:
                if feature.startswith(UNCOUNTED) or _idle(feature):
                    continue
                if not (specific and _is_whole(feature)):
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
        on_top=frozenset(name for name in names if name.startswith(ON_TOP)),
    )


def _is_whole(feature: str) -> bool:
    """Whether any trait of a rule gives it: `rule@level`."""
    return "@" in feature and ":" not in feature


def _idle(feature: str) -> bool:
    """What nearly every program does at somebody's call: it tells a domain, not an intent."""
    return feature.startswith("sinks") and feature.endswith(("@called", "@entry"))


def usable(results: Sequence[Result], table: str, halves: Sequence[Half]) -> list[Result]:
    """Results that a table may learn from: judged, of its groups and halves, no archive twice."""
    listed = {r.name.split(" ")[0] for r in results if r.group == FIRST}
    return [
        r
        for r in results
        if r.group in GROUPS[table]
        and r.half in {half.value for half in halves}
        and not (r.group == PUBLISHED and r.name in listed)
        and r.part != LARGE  # has a history, so it is no first release
        and not r.skipped
        and not r.error
    ]


def learn(
    results: Sequence[Result], table: str, halves: Sequence[Half] = (Half.TRAIN,)
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A table, and notes on how it was made."""
    train = usable(results, table, halves)
    rows = rows_of(train, specific=table in SPECIFIC)
    if not 0 < rows.malicious.sum() < len(train):
        raise places.EvalsError(
            f"table {table}: expected both kinds among what is learned from; see evals.collect"
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
    honest = [
        (float(slope * logit + offset), result.cluster)
        for logit, result in zip(unseen, train, strict=True)
        if result.group not in {MALICIOUS, GRAFTS} and not result.decisive
    ]
    benign, projects = [logit for logit, _ in honest], [project for _, project in honest]
    shares = fit.shares_of(projects) if table in BY_PROJECT else None
    limits = {tier: fit.threshold(benign, most, shares) for tier, most in TARGETS[table].items()}
    limits["suspicious"] = min(limits.values())
    if table in FLOORED:
        shown = frozenset(f for r in train if r.group in {FIRST, PAIRS} for f in r.features)
        way = limits["suspicious"] - intercept
        weights = with_floors(weights, honest=shown, way=way, digits=DIGITS)
    limits = {tier: value + MARGINS[table][tier] for tier, value in limits.items()}
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


def judged(
    results: Sequence[Result], table: str, made: dict[str, Any], half: Half
) -> tuple[list[Result], Floats, dict[str, float]]:
    """Results of a half with what a finished table gives them, and its thresholds, in logits."""
    chosen = usable(results, table, (half,))
    names = tuple(made["weights"])
    model = Model(
        intercept=made["intercept"], weights=np.array([made["weights"][name] for name in names])
    )
    limits = {tier: math.log(p / (1 - p)) for tier, p in made["thresholds"].items()}
    return chosen, model.logits(rows_of(chosen, names).features), limits


def across(results: Sequence[Result], table: str) -> dict[str, str]:
    """Each half judged by the table of the other, pooled: by group and tier, hard rules included.

    Shape: of honest releases also the share in which each project counts once, however many releases of it
    are at hand.
    """
    flags: dict[str, list[tuple[bool, str]]] = {}
    for learned, other in ((Half.TRAIN, Half.CHECK), (Half.CHECK, Half.TRAIN)):
        made, _ = learn(results, table, (learned,))
        chosen, logits, limits = judged(results, table, made, other)
        for result, logit in zip(chosen, logits, strict=True):
            kinds = [result.group]
            if result.group == GRAFTS:
                kinds.append(f"{result.group} {result.part}")
            for tier, limit in limits.items():
                flag = bool(logit >= limit) or result.decisive
                for kind in kinds:
                    flags.setdefault(f"{kind} {tier}", []).append((flag, result.cluster))
    told = {}
    for kind, found in sorted(flags.items()):
        told[kind] = share([flag for flag, _ in found]).text()
        if kind.startswith((FIRST, PAIRS)):
            sizes = Counter(cluster for _, cluster in found)
            by_project = sum(1 / sizes[cluster] for flag, cluster in found if flag) / len(sizes)
            told[kind] += f"; by project {by_project:.2%} of {len(sizes)}"
    return told


def recipe(
    digest: str, size: tuple[int | None, int | None], table: str, notes: dict[str, Any]
) -> str:
    """How a table was made, in one line of text."""
    hashes = {
        name: hashlib.sha256((places.LISTS / name).read_bytes()).hexdigest()[:16] for name in LISTS
    }
    said = {
        "targets": TARGETS[table],
        "folds": fit.FOLDS,
        "support": SUPPORT,
        "size": size,
        "lists": hashes,
        **{key: value for key, value in notes.items() if key != "unseen"},
    }
    return f"python -m evals.train; engine sources {digest}; " + json.dumps(said, sort_keys=True)


def recipes_of(text: str) -> dict[str, str]:
    """Recipes by table, from their lines."""
    lines = (line.partition(": ") for line in text.splitlines())
    return {table: said for table, _, said in lines if table in GROUPS}


def extract(
    tables: Sequence[str], size: int | None, jobs: int, *, grafts: int | None = None
) -> tuple[str, list[Result]]:
    """Results of all cases that training and checking need; made where they are missing."""
    wanted = {group for table in tables for group in GROUPS[table]}
    found = [case for case in all_cases() if case.group in wanted]
    cases = choose((case for case in found if case.group != GRAFTS), size=size)
    cases += choose((case for case in found if case.group == GRAFTS), size=grafts or size)
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
    parser.add_argument("--grafts", type=int, help="the same, of grafts alone")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    parser.add_argument(
        "--tables", default=",".join(GROUPS), help="which to make anew; another stays as it is"
    )
    options = parser.parse_args()
    chosen = [table for table in GROUPS if table in options.tables.split(",")]
    if not chosen:
        raise places.EvalsError(f"expected --tables to name some of: {', '.join(GROUPS)}")
    digest, results = extract(chosen, options.size, options.jobs, grafts=options.grafts)
    old = msgspec.json.decode(TARGET.read_bytes())
    tables, recipes = dict(old["tables"]), recipes_of(old["recipe"])
    for table in chosen:
        print(f"{table}, each half by the other: {json.dumps(across(results, table), indent=1)}")
        tables[table], notes = learn(results, table, tuple(Half))
        print(f"{table}, from both halves, as shipped: {json.dumps(notes, indent=1)}")
        recipes[table] = recipe(digest, (options.size, options.grafts), table, notes)
    said = "\n".join(f"{table}: {text}" for table, text in sorted(recipes.items()))
    text = json.dumps(
        {"engine": ENGINE, "recipe": said, "tables": tables}, indent=1, sort_keys=True
    )
    if not options.dry_run:
        TARGET.write_text(text + "\n", "utf-8")
        print(f"{TARGET.relative_to(places.ROOT)} written")
    return 0


if __name__ == "__main__":
    places.main(command)
