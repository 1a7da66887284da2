"""After the day: who had it, what could it reach, and can we prove the rest?

The questions that a company has to answer, asked of the drill's own ledger with the real commands.
Each becomes a check: what was typed, what came back, and whether that is as it must be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pratique.drill import scenery
from pratique.drill.checks import INCIDENT, Check, Ground, Response
from pratique.drill.commands import Operator
from pratique.drill.releases import CLEAN
from pratique.drill.remedy import hand_over, look_for_secret, plan_in_order, rotate

_CERTAINTIES: Final = ("confirmed", "probable", "possible", "cleared", "unknown")
_Word = tuple[str, str, str]
"""Certainty, stage and rule of an asset in an answer."""


async def respond(
    ground: Ground, *, progress: Callable[[str], None] = lambda _: None
) -> list[Check]:
    """Sweep, ask, correct, plan, rotate, and prove it to a client.

    Raises: UnavailableError when a command cannot be carried out.
    """
    operator = Operator(folder=ground.scratch / "operator", home=ground.home)
    response = Response(ground=ground, operator=operator, progress=progress)
    secret = scenery.plant_credentials(ground.unprotected)
    await _sweep_all(response)
    opened = await _open(response)
    await _correct(response, opened)
    await plan_in_order(response)
    await rotate(response)
    case = await hand_over(response)
    await look_for_secret(response, secret, case)
    return response.checks


# ── what is there ────────────────────────────────────────────────────────────────────────────


async def _sweep_all(response: Response) -> None:
    ground = response.ground
    wheels = {version: archives[0] for version, archives in ground.releases.items()}
    await _sweep(response, [ground.unprotected], scenery.UNPROTECTED, "laptop")
    environments = [folder / "env" for folder in ground.protected]
    await _sweep(response, environments, scenery.PROTECTED, "environment")
    repository = ground.scratch / "repository"
    response.has_repository = await scenery.make_repository(
        repository, wheels[CLEAN], wheels["1.82.8"]
    )
    if response.has_repository:
        await _sweep(response, [repository], scenery.REPOSITORY, "repository")
    await _sweep_logs(response)
    table = ground.scratch / "reach.jsonl"
    rows = scenery.write_reach(table, ground.unprotected)
    found = await response.operator.ask("reach", "import", str(table))
    told = f"{found['recorded']} facts: credentials, datasets, two clients, a vendor"
    response.note("reach import reach.jsonl", told, holds=found["recorded"] == rows)


async def _sweep(response: Response, roots: Sequence[Path], asset: str, kind: str) -> None:
    words = ["--asset", asset, "--kind", kind]
    found = await response.operator.ask("sweep", *map(str, roots), *words)
    readers = found["readers"].values()
    items, identities = (sum(one[key] for one in readers) for key in ("items", "identities"))
    read = ", ".join(sorted(name for name, one in found["readers"].items() if one["looks"]))
    told = f"{found['files']:,} files, {items:,} items ({read})"
    told += f"; credentials named: {identities}" if identities else ""
    shown = " ".join(str(root.relative_to(response.ground.scratch)) for root in roots)
    command = f"sweep {shown} {' '.join(words)}"
    response.note(command, told, holds=items > 0 and not found["gaps_total"])


async def _sweep_logs(response: Response) -> None:
    logs = scenery.write_logs(response.ground.scratch / "logs")
    found = await response.operator.ask("sweep", *map(str, logs), expect=(3,))
    whys = {gap["what"].partition(",")[0]: gap["why"] for gap in found["gaps"]}
    cut = whys.get(str(logs[-1]), "")
    told = f"{len(logs)} runs; not read: {Path(logs[-1]).name}: {cut or 'nothing'}"
    response.note(
        "sweep 101.log 102.log 103.log 104.log", told, holds=list(whys) == [str(logs[-1])]
    )


# ── who had it ───────────────────────────────────────────────────────────────────────────────


async def _open(response: Response) -> dict[str, Any]:
    """The first advisory knows of one version only, as the real one did."""
    await _advise(response, ["1.82.8"], "first", modified="2026-03-24T11:15:14Z")
    overlay = response.ground.scratch / "overlay.json"
    known = {"1.82.8": response.ground.releases["1.82.8"]}
    overlay.write_text(json.dumps(scenery.overlay_of(known)))
    await response.operator.do("advisory", "overlay", scenery.ADVISORY_ID, str(overlay))
    opened = f"incident open --advisory {scenery.ADVISORY_ID} --id {INCIDENT}"
    answer: dict[str, Any] = await response.operator.ask(*opened.split())
    counts = answer["counts"]
    told = " · ".join(f"{word} {counts[word]}" for word in _CERTAINTIES)
    response.note(opened, told, holds=set(counts) == set(_CERTAINTIES))
    surely = {("confirmed", "installed"), ("probable", "installed")}
    _judge(response, answer, scenery.UNPROTECTED, lambda word: word[:2] in surely)
    _judge(response, answer, scenery.RUN_8, lambda word: word[:2] in surely)
    _judge(response, answer, scenery.PROTECTED, lambda word: word[0] in {"cleared", "unknown"})
    for run in (scenery.RUN_7, scenery.RUN_CLEAN):  # the advisory does not know of 1.82.7 yet
        _judge(response, answer, run, lambda word: word[0] == "cleared")
    _judge(
        response,
        answer,
        scenery.RUN_CUT,
        lambda word: (word[0], word[2]) == ("unknown", "unreadable"),
    )
    if response.has_repository:
        proofs = (one["proof"] for one in answer["reach"]["identities"]
                  if one["entity"] == scenery.JOB_SECRET)  # fmt: skip
        held = any(proof[0]["subject"] == f"asset:{scenery.RUN_8}" for proof in proofs if proof)
        told = f"{scenery.RUN_8} was given SIGNING_KEY, which its log does not name: "
        told += "by its workflow" if held else "not found"
        response.note(f"incident show {INCIDENT}", told, holds=held)
    return answer


async def _advise(
    response: Response, versions: list[str], name: str, *, modified: str, overlay: object = None
) -> None:
    path = response.ground.scratch / f"{name}.json"
    path.write_text(json.dumps(scenery.record(versions, modified=modified, overlay=overlay)))
    found = await response.operator.ask("advisory", "add", str(path))
    told = f"{scenery.ADVISORY_ID} names {', '.join(versions)}"
    response.note(f"advisory add {path.name}", told, holds=found["recorded"] == 1)


def _judge(
    response: Response,
    answer: Mapping[str, Any],
    asset: str,
    accepts: Callable[[_Word], bool],
) -> None:
    """A check of the word that an asset got."""
    word = _word(answer, asset)
    told = f"{asset}: {', '.join(part for part in word if part)}"
    response.note(f"incident show {INCIDENT}", told, holds=accepts(word))


def _word(answer: Mapping[str, Any], asset: str) -> _Word:
    """Certainty, stage and rule of an asset in an answer."""
    key = f"asset:{asset}"
    for line in answer["lines"]:
        if line["asset"] == key:
            return line["certainty"], line["stage"], line["rule"]
    for group in answer["groups"]:
        if key in group["assets"]:
            return group["certainty"], "", group["rule"]
    return "", "", "not in the answer"


async def _correct(response: Response, opened: Mapping[str, Any]) -> None:
    """The advisory learns of 1.82.7; what it changes is told, and because of what."""
    bad = {v: files for v, files in response.ground.releases.items() if v != CLEAN}
    overlay = scenery.overlay_of(bad)
    await _advise(
        response, list(bad), "corrected", modified="2026-03-24T15:35:00Z", overlay=overlay
    )
    changed = await response.operator.ask("incident", "diff", INCIDENT)
    before, _stage, _rule = _word(opened, scenery.RUN_7)
    mine = (one for one in changed["lines"] if one["asset"] == f"asset:{scenery.RUN_7}")
    after = next((one["after"] or "cleared or unknown" for one in mine), before)
    because = next((text for text in changed["because"] if "advisory" in text), "")
    told = f"{scenery.RUN_7}: {before} → {after}, because of {because or 'nothing'}"
    holds = before == "cleared" and after in {"confirmed", "probable"} and bool(because)
    response.note(f"incident diff {INCIDENT}", told, holds=holds)
