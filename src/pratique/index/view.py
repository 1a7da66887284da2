"""Views: which files a page offered, under which decision, as the ledger keeps them.

A view is the set of rows of one project's page, denied files included. Its id is a hash of a
canonical encoding, so that a third party can recompute it from the ledger's `view` entries
(docs/reference/simple-api.md, "View ids").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pratique.index.model import PageFile
from pratique.index.versions import version_text
from pratique.policy.model import Decision, FileFacts, Outcome
from pratique.values.instants import render_instant
from pratique.values.names import ProjectName

MAX_PART_BYTES: Final = 49_000
"""Of changes in one ledger entry; with its other keys a body stays below 50,000 bytes."""

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BLOCK_LETTERS: Final = 8
_encode = msgspec.json.Encoder().encode


class ViewRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One file of a view. The order of the fields is part of the canonical encoding."""

    filename: str
    sha256: str
    """Empty when the upstream gave none."""
    version: str
    """Normalized; empty when the file name tells none."""
    outcome: str
    rule: str
    until: str | None
    block: str
    """Id of the block page; empty for an open door."""


class ViewPart(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a change as fits into one ledger entry."""

    changes: list[dict[str, Any]]
    """Rows as the ledger spells them: keys `f`, `s`, `v`, `o`, `r`, `u`, `b`."""
    removed: list[str]
    """Names of files that left the page."""


class ViewDelta(msgspec.Struct, frozen=True, kw_only=True):
    """What turns one view into the next; the base with all parts applied is the new view."""

    parts: tuple[ViewPart, ...]
    """Empty when nothing changed; at least one part for a first view, even of an empty page."""


def view_rows(
    index: str, project: ProjectName, decided: Iterable[tuple[PageFile, FileFacts, Decision]]
) -> dict[str, ViewRow]:
    """Rows of a page's view by file name."""
    rows: dict[str, ViewRow] = {}
    for file, _, decision in decided:
        name = file.filename
        sha256 = file.sha256 or ""
        closed = decision.outcome is not Outcome.ALLOW or decision.audited is not None
        until = decision.until
        rows[name] = ViewRow(
            name,
            sha256,
            version_text(name, project=project),
            decision.outcome.value,
            decision.rule,
            render_instant(until) if until is not None else None,
            block_id(index, project, name, sha256, decision.rule) if closed else "",
        )
    return rows


def view_id(rows: Mapping[str, ViewRow]) -> str:
    """Id of a view: 32 hexadecimal digits that depend on every row, not on their order."""
    canonical = _encode([rows[name] for name in sorted(rows)])
    return hashlib.sha256(canonical).hexdigest()[:32]


def view_changes(previous: Mapping[str, ViewRow] | None, rows: Mapping[str, ViewRow]) -> ViewDelta:
    """What the ledger must say to get from the previous view (None: from nothing) to this one."""
    base = previous if previous is not None else {}
    changed = [row for name, row in rows.items() if base.get(name) != row]
    removed = [name for name in base if name not in rows]
    if previous is not None and not changed and not removed:
        return ViewDelta(parts=())
    parts: list[ViewPart] = [ViewPart(changes=[], removed=[])]
    room = MAX_PART_BYTES
    items: list[dict[str, Any] | str] = [*map(_spelled, changed), *removed]
    for item in items:
        size = len(_encode(item)) + 1
        if size > room:
            parts.append(ViewPart(changes=[], removed=[]))
            room = MAX_PART_BYTES
        room -= size
        if isinstance(item, str):
            parts[-1].removed.append(item)
        else:
            parts[-1].changes.append(item)
    return ViewDelta(parts=tuple(parts))


def _spelled(row: ViewRow) -> dict[str, Any]:
    return {
        "f": row.filename,
        "s": row.sha256,
        "v": row.version,
        "o": row.outcome,
        "r": row.rule,
        "u": row.until,
        "b": row.block,
    }


def block_id(index: str, project: ProjectName, filename: str, sha256: str, rule: str) -> str:
    """Id of the page that explains a closed door: 8 characters that a person can read out.

    The same file closed by the same rule keeps its id, so that links in old logs stay good.
    Source: Crockford's base 32 (no I, L, O, U).
    """
    digest = hashlib.sha256(_encode([index, project, filename, sha256, rule])).digest()
    number = int.from_bytes(digest[:5], "big")
    return "".join(_CROCKFORD[number >> 5 * i & 31] for i in reversed(range(_BLOCK_LETTERS)))
