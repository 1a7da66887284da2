"""`python -m evals.run`: recall, false positives and cost, of the vetter and of its peers.

Figures are development figures: the malicious list is the one that the detectors were written with.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from rich.console import Console
from rich.progress import track

from evals import places, report
from evals.cases import GROUPS, all_cases, choose
from evals.engine import Engine, engine_digest
from evals.lists import Half
from evals.measure import measure
from evals.peers.running import NAMES
from evals.store import Store

DEV, CHECK = "dev", "check"


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m evals.run", description=__doc__)
    parser.add_argument(
        "--set", choices=[DEV, CHECK], default=CHECK,
        help="check: only the half that nothing was trained on (default); dev: both halves",
    )  # fmt: skip
    parser.add_argument("--groups", default=",".join(GROUPS), help="which of: " + ",".join(GROUPS))
    parser.add_argument("--size", type=int, help="at most so many cases of each group and part")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument(
        "--peers", nargs="?", const=",".join(NAMES), default="", help="also ask: " + ",".join(NAMES)
    )
    parser.add_argument("--peers-only", action="store_true", help="ask only the peers")
    parser.add_argument(
        "--resume", action="store_true", help="keep results that this engine gave before"
    )
    parser.add_argument("--format", choices=["text", "json"], default="text")
    return parser.parse_args()


def _names(said: str, known: tuple[str, ...], option: str) -> list[str]:
    named = [name for name in said.split(",") if name]
    if wrong := sorted(set(named) - set(known)):
        raise places.EvalsError(f"expected {option} of {', '.join(known)}; not {', '.join(wrong)}")
    return named


def command() -> int:
    """Measure and print."""
    options = arguments()
    peers = _names(options.peers, NAMES, "--peers")
    if options.peers_only and not peers:
        peers = list(NAMES)
    groups = _names(options.groups, GROUPS, "--groups")
    cases = [
        case
        for case in all_cases()
        if case.group in groups and (options.set == DEV or case.half is Half.CHECK)
    ]
    cases = choose(cases, size=options.size)
    engine = "none" if options.peers_only else engine_digest()
    store = Store(f"run-{options.set}-{engine}-{'+'.join(peers) or 'alone'}")
    if not options.resume:
        store.path.unlink(missing_ok=True)
        store.results.clear()
    todo = store.missing(cases)
    vetter = None if options.peers_only else Engine
    with closing(measure(todo, jobs=options.jobs, peers=peers, vetter=vetter)) as running:
        for _ in track(
            store.keep(running), "judging", total=len(todo), console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        ):  # fmt: skip
            pass
    made = {
        "what": f"{len(cases)} cases, set {options.set}", "engine": engine,
        "results": store.path.name, **report.figures(store.of(cases)),
    }  # fmt: skip
    print(report.render_json(made) if options.format == "json" else report.render_text(made))
    return 0


if __name__ == "__main__":
    places.main(command)
