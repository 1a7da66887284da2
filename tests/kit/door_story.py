"""Ledger entries of an index door, told by a small script or drawn by chance.

Everything a door records is here with the shape of docs/reference/ledger-entries.md; the real
view folding of `pratique.index.view` is used, so that these entries are what doors write.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.memory_log import MemoryLog
from pratique.index.view import ViewRow, view_changes, view_id
from pratique.ledger.entries import Draft

T0 = datetime(2026, 3, 24, 10, 0, 0, tzinfo=UTC)
WATCH_SECONDS = 60


def digest_of(filename: str) -> str:
    return random.Random(filename).randbytes(32).hex()


def row(
    filename: str,
    version: str,
    outcome: str = "allow",
    rule: str = "default",
    block: str = "",
    sha256: str | None = None,
) -> ViewRow:
    digest = digest_of(filename) if sha256 is None else sha256
    until = "2026-03-27T10:39:00Z" if outcome == "hold" else None
    return ViewRow(filename, digest, version, outcome, rule, until, block)


@dataclass
class Story:
    """A log that is being written, and a clock."""

    log: MemoryLog = field(default_factory=MemoryLog)
    now: datetime = T0
    base: dict[tuple[str, str], tuple[str, dict[str, ViewRow]]] = field(default_factory=dict)
    deliveries: int = 0

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def write(self, kind: str, subject: str, actor: str, body: dict[str, Any]) -> int:
        draft = Draft(kind=kind, subject=subject, actor=actor, body=body)
        return self.log.append([draft], now=self.now)[0]

    def watch(self, state: str, node: str = "n1", **changes: Any) -> int:
        body = {"state": state, "node": node, "mode": "enforce", "period_seconds": WATCH_SECONDS}
        subject = f"collector:index-door/{node}"
        return self.write("watch", subject, "door:index", {**body, **changes})

    def watched(self, minutes: int) -> None:
        """Time passes while the door says once a minute that it watches."""
        for _ in range(minutes):
            self.wait(minutes=1)
            self.watch("alive")

    def view(
        self,
        project: str,
        rows: list[ViewRow],
        *,
        index: str = "pypi",
        from_nothing: bool = False,
        parts: int | None = None,
    ) -> str:
        """Record what a page offers; gives the view's id. `parts`: only that many are written."""
        by_name = {r.filename: r for r in rows}
        identity = view_id(by_name)
        known = None if from_nothing else self.base.get((index, project))
        delta = view_changes(known[1] if known else None, by_name)
        for number, part in enumerate(delta.parts[:parts]):
            body = {
                "view": identity,
                "base": known[0] if known else "",
                "part": number,
                "parts": len(delta.parts),
                "changes": part.changes,
                "removed": part.removed,
            }
            self.write("view", f"{index}/{project}", "door:index", body)
        self.base[index, project] = identity, by_name
        return identity

    def page(
        self, actor: str, project: str, view: str, *, index: str = "pypi", agent: str = "pip/26"
    ) -> int:
        body = {"view": view, "status": 200, "format": "json", "stale": False, "agent": agent}
        return self.write("page", f"{index}/{project}", actor, body)

    def _file(self, project: str, line: ViewRow, index: str, door: str) -> dict[str, Any]:
        return {
            "index": index,
            "project": project,
            "version": line.version,
            "filename": line.filename,
            "sha256": line.sha256,
            "door": door,
            "outcome": line.outcome,
            "rule": line.rule,
            "method": "GET",
            "status": 200,
            "range": "",
            "agent": "pip/26",
        }

    def deliver(
        self,
        actor: str,
        project: str,
        line: ViewRow,
        *,
        index: str = "pypi",
        door: str = "file",
        ends: bool = True,
        complete: bool = True,
        bytes_sent: int = 1000,
        **changes: Any,
    ) -> int:
        """A file is answered; gives the sequence of the `delivery` entry."""
        self.deliveries += 1
        identity = f"d{self.deliveries}"
        body = self._file(project, line, index, door)
        body |= {"waiver": "", "delivery": identity, **changes}
        sequence = self.write("delivery", f"sha256:{line.sha256}", actor, body)
        if ends and door == "file":
            end = {
                "delivery": identity,
                "filename": line.filename,
                "bytes": bytes_sent,
                "complete": complete,
                "error": "",
            }
            self.write("delivered", f"sha256:{line.sha256}", actor, end)
        return sequence

    def refuse(self, actor: str, project: str, line: ViewRow, *, index: str = "pypi") -> int:
        body = self._file(project, line, index, "file") | {
            "status": 403,
            "reason": f"{line.filename} is held by {line.rule}",
            "until": line.until,
            "block": line.block,
        }
        return self.write("refusal", f"{index}/{project}", actor, body)

    def token(self, name: str, role: str = "asset") -> int:
        body = {"name": name, "role": role, "expires_at": None}
        return self.write("token", f"token:{name}-1", "operator:root", body)


_OUTCOMES = ("allow", "allow", "hide", "hold", "deny")
_VERSIONS = ("1.82.6", "1.82.7", "1.82.7.post1", "1.82.70", "1.82.8", "1.82.7+cpu", "1!1.82.7")
_ACTORS = ("asset:ci", "asset:laptop", "anonymous:127.0.0.1", "approver:alice")


def random_story(seed: int, steps: int = 120, story: Story | None = None) -> Story:
    """What several doors, assets and indexes might do; the same for the same seed."""
    dice = random.Random(seed)
    story = Story() if story is None else story
    views: dict[tuple[str, str], list[tuple[str, list[ViewRow]]]] = {}
    for _ in range(steps):
        story.wait(seconds=dice.choice([0, 1, 20, 60, 90, 600, 5000]))
        index, project = dice.choice(["pypi", "torch"]), dice.choice(["litellm", "lite-llm"])
        known = views.setdefault((index, project), [])
        actor = dice.choice(_ACTORS)
        what = dice.choice(["watch", "view", "page", "page", "page", "deliver", "refuse", "other"])
        if what == "watch":
            story.watch(dice.choice(["start", "alive", "alive", "stop"]), dice.choice(["n1", "n2"]))
        elif what == "view" or not known:
            known.append(_random_view(story, dice, index, project))
        elif what == "page":
            identity = dice.choice([known[-1][0], dice.choice(known)[0], "f" * 32])
            story.page(actor, project, identity, index=index, agent=dice.choice(["pip", "uv"]))
        elif what == "other":
            _random_other(story, dice)
        elif rows := dice.choice(known)[1]:
            line = dice.choice(rows)
            if what == "refuse":
                story.refuse(actor, project, line, index=index)
            else:
                _random_delivery(story, dice, actor, project, line, index)
    return story


def _random_view(
    story: Story, dice: random.Random, index: str, project: str
) -> tuple[str, list[ViewRow]]:
    stem = project.replace("-", "_")
    rows = []
    for version in dice.sample(_VERSIONS, dice.randint(0, len(_VERSIONS))):
        outcome = dice.choice(_OUTCOMES)
        block = "" if outcome == "allow" else f"B{dice.randint(0, 5)}"
        same = digest_of("shared") if dice.random() < 0.15 else None
        name = f"{stem}-{version}-py3-none-any.whl"
        rows.append(row(name, version, outcome, dice.choice(["cool-down", "x"]), block, same))
    lost = 0 if dice.random() < 0.1 else None
    fresh = dice.random() < 0.3
    before = story.base.get((index, project))
    identity = story.view(project, rows, index=index, from_nothing=fresh, parts=lost)
    if lost == 0 and before is not None:
        story.base[index, project] = before
    elif lost == 0:
        del story.base[index, project]
    return identity, rows


def _random_delivery(
    story: Story, dice: random.Random, actor: str, project: str, line: ViewRow, index: str
) -> None:
    story.deliver(
        actor,
        project,
        line,
        index=index,
        door=dice.choice(["file", "file", "metadata", "provenance"]),
        ends=dice.random() < 0.8,
        complete=dice.random() < 0.7,
        bytes_sent=dice.choice([0, 17, 1000]),
        method=dice.choice(["GET", "GET", "HEAD"]),
    )


def _random_other(story: Story, dice: random.Random) -> None:
    if dice.random() < 0.5:
        story.token(dice.choice(["ci", "laptop", "unseen"]))
    elif dice.random() < 0.2:
        story.write("refusal", "pypi/x", "asset:ci", {"index": "pypi"})
    else:
        story.write("policy", "policy", "door:index", {"sha256": "0" * 64, "mode": "enforce"})
