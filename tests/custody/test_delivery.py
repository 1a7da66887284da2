"""What clients get: their own log and statements of deliveries, from reads through the real door."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from google.protobuf.json_format import ParseDict
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementProto
from py_ocsf_models.events.base_event import BaseEvent

from kit.disclosure import LARGE, SMALL, House, canonical, house, reading
from pratique.custody.access_log import fold_reads
from pratique.custody.client_log import (
    Ownership,
    render_client_log,
    totals_of,
    verify_client_log,
)
from pratique.custody.model import SEGMENT_BYTES, Lease
from pratique.custody.runs import runs_of
from pratique.custody.statements import render_envelope
from pratique.doors.cli import cli
from pratique.ledger.bundle import ProvenLeaf
from pratique.ledger.canonical import parse_entry
from pratique.ledger.errors import BundleError
from pratique.ledger.notes import Signer
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.store.logs import open_log
from pratique.store.presence import open_presence
from pratique.values.instants import now_utc


@dataclass
class Told:
    """What was read before the tests ask."""

    place: House
    reader: Lease
    carrier: Lease
    other: Lease
    idle: Lease


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with house(tmp_path_factory.mktemp("house")) as place:
        reader, carrier, idle = place.grant(), canonical(place, holder="job-7"), place.grant()
        other = place.grant(client="globex", selectors=("corpus",), vendor="beta", holder="zoe")

        async def read() -> None:
            async with reading(place) as get:
                assert await get(reader, "large", "65536-131071") == LARGE[65536:131072]
                assert await get(reader, "large", "65536-131071") == LARGE[65536:131072]
                assert await get(reader, "large", "2000000-2000000") == LARGE[2_000_000:2_000_001]
                for key, data in (("large", LARGE), ("small", SMALL), ("empty", b"")):
                    assert await get(carrier, key) == data
                assert await get(other, "theirs", dataset="corpus") == SMALL

        asyncio.run(read())
        yield Told(place, reader[0], carrier[0], other[0], idle[0])


def json_of(told: Told, *words: str, code: int = 0) -> dict[str, object]:
    result = told.place.run(*words, "--format", "json")
    assert result.exit_code == code, result.output
    found: dict[str, object] = json.loads(result.output)
    return found


def test_the_log_of_a_lease_is_exactly_what_it_read(told: Told) -> None:
    found = json_of(told, "dataset", "log", "--lease", told.reader.id)
    [lease] = found["leases"]
    [read] = lease["datasets"][0]["objects"]
    assert (read["key"], read["segments"]) == ("large", [[1, 1], [30, 30]])
    assert read["bytes"] == 2 * SEGMENT_BYTES
    assert (lease["reads"], lease["sent"]) == (3, 2 * SEGMENT_BYTES + 1)
    assert lease["addresses"] == ["127.0.0.1"]
    assert read["presumed"] == [], "the door ended in order"
    nothing = json_of(told, "dataset", "log", "--lease", told.idle.id)
    assert (nothing["leases"], nothing["bytes"]) == ([], 0)


def test_it_agrees_with_what_the_budget_was_charged_for(told: Told) -> None:
    for lease in (told.reader, told.carrier, told.other):
        found = json_of(told, "dataset", "log", "--lease", lease.id)
        logged = {
            read["object"]: [tuple(run) for run in read["segments"]]
            for dataset in found["leases"][0]["datasets"]
            for read in dataset["objects"]
        }
        bitmaps = told.place.made.state.all_coverage(lease.id)
        assert logged == {name: list(runs_of(bitmap)) for name, bitmap in bitmaps.items()}


def test_by_client_and_by_dataset(told: Told) -> None:
    meta = json_of(told, "dataset", "log", "--client", "meta")
    assert meta["bytes"] == len(LARGE) + len(SMALL), "what two leases have left once"
    assert {one["lease"] for one in meta["leases"]} == {told.reader.id, told.carrier.id}
    assert json_of(told, "dataset", "log", "dialogs")["leases"] == meta["leases"]
    assert json_of(told, "dataset", "log", "--client", "nobody")["leases"] == []
    later = json_of(told, "dataset", "log", "dialogs", "--since", "2099-01-01T00:00:00Z")
    assert later["bytes"] == 0
    text = told.place.run("dataset", "log", "--client", "meta").output
    assert "2.9 MiB of 3 objects disclosed" in text
    assert "large  segments 1, 30, 128.0 KiB" in text


def test_reads_for_a_siem(told: Told) -> None:
    result = told.place.run("dataset", "log", "--lease", told.reader.id, "--format", "ocsf")
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(events) == 3
    for event in events:
        BaseEvent.model_validate(event)
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["actor"]["session"]["uid"] == told.reader.id
        assert event["src_endpoint"] == {"ip": "127.0.0.1"}
        assert event["databucket"]["name"] == "dialogs"
        assert event["databucket"]["file"]["uid"] == told.place.objects["large"].id
    assert sorted(tuple(event["unmapped"]["segments"]) for event in events) == [
        (1, 1),
        (1, 1),
        (30, 30),
    ]
    assert len({event["metadata"]["uid"] for event in events}) == 3


@pytest.mark.parametrize("words", [(), ("x", "--client", "y"), ("nothing-here",), ("--lease", "P")])
def test_who_asks_wrongly_is_told(told: Told, words: tuple[str, ...]) -> None:
    assert told.place.run("dataset", "log", *words).exit_code in {1, 2}


# ── the client's own file ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def client_file(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "meta.json"
    made = told.place.run("dataset", "log", "--client", "meta", "-o", str(file))
    assert made.exit_code == 0, made.output
    return file


def key_of(told: Told) -> str:
    with closing(open_log(told.place.made.settings)) as log:
        return log.verifier_key()


def verify(told: Told, file: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["verify", str(file), *words])
    return result.exit_code, result.output


def test_a_client_verifies_its_log_offline(told: Told, client_file: Path) -> None:
    code, text = verify(told, client_file, "--key", key_of(told), "--format", "json")
    assert code == 0, text
    found = json.loads(text)
    assert found["totals"]["bytes"] == len(LARGE) + len(SMALL)
    assert {one["lease"] for one in found["leases"]} == {told.reader.id, told.carrier.id}
    [chain] = found["chains"]
    assert (chain["missing"], chain["ended"]) == ([], chain["entries"])
    code, text = verify(told, client_file)
    assert code == 0
    assert "taken from the file itself" in text
    assert "no entry is left out" in text
    assert "Claimed, under our signature" in text


def test_nothing_in_it_is_about_another_client(told: Told, client_file: Path) -> None:
    data = client_file.read_bytes()
    payload = base64.b64decode(json.loads(data)["claim"]["payload"])
    for name in ("globex", "corpus", "zoe", "beta", told.other.id, told.place.objects["theirs"].id):
        assert name.encode() not in data + payload, name


def test_entries_whose_words_name_another_client_are_withheld_and_counted(
    told: Told, tmp_path: Path
) -> None:
    lease = told.idle.id
    told.place.run("lease", "revoke", lease, "--reason", "same laptop as the globex job")
    file = tmp_path / "meta.json"
    made = told.place.run("dataset", "log", "--client", "meta", "-o", str(file), "--format", "json")
    assert json.loads(made.output)["withheld"] == 1
    assert b"globex" not in file.read_bytes()
    assert "Withheld: 1 entries" in verify(told, file)[1]


def test_no_byte_of_it_can_be_changed(told: Told, client_file: Path, tmp_path: Path) -> None:
    data = client_file.read_bytes()
    key = key_of(told)
    for place in range(0, len(data), max(1, len(data) // 150)):
        spoiled = bytearray(data)
        spoiled[place] ^= 1
        file = tmp_path / "spoiled"
        file.write_bytes(spoiled)
        assert verify(told, file, "--key", key)[0] != 0, place


@pytest.mark.slow
def test_an_entry_left_out_is_noticed_even_under_our_own_signature(
    told: Told, client_file: Path
) -> None:
    settings = told.place.made.settings
    signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
    file = json.loads(client_file.read_bytes())
    reads = [one for one in file["bundle"]["entries"] if one["entry"]["kind"] == "reads"]
    file["bundle"]["entries"].remove(reads[1])
    with pytest.raises(BundleError, match="about something else"):
        verify_client_log(spelled(file))
    # We sign the shorter log, with figures that fit it.
    bundle = spelled(file["bundle"]).removesuffix(b"\n")
    predicate = json.loads(base64.b64decode(file["claim"]["payload"]))["predicate"]
    predicate["entries"] -= 1
    sizes = {one.id: one.size for one in told.place.objects.values()}
    left = [parse_entry(spelled(one["entry"])[:-1]) for one in file["bundle"]["entries"]]
    predicate["totals"] = totals_of(fold_reads(left, sizes.get))
    subject = [("bundle", hashlib.sha256(bundle).hexdigest())]
    claim = render_envelope(subject, "urn:pratique:client-log/v1", predicate, signer=signer)
    file["claim"] = json.loads(claim)
    shown = verify_client_log(spelled(file))
    assert shown.gaps == 1
    assert any(one.startswith("MISSING") for one in shown.sentences)


def spelled(value: object) -> bytes:
    return (
        json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        + b"\n"
    )


def test_the_projection_and_a_reading_of_the_whole_log_choose_the_same(told: Told) -> None:
    settings = told.place.made.settings
    with (
        closing(open_log(settings)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        presence.catch_up()
        for client in ("meta", "globex"):
            owned = Ownership(client)
            naive = {entry.sequence for entry in log.entries() if owned.takes(entry)}
            assert set(presence.custody.own_entries(client)) == naive
            assert naive


def test_whoever_has_the_whole_log_sees_that_nothing_is_left_out(
    told: Told, tmp_path: Path
) -> None:
    file, whole = tmp_path / "meta.json", tmp_path / "whole.json"
    told.place.run("dataset", "log", "--client", "meta", "-o", str(file))
    told.place.run("scope", "cap", "client:globex", "--bytes", "9GiB")
    exported = told.place.run("ledger", "export", str(whole), "--all")
    assert exported.exit_code == 0, exported.output
    code, text = verify(told, file, "--whole", str(whole))
    assert code == 0, text
    assert "Proven by the whole log: no entry about this client's data is left out" in text
    # A file without its last process is good by itself, and signed; the whole log shows what it lacks.
    settings = told.place.made.settings
    signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
    with closing(open_log(settings)) as log:
        kept = [
            ProvenLeaf(leaf=leaf, proof=log.prove_inclusion(entry.sequence))
            for entry, leaf in zip(log.entries(), log.leaves(), strict=True)
            if entry.kind in {"dataset", "lease"} and entry.body["client"] == "meta"
        ]
        short = render_client_log(
            "meta",
            kept,
            checkpoint=log.checkpoint(),
            signer=signer,
            withheld=0,
            made_at=now_utc(),
        )
    lying = tmp_path / "short.json"
    lying.write_bytes(short)
    assert verify(told, lying)[0] == 0
    later = tmp_path / "later.json"
    told.place.run("ledger", "export", str(later), "--all")
    code, text = verify(told, lying, "--whole", str(later))
    assert code == 1
    assert "leaves out" in text
    code, text = verify(told, file, "--whole", str(file))
    assert code == 1


# ── deliveries ───────────────────────────────────────────────────────────────────────────────


def test_a_delivery_is_an_in_toto_statement_that_anybody_checks(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "delivery.json"
    made = json_of(told, "dataset", "delivery", told.carrier.id, "-o", str(file))
    assert (made["complete"], made["objects"]) == (True, 3)
    payload = json.loads(base64.b64decode(json.loads(file.read_bytes())["payload"]))
    Statement.copy_from_pb(ParseDict(payload, StatementProto())).validate()
    hashes = {one["name"]: one["digest"]["sha256"] for one in payload["subject"]}
    assert hashes == {
        "large": hashlib.sha256(LARGE).hexdigest(),
        "small": hashlib.sha256(SMALL).hexdigest(),
        "empty": hashlib.sha256(b"").hexdigest(),
    }
    [version] = told.place.made.state.versions("dialogs")
    assert payload["predicate"]["version"]["root"] == version.root
    code, text = verify(told, file, "--key", key_of(told))
    assert code == 0, text
    assert "version 1 of dialogs of client meta" in text
    assert "3 objects, 2.9 MiB, all of it" in text
    assert verify(told, file)[0] == 0
    data = file.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 100)):
        spoiled = bytearray(data)
        spoiled[place] ^= 1
        (tmp_path / "spoiled").write_bytes(spoiled)
        assert verify(told, tmp_path / "spoiled", "--key", key_of(told))[0] != 0, place


def test_a_delivery_is_signed_by_whom_the_reader_trusts(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "delivery.json"
    told.place.run("dataset", "delivery", told.carrier.id, "-o", str(file))
    stranger = Signer.generate("stranger.example").verifier.render()
    code, text = verify(told, file, "--key", stranger)
    assert (code, "another key" in text) == (1, True)


def test_pieces_are_no_delivery(told: Told, tmp_path: Path) -> None:
    made = told.place.run("dataset", "delivery", told.reader.id, "-o", str(tmp_path / "none"))
    assert made.exit_code != 0
    assert not (tmp_path / "none").exists()
    assert "has read no object" in str(made.exception) + made.output


def test_msgspec_spells_as_json_does() -> None:
    value = {"b": [1, "ä"], "a": None}
    assert msgspec.json.encode(value, order="sorted") + b"\n" == spelled(value)
