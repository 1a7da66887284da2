"""Which format a document has, and its reader."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pratique.inventory.sboms.cyclonedx import read_cyclonedx
from pratique.inventory.sboms.model import SbomDocument
from pratique.inventory.sboms.spdx import read_spdx
from pratique.inventory.sboms.spdx_graph import read_spdx_graph
from pratique.inventory.sboms.tag_value import read_tag_value
from pratique.inventory.sboms.xml import read_cyclonedx_xml

_NAME: Final = re.compile(
    r"(?:.*[._-])?(?:s?bom|cdx|cyclonedx|spdx)(?:[._-].*)?\.(?:json|xml|spdx)|.*\.(?:cdx|bom|spdx)(?:\.json|\.xml)?",
    re.IGNORECASE,
)
_JSON_MARKS: Final = (b'"bomFormat"', b'"spdxVersion"', b"spdx-context", b'"SPDXID"')


class _Kind(msgspec.Struct):
    bomFormat: object = None  # noqa: N815 - as CycloneDX writes it
    spdxVersion: object = None  # noqa: N815 - as SPDX writes it
    context: object = msgspec.field(name="@context", default=None)


_KIND: Final = msgspec.json.Decoder(_Kind)


def is_sbom_name(name: str) -> bool:
    """Whether a file is called like an SBOM: `bom.json`, `app.cdx.json`, `image.spdx`."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".schema.json")


def looks_like_sbom(head: bytes) -> bool:
    """Whether the first kilobytes of a file that is called like one say that it is one."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return any(mark in head for mark in _JSON_MARKS)
    if start.startswith(b"<"):
        return b"cyclonedx.org/schema/bom" in head
    return b"SPDXVersion:" in head


def read_sbom(data: bytes) -> SbomDocument:
    """Read a document of any format. Never raises: what cannot be read is a defect."""
    body = data.removeprefix(b"\xef\xbb\xbf")
    start = body[:4096].lstrip()
    try:
        if start.startswith(b"<"):
            return read_cyclonedx_xml(body)
        if not start.startswith(b"{"):
            return read_tag_value(body)
        return _read_json(body)
    except RecursionError:
        return _defect("is nested too deeply to be an honest SBOM")
    except (msgspec.DecodeError, UnicodeDecodeError) as malformed:
        return _defect(f"is not well-formed: {str(malformed)[:200]}")


def _read_json(body: bytes) -> SbomDocument:
    kind = _KIND.decode(body)
    if kind.bomFormat is not None:
        return read_cyclonedx(body)
    if kind.spdxVersion is not None:
        return read_spdx(body)
    if kind.context is not None and b"spdx" in body[:65_536]:
        return read_spdx_graph(body)
    return _defect("is neither CycloneDX nor SPDX: it has no bomFormat and no spdxVersion")


def _defect(why: str) -> SbomDocument:
    return SbomDocument(format="", defects=(why,))
