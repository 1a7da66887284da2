"""Recording what pages offered: each distinct view of a page enters the ledger once.

A page answer then needs only the view's id to say exactly which files it offered, to whom and
under which decision, for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from pratique.doors.index.pages import Described
from pratique.index.view import ViewRow, view_changes, view_id, view_rows
from pratique.ledger.entries import Draft
from pratique.values.names import ProjectName

_ROWS_KEPT = 40_000
"""Rows of views kept as bases for the next change (about 200 bytes each)."""
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

    def record(self, described: Described) -> str:
        """Note the view unless it is known; gives its id.

        Raises: LedgerSaturatedError when it cannot be queued; the page must then not be answered.
        """
        rows = view_rows(described.index, described.project.project, described.rows)
        identity = view_id(rows)
        key = (described.index, described.project.project)
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
        return identity

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
