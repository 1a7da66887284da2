"""`pratique advisory` against a real home: revisions, overlays, checks, sources."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pratique.doors.cli import cli
from pratique.doors.cli.stores import open_stores
from pratique.edge.advisories import AdvisorySourceError
from pratique.edge.advisory_sources import open_source
from pratique.edge.errors import UpstreamError
from pratique.edge.sweep.evidence import EvidenceStore
from pratique.errors import InputError
from pratique.exposure.advisories.entries import MissingEvidenceError
from pratique.exposure.advisories.overlay import OverlayError

DATA = Path(__file__).parents[1] / "golden" / "data"
ID = "MAL-2026-2144"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["advisory", *words, "--home", str(home)])


def answer(home: Path, *words: str, code: int = 0) -> Any:
    result = run(home, *words, "--format", "json")
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


def refused(home: Path, *words: str) -> InputError:
    result = run(home, *words)
    assert isinstance(result.exception, InputError), result.output
    return result.exception


def golden(name: str) -> str:
    return str(DATA / f"{name}.json")


def write(path: Path, **fields: Any) -> str:
    affected = [{"package": {"ecosystem": "PyPI", "name": "litellm"}, "versions": ["1.82.8"]}]
    path.write_text(json.dumps({"id": "MAL-1", "affected": affected, **fields}))
    return str(path)


def log_size(home: Path) -> int:
    with open_stores(home) as stores:
        return stores.log.size()


# ── revisions ────────────────────────────────────────────────────────────────────────────────


def test_every_revision_is_kept_and_an_unchanged_record_is_not_written_again(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    first = answer(home, "add", golden("litellm-2026-03.first"))
    assert (first["recorded"], first["ids"]) == (1, [ID])
    size = log_size(home)
    again = answer(home, "add", golden("litellm-2026-03.first"))
    assert (again["recorded"], again["unchanged"]) == (0, 1)
    assert log_size(home) == size
    answer(home, "add", golden("litellm-2026-03"))
    rows = answer(home, "list", "--revisions")
    assert [row["id"] for row in rows] == [ID, ID]
    assert rows[0]["entry"] < rows[1]["entry"]
    assert [row["revision"] for row in answer(home, "list")] == [rows[1]["revision"]]
    old = answer(home, "show", ID, "--revision", rows[0]["revision"][:10])
    assert old["affected"][0]["versions"] == ["1.82.8"]
    assert old["windows"] == [] if "windows" in old else old["overlay"] is None


def test_going_back_to_an_earlier_content_is_a_revision_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("litellm-2026-03.first", "litellm-2026-03", "litellm-2026-03.first"):
        assert answer(home, "add", golden(name))["recorded"] == 1
    rows = answer(home, "list", "--revisions")
    assert rows[0]["revision"] == rows[2]["revision"]


def test_a_withdrawn_record_stays_as_a_revision(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", write(tmp_path / "a.json"))
    answer(home, "add", write(tmp_path / "a.json", withdrawn="2026-04-01T00:00:00Z"))
    rows = answer(home, "list", "--revisions")
    assert [row["withdrawn"] for row in rows] == [False, True]
    assert "WITHDRAWN" in run(home, "show", "MAL-1").output
    changes = answer(home, "diff", "MAL-1", code=1)["changes"]
    assert [change["what"] for change in changes] == ["withdrawn"]


def test_a_record_too_long_for_an_entry_is_read_from_the_evidence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = write(tmp_path / "a.json", details="x" * 70_000)
    answer(home, "add", path)
    shown = answer(home, "show", "MAL-1")
    assert len(shown["revision"]["details"]) == 70_000
    store = EvidenceStore(home / "evidence")
    revision = shown["revisions"][0]["revision"]
    assert store.get(revision) == Path(path).read_bytes()
    place = home / "evidence" / revision[:2] / revision
    place.unlink()
    assert isinstance(refused(home, "show", "MAL-1"), MissingEvidenceError)
    assert run(home, "check").exit_code == 3
    assert answer(home, "add", path)["unchanged"] == 1, "and puts the bytes back"
    assert len(answer(home, "show", "MAL-1")["revision"]["details"]) == 70_000


def test_a_projection_made_again_knows_the_same_revisions(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", golden("litellm-2026-03"), golden("xz-2024"), golden("tj-actions-2025-03"))
    before = answer(home, "list", "--revisions")
    rebuilt = CliRunner().invoke(cli, ["ledger", "rebuild", "--home", str(home)])
    assert rebuilt.exit_code == 0, rebuilt.output
    assert answer(home, "list", "--revisions") == before


def test_advisories_are_found_by_project_and_alias(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", *(golden(name) for name in ("litellm-2026-03", "axios-2026-03", "xz-2024")))
    assert [row["id"] for row in answer(home, "list", "--about", "npm/axios")] == [
        "CASE-axios-2026-03"
    ]
    assert [row["id"] for row in answer(home, "list", "--about", "pkg:pypi/LiteLLM@1.0")] == [ID]
    assert [row["id"] for row in answer(home, "list", "--alias", "PYSEC-2026-2")] == [ID]
    assert answer(home, "list", "--about", "pypi/axios") == []
    error = refused(home, "show", "PYSEC-2026-2")
    assert ID in error.remedy


def test_only_what_is_wanted_is_recorded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    found = answer(home, "add", str(DATA), "--about", "npm/axios", "--id", "CVE-2024-3094")
    assert sorted(found["ids"]) == ["CASE-axios-2026-03", "CVE-2024-3094"]
    assert found["not wanted"] == found["read"] - 2


def test_a_dry_run_records_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert answer(home, "add", golden("xz-2024"), "--dry-run")["recorded"] == 1
    assert answer(home, "list") == []
    assert not (home / "evidence").exists()


# ── sources ──────────────────────────────────────────────────────────────────────────────────


def test_an_archive_and_its_unreadable_members(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.write(golden("xz-2024"), "CVE-2024-3094.json")
        made.writestr("broken.json", "{")
        made.writestr("odd.json", json.dumps({"id": "a b"}))
        made.writestr(
            "bad-overlay.json",
            json.dumps({"id": "A-1", "database_specific": {"pratique": {"windoes": []}}}),
        )
    found = answer(home, "add", str(tmp_path / "all.zip"), code=3)
    assert (found["recorded"], found["left out"]) == (1, 3)
    assert any("windoes" in warning for warning in found["warnings"])


def test_a_place_that_does_not_exist(tmp_path: Path) -> None:
    assert isinstance(refused(tmp_path / "home", "add", str(tmp_path / "no")), AdvisorySourceError)


class Shelf(BaseHTTPRequestHandler):
    """Serves one body with an ETag, or what a test sets."""

    body = b""
    etag = '"one"'
    location = ""
    asked: list[dict[str, str]]

    def do_GET(self) -> None:
        cls = type(self)
        cls.asked.append(dict(self.headers))
        if cls.location:
            self.send_response(302)
            self.send_header("Location", cls.location)
            self.end_headers()
        elif self.headers.get("If-None-Match") == cls.etag:
            self.send_response(304)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("ETag", cls.etag)
            self.send_header("Content-Length", str(len(cls.body)))
            self.end_headers()
            self.wfile.write(cls.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def shelf(body: bytes, **options: str) -> Iterator[tuple[str, type[Shelf]]]:
    handler = type("OneShelf", (Shelf,), {"body": body, "asked": [], **options})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/osv/all.zip", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_url_is_asked_again_only_for_what_changed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    body = Path(golden("xz-2024")).read_bytes()
    with shelf(body) as (url, handler):
        assert answer(home, "add", url)["recorded"] == 1
        assert answer(home, "add", url)["unchanged"] == 1
        assert handler.asked[1]["If-None-Match"] == '"one"'
        changed = json.loads(body) | {"summary": "changed"}
        handler.body, handler.etag = json.dumps(changed).encode(), '"two"'
        assert answer(home, "add", url)["recorded"] == 1
    assert answer(home, "show", "CVE-2024-3094")["revision"]["source"] == url


def test_a_url_with_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as made:
        made.write(golden("xz-2024"), "CVE-2024-3094.json")
    with shelf((tmp_path / "all.zip").read_bytes()) as (url, _):
        assert answer(tmp_path / "home", "add", url)["ids"] == ["CVE-2024-3094"]


def test_a_download_that_is_too_long_leaves_nothing(tmp_path: Path) -> None:
    with shelf(b"x" * 5000) as (url, _), pytest.raises(UpstreamError, match="larger than 1000"):
        open_source(url, cache=tmp_path / "cache", max_bytes=1000)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://advisories.example/all.zip", "https"),
        ("https://me:secret@advisories.example/all.zip", "password"),
    ],
)
def test_urls_that_are_not_asked(tmp_path: Path, url: str, named: str) -> None:
    error = refused(tmp_path / "home", "add", url)
    assert named in str(error)
    assert "secret" not in str(error)


def test_a_redirect_to_another_machine_without_tls_is_not_followed(tmp_path: Path) -> None:
    with (
        shelf(b"", location="http://169.254.169.254/latest") as (url, _),
        pytest.raises(UpstreamError, match="another host"),
    ):
        open_source(url, cache=tmp_path / "cache")


# ── overlays ─────────────────────────────────────────────────────────────────────────────────

OVERLAY = {
    "windows": [{"channel": "pypi", "from": "2026-03-24T10:52:00Z", "to": "2026-03-24T13:11:00Z",
                 "source": "index", "confidence": "high"}],
    "payload": [{"trigger": ["interpreter_start"], "reads": ["env"],
                 "contacts": ["models.litellm[.]cloud"]}],
}  # fmt: skip


def test_an_overlay_stays_when_the_record_changes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", write(tmp_path / "a.json"))
    (tmp_path / "o.json").write_text(json.dumps(OVERLAY))
    assert answer(home, "overlay", "MAL-1", str(tmp_path / "o.json"))["recorded"]
    assert not answer(home, "overlay", "MAL-1", str(tmp_path / "o.json"))["recorded"]
    answer(home, "add", write(tmp_path / "a.json", summary="said otherwise"))
    shown = answer(home, "show", "MAL-1")
    assert shown["overlay"]["windows"][0]["source"] == "index"
    assert len(shown["revisions"]) == 3
    assert answer(home, "overlay", "MAL-1", "--remove")["recorded"]
    assert answer(home, "show", "MAL-1")["overlay"] is None


def test_contacts_are_never_shown_as_links(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", golden("litellm-2026-03"))
    for form in ("text", "json"):
        output = run(home, "show", ID, "--format", form).output
        assert "models[.]litellm[.]cloud" in output
        assert "models.litellm.cloud" not in output


def test_a_wrong_overlay_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", write(tmp_path / "a.json"))
    (tmp_path / "o.json").write_text('{"windows": [{}]}')
    size = log_size(home)
    assert isinstance(refused(home, "overlay", "MAL-1", str(tmp_path / "o.json")), OverlayError)
    assert log_size(home) == size
    refused(home, "overlay", "MAL-2", str(tmp_path / "o.json"))
    refused(home, "overlay", "MAL-1")


# ── checks ───────────────────────────────────────────────────────────────────────────────────


def test_contradictions_are_found_and_sound_records_pass(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", golden("litellm-2026-03.first"))
    found = answer(home, "check", ID, code=1)
    assert [one["rule"] for one in found[0]["contradictions"]] == ["text-against-versions"]
    assert "1.82.7" in run(home, "check").output
    answer(home, "add", write(tmp_path / "a.json", id="A-1", aliases=[]))
    assert answer(home, "check", "A-1") == [{"id": "A-1", "contradictions": []}]


def test_an_alias_that_says_less_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", golden("litellm-2026-03"))
    answer(home, "add", write(tmp_path / "a.json", id="PYSEC-2026-2"))
    found = answer(home, "check", "PYSEC-2026-2", code=1)
    assert "aliases-disagree" in [one["rule"] for one in found[0]["contradictions"]]


def test_what_is_not_recorded_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "no advisory" in str(refused(home, "show", "NONE-1"))
    answer(home, "add", write(tmp_path / "a.json"))
    assert "one revision only" in str(refused(home, "diff", "MAL-1"))
    assert "no revision" in str(refused(home, "show", "MAL-1", "--revision", "ffffffffffff"))
    assert "not a project" in str(refused(home, "list", "--about", "litellm"))
    assert run(home, "list").exit_code == 0


def test_hostile_text_does_not_reach_the_terminal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answer(home, "add", write(tmp_path / "a.json", summary="a\x1b[2J\nb", aliases=["\x1b]0;x\x07"]))
    for words in (("show", "MAL-1"), ("list",), ("check",)):
        assert "\x1b" not in run(home, *words).output
