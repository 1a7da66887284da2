"""CPU that vetting one archive costs, first and next releases, beside GuardDog on the same archives, warm.

Run: python benchmarks/vet_cpu.py [--small] [--archives N] [--without-peer]. Archives are those of evals
(`python -m evals.collect` fetches them; PRATIQUE_EVALS_CACHE names the folder). First releases are the latest
of much-downloaded projects, judged as if nothing were known of them. Next releases come in two lines:
"popular" is the latest pair at hand of each such project (as published where its predecessor is, else made
from tags), "sampled" is drawn from all consecutive pairs, many of them small and old. Facts of the
predecessor come from the store, so making them is not counted; what is worked out from them is, since a
worker may hold none of it. CPU time, one process each, tables warm. The small round makes its own two
releases and asks no peer.
"""

import io
import random
import statistics
import sys
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evals import cache, places
from evals.lists import Archive, Pair, load_pairs, load_top, project_of
from evals.peers import running
from harness import CannotRunError, Report, arguments, run_main
from pratique.vet.engine import facts_of, vet_archive, warm_up
from pratique.vet.model import Context

ARCHIVES = 60
LARGEST_BYTES = 16 << 20
"""GuardDog needs half a minute for larger ones; they would only lengthen the round."""
FIRST_BAR, NEXT_BAR = 10, 20


@dataclass(slots=True)
class Cost:
    """What one kind of case cost."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    unpacked: int = 0

    def row(self, name: str) -> tuple[object, ...]:
        ours = sorted(self.ours)
        rate = self.unpacked / 1e6 / sum(ours)
        theirs = (
            [statistics.median(self.theirs), statistics.mean(self.theirs)]
            if self.theirs
            else ["-"] * 2
        )
        return (
            name, len(ours), statistics.median(ours) * 1e3, statistics.mean(ours) * 1e3,
            ours[int(len(ours) * 0.99)] * 1e3, rate,
            *[value * 1e3 if isinstance(value, float) else value for value in theirs],
        )  # fmt: skip


def measure(
    data: bytes, filename: str, old: tuple[bytes, str] | None, cost: Cost, peer: running.Peer | None
) -> None:
    base = facts_of(*old) if old is not None else None
    if base is not None:
        base.made.clear()
    context = Context(project=project_of(filename), first_release=old is None)
    before = time.process_time()
    outcome = vet_archive(data, filename, context=context, base=base)
    cost.ours.append(time.process_time() - before)
    cost.unpacked += sum(entry.size for entry in outcome.release.files)
    if peer is not None:
        cost.theirs.append(peer.ask(data, filename).seconds)


Pairs = list[tuple[Archive, Archive]]
"""(predecessor, next)."""


def cases(number: int) -> tuple[list[Archive], Pairs]:
    """First releases, and sampled pairs, that are in the cache."""
    rng = random.Random(20261122)
    top = [(new, old) for new, old in load_top() if new.size <= LARGEST_BYTES and cache.has(new)]
    if not top:
        raise CannotRunError(
            f"no archives in {places.cache()}; to do: python -m evals.collect, or --small"
        )
    rng.shuffle(top)
    pairs = [pair for pair in load_pairs() if cache.has(pair.old) and cache.has(pair.new)]
    chosen = rng.sample(pairs, min(number, len(pairs)))
    return [new for new, _ in top[:number]], [(pair.old, pair.new) for pair in chosen]


def popular_pairs(number: int) -> Pairs:
    """The latest pair at hand of each much-downloaded project; none is left out for what it costs."""
    tagged: dict[str, list[Pair]] = {}
    for pair in load_pairs():
        if cache.has(pair.old) and cache.has(pair.new):
            tagged.setdefault(pair.new.project, []).append(pair)
    found: Pairs = []
    for new, old in load_top():
        if old is not None and cache.has(old) and cache.has(new):
            found.append((old, new))
        elif new.project in tagged:
            last = max(tagged[new.project], key=lambda pair: (pair.new.date, pair.new.kind))
            found.append((last.old, last.new))
    random.Random(20261122).shuffle(found)
    return found[:number]


def made_release(version: str, modules: int) -> bytes:
    """A wheel of ordinary modules, one of them different in each version."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(modules):
            stamp = version if number == 0 else "0"
            body = "".join(
                f"def f{i}(path):\n    return os.path.join(path, '{i}')\n" for i in range(60)
            )
            archive.writestr(f"pkg/m{number}.py", f"import os\nVERSION = '{stamp}'\n{body}")
        archive.writestr("pkg/__init__.py", f"__version__ = '{version}'\nfrom pkg import m0\n")
        archive.writestr(
            f"pkg-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: pkg\nVersion: {version}\n",
        )
    return out.getvalue()


def main() -> int:
    options = arguments(
        __doc__ or "",
        archives={"type": int, "default": ARCHIVES, "help": "of each kind"},
        without_peer={"action": "store_true", "help": "do not ask GuardDog"},
    )
    report = Report(
        name="vet_cpu",
        small=options.small,
        columns=("release", "archives", "median ms", "mean ms", "p99 ms", "MB/s unpacked",
                 "GuardDog median ms", "GuardDog mean ms"),
    )  # fmt: skip
    warm_up()
    first, popular, sampled = Cost(), Cost(), Cost()
    if options.small:
        old, new = made_release("1.0", 60), made_release("1.1", 60)
        measure(new, "pkg-1.1-py3-none-any.whl", None, first, None)
        measure(new, "pkg-1.1-py3-none-any.whl", (old, "pkg-1.0-py3-none-any.whl"), sampled, None)
    else:
        _measure_cached(options.archives, first, popular, sampled, ask=not options.without_peer)
    report.row(*first.row("first"))
    for name, cost in (("next, popular", popular), ("next, sampled", sampled)):
        if cost.ours:
            report.row(*cost.row(name))
    if first.theirs:
        ours, theirs = statistics.mean(first.ours), statistics.mean(first.theirs)
        report.at_least(
            "first release, mean, times GuardDog's speed", theirs / ours, FIRST_BAR, "×"
        )
        for name, cost in (("popular", popular), ("sampled", sampled)):
            if cost.theirs:
                ours, theirs = statistics.median(cost.ours), statistics.median(cost.theirs)
                what = f"next release, {name}, median, times GuardDog's speed"
                report.at_least(what, theirs / ours, NEXT_BAR, "×")
    else:
        report.notes.append("GuardDog was not asked")
    return report.finish()


def _measure_cached(number: int, first: Cost, popular: Cost, sampled: Cost, *, ask: bool) -> None:
    firsts, pairs = cases(number)
    memory = running.memory_folder() if ask else None
    try:
        peer = running.Peer("guarddog", running.install("guarddog"), memory) if memory else None
        for archive in firsts:
            measure(cache.get(archive), archive.filename, None, first, peer)
        for cost, chosen in ((popular, popular_pairs(number)), (sampled, pairs)):
            for old, new in chosen:
                measure(cache.get(new), new.filename, (cache.get(old), old.filename), cost, peer)
        if peer is not None:
            peer.close()
    except places.EvalsError as error:
        raise CannotRunError(str(error)) from error
    finally:
        if memory is not None:
            memory.rmdir()


if __name__ == "__main__":
    run_main(main)
