"""SPDX 3 in JSON-LD: packages, their purls and hashes, dependencies.

The graph is read as the specification's own serialization writes it, with its compact names; a document
with a context of its own would need a JSON-LD processor, and is a defect.

Source: spdx.github.io/spdx-spec/v3.0.1, "Serialization".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pratique.inventory.environments.items import best_digest, plain
from pratique.inventory.observed.model import Item
from pratique.inventory.sboms.model import MAX_COMPONENTS, Component, SbomDocument, told
from pratique.inventory.sboms.purls import item_of_purl

_DEPENDS: Final = "dependsOn"


class _Graph(msgspec.Struct, kw_only=True):
    context: Any = msgspec.field(name="@context", default=None)
    graph: list[Any] = msgspec.field(name="@graph", default_factory=list)


_DECODER: Final = msgspec.json.Decoder(_Graph)


def read_spdx_graph(data: bytes) -> SbomDocument:
    """Read a document. Raises: msgspec.DecodeError; RecursionError."""
    document = _DECODER.decode(data)
    if not isinstance(document.context, str) or "spdx" not in document.context:
        why = "is JSON-LD with a context of its own; convert it to SPDX 2.3 JSON or CycloneDX JSON"
        return SbomDocument(format="SPDX 3", defects=(why,))
    elements = [one for one in document.graph if isinstance(one, dict)][:MAX_COMPONENTS]
    found: list[Component] = []
    depends: dict[str, list[str]] = {}
    nameless = 0
    claimed_at = ""
    for one in elements:
        kind = one.get("type")
        if kind == "software_Package":
            item = _item(one)
            nameless += item is None
            if item is not None:
                found.append(Component(item=item, ref=told(one.get("spdxId"))))
        elif isinstance(kind, str) and kind.endswith("Relationship"):
            _relate(one, depends)
        elif kind == "CreationInfo":
            claimed_at = claimed_at or told(one.get("created"))
    defects = []
    if nameless:
        defects.append(f"{nameless:,} packages name no release (neither purl nor hash)")
    if len(document.graph) > len(elements):
        defects.append("holds parts that are no elements, or more than are read")
    return SbomDocument(
        format="SPDX 3",
        components=tuple(found),
        depends={ref: tuple(needed) for ref, needed in depends.items()},
        claimed_at=claimed_at,
        nameless=nameless,
        defects=tuple(defects),
    )


def _relate(one: dict[str, Any], depends: dict[str, list[str]]) -> None:
    needed = one.get("to")
    if one.get("relationshipType") != _DEPENDS or not isinstance(needed, list):
        return
    depends.setdefault(told(one.get("from")), []).extend(told(ref) for ref in needed if told(ref))


def _item(one: dict[str, Any]) -> Item | None:
    digest = best_digest(
        {
            told(proof.get("algorithm")): proof.get("hashValue")
            for proof in _dicts(one.get("verifiedUsing"))
        }
    )
    purls = [one.get("software_packageUrl")]
    purls += [
        known.get("identifier")
        for known in _dicts(one.get("externalIdentifier"))
        if str(known.get("externalIdentifierType")).lower() == "packageurl"
    ]
    for purl in purls:
        item = item_of_purl(purl, digest) if isinstance(purl, str) else None
        if item is not None:
            return item
    name = told(one.get("name"))
    if not digest or not name:
        return None
    version = told(one.get("software_packageVersion"))
    return Item(type="generic", name=plain(name), version=version, digest=digest)


def _dicts(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
