"""Headers of an S3 request: one shape for all readers, and those that write metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import decode

METADATA_BYTES: Final = 2048
"""Names and values of `x-amz-meta-*` together, as S3 allows."""
KEPT_HEADERS: Final = ("content-disposition", "content-encoding", "content-language")
"""Of a write, besides its type and metadata: readers get them back."""
_META: Final = "x-amz-meta-"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_SIGNING: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_NO_ACL: Final = frozenset({"private", "bucket-owner-full-control"})
_REFUSED: Final = (
    ("x-amz-grant-", "grants to single accounts are not kept: leases say who may read"),
    ("x-amz-object-lock-", "object lock is not kept: versions of a dataset are never changed"),
    (
        "x-amz-server-side-encryption-customer-",
        "keys of the sender's own are not taken: every object is encrypted under the client's key",
    ),
    ("x-amz-tagging", "tags are not kept; send x-amz-meta- headers"),
    ("x-amz-website-redirect-location", "websites are not served"),
    ("x-amz-write-offset-bytes", "appending is not implemented; write the whole object"),
    ("x-amz-expected-bucket-owner", "buckets here belong to no AWS account"),
)


def fold_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names to values; a repeated header is joined with commas, as signatures do.

    Bytes that are no UTF-8 survive as surrogates, so that what is hashed is what was sent.
    """
    folded: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name = _lower(name_bytes)
        value = value_bytes.decode("utf-8", "surrogateescape").strip(" \t")
        if name in folded:
            value = f"{folded[name]},{value}"
        folded[name] = value
    return folded


def with_hoisted(headers: Mapping[str, str], query: str) -> Mapping[str, str]:
    """Headers of a presigned request, with those that its signer put into the query instead.

    SDKs do so with `x-amz-` headers, such as `x-amz-checksum-crc32`. The query is signed, so they are too.
    Raises: S3Error (InvalidArgument) when one stands in both places, or twice.
    """
    found = dict(headers)
    for piece in query.split("&"):
        if piece[:6].lower() == "x-amz-":
            name, _, value = piece.partition("=")
            name = decode(name, plus=True).lower()
            if name not in _SIGNING:
                if name in found:
                    raise S3Error(Code.INVALID_ARGUMENT, f"{name[:64]} was sent more than once")
                found[name] = decode(value, plus=True)
    return found


@lru_cache(maxsize=1024)
def _lower(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape").lower()


def parse_metadata(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """`x-amz-meta-*` of a write, without that prefix, sorted.

    Raises: S3Error when they are too long or no text.
    """
    found = []
    for name, value in headers.items():
        if name.startswith(_META):
            if not value.isprintable():
                raise S3Error(
                    Code.INVALID_ARGUMENT, "metadata must be text without control characters"
                )
            # A query can spell names that no header can: of another header, or with lines of their own.
            if _TOKEN.fullmatch(name) is None:
                raise S3Error(
                    Code.INVALID_ARGUMENT, "names of metadata are letters, digits and dashes"
                )
            found.append((name.removeprefix(_META), value))
    if sum(len(name) + len(value.encode()) for name, value in found) > METADATA_BYTES:
        raise S3Error(
            Code.METADATA_TOO_LARGE, f"x-amz-meta- headers take at most {METADATA_BYTES} bytes"
        )
    return tuple(sorted(found))


def check_write_headers(headers: Mapping[str, str]) -> None:
    """Refuse what a write asks for and would not get; being ignored is how data ends up public.

    Raises: S3Error.
    """
    acl = headers.get("x-amz-acl", "private")
    if acl not in _NO_ACL:
        raise S3Error(
            Code.ACCESS_CONTROL_LIST_NOT_SUPPORTED,
            "access control lists are not kept: leases say who may read",
        )
    for name in headers:
        for prefix, sentence in _REFUSED:
            if name.startswith(prefix):
                raise S3Error(Code.NOT_IMPLEMENTED, f"{name}: {sentence}")
    if headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise S3Error(
            Code.NOT_IMPLEMENTED,
            "x-amz-server-side-encryption: every object is encrypted under the client's key; "
            "keys of a KMS cannot be named",
        )
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise S3Error(Code.INVALID_STORAGE_CLASS, "the only storage class is STANDARD")
