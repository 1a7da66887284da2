"""Reading a project page in JSON (PEP 691 and what was added to it since).

Strict for the page, tolerant per file: a page that is not the Simple API is refused as a whole; a
file that cannot be offered is left out and noted as a defect. Start reading at `parse_json_page`.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from pratique.errors import ValueFormatError
from pratique.index.errors import IndexPageError
from pratique.index.model import ProjectPage
from pratique.index.parse_files import read_files
from pratique.values.names import ProjectName, ProjectStatus, parse_project_name

SUPPORTED_MAJOR: Final = 1

_T = TypeVar("_T")


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode


def parse_json_page(
    body: bytes, *, url: str, project: ProjectName, serial_header: str = ""
) -> ProjectPage:
    """Read a project page in JSON.

    `url` is where the page came from (after redirects); relative links are resolved against it.
    `serial_header` is the value of `X-PyPI-Last-Serial`, used when the page itself has no serial.

    Raises: IndexPageError when the page as a whole is not the Simple API, major version 1, of this
    project. Files that cannot be offered are left out and listed in `defects`.
    Source: PEP 691 "Project Detail", PEP 629, 700, 708, 714, 740, 792.
    """
    keys = _top_level(body)
    meta = _decoded(keys.pop("meta", None), dict[str, Raw], "meta") or {}
    api_version = _api_version(meta.pop("api-version", None))
    _check_name(keys.pop("name", None), project)
    status, reason, spelled = _project_status(keys.get("project-status"))
    if spelled is not None:
        keys["project-status"] = spelled
    raws = _decoded(keys.pop("files", None), list[Raw], "files")
    if raws is None:
        raise IndexPageError("the project page has no list of files", expected="PEP 691 JSON")
    listing = read_files(raws, page_url=url)
    return ProjectPage(
        project=project,
        url=url,
        api_version=api_version,
        last_serial=_serial(meta.pop("_last-serial", None), serial_header),
        status=status,
        status_reason=reason,
        versions=_versions(keys.pop("versions", None)),
        files=listing.files,
        extra=_kept(keys),
        meta_extra=_kept(meta),
        offers_provenance=listing.speaks_of_provenance,
        defects=listing.defects,
    )


def _top_level(body: bytes) -> dict[str, Raw]:
    try:
        # msgspec does not look into strings that it only skips, and those are copied through.
        body.decode("utf-8")
        return _decode_object(body)
    except UnicodeDecodeError:
        raise IndexPageError("the project page is not UTF-8", expected="PEP 691 JSON") from None
    except RecursionError:
        raise IndexPageError("the project page is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise IndexPageError(
            f"the project page is not a JSON object: {error}", expected="PEP 691 JSON"
        ) from None


def _decoded(raw: Raw | None, kind: type[_T], key: str) -> _T | None:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise IndexPageError(
            f"'{key}' of the project page cannot be read: {error}", expected="PEP 691 JSON"
        ) from None


def _lenient(raw: Raw | None, kind: type[_T]) -> _T | None:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None


def _api_version(raw: Raw | None) -> str:
    if raw is None:
        return "1.0"
    text = _lenient(raw, str) or ""
    major, dot, minor = text.partition(".")
    if not (dot and text.isascii() and major.isdigit() and minor.isdigit() and len(text) < 12):  # noqa: PLR2004 - no real version is longer
        raise IndexPageError(
            f"the page's api-version is not a version: {text[:40]!r}", expected="such as 1.4"
        )
    if int(major) != SUPPORTED_MAJOR:
        raise IndexPageError(
            f"the page speaks version {text} of the Simple API",
            expected="version 1.x",
            remedy="use an upstream that still offers version 1, or update Pratique",
        )
    return f"{int(major)}.{int(minor)}"


def _check_name(raw: Raw | None, project: ProjectName) -> None:
    if raw is None:
        return
    name = _lenient(raw, str) or ""
    try:
        normalized = parse_project_name(name)
    except ValueFormatError:
        normalized = None
    if normalized != project:
        raise IndexPageError(
            f"asked for the page of {project}, got that of {name[:80]!r}", expected=project
        )


def _serial(raw: Raw | None, header: str) -> int | None:
    said = _lenient(raw, Any)
    text = header.strip() if said is None else str(said)
    # An integer, or its digits in a string; longer ones are not serials but attempts.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004 - 2**53 has 16 digits


def _project_status(raw: Raw | None) -> tuple[ProjectStatus, str, Raw | None]:
    """Status, reason, and what to say instead of upstream's object when that is unreadable.

    A status we do not know may be worse than those we do: it counts as quarantined.
    """
    if raw is None or bytes(raw) == b"null":
        return ProjectStatus.ACTIVE, "", None
    told = _lenient(raw, dict[str, Raw])
    if told is None:
        status, reason = None, None
    else:
        status = _lenient(told["status"], str) if "status" in told else ProjectStatus.ACTIVE
        reason = _lenient(told.get("reason"), str)
    if status in list(ProjectStatus):
        return ProjectStatus(status), reason or "", None
    shown = "(unreadable)" if status is None else status[:40]
    why = f"the index gives this project a status that is not known here: {shown!a}"
    said = {**(told or {}), "status": ProjectStatus.QUARANTINED, "reason": why}
    return ProjectStatus.QUARANTINED, why, Raw(msgspec.json.encode(said))


def _versions(raw: Raw | None) -> tuple[str, ...]:
    return tuple(_lenient(raw, list[str]) or ())


def _kept(keys: dict[str, Raw]) -> dict[str, Raw]:
    # Copies: a slice would keep the whole page in memory.
    return {key: raw.copy() for key, raw in keys.items()}
