"""SPDX 2.x as tags and values, read into the same shapes as its JSON.

Source: spdx.github.io/spdx-spec/v2.3, "Tag-value format".
"""

from __future__ import annotations

from pratique.inventory.sboms.model import SbomDocument
from pratique.inventory.sboms.spdx import (
    Checksum,
    Creation,
    RawDocument,
    RawPackage,
    Reference,
    Relationship,
    document_of,
)

_PACKAGE, _OTHER = "package", "other"
_SECTIONS = {
    "PackageName": _PACKAGE,
    "FileName": _OTHER,
    "SnippetSPDXID": _OTHER,
    "LicenseID": _OTHER,
}


def read_tag_value(data: bytes) -> SbomDocument:
    """Read a document; texts over several lines are prose and passed over."""
    version = ""
    created = ""
    packages: list[RawPackage] = []
    relationships: list[Relationship] = []
    section = ""
    in_text = False
    for line in data.decode("utf-8", "replace").splitlines():
        if in_text:
            in_text = "</text>" not in line
            continue
        tag, colon, value = line.partition(":")
        if not colon:
            continue
        value = value.strip()
        in_text = "<text>" in value and "</text>" not in value
        if tag in _SECTIONS:
            section = _SECTIONS[tag]
            if section == _PACKAGE:
                packages.append(RawPackage(name=value, checksums=[], references=[]))
        elif tag == "SPDXVersion":
            version = value
        elif tag == "Created":
            created = value
        elif tag == "Relationship":
            relationships += _relationship(value)
        elif section == _PACKAGE:
            _package_tag(packages[-1], tag, value)
    document = RawDocument(
        version=version,
        creation=Creation(created=created),
        packages=packages,
        relationships=relationships,
    )
    return document_of(document, [])


def _relationship(value: str) -> list[Relationship]:
    words = value.split()
    if len(words) != 3:  # noqa: PLR2004 - subject, type, object
        return []
    return [Relationship(subject=words[0], type=words[1], object=words[2])]


def _package_tag(package: RawPackage, tag: str, value: str) -> None:
    if tag == "SPDXID":
        package.ref = value
    elif tag == "PackageVersion":
        package.version = value
    elif tag == "PackageFileName":
        package.filename = value
    elif tag == "PackageChecksum" and package.checksums is not None:
        algorithm, _, digits = value.partition(":")
        package.checksums.append(Checksum(algorithm=algorithm.strip(), value=digits.strip()))
    elif tag == "ExternalRef" and package.references is not None:
        words = value.split()
        if len(words) == 3:  # noqa: PLR2004 - category, type, locator
            package.references.append(Reference(type=words[1], locator=words[2]))
