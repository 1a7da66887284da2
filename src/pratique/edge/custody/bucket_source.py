"""A bucket of any S3 as a source of objects, by the AWS Common Runtime.

Requests are made as they are: keys such as `a//b` or `x/../y` are found and read, or told as what they are.
Each read names the ETag of the listing, so that an object which changes meanwhile is told, never mixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes
from xml.parsers import expat

from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.io import ClientBootstrap
from awscrt.s3 import (
    S3Client,
    S3Request,
    S3RequestTlsMode,
    S3RequestType,
    S3ResponseError,
    create_default_s3_signing_config,
)

from pratique.custody.manifest import UNKNOWN_TYPE, media_type_of
from pratique.edge.custody.aws_access import AwsAccess, BucketPlace
from pratique.edge.custody.sources import STAMP_ETAG, Found, Gap, SourceGapError, key_or_gap
from pratique.errors import UnavailableError

_PIECE: Final = 8 * 1024 * 1024
_SIDE_BY_SIDE: Final = 4
_SECONDS: Final = 120.0
"""Longest wait for one answer, tries included."""
_MAX_LISTING: Final = 16 * 1024 * 1024
_MEMORY: Final = 1 << 30
"""The least that the runtime accepts as a limit."""
_META: Final = "x-amz-meta-"
_MAX_META: Final = 8 * 1024
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(;[ -~]*)?")
_GAPS: Final = {
    403: "may not be read with these credentials",
    404: "is gone",
    412: "changed while it was read",
    416: "changed while it was read",
}


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    length: int = 0


class BucketSource:
    """Objects below a prefix."""

    def __init__(self, place: BucketPlace, access: AwsAccess | None = None) -> None:
        """Raises: UnavailableError when there are no credentials."""
        self._place = place
        access = access or AwsAccess()
        access.now()
        plain = place.endpoint.startswith("http://")
        self._host = place.endpoint.partition("://")[2] or (
            f"{place.bucket}.s3.{place.region}.amazonaws.com"
        )
        self._base = f"/{place.bucket}" if place.endpoint else ""
        self._client = S3Client(
            bootstrap=ClientBootstrap.get_or_create_static_default(),
            region=place.region,
            signing_config=create_default_s3_signing_config(
                region=place.region, credential_provider=access.provider()
            ),
            tls_mode=S3RequestTlsMode.DISABLED if plain else S3RequestTlsMode.ENABLED,
            memory_limit=_MEMORY,
        )

    @property
    def name(self) -> str:
        """Bucket and prefix, and whose S3."""
        return f"{self._place.name} at {self._host}" if self._place.endpoint else self._place.name

    def walk(self) -> Iterator[Found | Gap]:
        """All objects, in the order of the listing. Raises: UnavailableError."""
        token = ""
        while True:
            page = self._page(token)
            for row in page.rows:
                yield self._found(row)
            if not page.token:
                return
            token = page.token

    def _page(self, token: str) -> _Listing:
        query = f"?encoding-type=url&list-type=2&prefix={quote(self._place.prefix, safe='')}"
        if token:
            query += f"&continuation-token={quote(token, safe='')}"
        body = bytearray()

        def take(chunk: bytes, **_more: object) -> None:
            if len(body) < _MAX_LISTING:
                body.extend(chunk)

        try:
            self._asked(f"{self._base or '/'}{query}", {}, take, "ListObjectsV2")
        except S3ResponseError as error:
            raise UnavailableError(
                f"{self._place.name} cannot be listed: it answers {error.status_code}",
                remedy="check the bucket, --endpoint, and the credentials of this process",
            ) from None
        listing = _Listing()
        listing.read(bytes(body), self._place.name)
        return listing

    def _found(self, row: Mapping[str, str]) -> Found | Gap:
        raw = unquote_to_bytes(row.get("Key", ""))
        shown = raw.decode("utf-8", "backslashreplace")
        size = row.get("Size", "")
        if not raw.startswith(self._place.prefix.encode()) or not size.isdigit():
            raise UnavailableError(
                f"{self._place.name} lists what was not asked for: {shown[:80]!r}"
            )
        place = raw.decode("utf-8", "surrogateescape")
        key = place[len(self._place.prefix) :]
        odd = key_or_gap(key, shown)
        if odd is not None:
            return odd
        return Found(
            key=key,
            size=int(size),
            metadata=((STAMP_ETAG, row.get("ETag", "").strip('"')),),
            media_type=media_type_of(key),
            place=place,
        )

    @contextmanager
    def open(self, found: Found) -> Iterator[_BucketReader]:
        """Begin to read an object that the listing named."""
        yield _BucketReader(self, found)

    def begin(
        self, found: Found, start: int, end: int, view: memoryview
    ) -> tuple[Future[None], _Answer, S3Request]:
        """Ask for bytes `[start, end)` of an object, to be written into a view."""
        answer = _Answer()

        def take(chunk: bytes, **_more: object) -> None:
            stop = answer.length + len(chunk)
            if stop <= len(view):
                view[answer.length : stop] = chunk
            answer.length = stop

        etag = dict(found.metadata)[STAMP_ETAG]
        headers = {"if-match": f'"{etag}"'} if etag else {}
        if found.size:
            headers["range"] = f"bytes={start}-{end - 1}"
        path = f"{self._base}/{quote(found.place.encode('utf-8', 'surrogateescape'), safe='/-_.~')}"
        asked = self._request(path, headers, take, "GetObject", answer)
        return asked.finished_future, answer, asked

    def _asked(self, path: str, headers: Mapping[str, str], take: Any, operation: str) -> None:  # noqa: ANN401 - a callback of awscrt
        asked = self._request(path, headers, take, operation, _Answer())
        _awaited(asked.finished_future, self._place.name)

    def _request(
        self,
        path: str,
        headers: Mapping[str, str],
        take: Any,  # noqa: ANN401 - a callback of awscrt
        operation: str,
        answer: _Answer,
    ) -> S3Request:
        def began(status_code: int, headers: list[tuple[str, str]], **_more: object) -> None:
            answer.status = status_code
            answer.headers = {name.lower(): value for name, value in headers}
            answer.length = 0  # a retry begins anew

        request = HttpRequest("GET", path, HttpHeaders([("host", self._host), *headers.items()]))
        return self._client.make_request(
            request=request,
            type=S3RequestType.DEFAULT,
            operation_name=operation,
            on_headers=began,
            on_body=take,
        )


class _BucketReader:
    """An object, some ranges at a time."""

    def __init__(self, source: BucketSource, found: Found) -> None:
        self._source, self._found = source, found
        self._at = 0
        self._headers: dict[str, str] = {}

    def fill(self, buffer: memoryview) -> int:
        """Ranges side by side into the buffer, each in its place."""
        length = min(len(buffer), self._found.size - self._at)
        if not length and (self._found.size or self._headers):
            return 0
        starts = range(0, max(1, length), _PIECE)
        for first in range(0, len(starts), _SIDE_BY_SIDE):
            self._ranges(starts[first : first + _SIDE_BY_SIDE], buffer, length)
        self._at += length
        return length

    def _ranges(self, starts: range, buffer: memoryview, length: int) -> None:
        asked = []
        for start in starts:
            stop = min(start + _PIECE, length)
            low, high = self._at + start, self._at + stop
            asked.append(
                (stop - start, *self._source.begin(self._found, low, high, buffer[start:stop]))
            )
        for expected, future, answer, _request in asked:
            try:
                _awaited(future, self._source.name)
            except S3ResponseError as error:
                raise _refused(error.status_code, self._source.name) from None
            if answer.length != expected:
                raise SourceGapError("changed while it was read")
            self._headers = self._headers or answer.headers

    def finish(self) -> Found:
        """The object with what its answer said of it."""
        if self._at != self._found.size:
            raise SourceGapError("changed while it was read")
        kept = dict(self._found.metadata)
        room = _MAX_META
        for name, value in sorted(self._headers.items()):
            room -= len(name) + len(value)
            if name.startswith(_META) and room > 0:
                kept.setdefault(name.removeprefix(_META), value)
        told = self._headers.get("content-type", "")
        known = _MEDIA_TYPE.fullmatch(told) and told not in {UNKNOWN_TYPE, "binary/octet-stream"}
        return replace(
            self._found,
            metadata=tuple(sorted(kept.items())),
            media_type=told if known else self._found.media_type,
        )


def _awaited(future: Future[None], place: str) -> None:
    """Wait for an answer. Raises: S3ResponseError, UnavailableError."""
    try:
        future.result(_SECONDS)
    except S3ResponseError:
        raise
    except TimeoutError:
        raise UnavailableError(f"{place} does not answer in time") from None
    except AwsCrtError as error:
        raise UnavailableError(f"{place} cannot be reached: {error.name}") from None


def _refused(status: int, place: str) -> SourceGapError | UnavailableError:
    why = _GAPS.get(status)
    return SourceGapError(why) if why else UnavailableError(f"{place} answers {status}")


class _Listing:
    """One page of ListObjectsV2: rows of `Contents`, and the token of the next page."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str]] = []
        self.token = ""
        self._path: list[str] = []
        self._text: list[str] = []

    def read(self, body: bytes, place: str) -> None:
        """Read the answer. Raises: UnavailableError when it is none."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(body, True)  # noqa: FBT003 - expat's own signature: this is all
        except (expat.ExpatError, ValueError, LookupError):
            raise UnavailableError(f"{place} answers with what is no listing") from None

    def _doctype(self, *_declared: object) -> None:
        raise ValueError  # no entities, no other documents

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2])
        self._text.clear()
        if self._path == ["ListBucketResult", "Contents"]:
            self.rows.append({})

    def _end(self, _name: str) -> None:
        text = "".join(self._text)
        self._text.clear()
        match self._path:
            case ["ListBucketResult", "Contents", ("Key" | "Size" | "ETag") as leaf]:
                self.rows[-1][leaf] = text
            case ["ListBucketResult", "NextContinuationToken"]:
                self.token = text
            case _:
                pass
        self._path.pop()
