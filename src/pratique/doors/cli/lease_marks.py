"""What a lease on marked copies gets without marks: said when it is granted, not when its data leaked."""

from __future__ import annotations

from typing import Final, Protocol

from pratique.custody.granting import parse_selector
from pratique.custody.marks.records import MarkState
from pratique.custody.model import Copy, Lease, Verb
from pratique.custody.ports import DatasetState
from pratique.values.plain_text import printable

_LOOKED_AT: Final = 500
"""Objects of one selector: granting stays quick, whatever the size of the dataset."""
_CANNOT: Final = (
    "CSV, plain text, compressed files and one large JSON document cannot be marked, pictures and film only "
    "with --variants"
)


class Kept(DatasetState, MarkState, Protocol):
    """What is asked of custody's store: objects, and which of them have marks."""


def unmarked_lines(state: Kept, lease: Lease) -> tuple[str, ...]:
    """A sentence for each selector below which the lease reads bytes that name nobody when they leak."""
    if lease.copy is not Copy.MARKED or Verb.READ not in lease.verbs:
        return ()
    found = (_line(state, selector) for selector in lease.selectors)
    return tuple(line for line in found if line)


def _line(state: Kept, selector: str) -> str:
    name, prefix = parse_selector(selector)
    objects = state.objects(name, prefix=prefix, limit=_LOOKED_AT)
    if not objects:
        return ""
    marked = state.marked([one.id for one in objects]) if state.mark_runs(name) else {}
    without = [one for one in objects if one.id not in marked]
    if not without:
        return ""
    if not marked:
        return (
            f"nothing in {selector} has marks: the lease reads canonical bytes, and a leak of them "
            f"names nobody. Mark it before it is read: pratique dataset mark {name} ({_CANNOT})"
        )
    more = " of the first" if len(objects) == _LOOKED_AT else " of"
    return (
        f"{len(without):,}{more} {len(objects):,} objects in {selector} have no marks, such as "
        f"{printable(without[0].key)}: a leak of these names nobody. Mark what came since: pratique dataset "
        f"mark {name} ({_CANNOT})"
    )
