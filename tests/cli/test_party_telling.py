"""Notices, clocks, status, people and audit packs by the real commands, in a home with two sides."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from isal import igzip

from kit.audits import GOSSIP, OTHERS, PAPER, story, suspension
from kit.custody_samples import sample_lease
from kit.environments import unavailable
from pratique.custody.entries import lease_entry
from pratique.doors.cli import cli, verify_pack
from pratique.doors.cli.party_desk import PartyDesk
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.errors import UnavailableError
from pratique.home import prepare_home
from pratique.ledger.entries import Draft
from pratique.parties.entries import suspension_draft
from pratique.settings import load_settings
from pratique.store.logs import open_log
from pratique.store.people import open_people
from pratique.values.instants import now_utc, parse_instant

CANARY = "canary.jones@mail.example"


class Told:
    """Runs commands in a home with the story of `kit.audits`, as of now."""

    def __init__(self, home: Path) -> None:
        self.home = home
        prepare_home(home)
        now = now_utc()
        log = open_log(load_settings(home))
        for draft in story():
            log.append([recent(draft)], now=now - timedelta(hours=1))
        log.close()
        evidence = EvidenceStore(home / EVIDENCE_FOLDER)
        for one in (PAPER, GOSSIP):
            evidence.put(one)

    def run(self, *words: str, given: str | None = None) -> Result:
        return CliRunner().invoke(cli, [*words, "--home", str(self.home)], input=given)

    def json(self, *words: str, given: str | None = None) -> Any:
        done = self.run(*words, "--format", "json", given=given)
        assert done.exit_code in {0, 1}, done.output + repr(done.exception)
        return json.loads(done.stdout)

    def entries(self) -> bytes:
        log = open_log(load_settings(self.home))
        leaves = b"\n".join(log.leaves(0))
        log.close()
        return leaves


def recent(draft: Draft) -> Draft:
    """The story with today's dates: leases live, the suspension began an hour ago."""
    now = now_utc()
    if draft.kind == "suspension":
        return suspension_draft(suspension(at=now - timedelta(minutes=30)))
    if draft.kind == "lease":
        number, vendor = (1, "acme") if "acme" in str(draft.body) else (2, "initech")
        lease = sample_lease(
            number, vendor=vendor, client=draft.body["client"], selectors=tuple(draft.body["selectors"]),
            project=draft.body["project"], not_before=now - timedelta(hours=2),
            not_after=now + timedelta(hours=2),
        )  # fmt: skip
        return lease_entry(lease, actor=draft.actor)
    if draft.kind == "notice-clock":
        started = now - timedelta(minutes=30)
        due = started + timedelta(hours=draft.body["hours"])
        body = {**draft.body, "started_at": wire(started), "due_at": wire(due)}
        return Draft(kind=draft.kind, subject=draft.subject, actor=draft.actor, body=body)
    return draft


def wire(moment: Any) -> str:
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "home")


# ── notices and clocks ───────────────────────────────────────────────────────────────────────


def test_a_notice_is_drafted_sent_and_meets_its_clock(told: Told, tmp_path: Path) -> None:
    drafted = told.json("party", "notice", "lab")
    assert drafted["cause"] == "S-ABCDEFGH2345"
    assert all(
        one["entries"]
        for section in ("known", "not_known", "done", "asked")
        for one in drafted[section]
    )
    before = told.json("party", "clocks")["clocks"]
    assert {(one["party"], one["duty"]) for one in before} == {
        ("lab", "notify"),
        ("hooli", "notify"),
    }
    assert all(0 < one["left_seconds"] <= 24 * 3600 for one in before)
    assert told.run("party", "clocks").exit_code == 0
    letter = tmp_path / "letter.txt"
    assert told.run("party", "notice", "lab", "-o", str(letter)).exit_code == 0
    text = letter.read_text("utf-8")
    for other in (*OTHERS, "acme"):
        assert other not in text.lower()
    sent = told.json("party", "notice", "lab", "--sent", "--channel", "e-mail")["sent"]
    assert sent["channel"] == "e-mail"
    kept = EvidenceStore(told.home / EVIDENCE_FOLDER).get(sent["sha256"])
    assert kept is not None
    assert not kept.startswith(b"DRAFT")
    assert b"Remove this line" not in kept
    after = {
        (one["party"], one["duty"]): one["state"] for one in told.json("party", "clocks")["clocks"]
    }
    assert set(after) == {("hooli", "notify"), ("lab", "update")}
    assert "told" in {one["state"] for one in told.json("party", "clocks", "--all")["clocks"]}


def test_a_clock_that_ran_out_ends_with_one(told: Told) -> None:
    log = open_log(load_settings(told.home))
    [clock] = [one for one in story() if one.kind == "notice-clock" and "lab" in one.subject]
    late = {**clock.body, "id": "inc-1/lab/notify", "cause": "inc-1"}  # due in February
    log.append(
        [Draft(kind=clock.kind, subject=clock.subject, actor=clock.actor, body=late)], now=now_utc()
    )
    log.close()
    done = told.run("party", "clocks")
    assert done.exit_code == 1
    assert "overdue by" in done.stdout


@pytest.mark.parametrize(("words", "says"), [
    (["hooli"], "no suspension in force concerns hooli"),
    (["hooli", "--suspension", "S-ABCDEFGH2345"], "does not concern"),
    (["lab", "--suspension", "S-X"], "no suspension"),
    (["lab", "--sent"], "how was it sent?"),
    (["lab", "--channel", "e-mail"], "are for what was sent"),
    (["lab", "--next-update", "2020-01-01T00:00:00Z"], "lies in the past"),
    (["lob"], "no party"),
    (["lab", "--incident", "x", "--suspension", "y"], "one cause"),
])  # fmt: skip
def test_what_cannot_be_told_is_refused(told: Told, words: list[str], says: str) -> None:
    done = told.run("party", "notice", *words)
    assert done.exit_code not in {0, 1} or done.exception is not None
    assert says in str(done.exception) + done.output


def test_a_text_of_ones_own_may_not_name_others(told: Told, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("We also told Hooli.", "utf-8")
    sent = ["--sent", "--channel", "e-mail", "--text", str(text)]
    done = told.run("party", "notice", "lab", *sent)
    assert "names 'hooli'" in str(done.exception)
    text.write_text("All is said.", "utf-8")
    assert told.run("party", "notice", "lab", *sent).exit_code == 0


# ── people ───────────────────────────────────────────────────────────────────────────────────


def test_people_are_in_no_entry_log_or_pack_and_leave_for_good(told: Told, tmp_path: Path) -> None:
    added = told.run("people", "add", "p-17", "--group", "interviewees", given=f"{CANARY}\n")
    assert added.exit_code == 0, added.output
    table = tmp_path / "people.csv"
    table.write_text(f"pseudonym,contact\np-18,=cmd {CANARY}\n", "utf-8")
    assert told.run("people", "add", "--group", "interviewees", "--from", str(table)).exit_code == 0
    assert CANARY in told.run("people", "show", "p-17").stdout
    assert told.json("people", "list")["people"] == [
        {"pseudonym": "p-17", "group": "interviewees"}, {"pseudonym": "p-18", "group": "interviewees"},
    ]  # fmt: skip
    to = tmp_path / "to.csv"
    sent = told.run(
        "party", "notice", "interviewees", "--sent", "--channel", "post", "--addresses", str(to)
    )
    assert sent.exit_code == 0, sent.output
    assert re.match(r"recorded as sent by post: entry \d+, next update ", sent.stdout)
    rows = list(csv.reader(to.read_text("utf-8").splitlines()))
    assert rows == [["pseudonym", "contact"], ["p-17", CANARY], ["p-18", f"'=cmd {CANARY}"]]
    assert to.stat().st_mode & 0o077 == 0
    pack = tmp_path / "pack.zip"
    assert told.run("party", "audit", "interviewees", "-o", str(pack)).exit_code == 0
    erased = told.json(
        "people", "erase", "p-17", "--reason", "asked for it", "--kept", "nothing", "--yes"
    )
    assert told.json("people", "list")["people"] == [{"pseudonym": "p-18", "group": "interviewees"}]
    everything = told.entries() + pack_text(pack) + added.output.encode() + sent.output.encode()
    everything += b"".join(one.read_bytes() for one in told.home.rglob("*") if one.is_file())
    assert b"canary" not in everything.lower()
    assert b'"kind":"erasure"' in told.entries()
    assert erased["entry"] >= 0


def test_an_erasure_that_was_cut_short_is_recorded_by_who_comes_next(told: Told) -> None:
    told.run("people", "add", "p-17", "--group", "interviewees", given=f"{CANARY}\n")
    body = {"reason": "asked for it", "kept": ""}
    draft = Draft(kind="erasure", subject="person:p-17", actor="operator:ann", body=body)
    with open_people(told.home) as people:
        people.erase("p-17", draft)
    assert b'"kind":"erasure"' not in told.entries()
    for _ in range(2):
        assert told.json("people", "list")["people"] == []
        assert told.entries().count(b'"kind":"erasure"') == 1


def test_an_erasure_that_the_ledger_does_not_take_says_so(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.run("people", "add", "p-17", "--group", "interviewees", given=f"{CANARY}\n")

    def full(*_: object) -> None:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(PartyDesk, "record", full)
        done = told.run("people", "erase", "p-17", "--reason", "asked for it", "--yes")
    assert "stands for nobody any more, but that is not recorded yet" in str(done.exception)
    assert b'"kind":"erasure"' not in told.entries()
    assert told.json("people", "list")["people"] == []
    assert told.entries().count(b'"kind":"erasure"') == 1


def test_a_reason_that_names_the_person_is_refused(told: Told) -> None:
    told.run("people", "add", "p-17", "--group", "interviewees", given=f"{CANARY}\n")
    done = told.run("people", "erase", "p-17", "--reason", "canary.jones wants it", "--yes")
    assert "names the person" in str(done.exception)
    assert b"canary" not in told.entries()


def test_a_list_of_nobody_is_said_to_be_one(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("pseudonym,contact\n", "utf-8")
    done = told.run("people", "add", "--group", "interviewees", "--from", str(file))
    assert "names nobody" in str(done.exception), done.output


def test_only_groups_have_people(told: Told) -> None:
    done = told.run("people", "add", "p-17", "--group", "acme", given=f"{CANARY}\n")
    assert "no group of people" in str(done.exception)
    done = told.run("people", "add", "canary", "--group", "interviewees", given=f"{CANARY}\n")
    assert "hides nobody" in str(done.exception)


# ── status ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["status.json", "status.html"])
def test_a_status_is_signed_and_any_change_of_it_is_found(
    told: Told, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    for _ in range(2):  # replaced whole
        assert told.run("party", "status", "lab", "-o", str(file)).exit_code == 0
    key = (told.home / "ledger" / "verifier-key").read_text("utf-8").strip()
    runner = CliRunner()
    good = runner.invoke(cli, ["verify", str(file), "--key", key, "--format", "json"])
    assert good.exit_code == 0, good.output
    status = json.loads(good.stdout)["status"]
    assert status["state"] == "partly-suspended"
    assert status["disclosed_bytes"] == 44 * 65_536, "the withheld read too"
    assert [one["duty"] for one in status["clocks"]] == ["notify"]
    seen = file.read_text("utf-8").lower()
    for other in (*OTHERS, "acme"):
        assert other not in seen
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 150)):
        spoilt = bytearray(data)
        spoilt[place] ^= 1
        file.write_bytes(spoilt)
        done = runner.invoke(cli, ["verify", str(file), "--key", key])
        assert done.exit_code != 0, place
    file.write_bytes(data + b" ")
    assert runner.invoke(cli, ["verify", str(file)]).exit_code == 1


def test_a_suspended_vendor_sees_it(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    told.run("party", "status", "acme", "-o", str(file))
    status = json.loads(file.read_text("utf-8"))["status"]
    assert (status["state"], status["suspensions"][0]["own"]) == ("suspended", True)
    assert status["suspensions"][0]["conditions"] == ["evidence-received: sbom"]
    assert parse_instant(status["made_at"]) <= now_utc()


# ── the pack ─────────────────────────────────────────────────────────────────────────────────


def pack_text(file: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    return b"\n".join(
        igzip.decompress(data) if name.endswith(".gz") else data for name, data in inside.items()
    )


def test_a_pack_by_command_holds_and_names_nobody_else(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "pack.zip"
    made = told.json("party", "audit", "acme", "-o", str(file))
    assert made["withheld"] == 1
    assert file.stat().st_mode & 0o077 == 0
    text = pack_text(file).lower()
    for other in OTHERS:
        assert other.encode() not in text
    runner = CliRunner()
    good = runner.invoke(cli, ["verify", str(file), "--key", made["key"], "--format", "json"])
    assert good.exit_code == 0, good.output
    report = json.loads(good.stdout)
    assert report["documents_compared"]
    assert report["party"] == "acme"
    again = told.run("party", "audit", "acme", "-o", str(file))
    assert "exists already" in str(again.exception)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    bad = runner.invoke(cli, ["verify", str(file), "--key", made["key"]])
    assert bad.exit_code == 1
    assert "does not hold" in bad.stdout


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_large_pack_is_checked_by_several_processes(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pack.zip"
    made = told.json("party", "audit", "acme", "-o", str(file))
    monkeypatch.setattr(verify_pack, "_FEW_BYTES", 0)
    runner = CliRunner()
    words = ["verify", str(file), "--key", made["key"]]
    assert runner.invoke(cli, words).exit_code == 0
    data = bytearray(file.read_bytes())
    # The hashes that stand for others' entries: only folding them tells that one is wrong.
    with zipfile.ZipFile(file) as archive:
        hashes = archive.read("entries/000000.hashes")
    place = data.index(hashes)
    data[place] ^= 1
    file.write_bytes(data)
    done = runner.invoke(cli, words)
    assert (done.exit_code, done.stdout.count("does not hold")) == (1, 1)


def test_controls_say_what_checks_find_now(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "pack.zip"
    told.run("party", "audit", "acme", "-o", str(file))
    with zipfile.ZipFile(file) as archive:
        audit = json.loads(archive.read("audit.json"))
    states = {one["id"]: one["state"] for one in audit["controls"]}
    assert len(states) > 10
    assert set(states.values()) <= {"clear", "found", "accepted", "unknown"}
    assert "found" in states.values()
    assert all(one["says"] for one in audit["controls"] if one["state"] != "clear")


def test_a_checkpoint_of_ones_own_is_compared(told: Told, tmp_path: Path) -> None:
    file, note = tmp_path / "pack.zip", tmp_path / "checkpoint"
    log = open_log(load_settings(told.home))
    note.write_text(log.checkpoint(), "utf-8")
    log.close()
    assert told.run("party", "audit", "acme", "-o", str(file)).exit_code == 0
    runner = CliRunner()
    words = ["verify", str(file), "--checkpoint", str(note)]
    assert runner.invoke(cli, words).exit_code == 0
    told.run("party", "notice", "lab", "--sent", "--channel", "e-mail")
    log = open_log(load_settings(told.home))
    note.write_text(log.checkpoint(), "utf-8")
    log.close()
    assert runner.invoke(cli, words).exit_code == 3, "nothing joins them"


def test_without_chromium_a_pdf_is_refused(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = told.run("party", "audit", "acme", "-o", str(tmp_path / "pack.zip"), "--pdf")
    assert "no Chromium" in str(done.exception)
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.chromium
def test_the_page_prints_and_keeps_its_own_policy(told: Told, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        unavailable("chromium is not installed")
    file = tmp_path / "pack.zip"
    made = told.run("party", "audit", "acme", "-o", str(file), "--pdf")
    assert made.exit_code == 0, made.output + repr(made.exception)
    assert CliRunner().invoke(cli, ["verify", str(file)]).exit_code == 0
    with zipfile.ZipFile(file) as archive:
        assert archive.read("audit.pdf").startswith(b"%PDF-")
        page = tmp_path / "audit.html"
        page.write_bytes(archive.read("audit.html"))
    shown = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", f"--user-data-dir={tmp_path / 'data'}",
            "--window-size=1000,2600", f"--screenshot={tmp_path / 'audit.png'}", page.as_uri(),
        ],
        capture_output=True, timeout=150, check=True, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert b"Refused to" not in shown.stderr, "the page breaks its own policy"
    kept = os.environ.get("PRATIQUE_TEST_SCREENSHOTS")
    if kept:
        shutil.copy(tmp_path / "audit.png", Path(kept) / "audit.png")
