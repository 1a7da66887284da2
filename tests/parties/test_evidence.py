"""Readers of evidence: what each form says, and what is said of each that is wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.parties import (
    ACME,
    ACME_KEY,
    ASSESSMENT,
    CAIQ,
    CERTIFICATE,
    DECLARATIONS,
    NOW,
    OTHER,
    OTHER_KEY,
    bill,
    encoded,
    envelope,
    given,
    pem,
    statement,
)
from pratique.parties.evidence import (
    MAX_EVIDENCE_BYTES,
    Piece,
    Verified,
    envelopes,
    read_evidence,
)
from pratique.parties.evidence.envelopes import check_envelope, parse_envelope, signed_bytes
from pratique.parties.evidence.model import UnreadablePieceError
from pratique.parties.keys import Key, is_signed
from pratique.parties.model import NAMED_KINDS, EvidenceKind, PublicKey, Signature, Standing


def read(value: object, **more: Any) -> Piece:
    data = value if isinstance(value, bytes) else encoded(value)
    return read_evidence(data, given(**more))


def faults(value: object, **more: Any) -> str:
    piece = read(value, **more)
    assert piece.evidence.faults, piece.evidence
    assert piece.sbom is None
    assert piece.evidence.asset == ""
    return "; ".join(piece.evidence.faults)


def claims(piece: Piece) -> dict[str, tuple[str, str]]:
    return {one.topic: (one.answer, one.detail) for one in piece.evidence.claims}


def test_what_is_called_json_is_not_taken_for_a_table() -> None:
    assert faults(b"not json at all", filename="sbom.json") == "it is called .json, and is no JSON"
    found = read(b"id,answer\n1,yes\n", filename="answers.txt").evidence
    assert (found.kind, found.faults) == (EvidenceKind.QUESTIONNAIRE, ())


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (b"id,answer\n" + b"1,yes\n" * 2_000_000, "as a table it has more than 8 MiB"),
        (b"id,answer\n" + b"\n" * 8_000_000, "it has more than 100,000 lines"),
        (b"id,answer" + b"," * 8_000_000 + b"\n1,\n", "no question in it is answered"),
    ],
    ids=["long", "empty-lines", "wide"],
)
def test_a_table_of_nothing_costs_little(table: bytes, told: str) -> None:
    """30 MB of commas or empty lines took twenty seconds, in which nobody else gave evidence."""
    began = time.process_time()
    assert told in faults(table, filename="a.csv", kind=EvidenceKind.QUESTIONNAIRE)
    assert time.process_time() - began < 2


# ── SBOMs ────────────────────────────────────────────────────────────────────────────────────


def test_an_sbom_of_a_product_becomes_the_contents_of_its_asset() -> None:
    piece = read(bill())
    found = piece.evidence
    assert (found.kind, found.faults, found.subjects) == (EvidenceKind.SBOM, (), ("labeler@4.1",))
    assert found.asset == "vendor/acme/labeler"
    assert found.standing is Standing.CLAIMED
    assert found.made_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert piece.sbom is not None
    assert [one.item.name for one in piece.sbom.components] == ["litellm"]
    assert claims(piece)["component-count"] == ("1", "")


def test_products_are_found_by_purl_and_spdx_is_read_too() -> None:
    document = bill()
    document["metadata"]["component"]["purl"] = "pkg:generic/acme/exporter@2.0"
    assert read(document).evidence.asset == "vendor/acme/pkg:generic/acme/exporter"
    spdx = {
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "labeler",
        "creationInfo": {"created": "2026-11-20T00:00:00Z", "creators": ["Tool: x"]},
        "documentDescribes": ["SPDXRef-labeler"],
        "packages": [
            {"SPDXID": "SPDXRef-labeler", "name": "labeler", "versionInfo": "4.1"},
            {"SPDXID": "SPDXRef-dep", "name": "litellm", "versionInfo": "1.82.8",
             "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                               "referenceLocator": "pkg:pypi/litellm@1.82.8"}]},
        ],
    }  # fmt: skip
    piece = read(spdx, product="labeler")
    assert (piece.evidence.faults, piece.evidence.asset) == ((), "vendor/acme/labeler")


def test_an_sbom_of_someone_elses_product_is_faulty_and_becomes_nothing() -> None:
    assert "about viewer@1, which is of other, and about no product of acme" in faults(
        bill("viewer", "1")
    )
    assert "about no product of acme" in faults(bill("labeller"))
    assert "not about labeler" in faults(bill("viewer"), product="labeler")
    assert "viewer is no product of acme" in faults(bill(), product="viewer")
    nameless = bill()
    del nameless["metadata"]["component"]
    assert "say --product" in faults(nameless)
    assert read(nameless, product="labeler").evidence.asset == "vendor/acme/labeler"
    bare = msgspec.structs.replace(ACME, products=())
    assert "names no product of acme" in faults(bill(), party=bare)


def test_a_namespace_of_others_does_not_pass_for_a_product() -> None:
    document = bill()
    document["metadata"]["component"]["purl"] = "pkg:npm/%40evil/labeler@4.1"
    assert "about no product of acme" in faults(document)


def test_an_older_or_empty_sbom_does_not_replace_the_one_that_stands() -> None:
    newest = {"labeler": datetime(2026, 11, 21, tzinfo=UTC)}
    assert "the one that stands is of 2026-11-21" in faults(bill(), newest=newest)
    assert read(bill(), newest={"labeler": datetime(2026, 11, 20, tzinfo=UTC)}).sbom is not None
    assert "no component" in faults(bill(components=()))


# ── signatures ───────────────────────────────────────────────────────────────────────────────


def test_the_protocols_own_vector() -> None:
    # Source: github.com/secure-systems-lab/dsse, protocol.md, "Test vectors".
    assert signed_bytes("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_the_party_signed_is_attested() -> None:
    piece = read(envelope(statement()))
    found = piece.evidence
    assert (found.kind, found.signature, found.signer, found.faults) == (
        EvidenceKind.ATTESTATION, Signature.VALID, "acme-1", (),
    )  # fmt: skip
    assert found.standing is Standing.ATTESTED
    assert found.subjects == ("labeler-4.1.tar.gz",)
    assert claims(piece)["slsa-verified"][0] == "yes"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["p256", "p384", "rsa"],
)
def test_every_sort_of_key_verifies(key: Any) -> None:
    party = msgspec.structs.replace(ACME, keys=(PublicKey(id="k", pem=pem(key)),))
    signed = envelope(statement(), key)
    assert read(signed, party=party).evidence.signature is Signature.VALID
    signed["payload"] = envelope(statement({"verificationResult": "FAILED"}))["payload"]
    assert read(signed, party=party).evidence.signature is Signature.BROKEN


def test_a_broken_signature_is_said_and_attests_nothing() -> None:
    signed = envelope(bill(), kind="application/vnd.cyclonedx+json")
    signed["payload"] = envelope(bill(version="4.2"))["payload"]
    piece = read(signed)
    assert piece.evidence.signature is Signature.BROKEN
    assert piece.evidence.standing is Standing.CLAIMED
    assert "fits none of the keys of acme" in faults(signed)
    changed = envelope(statement())
    changed["payloadType"] = "application/json"
    assert read(changed).evidence.signature is Signature.BROKEN, "the type is signed as well"


@pytest.mark.parametrize(("size", "least", "most"), [(10, 500, 502), (100_000, 2, 12)])
def test_a_large_payload_is_not_hashed_for_every_key_there_is(
    monkeypatch: pytest.MonkeyPatch, size: int, least: int, most: int
) -> None:
    """Two thousand times 24 MB is minutes, in which nobody else gives evidence."""
    tried = 0

    def counting(key: Key, message: bytes, signature: bytes) -> bool:
        nonlocal tried
        tried += 1
        return is_signed(key, message, signature)

    monkeypatch.setattr(envelopes, "is_signed", counting)
    monkeypatch.setattr(envelopes, "_FOREIGN_BYTES", 2_000_000)
    keys = tuple(PublicKey(id=f"k-{number}", pem=OTHER.keys[0].pem) for number in range(500))
    crowd = msgspec.structs.replace(OTHER, name="crowd", keys=keys)
    signed = envelope(b"x" * size, Ed25519PrivateKey.generate(), keyid="k-1")
    checked = check_envelope(parse_envelope(signed), ACME, {"acme": ACME, "crowd": crowd})
    assert checked.signature is Signature.BROKEN
    assert least <= tried <= most
    mine = envelope(b"x" * size, OTHER_KEY, keyid="k-400")
    found = check_envelope(parse_envelope(mine), ACME, {"acme": ACME, "crowd": crowd})
    assert (found.signature, found.signer) == (Signature.FOREIGN, "crowd/k-400")


def test_a_key_of_another_party_is_foreign_whatever_id_it_claims() -> None:
    piece = read(envelope(statement(), OTHER_KEY, keyid="acme-1"))
    assert (piece.evidence.signature, piece.evidence.signer) == (Signature.FOREIGN, "other/other-1")
    assert "signed with a key of other, not of acme" in piece.evidence.faults[0]
    own = read(envelope(statement(), OTHER_KEY), party=OTHER)
    assert own.evidence.signature is Signature.VALID


def test_one_good_signature_among_several_is_enough_and_none_is_none() -> None:
    both = envelope(statement(), OTHER_KEY)
    both["signatures"] += envelope(statement(), ACME_KEY)["signatures"]
    assert read(both).evidence.signature is Signature.VALID
    assert "no signature at all" in faults({**both, "signatures": []})
    assert "more than 10 signatures" in faults({**both, "signatures": both["signatures"] * 9})


def test_without_a_registered_key_nothing_is_checked_and_that_is_said() -> None:
    party = msgspec.structs.replace(ACME, keys=())
    piece = read(envelope(statement()), party=party)
    assert piece.evidence.signature is Signature.UNCHECKED
    assert "pratique party set acme --key" in piece.evidence.faults[0]


def test_a_signed_sbom_keeps_the_promise_of_sboms_and_is_attested() -> None:
    inside = statement(bill(), predicateType="https://cyclonedx.org/bom/v1.6")
    for signed in (envelope(inside), envelope(bill(), kind="application/vnd.cyclonedx+json")):
        piece = read(signed, kind=EvidenceKind.ATTESTATION)
        assert piece.evidence.faults == ()
        assert (piece.evidence.kind, piece.evidence.standing) == (
            EvidenceKind.SBOM, Standing.ATTESTED,
        )  # fmt: skip
        assert piece.sbom is not None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"payload": "%%%"}, "payload is not base64"),
        ({"payload": 7}, "payload is no text"),
        ({"payloadType": ""}, "no payloadType"),
        ({"signatures": [{"sig": "??"}]}, "signature is not base64"),
    ],
)
def test_an_envelope_that_is_none(change: dict[str, Any], told: str) -> None:
    assert told in faults({**envelope(statement()), **change})


def test_an_envelope_in_an_envelope_is_nothing() -> None:
    assert "envelope in an envelope" in faults(envelope(envelope(statement())))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"_type": "https://in-toto.io/Statement/v9"}, "no in-toto statement"),
        ({"subject": []}, "about nothing"),
        ({"predicateType": None}, "no predicateType"),
    ],
)
def test_a_statement_that_is_none(change: dict[str, Any], told: str) -> None:
    assert told in faults(envelope(statement(**change)))


# ── Sigstore ─────────────────────────────────────────────────────────────────────────────────


class Sees:
    """A witness with its mind made up."""

    def __init__(self, identity: str, issuer: str = "https://login.acme.example") -> None:
        self.identity = identity
        self.issuer = issuer

    def verify(self, bundle: bytes) -> Verified:
        found = msgspec.json.decode(bundle)["dsseEnvelope"]
        if not self.identity:
            raise UnreadablePieceError("the log's proof does not fit")
        payload = encoded(statement())
        return Verified(
            identity=self.identity, issuer=self.issuer, at=NOW, payload_type=found["payloadType"],
            payload=payload,
        )  # fmt: skip


BUNDLE = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "dsseEnvelope": envelope(statement()),
    "verificationMaterial": {},
}


def test_a_bundle_is_unchecked_without_a_trusted_root() -> None:
    piece = read(BUNDLE, without_witness="no trusted root; say --trusted-root FILE")
    assert (piece.evidence.kind, piece.evidence.signature) == (
        EvidenceKind.SIGSTORE, Signature.UNCHECKED,
    )  # fmt: skip
    assert piece.evidence.faults == ("no trusted root; say --trusted-root FILE",)


def test_a_bundle_is_of_whom_the_register_says() -> None:
    good = read(BUNDLE, witness=Sees("release@acme.example")).evidence
    assert (good.signature, good.faults) == (Signature.VALID, ())
    assert good.signer == "release@acme.example (https://login.acme.example)"
    for witness in (Sees("eve@acme.example"), Sees("release@acme.example", "https://evil.example")):
        foreign = read(BUNDLE, witness=witness).evidence
        assert foreign.signature is Signature.FOREIGN
        assert "does not name this identity" in foreign.faults[0]
    broken = read(BUNDLE, witness=Sees("")).evidence
    assert broken.signature is Signature.BROKEN
    assert "the log's proof does not fit" in broken.faults[0]


def test_a_bundle_over_a_file_that_is_elsewhere_says_so() -> None:
    assert "elsewhere" in faults({**BUNDLE, "dsseEnvelope": None})


# ── what others say of themselves ────────────────────────────────────────────────────────────


def test_cyclonedx_attestations() -> None:
    piece = read(DECLARATIONS)
    assert piece.evidence.kind is EvidenceKind.CDXA
    assert piece.evidence.faults == ()
    assert piece.evidence.subjects == ("Acme Labelling Ltd",)
    assert piece.evidence.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    told = claims(piece)
    assert told["control:PS.1.2"] == ("yes", "SSDF; All data is encrypted; confidence 0.80")
    assert told["control:PW.3.1"][0] == "partly"
    assert told["control:PW.3.2"][0] == "partly", "there are counter-claims"


def test_declarations_whose_evidence_ran_out_are_faulty() -> None:
    later = replace(given(), now=datetime(2027, 2, 1, tzinfo=UTC))
    found = read_evidence(encoded(DECLARATIONS), later).evidence
    assert "evidence in it expired at 2027-01-01" in found.faults[0]


def test_oscal_assessment_results() -> None:
    piece = read(ASSESSMENT)
    assert (piece.evidence.kind, piece.evidence.faults) == (EvidenceKind.OSCAL, ())
    assert claims(piece) == {"control:ia-2": ("yes", "MFA"), "control:au-6": ("no", "Logs")}
    assert "finds nothing" in faults({"assessment-results": {"metadata": {"oscal-version": "1"}}})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_questionnaire_as_spreadsheets_save_it(delimiter: str) -> None:
    text = (
        CAIQ if delimiter == "," else CAIQ.replace('"MFA, for all"', "MFA").replace(",", delimiter)
    )
    piece = read(b"\xef\xbb\xbf" + text.encode(), filename="caiq.csv", made_at=NOW)
    assert (piece.evidence.kind, piece.evidence.faults) == (EvidenceKind.QUESTIONNAIRE, ())
    told = claims(piece)
    assert told["question:IAM-14.1"][0] == "yes"
    assert told["question:A&A-01.1"][0] == "no"
    assert told["question:LOG-01.1"][0] == "no answer"
    assert piece.evidence.made_at == NOW


def test_a_questionnaire_in_json_and_its_topics() -> None:
    answers = [
        {"id": "1", "question": "MFA?", "answer": True},
        {"topic": "sub-processors", "answer": "yes", "detail": "annotators-inc"},
    ]
    document = {"questionnaire": "AI-CAIQ", "version": "1.0", "made_at": "2026-11-01",
                "expires_at": "2027-11-01", "answers": answers}  # fmt: skip
    piece = read(document)
    assert piece.evidence.subjects == ("AI-CAIQ 1.0",)
    assert claims(piece) == {
        "question:1": ("yes", "MFA?"), "sub-processors": ("yes", "annotators-inc"),
    }  # fmt: skip
    assert len(read(answers).evidence.claims) == 2
    signed = read(envelope(document, kind="application/json")).evidence
    assert (signed.kind, signed.standing) == (EvidenceKind.QUESTIONNAIRE, Standing.ATTESTED)


def test_more_answers_than_are_kept_are_counted() -> None:
    text = "id,answer\n" + "".join(f"{n},yes\n" for n in range(300))
    found = read(text.encode(), filename="a.csv").evidence
    assert (len(found.claims), found.claims_total) == (200, 300)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04rest", "save the answers as CSV"),
        (b"a,b\n1,2\n", "columns of an id"),
        (b"id,answer\n1,\n", "no question in it is answered"),
        (b"id,answer\n1,\0\n", "no text"),
    ],
)
def test_tables_that_are_no_questionnaires(data: bytes, told: str) -> None:
    assert told in faults(data, filename="x.csv")


def test_a_text_that_is_nothing_is_called_nothing() -> None:
    found = read(b"# a page\n\nwith words\n", filename="README.md").evidence
    assert found.kind is EvidenceKind.UNKNOWN
    assert "it is nothing that is known" in found.faults[0]
    assert EvidenceKind.UNKNOWN not in NAMED_KINDS


# ── papers ───────────────────────────────────────────────────────────────────────────────────


def test_a_certificate_is_a_claim_whoever_signs_it() -> None:
    found = read(CERTIFICATE.encode(), filename="iso.toml").evidence
    assert (found.kind, found.faults) == (EvidenceKind.CERTIFICATE, ())
    assert found.expires_at == datetime(2028, 5, 31, tzinfo=UTC)
    assert found.claims[0].topic == "certificate:ISO/IEC 27001:2022"
    signed = read(envelope(CERTIFICATE.encode(), kind="application/toml")).evidence
    assert (signed.kind, signed.standing) == (EvidenceKind.CERTIFICATE, Standing.CLAIMED)
    assert signed.signer == "acme-1"


def test_whoever_sends_a_piece_cannot_make_it_younger_or_last_longer() -> None:
    later = {"made_at": NOW, "expires_at": NOW + timedelta(days=3650), "issuer": "Another"}
    old = CERTIFICATE.replace("2028-05-31", "2020-05-31")
    assert "it expired at 2020-05-31" in faults(old.encode(), filename="iso.toml", **later)
    good = read(CERTIFICATE.encode(), filename="iso.toml", **later).evidence
    assert good.expires_at == datetime(2028, 5, 31, tzinfo=UTC)
    assert "Another" not in good.claims[0].detail
    assert read(bill(), **later).evidence.made_at == datetime(2026, 11, 20, tzinfo=UTC)
    answers = [{"id": "1", "question": "MFA?", "answer": True}]
    for document in (
        {"questionnaire": "AI-CAIQ", "made_at": "2020-11-01", "answers": answers},
        {"acknowledges": ["x"], "made_at": "2020-11-01"},
    ):
        assert read(document, **later).evidence.made_at == datetime(2020, 11, 1, tzinfo=UTC)


def test_a_pdf_needs_its_issuer_and_end_said() -> None:
    pdf = b"%PDF-1.7\n" + b"\0" * 100
    told = faults(pdf, filename="iso.pdf")
    assert "--issuer" in told
    assert "--expires" in told
    end = NOW + timedelta(days=9)
    good = read(pdf, filename="iso.pdf", issuer="Certifier", expires_at=end).evidence
    assert (good.faults, good.expires_at, good.media_type) == ((), end, "application/pdf")


def test_an_expired_paper_is_faulty() -> None:
    past = CERTIFICATE.replace("2028-05-31", "2026-05-31")
    assert "it expired at 2026-05-31" in faults(past.encode())


def test_an_acknowledgement_names_what_it_acknowledges() -> None:
    found = read(envelope({"acknowledges": ["annotators-inc"]}, kind="application/json")).evidence
    assert (found.kind, found.subjects, found.standing) == (
        EvidenceKind.ACKNOWLEDGEMENT, ("annotators-inc",), Standing.ATTESTED,
    )  # fmt: skip
    assert "no list of names" in faults({"acknowledges": "everything"})


# ── what is wrong with anything ──────────────────────────────────────────────────────────────


def test_what_was_made_in_the_future_is_faulty() -> None:
    soon = bill()
    soon["metadata"]["timestamp"] = "2026-11-22T12:09:00Z"
    assert read(soon).evidence.faults == ()
    soon["metadata"]["timestamp"] = "2026-11-22T12:11:00Z"
    assert "made in the future" in faults(soon)


def test_the_kind_that_was_said_must_be_so() -> None:
    assert "given as oscal, and is sbom" in faults(bill(), kind=EvidenceKind.OSCAL)


def test_what_is_too_large_is_not_read() -> None:
    assert "more than 32 MiB" in faults(b"{" + b" " * MAX_EVIDENCE_BYTES)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xef\xbb\xbf", b"{", b'{"a":' * 50_000, b"[" * 90_000, b"[[[", b"\x00\x01", b"{}", b"<x>",
     b'{"bomFormat":"CycloneDX"}', b"%PDF", b'[{"a":1}]', b"SPDXVersion: SPDX-2.3\n"],
    ids=range(13),
)  # fmt: skip
def test_what_cannot_be_parsed_is_recorded_with_a_sentence(data: bytes) -> None:
    assert faults(data, filename="thing")
