"""SPDX 2.2 and 2.3 in JSON.

Source: spdx.github.io/spdx-spec/v2.3.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import best_digest, plain
from pratique.inventory.observed.model import Item
from pratique.inventory.sboms.model import MAX_COMPONENTS, Component, SbomDocument, told
from pratique.inventory.sboms.purls import item_of_purl

_ABSENT: Final = frozenset({"", "NOASSERTION", "NONE"})


class Checksum(msgspec.Struct, gc=False):
    """`checksums[]`."""

    algorithm: str = ""
    value: str = msgspec.field(name="checksumValue", default="")


class Reference(msgspec.Struct, gc=False):
    """`externalRefs[]`."""

    type: str = msgspec.field(name="referenceType", default="")
    locator: str = msgspec.field(name="referenceLocator", default="")


class RawPackage(msgspec.Struct, kw_only=True):
    """`packages[]`."""

    ref: str = msgspec.field(name="SPDXID", default="")
    name: str = ""
    version: str | None = msgspec.field(name="versionInfo", default=None)
    filename: str | None = msgspec.field(name="packageFileName", default=None)
    checksums: list[Checksum] | None = None
    references: list[Reference] | None = msgspec.field(name="externalRefs", default=None)


class Relationship(msgspec.Struct, kw_only=True, gc=False):
    """`relationships[]`."""

    subject: str = msgspec.field(name="spdxElementId", default="")
    type: str = msgspec.field(name="relationshipType", default="")
    object: str = msgspec.field(name="relatedSpdxElement", default="")


class Creation(msgspec.Struct):
    """`creationInfo`."""

    created: str | None = None


class RawDocument(msgspec.Struct, kw_only=True):
    """The whole document."""

    version: str = msgspec.field(name="spdxVersion", default="")
    creation: Creation | None = msgspec.field(name="creationInfo", default=None)
    packages: list[RawPackage] | None = None
    relationships: list[Relationship] | None = None
    describes: list[str] | None = msgspec.field(name="documentDescribes", default=None)


class _LooseDocument(msgspec.Struct, kw_only=True):
    """The same without promises."""

    version: Any = msgspec.field(name="spdxVersion", default="")
    packages: Any = None
    relationships: Any = None


_STRICT: Final = msgspec.json.Decoder(RawDocument)
_LOOSE: Final = msgspec.json.Decoder(_LooseDocument)
_DEPENDS_BACKWARDS: Final = frozenset(
    {
        "DEPENDENCY_OF",
        "RUNTIME_DEPENDENCY_OF",
        "BUILD_DEPENDENCY_OF",
        "DEV_DEPENDENCY_OF",
        "OPTIONAL_DEPENDENCY_OF",
        "PROVIDED_DEPENDENCY_OF",
        "TEST_DEPENDENCY_OF",
        "PREREQUISITE_FOR",
    }
)
_DEPENDS: Final = frozenset({"DEPENDS_ON", "HAS_PREREQUISITE"})


def read_spdx(data: bytes) -> SbomDocument:
    """Read a document. Raises: msgspec.DecodeError when it is no JSON; RecursionError."""
    try:
        return document_of(_STRICT.decode(data), [])
    except msgspec.ValidationError:
        return _read_loosely(_LOOSE.decode(data))


def document_of(document: RawDocument, defects: list[str]) -> SbomDocument:
    """What a decoded document says."""
    version = document.version.removeprefix("SPDX-")
    if not version.startswith("2."):
        defects.append(f"says it is SPDX {plain(version, 20) or 'of no version'}; read as 2.3")
    depends, within, subjects = _relations(document.relationships or [])
    subjects.update(document.describes or ())
    found: list[Component] = []
    subject: Component | None = None
    nameless = 0
    packages = document.packages or []
    if len(packages) > MAX_COMPONENTS:
        defects.append(f"holds more than {MAX_COMPONENTS:,} packages; the others were left out")
    for raw in packages[:MAX_COMPONENTS]:
        item = _item(raw)
        if raw.ref in subjects and subject is None:
            named = item or Item(type="", name=plain(raw.name), version=plain(raw.version or ""))
            subject = Component(item=named, ref=raw.ref)
        elif item is None:
            nameless += 1
        else:
            found.append(Component(item=item, ref=raw.ref, within=within.get(raw.ref, "")))
    if nameless:
        defects.append(f"{nameless:,} packages name no release (neither purl nor checksum)")
    return SbomDocument(
        format=f"SPDX {plain(version, 20)}",
        subject=subject,
        components=tuple(found),
        depends={ref: tuple(needed) for ref, needed in depends.items()},
        claimed_at=told(document.creation.created if document.creation else None),
        nameless=nameless,
        defects=tuple(defects),
    )


def _relations(
    listed: list[Relationship],
) -> tuple[dict[str, list[str]], dict[str, str], set[str]]:
    """Dependencies, what contains what, and what the document describes."""
    depends: dict[str, list[str]] = {}
    within: dict[str, str] = {}
    subjects: set[str] = set()
    for one in listed:
        if one.type in _DEPENDS:
            depends.setdefault(one.subject, []).append(one.object)
        elif one.type in _DEPENDS_BACKWARDS:
            depends.setdefault(one.object, []).append(one.subject)
        elif one.type == "CONTAINS":
            within.setdefault(one.object, one.subject)
        elif one.type == "CONTAINED_BY":
            within.setdefault(one.subject, one.object)
        elif one.type == "DESCRIBES":
            subjects.add(one.object)
        elif one.type == "DESCRIBED_BY":
            subjects.add(one.subject)
    return depends, within, subjects


def _item(raw: RawPackage) -> Item | None:
    digest = ""
    if raw.checksums:
        digest = best_digest({one.algorithm: one.value for one in raw.checksums})
    for reference in raw.references or ():
        if reference.type == "purl":
            item = item_of_purl(reference.locator, digest)
            if item is not None:
                return item
    if not digest or not raw.name:
        return None
    version = raw.version or ""
    return Item(
        type="generic",
        name=plain(raw.name),
        version="" if version in _ABSENT else plain(version),
        digest=digest,
        filename=plain((raw.filename or "").rpartition("/")[2]),
    )


def _read_loosely(document: _LooseDocument) -> SbomDocument:
    bad = 0
    packages: list[RawPackage] = []
    for raw in document.packages if isinstance(document.packages, list) else [document.packages]:
        try:
            packages.append(msgspec.convert(raw, RawPackage))
        except msgspec.ValidationError:
            bad += 1
    relationships: list[Relationship] = []
    for raw in document.relationships if isinstance(document.relationships, list) else []:
        try:
            relationships.append(msgspec.convert(raw, Relationship))
        except msgspec.ValidationError:
            bad += 1
    version = document.version if isinstance(document.version, str) else ""
    whole = RawDocument(version=version, packages=packages, relationships=relationships)
    why = f"{bad:,} parts are not as the format says and were left out"
    return document_of(whole, [why])
