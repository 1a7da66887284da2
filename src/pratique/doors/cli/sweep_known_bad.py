"""Which items of a sweep the recorded advisories name."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from pratique.errors import PratiqueError
from pratique.exposure.advisories.matching import match_items
from pratique.exposure.advisories.model import Advisory, How
from pratique.exposure.ports import ItemRow
from pratique.inventory.observed.model import Item, Stage
from pratique.store.advisories import AdvisoryStore

_SHOWN: Final = 1_000


def known_bad(items: Iterable[tuple[Item, Stage]], advisories: AdvisoryStore) -> tuple[str, ...]:
    """A sentence for each item that a recorded advisory names, by digest, version or moved ref.

    An advisory that cannot be read here is left to `pratique advisory check`, which says so.
    """
    stages: dict[Item, Stage] = {}
    for item, stage in items:
        stages[item] = max(stage, stages.get(item, stage))
    rows = [
        ItemRow(
            id=number,
            type=item.type,
            name=item.name,
            version=item.version,
            digest=item.digest,
            filename=item.filename,
            range="",
        )
        for number, item in enumerate(stages)
    ]
    known = list(stages.items())
    sentences: set[str] = set()
    for advisory in _about(stages, advisories):
        name = advisory.revision.id
        for number, match in match_items(advisory.affected, rows, clean=advisory.clean).items():
            item, stage = known[number]
            if match.how is not How.RANGE:
                sentences.add(f"{item.name} {item.version or item.digest} ({stage.word}): {name}")
    return tuple(sorted(sentences))[:_SHOWN]


def _about(items: Iterable[Item], advisories: AdvisoryStore) -> Iterable[Advisory]:
    """The newest revision of every advisory in force that may speak of one of these."""
    if next(advisories.newest_rows(), None) is None:
        return
    ids = {
        identifier
        for type_, name in {(item.type, item.name) for item in items}
        for identifier in advisories.mentioning(f"package:{type_}/{name}")
    }
    for identifier in sorted(ids):
        with suppress(PratiqueError):
            found = advisories.newest(identifier)
            if found is not None and not found.revision.withdrawn:
                yield found
