"""Wrapped keys of a dataset that come under its newest key (`pratique dataset rotate`).

Nothing that is wrapped under a destroyed key may ever be stored: whoever stores something holds the
dataset's row and looks at the floor (`check_floor`); whoever raises the floor holds it too, and only
then looks for the last time for what is below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from pratique.custody.errors import KeyBrokenError
from pratique.custody.model import Dataset
from pratique.custody.wrapping import WrappedKey, parse_wrapped
from pratique.errors import UnavailableError
from pratique.store.connect import Database, Session

_AT_ONCE: Final = 500
"""Keys of one transaction: readers and writers wait for some milliseconds."""

_Statement: TypeAlias = Literal["rewrap_object", "rewrap_mark_run", "rewrap_upload"]


class _Found(NamedTuple):
    """A wrapped key, and the row that it lies in."""

    key: WrappedKey
    statement: _Statement
    row: dict[str, object]


Rewrapper: TypeAlias = Callable[[Sequence[WrappedKey]], Sequence[bytes]]


class RotationTables:
    """Finds and replaces wrapped keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def raise_floor(self, dataset: str, generation: int) -> None:
        """From the end of this transaction on nothing below a generation is stored."""
        with self._database.write() as session:
            session.run("hold_dataset", name=dataset)
            session.run("raise_key_floor", dataset=dataset, generation=generation)

    def rewrap(
        self, dataset: Dataset, generation: int, rewrapper: Rewrapper, seen: Callable[[int], None]
    ) -> int:
        """Bring everything of a dataset under a generation; gives how many keys were below.

        A transaction for some hundred keys each; a crash in between leaves both kinds, which both open.
        """
        changed = 0
        for found in self._wrapped_pages(dataset):
            old = [one for one in found if below(one.key.wrapped, generation)]
            if old:
                self._replace_wrapped(old, rewrapper([one.key for one in old]))
            changed += len(old)
            seen(len(found))
        return changed

    def _replace_wrapped(self, old: Sequence[_Found], new: Sequence[bytes]) -> None:
        with self._database.write() as session:
            for one, wrapped in zip(old, new, strict=True):
                session.run(one.statement, **one.row, old=one.key.wrapped, new=wrapped)

    def _wrapped_pages(self, dataset: Dataset) -> Iterator[list[_Found]]:
        yield [
            _Found(
                WrappedKey(wrapped=bytes(row[7]), object=str(row[4])),
                "rewrap_mark_run",
                {"dataset": dataset.name, "number": row[1]},
            )
            for row in self._database.fetch("list_mark_runs", dataset=dataset.name)
        ]
        uploads = self._database.fetch("list_uploads", dataset=dataset.name)
        for at in range(0, len(uploads), _AT_ONCE):
            yield [
                _Found(
                    WrappedKey(wrapped=bytes(row[7]), upload=str(row[0]), lease=str(row[3])),
                    "rewrap_upload",
                    {"id": row[0]},
                )
                for row in uploads[at : at + _AT_ONCE]
            ]
        if not dataset.sealed:  # else its objects' keys are sealed to the client
            yield from self._wrapped_objects(dataset.name)

    def _wrapped_objects(self, dataset: str) -> Iterator[list[_Found]]:
        after = ""
        while True:
            rows = self._database.fetch(
                "list_kept_objects", dataset=dataset, after=after, count=_AT_ONCE
            )
            yield [
                _Found(
                    WrappedKey(wrapped=bytes(row[7]), object=str(row[0])),
                    "rewrap_object",
                    {"id": row[0]},
                )
                for row in rows
            ]
            if len(rows) < _AT_ONCE:
                return
            after = str(rows[-1][0])


def below(wrapped: bytes, generation: int) -> bool:
    """Whether a key is wrapped under an older one; what is sealed to a client is not."""
    try:
        return parse_wrapped(wrapped).generation < generation
    except KeyBrokenError:
        return False


def check_floor(session: Session, dataset: str, wrapped: Sequence[bytes]) -> None:
    """Refuse what would never open, inside a transaction that holds the dataset's row.

    Raises: UnavailableError; the same again gets a key that lasts.
    """
    rows = session.run("read_key_floor", dataset=dataset)
    if rows and any(below(one, int(rows[0][0])) for one in wrapped):
        raise UnavailableError(
            f"the key of dataset {dataset} was rotated while this was on its way; send it again"
        )
