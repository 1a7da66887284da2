"""XML that requests carry: lists of parts and of keys, read without trusting it.

Expat reads, with handlers that refuse a document type at its first byte: then no entity can be
declared, so nothing expands and nothing outside is fetched. defusedxml would do the same through the
standard library's tree, and have no limits; these handlers build no tree, and count depth, elements and
text while they read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NoReturn
from xml.parsers import expat

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import KEY_BYTES, check_key
from pratique.custody.xml_text import S3_NAMESPACE

MAX_XML_BYTES: Final = 4 * 1024 * 1024
"""10,000 parts with all five checksums have 3 MiB."""
MAX_DELETIONS: Final = 1000
_MAX_PARTS: Final = 10_000
_MAX_DEPTH: Final = 4
_MAX_ATTRIBUTES: Final = 8
_MAX_LEAVES: Final = 16
_MAX_TEXT: Final = 6 * KEY_BYTES
"""Characters in one element: a key, with room for blanks around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPart:
    """A part that CompleteMultipartUpload names."""

    number: int
    etag: str
    """Without quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """What DeleteObjects asks for."""

    keys: tuple[str, ...]
    quiet: bool


class _Reader:
    """Rows of a flat document: ROOT / ROW / leaf, and leaves right below ROOT."""

    def __init__(self, root: str, row: str, limit: int) -> None:
        self._root = root
        self._row = row
        self._limit = limit
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._leaves: dict[str, str] = {}
        self.rows: list[dict[str, str]] = []
        self.own: dict[str, str] = {}

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate(encoding=None, namespace_separator=" ")
        # One piece of text per element, within the limit below.
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.ExternalEntityRefHandler = _refuse_external
        parser.ProcessingInstructionHandler = _refuse_instruction
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(body, True)  # noqa: FBT003  # expat's own signature: this is all
        except (expat.ExpatError, ValueError, LookupError):
            # ValueError and LookupError: an encoding that Python does not know, or refuses.
            raise _malformed("it is not well-formed") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        # Many clients leave the namespace out, and S3 takes both.
        if namespace not in {"", S3_NAMESPACE} or len(attributes) > _MAX_ATTRIBUTES:
            raise _malformed("an element is of another namespace")
        if not self._path and local != self._root:
            raise _malformed(f"expecting {self._root}")
        if len(self._path) >= _MAX_DEPTH:
            raise _malformed("it is nested too deeply")
        self._path.append(local)
        self._text.clear()
        self._length = 0
        if self._path == [self._root, self._row]:
            if len(self.rows) >= self._limit:
                raise _malformed(f"it has more than {self._limit} elements {self._row}")
            self._leaves = {}
            self.rows.append(self._leaves)

    def _characters(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MAX_TEXT:
            raise _malformed("a text is too long")
        self._text.append(text)

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if len(self._path) == 2 and self._path[1] != self._row:  # noqa: PLR2004  # leaf of the root
            self._keep(self.own, local)
        elif len(self._path) == 3 and self._path[1] == self._row:  # noqa: PLR2004  # leaf of a row
            self._keep(self._leaves, local)
        self._path.pop()
        self._text.clear()
        self._length = 0

    def _keep(self, where: dict[str, str], name: str) -> None:
        if name in where:
            raise _malformed(f"{name[:32]} stands twice")
        if len(where) >= _MAX_LEAVES:
            raise _malformed("an element has too many others in it")
        where[name] = "".join(self._text)


def parse_completion(body: bytes) -> tuple[NamedPart, ...]:
    """The list of parts in a CompleteMultipartUpload.

    Raises: S3Error (MalformedXML, InvalidPartOrder).
    """
    reader = _read(body, _Reader("CompleteMultipartUpload", "Part", _MAX_PARTS))
    parts = []
    for row in reader.rows:
        number, etag = row.get("PartNumber", "").strip(), row.get("ETag", "").strip()
        if not (number.isascii() and number.isdigit() and 1 <= len(number) <= 5):  # noqa: PLR2004  # 10000
            raise _malformed("a PartNumber is missing or no number")
        if not etag or not 1 <= int(number) <= _MAX_PARTS:
            raise _malformed("a part needs a PartNumber from 1 to 10000 and its ETag")
        parts.append(NamedPart(number=int(number), etag=etag.strip('"')))
    if not parts:
        raise _malformed("expecting at least one Part")
    if any(one.number >= two.number for one, two in pairwise(parts)):
        raise S3Error(Code.INVALID_PART_ORDER, "the parts must be listed in ascending order")
    return tuple(parts)


def parse_deletions(body: bytes) -> Deletions:
    """The keys in a DeleteObjects.

    Raises: S3Error (MalformedXML, KeyTooLongError, InvalidURI, NoSuchVersion).
    """
    reader = _read(body, _Reader("Delete", "Object", MAX_DELETIONS))
    keys = []
    for row in reader.rows:
        if "Key" not in row:
            raise _malformed("an Object has no Key")
        if row.get("VersionId", "null").strip() not in {"", "null"}:
            raise S3Error(Code.NO_SUCH_VERSION, "S3 versions are not kept")
        if {"ETag", "Size", "LastModifiedTime"} & row.keys():
            # A condition that were ignored would delete what the sender wanted to keep.
            raise S3Error(
                Code.NOT_IMPLEMENTED, "conditions of single deletions are not implemented"
            )
        keys.append(check_key(row["Key"]))
    if not keys:
        raise _malformed("expecting at least one Object")
    quiet = reader.own.get("Quiet", "false").strip().lower()
    if quiet not in {"true", "false"}:
        raise _malformed("Quiet is true or false")
    return Deletions(keys=tuple(keys), quiet=quiet == "true")


def _read(body: bytes, reader: _Reader) -> _Reader:
    if len(body) > MAX_XML_BYTES:
        raise S3Error(Code.ENTITY_TOO_LARGE, f"XML in a request has at most {MAX_XML_BYTES} bytes")
    reader.read(body)
    return reader


def _refuse_doctype(*_: object) -> NoReturn:
    raise _malformed("document types and entities are not taken")


def _refuse_external(*_: object) -> NoReturn:
    raise _malformed("nothing outside the document is read")


def _refuse_instruction(*_: object) -> NoReturn:
    raise _malformed("processing instructions are not taken")


def _malformed(detail: str) -> S3Error:
    return S3Error(
        Code.MALFORMED_XML,
        f"the XML you provided was not well-formed or did not validate: {detail}",
    )
