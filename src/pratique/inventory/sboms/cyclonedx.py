"""CycloneDX 1.2 to 1.7 in JSON.

Only the fields that name releases are decoded, with their types; a document in which one of them has
another type is read again, component by component, so that one bad entry hides no other.

Source: ECMA-424; cyclonedx.org/docs/1.7/json.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import best_digest, plain, read_digest
from pratique.inventory.observed.model import Item
from pratique.inventory.sboms.model import (
    MAX_COMPONENTS,
    MAX_DEPTH,
    Component,
    SbomDocument,
    told,
)
from pratique.inventory.sboms.purls import item_of_purl

_KNOWN: Final = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")


class Hash(msgspec.Struct, gc=False):
    """`hashes[]`."""

    alg: str = ""
    content: str = ""


class RawComponent(msgspec.Struct, kw_only=True):
    """`components[]`, as far as it is used."""

    type: str = ""
    ref: str = msgspec.field(name="bom-ref", default="")
    group: str | None = None
    name: str = ""
    version: str | None = None
    purl: str | None = None
    scope: str | None = None
    hashes: list[Hash] | None = None
    components: list[RawComponent] | None = None


class Dependency(msgspec.Struct, kw_only=True):
    """`dependencies[]`."""

    ref: str = ""
    needs: list[str] | None = msgspec.field(name="dependsOn", default=None)


class Lifecycle(msgspec.Struct):
    """`metadata.lifecycles[]`."""

    phase: str | None = None


class Metadata(msgspec.Struct):
    """`metadata`."""

    timestamp: str | None = None
    component: RawComponent | None = None
    lifecycles: list[Lifecycle] | None = None


class RawBom(msgspec.Struct, kw_only=True):
    """The whole document."""

    version: str = msgspec.field(name="specVersion", default="")
    metadata: Metadata | None = None
    components: list[RawComponent] | None = None
    dependencies: list[Dependency] | None = None


class _LooseBom(msgspec.Struct, kw_only=True):
    """The same without promises."""

    version: Any = msgspec.field(name="specVersion", default="")
    metadata: Any = None
    components: Any = None
    dependencies: Any = None


_STRICT: Final = msgspec.json.Decoder(RawBom)
_LOOSE: Final = msgspec.json.Decoder(_LooseBom)


def read_cyclonedx(data: bytes) -> SbomDocument:
    """Read a document. Raises: msgspec.DecodeError when it is no JSON; RecursionError."""
    try:
        return document_of(_STRICT.decode(data), [])
    except msgspec.ValidationError:
        return _read_loosely(_LOOSE.decode(data))


def document_of(bom: RawBom, defects: list[str]) -> SbomDocument:
    """What a decoded document says."""
    found: list[Component] = []
    nameless = _collect(bom.components or [], found, defects)
    if bom.version not in _KNOWN:
        defects.append(
            f"says it is CycloneDX {plain(bom.version, 20) or 'of no version'};"
            f" read as {_KNOWN[-1]}"
        )
    if nameless:
        defects.append(f"{nameless:,} components name no release (neither purl nor hash)")
    metadata = bom.metadata or Metadata()
    phases = {one.phase for one in metadata.lifecycles or ()}
    subject = _subject(metadata.component) if metadata.component else None
    return SbomDocument(
        format=f"CycloneDX {plain(bom.version, 20)}",
        subject=subject,
        components=tuple(found),
        depends=_dependencies(bom.dependencies or []),
        claimed_at=told(metadata.timestamp),
        in_operation="operations" in phases,
        nameless=nameless,
        defects=tuple(defects),
    )


def _dependencies(listed: list[Dependency]) -> dict[str, tuple[str, ...]]:
    depends: dict[str, list[str]] = {}
    for one in listed:
        if one.ref and one.needs:
            depends.setdefault(one.ref, []).extend(one.needs)
    return {ref: tuple(needed) for ref, needed in depends.items()}


def _collect(components: list[RawComponent], found: list[Component], defects: list[str]) -> int:
    """Components, nested ones too, into `found`; gives how many name no release."""
    nameless = 0
    pending = [("", components, 0)]
    while pending:
        within, listed, depth = pending.pop()
        if depth > MAX_DEPTH or len(found) >= MAX_COMPONENTS:
            defects.append("holds more components, or deeper ones, than are read")
            return nameless
        for raw in listed:
            item = _item(raw)
            if item is None:
                nameless += 1
            else:
                scope = raw.scope
                note = "" if scope is None or scope == "required" else f"scope {plain(scope, 40)}"
                found.append(Component(item=item, ref=raw.ref, within=within, note=note))
            if raw.components:
                pending.append((raw.ref or within, raw.components, depth + 1))
    return nameless


def _item(raw: RawComponent) -> Item | None:
    digest = ""
    if raw.hashes and len(raw.hashes) == 1:
        digest = read_digest(raw.hashes[0].alg, raw.hashes[0].content)
    elif raw.hashes:
        digest = best_digest({one.alg: one.content for one in raw.hashes})
    item = item_of_purl(raw.purl, digest) if raw.purl else None
    if item is None and digest and raw.name:
        # Files and things without a package URL are still found by their hash.
        return Item(
            type="generic",
            name=plain(raw.name),
            version=plain(raw.version or ""),
            digest=digest,
        )
    return item


def _subject(raw: RawComponent) -> Component:
    """What the document is about; a name without a release is no item of any type."""
    item = _item(raw) or Item(type="", name=plain(raw.name), version=plain(raw.version or ""))
    return Component(item=item, ref=raw.ref)


# Documents that do not keep the format.


def _read_loosely(bom: _LooseBom) -> SbomDocument:
    defects: list[str] = []
    bad = 0
    components: list[RawComponent] = []
    for raw in bom.components if isinstance(bom.components, list) else [bom.components]:
        try:
            components.append(msgspec.convert(raw, RawComponent))
        except msgspec.ValidationError:
            bad += 1
    dependencies: list[Dependency] = []
    for raw in bom.dependencies if isinstance(bom.dependencies, list) else []:
        try:
            dependencies.append(msgspec.convert(raw, Dependency))
        except msgspec.ValidationError:
            bad += 1
    try:
        metadata = msgspec.convert(bom.metadata, Metadata | None)
    except msgspec.ValidationError:
        metadata, bad = None, bad + 1
    defects.append(f"{bad:,} parts are not as the format says and were left out")
    version = bom.version if isinstance(bom.version, str) else ""
    whole = RawBom(
        version=version, metadata=metadata, components=components, dependencies=dependencies
    )
    return document_of(whole, defects)
