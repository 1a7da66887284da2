"""Descriptions of a version, read by the libraries that define them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.custody import a_dataset, an_object, lease_id
from kit.disclosure import LARGE, SMALL, House, house
from kit.schemas import croissant_of, cyclonedx_errors, linked_data_of
from pratique.custody.croissant import render_croissant, render_ml_bom
from pratique.custody.lineage import Act, Lineage, Writer
from pratique.custody.model import StoredObject
from pratique.custody.ports import Version

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HARD = ("a/ä ö+%2F #1?.txt", "plain.jsonl", 'quote".csv', "b/<tag>.png")
ROOT = "ab" * 32


def a_lineage(**changes: Any) -> Lineage:
    lineage = Lineage(
        dataset=a_dataset(
            classification="biometric",
            residency="EU",
            purposes=frozenset({"labelling", "evaluation"}),
        ),
        version=Version(
            dataset="dialogs", number=3, root=ROOT, objects=4, bytes=4 << 20, sealed_at=NOON
        ),
        origin="lab.example/log",
        registered=Act(entry=4, at=NOON - timedelta(days=2), actor="operator:olga"),
        sealed=Act(entry=9, at=NOON, actor="operator:olga"),
        source="s3://raw/dialogs",
        writers={
            lease_id(1): Writer(
                lease=lease_id(1), holder="p-17", vendor="acme", project="d", purpose="labelling"
            )
        },
    )
    return replace(lineage, **changes)


def objects() -> list[StoredObject]:
    found = [an_object(n, key=key) for n, key in enumerate(HARD)]
    return [*found[:3], replace(found[3], by_lease=lease_id(1), size=0)]


def test_mlcroissant_reads_it_without_a_word() -> None:
    described = render_croissant(a_lineage(), objects(), endpoint="https://s3.lab.example/")
    read = croissant_of(described)
    assert not read.ctx.issues.errors
    assert not read.ctx.issues.warnings, read.ctx.issues.report()
    assert str(read.ctx.conforms_to.value) == "http://mlcommons.org/croissant/1.1"
    files = {one.name: one for one in read.distribution}
    assert set(files) == set(HARD)
    assert {one.sha256 for one in files.values()} == {"ab" * 32}
    assert read.version == "3.0.0"


def test_it_is_linked_data_with_provenance_and_terms() -> None:
    described = render_croissant(a_lineage(), objects(), endpoint="https://s3.lab.example")
    found: dict[str, list[str]] = {}
    for _, predicate, value in linked_data_of(json.dumps(described)):
        found.setdefault(str(predicate), []).append(str(value))
    prov, odrl = "http://www.w3.org/ns/prov#", "http://www.w3.org/ns/odrl/2/"
    labels = set(found[prov + "label"])
    assert {"operator:olga", "meta", "p-17 of acme", "sealed (ledger entry 9)"} <= labels
    assert f"put under lease {lease_id(1)} for labelling" in labels
    [source] = found[prov + "wasDerivedFrom"]
    assert source == "urn:pratique:source:s3://raw/dialogs"
    assert len(found[odrl + "permission"]) == 2
    assert set(found[odrl + "rightOperand"]) == {"labelling", "evaluation", "EU"}
    assert len(found["https://schema.org/sha256"]) == len(HARD), "every file is a node of its own"


def test_data_without_purposes_permits_nothing() -> None:
    lineage = a_lineage(dataset=a_dataset(purposes=frozenset(), classification="public"))
    described = render_croissant(lineage, [], endpoint="https://s3.lab.example")
    assert "odrl:permission" not in described["usageInfo"]
    assert "rai:personalSensitiveInformation" not in described
    assert not croissant_of(described).ctx.issues.errors


def test_sensitive_data_is_said() -> None:
    described = render_croissant(a_lineage(), objects(), endpoint="https://s3.lab.example")
    read = croissant_of(described)
    assert read.personal_sensitive_information == ["biometric"]


@pytest.mark.slow
def test_the_ml_bom_fits_the_strict_schema() -> None:
    bom = render_ml_bom(a_lineage(), objects(), custodian="Lab", now=NOON)
    assert cyclonedx_errors(json.dumps(bom)) is None
    [data] = bom["metadata"]["component"]["data"]
    assert data["governance"]["owners"] == [{"organization": {"name": "meta"}}]
    assert data["governance"]["custodians"] == [{"organization": {"name": "Lab"}}]
    assert data["governance"]["stewards"] == [{"organization": {"name": "acme"}}]
    assert data["sensitiveData"] == ["biometric"]
    assert {one["name"] for one in bom["components"]} == set(HARD)
    again = render_ml_bom(a_lineage(), objects(), custodian="Lab", now=NOON)
    assert again == bom, "the same version has the same serial number"


# ── the command ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.mark.slow
def test_the_command_describes_what_is_stored(place: House, tmp_path: Path) -> None:
    result = place.run("dataset", "describe", "dialogs", "--endpoint", "https://s3.lab.example")
    assert result.exit_code == 0, result.output
    read = croissant_of(json.loads(result.stdout))
    sizes = {one.name: one.content_size for one in read.distribution}
    assert sizes == {"large": f"{len(LARGE)} B", "small": f"{len(SMALL)} B", "empty": "0 B"}
    file = tmp_path / "bom.json"
    made = place.run("dataset", "describe", "dialogs", "--as", "cyclonedx", "-o", str(file))
    assert made.exit_code == 0, made.output
    assert cyclonedx_errors(file.read_text()) is None


@pytest.mark.parametrize(
    "words", [("nothing",), ("dialogs", "--version", "7"), ("dialogs", "--post")]
)
def test_what_is_not_there_is_said(place: House, words: tuple[str, ...]) -> None:
    assert place.run("dataset", "describe", *words).exit_code != 0
