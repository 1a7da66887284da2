"""Recording what pages offered: each distinct view of a page enters the ledger once.

A page answer then needs only the view's id to say exactly which files it offered, to whom and
under which decision, for ever.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pratique.doors.index.gather import Gathered
from pratique.doors.index.pages import Described
from pratique.index.view import ViewRow, view_changes, view_id, view_rows
from pratique.ledger.entries import Draft
from pratique.policy.model import Decision
from pratique.values.names import ProjectName

_ROWS_KEPT = 8_000
"""Rows of views kept as bases for the next change (about 600 bytes each)."""
_IDS_KEPT = 50_000
"""Ids known to be recorded; a forgotten one is looked up, and at worst recorded twice."""

_Key = tuple[str, ProjectName]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The view a page showed last: base of the next change."""

    view: str
    rows: Mapping[str, ViewRow]
    decisions: tuple[Decision, ...]
    gathered: weakref.ref[Gathered]
    """Weak: the facts of thousands of files must not stay for as long as these rows do."""


class ViewRecorder:
    """Notes views that have not been recorded before. Lives on one event loop."""

    def __init__(
        self,
        *,
        note: Callable[[Draft], None],
        is_recorded: Callable[[str, ProjectName, str], bool],
    ) -> None:
        self._note = note
        self._is_recorded = is_recorded
        self._known: OrderedDict[tuple[str, ProjectName, str], None] = OrderedDict()
        self._shown: OrderedDict[_Key, _Shown] = OrderedDict()

    def record(self, described: Described) -> str:
        """Note the view unless it is known; gives its id.

        Raises: LedgerSaturatedError when it cannot be queued; the page must then not be answered.
        """
        key = (described.index, described.project.project)
        rows = self._rows_of(key, described)
        identity = view_id(rows)
        if (*key, identity) not in self._known and not self._is_recorded(*key, identity):
            self._note_view(key, identity, rows)
        self._known[*key, identity] = None
        while len(self._known) > _IDS_KEPT:
            self._known.popitem(last=False)
        self._keep(key, described, identity, rows)
        return identity

    def _note_view(self, key: _Key, identity: str, rows: Mapping[str, ViewRow]) -> None:
        base = self._shown.get(key)
        delta = view_changes(base.rows if base else None, rows)
        for number, part in enumerate(delta.parts):
            self._note(
                Draft(
                    kind="view",
                    subject=f"{key[0]}/{key[1]}",
                    actor="door:index",
                    body={
                        "view": identity,
                        "base": base.view if base else "",
                        "part": number,
                        "parts": len(delta.parts),
                        "changes": part.changes,
                        "removed": part.removed,
                    },
                )
            )

    def _rows_of(self, key: _Key, described: Described) -> Mapping[str, ViewRow]:
        """Rows of a view; those of files that are decided as in the last one are taken over."""
        last = self._shown.get(key)
        if last is None or last.gathered() is not described.gathered:
            return view_rows(*key, described.rows)
        decisions = described.decisions
        changed = [
            (described.files[i], described.facts[i], decisions[i])
            for i, before in enumerate(last.decisions)
            if decisions[i] is not before
        ]
        return {**last.rows, **view_rows(*key, changed)} if changed else last.rows

    def _keep(
        self, key: _Key, described: Described, identity: str, rows: Mapping[str, ViewRow]
    ) -> None:
        self._shown[key] = _Shown(
            view=identity,
            rows=rows,
            decisions=described.decisions,
            gathered=weakref.ref(described.gathered),
        )
        self._shown.move_to_end(key)
        total = sum(len(shown.rows) for shown in self._shown.values())
        while total > _ROWS_KEPT and len(self._shown) > 1:
            _, dropped = self._shown.popitem(last=False)
            total -= len(dropped.rows)
