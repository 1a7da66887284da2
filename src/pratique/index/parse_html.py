"""Reading a project page in HTML, by translating it into the JSON language first.

Everything that is checked is checked in one place, `parse_json`: this module only says in JSON
what the anchors and meta tags say, and leaves out what is no link to a file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from pratique.index.errors import IndexPageError
from pratique.index.model import ProjectPage
from pratique.index.parse_json import parse_json_page
from pratique.values.names import ProjectName

if TYPE_CHECKING:
    from pypi_simple.html import Link, RepositoryPage

_SERIAL = re.compile(rb"<!--\s*SERIAL (\d{1,16})\s*-->\s*\Z")
_HASH = re.compile(r"([a-z0-9_]+)=([0-9A-Fa-f]+)")


def parse_html_page(
    body: bytes, *, url: str, project: ProjectName, serial_header: str = "", charset: str = ""
) -> ProjectPage:
    """Read a project page in HTML; each file's `raw` is its JSON equivalent.

    `charset` is that of the `Content-Type` header; without one UTF-8 is assumed, never guessed.

    Raises: as `parse_json_page`.
    Source: PEP 503, 592, 629, 658, 708, 714, 740, 792.
    """
    converted = convert_html_page(body, url=url, project=project, charset=charset)
    return parse_json_page(converted, url=url, project=project, serial_header=serial_header)


def convert_html_page(body: bytes, *, url: str, project: ProjectName, charset: str = "") -> bytes:
    """Translate a project page from HTML to JSON, all links absolute.

    Shape: what HTML cannot say (size, upload time, versions) is absent, never invented.
    Raises: IndexPageError when the page cannot be read at all or speaks another major version.
    """
    page = _repository_page(body, charset)
    meta: dict[str, Any] = {"api-version": page.repository_version or "1.0"}
    serial = _SERIAL.search(body[-200:])
    if serial is not None:
        meta["_last-serial"] = int(serial.group(1))
    if page.tracks:
        meta["tracks"] = page.tracks
    converted: dict[str, Any] = {"meta": meta, "name": project}
    if page.alternate_locations:
        converted["alternate-locations"] = page.alternate_locations
    status = {
        "status": next(iter(page.pypi_meta.get("project-status", ())), None),
        "reason": next(iter(page.pypi_meta.get("project-status-reason", ())), None),
    }
    if status["status"] is not None:
        converted["project-status"] = {k: v for k, v in status.items() if v is not None}
    converted["files"] = list(_files(page, url))
    return msgspec.json.encode(converted)


def _repository_page(body: bytes, charset: str) -> RepositoryPage:
    # Beautiful Soup costs a tenth of a second of import, and most upstreams speak JSON.
    import warnings  # noqa: PLC0415 - as above

    from bs4.exceptions import ParserRejectedMarkup  # noqa: PLC0415 - as above
    from pypi_simple.errors import (  # noqa: PLC0415 - as above
        UnexpectedRepoVersionWarning,
        UnsupportedRepoVersionError,
    )
    from pypi_simple.html import RepositoryPage  # noqa: PLC0415 - as above

    # Not `catch_warnings`, which would race between threads; a later minor version is no news here.
    warnings.filterwarnings("ignore", category=UnexpectedRepoVersionWarning)
    try:
        return RepositoryPage.from_html(body.decode(charset or "utf-8-sig", "replace"))
    except UnsupportedRepoVersionError as error:
        raise IndexPageError(
            f"the page speaks version {error.declared_version} of the Simple API",
            expected="version 1.x",
            remedy="use an upstream that still offers version 1, or update Pratique",
        ) from None
    except (ParserRejectedMarkup, ValueError, AssertionError, LookupError) as error:
        raise IndexPageError(
            f"the HTML page cannot be read: {error}", expected="PEP 503 HTML"
        ) from None
    except RecursionError:
        raise IndexPageError("the project page is nested too deeply") from None


def _files(page: RepositoryPage, page_url: str) -> Iterator[dict[str, Any]]:
    for link in page.links:
        try:
            parts = urlsplit(urljoin(page_url, link.url))
        except ValueError:
            continue
        # PEP 503: the last segment of the URL is the file name. Links to folders have none.
        filename = unquote(parts.path.rpartition("/")[2])
        if filename:
            yield _file(link, filename, parts._replace(fragment="").geturl(), parts.fragment)


def _file(link: Link, filename: str, url: str, fragment: str) -> dict[str, Any]:
    file: dict[str, Any] = {"filename": filename, "url": url, "hashes": {}}
    for name, value in _HASH.findall(fragment):
        if name in hashlib.algorithms_available:
            file["hashes"][name] = value.lower()
    requires_python = _text(link, "data-requires-python")
    if requires_python:
        file["requires-python"] = requires_python
    yanked = _text(link, "data-yanked")
    if yanked is not None:
        file["yanked"] = yanked or True
    for key in ("core-metadata", "dist-info-metadata"):
        said = _text(link, f"data-{key}")
        if said is not None:
            file[key] = _sidecar(said)
    provenance = _text(link, "data-provenance")
    if provenance:
        file["provenance"] = provenance
    signed = (_text(link, "data-gpg-sig") or "").lower()
    if signed in {"true", "false"}:
        file["gpg-sig"] = signed == "true"
    return file


def _text(link: Link, attribute: str) -> str | None:
    value = link.attrs.get(attribute)
    return value if isinstance(value, str) else None


def _sidecar(said: str) -> bool | dict[str, str]:
    """PEP 658: `true`, or the name and value of a hash."""
    name, equals, value = said.partition("=")
    return {name: value} if equals else said.strip().lower() == "true"
