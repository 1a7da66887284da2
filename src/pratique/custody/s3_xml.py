"""S3's answers as XML. What requests carry in XML is read by `s3_xml_parse`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from urllib.parse import quote

from pratique.custody.model import StoredObject
from pratique.custody.operations import ListMultipartUploads, ListObjects, ListParts
from pratique.custody.ports import Upload
from pratique.custody.s3_errors import S3Error
from pratique.custody.xml_text import element, flag, xml_document
from pratique.values.instants import Instant

OWNER_ID: Final = "pratique"
"""Of everything here: datasets belong to clients, and no AWS account owns them."""
_OWNER: Final = element("ID", OWNER_ID) + element("DisplayName", OWNER_ID)
_STANDARD: Final = "<StorageClass>STANDARD</StorageClass>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPart:
    """A part of an upload that has arrived."""

    number: int
    etag: str
    size: int
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteResult:
    """What became of one key of DeleteObjects."""

    key: str
    error: S3Error | None
    """None: deleted, or not there, which S3 does not tell apart."""


def render_time(moment: Instant) -> str:
    """`2026-11-22T10:15:00.000Z`, as S3 writes times in XML."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def render_buckets(datasets: Iterable[tuple[str, Instant]]) -> bytes:
    """ListBuckets: name and creation of each dataset that the lease may see."""
    rows = "".join(
        f"<Bucket>{element('Name', name)}{element('CreationDate', render_time(at))}</Bucket>"
        for name, at in datasets
    )
    return xml_document(
        "ListAllMyBucketsResult", f"<Owner>{_OWNER}</Owner>", f"<Buckets>{rows}</Buckets>"
    )


def render_objects(
    asked: ListObjects,
    *,
    entries: Sequence[StoredObject],
    prefixes: Sequence[str],
    next_after: str,
    next_token: str,
) -> bytes:
    """ListObjects and ListObjectsV2, from a page of `listing.list_page`.

    `next_after` and `next_token` are empty on the last page.
    """
    spelled = _Spelling(url=asked.url_encoded)
    head = [element("Name", asked.bucket), spelled.element("Prefix", asked.prefix)]
    if asked.version == 1:
        head.append(spelled.element("Marker", asked.after))
        # S3 gives it only with a delimiter, and clients without one use the last key.
        if next_after and asked.delimiter:
            head.append(spelled.element("NextMarker", next_after))
    else:
        head.append(element("KeyCount", len(entries) + len(prefixes)))
        if asked.after:
            head.append(spelled.element("StartAfter", asked.after))
        if asked.token:
            head.append(element("ContinuationToken", asked.token))
        if next_token:
            head.append(element("NextContinuationToken", next_token))
    head.append(element("MaxKeys", asked.max_keys))
    if asked.delimiter:
        head.append(spelled.element("Delimiter", asked.delimiter))
    if asked.url_encoded:
        head.append(element("EncodingType", "url"))
    head.append(flag("IsTruncated", next_after != ""))
    owner = f"<Owner>{_OWNER}</Owner>" if asked.version == 1 or asked.fetch_owner else ""
    rows = [
        f"<Contents>{spelled.element('Key', entry.key)}"
        f"{element('LastModified', render_time(entry.created_at))}"
        f"{element('ETag', entry.etag)}<Size>{entry.size}</Size>{owner}{_STANDARD}</Contents>"
        for entry in entries
    ]
    return xml_document("ListBucketResult", *head, *rows, spelled.prefixes(prefixes))


def render_uploads(
    asked: ListMultipartUploads,
    *,
    uploads: Sequence[Upload],
    prefixes: Sequence[str],
    truncated: bool,
) -> bytes:
    """ListMultipartUploads."""
    spelled = _Spelling(url=asked.url_encoded)
    head = [
        element("Bucket", asked.bucket),
        spelled.element("KeyMarker", asked.key_marker),
        element("UploadIdMarker", asked.upload_id_marker),
    ]
    if truncated and uploads:
        head.append(spelled.element("NextKeyMarker", uploads[-1].key))
        head.append(element("NextUploadIdMarker", uploads[-1].id))
    head.append(spelled.element("Prefix", asked.prefix))
    if asked.delimiter:
        head.append(spelled.element("Delimiter", asked.delimiter))
    head.append(element("MaxUploads", asked.max_uploads))
    if asked.url_encoded:
        head.append(element("EncodingType", "url"))
    head.append(flag("IsTruncated", truncated))
    rows = [
        f"<Upload>{spelled.element('Key', upload.key)}{element('UploadId', upload.id)}"
        f"<Initiator>{_OWNER}</Initiator><Owner>{_OWNER}</Owner>{_STANDARD}"
        f"{element('Initiated', render_time(upload.begun_at))}</Upload>"
        for upload in uploads
    ]
    return xml_document("ListMultipartUploadsResult", *head, *rows, spelled.prefixes(prefixes))


def render_parts(asked: ListParts, *, parts: Sequence[SentPart], truncated: bool) -> bytes:
    """ListParts: those behind the marker, at most as many as were asked for."""
    head = [
        element("Bucket", asked.bucket),
        element("Key", asked.key),
        element("UploadId", asked.upload_id),
        f"<Initiator>{_OWNER}</Initiator><Owner>{_OWNER}</Owner>{_STANDARD}",
        element("PartNumberMarker", asked.part_number_marker),
    ]
    if truncated and parts:
        head.append(element("NextPartNumberMarker", parts[-1].number))
    head.append(element("MaxParts", asked.max_parts))
    head.append(flag("IsTruncated", truncated))
    rows = [
        f"<Part><PartNumber>{part.number}</PartNumber>"
        f"{element('LastModified', render_time(part.at))}{element('ETag', part.etag)}"
        f"<Size>{part.size}</Size></Part>"
        for part in parts
    ]
    return xml_document("ListPartsResult", *head, *rows)


def render_upload_begun(*, bucket: str, key: str, upload_id: str) -> bytes:
    """InitiateMultipartUpload."""
    return xml_document(
        "InitiateMultipartUploadResult",
        element("Bucket", bucket),
        element("Key", key),
        element("UploadId", upload_id),
    )


def render_upload_completed(*, location: str, bucket: str, key: str, etag: str) -> bytes:
    """CompleteMultipartUpload; `location` is the URL of the object."""
    return xml_document(
        "CompleteMultipartUploadResult",
        element("Location", location),
        element("Bucket", bucket),
        element("Key", key),
        element("ETag", etag),
    )


def render_copied(*, etag: str, at: Instant, part: bool = False) -> bytes:
    """CopyObject, and (`part`) UploadPartCopy."""
    return xml_document(
        "CopyPartResult" if part else "CopyObjectResult",
        element("LastModified", render_time(at)),
        element("ETag", etag),
    )


def render_deleted(results: Iterable[DeleteResult], *, quiet: bool) -> bytes:
    """DeleteObjects; `quiet` leaves out what was deleted."""
    rows = []
    for result in results:
        key = element("Key", result.key)
        if result.error is not None:
            code = element("Code", result.error.code.value)
            rows.append(f"<Error>{key}{code}{element('Message', result.error.message)}</Error>")
        elif not quiet:
            rows.append(f"<Deleted>{key}</Deleted>")
    return xml_document("DeleteResult", *rows)


class _Spelling:
    """How keys are written: plain, or percent-encoded when `encoding-type=url` was asked for."""

    def __init__(self, *, url: bool) -> None:
        self._url = url

    def element(self, name: str, text: str) -> str:
        return element(name, quote(text, safe="/-_.~*") if self._url else text)

    def prefixes(self, prefixes: Sequence[str]) -> str:
        return "".join(
            f"<CommonPrefixes>{self.element('Prefix', prefix)}</CommonPrefixes>"
            for prefix in prefixes
        )
