"""The end of a key, in the order that leaves nothing open: broker, doors, ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pratique.custody.key_entries import key_entry
from pratique.doors.cli.stores import operator
from pratique.ledger.entries import Draft
from pratique.ledger.store import LogStore
from pratique.store.custody import CustodyStore
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.edge.custody.broker.frames import Changed
    from pratique.edge.custody.broker_admin import BrokerAdmin


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """What is lost, and where the ledger says so."""

    changed: Changed
    objects: int
    entries: tuple[int, ...]
    """Of the datasets, then of the client if it was theirs."""


def destroy_key(
    admin: BrokerAdmin,
    custody: CustodyStore,
    log: LogStore,
    *,
    kind: str,
    name: str,
    reason: str,
) -> Destroyed:
    """Destroy the key of a client or dataset. A crash in between is healed by doing it again.

    1. Nothing of it is opened any more. 2. The doors know. 3. The ledger says so.
    Raises: BrokerRefusedError when there is no such key.
    """
    changed = _ended(admin, kind, name)
    now = now_utc()
    counts = {dataset: custody.totals(dataset)[0] for dataset in changed.datasets}
    for dataset in changed.datasets:
        custody.mark_shredded(dataset, at=now)
    entries = log.append(_drafts(admin, f"{kind}:{name}", counts, reason), now=now)
    return Destroyed(changed=changed, objects=sum(counts.values()), entries=tuple(entries))


def _ended(admin: BrokerAdmin, kind: str, name: str) -> Changed:
    """What is gone now; also when it went in a run that died before its entry was written."""
    from pratique.edge.custody.broker.frames import Changed  # noqa: PLC0415 - help needs none of it

    found = admin.all_keys()
    for info in found:
        if (info.kind, info.name, info.state) == (kind, name, "destroyed"):
            gone = [
                each.name
                for each in found
                if each.kind == "dataset" and each.state == "destroyed"
                and (each.name == name if kind == "dataset" else each.client == name)
            ]  # fmt: skip
            return Changed(info.client, info.generation, tuple(gone))
    return admin.destroy_client(name) if kind == "client" else admin.destroy_dataset(name)


def _drafts(
    admin: BrokerAdmin, subject: str, counts: Mapping[str, int], reason: str
) -> list[Draft]:
    """An entry for each key that is gone."""
    generations = {f"{info.kind}:{info.name}": info.generation for info in admin.all_keys()}
    lost = {f"dataset:{dataset}": count for dataset, count in counts.items()}
    lost.setdefault(subject, sum(counts.values()))
    return [
        key_entry(
            each,
            "destroyed",
            generation=generations.get(each, 0),
            actor=operator(),
            objects=count,
            reason=reason,
        )
        for each, count in lost.items()
    ]
