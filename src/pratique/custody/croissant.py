"""A version of a dataset as Croissant 1.1, and as the data component of a CycloneDX ML-BOM.

Source: Croissant Format Specification 1.1 (provenance by PROV-O, conditions of use by ODRL);
CycloneDX 1.6 `componentData`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

from pratique import __version__
from pratique.custody.lineage import Lineage
from pratique.custody.model import StoredObject
from pratique.values.instants import Instant, render_instant

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
_BOMS: Final = uuid.UUID("2c7b1a8e-5a3e-5c9b-9a60-0f5be0d7a3f4")

CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "excludes": "cr:excludes",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "readLines": "cr:readLines",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "sdVersion": "cr:sdVersion",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "unArchive": "cr:unArchive",
    "value": "cr:value",
}
"""The specification's own (appendix 1), with the two vocabularies that it recommends."""

SENSITIVE: Final = frozenset({"personal", "biometric", "health", "sensitive"})
"""Classifications that say that the data is about people."""


def render_croissant(
    lineage: Lineage, objects: Iterable[StoredObject], *, endpoint: str
) -> dict[str, Any]:
    """The description. `endpoint`: address of the S3 door at which a lease reads the files."""
    dataset, version = lineage.dataset, lineage.version
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": f"urn:pratique:dataset:{dataset.name}:{version.number}",
        "name": dataset.name,
        "description": _described(lineage),
        "conformsTo": CONFORMS_TO,
        "version": f"{version.number}.0.0",
        "datePublished": render_instant(version.sealed_at),
        "dateCreated": render_instant(dataset.created_at),
        "license": f"urn:pratique:terms:{dataset.client}:{dataset.name}",
        "url": f"{endpoint.rstrip('/')}/{dataset.name}",
        "creator": {"@type": "Organization", "name": dataset.client},
        "citeAs": f"{dataset.name}, version {version.number}, root {version.root}",
        "isLiveDataset": False,
        "identifier": f"sha256-rfc6962:{version.root}",
        "usageInfo": _usage(lineage),
        **_provenance(lineage),
        "distribution": [_file(one, lineage, endpoint) for one in objects],
    }
    if dataset.classification in SENSITIVE:
        described["rai:personalSensitiveInformation"] = [dataset.classification]
    return described


def _described(lineage: Lineage) -> str:
    dataset, version = lineage.dataset, lineage.version
    where = f", to stay in {dataset.residency}" if dataset.residency else ""
    return (
        f"{dataset.classification} data of {dataset.client}{where}: {version.objects} files with"
        f" {version.bytes} bytes, sealed as version {version.number}. Merkle root {version.root}."
    )


def _usage(lineage: Lineage) -> dict[str, Any]:
    """The purposes that leases may be granted for, as an offer; all else is prohibited."""
    dataset = lineage.dataset
    usage: dict[str, Any] = {
        "@type": ["CreativeWork", "odrl:Offer"],
        "name": f"Terms of {dataset.client} for {dataset.name}",
        "odrl:assigner": {"@id": f"urn:pratique:client:{dataset.client}"},
        "odrl:prohibition": {
            "@type": "odrl:Prohibition",
            "odrl:action": {"@id": "odrl:distribute"},
        },
    }
    if dataset.purposes:
        usage["odrl:permission"] = [
            _permission(purpose, dataset.residency) for purpose in sorted(dataset.purposes)
        ]
    return usage


def _permission(purpose: str, residency: str) -> dict[str, Any]:
    # Whoever uses it needs a lease: the consent is asked for each time.
    limits = [_constraint("purpose", purpose)]
    if residency:
        limits.append(_constraint("spatial", residency))
    return {
        "@type": "odrl:Permission",
        "odrl:action": {"@id": "odrl:use"},
        "odrl:constraint": limits,
        "odrl:duty": {"@type": "odrl:Duty", "odrl:action": {"@id": "odrl:obtainConsent"}},
    }


def _constraint(operand: str, value: str) -> dict[str, Any]:
    return {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": {"@id": f"odrl:{operand}"},
        "odrl:operator": {"@id": "odrl:eq"},
        "odrl:rightOperand": value,
    }


def _provenance(lineage: Lineage) -> dict[str, Any]:
    acts = [*lineage.steps, ("registered", lineage.registered), ("sealed", lineage.sealed)]
    done = [
        {
            "@type": "prov:Activity",
            "@id": f"urn:pratique:entry:{lineage.origin}:{act.entry}",
            "prov:label": f"{word} (ledger entry {act.entry})",
            "prov:endedAtTime": render_instant(act.at),
            "prov:wasAssociatedWith": {"@type": "prov:Agent", "prov:label": act.actor},
        }
        for word, act in acts
        if act is not None
    ]
    found: dict[str, Any] = {
        "prov:wasAttributedTo": {"@type": "prov:Agent", "prov:label": lineage.dataset.client}
    }
    if done:
        found["prov:wasGeneratedBy"] = done
    if lineage.source:
        found["prov:wasDerivedFrom"] = {
            "@id": f"urn:pratique:source:{quote(lineage.source, safe=':/@.')}"
        }
    return found


def _file(stored: StoredObject, lineage: Lineage, endpoint: str) -> dict[str, Any]:
    place = f"{endpoint.rstrip('/')}/{lineage.dataset.name}/{quote(stored.key)}"
    file: dict[str, Any] = {
        "@type": "cr:FileObject",
        # Percent-encoded: an id is an IRI, and a key may be anything.
        "@id": quote(stored.key, safe="/"),
        "name": stored.key,
        "contentUrl": place,
        "contentSize": f"{stored.size} B",
        "encodingFormat": stored.media_type,
        "sha256": stored.sha256,
    }
    if sources := lineage.made_from.get(stored.sha256):
        file["prov:wasDerivedFrom"] = [{"@id": f"urn:pratique:work:{one}"} for one in sources]
    writer = lineage.writers.get(stored.by_lease)
    if stored.by_lease:
        label = stored.by_lease if writer is None else f"{writer.holder} of {writer.vendor}"
        file["prov:wasAttributedTo"] = {"@type": "prov:Agent", "prov:label": label}
        file["prov:wasGeneratedBy"] = {
            "@type": "prov:Activity",
            "prov:label": _work(stored.by_lease, "" if writer is None else writer.purpose),
            "prov:endedAtTime": render_instant(stored.created_at),
        }
    return file


def _work(lease: str, purpose: str) -> str:
    return f"put under lease {lease}" + (f" for {purpose}" if purpose else "")


# ── CycloneDX ────────────────────────────────────────────────────────────────────────────────


def render_ml_bom(
    lineage: Lineage, objects: Iterable[StoredObject], *, custodian: str, now: Instant
) -> dict[str, Any]:
    """The version as a data component, with whose it is and who keeps it; files as its parts.

    `custodian`: the own organisation's name.
    """
    dataset, version = lineage.dataset, lineage.version
    reference = f"urn:pratique:dataset:{dataset.name}:{version.number}"
    data: dict[str, Any] = {
        "type": "dataset",
        "name": dataset.name,
        "classification": dataset.classification,
        "governance": {
            "custodians": [{"organization": {"name": custodian}}],
            "owners": [{"organization": {"name": dataset.client}}],
            "stewards": _stewards(lineage),
        },
        "contents": {"properties": list(_properties(lineage))},
    }
    if dataset.classification in SENSITIVE:
        data["sensitiveData"] = [dataset.classification]
    name = f"{lineage.origin}/{dataset.name}/{version.number}/{version.root}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_BOMS, name)}",
        "version": 1,
        "metadata": {
            "timestamp": render_instant(now),
            "tools": {"components": [_tool()]},
            "component": {
                "type": "data",
                "bom-ref": reference,
                "name": dataset.name,
                "version": str(version.number),
                "data": [data],
            },
        },
        "components": [_part(one) for one in objects],
    }


def _stewards(lineage: Lineage) -> list[dict[str, Any]]:
    """Vendors whose people put objects."""
    vendors = sorted({one.vendor for one in lineage.writers.values()})
    return [{"organization": {"name": vendor}} for vendor in vendors]


def _properties(lineage: Lineage) -> Iterator[dict[str, str]]:
    dataset, version = lineage.dataset, lineage.version
    told = {
        "pratique:root": version.root,
        "pratique:bytes": str(version.bytes),
        "pratique:objects": str(version.objects),
        "pratique:source": lineage.source,
        "pratique:residency": dataset.residency,
        **({"pratique:sealed_entry": str(lineage.sealed.entry)} if lineage.sealed else {}),
    }
    yield from ({"name": name, "value": value} for name, value in told.items() if value)
    for purpose in sorted(dataset.purposes):
        yield {"name": "pratique:purpose", "value": purpose}


def _tool() -> dict[str, str]:
    return {"type": "application", "name": "pratique", "version": __version__}


def _part(stored: StoredObject) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": f"urn:pratique:object:{stored.id}",
        "name": stored.key,
        "mime-type": stored.media_type,
        "hashes": [{"alg": "SHA-256", "content": stored.sha256}],
    }
