"""Revisions of a dataset as the Hub names them, and what stands in each.

A commit names *what one lease sees*: clients keep trees by commit for ever, so leases that see other keys
or other bytes must get other commits. For a lease of all canonical bytes a version's commit is the
first 40 digits of its Merkle root.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pratique.custody.listing import SelectedKeys
from pratique.custody.model import Copy, Lease, StoredObject
from pratique.custody.ports import DatasetState, Version
from pratique.custody.s3_errors import Code, S3Error
from pratique.doors.hub.routes import MAIN

COMMIT_DIGITS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A state of a dataset."""

    dataset: str
    number: int
    """Of the version; 0 for what stands there now."""
    commit: str


class Keys:
    """Keys of a revision that a lease selects, for paging."""

    def __init__(self, state: DatasetState, revision: Revision, lease: Lease) -> None:
        self._state = state
        self._revision = revision
        self._selected = SelectedKeys(self, prefixes_of(lease, revision.dataset))

    def after(self, after: str, *, prefix: str, limit: int) -> Sequence[StoredObject]:
        """Keys of the revision, selected or not."""
        dataset, number = self._revision.dataset, self._revision.number
        if number:
            return self._state.version_page(
                dataset, number, prefix=prefix, after=after, limit=limit
            )
        return self._state.objects(dataset, prefix=prefix, after=after, limit=limit)

    @property
    def selected(self) -> SelectedKeys:
        """Those that the lease selects."""
        return self._selected


class Revisions:
    """Finds revisions by name. Asks the store each time: a commit that is gone is told as gone."""

    def __init__(self, state: DatasetState) -> None:
        self._state = state

    @property
    def state(self) -> DatasetState:
        """Where datasets are known."""
        return self._state

    async def find(self, lease: Lease, dataset: str, name: str) -> Revision:
        """The revision of a name: `main`, `vN`, a commit, or a version's root.

        Raises: S3Error (NoSuchVersion).
        """
        if name in {MAIN, "refs/heads/main", "HEAD"}:
            return await self.main(lease, dataset)
        for version in reversed(await asyncio.to_thread(self._state.versions, dataset)):
            commit = commit_of(lease, dataset, version.root)
            if name in {f"v{version.number}", commit, version.root, version.root[:COMMIT_DIGITS]}:
                return Revision(dataset=dataset, number=version.number, commit=commit)
        current = await self.main(lease, dataset)
        if name == current.commit:
            return current
        raise S3Error(
            Code.NO_SUCH_VERSION,
            "there is no such revision: main is what stands there now, v1, v2 … are sealed versions; "
            "a commit of main is gone once something changes",
        )

    async def main(self, lease: Lease, dataset: str) -> Revision:
        """What stands there now."""
        number = await asyncio.to_thread(self._state.revision, dataset)
        commit = commit_of(lease, dataset, f"now {number}")
        return Revision(dataset=dataset, number=0, commit=commit)

    async def versions(self, lease: Lease, dataset: str) -> list[tuple[Version, str]]:
        """All versions with their commits, oldest first."""
        found = await asyncio.to_thread(self._state.versions, dataset)
        return [(version, commit_of(lease, dataset, version.root)) for version in found]

    async def object(self, revision: Revision, key: str) -> StoredObject | None:
        """What stood at a key in a version."""
        page = await asyncio.to_thread(
            self._state.version_page, revision.dataset, revision.number, prefix=key, limit=1
        )
        return page[0] if page and page[0].key == key else None


def prefixes_of(lease: Lease, dataset: str) -> tuple[str, ...]:
    """What a lease selects of a dataset."""
    pairs = (selector.partition("/") for selector in lease.selectors)
    return tuple(prefix for name, _, prefix in pairs if name == dataset)


def commit_of(lease: Lease, dataset: str, state: str) -> str:
    """The commit of a state under a lease: 40 hexadecimal digits."""
    prefixes = sorted(prefixes_of(lease, dataset))
    if "" in prefixes and lease.copy is Copy.CANONICAL and " " not in state:
        return state[:COMMIT_DIGITS]
    own = lease.id if lease.copy is Copy.MARKED else ""
    text = "\x00".join(("pratique-commit-1", dataset, state, own, *prefixes))
    return hashlib.sha256(text.encode()).hexdigest()[:COMMIT_DIGITS]
