"""`pratique party suspend` and `resume` against real stores and a real key broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.custody_samples import sample_dataset
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Hold, HoldId
from pratique.doors.cli import cli
from pratique.doors.cli.custody_desk import open_desk
from pratique.edge.custody.broker_admin import BrokerAdmin, broker_running, started_broker
from pratique.errors import InputError
from pratique.home import prepare_home
from pratique.ledger.entries import Entry
from pratique.parties.model import Register
from pratique.settings import load_settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log
from pratique.store.parties import read_register
from pratique.values.instants import now_utc

REGISTER = """
[own]
name = "mercury"

[[vendor]]
name = "acme"
assets = ["acme-*"]

[[vendor]]
name = "helpers"
works_for = ["acme"]

[[vendor]]
name = "bolt"

[[client]]
name = "meta"

[[people]]
name = "interviewees"
datasets = ["faces"]

[[project]]
name = "coding"
vendor = "acme"
client = "meta"
purpose = "labelling"
datasets = ["faces", "voices"]

[[contract]]
id = "acme-msa"
party = "acme"
starts = 2025-01-01
evidence_hours = 48
basis = "MSA 9.1"

[[contract]]
id = "meta-dpa"
party = "meta"
starts = 2025-01-01
notice_hours = 24
update_hours = 12
"""
ACME = ("--reason", "stolen laptop", "--incident", "INC-42")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with datasets, their keys, a register and a broker that runs."""
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    monkeypatch.delenv("PRATIQUE_APPROVER_TOKEN", raising=False)
    place = tmp_path / "home"
    prepare_home(place)
    settings = load_settings(place, environ={})
    with started_broker(settings), broker_running(settings) as admin:
        admin.make_client("meta")
        with closing(open_custody(settings)) as custody:
            for name in ("faces", "voices"):
                admin.make_dataset(name, "meta")
                custody.add_dataset(sample_dataset(name))
        file = tmp_path / "parties.toml"
        file.write_text(REGISTER, "utf-8")
        done(place, "party", "import", str(file))
        yield place


def run(home: Path, *words: str, **kwargs: Any) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(home)], **kwargs)


def done(home: Path, *words: str, **kwargs: Any) -> str:
    result = run(home, *words, **kwargs)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def answered(home: Path, *words: str, **kwargs: Any) -> Any:
    return json.loads(done(home, *words, "--format", "json", **kwargs))


def refused(home: Path, *words: str, **kwargs: Any) -> str:
    result = run(home, *words, **kwargs)
    assert isinstance(result.exception, InputError), (result.output, result.exception)
    error = result.exception
    return f"{error.message} {error.expected} {error.remedy}"


def grant(home: Path, vendor: str = "acme", dataset: str = "faces", *words: str) -> str:
    answer = answered(
        home, "lease", "grant", "p-17", "--vendor", vendor, "--project", "coding", "--purpose",
        "labelling", "--dataset", dataset, "--budget", "2GiB", *words,
    )  # fmt: skip
    return str(answer["id"])


def entries(home: Path) -> list[Entry]:
    with closing(open_log(load_settings(home, environ={}))) as log:
        return list(log.entries())


def register(home: Path) -> Register:
    with open_desk(home) as desk:
        return read_register(desk.stores.presence)


def holds(home: Path) -> list[Hold]:
    with closing(open_custody(load_settings(home, environ={}))) as custody:
        return list(custody.standing_holds())


def test_a_dry_run_names_what_the_real_thing_stops_and_changes_nothing(home: Path) -> None:
    mine, helper, other = grant(home), grant(home, "helpers"), grant(home, "bolt")
    token = answered(home, "token", "create", "acme-ci", "--party", "acme")["id"]
    done(home, "token", "create", "own-ci")
    before = len(entries(home))
    planned = answered(home, "party", "suspend", "acme", *ACME, "--dry-run")
    assert (len(entries(home)), holds(home)) == (before, [])
    real = answered(home, "party", "suspend", "acme", *ACME)
    assert {one["id"] for one in real["leases"]} == {mine, helper}
    assert other not in {one["id"] for one in real["leases"]}
    assert [one["id"] for one in real["tokens"]] == [token]
    for key in ("leases", "tokens", "work"):
        assert planned[key] == real[key]
    told = [{k: v for k, v in one.items() if k != "due_at"} for one in planned["tell"]]
    assert told == [{k: v for k, v in one.items() if k != "due_at"} for one in real["tell"]]


def test_suspension_and_clocks_are_one_batch(home: Path) -> None:
    grant(home)
    answer = answered(home, "party", "suspend", "acme", *ACME)
    batch = entries(home)[answer["entry"] :]
    assert [one.kind for one in batch] == ["suspension"] + ["notice-clock"] * 3
    assert len({one.recorded_at for one in batch}) == 1
    clocks = {(one.body["party"], one.body["duty"]): one.body["hours"] for one in batch[1:]}
    assert clocks == {("acme", "evidence"): 48, ("meta", "notify"): 24, ("meta", "update"): 12}
    begun = register(home).suspensions[answer["suspension"]["id"]]
    assert (begun.reason, begun.incident, begun.leases) == ("stolen laptop", "INC-42", 1)
    assert begun.vendors == ("acme", "helpers")
    (hold,) = holds(home)
    assert (hold.id, hold.reason) == (begun.id, "stolen laptop")
    people = [one for one in answer["tell"] if one["party"] == "interviewees"]
    assert {one["duty"]: one["hours"] for one in people} == {"notify": None, "update": None}


def test_nothing_is_granted_and_no_key_given_while_it_stands(home: Path) -> None:
    lease = grant(home)
    answer = answered(home, "party", "suspend", "acme", *ACME)
    sentence = refused(
        home, "lease", "grant", "p-18", "--vendor", "helpers", "--project", "coding", "--purpose",
        "labelling", "--dataset", "voices", "--budget", "1GiB",
    )  # fmt: skip
    assert "lease suspended: vendor acme, stolen laptop, INC-42" in sentence
    assert grant(home, "bolt")
    settings = load_settings(home, environ={})
    with broker_running(settings) as admin:
        told = admin.status().suspended
    assert told[answer["suspension"]["id"]] == "lease suspended: vendor acme, stolen laptop, INC-42"
    text = done(home, "lease", "list")
    assert "suspended" in next(line for line in text.splitlines() if lease in line)


def test_scopes_of_a_suspension(home: Path) -> None:
    faces, voices = grant(home), grant(home, "acme", "voices")
    helper = grant(home, "helpers")

    def stopped(*words: str) -> set[str]:
        answer = answered(home, "party", "suspend", "acme", *ACME, "--dry-run", *words)
        return {one["id"] for one in answer["leases"]}

    assert stopped() == {faces, voices, helper}
    assert stopped("--no-sub-processors") == {faces, voices}
    assert stopped("--dataset", "voices") == {voices}
    assert stopped("--project", "coding") == {faces, voices, helper}
    assert stopped("--lease-kind", "write") == set()
    assert stopped("--lease-kind", "marked") == {faces, voices, helper}
    client = answered(home, "party", "suspend", "meta", *ACME, "--dry-run")
    assert {one["id"] for one in client["leases"]} == {faces, voices, helper}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acne",), "no party 'acne'"),
        (("mercury",), "our own organisation"),
        (("interviewees",), "a group of people"),
        (("acme", "--project", "codimg"), "would stop nothing"),
        (("acme", "--dataset", "feces"), "would stop nothing"),
        (("acme", "--condition", "sorry"), "not a condition"),
        (("acme", "--condition", "evidence-received=poem"), "no kind of evidence"),
        (("acme", "--condition", "rotation-verified=key"), "not an identity"),
    ],
)
def test_what_would_stop_nothing_is_an_error(home: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refused(home, "party", "suspend", *words, *ACME)
    assert holds(home) == []


def test_an_approver_decides_where_conditions_are_not_met(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = grant(home)
    answer = answered(
        home, "party", "suspend", "acme", *ACME, "--condition", "evidence-received=sbom",
        "--condition", "rotation-verified=identity:key/acme",
    )  # fmt: skip
    identifier = answer["suspension"]["id"]
    assert "an approver has to decide" in refused(home, "party", "resume", "acme", "--reason", "ok")
    assert [one.id for one in holds(home)] == [identifier]
    for name, said in (("alice", "asked for this"), ("bob", "")):
        secret = answered(home, "token", "create", name, "--role", "approver")["token"]
        monkeypatch.setenv("PRATIQUE_APPROVER_TOKEN", secret)
        if said:
            assert said in refused(home, "party", "resume", "acme", "--reason", "ok")
    resumed = answered(home, "party", "resume", "acme", "--reason", "new laptop")
    assert (resumed["approver"], resumed["suspension"]) == ("bob", identifier)
    assert holds(home) == []
    found = register(home).suspensions[identifier]
    assert (found.lifted_by, found.lifted_reason) == ("bob", "new laptop")
    entry = entries(home)[resumed["entry"]]
    assert len(entry.body["unmet"]) == 2
    assert "suspended" not in done(home, "lease", "show", lease)
    with broker_running(load_settings(home, environ={})) as admin:
        assert identifier not in admin.status().suspended
    assert "was lifted" in refused(home, "party", "resume", identifier, "--reason", "again")


def test_conditions_that_are_met_need_no_approver(home: Path) -> None:
    answer = answered(
        home, "party", "suspend", "acme", *ACME, "--condition",
        "rotation-verified=identity:key/acme",
    )  # fmt: skip
    done(home, "reach", "verified-dead", "identity:key/acme", "--at", "2026-01-01T00:00:00Z")
    assert "not verified to be dead" in refused(home, "party", "resume", "acme", "--reason", "ok")
    done(home, "reach", "verified-dead", "identity:key/acme", "--at", now_utc().isoformat())
    resumed = answered(home, "party", "resume", answer["suspension"]["id"], "--reason", "rotated")
    assert resumed["approver"] == ""
    assert resumed["conditions"][0]["met"] is True
    ended = [one for one in entries(home) if one.kind == "notice-clock-met"]
    assert [one.body["clock"].rpartition("/")[2] for one in ended] == ["update"]


def test_the_same_suspension_twice_is_pointed_out(home: Path) -> None:
    dry = run(home, "party", "suspend", "acme", *ACME, "--dry-run")
    first = run(home, "party", "suspend", "acme", *ACME)
    narrower = run(home, "party", "suspend", "acme", *ACME, "--lease-kind", "write")
    again = run(home, "party", "suspend", "acme", *ACME)
    told = "stops the same already; each is lifted by itself"
    assert [told in one.stderr for one in (dry, first, narrower, again)] == [
        False,
        False,
        False,
        True,
    ]
    assert "S-" in again.stderr
    assert again.exit_code == 0


def test_each_suspension_is_lifted_by_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = grant(home)
    first = answered(home, "party", "suspend", "acme", *ACME)["suspension"]["id"]
    second = answered(home, "party", "suspend", "acme", *ACME, "--dataset", "faces")
    secret = answered(home, "token", "create", "bob", "--role", "approver")["token"]
    monkeypatch.setenv("PRATIQUE_APPROVER_TOKEN", secret)
    assert "resume each by its id" in refused(home, "party", "resume", "acme", "--reason", "ok")
    assert "stopped by" in refused(home, "party", "resume", "helpers", "--reason", "ok")
    resumed = answered(home, "party", "resume", first, "--reason", "ok")
    assert resumed["still_suspended_by"] == [second["suspension"]["id"]]
    assert "suspended" in done(home, "lease", "show", lease)


def test_nothing_is_granted_to_who_works_for_a_suspended_party_by_another_name(
    home: Path, tmp_path: Path
) -> None:
    done(home, "party", "suspend", "acme", *ACME)
    later = tmp_path / "later.toml"
    later.write_text(REGISTER + '\n[[vendor]]\nname = "newco"\nworks_for = ["helpers"]\n', "utf-8")
    done(home, "party", "import", str(later))
    for vendor in ("newco", "Acme", "HELPERS"):
        told = refused(
            home, "lease", "grant", "p-17", "--vendor", vendor, "--project", "coding", "--purpose",
            "labelling", "--dataset", "faces", "--budget", "2GiB",
        )  # fmt: skip
        assert "lease suspended: vendor acme" in told
    found = run(home, "party", "check", "acme", "--format", "json")
    assert "newco, not stopped by" in found.stdout
    grant(home, "bolt")


def test_a_project_that_is_suspended_stays_in_the_register(home: Path, tmp_path: Path) -> None:
    done(home, "party", "suspend", "acme", *ACME, "--project", "coding")
    other = tmp_path / "other.toml"
    other.write_text(REGISTER.replace('name = "coding"', 'name = "coding-2"'), "utf-8")
    assert "project acme/coding is suspended" in refused(
        home, "party", "import", str(other), "--yes"
    )


def test_a_token_of_a_party_decides_nothing(home: Path) -> None:
    assert "decides nothing" in refused(
        home, "token", "create", "x", "--role", "approver", "--party", "acme"
    )
    assert "no vendor or client" in refused(home, "token", "create", "x", "--party", "acne")
    assert "whose evidence" in refused(home, "token", "create", "x", "--role", "party")


@pytest.mark.parametrize("lost", ["entries", "answer"])
def test_a_crash_between_any_two_steps_leaves_a_party_suspended_or_not(
    home: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    grant(home)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    name = "append" if lost == "entries" else "mark"
    target = {
        "append": "pratique.store.segment_log.SegmentLog.append",
        "mark": "pratique.store.custody_holds.HoldTables.mark_hold_logged",
    }[name]
    with monkeypatch.context() as patch:
        patch.setattr(target, crash)
        run(home, "party", "suspend", "acme", *ACME)
    (hold,) = holds(home)
    wanted = ["suspension"] + ["notice-clock"] * 3
    done(home, "scope", "list")  # whoever lives next
    told = [one.kind for one in entries(home) if one.kind in set(wanted)]
    assert told == wanted, "once, whole"
    assert register(home).suspensions[hold.id].lifted_at is None


def test_a_suspension_that_crashed_can_be_resumed_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pratique.store.segment_log.SegmentLog.append", crash)
        run(home, "party", "suspend", "acme", *ACME)
    assert len(holds(home)) == 1
    assert "an approver has to decide" in refused(home, "party", "resume", "acme", "--reason", "ok")


def test_tokens_that_say_of_no_party_are_pointed_out(home: Path) -> None:
    loose = answered(home, "token", "create", "acme-builder")["id"]
    done(home, "token", "create", "our-builder")
    answer = answered(home, "party", "suspend", "acme", *ACME, "--dry-run")
    assert [one["id"] for one in answer["loose"]] == [loose]
    text = done(home, "party", "suspend", "acme", *ACME)
    assert f"does not stop: token {loose}, asset acme-builder" in text


def test_a_crash_before_lifting_is_healed_by_the_next_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(home, "party", "suspend", "acme", *ACME)
    secret = answered(home, "token", "create", "bob", "--role", "approver")["token"]
    monkeypatch.setenv("PRATIQUE_APPROVER_TOKEN", secret)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pratique.store.custody_holds.HoldTables.lift_hold", crash)
        run(home, "party", "resume", "acme", "--reason", "ok")
    assert len(holds(home)) == 1
    done(home, "scope", "list")
    assert holds(home) == []


def test_the_broker_keeps_holds_and_late_doors_bring_none_back(home: Path) -> None:
    grant(home)
    identifier = HoldId(answered(home, "party", "suspend", "acme", *ACME)["suspension"]["id"])
    (hold,) = holds(home)
    settings = load_settings(home, environ={})
    with broker_running(settings) as admin:
        assert admin.release(identifier)
        admin.hold([hold])
        assert identifier not in admin.status().suspended, "it was late"
        _refuses_nonsense(admin, hold)


def _refuses_nonsense(admin: BrokerAdmin, hold: Hold) -> None:
    other = replace(hold, id=HoldId("S-" + "Z" * 12))
    for changed in (
        replace(hold, id=HoldId("x")),
        replace(other, vendors=frozenset()),
        replace(other, reason="x" * 5000),
    ):
        with pytest.raises(BrokerRefusedError, match="not a hold"):
            admin.hold([changed])
