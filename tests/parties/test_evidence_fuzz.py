"""Hostile evidence: whatever comes, a reader answers with a record, soon, and lets nothing pass."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.parties import (
    ACME,
    ASSESSMENT,
    CAIQ,
    CERTIFICATE,
    DECLARATIONS,
    bill,
    encoded,
    envelope,
    statement,
)
from kit.parties import given as arriving
from pratique.errors import InputError
from pratique.parties.entries import evidence_draft
from pratique.parties.evidence import Piece, read_evidence
from pratique.parties.evidence.model import MAX_CLAIMS, MAX_SUBJECTS
from pratique.parties.model import Evidence, EvidenceKind, Signature
from pratique.parties.register_file import parse_register_file

SEEDS: list[Any] = [
    bill(),
    envelope(statement()),
    envelope(bill(), kind="application/vnd.cyclonedx+json"),
    statement(),
    DECLARATIONS,
    ASSESSMENT,
    {"answers": [{"id": "1", "question": "q", "answer": "yes"}]},
    {"acknowledges": ["x"]},
    {"certificate": {"standard": "x", "issuer": "y", "expires": "2099-01-01"}},
    {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope(statement())},
]  # fmt: skip
TEXTS = [
    CAIQ.encode(),
    CERTIFICATE.encode(),
    b"%PDF-1.7",
    b"SPDXVersion: SPDX-2.3\nPackageName: x\n",
]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.just([]), st.just({}), st.just([[[]]]), st.just({"a": {"b": []}}), st.just("9999-99-99"),
    st.just("2026-11-20T00:00:00+99:00"), st.just("\u202e\x1b[2J"), st.just(10**400),
)  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def checked(data: bytes, **more: Any) -> Piece:
    """What holds of every piece, whatever it is."""
    piece = read_evidence(data, arriving(**more))
    found = piece.evidence
    assert msgspec.convert(msgspec.to_builtins(found), Evidence) == found
    evidence_draft(found, actor="operator:ann")
    assert found.party == ACME.name
    assert found.size == len(data)
    assert len(found.claims) <= MAX_CLAIMS
    assert len(found.subjects) <= MAX_SUBJECTS
    assert found.claims_total >= len(found.claims)
    assert len(found.faults) <= 21
    texts = [found.filename, found.signer, *found.subjects, *found.faults]
    texts += [text for one in found.claims for text in (one.topic, one.answer, one.detail)]
    for text in texts:
        assert text.isprintable(), repr(text)
        assert len(text) <= 400
    if found.signature in {Signature.BROKEN, Signature.FOREIGN, Signature.UNCHECKED}:
        assert found.faults
    if found.faults:
        assert (piece.sbom, found.asset) == (None, "")
    if found.asset:
        assert found.asset.startswith("vendor/acme/")
        assert found.kind is EvidenceKind.SBOM
    return piece


@QUICK
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    assert checked(data).evidence.signature is not Signature.VALID


@QUICK
@given(st.sampled_from(TEXTS), st.data())
def test_texts_that_were_damaged(text: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, len(text)))
    checked(text[:at] + data.draw(st.binary(max_size=20)) + text[until:], filename="x.csv")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_odd(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return changed


@QUICK
@given(st.sampled_from(SEEDS), st.data(), ODD)
def test_documents_with_something_odd_in_them(seed: Any, data: st.DataObject, odd: Any) -> None:
    path = data.draw(st.sampled_from(list(places(seed))))
    document = json.dumps(with_odd(seed, path, odd)).encode()
    piece = checked(document)
    inside = {"payload", "payloadType", "sig"} & {part for part in path if isinstance(part, str)}
    if inside and with_odd(seed, path, odd) != seed:
        assert piece.evidence.signature is not Signature.VALID, "what is signed was changed"


@QUICK
@given(st.sampled_from(SEEDS), st.data(), ODD)
def test_signed_documents_with_something_odd_in_them(
    seed: Any, data: st.DataObject, odd: Any
) -> None:
    path = data.draw(st.sampled_from(list(places(seed))))
    signed = envelope(json.dumps(with_odd(seed, path, odd)).encode(), kind="application/json")
    checked(encoded(signed))


@QUICK
@given(st.data())
def test_no_bit_of_an_envelope_can_be_turned(data: st.DataObject) -> None:
    document = encoded(envelope(statement()))
    at = data.draw(st.integers(0, len(document) - 1))
    turned = bytearray(document)
    turned[at] ^= 1 << data.draw(st.integers(0, 7))
    piece = checked(bytes(turned)).evidence
    if piece.signature is Signature.VALID:
        # The key's id is only a hint, and is not signed; what is said is what was signed.
        before = read_evidence(document, arriving()).evidence
        assert (piece.claims, piece.subjects) == (before.claims, before.subjects)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":' * 200_000,
        b"[" * 200_000 + b'"',
        b'{"bomFormat":"CycloneDX","declarations":' + b'{"a":' * 100_000,
        encoded({"answers": [{"id": "x" * 50, "answer": "y" * 50}] * 20_001}),
        ("id,answer\n" + "x,yes\n" * 30_000).encode(),
        ("," * 200_000 + "\n").encode() * 5,
        encoded({**DECLARATIONS, "declarations": {"attestations": [{"map": [{}] * 50_000}]}}),
        encoded({"assessment-results": {"results": [{"findings": [{}] * 50_000}]}}),
        encoded({**envelope(statement()), "signatures": [{"sig": "AAAA"}] * 50_000}),
        encoded({"acknowledges": ["x" * 5_000] * 20_000}),
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"b" * 1_000 + b'"><!ENTITY c "'
        + b"&a;" * 1_000 + b'">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6">&c;</bom>',
        b"a = " + b"[" * 50_000,
        b"x=1\n" * 200_000,
    ],
    ids=range(13),
)  # fmt: skip
def test_bombs_end_soon(data: bytes) -> None:
    started = time.process_time()
    assert checked(data, filename="bomb").evidence.faults
    assert time.process_time() - started < 5


@QUICK
@example(b"[own]\nname = 'a'\n[[vendor]]\nname = 'a'\n")
@given(st.binary(max_size=200))
def test_a_registers_file_of_any_bytes(data: bytes) -> None:
    with suppress(InputError):
        parse_register_file(data, name="x")


@QUICK
@given(st.data(), ODD)
def test_a_registers_file_with_something_odd_in_it(data: st.DataObject, odd: Any) -> None:
    seed = {
        "own": {"name": "o"},
        "vendor": [{"name": "v", "contacts": [{"role": "r", "address": "a"}], "products": ["p"],
                    "promises": [{"evidence": "sbom", "every_days": 1, "product": "p"}]}],
        "client": [{"name": "c"}],
        "project": [{"name": "p", "vendor": "v", "client": "c", "budget": "1GiB", "datasets": ["d"]}],
        "contract": [{"id": "k", "party": "v", "starts": "2025-01-01"}],
    }  # fmt: skip
    path = data.draw(st.sampled_from(list(places(seed))))
    with suppress(InputError):
        parse_register_file(json.dumps(with_odd(seed, path, odd)).encode(), name="x")
