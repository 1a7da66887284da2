"""What a version of a dataset is: the Merkle root over its objects.

A *leaf* is one line of canonical JSON (RFC 8785) that says key, media type, SHA-256 and size of an
object. Leaves are ordered by the bytes of their keys, hashed as the ledger's are (RFC 6962), and the
root of that tree is the version. A *manifest file* is a head line and the leaves, one a line: whoever
has it computes the root with any tool.

Ids and keys of encryption are not in it: the same bytes under the same names have the same root anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from mimetypes import MimeTypes
from typing import Final

import msgspec

from pratique.custody.model import StoredObject
from pratique.custody.ports import Version
from pratique.errors import InputError, IntegrityError
from pratique.ledger.merkle import Frontier, extend, leaf_hash

FORMAT: Final = "pratique-manifest/v1"
MAX_LINE: Final = 64 * 1024
"""Longer than the line of any object: keys have 1,024 bytes, media types 255 characters."""
UNKNOWN_TYPE: Final = "application/octet-stream"

_ENCODER = msgspec.json.Encoder()
_TYPES = MimeTypes(filenames=())
_MORE_TYPES: Final = {
    ".arrow": "application/vnd.apache.arrow.file",
    ".avro": "application/vnd.apache.avro",
    ".feather": "application/vnd.apache.arrow.file",
    ".flac": "audio/flac",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".webp": "image/webp",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zst": "application/zstd",
}


class Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One object of a version, declared in the order RFC 8785 sorts."""

    key: str
    media_type: str
    sha256: str
    size: int


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """First line of a manifest file."""

    bytes: int
    dataset: str
    format: str
    objects: int
    root: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a set of objects comes to."""

    root: str
    """Hex."""
    objects: int
    bytes: int


def leaf(stored: StoredObject) -> bytes:
    """The leaf of an object, without a line end."""
    return _ENCODER.encode(
        Leaf(
            key=stored.key,
            media_type=stored.media_type,
            sha256=stored.sha256,
            size=stored.size,
        )
    )


def content_of(objects: Iterable[StoredObject]) -> Content:
    """Root and sums of objects that come ordered by the bytes of their keys.

    Raises: IntegrityError when they do not, or when a key stands there twice.
    """
    total = 0

    def leaves() -> Iterator[bytes]:
        nonlocal total
        last = b""
        for one in objects:
            key = one.key.encode()
            if key <= last:
                raise IntegrityError("objects of a version are not ordered by their keys")
            last, total = key, total + one.size
            yield leaf_hash(leaf(one))

    frontier, _ = extend(Frontier(), leaves())
    return Content(root=frontier.root().hex(), objects=frontier.size, bytes=total)


def render_manifest(version: Version, objects: Iterable[StoredObject]) -> Iterator[bytes]:
    """The lines of a manifest file."""
    head = Head(
        bytes=version.bytes,
        dataset=version.dataset,
        format=FORMAT,
        objects=version.objects,
        root=version.root,
        version=version.number,
    )
    yield _ENCODER.encode(head) + b"\n"
    for one in objects:
        yield leaf(one) + b"\n"


def verify_manifest(lines: Iterable[bytes]) -> Head:
    """Check that a manifest file is what its head says; gives the head.

    Raises: InputError when it is no manifest, IntegrityError when something in it was changed.
    """
    rest = iter(lines)
    head = _head(next(rest, b""))
    total = 0

    def leaves() -> Iterator[bytes]:
        nonlocal total
        last = b""
        for number, line in enumerate(rest, start=2):
            key, size = _checked(line, number)
            if key <= last:
                raise IntegrityError(f"line {number}: keys are not in order")
            last, total = key, total + size
            yield leaf_hash(line[:-1])

    frontier, _ = extend(Frontier(), leaves())
    found = Content(root=frontier.root().hex(), objects=frontier.size, bytes=total)
    if found != Content(root=head.root, objects=head.objects, bytes=head.bytes):
        raise IntegrityError(
            f"the manifest is not of the version in its head: {found.objects} objects with root {found.root}",
            expected=f"{head.objects} objects with root {head.root}",
        )
    return head


def media_type_of(key: str) -> str:
    """What a name says of the content; the same on every machine."""
    stem, dot, ending = key.rpartition("/")[2].rpartition(".")
    if not (stem and dot):
        return UNKNOWN_TYPE
    own = _MORE_TYPES.get(f".{ending.lower()}")
    if own is not None:
        return own
    guessed, encoding = _TYPES.guess_type(f"a.{ending}")
    if encoding == "gzip":
        return "application/gzip"
    return guessed or UNKNOWN_TYPE


def _head(line: bytes) -> Head:
    try:
        head = msgspec.json.decode(line, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError("not a manifest of a dataset's version", expected=FORMAT) from None
    if head.format != FORMAT:
        raise InputError(f"a manifest of the format {head.format[:40]!r}", expected=FORMAT)
    return head


def _checked(line: bytes, number: int) -> tuple[bytes, int]:
    """Key and size of a leaf that is spelled as `leaf` spells it."""
    try:
        found = msgspec.json.decode(line, type=Leaf)
        spelled = _ENCODER.encode(found) + b"\n"
    except (msgspec.DecodeError, UnicodeError):
        raise IntegrityError(f"line {number}: not an object of a version") from None
    if spelled != line or found.size < 0:
        raise IntegrityError(f"line {number}: not spelled canonically")
    return found.key.encode(), found.size
