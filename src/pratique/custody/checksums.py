"""Checks of a body against what its sender says it is, while it flows by.

`Content-MD5`, `x-amz-content-sha256` and the five `x-amz-checksum-` algorithms, in headers or in
trailers. An algorithm that is unknown here is refused: a check that is skipped would be taken for one
that was made.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

from awscrt import checksums as crt

from pratique.custody.s3_errors import Code, S3Error

Bytes: TypeAlias = bytes | bytearray | memoryview
_PREFIX: Final = "x-amz-checksum-"
_NO_ALGORITHM: Final = frozenset(
    {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}
)


class Digest(Protocol):
    """What hashlib's objects do, as far as it is needed."""

    def update(self, data: Bytes, /) -> None:
        """Take more of the body in."""
        ...

    def digest(self) -> bytes:
        """The value so far."""
        ...


class _Crc:
    """A CRC as a digest; functions of `(data, previous)` are what libraries offer."""

    __slots__ = ("_function", "_length", "_value")

    def __init__(self, function: Callable[[Bytes, int], int], length: int) -> None:
        self._function = function
        self._length = length
        self._value = 0

    def update(self, data: Bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._length, "big")


_MAKERS: Final[Mapping[str, Callable[[], Digest]]] = {
    # zlib's own is twice as fast here as awscrt's; for the other two awscrt has 50 GB/s.
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(crt.crc32c, 4),
    "crc64nvme": lambda: _Crc(crt.crc64nvme, 8),
    # SHA-1 and MD5 guard against accidents on the way, as the protocol says; nothing trusts them.
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
ALGORITHMS: Final = frozenset(_MAKERS)
"""Names as they stand in `x-amz-checksum-NAME`."""
_SIZES: Final = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}


def new_digest(algorithm: str) -> Digest:
    """An empty digest of one of `ALGORITHMS`."""
    return _MAKERS[algorithm]()


class BodyCheck:
    """All checks of one body. Feed it `update`, then `finish` with the trailers.

    Order: `BodyCheck(headers, …)`, `update` any number of times, `finish` once.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        content_sha256: str = "",
        trailers: tuple[str, ...] = (),
    ) -> None:
        """`content_sha256`: hex, when the signature fixes one; `trailers`: what `x-amz-trailer` says.

        Raises: S3Error (InvalidRequest, InvalidDigest) for checks that cannot be made.
        """
        self._wanted: dict[str, bytes] = {}
        self._digests: dict[str, Digest] = {}
        self._late: str | None = None
        md5 = headers.get("content-md5")
        if md5 is not None:
            self._wanted["content-md5"] = _decoded(md5, 16, "content-md5")
            self._digests["content-md5"] = hashlib.md5(usedforsecurity=False)
        if content_sha256:
            self._wanted["x-amz-content-sha256"] = bytes.fromhex(content_sha256)
            self._digests["x-amz-content-sha256"] = hashlib.sha256()
        self._add_checksum(headers, trailers)

    def _add_checksum(self, headers: Mapping[str, str], trailers: tuple[str, ...]) -> None:
        here = [name for name in headers if name.startswith(_PREFIX) and name not in _NO_ALGORITHM]
        late = [name for name in trailers if name.startswith(_PREFIX)]
        if len(here) + len(late) > 1:
            raise S3Error(
                Code.INVALID_REQUEST, "expecting a single x-amz-checksum- header or trailer"
            )
        for name in (*here, *late):
            self._digests[name] = new_digest(_algorithm(name))
        for name in here:
            self._wanted[name] = _decoded(headers[name], _SIZES[_algorithm(name)], name)
        for name in late:
            self._late = name
        named = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
        if named and named not in ALGORITHMS:
            raise _unknown(named)

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Name and base64 value of the checksum header that the answer repeats; None: none was sent."""
        for name, digest in self._digests.items():
            if name.startswith(_PREFIX):
                return name, binascii.b2a_base64(digest.digest(), newline=False).decode()
        return None

    def update(self, data: Bytes) -> None:
        """Take more of the decoded body in."""
        for digest in self._digests.values():
            digest.update(data)

    def finish(self, trailers: Mapping[str, str] | None = None) -> None:
        """Compare at the body's end.

        Raises: S3Error (BadDigest, XAmzContentSHA256Mismatch, MalformedTrailerError).
        """
        if self._late is not None:
            value = (trailers or {}).get(self._late)
            if value is None:
                raise S3Error(
                    Code.MALFORMED_TRAILER,
                    f"the trailer {self._late} was announced and did not come",
                )
            self._wanted[self._late] = _decoded(value, _SIZES[_algorithm(self._late)], self._late)
        for name, wanted in self._wanted.items():
            if not hmac.compare_digest(self._digests[name].digest(), wanted):
                sha = name == "x-amz-content-sha256"
                raise S3Error(
                    Code.CONTENT_SHA256_MISMATCH if sha else Code.BAD_DIGEST,
                    f"the {name} that was sent does not match the body that arrived; send it again",
                )


def parse_trailer_names(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Names in `x-amz-trailer`, lower-case.

    Raises: S3Error (InvalidRequest) for anything but one checksum that we know.
    """
    text = headers.get("x-amz-trailer")
    if text is None:
        return ()
    names = tuple(name.strip(" \t").lower() for name in text.split(","))
    for name in names:
        if not name.startswith(_PREFIX):
            raise S3Error(Code.INVALID_REQUEST, "x-amz-trailer can only announce a checksum")
        _algorithm(name)
    return names


def _algorithm(name: str) -> str:
    algorithm = name.removeprefix(_PREFIX)
    if algorithm not in ALGORITHMS:
        raise _unknown(algorithm)
    return algorithm


def _unknown(algorithm: str) -> S3Error:
    return S3Error(
        Code.INVALID_REQUEST,
        f"the checksum algorithm {algorithm[:32]!r} is unknown; expecting one of "
        + ", ".join(sorted(ALGORITHMS)),
    )


def _decoded(text: str, size: int, name: str) -> bytes:
    try:
        value = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        value = b""
    if len(value) != size:
        raise S3Error(
            Code.INVALID_DIGEST if name == "content-md5" else Code.INVALID_REQUEST,
            f"the value of {name} is not {size} bytes in base64",
        )
    return value
