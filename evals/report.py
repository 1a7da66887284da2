"""From results to figures: a plain table for people, the same as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from typing import Any

from evals.cases import FIRST, GRAFTS, MALICIOUS, PAIRS, PUBLISHED, TOP, TOP_DIFF
from evals.measure import Result
from evals.peers.running import LEVELS
from evals.stats import Share, percentile, share

BAD = "malicious"
TIERS = {BAD: {BAD}, "malicious+suspicious": {BAD, "suspicious"}}
QUESTIONS = {
    MALICIOUS: "first release, recall",
    FIRST: "first release, false positives",
    PUBLISHED: "as published, judged absolutely, false positives",
    GRAFTS: "release diff, recall on grafts",
    PAIRS: "release diff, false positives",
    TOP: "most downloaded, judged absolutely, false positives",
    TOP_DIFF: "most downloaded against the predecessor, false positives",
}
LISTED = 40
"""Names printed of misses and of false positives; the results file has all."""


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """Everything that is reported, as plain values."""
    judged = [result for result in results if not result.skipped]
    groups = {name: [r for r in judged if r.group == name] for name in QUESTIONS}
    return {
        "machine": f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}",
        "shares": {name: _shares(found) for name, found in groups.items() if found},
        "parts": {name: _parts(found) for name, found in groups.items() if found},
        "misses": _misses(groups),
        "unknown": sorted(f"{r.group}: {r.name}" for r in judged if r.verdict == "unknown"),
        "errors": sorted(f"{r.group}: {r.name}: {r.error}" for r in judged if r.error),
        "cpu": {name: _cpu(found) for name, found in groups.items() if found},
    }


def _flagged(result: Result, who: str, level: str) -> bool:
    if who == "pratique":
        return result.verdict in TIERS[level]
    return result.peers[who].levels.get(level, False)


def _askers(results: Sequence[Result]) -> list[tuple[str, str]]:
    asked = [("pratique", tier) for tier in TIERS if any(r.verdict for r in results)]
    names = {name for result in results for name in result.peers}
    return asked + [(name, level) for name in sorted(names) for level in LEVELS[name]]


def _share_value(found: Share) -> dict[str, Any]:
    low, high = found.interval()
    return {
        "hits": found.hits, "total": found.total,
        "share": round(found.value, 5) if found.total else None,
        "low": round(low, 5), "high": round(high, 5), "text": found.text(),
    }  # fmt: skip


def _shares(results: Sequence[Result]) -> dict[str, Any]:
    """By asker; `clusters`: projects (or super-campaigns) of which any archive was flagged."""
    made = {}
    for who, level in _askers(results):
        answered = [r for r in results if who == "pratique" or who in r.peers]
        flags = [_flagged(r, who, level) for r in answered]
        clusters: dict[str, list[bool]] = {}
        for result, flag in zip(answered, flags, strict=True):
            clusters.setdefault(result.cluster, []).append(flag)
        made[f"{who} {level}"] = {
            **_share_value(share(flags)),
            "clusters": _share_value(share([any(own) for own in clusters.values()])),
        }
    return made


def _parts(results: Sequence[Result]) -> dict[str, Any]:
    parts = sorted({(r.part, r.rule) for r in results if r.part})
    return {
        " ".join(filter(None, part)): {
            f"{who} {level}": _share_value(
                share(
                    [
                        _flagged(r, who, level)
                        for r in results
                        if (r.part, r.rule) == part and (who == "pratique" or who in r.peers)
                    ]
                )
            )
            for who, level in _askers(results)
        }
        for part in parts
    }


def _misses(groups: dict[str, list[Result]]) -> dict[str, list[str]]:
    """What was not caught, by campaign, and what was flagged wrongly, with the rules that spoke."""
    made: dict[str, list[str]] = {}
    for name, found in groups.items():
        bad = name in {MALICIOUS, GRAFTS}
        wrong = [
            r
            for r in found
            if r.verdict and (r.verdict not in TIERS["malicious+suspicious"]) == bad
        ]
        if wrong:
            made[name] = sorted(
                f"{r.cluster}  {r.name}  {r.verdict}"
                + (f"  [{', '.join(r.rules[:6])}]" if r.rules else "")
                for r in wrong
            )
    return made


def _cpu(results: Sequence[Result]) -> dict[str, Any]:
    made = {}
    names = sorted({name for result in results for name in result.peers})
    for who in ["pratique", *names]:
        spent = [
            (r.seconds if who == "pratique" else r.peers[who].seconds, r.packed)
            for r in results
            if (r.verdict and not r.error if who == "pratique" else who in r.peers)
        ]
        if spent:
            made[who] = _cost([seconds for seconds, _ in spent], sum(size for _, size in spent))
    if "pratique" in made and names:
        for who in names:
            made[who]["times_pratique"] = {
                kind: round(made[who][kind] / made["pratique"][kind], 1)
                for kind in ("median", "mean")
            }
    return made


def _cost(seconds: Sequence[float], packed: int) -> dict[str, Any]:
    total = sum(seconds)
    return {
        "archives": len(seconds),
        "median": round(percentile(seconds, 0.5), 5),
        "mean": round(total / len(seconds), 5),
        "p99": round(percentile(seconds, 0.99), 4),
        "max": round(max(seconds), 4),
        "mb_per_second": round(packed / 1e6 / total, 3) if total else None,
    }


# ── rendering ────────────────────────────────────────────────────────────────────────────────


def render_json(made: dict[str, Any]) -> str:
    """As JSON."""
    return json.dumps(made, indent=1)


def render_text(made: dict[str, Any]) -> str:
    """As text."""
    return "\n".join(_lines(made))


def _lines(made: dict[str, Any]) -> Iterable[str]:
    yield f"{made['what']} · {made['machine']} · engine {made['engine']}"
    yield "development figures: the malicious samples are those the detectors were written with"
    for group, shares in made["shares"].items():
        yield ""
        yield QUESTIONS[group]
        for who, found in shares.items():
            yield f"  {who:34} {found['text']:36} by cluster {found['clusters']['text']}"
        for part, found in made["parts"][group].items():
            cells = "  ".join(f"{who.split()[-1]} {value['text']}" for who, value in found.items())
            yield f"    {part:24} {cells}"
    yield ""
    yield "CPU seconds an archive (the vetter's predecessor facts are kept, so not counted)"
    for group, peers in made["cpu"].items():
        for who, cost in peers.items():
            ratio = cost.get("times_pratique")
            more = f"  = {ratio['median']}× median, {ratio['mean']}× mean" if ratio else ""
            yield (
                f"  {group:10} {who:10} median {cost['median']}  mean {cost['mean']}  p99 {cost['p99']}"
                f"  max {cost['max']}  {cost['mb_per_second']} MB/s packed ({cost['archives']}){more}"
            )
    for title, names in (
        *made["misses"].items(),
        ("unknown", made["unknown"]),
        ("errors", made["errors"]),
    ):
        if names:
            yield ""
            yield f"{title}: {len(names)} wrong" if title in QUESTIONS else f"{title}: {len(names)}"
            yield from (f"  {name}" for name in names[:LISTED])
            if len(names) > LISTED:
                yield f"  … {len(names) - LISTED} more in {made['results']}"
