"""Verifying a case of 300 exposed assets, offline, by the command and by the stand-alone verifier.

300 environments with a bad release are recorded as looks, an incident is opened over them and its
case is written, all by the real command. Then the case is verified in a process of its own, which has
neither a home nor a network.

Run: .venv/bin/python benchmarks/exposure_bundle.py [--small]
Bar: at most 1 s of CPU until the verdict.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import BIN, Report, arguments, run_main, scratch
from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Identity,
    Item,
    Look,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.store.logs import open_log

ASSETS, PACKAGES, ROUNDS = 300, 100, 7
AT = datetime(2026, 3, 24, 10, 45, tzinfo=UTC)
BAD = Item(
    type="pypi", name="litellm", version="1.82.8", digest=f"sha256:{8:064x}",
    filename="litellm-1.82.8-py3-none-any.whl",
)  # fmt: skip


def environment(number: int) -> Look:
    """An environment with the bad release, a hundred others and three credentials."""
    others = (
        Item(type="pypi", name=f"package-{n}", version=f"1.{(n + number) % 5}.0")
        for n in range(number % 50, number % 50 + PACKAGES)
    )
    return Look(
        asset=f"host/machine-{number}", asset_kind=AssetKind.ENVIRONMENT,
        place_kind=PlaceKind.ENVIRONMENT, locator="/srv/app/.venv",
        at_lo=AT + timedelta(seconds=number), at_hi=AT + timedelta(seconds=number),
        sightings=tuple(Sighting(item=item, stage=Stage.INSTALLED) for item in (BAD, *others)),
        identities=tuple(
            Identity(kind="env", name=f"TOKEN_{number % 40}_{n}", locator=".env") for n in range(3)
        ),
        evidence_class=EvidenceClass.OBSERVED, collector="sweep/environments", machine=f"m{number}",
    )  # fmt: skip


def facts() -> list[Fact]:
    """What the credentials open, and whose it is."""
    found = []
    for number in range(40):
        dataset = f"dataset:set-{number}"
        for n in range(3):
            key = f"identity:env/TOKEN_{number}_{n}"
            found.append(Fact(relation=Relation.OPENS, subject=key, object=dataset))
        client = f"client:client-{number % 12}"
        found.append(Fact(relation=Relation.BELONGS_TO, subject=dataset, object=client))
    return found


def make(home: Path, assets: int) -> Path:
    """A home with an incident, and its case."""
    log = open_log(Settings(home=home))
    drafts: list[Draft] = facts_drafts(facts(), source="bench", actor="operator:bench")
    recorded: set[str] = set()
    for number in range(assets):
        drafts += look_drafts(environment(number), base=None, is_recorded=recorded.__contains__)
    for start in range(0, len(drafts), 1_000):
        log.append(drafts[start : start + 1_000], now=AT + timedelta(hours=1))
    log.close()
    case = home.parent / "case.xpz"
    opened = ["incident", "open", "litellm==1.82.8", "--id", "bench", "--from", "2026-03-24"]
    command(*opened, "--home", str(home), codes=(1, 3))
    command("incident", "bundle", "bench", "-o", str(case), "--home", str(home), codes=(0, 1, 3))
    return case


def command(*words: str, codes: tuple[int, ...]) -> str:
    done = subprocess.run(
        [str(BIN / "pratique"), *words], check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode in codes, (done.returncode, done.stderr[-2000:], done.stdout[-500:])
    return done.stdout


def measure(words: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a process."""
    spent, wall = [], []
    for _ in range(ROUNDS):
        before, began = os.times(), time.monotonic()
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=60, cwd="/"
        )
        wall.append(time.monotonic() - began)
        after = os.times()
        assert done.returncode in (0, 3), (done.returncode, done.stdout[-500:], done.stderr[-2000:])
        children = after.children_user + after.children_system
        spent.append(children - before.children_user - before.children_system)
    return statistics.median(spent), statistics.median(wall)


def main() -> int:
    options = arguments(__doc__ or "")
    assets = 30 if options.small else ASSETS
    report = Report(
        name="exposure_bundle", small=options.small, columns=("verifier", "CPU s", "wall s"),
    )  # fmt: skip
    with scratch() as folder:
        case = make(folder / "home", assets)
        alone = folder / "verify.py"
        alone.write_text(command("verify", "--print-verifier", codes=(0,)), "utf-8")
        key = (folder / "home" / "ledger" / "verifier-key").read_text("utf-8").strip()
        ours = [str(BIN / "pratique"), "verify", str(case), "--key", key]
        for name, words in (
            ("pratique verify", ours),
            ("the stand-alone verifier", [sys.executable, str(alone), str(case), "--key", key]),
        ):
            spent, wall = measure(words)
            report.row(name, spent, wall)
            report.at_most(f"{name}, CPU", spent, 1, " s")
        size = case.stat().st_size
    report.notes.append(f"{assets} exposed assets, a case of {size / 1e6:.2f} MB")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
