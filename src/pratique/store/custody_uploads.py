"""Uploads in parts: what has arrived, who completes, what became of it (`custody.ports.UploadState`).

An upload's row is the lock of all its changes, so that parts, completions and abortions of several
processes follow each other. Parts keep their rows until their files are deleted: a crash in between
leaves rows that the next sweep finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from pratique.custody.model import ObjectId, StoredObject
from pratique.custody.write_ports import StagedPart
from pratique.store.connect import Row, Session
from pratique.store.custody_datasets import DatasetTables, put_one, revise, standing
from pratique.store.custody_rotation import check_floor
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.spans import from_micros, to_micros

CLAIM_SECONDS: Final = 30.0
"""How long a completion that says nothing keeps others away."""
_REMEMBERED: Final = timedelta(days=1)


class UploadTables(DatasetTables):
    """`UploadState`. Safe to call from any thread."""

    def add_part(self, part: StagedPart, *, now: Instant) -> StagedPart | bool:
        """A part has arrived: True, or the part that it replaces; False: the upload takes none."""
        with self._database.write() as session:
            if not session.run("lock_upload", id=part.upload) or _claimed(session, part, now):
                return False
            before = session.run("take_upload_part", upload=part.upload, number=part.number)
            session.run("add_upload_part", **_part_values(part))
        return _part_of(before[0]) if before else True

    def staged_parts(
        self, upload_id: str, *, after: int = 0, limit: int = 10_000
    ) -> Sequence[StagedPart]:
        """Parts behind a number, in their order."""
        rows = self._database.fetch("list_upload_parts", upload=upload_id, after=after, count=limit)
        return tuple(_part_of(row) for row in rows)

    def claim_upload(self, upload_id: str, claim: str, *, now: Instant) -> bool:
        """Take or renew the right to complete it; others are kept away for `CLAIM_SECONDS`."""
        with self._database.write() as session:
            if not session.run("lock_upload", id=upload_id):
                return False
            until = to_micros(now + timedelta(seconds=CLAIM_SECONDS))
            taken = session.run(
                "put_upload_claim", upload=upload_id, claim=claim, until=until, now=to_micros(now)
            )
        return bool(taken)

    def release_upload(self, upload_id: str, claim: str, *, now: Instant) -> None:
        """The completion failed; another may follow at once."""
        with self._database.write() as session:
            if session.run("lock_upload", id=upload_id):
                held = session.run("find_upload_claim", upload=upload_id, now=to_micros(now))
                if held and held[0][0] == claim:
                    session.run("drop_upload_claim", upload=upload_id)

    def abort_upload(self, upload_id: str, *, now: Instant) -> bool:
        """End it without an object; False: somebody completes it now, or it is not there."""
        with self._database.write() as session:
            if not session.run("lock_upload", id=upload_id):
                return False
            if session.run("find_upload_claim", upload=upload_id, now=to_micros(now)):
                return False
            _end(session, upload_id, "", to_micros(now))
        return True

    def upload_result(self, upload_id: str) -> ObjectId | None:
        """The object that an upload became; None: it is not there, was aborted, or goes on."""
        rows = self._database.fetch("find_upload_end", upload=upload_id)
        return ObjectId(rows[0][0]) if rows and rows[0][0] else None

    def forget_parts(self, upload_id: str) -> None:
        """Its parts are deleted where they lay."""
        with self._database.write() as session:
            session.run("drop_upload_parts", upload=upload_id)

    def expired_uploads(self, before: Instant, *, now: Instant) -> Sequence[str]:
        """Some uploads that began before an instant, and that nobody completes."""
        rows = self._database.fetch(
            "list_old_uploads", before=to_micros(before), now=to_micros(now)
        )
        return tuple(str(row[0]) for row in rows)

    def ended_with_parts(self) -> Sequence[str]:
        """Some uploads that ended and whose parts still lie there."""
        return tuple(str(row[0]) for row in self._database.fetch("list_ended_with_parts"))

    def forget_ends(self, *, now: Instant) -> None:
        """Forget what uploads became that ended long ago."""
        with self._database.write() as session:
            session.run("forget_upload_ends", before=to_micros(now - _REMEMBERED))

    def stages(self) -> Iterable[ObjectId]:
        """Ids under which parts of uploads lie; no objects have them, and they are no rubbish."""
        return tuple(ObjectId(row[0]) for row in self._database.fetch("list_stages"))

    def commit_object(
        self,
        stored: StoredObject,
        *,
        conditional: bool,
        expected: ObjectId | None,
        upload: str = "",
        claim: str = "",
    ) -> bool:
        """Let it stand at its key, and end its upload with it.

        False, and nothing changed: what stands there is not `expected` (if `conditional`), or the
        upload ended or is another's to complete.
        Raises: InputError when the dataset is shredded.
        """
        with self._database.write() as session:
            at = to_micros(stored.created_at)
            if upload:
                if not session.run("lock_upload", id=upload):
                    return False
                # Whoever renews a claim looks at the clock; here only whose it is counts.
                held = session.run("find_upload_claim", upload=upload, now=0)
                if not held or held[0][0] != claim:
                    return False
            coming = revise(session, stored.dataset)
            check_floor(session, stored.dataset, [stored.wrapped_key])
            if conditional and standing(session, stored.dataset, stored.key) != expected:
                # Nothing is written in this transaction but the revision, which may grow.
                return False
            put_one(session, stored, coming)
            if upload:
                _end(session, upload, stored.id, at)
        return True


def _end(session: Session, upload_id: str, object_id: str, at: int) -> None:
    session.run("end_upload", id=upload_id)
    session.run("drop_upload_claim", upload=upload_id)
    session.run("add_upload_end", upload=upload_id, object=object_id, ended_at=at)


def _claimed(session: Session, part: StagedPart, now: Instant) -> bool:
    return bool(session.run("find_upload_claim", upload=part.upload, now=to_micros(now)))


def _part_of(row: Row) -> StagedPart:
    upload, number, stage, size, sha256, checksum, sent_at = row
    return StagedPart(
        upload=upload,
        number=number,
        stage=ObjectId(stage),
        size=size,
        sha256=Sha256(sha256),
        checksum=checksum,
        sent_at=from_micros(sent_at),
    )


def _part_values(part: StagedPart) -> dict[str, object]:
    return {
        "upload": part.upload,
        "number": part.number,
        "stage": part.stage,
        "size": part.size,
        "sha256": part.sha256,
        "checksum": part.checksum,
        "sent_at": to_micros(part.sent_at),
    }
