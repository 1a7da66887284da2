"""`pratique party evidence` against a real home, and the profile that comes of it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.parties import (
    ACME_KEY,
    CAIQ,
    CERTIFICATE,
    OTHER_KEY,
    bill,
    encoded,
    envelope,
    pem,
    statement,
)
from pratique.doors.cli import cli
from pratique.parties.evidence import MAX_EVIDENCE_BYTES
from pratique.values.instants import now_utc, render_instant


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["party", *words, "--home", str(home)])


def answer(home: Path, *words: str, code: int = 0) -> Any:
    result = run(home, *words, "--format", "json")
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for name, key, product in (("acme", ACME_KEY, "labeler"), ("other", OTHER_KEY, "viewer")):
        (tmp_path / f"{name}.pem").write_text(pem(key))
        answer(
            home, "add", "vendor", name, "--key", f"{name}-1={tmp_path / f'{name}.pem'}",
            "--product", product, "--promise", f"sbom:30:{product}", "--promise", "attestation:30",
        )  # fmt: skip
    return home


def days_ago(days: int) -> str:
    return render_instant((now_utc() - timedelta(days=days)).replace(microsecond=0))


def recent_bill(name: str = "labeler", days: int = 1, **more: Any) -> dict[str, Any]:
    document = bill(name, **more)
    document["metadata"]["timestamp"] = days_ago(days)
    return document


def put(tmp_path: Path, value: object, name: str = "piece.json") -> str:
    path = tmp_path / name
    path.write_bytes(value if isinstance(value, bytes) else encoded(value))
    return str(path)


def exposed(home: Path, release: str) -> list[str]:
    words = ["exposed", release, "--format", "json", "--home", str(home)]
    found = json.loads(CliRunner().invoke(cli, words).stdout)
    return [one["asset"] for one in found["assets"]]


def test_an_sbom_is_what_the_product_contains_until_the_next_one(
    home: Path, tmp_path: Path
) -> None:
    first = recent_bill(days=3)  # once: another would be of another second
    told = answer(home, "evidence", "add", "acme", put(tmp_path, first))
    assert (told["new"], told["asset"], told["faults"]) == (True, "vendor/acme/labeler", [])
    assert exposed(home, "litellm==1.82.8") == ["asset:vendor/acme/labeler"]
    again = answer(home, "evidence", "add", "acme", put(tmp_path, first))
    assert (again["new"], again["entry"]) == (False, told["entry"])
    fixed = recent_bill(days=1, version="4.2", components=("pkg:pypi/litellm@1.83.0",))
    answer(home, "evidence", "add", "acme", put(tmp_path, fixed))
    words = ["sbom", "vendor/acme/labeler", "--home", str(home)]
    held = CliRunner().invoke(cli, words).stdout
    assert "1.83.0" in held
    assert "1.82.8" not in held
    older = answer(home, "evidence", "add", "acme", put(tmp_path, recent_bill(days=2)), code=1)
    assert "the one that stands is of" in older["faults"][0]
    assert "1.83.0" in CliRunner().invoke(cli, words).stdout


def test_what_is_wrong_is_kept_told_and_satisfies_nothing(home: Path, tmp_path: Path) -> None:
    foreign = put(tmp_path, envelope(statement(), OTHER_KEY))
    shown = run(home, "evidence", "add", "acme", foreign)
    assert shown.exit_code == 1
    assert "signed with a key of other, not of acme" in shown.stderr
    assert "satisfies no promise" in shown.stderr
    stolen = answer(home, "evidence", "add", "acme", put(tmp_path, recent_bill("viewer")), code=1)
    assert "which is of other" in stolen["faults"][0]
    assert exposed(home, "litellm==1.82.8") == []
    profile = answer(home, "show", "acme")
    assert [one["kept"] for one in profile["promises"]] == [False, False]
    assert len(profile["faulty"]) == 2
    assert {one["standing"] for one in profile["lines"]} == {"claimed"}
    listed = answer(home, "evidence", "list", "acme", "--faulty")["evidence"]
    assert [one["signature"] for one in listed] == ["none", "foreign"]


def test_a_profile_says_how_each_line_is_known(home: Path, tmp_path: Path) -> None:
    said = statement({"verificationResult": "PASSED", "timeVerified": days_ago(2)})
    signed = answer(home, "evidence", "add", "acme", put(tmp_path, envelope(said)))
    answer(home, "evidence", "add", "acme", put(tmp_path, recent_bill()))
    answer(
        home, "evidence", "add", "acme", put(tmp_path, CAIQ.encode(), "caiq.csv"),
        "--made", days_ago(5), "--kind", "questionnaire",
    )  # fmt: skip
    profile = answer(home, "show", "acme")
    lines = {one["topic"]: one for one in profile["lines"]}
    assert lines["slsa-verified"]["standing"] == "attested"
    assert lines["slsa-verified"]["entries"] == [signed["entry"]]
    assert lines["question:IAM-14.1"]["standing"] == "claimed"
    assert [one["kept"] for one in profile["promises"]] == [True, True]
    text = run(home, "show", "acme").output
    assert text.index("attested ") < text.index("claimed ")
    assert "promise kept: sbom of labeler every 30 days" in text


def test_pieces_are_found_by_entry_and_hash_and_given_back(home: Path, tmp_path: Path) -> None:
    content = put(tmp_path, CERTIFICATE.encode(), "iso.toml")
    told = answer(home, "evidence", "add", "acme", content)
    copy = tmp_path / "copy"
    shown = run(home, "evidence", "show", told["sha256"][:12], "-o", str(copy))
    assert copy.read_bytes() == CERTIFICATE.encode()
    assert "certificate of acme" in shown.output
    assert "claimed: certificate:ISO/IEC 27001:2022: yes" in shown.output
    by_entry = answer(home, "evidence", "show", str(told["entry"]))
    assert (by_entry["kept"], by_entry["by"].partition(":")[0]) == (True, "operator")
    missing = run(home, "evidence", "show", "99")
    assert "no piece '99'" in str(missing.exception)


def test_a_pdf_a_bundle_and_a_giant(home: Path, tmp_path: Path) -> None:
    pdf = put(tmp_path, b"%PDF-1.7 x", "iso.pdf")
    assert len(answer(home, "evidence", "add", "acme", pdf, code=1)["faults"]) == 2
    good = answer(
        home, "evidence", "add", "acme", pdf, "--issuer", "Certifier", "--expires", "2099-01-01"
    )
    assert good["faults"] == []
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "dsseEnvelope": envelope(statement()),
    }
    unchecked = answer(home, "evidence", "add", "acme", put(tmp_path, bundle), code=1)
    assert unchecked["signature"] == "unchecked"
    assert "trusted_root.json" in unchecked["faults"][0]
    giant = tmp_path / "giant"
    with giant.open("wb") as out:
        out.truncate(MAX_EVIDENCE_BYTES + 1)
    told = answer(home, "evidence", "add", "acme", str(giant), code=1)
    assert (told["size"], told["kind"]) == (MAX_EVIDENCE_BYTES + 1, "unknown")
    assert told["sha256"] == hashlib.sha256(bytes(MAX_EVIDENCE_BYTES + 1)).hexdigest()
    assert told["faults"] == ["it has more than 32 MiB: it was neither read nor kept"]
    assert answer(home, "evidence", "show", str(told["entry"]))["kept"] is False
    assert answer(home, "evidence", "add", "acme", str(giant), code=1)["new"] is False
