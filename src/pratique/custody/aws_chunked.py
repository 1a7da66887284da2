"""Bodies in `aws-chunked`: chunks with signatures that chain, and trailers behind them.

A state machine without I/O: bytes in, data out. What it hands out of a signed chunk has been verified:
a chunk is kept until its signature is known to be right, so a chunk has a size limit.

    SIZE_LINE --size>0--> DATA --all there, verified--> DATA_END --CRLF--> SIZE_LINE
    SIZE_LINE --size=0, verified--> TRAILERS --empty line--> DONE

Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks"
and "… including trailing headers", Amazon S3 API reference.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.sigv4 import EMPTY_SHA256, Claim, Payload

MAX_CHUNK_BYTES: Final = 8 * 1024 * 1024
"""Of a signed chunk, which is kept whole. SDKs send 64 KiB to 1 MiB."""
_LINE_BYTES: Final = 256
"""Of a chunk's first line: 16 hex digits, `;chunk-signature=` and 64 more."""
_TRAILER_BYTES: Final = 4096
_SIZE_DIGITS: Final = 13
"""Hex digits of 4 PiB."""
_SIGNATURE: Final = b"chunk-signature="
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class _At(Enum):
    SIZE_LINE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkChain:
    """Signatures that each cover the one before; the first is the request's own."""

    __slots__ = ("_key", "_previous", "_scope", "_stamp")

    def __init__(self, claim: Claim, key: bytes) -> None:
        """From a claim that `sigv4.verify` has found true, with the same day key."""
        self._key = key
        self._stamp = claim.stamp
        self._scope = claim.scope
        self._previous = claim.signature

    def check_chunk(self, data: bytes | bytearray | memoryview, signature: str) -> None:
        """Raises: S3Error (SignatureDoesNotMatch)."""
        self._check("PAYLOAD", f"{EMPTY_SHA256}\n{sha256(data).hexdigest()}", signature, "a chunk")

    def check_trailers(self, lines: bytes, signature: str) -> None:
        """`lines` are `name:value` with a newline each. Raises: S3Error (SignatureDoesNotMatch)."""
        self._check("TRAILER", sha256(lines).hexdigest(), signature, "the trailer")

    def _check(self, kind: str, rest: str, signature: str, what: str) -> None:
        text = f"AWS4-HMAC-SHA256-{kind}\n{self._stamp}\n{self._scope}\n{self._previous}\n{rest}"
        found = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(found.encode(), signature.encode("utf-8", "replace")):
            raise S3Error(
                Code.SIGNATURE_DOES_NOT_MATCH, f"the signature of {what} of the body does not match"
            )
        self._previous = found


class ChunkedBody:
    """Decodes one body. `feed` what arrives, then `close`; `trailers` stand when it is done.

    Memory: one signed chunk at most (`max_chunk`), a line, and what was fed.
    """

    def __init__(
        self,
        payload: Payload,
        *,
        decoded_length: int,
        chain: ChunkChain | None,
        trailer_names: tuple[str, ...] = (),
        max_chunk: int = MAX_CHUNK_BYTES,
    ) -> None:
        """`decoded_length` is `x-amz-decoded-content-length`; `chain` is needed where chunks are signed."""
        self._signed = payload in {Payload.STREAMING, Payload.STREAMING_TRAILER}
        assert self._signed is (chain is not None)
        self._with_trailer = payload is not Payload.STREAMING
        self._chain = chain
        self._names = trailer_names
        self._left = decoded_length
        self._max_chunk = max_chunk
        self._buffer = bytearray()
        self._at = _At.SIZE_LINE
        self._missing = 0
        self._signature = ""
        self._trailer_bytes = 0
        self._lines: list[bytes] = []
        self.trailers: Mapping[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether the last byte has been read and everything was right."""
        return self._at is _At.DONE

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Take in what arrived; gives the data that is now known to be good, in order.

        Raises: S3Error; the body is over then.
        """
        self._buffer += data
        out: list[bytes] = []
        # An index instead of cutting the front off for each chunk: that would be quadratic.
        position = 0
        while True:
            after = self._step(position, out)
            if after == position:
                break
            position = after
        del self._buffer[:position]
        return out

    def close(self) -> None:
        """The connection has no more. Raises: S3Error (IncompleteBody) when something is missing."""
        if self._at is not _At.DONE:
            raise S3Error(
                Code.INCOMPLETE_BODY, "the body ended before its last chunk; send it again"
            )

    def _step(self, position: int, out: list[bytes]) -> int:
        if self._at is _At.SIZE_LINE:
            return self._size_line(position)
        if self._at is _At.DATA:
            return self._data(position, out)
        if self._at is _At.DATA_END:
            return self._data_end(position)
        if self._at is _At.TRAILERS:
            return self._trailer_line(position)
        if len(self._buffer) > position:
            raise _broken("there are bytes behind its end")
        return position

    def _line(self, position: int, limit: int) -> tuple[bytes, int] | None:
        end = self._buffer.find(b"\n", position, position + limit)
        if end < 0:
            if len(self._buffer) - position >= limit:
                raise _broken("a line is too long")
            return None
        # S3 wants CRLF; some trailers of its own examples end in a bare newline.
        return bytes(self._buffer[position:end]).removesuffix(b"\r"), end + 1

    def _size_line(self, position: int) -> int:
        found = self._line(position, _LINE_BYTES)
        if found is None:
            return position
        line, after = found
        digits, _, extension = line.partition(b";")
        if not 0 < len(digits) <= _SIZE_DIGITS or not _HEX.issuperset(digits):
            raise _broken("a chunk does not begin with its size in hex")
        size = int(digits, 16)
        if self._signed:
            if not extension.startswith(_SIGNATURE):
                raise _broken("a chunk has no chunk-signature")
            self._signature = extension.removeprefix(_SIGNATURE).decode("ascii", "replace")
            if size > self._max_chunk:
                raise S3Error(
                    Code.ENTITY_TOO_LARGE, f"a signed chunk has at most {self._max_chunk} bytes"
                )
        elif extension.startswith(_SIGNATURE):
            raise _broken("a chunk is signed, and x-amz-content-sha256 says that none is")
        if size > self._left:
            raise _broken("it is longer than x-amz-decoded-content-length")
        self._left -= size
        self._missing = size
        if size:
            self._at = _At.DATA
        else:
            self._last_chunk()
        return after

    def _last_chunk(self) -> None:
        if self._left:
            raise S3Error(
                Code.INCOMPLETE_BODY, "the body is shorter than x-amz-decoded-content-length"
            )
        if self._chain is not None:
            self._chain.check_chunk(b"", self._signature)
        self._at = _At.TRAILERS

    def _data(self, position: int, out: list[bytes]) -> int:
        there = len(self._buffer) - position
        if self._chain is not None:
            if there < self._missing:
                return position
            data = bytes(memoryview(self._buffer)[position : position + self._missing])
            self._chain.check_chunk(data, self._signature)
        else:
            data = bytes(memoryview(self._buffer)[position : position + self._missing])
            if not data:
                return position
        out.append(data)
        self._missing -= len(data)
        if not self._missing:
            self._at = _At.DATA_END
        return position + len(data)

    def _data_end(self, position: int) -> int:
        end = self._buffer[position : position + 2]
        if end == b"\r\n":
            self._at = _At.SIZE_LINE
            return position + 2
        if not b"\r\n".startswith(end):
            raise _broken("a chunk is longer than its size")
        return position

    def _trailer_line(self, position: int) -> int:
        found = self._line(position, _TRAILER_BYTES)
        if found is None:
            return position
        line, after = found
        self._trailer_bytes += after - position
        if self._trailer_bytes > _TRAILER_BYTES:
            raise S3Error(Code.MALFORMED_TRAILER, f"trailers have at most {_TRAILER_BYTES} bytes")
        if line:
            self._lines.append(line)
        elif not self._signed or not self._with_trailer or self._signature_seen():
            self._finish_trailers()
            self._at = _At.DONE
        return after

    def _signature_seen(self) -> bool:
        """In S3's own examples an empty line stands before the trailer's signature, too."""
        return any(line.lower().startswith(_TRAILER_SIGNATURE.encode()) for line in self._lines)

    def _finish_trailers(self) -> None:
        if self._lines and not self._with_trailer:
            raise S3Error(
                Code.MALFORMED_TRAILER, "there are trailers, and x-amz-content-sha256 says none"
            )
        found: dict[str, str] = {}
        for line in self._lines:
            name, colon, value = line.decode("utf-8", "surrogateescape").partition(":")
            name = name.strip(" \t").lower()
            if not colon or name in found:
                raise S3Error(Code.MALFORMED_TRAILER, "a trailer is NAME:VALUE, each once")
            found[name] = value.strip(" \t")
        signature = found.pop(_TRAILER_SIGNATURE, None)
        if set(found) != set(self._names):
            raise S3Error(
                Code.MALFORMED_TRAILER, "the trailers that came are not those of x-amz-trailer"
            )
        if self._chain is not None and self._with_trailer:
            lines = "".join(f"{name}:{found[name]}\n" for name in sorted(found))
            self._chain.check_trailers(lines.encode("utf-8", "surrogateescape"), signature or "")
        self.trailers = found


def parse_decoded_length(headers: Mapping[str, str], *, limit: int) -> int:
    """`x-amz-decoded-content-length` of a chunked body.

    Raises: S3Error (MissingContentLength, InvalidArgument, EntityTooLarge).
    """
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise S3Error(
            Code.MISSING_CONTENT_LENGTH, "a chunked body needs x-amz-decoded-content-length"
        )
    if not (text.isascii() and text.isdigit() and len(text) <= 16):  # noqa: PLR2004  # 2**53 has 16
        raise S3Error(Code.INVALID_ARGUMENT, "x-amz-decoded-content-length is no number of bytes")
    if int(text) > limit:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"one request writes at most {limit} bytes")
    return int(text)


def _broken(detail: str) -> S3Error:
    return S3Error(Code.INVALID_REQUEST, f"the aws-chunked body is broken: {detail}")
