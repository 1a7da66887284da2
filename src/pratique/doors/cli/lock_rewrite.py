"""The work of `pratique lock rewrite`: one plan per file, all made before any file is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pratique.doors.cli.lock_files import read_bounded
from pratique.doors.cli.lock_report import plain
from pratique.inventory.addresses import DoorAddress, file_front, redact
from pratique.inventory.findings.foreign import foreign_addresses
from pratique.inventory.locks import lock_kind, read_lock, sniff_kind
from pratique.inventory.model import LockDocument
from pratique.inventory.rewrite import (
    Exchange,
    needs_files_front,
    plan_to_door,
    plan_to_upstream,
    rewrite,
)

_EXAMPLES = 3
_WIDTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Which way to rewrite."""

    door: DoorAddress
    upstream: str
    """Index URL of the upstream; empty when the way is to the door."""
    given: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What rewriting does to one file."""

    path: Path
    before: bytes
    after: bytes
    urls: int
    """How many URLs are exchanged."""
    exchanges: tuple[Exchange, ...]
    reversible: bool
    left_over: tuple[str, ...]
    """On the way to the door: addresses besides it that remain."""

    @property
    def changed(self) -> bool:
        """Whether the file's bytes change."""
        return self.before != self.after


def plan_file(path: Path, direction: Direction) -> FilePlan:
    """Plan one file. Raises: LockError, RewriteError."""
    data = read_bounded(path)
    shown = path.as_posix()
    document = read_lock(shown, data, kind=lock_kind(shown) or sniff_kind(data))
    exchanges = _exchanges(document, direction)
    text = data.decode("utf-8")
    rewritten = rewrite(text, document.kind, exchanges)
    after = rewritten.text.encode("utf-8")
    return FilePlan(
        path=path,
        before=data,
        after=after,
        urls=rewritten.changed,
        exchanges=exchanges,
        reversible=rewritten.reversible,
        left_over=() if direction.upstream else _left_over(shown, after, document, direction.door),
    )


def _exchanges(document: LockDocument, direction: Direction) -> tuple[Exchange, ...]:
    if not direction.upstream:
        return plan_to_door(document, direction.door, direction.given)
    front = ""
    if needs_files_front(document, direction.door, direction.given):
        front = _learn_front(document, direction)
    return plan_to_upstream(
        document,
        direction.door,
        index_url=direction.upstream,
        files_front=front,
        given=direction.given,
    )


def _learn_front(document: LockDocument, direction: Direction) -> str:
    """Ask the upstream's page of one locked project where it keeps its files.

    Only a front that leads to the very path in the lock is believed.
    """
    from pratique.edge.door_client import find_file_url  # noqa: PLC0415 - few calls need a network

    for package in document.packages:
        for file in package.files:
            if not file.url.startswith(direction.door.packages):
                continue
            url = find_file_url(direction.upstream, package.name, filename=file.filename)
            front = file_front(url)
            path = file.url.removeprefix(direction.door.packages)
            return front if front and front + path == url.partition("#")[0] else ""
    return ""


def _left_over(
    path: str, data: bytes, document: LockDocument, door: DoorAddress
) -> tuple[str, ...]:
    again = read_lock(path, data, kind=document.kind)
    return tuple(
        f"{path}:{item.location.line}: {item.message}" for item in foreign_addresses(again, door)
    )


def plan_lines(plans: Iterable[FilePlan], direction: Direction, *, written: bool) -> Iterator[str]:
    """What was or would be done, with the first changed lines and the way back."""
    verb = "rewrote" if written else "would rewrite"
    for plan in plans:
        shown = plain(plan.path.as_posix())
        if not plan.changed:
            yield f"{shown}: nothing to rewrite"
        else:
            yield f"{shown}: {verb} {plan.urls:,} URL{'' if plan.urls == 1 else 's'}"
            yield from _examples(plan)
            yield f"  the way back: {_way_back(plan, direction)}"
            if not plan.reversible:
                yield "  not exactly: the file already named the new addresses in places"
        yield from (f"  still besides the door: {plain(item)}" for item in plan.left_over)


def plans_json(plans: Iterable[FilePlan], *, written: bool) -> dict[str, Any]:
    """The same for programs."""
    return {
        "written": written,
        "files": [
            {
                "path": plan.path.as_posix(),
                "changed": plan.changed,
                "urls": plan.urls,
                "exchanges": [
                    {"from": redact(item.old), "to": redact(item.new)} for item in plan.exchanges
                ],
                "reversible": plan.reversible,
                "left_over": list(plan.left_over),
            }
            for plan in plans
        ],
    }


def _examples(plan: FilePlan) -> Iterator[str]:
    old, new = plan.before.decode("utf-8").split("\n"), plan.after.decode("utf-8").split("\n")
    pairs = [(at, a, b) for at, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b]
    for at, before, after in pairs[:_EXAMPLES]:
        yield f"  {at}: - {_short(before)}"
        yield f"  {at}: + {_short(after)}"
    if len(pairs) > _EXAMPLES:
        yield f"  … and {len(pairs) - _EXAMPLES:,} more lines"


def _short(line: str) -> str:
    text = plain(redact(line.strip()))
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _way_back(plan: FilePlan, direction: Direction) -> str:
    if direction.upstream:
        return f"pratique lock rewrite --to-door {direction.door.base} {plan.path.as_posix()}"
    index = next((e.old for e in plan.exchanges if e.new == direction.door.simple), "INDEX")
    maps = [
        f"--map {e.new}={redact(e.old)}" for e in plan.exchanges if e.new != direction.door.simple
    ]
    return " ".join(
        (
            f"pratique lock rewrite --door {direction.door.base} --to-upstream {redact(index)}",
            *maps,
            plan.path.as_posix(),
        )
    )
