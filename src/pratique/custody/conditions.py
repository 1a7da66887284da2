"""Conditional requests: If-Match and its relatives, in the order of RFC 9110 section 13.2.2.

1. If-Match            false: 412      3. If-None-Match      false: 304 to GET and HEAD, else 412
2. If-Unmodified-Since false: 412      4. If-Modified-Since  false: 304 (GET and HEAD only)
   (only without 1)                       (only without 3)
                                       5. Range, with If-Range: a Range that is out of date is ignored
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.values.instants import Instant

_CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
_COPY: Final = "x-amz-copy-source-"


def render_http_date(moment: Instant) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT`, as Last-Modified is written."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def check_read(headers: Mapping[str, str], *, etag: str, modified: Instant) -> None:
    """Check the conditions of a GET or HEAD. `etag` with its quotes.

    Raises: S3Error (NotModified, PreconditionFailed).
    """
    if _CONDITIONS.isdisjoint(headers):  # nearly every request
        return
    match = headers.get("if-match")
    if match is not None:
        if not _names(match, etag):
            raise _failed("If-Match")
    elif _changed_since(headers.get("if-unmodified-since"), modified) is True:
        raise _failed("If-Unmodified-Since")
    none_match = headers.get("if-none-match")
    if none_match is not None:
        if _names(none_match, etag):
            raise S3Error(Code.NOT_MODIFIED, "not modified")
    elif _changed_since(headers.get("if-modified-since"), modified) is False:
        raise S3Error(Code.NOT_MODIFIED, "not modified")


def check_copy_source(headers: Mapping[str, str], *, etag: str, modified: Instant) -> None:
    """Check the conditions on the source of a copy; 412 where a read would give 304.

    Raises: S3Error (PreconditionFailed).
    """
    named = {name: headers[_COPY + name] for name in _CONDITIONS if _COPY + name in headers}
    try:
        check_read(named, etag=etag, modified=modified)
    except S3Error:
        raise _failed("x-amz-copy-source-if-…") from None


def check_write(headers: Mapping[str, str], *, etag: str | None) -> None:
    """Check the conditions of a PUT, DELETE or CompleteMultipartUpload; `etag` None: nothing there.

    Raises: S3Error (PreconditionFailed, NoSuchKey, NotImplemented).
    """
    match = headers.get("if-match")
    if match is not None:
        if etag is None:
            raise S3Error(Code.NO_SUCH_KEY, "If-Match was sent, and there is no such object")
        if not _names(match, etag):
            raise _failed("If-Match")
    none_match = headers.get("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*":
            raise S3Error(
                Code.NOT_IMPLEMENTED, "If-None-Match of a write can only be '*': write if absent"
            )
        if etag is not None:
            raise _failed("If-None-Match")


def range_applies(headers: Mapping[str, str], *, etag: str, modified: Instant) -> bool:
    """Whether a Range header counts: without If-Range, or when the object is still the same one.

    Source: RFC 9110 section 13.1.5; a date must be exactly Last-Modified, an ETag must be strong.
    """
    text = headers.get("if-range")
    if text is None:
        return True
    text = text.strip(" \t")
    if text.startswith(('"', "W/")):
        return text == etag
    return text == render_http_date(modified)


def _names(text: str, etag: str) -> bool:
    """Whether a list of entity tags has `etag`, or is `*`. Bare hex is taken too, as S3 takes it."""
    bare = etag.strip('"')
    for piece in text.split(","):
        tag = piece.strip(" \t").removeprefix("W/")
        if tag == "*" or tag.strip('"') == bare:
            return True
    return False


def _changed_since(text: str | None, modified: Instant) -> bool | None:
    """Whether the object changed after that date; None when it is none (RFC: then ignored)."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return modified.replace(microsecond=0) > moment


def _failed(name: str) -> S3Error:
    return S3Error(
        Code.PRECONDITION_FAILED,
        f"at least one of the preconditions you specified did not hold: {name}",
        fields=(("Condition", name),),
    )
