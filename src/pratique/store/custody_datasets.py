"""Datasets and their objects (`custody.ports.DatasetState`), written once for both dialects.

An object keeps the versions that it belongs to as an interval: from the version after the newest
one at its putting, until the version after the newest one at its end. So every version can be
listed for ever, and sealing one costs a row. Keys are stored as bytes, which both databases sort
alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pratique.custody.model import Dataset, ObjectId, StoredObject
from pratique.custody.ports import Upload, Version
from pratique.custody.scopes import dataset_scope
from pratique.errors import InputError
from pratique.store.connect import Database, Session
from pratique.store.custody_rotation import check_floor
from pratique.store.custody_rows import (
    dataset_of,
    dataset_values,
    key_bytes,
    object_of,
    object_values,
    upload_of,
    upload_values,
    version_of,
)
from pratique.store.custody_tree import add_scopes
from pratique.values.instants import Instant
from pratique.values.spans import to_micros

_PAGE: Final = 1000
_BEYOND: Final = b"\xff"
"""Behind every UTF-8 text."""


class DatasetTables:
    """`DatasetState`. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── datasets ─────────────────────────────────────────────────────────────────────────────

    def dataset(self, name: str) -> Dataset | None:
        """The dataset, shredded ones included."""
        rows = self._database.fetch("find_dataset", name=name)
        return dataset_of(rows[0]) if rows else None

    def datasets(self) -> Sequence[Dataset]:
        """All datasets by name."""
        # Sorted here: databases disagree about the order of texts.
        found = (dataset_of(row) for row in self._database.fetch("list_datasets"))
        return tuple(sorted(found, key=lambda one: one.name))

    def add_dataset(self, dataset: Dataset) -> None:
        """Store a new one, and its scope. Raises: InputError when the name is taken."""
        with self._database.write() as session:
            if not session.run("add_dataset", **dataset_values(dataset)):
                raise InputError(
                    f"there is a dataset {dataset.name!r} already",
                    remedy="choose another name; a name is never used twice, not even after shredding",
                )
            add_scopes(session, {dataset_scope(dataset.name): (None, None)})

    def mark_shredded(self, name: str, *, at: Instant) -> None:
        """Its key is gone; nothing of it is answered any more."""
        with self._database.write() as session:
            session.run("shred_dataset", name=name, at=to_micros(at))

    # ── objects ──────────────────────────────────────────────────────────────────────────────

    def object(self, dataset: str, key: str) -> StoredObject | None:
        """The object that stands at a key now; none in a shredded dataset."""
        rows = self._database.fetch("find_object", dataset=dataset, key=key_bytes(key))
        return object_of(rows[0]) if rows else None

    def objects(
        self, dataset: str, *, prefix: str = "", after: str = "", limit: int = _PAGE
    ) -> Sequence[StoredObject]:
        """Objects with `prefix` whose keys sort after `after`, by the bytes of UTF-8."""
        found = self.dataset(dataset)
        if found is None or found.shredded_at is not None:
            return ()
        low, high = _range(key_bytes(prefix), key_bytes(after))
        if low >= high:
            return ()
        rows = self._database.fetch(
            "list_objects", dataset=dataset, low=low, high=high, count=limit
        )
        return tuple(object_of(row) for row in rows)

    def object_by_id(self, object_id: ObjectId) -> StoredObject | None:
        """What an id meant, removed objects included."""
        rows = self._database.fetch("find_object_by_id", id=object_id)
        return object_of(rows[0]) if rows else None

    def kept_objects(self, dataset: str) -> Iterator[StoredObject]:
        """Objects that stand or are in a version, by id: those whose parts are needed."""
        after = ""
        while True:
            rows = self._database.fetch(
                "list_kept_objects", dataset=dataset, after=after, count=_PAGE
            )
            yield from (object_of(row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = str(rows[-1][0])

    def totals(self, dataset: str) -> tuple[int, int]:
        """How many objects stand in a dataset, and their bytes."""
        rows = self._database.fetch("sum_objects", dataset=dataset)
        return int(rows[0][0]), int(rows[0][1])

    def kept_bytes(self, dataset: str) -> int:
        """Bytes of the objects that stand or are in a version."""
        return int(self._database.fetch("sum_kept_objects", dataset=dataset)[0][0])

    def put_object(self, stored: StoredObject) -> StoredObject | None:
        """Let it stand at its key from now on; gives the one that stood there before."""
        return self.put_objects([stored])[0]

    def put_objects(self, stored: Sequence[StoredObject]) -> Sequence[StoredObject | None]:
        """As `put_object`, many of one dataset in one transaction.

        Raises: InputError when the dataset is not there or shredded, or an id was used before.
        """
        if not stored:
            return ()
        if len({one.dataset for one in stored}) > 1:
            raise ValueError("objects of one dataset at a time")
        with self._database.write() as session:
            coming = revise(session, stored[0].dataset)
            check_floor(session, stored[0].dataset, [one.wrapped_key for one in stored])
            return tuple(put_one(session, one, coming) for one in stored)

    def remove_object(
        self, dataset: str, key: str, *, at: Instant, only: ObjectId | None = None
    ) -> StoredObject | None:
        """Nothing stands at the key any more; versions keep what they had.

        With `only` nothing happens when something else stands there by now.
        """
        with self._database.write() as session:
            coming = revise(session, dataset)
            if only is not None and standing(session, dataset, key) != only:
                return None
            rows = session.run(
                "end_object",
                dataset=dataset,
                key=key_bytes(key),
                until_version=coming,
                at=to_micros(at),
            )
        return object_of(rows[0]) if rows else None

    # ── versions ─────────────────────────────────────────────────────────────────────────────

    def revision(self, dataset: str) -> int:
        """Grows with every change of a dataset's objects; `seal_version` can insist on it."""
        rows = self._database.fetch("read_revision", name=dataset)
        return int(rows[0][0]) if rows else 0

    def seal_version(self, version: Version, *, revision: int | None = None) -> None:
        """Fix what stands in the dataset now as its next version.

        Raises: InputError when its number is not the next one, or when objects have changed since
        the dataset was at `revision`: then the root that was computed is not of what stands there.
        """
        with self._database.write() as session:
            rows = session.run("raise_version", name=version.dataset, number=version.number)
            if not rows:
                raise InputError(
                    f"{version.number} is not the next version of {version.dataset!r}",
                    remedy="somebody else has sealed one, or the dataset is shredded; look again",
                )
            if revision is not None and rows[0][0] != revision:
                raise InputError(
                    f"objects of {version.dataset!r} were changed while its version was computed",
                    remedy="seal it again while nobody writes",
                )
            session.run(
                "add_version",
                dataset=version.dataset,
                number=version.number,
                root=version.root,
                objects=version.objects,
                bytes=version.bytes,
                sealed_at=to_micros(version.sealed_at),
            )

    def versions(self, dataset: str) -> Sequence[Version]:
        """All versions, oldest first."""
        rows = self._database.fetch("list_versions", dataset=dataset)
        return tuple(version_of(row) for row in rows)

    def version_objects(self, dataset: str, number: int) -> Iterable[StoredObject]:
        """Objects of a version by key, a page at a time; a sealed version never changes."""
        return self._pages(dataset, number)

    def version_page(
        self, dataset: str, number: int, *, prefix: str = "", after: str = "", limit: int = _PAGE
    ) -> Sequence[StoredObject]:
        """As `objects`, of a version."""
        low, high = _range(key_bytes(prefix), key_bytes(after))
        rows = self._database.fetch(
            "list_version_objects", dataset=dataset, number=number, low=low, count=limit
        )
        return tuple(object_of(row) for row in rows if bytes(row[2]) < high)

    def _pages(self, dataset: str, number: int) -> Iterator[StoredObject]:
        low = b""
        while True:
            rows = self._database.fetch(
                "list_version_objects", dataset=dataset, number=number, low=low, count=_PAGE
            )
            yield from (object_of(row) for row in rows)
            if len(rows) < _PAGE:
                return
            low = bytes(rows[-1][2]) + b"\x00"

    # ── uploads ──────────────────────────────────────────────────────────────────────────────

    def begin_upload(self, upload: Upload) -> None:
        """Remember a multipart upload."""
        with self._database.write() as session:
            session.run("hold_dataset", name=upload.dataset)
            check_floor(session, upload.dataset, [upload.wrapped_key])
            session.run("add_upload", **upload_values(upload))

    def upload(self, upload_id: str) -> Upload | None:
        """An upload that is neither completed nor aborted."""
        rows = self._database.fetch("find_upload", id=upload_id)
        return upload_of(rows[0]) if rows else None

    def uploads(self, dataset: str) -> Sequence[Upload]:
        """All of a dataset, oldest first."""
        rows = self._database.fetch("list_uploads", dataset=dataset)
        return tuple(upload_of(row) for row in rows)

    def end_upload(self, upload_id: str) -> None:
        """Forget it."""
        with self._database.write() as session:
            session.run("end_upload", id=upload_id)


def revise(session: Session, dataset: str) -> int:
    """Lock a dataset for a change; gives the version that the change will be part of."""
    rows = session.run("revise_dataset", name=dataset)
    if not rows:
        raise InputError(
            f"no dataset {dataset[:80]!r} that takes objects",
            remedy="see: pratique dataset list; a shredded one takes none",
        )
    return int(rows[0][0]) + 1


def standing(session: Session, dataset: str, key: str) -> ObjectId | None:
    """Id of what stands at a key, inside a transaction that holds the dataset."""
    rows = session.run("find_object", dataset=dataset, key=key_bytes(key))
    return ObjectId(rows[0][0]) if rows else None


def put_one(session: Session, stored: StoredObject, coming: int) -> StoredObject | None:
    """Let an object stand at its key from version `coming` on; gives what stood there."""
    rows = session.run(
        "end_object",
        dataset=stored.dataset,
        key=key_bytes(stored.key),
        until_version=coming,
        at=to_micros(stored.created_at),
    )
    if not session.run("add_object", **object_values(stored), from_version=coming):
        raise InputError(f"the id {stored.id} was given to an object before")
    return object_of(rows[0]) if rows else None


def _range(prefix: bytes, after: bytes) -> tuple[bytes, bytes]:
    """Half-open range of the keys that begin with `prefix` and sort after `after`."""
    low = max(prefix, after + b"\x00") if after else prefix
    # UTF-8 never holds the byte 0xff, so the last byte of a prefix can always be raised.
    high = prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else _BEYOND
    return low, high
