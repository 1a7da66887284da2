"""What is done about it: the plan in its order, rotation, and a case for one client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pratique.drill import scenery
from pratique.drill.checks import INCIDENT, Response
from pratique.values.instants import now_utc, render_instant

_STEPS: Final = ("snapshot", "isolate", "disarm", "revoke", "re-issue", "verify", "notify")
_ROTATED: Final = "2026-03-25T09:00:00Z"


async def plan_in_order(response: Response) -> None:
    """Nothing comes before what it waits for, in the list and when somebody tries."""
    plan = await response.operator.ask("incident", "plan", INCIDENT)
    items = plan["items"]
    places = [_STEPS.index(item["step"]) for item in items]
    listed: set[str] = set()
    waits = True
    for item in items:
        waits = waits and listed.issuperset(item["after"])
        listed |= {item["id"], f"step:{item['step']}"}
    told = " → ".join(f"{step} {places.count(i)}" for i, step in enumerate(_STEPS) if i in places)
    whole = {"snapshot", "disarm", "revoke", "verify"} <= {item["step"] for item in items}
    ordered = whole and waits and places == sorted(places)
    response.note(f"incident plan {INCIDENT}", told, holds=ordered)
    early = next((item["id"] for item in items if item["step"] == "revoke"), "revoke")
    words = ("incident", "step", INCIDENT, early, "--state", "done")
    refused = await response.operator.do(*words, expect=(0, 2))
    holds = refused.exit_code != 0 and "disarm" in refused.errors
    told = "refused: nothing is revoked before every machine is disarmed"
    response.note(" ".join(words), told if holds else refused.told(), holds=holds)


async def rotate(response: Response) -> None:
    """A stolen credential that was replaced; and one that lies where the release still is."""
    token = scenery.token_of(response.ground.unprotected)
    now = render_instant(now_utc())
    for identity, at in ((scenery.DEPLOY_KEY, _ROTATED), (token, now)):
        await response.operator.do("reach", "rotated", identity, "--at", at, "--source", "drill")
    answer = await response.answer()
    start, end = _exposure(answer, scenery.DEPLOY_KEY)
    told = f"exposed from {start or 'never'} to {end or 'now'}"
    command = f"reach rotated {scenery.DEPLOY_KEY} --at {_ROTATED}"
    response.note(command, told, holds=bool(start) and end == _ROTATED)
    start, end = _exposure(answer, token)
    holds = bool(start) and not end
    told = "still exposed: the release is still there, and takes the new value too"
    told = told if holds else f"exposed from {start or 'never'} to {end or 'now'}"
    response.note(f"reach rotated {_short(token)} --at {now}", told, holds=holds)


def _short(identity: str) -> str:
    """Without the scratch folder that its name is in."""
    kind, _, name = identity.partition("/")
    return f"{kind}/…{name.rpartition('/')[2]}"


def _exposure(answer: Mapping[str, Any], entity: str) -> tuple[str, str]:
    """Since when a credential is in foreign hands, and until when; empty: not at all, still."""
    for one in answer["reach"]["identities"]:
        if one["entity"] == entity:
            return one["start"] or "", one["end"] or ""
    return "", ""


async def hand_over(response: Response) -> Path:
    """A case for one client, checked by our program and by the one that needs none of it."""
    operator, case = response.operator, response.ground.scratch / "case.xpz"
    words = ("incident", "bundle", INCIDENT, "--client", scenery.CLIENT)
    await operator.do(*words, "-o", str(case))
    content = (await asyncio.to_thread(case.read_bytes)).lower()
    strangers = (scenery.OTHER_CLIENT, scenery.OTHER_DATASET, scenery.VENDOR, scenery.UNPROTECTED)
    found = [name for name in strangers if name.lower().encode() in content]
    named = scenery.CLIENT.lower().encode() in content
    told = f"{len(content):,} bytes; of {scenery.OTHER_CLIENT}, its data and others' machines: "
    told += ", ".join(found) or "nothing"
    response.note(" ".join((*words, "-o", case.name)), told, holds=named and not found)
    key = (await operator.ask("ledger", "checkpoint"))["verifier_key"]
    verified = await operator.start(
        "verify", str(case), "--key", key, "--format", "json", expect=(0, 1)
    )
    report = verified.read()
    told = f"{report.get('facts', 0)} entries in clear, {report.get('withheld', 0)} by hash only"
    response.note(f"verify {case.name} --key …", told, holds=report.get("verified") is True)
    await _verify_alone(response, case, key)
    return case


async def _verify_alone(response: Response, case: Path, key: str) -> None:
    """The verifier as one file in an isolated Python; of a changed case it must say so."""
    operator = response.operator
    verifier = response.ground.scratch / "verify.py"
    printed = await operator.start("verify", "--print-verifier", expect=(0,))
    verifier.write_text(printed.output, "utf-8")
    good = await operator.python(str(verifier), str(case), "--key", key)
    changed = case.with_name("changed.xpz")
    await asyncio.to_thread(_copy_with_a_bit_changed, case, changed)
    bad = await operator.python(str(verifier), str(changed), "--key", key)
    told = f"{good.told()}; with one bit changed: {'refused' if bad.exit_code else 'not noticed'}"
    command = "verify --print-verifier > verify.py && python -I verify.py case.xpz --key …"
    response.note(command, told, holds=good.exit_code == 0 and bad.exit_code != 0)


def _copy_with_a_bit_changed(case: Path, changed: Path) -> None:
    content = bytearray(case.read_bytes())
    content[content.index(b"probable")] ^= 1
    changed.write_bytes(content)


async def look_for_secret(response: Response, secret: str, case: Path) -> None:
    """The planted value is in its own file, and in nothing that Pratique wrote."""
    home = response.ground.home
    found = await asyncio.to_thread(_files_with, secret.encode(), [home, case])
    audit = await response.operator.ask("ledger", "verify", expect=(0, 1))
    told = f"{audit['size']:,} entries, {'sound' if audit['sound'] else 'DAMAGED'}; files of home"
    told += f" and case with the planted credential's value: {len(found)}"
    response.note("ledger verify", told, holds=audit["sound"] and not found)


def _files_with(needle: bytes, places: list[Path]) -> list[Path]:
    """Files at or below some places that contain these bytes."""
    files = [f for place in places for f in ([place] if place.is_file() else place.rglob("*"))]
    return [file for file in files if file.is_file() and needle in file.read_bytes()]
