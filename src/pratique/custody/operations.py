"""What a request to the S3 door can ask for: a closed union, matched exhaustively by the door."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


# Structs, not frozen dataclasses: one is built per request, in a sixth of the time.
class ListBuckets(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The datasets that a lease may see."""


class StsCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call of the token service; its parameters are the form in the body, or the query."""

    query: str
    """Raw; empty when the parameters come in the body."""


class HeadBucket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether a dataset is there for this lease."""

    bucket: str


class ReadBucketSetting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A sub-resource of a bucket or object with a fixed, true answer (`s3_settings`)."""

    bucket: str
    key: str
    """Empty for the bucket's own."""
    name: str
    """Such as `versioning`, `acl`, `tagging`."""


class ListObjects(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Keys of a dataset; version 1 or 2 of the call."""

    bucket: str
    version: int
    prefix: str
    delimiter: str
    after: str
    """`marker` of version 1, `start-after` of version 2."""
    token: str
    """`continuation-token` of version 2; empty: from the start."""
    max_keys: int
    url_encoded: bool
    fetch_owner: bool


class DeleteObjects(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Several deletions; the keys are in the body."""

    bucket: str


class ListMultipartUploads(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Uploads that have begun."""

    bucket: str
    prefix: str
    delimiter: str
    key_marker: str
    upload_id_marker: str
    max_uploads: int
    url_encoded: bool


class GetObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Read an object, or (`head`) what is known of it."""

    bucket: str
    key: str
    head: bool
    part_number: int | None
    overrides: tuple[tuple[str, str], ...]
    """Headers that a signed query sets in the answer, such as Content-Disposition."""


class PutObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Write an object."""

    bucket: str
    key: str


class CopyObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Write an object from another one."""

    bucket: str
    key: str
    source_bucket: str
    source_key: str
    replace_metadata: bool


class DeleteObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Remove an object."""

    bucket: str
    key: str


class CreateMultipartUpload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Begin an upload in parts."""

    bucket: str
    key: str


class UploadPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send one part."""

    bucket: str
    key: str
    upload_id: str
    part_number: int


class UploadPartCopy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Fill one part from another object."""

    bucket: str
    key: str
    upload_id: str
    part_number: int
    source_bucket: str
    source_key: str


class ListParts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Parts of an upload that have arrived."""

    bucket: str
    key: str
    upload_id: str
    part_number_marker: int
    max_parts: int


class CompleteMultipartUpload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make the parts an object; their list is in the body."""

    bucket: str
    key: str
    upload_id: str


class AbortMultipartUpload(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Forget an upload."""

    bucket: str
    key: str
    upload_id: str


Operation: TypeAlias = (
    ListBuckets
    | StsCall
    | HeadBucket
    | ReadBucketSetting
    | ListObjects
    | DeleteObjects
    | ListMultipartUploads
    | GetObject
    | PutObject
    | CopyObject
    | DeleteObject
    | CreateMultipartUpload
    | UploadPart
    | UploadPartCopy
    | ListParts
    | CompleteMultipartUpload
    | AbortMultipartUpload
)
