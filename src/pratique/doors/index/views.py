"""Recording what pages offered: each distinct view of a page enters the ledger once.

A page answer then needs only the view's id to say exactly which files it offered, to whom and
under which decision, for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

from pratique.doors.index.pages import Described
from pratique.index.view import ViewRow, view_changes, view_id, view_rows
from pratique.ledger.entries import Draft
from pratique.values.names import ProjectName

_ROWS_KEPT = 8_000
"""Rows of views kept as bases for the next change (about 600 bytes each)."""
_IDS_KEPT = 50_000
"""Ids known to be recorded; a forgotten one is looked up, and at worst recorded twice."""


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
        self._latest: dict[tuple[str, ProjectName], str] = {}
        self._rows: OrderedDict[tuple[str, ProjectName], Mapping[str, ViewRow]] = OrderedDict()
        self._shown: WeakValueDictionary[tuple[str, ProjectName], Described] = WeakValueDictionary()

    def record(self, described: Described) -> str:
        """Note the view unless it is known; gives its id.

        Raises: LedgerSaturatedError when it cannot be queued; the page must then not be answered.
        """
        key = (described.index, described.project.project)
        rows = self._rows_of(key, described)
        identity = view_id(rows)
        if (*key, identity) in self._known:
            return identity
        if not self._is_recorded(*key, identity):
            base = self._rows.get(key)
            delta = view_changes(base, rows)
            for number, part in enumerate(delta.parts):
                self._note(
                    Draft(
                        kind="view",
                        subject=f"{key[0]}/{key[1]}",
                        actor="door:index",
                        body={
                            "view": identity,
                            "base": self._latest[key] if base is not None else "",
                            "part": number,
                            "parts": len(delta.parts),
                            "changes": part.changes,
                            "removed": part.removed,
                        },
                    )
                )
        self._known[*key, identity] = None
        while len(self._known) > _IDS_KEPT:
            self._known.popitem(last=False)
        self._keep(key, identity, rows)
        self._shown[key] = described
        return identity

    def _rows_of(self, key: tuple[str, ProjectName], described: Described) -> Mapping[str, ViewRow]:
        """Rows of a view; those of files that are decided as in the last one are taken over."""
        last, rows = self._shown.get(key), self._rows.get(key)
        if last is None or rows is None or last.gathered is not described.gathered:
            return view_rows(*key, described.rows)
        changed = [
            row
            for row, before in zip(described.rows, last.decisions, strict=True)
            if row[2] is not before
        ]
        return {**rows, **view_rows(*key, changed)} if changed else rows

    def _keep(
        self, key: tuple[str, ProjectName], identity: str, rows: Mapping[str, ViewRow]
    ) -> None:
        self._latest[key] = identity
        self._rows[key] = rows
        self._rows.move_to_end(key)
        total = sum(len(r) for r in self._rows.values())
        while total > _ROWS_KEPT and len(self._rows) > 1:
            gone, dropped = self._rows.popitem(last=False)
            del self._latest[gone]
            total -= len(dropped)
