"""The values of the work ledger. They stand in ledger entries as they are (docs/reference/work-ledger.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pratique.values.instants import Instant

FILES_IN_ENTRY: Final = 100
"""Files named in one entry; what has more is written as several entries of one id, in one batch."""


class FileRef(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file, known by its bytes."""

    sha256: str
    size: int
    name: str
    """For people, at most 200 characters; it proves nothing."""
    object: str = ""
    """Id in custody, where it lies there."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Work that was given to somebody."""

    id: str
    project: str
    """`VENDOR/NAME`, as in the register of parties."""
    title: str
    dataset: str
    """What is worked on; empty: nothing yet (collecting)."""
    assigned: tuple[str, ...]
    """Pseudonyms of holders; empty: any of the project."""
    instructions_sha256: str
    """Of what people were told to do, which is kept among the evidence; empty: nothing written."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Files that somebody handed in."""

    id: str
    project: str
    task: str
    by: str
    """Pseudonym of the holder."""
    lease: str
    """Under which it was put, where custody saw it; empty: somebody says so."""
    sealed: bool
    """Encrypted to the client as it came: the hashes are of what arrived."""
    files: tuple[FileRef, ...]


class TransformKind(StrEnum):
    """What was done to files."""

    OPEN = "open"
    """Sealed submissions were opened with the client's key."""
    PII = "pii-scan"
    """Looked through for data about people, which was reported, redacted or dropped."""
    DUPLICATES = "near-duplicates"
    """Records that nearly repeat others were dropped."""
    OTHER = "other"
    """Something that another tool did."""


class Transform(msgspec.Struct, frozen=True, kw_only=True):
    """Files in, files out, and what became of the records."""

    id: str
    project: str
    kind: TransformKind
    observed: bool
    """Done here; False: somebody says that it was done."""
    tool: str
    """Name and version."""
    parameters: dict[str, str]
    inputs: tuple[FileRef, ...]
    outputs: tuple[FileRef, ...]
    records_in: int
    records_out: int
    changed: int
    """Records that came out otherwise than they went in."""
    found: dict[str, int]
    """What was found, counted by sort, such as `EMAIL_ADDRESS`; `unread` counts files that could not be
    looked through."""
    manifests: tuple[str, ...]
    """SHA-256 of the lists of records (`work.records.Line`, one a line), kept among the evidence."""


class ReviewVerdict(StrEnum):
    """What a reviewer says."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else looked at these very files."""

    id: str
    project: str
    by: str
    """Pseudonym or name of the reviewer."""
    verdict: ReviewVerdict
    reason: str
    files: tuple[FileRef, ...]


class WorkDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a dataset that is handed over, with how its files came to be."""

    id: str
    project: str
    dataset: str
    version: int
    root: str
    files: int
    lacking: int
    """Files of which something was not shown; 0 unless somebody took it upon them."""
    reason: str
    """Why it is delivered although something lacks."""
    statement_sha256: str
    """Of the signed in-toto statement."""
    description_sha256: str
    """Of the Croissant description."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry says something, when and by whom."""

    entry: int
    at: Instant
    actor: str


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The work of all projects, folded from entries."""

    tasks: dict[str, Task]
    submissions: dict[str, Submission]
    transforms: dict[str, Transform]
    reviews: dict[str, Review]
    deliveries: dict[str, WorkDelivery]
    recorded: dict[str, Recorded]
    """By id: its first entry."""
    unreadable: tuple[int, ...]

    def of_project(self, project: str) -> Work:
        """The same, of one project."""
        return msgspec.structs.replace(
            self,
            tasks={k: v for k, v in self.tasks.items() if v.project == project},
            submissions={k: v for k, v in self.submissions.items() if v.project == project},
            transforms={k: v for k, v in self.transforms.items() if v.project == project},
            reviews={k: v for k, v in self.reviews.items() if v.project == project},
            deliveries={k: v for k, v in self.deliveries.items() if v.project == project},
        )
