"""Work as ledger entries, and back. What names many files is several entries of one id, in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from pratique.ledger.entries import Draft, Event
from pratique.work.model import (
    FILES_IN_ENTRY,
    FileRef,
    Recorded,
    Review,
    Submission,
    Task,
    Transform,
    Work,
    WorkDelivery,
)

TASK: Final = "work-task"
SUBMISSION: Final = "work-submission"
TRANSFORM: Final = "work-transform"
REVIEW: Final = "work-review"
DELIVERY: Final = "work-delivery"
KINDS: Final = (TASK, SUBMISSION, TRANSFORM, REVIEW, DELIVERY)

_T = TypeVar("_T", Submission, Transform, Review)


def task_draft(task: Task, *, actor: str) -> Draft:
    """The entry of a task."""
    return _draft(TASK, task.project, task, actor)


def submission_drafts(submission: Submission, *, actor: str) -> list[Draft]:
    """The entries of a submission; to be appended at once."""
    return [
        _draft(SUBMISSION, submission.project, one, actor)
        for one in _pieces(submission, ("files",))
    ]


def transform_drafts(transform: Transform, *, actor: str) -> list[Draft]:
    """The entries of a transform; to be appended at once."""
    return [
        _draft(TRANSFORM, transform.project, one, actor)
        for one in _pieces(transform, ("inputs", "outputs"))
    ]


def review_drafts(review: Review, *, actor: str) -> list[Draft]:
    """The entries of a review; to be appended at once."""
    return [_draft(REVIEW, review.project, one, actor) for one in _pieces(review, ("files",))]


def delivery_draft(delivery: WorkDelivery, *, actor: str) -> Draft:
    """The entry of a delivery."""
    return _draft(DELIVERY, delivery.project, delivery, actor)


def _draft(kind: str, project: str, body: msgspec.Struct, actor: str) -> Draft:
    plain: dict[str, Any] = msgspec.to_builtins(body)
    return Draft(kind=kind, subject=f"work:{project}", actor=actor, body=plain)


def _pieces(whole: _T, fields: Sequence[str]) -> Iterator[_T]:
    """The same thing again and again, each with some of its files."""
    room = FILES_IN_ENTRY // len(fields)
    count = max(1, *(-(-len(getattr(whole, name)) // room) for name in fields))
    for piece in range(count):
        part = {name: getattr(whole, name)[piece * room : (piece + 1) * room] for name in fields}
        yield msgspec.structs.replace(whole, **part)


def fold_work(events: Iterable[Event]) -> Work:
    """All work that these entries tell of, in the order of their sequences."""
    fold = _Fold()
    for event in events:
        fold.take(event)
    return fold.work()


class _Fold:
    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._submissions: dict[str, Submission] = {}
        self._transforms: dict[str, Transform] = {}
        self._reviews: dict[str, Review] = {}
        self._deliveries: dict[str, WorkDelivery] = {}
        self._recorded: dict[str, Recorded] = {}
        self._unreadable: list[int] = []
        self._readers: dict[str, Callable[[Event], str]] = {
            TASK: self._task,
            SUBMISSION: self._submission,
            TRANSFORM: self._transform,
            REVIEW: self._review,
            DELIVERY: self._delivery,
        }

    def take(self, event: Event) -> None:
        reader = self._readers.get(event.kind)
        if reader is None:
            return
        try:
            name = reader(event)
        except msgspec.ValidationError:
            self._unreadable.append(event.sequence)
            return
        recorded = Recorded(entry=event.sequence, at=event.at, actor=event.actor)
        self._recorded.setdefault(name, recorded)

    def work(self) -> Work:
        return Work(
            tasks=self._tasks,
            submissions=self._submissions,
            transforms=self._transforms,
            reviews=self._reviews,
            deliveries=self._deliveries,
            recorded=self._recorded,
            unreadable=tuple(self._unreadable),
        )

    def _task(self, event: Event) -> str:
        found = msgspec.convert(event.body, Task)
        self._tasks[found.id] = found
        return found.id

    def _submission(self, event: Event) -> str:
        found = msgspec.convert(event.body, Submission)
        return _join(self._submissions, found, ("files",))

    def _transform(self, event: Event) -> str:
        found = msgspec.convert(event.body, Transform)
        return _join(self._transforms, found, ("inputs", "outputs"))

    def _review(self, event: Event) -> str:
        return _join(self._reviews, msgspec.convert(event.body, Review), ("files",))

    def _delivery(self, event: Event) -> str:
        found = msgspec.convert(event.body, WorkDelivery)
        self._deliveries[found.id] = found
        return found.id


def _join(known: dict[str, _T], piece: _T, fields: Sequence[str]) -> str:
    before = known.get(piece.id)
    if before is not None:
        joined: dict[str, tuple[FileRef, ...]] = {
            name: getattr(before, name) + getattr(piece, name) for name in fields
        }
        piece = msgspec.structs.replace(piece, **joined)
    known[piece.id] = piece
    return piece.id
