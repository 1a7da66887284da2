"""What the ledger of an index door says of a question, found by walking through all of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from kit.door_story import Story


def who_got(
    story: Story, is_meant: Callable[[str, str], bool], start: datetime, end: datetime
) -> dict[str, set[str]]:
    """Walk the whole log with dictionaries: who fetched, who was offered, who saw it held.

    `is_meant` says of a project and a version as the log spells it whether it is asked for.
    """
    views: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    names: dict[str, set[str]] = {"fetched": set(), "offered": set(), "withheld": set()}
    entries = story.log.kept
    digests = set()
    for entry in entries:
        body = entry.body
        if entry.kind == "view":
            project = entry.subject.partition("/")[2]
            digests |= {c["s"] for c in body["changes"] if c["s"] and is_meant(project, c["v"])}
        if entry.kind == "delivery" and is_meant(body["project"], body["version"]):
            digests.add(body["sha256"])
    pending: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for entry in entries:
        if entry.kind != "view":
            continue
        body, page = entry.body, entry.subject
        key = (page, body["view"], body["base"])
        if key not in pending:
            base = views.get((page, body["base"]))
            pending[key] = dict(base or {})
        for change in body["changes"]:
            pending[key][change["f"]] = change
        for name in body["removed"]:
            pending[key].pop(name, None)
        if body["part"] == body["parts"] - 1:
            views.setdefault((page, body["view"]), pending[key])
    ends = {e.body["delivery"]: e.body for e in entries if e.kind == "delivered"}
    sessions: dict[tuple[str, str, str], list[list[datetime]]] = {}
    for entry in entries:
        if entry.kind == "page":
            key = (entry.subject, entry.body["view"], entry.actor)
            runs = sessions.setdefault(key, [])
            if runs and entry.recorded_at - runs[-1][1] <= timedelta(hours=1):
                runs[-1][1] = entry.recorded_at
            else:
                runs.append([entry.recorded_at, entry.recorded_at])
        if entry.kind == "delivery" and start <= entry.recorded_at < end:
            body = entry.body
            if body["sha256"] not in digests and not is_meant(body["project"], body["version"]):
                continue
            ended = ends.get(body["delivery"])
            left = ended is None or ended["complete"] or ended["bytes"] > 0
            file = body["door"] == "file" and body["method"] == "GET"
            names["fetched" if file and left else "offered"].add(entry.actor)
    for (page, view, actor), runs in sessions.items():
        rows = views.get((page, view), {}).values()
        project = page.partition("/")[2]
        outcomes = {r["o"] for r in rows if r["s"] in digests or is_meant(project, r["v"])}
        if outcomes and any(first < end and last >= start for first, last in runs):
            names["offered" if outcomes & {"allow", "hide"} else "withheld"].add(actor)
    return names
