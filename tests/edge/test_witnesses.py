"""Sigstore bundles against a trusted root from a file: with the real library, and offline."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.parties import encoded, given, statement
from kit.sigstore_world import IDENTITY, PROVIDER, SIGNED_AT, World
from pratique.edge.parties import witnesses
from pratique.edge.parties.witnesses import SigstoreWitness, find_witness
from pratique.errors import InputError
from pratique.parties.evidence import read_evidence
from pratique.parties.evidence.model import UnreadablePieceError
from pratique.parties.model import EvidenceKind, Signature, Standing

WORLD = World()


@pytest.fixture
def witness(tmp_path: Path) -> SigstoreWitness:
    root = tmp_path / "trusted_root.json"
    root.write_bytes(WORLD.trusted_root())
    return SigstoreWitness(root)


def test_a_bundle_proves_who_signed_what_and_when(witness: SigstoreWitness) -> None:
    found = witness.verify(encoded(WORLD.bundle(statement())))
    assert (found.identity, found.issuer, found.at) == (IDENTITY, PROVIDER, SIGNED_AT)
    assert found.payload == encoded(statement())


def test_a_workflow_is_an_identity_too(witness: SigstoreWitness) -> None:
    url = "https://ci.example/acme/labeler/release.yml@refs/tags/v1"
    assert witness.verify(encoded(WORLD.bundle(statement(), identity=url))).identity == url


def test_evidence_of_the_party_is_attested_and_of_others_foreign(witness: SigstoreWitness) -> None:
    good = read_evidence(encoded(WORLD.bundle(statement())), given(witness=witness)).evidence
    assert (good.kind, good.signature, good.faults) == (EvidenceKind.SIGSTORE, Signature.VALID, ())
    assert good.standing is Standing.ATTESTED
    other = WORLD.bundle(statement(), identity="eve@acme.example")
    foreign = read_evidence(encoded(other), given(witness=witness)).evidence
    assert foreign.signature is Signature.FOREIGN
    assert "eve@acme.example" in foreign.faults[0]


def another_payload(bundle: dict[str, Any]) -> None:
    said = encoded(statement({"verificationResult": "FAILED"}))
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(said).decode()


def another_time(bundle: dict[str, Any]) -> None:
    entry = bundle["verificationMaterial"]["tlogEntries"][0]
    entry["integratedTime"] = str(int(SIGNED_AT.timestamp()) + 1)


def another_log(bundle: dict[str, Any]) -> None:
    stranger = World().bundle(statement())["verificationMaterial"]
    bundle["verificationMaterial"]["tlogEntries"] = stranger["tlogEntries"]


def another_certificate(bundle: dict[str, Any]) -> None:
    stranger = WORLD.bundle(statement())["verificationMaterial"]
    bundle["verificationMaterial"]["certificate"] = stranger["certificate"]


def no_proof(bundle: dict[str, Any]) -> None:
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]


def no_log(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


def no_material(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"] = 7


@pytest.mark.parametrize(
    "change",
    [
        another_payload,
        another_time,
        another_log,
        another_certificate,
        no_proof,
        no_log,
        no_material,
    ],
)
def test_a_bundle_that_was_changed_proves_nothing(
    witness: SigstoreWitness, change: Callable[[dict[str, Any]], None]
) -> None:
    bundle = WORLD.bundle(statement())
    change(bundle)
    with pytest.raises(UnreadablePieceError):
        witness.verify(encoded(bundle))
    found = read_evidence(encoded(bundle), given(witness=witness)).evidence
    assert (found.signature, found.standing) == (Signature.BROKEN, Standing.CLAIMED)
    assert found.faults


def test_a_stranger_root_trusts_nobody_here(tmp_path: Path) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(World().trusted_root())
    with pytest.raises(UnreadablePieceError):
        SigstoreWitness(root).verify(encoded(WORLD.bundle(statement())))


def test_without_root_or_library_nobody_witnesses_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, why = find_witness(tmp_path, None)
    assert nobody is None
    assert "--trusted-root FILE" in why
    place = tmp_path / "sigstore" / "trusted_root.json"
    place.parent.mkdir()
    place.write_bytes(WORLD.trusted_root())
    assert find_witness(tmp_path, None)[1] == ""
    monkeypatch.setattr(witnesses, "find_spec", lambda _name: None)
    nobody, why = find_witness(tmp_path, place)
    assert nobody is None
    assert "pratique[sigstore]" in why


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"mediaType": 7}', b"\xff"])
def test_a_root_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(content)
    with pytest.raises(InputError, match="trusted root"):
        find_witness(tmp_path, root)
    with pytest.raises(InputError, match="trusted root"):
        find_witness(tmp_path, tmp_path / "none.json")
