"""Custody as a naive program would keep it: dictionaries, lists and arithmetic in the open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pratique.custody.model import (
    Dataset,
    Lease,
    LeaseId,
    ObjectId,
    Refusal,
    Scope,
    ScopeId,
    ScopeState,
    Slab,
    Stop,
    StoredObject,
)
from pratique.custody.ports import Changes, Upload, Version
from pratique.errors import InputError
from pratique.values.instants import Instant


@dataclass
class Spell:
    """An object at a key, from one version on until another."""

    stored: StoredObject
    first: int
    until: int | None = None


class OracleDatasets:
    """`DatasetState` in lists; each sealed version keeps a whole copy of what stood there."""

    def __init__(self) -> None:
        self._datasets: dict[str, Dataset] = {}
        self._standing: dict[str, dict[str, StoredObject]] = defaultdict(dict)
        self._sealed: dict[tuple[str, int], list[StoredObject]] = {}
        self._versions: list[Version] = []
        self._ever: dict[str, StoredObject] = {}
        self._uploads: dict[str, Upload] = {}
        self._revisions: dict[str, int] = defaultdict(int)

    def dataset(self, name: str) -> Dataset | None:
        return self._datasets.get(name)

    def datasets(self) -> Sequence[Dataset]:
        return tuple(self._datasets[name] for name in sorted(self._datasets))

    def add_dataset(self, dataset: Dataset) -> None:
        if dataset.name in self._datasets:
            raise InputError("taken")
        self._datasets[dataset.name] = dataset

    def mark_shredded(self, name: str, *, at: Instant) -> None:
        found = self._datasets.get(name)
        if found is not None and found.shredded_at is None:
            self._datasets[name] = replace(found, shredded_at=at)

    def _alive(self, name: str) -> bool:
        return name in self._datasets and self._datasets[name].shredded_at is None

    def object(self, dataset: str, key: str) -> StoredObject | None:
        return self._standing[dataset].get(key) if self._alive(dataset) else None

    def objects(
        self, dataset: str, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> Sequence[StoredObject]:
        if not self._alive(dataset):
            return ()
        found = [
            one
            for key, one in self._standing[dataset].items()
            if key.startswith(prefix) and key.encode() > after.encode()
        ]
        return tuple(sorted(found, key=lambda one: one.key.encode())[:limit])

    def object_by_id(self, object_id: ObjectId) -> StoredObject | None:
        return self._ever.get(object_id)

    def put_object(self, stored: StoredObject) -> StoredObject | None:
        if not self._alive(stored.dataset) or stored.id in self._ever:
            raise InputError("cannot put")
        self._revisions[stored.dataset] += 1
        self._ever[stored.id] = stored
        before = self._standing[stored.dataset].get(stored.key)
        self._standing[stored.dataset][stored.key] = stored
        return before

    def remove_object(self, dataset: str, key: str, *, at: Instant) -> StoredObject | None:
        if not self._alive(dataset):
            raise InputError("cannot remove")
        self._revisions[dataset] += 1
        return self._standing[dataset].pop(key, None)

    def revision(self, dataset: str) -> int:
        return self._revisions[dataset]

    def seal_version(self, version: Version, *, revision: int | None = None) -> None:
        newest = self._datasets[version.dataset]
        stale = revision is not None and revision != self._revisions[version.dataset]
        if not self._alive(version.dataset) or version.number != newest.version + 1 or stale:
            raise InputError("cannot seal")
        self._datasets[version.dataset] = replace(newest, version=version.number)
        self._versions.append(version)
        standing = self._standing[version.dataset].values()
        self._sealed[version.dataset, version.number] = sorted(
            standing, key=lambda one: one.key.encode()
        )

    def versions(self, dataset: str) -> Sequence[Version]:
        return tuple(one for one in self._versions if one.dataset == dataset)

    def version_objects(self, dataset: str, number: int) -> Iterable[StoredObject]:
        return self._sealed.get((dataset, number), [])

    def version_page(
        self, dataset: str, number: int, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> Sequence[StoredObject]:
        low = after.encode()
        found = [
            one
            for one in self.version_objects(dataset, number)
            if one.key.startswith(prefix) and one.key.encode() > low
        ]
        return tuple(found[:limit])


class OracleLeases:
    """`LeaseState` in dictionaries, without the velocity rule."""

    def __init__(self) -> None:
        self._leases: dict[LeaseId, Lease] = {}
        self._scopes: dict[ScopeId, Scope] = {}
        self._coverage: dict[tuple[LeaseId, ObjectId], set[int]] = defaultdict(set)
        self._lengths: dict[tuple[LeaseId, ObjectId], int] = defaultdict(int)
        self._slabs: dict[int, tuple[Slab, list[ScopeId]]] = {}
        self._epoch = 1

    def add_scope(self, scope_id: ScopeId, *caps: int | None) -> bool:
        if scope_id in self._scopes:
            return False
        self._scopes[scope_id] = Scope(
            id=scope_id,
            state=ScopeState.LIVE,
            reason="",
            incident="",
            cap_bytes=caps[0],
            cap_objects=caps[1],
            reserved_bytes=0,
            reserved_objects=0,
            changed_epoch=self._epoch + 1,
        )
        return True

    def add_lease(self, lease: Lease) -> None:
        if lease.id in self._leases:
            raise InputError("taken")
        self._leases[lease.id] = lease
        added = [
            self.add_scope(
                one, *((lease.budget_bytes, lease.budget_objects) if not at else (None, None))
            )
            for at, one in enumerate(lease.scopes)
        ]
        self._epoch += any(added)

    def epoch(self) -> int:
        return self._epoch

    def changes(self, after: int) -> Changes:
        found = [one for one in self._scopes.values() if one.changed_epoch > after]
        found.sort(key=lambda one: (one.changed_epoch, one.id))
        return Changes(epoch=self._epoch, scopes=tuple(found))

    def lease(self, lease_id: LeaseId) -> Lease | None:
        found = self._leases.get(lease_id)
        if found is None:
            return None
        scope = self._scopes[found.scopes[0]]
        assert scope.cap_bytes is not None
        assert scope.cap_objects is not None
        return replace(found, budget_bytes=scope.cap_bytes, budget_objects=scope.cap_objects)

    def leases(self) -> Sequence[Lease]:
        found = [self.lease(one) for one in self._leases]
        return tuple(
            sorted((one for one in found if one), key=lambda one: (one.granted_at, one.id))
        )

    def scope(self, scope: ScopeId) -> Scope | None:
        return self._scopes.get(scope)

    def scopes(self) -> Sequence[Scope]:
        return tuple(self._scopes[one] for one in sorted(self._scopes))

    def _change(self, scope: ScopeId, **changes: Any) -> None:
        self._epoch += 1
        self._scopes[scope] = replace(self._scopes[scope], changed_epoch=self._epoch, **changes)

    def set_state(
        self, scope: ScopeId, state: ScopeState, *, reason: str, incident: str
    ) -> Scope | None:
        found = self._scopes.get(scope)
        if found is None or found.state is ScopeState.ENDED:
            return found
        if state is ScopeState.LIVE:
            reason = incident = ""
        self._change(scope, state=state, reason=reason, incident=incident)
        return self._scopes[scope]

    def set_caps(self, scope: ScopeId, *, cap_bytes: int | None, cap_objects: int | None) -> Scope:
        self._epoch += self.add_scope(scope, None, None)
        self._change(scope, cap_bytes=cap_bytes, cap_objects=cap_objects)
        return self._scopes[scope]

    def may_take(self, lease: Lease, size: int, objects: int) -> Stop | None:
        """Why so much cannot be taken now."""
        chain = [self._scopes[one] for one in lease.scopes]
        if any(one.state is not ScopeState.LIVE for one in chain):
            return Stop.SUSPENDED
        for one in chain:
            if one.cap_bytes is not None and one.reserved_bytes + size > one.cap_bytes:
                return Stop.BUDGET
            if one.cap_objects is not None and one.reserved_objects + objects > one.cap_objects:
                return Stop.BUDGET
        return None

    def took(self, lease: Lease, slab: Slab) -> None:
        """The store gave this slab."""
        self._slabs[slab.id] = (slab, list(lease.scopes))
        for one in lease.scopes:
            scope = self._scopes[one]
            self._scopes[one] = replace(
                scope,
                reserved_bytes=scope.reserved_bytes + slab.bytes,
                reserved_objects=scope.reserved_objects + slab.objects,
            )

    def settle(self, slab: Slab, *, left_bytes: int, left_objects: int) -> None:
        known = self._slabs.pop(slab.id, None)
        for one in known[1] if known else ():
            scope = self._scopes[one]
            self._scopes[one] = replace(
                scope,
                reserved_bytes=scope.reserved_bytes - left_bytes,
                reserved_objects=scope.reserved_objects - left_objects,
            )

    def held(self) -> Mapping[LeaseId, int]:
        found: dict[LeaseId, int] = defaultdict(int)
        for slab, _ in self._slabs.values():
            found[slab.lease] += slab.bytes
        return dict(found)

    def coverage(self, lease: LeaseId, objects: Iterable[ObjectId]) -> Mapping[ObjectId, bytes]:
        found = {}
        for one in objects:
            if (lease, one) in self._lengths:
                bits = bytearray(self._lengths[lease, one])
                for bit in self._coverage[lease, one]:
                    bits[bit // 8] |= 1 << bit % 8
                found[one] = bytes(bits)
        return found

    def add_coverage(self, lease: LeaseId, bitmaps: Mapping[ObjectId, bytes]) -> None:
        for one, bitmap in bitmaps.items():
            self._lengths[lease, one] = max(self._lengths[lease, one], len(bitmap))
            self._coverage[lease, one] |= {
                bit for bit in range(8 * len(bitmap)) if bitmap[bit // 8] >> bit % 8 & 1
            }


def refused(answer: Slab | Refusal) -> Stop | None:
    """Why, if it is a refusal; revoked counts as suspended."""
    if isinstance(answer, Slab):
        return None
    return Stop.SUSPENDED if answer.stop is Stop.REVOKED else answer.stop
