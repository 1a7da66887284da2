"""CycloneDX in XML, read into the same shapes as its JSON.

Expat gives events and builds nothing by itself. A document type declaration ends the reading: with it
go entities, and with them every known way to make a small document large or to reach outside.

Source: cyclonedx.org/docs/1.7/xml.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from pratique.inventory.sboms.cyclonedx import (
    Dependency,
    Hash,
    Lifecycle,
    Metadata,
    RawBom,
    RawComponent,
    document_of,
)
from pratique.inventory.sboms.model import MAX_COMPONENTS, MAX_DEPTH, SbomDocument

_NAMESPACE: Final = "http://cyclonedx.org/schema/bom/"  # a name in the format, not an address
_TEXTS: Final = frozenset(
    {"name", "version", "group", "purl", "scope", "hash", "timestamp", "phase"}
)
_MAX_TEXT: Final = 8000
_MAX_NESTING: Final = 4 * MAX_DEPTH


class _RefusedError(Exception):
    """Reading ends here; the text is the defect."""


def read_cyclonedx_xml(data: bytes) -> SbomDocument:
    """Read a document. Never raises: what is malformed is a defect, what came before it is kept."""
    events = _Events()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = events.start
    parser.EndElementHandler = events.end
    parser.CharacterDataHandler = events.text
    parser.StartDoctypeDeclHandler = events.doctype
    defects: list[str] = []
    try:
        parser.Parse(data, True)  # noqa: FBT003 - "this is all", as expat wants it
    except expat.ExpatError as malformed:
        defects.append(f"is not well-formed: {malformed}")
    except _RefusedError as refused:
        defects.append(str(refused))
    if not events.bom.version:
        return SbomDocument(
            format="",
            defects=(*defects, "is XML, but not CycloneDX: convert it to one of its formats"),
        )
    return document_of(events.bom, defects)


class _Events:
    """Builds the document from expat's events; the path of open elements says what a text is."""

    def __init__(self) -> None:
        self._lifecycles: list[Lifecycle] = []
        metadata = Metadata(lifecycles=self._lifecycles)
        self.bom = RawBom(metadata=metadata, components=[], dependencies=[])
        self._path: list[str] = []
        self._components: list[RawComponent] = []
        """Open components, outermost first."""
        self._needing: list[Dependency] = []
        self._count = 0
        self._text: list[str] | None = None
        self._attributes: dict[str, str] = {}

    def doctype(self, *_declared: object) -> None:
        """Refuse."""
        raise _RefusedError("declares a document type, which no SBOM needs; it is not read further")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        namespace, _, name = tag.rpartition(" ")
        if len(self._path) >= _MAX_NESTING:
            raise _RefusedError("is nested too deeply to be an honest SBOM")
        if not self._path and name == "bom" and namespace.startswith(_NAMESPACE):
            self.bom.version = namespace.removeprefix(_NAMESPACE)
        self._path.append(name if namespace.startswith(_NAMESPACE) else "")
        if name == "component":
            self._open(attributes)
        elif name == "dependency":
            self._depend(attributes.get("ref", ""))
        self._text = [] if name in _TEXTS else None
        self._attributes = attributes

    def _open(self, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_COMPONENTS:
            raise _RefusedError(f"holds more than {MAX_COMPONENTS:,} components")
        component = RawComponent(
            type=attributes.get("type", ""),
            ref=attributes.get("bom-ref", ""),
            hashes=[],
            components=[],
        )
        above = self._path[-2:-1]
        if above == ["metadata"] and self.bom.metadata is not None:
            self.bom.metadata.component = component
        elif above == ["components"] and self._components:
            nested = self._components[-1].components
            if nested is not None:
                nested.append(component)
        elif above == ["components"] and self.bom.components is not None:
            self.bom.components.append(component)
        self._components.append(component)

    def _depend(self, ref: str) -> None:
        dependency = Dependency(ref=ref, needs=[])
        if self._needing and self._needing[-1].needs is not None:
            self._needing[-1].needs.append(ref)
        if self.bom.dependencies is not None:
            self.bom.dependencies.append(dependency)
        self._needing.append(dependency)

    def text(self, piece: str) -> None:
        """Characters of the element that is open."""
        if self._text is not None and sum(map(len, self._text)) < _MAX_TEXT:
            self._text.append(piece[:_MAX_TEXT])

    def end(self, _tag: str) -> None:
        """An element closes."""
        name = self._path.pop()
        above = self._path[-1] if self._path else ""
        value = "".join(self._text or ()).strip()
        self._text = None
        if name == "component" and self._components:
            self._components.pop()
        elif name == "dependency" and self._needing:
            self._needing.pop()
        elif above == "component" and self._components and name in {
            "name", "version", "group", "purl", "scope"
        }:  # fmt: skip
            setattr(self._components[-1], name, value)
        elif name == "hash" and above == "hashes" and self._path[-2:-1] == ["component"]:
            self._hash(value)
        elif name == "timestamp" and above == "metadata" and self.bom.metadata is not None:
            self.bom.metadata.timestamp = value
        elif name == "phase" and above == "lifecycle":
            self._lifecycles.append(Lifecycle(value))

    def _hash(self, value: str) -> None:
        if self._components and self._components[-1].hashes is not None:
            algorithm = self._attributes.get("alg", "")
            self._components[-1].hashes.append(Hash(alg=algorithm, content=value))
