"""What writing and logging in ask of custody's store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pratique.custody.model import ObjectId, StoredObject
from pratique.custody.ports import Upload
from pratique.custody.roles import Role
from pratique.values.digests import Sha256
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPart:
    """A part of an upload that has arrived, and lies encrypted under the upload's own key."""

    upload: str
    number: int
    stage: ObjectId
    """What stands for an object's id in the names of its files; no object has it."""
    size: int
    sha256: Sha256
    checksum: str
    """`x-amz-checksum-NAME=VALUE`, as its sender chose; else empty."""
    sent_at: Instant

    @property
    def etag(self) -> str:
        """Quoted ETag of the part."""
        return f'"{self.sha256[:32]}-1"'


class WriteState(Protocol):
    """What the S3 door writes into. Safe from any thread; UnavailableError when it is not."""

    def object(self, dataset: str, key: str) -> StoredObject | None:
        """The object that stands at a key now."""
        ...

    def remove_object(
        self, dataset: str, key: str, *, at: Instant, only: ObjectId | None = None
    ) -> StoredObject | None:
        """Nothing stands at the key any more; versions keep what they had.

        With `only` nothing happens when something else stands there by now.
        """
        ...

    def commit_object(
        self,
        stored: StoredObject,
        *,
        conditional: bool,
        expected: ObjectId | None,
        upload: str = "",
        claim: str = "",
    ) -> bool:
        """Let it stand at its key, and end its upload with it, in one transaction.

        False, and nothing changed: what stands there is not `expected` (if `conditional`), or the
        upload ended or is another's to complete.
        """
        ...


class UploadState(Protocol):
    """Uploads in parts. Safe from any thread; UnavailableError when it is not."""

    def begin_upload(self, upload: Upload) -> None:
        """Remember a multipart upload."""
        ...

    def upload(self, upload_id: str) -> Upload | None:
        """An upload that is neither completed nor aborted."""
        ...

    def uploads(self, dataset: str) -> Sequence[Upload]:
        """All of a dataset, oldest first."""
        ...

    def object_by_id(self, object_id: ObjectId) -> StoredObject | None:
        """What an id meant."""
        ...

    def add_part(self, part: StagedPart, *, now: Instant) -> StagedPart | bool:
        """A part has arrived: True, or the part that it replaces; False: the upload takes none."""
        ...

    def staged_parts(
        self, upload_id: str, *, after: int = 0, limit: int = 10_000
    ) -> Sequence[StagedPart]:
        """Parts behind a number, in their order."""
        ...

    def claim_upload(self, upload_id: str, claim: str, *, now: Instant) -> bool:
        """Take or renew the right to complete it; others are kept away for half a minute."""
        ...

    def release_upload(self, upload_id: str, claim: str, *, now: Instant) -> None:
        """The completion failed; another may follow at once."""
        ...

    def abort_upload(self, upload_id: str, *, now: Instant) -> bool:
        """End it without an object; False: somebody completes it now, or it is not there."""
        ...

    def upload_result(self, upload_id: str) -> ObjectId | None:
        """The object that an upload became."""
        ...

    def forget_parts(self, upload_id: str) -> None:
        """Its parts are deleted where they lay."""
        ...

    def expired_uploads(self, before: Instant, *, now: Instant) -> Sequence[str]:
        """Some uploads that began before an instant, and that nobody completes."""
        ...

    def ended_with_parts(self) -> Sequence[str]:
        """Some uploads that ended and whose parts still lie there."""
        ...

    def forget_ends(self, *, now: Instant) -> None:
        """Forget what uploads became that ended long ago."""
        ...

    def stages(self) -> Iterable[ObjectId]:
        """Ids under which parts of uploads lie; no objects have them, and they are no rubbish."""
        ...


class RoleState(Protocol):
    """Roles and pseudonyms. Safe from any thread; UnavailableError when it is not."""

    def role(self, name: str) -> Role | None:
        """One role."""
        ...

    def holder_of(self, issuer: str, subject: str, *, now: Instant) -> str:
        """The pseudonym of somebody whom an issuer vouches for; a new one the first time."""
        ...
