"""SBOM files on disk."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from pratique.edge.sweep.context import SweepContext, SweepLimits
from pratique.edge.sweep.sboms import SbomReader
from pratique.inventory.observed.model import AssetKind, EvidenceClass, PlaceKind
from pratique.inventory.sboms.reading import is_sbom_name
from pratique.values.instants import now_utc

DOCUMENT = json.dumps(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2026-03-24T10:40:00Z"},
        "components": [{"type": "library", "name": "litellm", "purl": "pkg:pypi/litellm@1.82.8"}],
    }
).encode()


def context(**more: object) -> SweepContext:
    return SweepContext(asset="app", asset_kind=AssetKind.SERVER, machine="", now=now_utc, **more)  # type: ignore[arg-type] # options by name


def test_a_document_is_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "app.cdx.json"
    path.write_bytes(DOCUMENT)
    assert SbomReader().claims(path, is_dir=False)
    (look,) = SbomReader().read(path, context())
    assert (look.place_kind, look.evidence_class, look.whole) == (
        PlaceKind.SBOM,
        EvidenceClass.DECLARED,
        True,
    )
    (one,) = look.sightings
    assert one.at == "CycloneDX 1.6, by its own account of 2026-03-24T10:40:00Z"
    assert look.evidence[0].sha256 == hashlib.sha256(DOCUMENT).hexdigest()


def test_a_bad_document_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_bytes(DOCUMENT[:-20])
    (look,) = SbomReader().read(path, context())
    assert not look.whole
    assert "not well-formed" in look.gaps[0].why
    path.write_bytes(DOCUMENT)
    (look,) = SbomReader().read(path, context(limits=SweepLimits(file_bytes=10)))
    assert "larger than 10 bytes" in look.gaps[0].why


def test_pipes_are_told_and_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "sbom.json"
    os.mkfifo(path)
    assert SbomReader().claims(path, is_dir=False)
    (look,) = SbomReader().read(path, context())
    assert look.gaps[0].why == "is no regular file but a pipe"


def test_sboms_in_wheels_belong_to_their_distribution(tmp_path: Path) -> None:
    folder = tmp_path / "x-1.dist-info" / "sboms"
    folder.mkdir(parents=True)
    (folder / "bom.json").write_bytes(DOCUMENT)
    assert not SbomReader().claims(folder / "bom.json", is_dir=False)
    (tmp_path / "bom.json").write_text('{"name": "bombs"}')
    assert not SbomReader().claims(tmp_path / "bom.json", is_dir=False)


def test_schemas_of_the_formats_are_no_documents() -> None:
    assert not is_sbom_name("bom-1.6.SNAPSHOT.schema.json")
    assert is_sbom_name("bom-1.6.json")


def test_what_is_called_like_an_sbom_and_is_no_text_is_a_gap(tmp_path: Path) -> None:
    for content in (b"", b"\0\1\2"):
        path = tmp_path / "bom.json"
        path.write_bytes(content)
        assert SbomReader().claims(path, is_dir=False)
        [look] = SbomReader().read(path, context())
        assert not look.whole
