"""Marks of datasets (`custody.marks.records.MarkState`), written once for both dialects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pratique.custody.marks.records import CommittedCodeword, MarkRun, ObjectMarks
from pratique.custody.model import LeaseId, ObjectId
from pratique.errors import InputError
from pratique.store.connect import Database
from pratique.store.custody_rotation import check_floor
from pratique.values.spans import from_micros, to_micros


class MarkTables:
    """`MarkState`. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark_runs(self, dataset: str) -> Sequence[MarkRun]:
        """All runs of a dataset, oldest first."""
        return tuple(
            MarkRun(
                dataset=row[0],
                number=row[1],
                first=row[2],
                count=row[3],
                index=ObjectId(row[4]),
                index_size=row[5],
                index_sha256=row[6],
                wrapped_key=bytes(row[7]),
                key_commitment=row[8],
                entry=row[9],
                at=from_micros(row[10]),
            )
            for row in self._database.fetch("list_mark_runs", dataset=dataset)
        )

    def add_marks(self, run: MarkRun, objects: Iterable[ObjectMarks]) -> None:
        """Put a run into force, all or none. Raises: InputError when another run came first."""
        with self._database.write() as session:
            session.run("hold_dataset", name=run.dataset)
            check_floor(session, run.dataset, [run.wrapped_key])
            added = session.run(
                "add_mark_run",
                dataset=run.dataset,
                number=run.number,
                first_mark=run.first,
                marks=run.count,
                index_object=run.index,
                index_size=run.index_size,
                index_sha256=run.index_sha256,
                wrapped_key=run.wrapped_key,
                key_commitment=run.key_commitment,
                entry=run.entry,
                marked_at=to_micros(run.at),
            )
            if not added:
                raise InputError(
                    f"somebody else has marked {run.dataset!r} meanwhile",
                    remedy="mark it again: what is marked already is left as it is",
                )
            for one in objects:
                session.run(
                    "add_object_marks",
                    object=one.object,
                    dataset=one.dataset,
                    layout_size=one.layout_size,
                    marks=one.marks,
                )

    def marked(self, objects: Sequence[ObjectId]) -> Mapping[ObjectId, ObjectMarks]:
        """Those of the objects that have marks."""
        found = {}
        for one in objects:
            for row in self._database.fetch("find_object_marks", object=one):
                found[one] = ObjectMarks(
                    object=ObjectId(row[0]), dataset=row[1], layout_size=row[2], marks=row[3]
                )
        return found

    def codewords(self, lease: LeaseId, dataset: str) -> Sequence[CommittedCodeword]:
        """Commitments of a lease for a dataset, the longest codeword last."""
        rows = self._database.fetch("list_lease_codewords", lease=lease, dataset=dataset)
        return tuple(
            CommittedCodeword(
                lease=LeaseId(row[0]), dataset=row[1], marks=row[2], commitment=row[3], entry=row[4]
            )
            for row in rows
        )

    def add_codeword(self, word: CommittedCodeword) -> None:
        """Remember a commitment; the same one again changes nothing."""
        with self._database.write() as session:
            session.run(
                "add_lease_codeword",
                lease=word.lease,
                dataset=word.dataset,
                marks=word.marks,
                commitment=word.commitment,
                entry=word.entry,
            )
