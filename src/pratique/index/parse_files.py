"""Reading the files of a project page: every file for itself.

A key of the wrong type counts as absent; a file without a usable name or URL is left out and noted.
Start reading at `read_files`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from pratique.errors import ValueFormatError
from pratique.index.errors import UnusableFileError
from pratique.index.links import resolve_file_urls, resolve_link
from pratique.index.model import PageFile
from pratique.values.digests import Sha256, parse_sha256
from pratique.values.instants import Instant

_MAX_SAFE_INTEGER: Final = 2**53
_HEX_DIGITS: Final = 64
_ALL_HEX = re.compile(r"[0-9a-f]*")
_LAST_YEAR: Final = 9000
"""Later upload times are nonsense, and adding a cool-down to them would overflow."""


class _Hashes(msgspec.Struct, gc=False):
    sha256: str | None = None


class _File(
    msgspec.Struct,
    gc=False,
    rename={
        "requires_python": "requires-python",
        "upload_time": "upload-time",
        "core_metadata": "core-metadata",
        "dist_info_metadata": "dist-info-metadata",
    },
):
    """The keys we read, in the types that the standards give them."""

    filename: str
    url: str
    hashes: _Hashes | None = None
    size: int | None = None
    upload_time: datetime | None = None
    requires_python: str | None = None
    yanked: bool | str | None = None
    core_metadata: bool | _Hashes | UnsetType | None = UNSET
    dist_info_metadata: bool | _Hashes | None = None
    provenance: str | UnsetType | None = UNSET


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_files = msgspec.json.Decoder(list[_File]).decode
_decode_file = msgspec.json.Decoder(_File).decode
_FIELDS: Final = {
    field.encode_name: (field.name, msgspec.json.Decoder(field.type).decode)
    for field in msgspec.structs.fields(_File)
}


class Listing(NamedTuple):
    """The files of a page."""

    files: tuple[PageFile, ...]
    speaks_of_provenance: bool
    """Whether any file has the key `provenance`, be it null."""
    defects: tuple[str, ...]
    """Files left out and why."""


def read_files(raws: Sequence[Raw], *, page_url: str) -> Listing:
    """Read the objects of a page's `files`, one `PageFile` per usable name, in page order.

    Shape: of twins (same name, same content) the first is kept; rivals are all left out.
    Source: PEP 691 "files"; PEP 700, 714, 740.
    """
    spans, given, defects = _read_structs(raws)
    files: list[PageFile] = []
    columns = zip(
        spans,
        given,
        resolve_file_urls([f.url for f in given], [f.filename for f in given], page_url=page_url),
        _digests([f.hashes.sha256 if f.hashes is not None else None for f in given]),
        _sidecars(given),
        strict=True,
    )
    for span, file, url, digest, sidecar in columns:
        if isinstance(url, str):
            files.append(_page_file(file, span, url, digest, sidecar, page_url))
        else:
            defects.append(f"{file.filename[:120]!a}: {url}")
    speaks_of_provenance = any(file.provenance is not UNSET for file in given)
    unique = _without_duplicates(files, defects)
    return Listing(unique, speaks_of_provenance, tuple(defects))


def _read_structs(raws: Sequence[Raw]) -> tuple[list[bytes], list[_File], list[str]]:
    """Read all files at once, or one by one as soon as one of them is odd."""
    spans = [bytes(raw) for raw in raws]
    try:
        return spans, _decode_files(b"[%b]" % b",".join(spans)), []
    except (msgspec.DecodeError, RecursionError):
        pass
    kept: list[bytes] = []
    files: list[_File] = []
    defects: list[str] = []
    for position, span in enumerate(spans):
        try:
            files.append(_read_odd_file(span))
            kept.append(span)
        except UnusableFileError as error:
            defects.append(f"file {position}: {error}")
    return kept, files, defects


def _read_odd_file(span: bytes) -> _File:
    """Read a file of which some keys may have the wrong type; those count as absent."""
    try:
        return _decode_file(span)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        keys = _decode_object(span)
    except (msgspec.DecodeError, RecursionError):
        raise UnusableFileError("it is not an object") from None
    values: dict[str, Any] = {}
    for key, (name, decode) in _FIELDS.items():
        if key not in keys:
            continue
        try:
            values[name] = decode(keys[key])
        except (msgspec.DecodeError, RecursionError):
            if name == "yanked":  # an unreadable yank is still a yank
                values[name] = True
    if "filename" not in values or "url" not in values:
        raise UnusableFileError("it has no file name or no URL")
    return _File(**values)


_Sidecar: TypeAlias = tuple[bool, Sha256 | None]


def _page_file(
    file: _File, span: bytes, url: str, sha256: Sha256 | None, sidecar: _Sidecar, page_url: str
) -> PageFile:
    yanked = file.yanked
    size = file.size
    return PageFile(
        filename=file.filename,
        url=url,
        sha256=sha256,
        size=size if size is not None and 0 <= size <= _MAX_SAFE_INTEGER else None,
        uploaded_at=_upload_time(file.upload_time),
        requires_python=file.requires_python or "",
        yanked=yanked is not None and yanked is not False,
        yanked_reason=yanked if isinstance(yanked, str) else "",
        core_metadata=sidecar[0],
        core_metadata_sha256=sidecar[1],
        provenance_url=_provenance_url(file.provenance, page_url) if file.provenance else "",
        raw=span,
    )


def _digests(texts: Sequence[str | None]) -> list[Sha256 | None]:
    """Read digests; one that is not a SHA-256 counts as absent."""
    given = [text for text in texts if text is not None]
    joined = "".join(given)
    if set(map(len, given)) <= {_HEX_DIGITS} and _ALL_HEX.fullmatch(joined) is not None:
        return cast("list[Sha256 | None]", list(texts))
    return [None if text is None else _digest(text) for text in texts]


def _digest(text: str) -> Sha256 | None:
    if len(text) != _HEX_DIGITS:  # parse_sha256 would strip blanks
        return None
    try:
        return parse_sha256(text)
    except ValueFormatError:
        return None


def _sidecars(files: Sequence[_File]) -> list[_Sidecar]:
    """Whether upstream offers metadata beside each file, and its hash (PEP 658).

    PEP 714: the newer spelling wins where both stand. A sidecar whose hash is unusable counts as
    none, since its bytes could not be checked.
    """
    said = [f.dist_info_metadata if f.core_metadata is UNSET else f.core_metadata for f in files]
    texts = [s.sha256 if isinstance(s, _Hashes) else None for s in said]
    return [
        (digest is not None or s is True or (isinstance(s, _Hashes) and text is None), digest)
        for s, text, digest in zip(said, texts, _digests(texts), strict=True)
    ]


def _upload_time(moment: datetime | None) -> Instant | None:
    if moment is None or moment.tzinfo is None:
        return None
    if moment.tzinfo is not UTC:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            return None
    return moment if moment.year < _LAST_YEAR else None


def _provenance_url(link: str | UnsetType, page_url: str) -> str:
    try:
        return resolve_link(link, page_url=page_url) if isinstance(link, str) else ""
    except UnusableFileError:
        return ""


def _without_duplicates(files: list[PageFile], defects: list[str]) -> tuple[PageFile, ...]:
    """One file per name: twins are told once, and of rivals neither is believed."""
    first: dict[str, PageFile] = {file.filename: file for file in reversed(files)}
    if len(first) == len(files):
        return tuple(files)
    rivals = {
        file.filename
        for file in files
        if file is not first[file.filename] and not _same_file(file, first[file.filename])
    }
    defects.extend(f"{name!a}: listed twice with different content" for name in sorted(rivals))
    return tuple(f for f in files if f is first[f.filename] and f.filename not in rivals)


def _same_file(one: PageFile, other: PageFile) -> bool:
    if one.sha256 is None or other.sha256 is None:
        return one.sha256 is other.sha256 and one.url == other.url
    return one.sha256 == other.sha256
