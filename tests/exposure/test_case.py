"""Case files: what they prove, and that no byte of them can change."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import Any

import cffi
import cryptography
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.incidents import (
    ASKED_AT,
    BLOB,
    FACTS,
    RECORD,
    SEEN,
    SIZE,
    answer,
    incident_log,
    line,
    sighting,
)
from pratique.doors.cli import case_verifier
from pratique.doors.cli.case_verifier import CaseError, check_case
from pratique.errors import InputError
from pratique.exposure.bundle.case import Case, ProvenEntry, Scope, Stamp, render_case
from pratique.exposure.bundle.container import render_container
from pratique.exposure.bundle.manifest import render_manifest
from pratique.exposure.bundle.page import render_page
from pratique.exposure.bundle.selection import cited_entries, evidence_of, with_contents
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import Counts, IncidentAnswer, Reach
from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.notes import Signer
from pratique.store.log_keys import read_key
from pratique.store.segment_log import SegmentLog

VERIFIER = Path(case_verifier.__file__).read_bytes()
MORE = [
    Draft(kind="origin", subject=f"pypi/p{n}", actor="door:index", body={"upstream": "public"})
    for n in range(40)
]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> SegmentLog:
    return incident_log(tmp_path_factory.mktemp("case") / "ledger", MORE)


@pytest.fixture(scope="module")
def signer(log: SegmentLog, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    key = next(tmp_path_factory.getbasetemp().glob("case*/ledger/key"))
    return read_key(key, log.origin)


def entry_of(log: SegmentLog, number: int) -> Entry:
    return next(log.entries(number, number + 1))


def contents_of(log: SegmentLog, content: str) -> tuple[int, ...]:
    return tuple(e.sequence for e in log.entries() if e.subject == f"content:{content}")


def case_of(log: SegmentLog, found: IncidentAnswer | None = None, **changes: Any) -> Case:
    found = found or answer()
    numbers = with_contents(
        cited_entries(found), entry=partial(entry_of, log), contents=partial(contents_of, log)
    )
    proven = [
        ProvenEntry(number, next(log.leaves(number, number + 1)), log.prove_inclusion(number))
        for number in numbers
    ]
    case = Case(
        answer=found,
        query={"incident": found.incident},
        made_at=ASKED_AT,
        entries=proven,
        checkpoint=log.checkpoint(),
        verifier=VERIFIER,
        records=[RECORD],
        evidence={sha256(BLOB).hexdigest(): BLOB},
    )
    return replace(case, **changes)


@pytest.fixture(scope="module")
def whole(log: SegmentLog, signer: Signer) -> bytes:
    return render_case(case_of(log), signer=signer)


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(data: bytes, changes: Mapping[str, bytes | None], signer: Signer | None) -> bytes:
    """The case with other members; signed again when somebody has a key."""
    members = members_of(data)
    manifest = json.loads(members.pop("MANIFEST"))
    predicate = json.loads(b64decode(manifest["payload"]))["predicate"]
    for name, content in changes.items():
        if content is None:
            del members[name]
        else:
            members[name] = content
    old = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    sealed = render_manifest(members, predicate, signer=signer) if signer else old
    return render_container({**members, "MANIFEST": sealed})


def test_a_case_holds_and_says_what_it_proves(log: SegmentLog, whole: bytes) -> None:
    report = check_case(whole, log.verifier_key())
    assert report["key_from"] == "you"
    assert (report["facts"], report["withheld"], report["contents"]) == (7, 0, 2)
    assert report["counts"]["confirmed"] == 1
    assert report["size"] == SIZE + len(MORE)
    assert report["all_entries_present"] is False
    assert check_case(whole)["key_from"] == "the file itself"


def test_a_case_is_a_zip_file_like_any_other(whole: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert names == sorted(names)
    assert json.loads(members_of(whole)["answer.json"])["incident"] == "inc-7f3a"


def test_the_same_case_has_the_same_bytes(log: SegmentLog, signer: Signer, whole: bytes) -> None:
    assert render_case(case_of(log), signer=signer) == whole


def test_what_an_answer_rests_on_includes_what_looks_saw(log: SegmentLog) -> None:
    found = with_contents(
        cited_entries(answer()), entry=partial(entry_of, log), contents=partial(contents_of, log)
    )
    assert sorted(found) == [0, 2, 3, 4, 5, 6, 7]
    assert evidence_of(found.values()) == (sha256(BLOB).hexdigest(),)


def test_no_sampled_bit_can_change(whole: bytes) -> None:
    chosen = random.Random(7)
    places = {chosen.randrange(len(whole)) for _ in range(300)} | set(range(60))
    for place in sorted(places | set(range(len(whole) - 30, len(whole)))):
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        with pytest.raises(CaseError):
            check_case(bytes(changed))


@pytest.mark.slow
def test_no_bit_at_all_can_change(log: SegmentLog, signer: Signer) -> None:
    """Every byte, with one bit of each; a short verifier keeps the file small."""
    small = render_case(case_of(log, verifier=b"#\n"), signer=signer)
    assert check_case(small)["verified"]
    for place in range(len(small)):
        changed = bytearray(small)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(CaseError):
            check_case(bytes(changed))


@pytest.mark.parametrize("name", ["MANIFEST", "checkpoint", "keys/log.vkey", "answer.json"])
def test_no_bit_of_a_member_can_change_in_a_repacked_file(whole: bytes, name: str) -> None:
    """The container is written anew around the change, so only hash and signature can tell."""
    members = members_of(whole)
    places = range(len(members[name])) if len(members[name]) < 1000 else range(0, 10_000, 37)
    for place in places:
        if place < len(members[name]):
            changed = bytearray(members[name])
            changed[place] ^= 1 << (place % 7)
            with pytest.raises(CaseError):
                check_case(render_container({**members, name: bytes(changed)}))


LOGGED = ("facts.jsonl", "withheld.jsonl", "checkpoint", "answer.json", "advisory/rev1.json",
          "keys/log.vkey", "proofs/3.tlog-proof", "replay/000000.jsonl",
          f"evidence/{sha256(BLOB).hexdigest()}")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGGED)
def test_whoever_has_the_key_still_cannot_change_what_was_logged(
    log: SegmentLog, signer: Signer, name: str
) -> None:
    """Every member is signed anew after the change: the tree, the digest and the hashes hold."""
    case = case_of(log, withheld={FACTS: "why"}, replay=list(log.leaves()), verifier=b"#\n")
    data = render_case(case, signer=signer)
    assert check_case(repacked(data, {}, signer))["verified"]
    content = members_of(data)[name]
    for place in range(0, len(content), max(1, len(content) // 150)):
        if name == "withheld.jsonl" and content[place:].startswith((b"why", b"hy", b"y")):
            continue  # the reason is not in the log
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 7)
        with pytest.raises(CaseError):
            check_case(repacked(data, {name: bytes(changed)}, signer))


def envelope(data: bytes, signer: Signer, **changes: Any) -> bytes:
    """The case with another MANIFEST; its statement is signed where it changes."""
    members = members_of(data)
    manifest = json.loads(members.pop("MANIFEST"))
    statement = json.loads(b64decode(manifest["payload"]))
    for key, value in changes.items():
        if key in manifest:
            manifest[key] = value
        elif key == "signature":
            manifest["signatures"].append(manifest["signatures"][0])
        elif key in statement:
            statement[key] = value
        else:
            statement["predicate"][key] = value
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    manifest["payload"] = b64encode(payload).decode()
    sealed = signer.sign_envelope(manifest["payloadType"], payload)
    manifest["signatures"][0]["sig"] = b64encode(sealed).decode()
    written = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return render_container({**members, "MANIFEST": written})


def test_a_manifest_of_another_kind_is_refused(whole: bytes, signer: Signer) -> None:
    assert check_case(envelope(whole, signer))["verified"]
    for change, complaint in (
        ({"payloadType": "text/plain"}, "not an envelope"),
        ({"signature": 2}, "more or fewer than one signature"),
        ({"predicateType": "x"}, "another format"),
        ({"format": "pratique-case/v2"}, "another format"),
        ({"incident": "inc-other"}, "another incident"),
        ({"subject": []}, "those that MANIFEST names"),
        ({"_type": 1.5}, "no place here"),
    ):
        with pytest.raises(CaseError, match=complaint):
            check_case(envelope(whole, signer, **change))
    members = members_of(whole)
    loose = json.dumps(json.loads(members["MANIFEST"]), indent=1).encode()
    with pytest.raises(CaseError, match="not spelled canonically"):
        check_case(render_container({**members, "MANIFEST": loose}))
    spelled = members["MANIFEST"].replace(b'=="', b'="')
    with pytest.raises(CaseError, match="base64"):
        check_case(render_container({**members, "MANIFEST": spelled}))


def test_a_file_that_lacks_a_part_is_refused(whole: bytes, signer: Signer) -> None:
    for name in ("answer.html", "withheld.jsonl", "verify.py"):
        with pytest.raises(CaseError, match=f"{name} missing"):
            check_case(repacked(whole, {name: None}, signer))
    with pytest.raises(CaseError, match="has no proof"):
        check_case(repacked(whole, {f"proofs/{SEEN}.tlog-proof": None}, signer))


def test_keys_and_checkpoints_have_one_form(whole: bytes, signer: Signer) -> None:
    name, number, key = signer.verifier.render().split("+", 2)
    note = members_of(whole)["checkpoint"]
    text, _, signature = note.partition(b"\n\n")
    of_another = Signer.generate("other.example")
    for changes, complaint in (
        ({"keys/log.vkey": f"{name}+{number}+{key}".encode()}, "not one line"),
        ({"keys/log.vkey": f"{name}+00000000+{key}\n".encode()}, "does not have its key id"),
        ({"keys/log.vkey": f"{name}+{number}+AAAA\n".encode()}, "not an Ed25519"),
        ({"keys/log.vkey": b"\xff\n"}, "not UTF-8"),
        ({"checkpoint": note + signature}, "with one signature"),
        ({"checkpoint": text + b"\nmore\n\n" + signature}, "with one signature"),
        ({"checkpoint": of_another.sign(text.decode() + "\n").encode()}, "by another key"),
        ({"checkpoint": signer.sign("other\n7\nAAAA\n").encode()}, "of another log"),
        ({"checkpoint": signer.sign(f"{name}\n007\nAAAA\n").encode()}, "has no size"),
    ):
        with pytest.raises(CaseError, match=complaint):
            check_case(repacked(whole, changes, signer))


def test_lists_of_entries_have_one_form(whole: bytes, signer: Signer) -> None:
    members = members_of(whole)
    facts = members["facts.jsonl"]
    lines = facts.splitlines(keepends=True)
    first = json.loads(lines[0])

    def spelled(**changes: Any) -> bytes:
        return json.dumps({**first, **changes}, sort_keys=True, separators=(",", ":")).encode()

    proof = members[f"proofs/{SEEN}.tlog-proof"]
    head, path, *tail = proof.split(b"\n", 2)
    rows = tail[0].split(b"\n")
    entry = {"leaf_hash": "0" * 64, "sequence": SEEN, "why": ""}
    again = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    short = json.dumps({**entry, "leaf_hash": "0", "sequence": 1}, sort_keys=True,
                       separators=(",", ":")).encode() + b"\n"  # fmt: skip
    name = f"proofs/{SEEN}.tlog-proof"
    for changes, complaint in (
        ({"facts.jsonl": b"".join(reversed(lines))}, "not in its place"),
        ({"facts.jsonl": facts + lines[-1]}, "not in its place"),
        ({"facts.jsonl": facts[:-1]}, "cut off"),
        ({"facts.jsonl": spelled(extra=1) + b"\n"}, "exactly the keys"),
        ({"facts.jsonl": spelled(sequence="0") + b"\n"}, "without sequence or body"),
        ({"facts.jsonl": spelled(sequence=True) + b"\n"}, "without sequence or body"),
        ({"facts.jsonl": spelled(body={}) + b"\n"}, "body hash"),
        ({"facts.jsonl": spelled(actor="x" * 60_000) + b"\n"}, "too large"),
        ({"facts.jsonl": spelled(sequence=10**9) + b"\n"}, "has no proof"),
        ({"withheld.jsonl": again}, "not in its place"),
        ({"withheld.jsonl": short}, "not a hash"),
        ({"proofs/39.tlog-proof": proof}, "not in the file"),
        ({name: proof.replace(b"index 3", b"index 4")}, "is not one"),
        ({name: b"\n".join([head, path, *rows[1:]])}, "not in the log|too short"),
        ({name: b"\n".join([head, path, rows[0], *rows])}, "not in the log|too long"),
        ({name: b"\n".join([head, path]) + b"\nx" + b"\n" + members["checkpoint"]},
         "cut off|base64"),
    ):  # fmt: skip
        with pytest.raises(CaseError, match=complaint):
            check_case(repacked(whole, changes, signer))


def test_a_proof_for_nowhere_is_refused() -> None:
    for index, size, path in ((5, 5, []), (0, 2, []), (0, 1, [b"x" * 32]), (0, 2, [b"x"])):
        with pytest.raises(CaseError):
            case_verifier._root_of(index, size, b"y" * 32, path)


def test_a_file_too_large_to_be_read_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sparse = tmp_path / "case.xpz"
    with sparse.open("wb") as out:
        out.truncate(case_verifier.MAX_BYTES + 1)
    with pytest.raises(CaseError, match="larger"):
        case_verifier.read_case(sparse)
    monkeypatch.setattr(case_verifier, "MAX_BYTES", 10)
    with pytest.raises(CaseError, match="larger"):
        check_case(b"x" * 11)


@given(st.data())
def test_nothing_may_be_cut_off_or_added(whole: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CaseError):
        check_case(whole[:end])
    with pytest.raises(CaseError):
        check_case(whole + data.draw(st.binary(min_size=1, max_size=30)))
    with pytest.raises(CaseError):
        check_case(data.draw(st.binary(min_size=1, max_size=30)) + whole)


@given(st.binary(max_size=400))
def test_noise_is_refused_without_a_traceback(noise: bytes) -> None:
    with pytest.raises(CaseError):
        check_case(noise)
    with pytest.raises(CaseError):
        check_case(b"PK\x03\x04" + noise)


def zipped(entries: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_odd_containers_are_refused(whole: bytes) -> None:
    members = list(members_of(whole).items())
    for odd in (
        zipped(members),  # the same files, packed by another program
        zipped(members, zipfile.ZIP_DEFLATED),
        zipped([*members, ("answer.json", b"{}")]),
        zipped([*members, ("/etc/passwd", b"x")]),
        zipped([*members, ("../x", b"x")]),
        zipped([*members, ("evidence/../x", b"x")]),
        zipped([("bomb", b"\0" * 50_000_000)], zipfile.ZIP_DEFLATED),
    ):
        with pytest.raises(CaseError):
            check_case(odd)


def test_a_file_that_the_manifest_does_not_name_is_refused(whole: bytes) -> None:
    extra = f"evidence/{sha256(b'x').hexdigest()}"
    with pytest.raises(CaseError, match="those that MANIFEST names"):
        check_case(repacked(whole, {extra: b"x"}, None))
    with pytest.raises(CaseError, match="those that MANIFEST names"):
        check_case(repacked(whole, {"advisory/rev1.json": None}, None))
    with pytest.raises(CaseError, match="does not belong"):
        check_case(zipped([*members_of(whole).items(), ("notes.txt", b"x")]))


def test_another_key_is_refused(whole: bytes) -> None:
    other = Signer.generate("log.example/tests")
    with pytest.raises(CaseError, match="another key"):
        check_case(whole, other.verifier.render())
    with pytest.raises(CaseError, match="signed by another key"):
        check_case(repacked(whole, {}, other))
    mine = {"keys/log.vkey": f"{other.verifier.render()}\n".encode()}
    with pytest.raises(CaseError, match="checkpoint is signed by another key"):
        check_case(repacked(whole, mine, other))


def test_entries_of_another_log_are_refused(
    log: SegmentLog, signer: Signer, whole: bytes, tmp_path: Path
) -> None:
    """Somebody with the right key cannot prove what this log does not hold."""
    other = incident_log(tmp_path / "other", [*MORE, *MORE])
    foreign = members_of(
        render_case(
            case_of(other),
            signer=read_key(tmp_path / "other" / "key", other.origin),
        )
    )
    taken = {n: c for n, c in foreign.items() if n.startswith(("proofs/", "checkpoint"))}
    with pytest.raises(CaseError, match="checkpoint is signed by another key"):
        check_case(repacked(whole, taken, signer))
    lines = members_of(whole)["facts.jsonl"].splitlines()
    entry = json.loads(lines[-1])
    entry["actor"] = "collector:tesT"
    forged = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()
    facts = b"\n".join([*lines[:-1], forged]) + b"\n"
    with pytest.raises(CaseError, match="not in the log"):
        check_case(repacked(whole, {"facts.jsonl": facts}, signer))


def resealed(found: dict[str, Any]) -> bytes:
    bare = json.dumps({**found, "digest": ""}, separators=(",", ":"), ensure_ascii=False).encode()
    return bare.removesuffix(b'""}') + b'"%s"}' % sha256(bare).hexdigest().encode()


def test_an_answer_may_cite_only_what_is_in_the_file(
    log: SegmentLog, signer: Signer, whole: bytes
) -> None:
    lacking = case_of(log)
    entries = [one for one in lacking.entries if one.sequence != FACTS]
    with pytest.raises(CaseError, match=f"rests on entry {FACTS}"):
        check_case(render_case(replace(lacking, entries=entries), signer=signer))
    late = answer(as_known_at=SEEN)
    with pytest.raises(CaseError, match="later than it knew"):
        check_case(render_case(case_of(log, late), signer=signer))
    changed = members_of(whole)["answer.json"].replace(b'"confirmed":1', b'"confirmed":0')
    with pytest.raises(CaseError, match="does not have its own digest"):
        check_case(repacked(whole, {"answer.json": changed}, signer))
    other = json.loads(members_of(whole)["answer.json"])
    other["counts"]["confirmed"] = 0
    with pytest.raises(CaseError, match="of another answer"):
        check_case(repacked(whole, {"answer.json": resealed(other)}, signer))


def test_what_a_look_saw_must_be_there_and_be_what_its_name_says(
    log: SegmentLog, signer: Signer
) -> None:
    case = case_of(log)
    blind = [one for one in case.entries if one.sequence != SEEN - 1]
    with pytest.raises(CaseError, match="what a look saw is not in the file"):
        check_case(render_case(replace(case, entries=blind), signer=signer))


def test_a_record_must_be_the_one_that_was_logged(log: SegmentLog, signer: Signer) -> None:
    with pytest.raises(CaseError, match="not a record"):
        check_case(render_case(case_of(log, records=[RECORD + b" "]), signer=signer))


def test_with_all_entries_nothing_was_left_out(log: SegmentLog, signer: Signer) -> None:
    case = case_of(log, replay=list(log.leaves()))
    assert check_case(render_case(case, signer=signer))["all_entries_present"] is True
    for leaves in (list(log.leaves())[:-1], list(log.leaves())[1:], [*log.leaves(), b"{}"]):
        with pytest.raises(CaseError, match="replay/"):
            check_case(render_case(case_of(log, replay=leaves), signer=signer))


def test_a_stamp_of_something_else_is_refused(log: SegmentLog, signer: Signer) -> None:
    good = Stamp(b"0\x82" + sha256(log.checkpoint().encode()).digest(), b"")
    assert check_case(render_case(case_of(log, stamps=[good]), signer=signer))["time_stamps"] == 1
    with pytest.raises(CaseError, match="something else"):
        check_case(render_case(case_of(log, stamps=[Stamp(b"0\x82", b"")]), signer=signer))


def test_withheld_entries_are_proven_by_their_hash(log: SegmentLog, signer: Signer) -> None:
    data = render_case(case_of(log, withheld={FACTS: "it names another party"}), signer=signer)
    report = check_case(data)
    assert (report["facts"], report["withheld"]) == (6, 1)
    assert b"Globex" not in members_of(data)["facts.jsonl"]
    line = json.loads(members_of(data)["withheld.jsonl"])
    line["leaf_hash"] = "0" * 64
    forged = json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(CaseError, match="not in the log"):
        check_case(repacked(data, {"withheld.jsonl": forged}, signer))


def test_no_case_leaves_that_names_somebody_else(log: SegmentLog, signer: Signer) -> None:
    case = case_of(log, guard=NameGuard(["client:Globex"]), scope=Scope("client", "Hooli"))
    with pytest.raises(InputError, match="globex"):
        render_case(case, signer=signer)
    unsealed = msgspec.structs.replace(answer(), digest="")
    with pytest.raises(InputError, match="digest"):
        render_case(case_of(log, unsealed), signer=signer)


def test_a_forged_case_of_any_shape_ends_in_a_clear_refusal(whole: bytes, signer: Signer) -> None:
    """Somebody signs nonsense with the right key: no traceback, no pass."""
    for name, content in (
        ("answer.json", b"[]"), ("answer.json", b"{}"), ("answer.json", b"1.5"),
        ("answer.json", b"[" * 100_000), ("facts.jsonl", b"{}\n"), ("facts.jsonl", b"x"),
        ("facts.jsonl", b"[1]\n"), ("withheld.jsonl", b"null\n"), ("checkpoint", b""),
        ("checkpoint", b"\n\n\n\n"), ("keys/log.vkey", b"a+b+c\n"), ("keys/log.vkey", b"\xff"),
        ("proofs/3.tlog-proof", b""), ("replay/000000.jsonl", b"1\n"),
    ):  # fmt: skip
        with pytest.raises(CaseError):
            check_case(repacked(whole, {name: content}, signer))


def test_the_stand_alone_verifier_needs_nothing_of_ours(
    whole: bytes, log: SegmentLog, tmp_path: Path
) -> None:
    """Taken out of the case, with only `cryptography` and what that needs to be found."""
    packages = tmp_path / "only"
    packages.mkdir()
    for module in (cryptography, cffi):
        folder = Path(str(module.__file__)).parent
        (packages / folder.name).symlink_to(folder)
    for native in Path(str(cffi.__file__)).parents[1].glob("_cffi_backend*"):
        (packages / native.name).symlink_to(native)
    script, case = tmp_path / "verify.py", tmp_path / "case.xpz"
    script.write_bytes(members_of(whole)["verify.py"])
    case.write_bytes(whole)
    start = (
        "import runpy, sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; "
        f"sys.path.append({str(packages)!r}); sys.argv = sys.argv[1:]; "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", start, "verify.py", *arguments],
            capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip

    good = run(str(case), "--key", log.verifier_key())
    assert (good.returncode, good.stderr) == (0, "")
    assert "every byte holds" in good.stdout
    assert "the key you gave" in good.stdout
    assert json.loads(run(str(case), "--json").stdout)["verified"] is True
    case.write_bytes(whole[:-1])
    assert run(str(case)).returncode == 1
    assert run(str(tmp_path / "none")).returncode == 2
    assert run().returncode == 2


def test_leaves_are_those_that_the_product_itself_reads(whole: bytes) -> None:
    for leaf in members_of(whole)["facts.jsonl"].splitlines():
        parse_entry(leaf)


def test_the_page_stands_by_itself_and_hides_nothing(whole: bytes) -> None:
    page = members_of(whole)["answer.html"].decode()
    for absent in ("<script", "http://", "https://", "src=", "@import", "url("):
        assert absent not in page
    for shown in ("confirmed", "unknown", "build-7", "laptop-bob", "interviews", "aws-access-key"):
        assert shown in page
    hostile = answer(title='<img src=x onerror="alert(1)">', lines=(line("<b>x</b>"),))
    text = render_page(hostile).decode()
    assert "<img" not in text
    assert "<b>x" not in text


def test_a_content_told_twice_from_different_bases_is_read_either_way(
    tmp_path: Path,
) -> None:
    """Two processes may each tell what they saw from what they knew."""
    log = incident_log(tmp_path / "ledger")
    content = entry_of(log, SEEN - 1)
    again = {**content.body, "base": "0" * 32, "part": 0, "parts": 2, "added": []}
    more = Draft(kind="content", subject=content.subject, actor="collector:test", body=again)
    log.append([more], now=ASKED_AT)
    signer = read_key(tmp_path / "ledger" / "key", log.origin)
    found = answer(as_known_at=SIZE + 1)
    assert check_case(render_case(case_of(log, found), signer=signer))["contents"] == 2


def test_base64_has_one_spelling(whole: bytes) -> None:
    """The last letter before `==` has four bits that decoders ignore."""
    members = members_of(whole)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = members["MANIFEST"].decode()
    place = text.rindex('=="') - 1
    other = letters[letters.index(text[place]) ^ 1]
    changed = f"{text[:place]}{other}{text[place + 1 :]}"
    old, new = (json.loads(one)["signatures"][0]["sig"] for one in (text, changed))
    assert b64decode(old) == b64decode(new)
    with pytest.raises(CaseError, match="canonical base64"):
        check_case(render_container({**members, "MANIFEST": changed.encode()}))


def test_a_content_that_is_not_what_its_name_says_is_found_out(tmp_path: Path) -> None:
    """The log itself holds a lie about what a look saw."""
    log = incident_log(tmp_path / "ledger")
    content, look = entry_of(log, SEEN - 1), entry_of(log, SEEN)
    lie = "f" * 32
    log.append(
        [
            Draft(kind="content", subject=f"content:{lie}", actor="x", body=content.body),
            Draft(kind="look", subject=look.subject, actor="x", body={**look.body, "content": lie}),
        ],
        now=ASKED_AT,
    )
    signer = read_key(tmp_path / "ledger" / "key", log.origin)
    found = answer(as_known_at=SIZE + 2, lines=(line("build-7", sighting(SIZE + 1)),))
    with pytest.raises(CaseError, match="is not what its name says"):
        check_case(render_case(case_of(log, found), signer=signer))


def test_numbers_that_do_not_add_up_are_found_out(log: SegmentLog, signer: Signer) -> None:
    """An unknown asset dropped from the answer, but not from its counts, or the other way."""
    found = answer()
    fewer = msgspec.structs.replace(found.groups[1], count=1, assets=found.groups[1].assets[:1])
    counts = msgspec.structs.replace(found.counts, unknown=0)
    for changes in ({"groups": (found.groups[0], fewer)}, {"counts": counts}):
        data = render_case(case_of(log, answer(**changes)), signer=signer)
        with pytest.raises(CaseError, match="counts other assets"):
            check_case(data)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"log": {"origin": "x", "root": "", "size": 1}}, "another log"),
        ({"completeness": "replay"}, "another completeness"),
        ({"as_known_at": 3}, "another state of the log"),
        ({"incident": "another"}, "another incident"),
    ],
)
def test_the_manifest_says_nothing_that_the_file_does_not(
    whole: bytes, signer: Signer, changes: dict[str, Any], match: str
) -> None:
    found = members_of(whole)
    payload = json.loads(b64decode(json.loads(found.pop("MANIFEST"))["payload"]))
    predicate = {**payload["predicate"], **changes}
    found["MANIFEST"] = render_manifest(found, predicate, signer=signer)
    with pytest.raises(CaseError, match=match):
        check_case(render_container(found))


def test_an_answer_and_its_question_are_one(log: SegmentLog, signer: Signer) -> None:
    data = render_case(case_of(log, query={"incident": "inc-9", "title": "x"}), signer=signer)
    with pytest.raises(CaseError, match=r"query\.json and answer\.json differ in incident"):
        check_case(data)


def test_an_answer_cannot_know_more_than_the_log(log: SegmentLog, signer: Signer) -> None:
    data = render_case(case_of(log, answer(as_known_at=10**6)), signer=signer)
    with pytest.raises(CaseError, match="more entries than the checkpoint has"):
        check_case(data)


def test_a_key_said_twice_is_refused(whole: bytes, signer: Signer) -> None:
    """Programs differ in which one of two they believe."""
    found = members_of(whole)
    payload = json.loads(b64decode(json.loads(found.pop("MANIFEST"))["payload"]))
    twice = found["answer.json"].replace(b'"title":', b'"title":"Nothing happened","title":', 1)
    bare = twice[: twice.rindex(b'"digest":"') + 10] + b'"}'
    digest = sha256(bare).hexdigest()
    found["answer.json"] = bare[:-2] + digest.encode() + b'"}'
    predicate = {**payload["predicate"], "answer_digest": digest}
    found["MANIFEST"] = render_manifest(found, predicate, signer=signer)
    with pytest.raises(CaseError, match="not spelled canonically"):
        check_case(render_container(found))


def test_any_text_has_the_spelling_that_verifiers_expect() -> None:
    """msgspec and the standard library must write every character alike."""
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x30000)]))
    spelled = msgspec.json.encode([text])
    assert case_verifier._json(spelled, "x") == [text]


def test_what_a_case_says_moves_no_cursor(log: SegmentLog, signer: Signer) -> None:
    found = answer(title="x\x1b[2J\r\nevery byte holds \u202e")
    report = check_case(render_case(case_of(log, found), signer=signer))
    shown = case_verifier.render_report(report)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert [one for one in shown.split("\n") if one.startswith("every")] == ["every byte holds"]


def content(base: str, number: int) -> dict[str, Any]:
    """A content that adds one thing to its base, as a leaf has it."""
    return {"base": base, "parts": 1, "part": 0, "removed": [], "added": [{"n": number}]}


def test_contents_cannot_eat_time_or_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of contents, each with all that went before: what is hashed grows with its square."""
    keys: set[str] = set()
    leaves: dict[int, dict[str, Any]] = {}
    base = ""
    for number in range(400):
        keys.add("s" + sha256(b'{"n":%d}' % number).hexdigest()[:23])
        name = sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32]
        body = {**content(base, number), "identities": []}
        leaves[number] = {"kind": "content", "subject": f"content:{name}", "body": body}
        base = name
    assert case_verifier._check_contents(leaves, {}) == 400
    monkeypatch.setattr(case_verifier, "MAX_UNFOLDED", 10_000)
    with pytest.raises(CaseError, match="contents of more than 10,000 things"):
        case_verifier._check_contents(leaves, {})


def test_a_number_of_parts_is_not_believed() -> None:
    body = {**content("", 1), "identities": [], "parts": 10**12}
    leaf = {"kind": "content", "subject": "content:x", "body": body}
    assert case_verifier._check_contents({0: leaf}, {}) == 0


def test_many_withheld_entries_take_time_as_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_verifier, "_check_proof", lambda *_: None)
    count = 30_000
    line_ = '{"leaf_hash":"%s","sequence":%d,"why":""}\n'
    names = dict.fromkeys((f"proofs/{n}.tlog-proof" for n in range(count)), b"")
    lines = "".join(line_ % ("0" * 64, n) for n in range(count))
    started = process_time()
    case_verifier._check_withheld({**names, "withheld.jsonl": lines.encode()}, {}, count, b"")
    assert process_time() - started < 2


def test_the_page_says_first_what_a_hurried_reader_must_not_get_wrong() -> None:
    page = render_page(answer()).decode()
    assert "1 of 44 assets had it, or very likely had it." in page
    assert "Of 2 it cannot be told; these are not cleared." in page
    assert "Credentials that may have been stolen: 2, not known to be replaced: 1." in page
    assert "whether anybody did is not" in page
    assert "an unpinned requirement admits it" in page, "the rule, in words"
    assert "ci-run" not in page, "words of ours"
    counts = Counts()
    nobody = render_page(answer(counts=counts, lines=(), groups=(), reach=Reach())).decode()
    assert "No asset is known: nothing can be told." in nobody
    clean = render_page(answer(counts=Counts(cleared=1, unknown=1), lines=(), groups=())).decode()
    assert "None of 2 assets was seen to have it." in clean
    maybe = render_page(answer(counts=Counts(possible=1), lines=(), groups=())).decode()
    assert "Of none of 1 asset is it shown that it had it." in maybe


def test_nothing_on_the_page_turns_letters_around() -> None:
    found = answer(title="safe \u202eexe.\u200b\x00", lines=(line("a\u2066b"),))
    page = render_page(found).decode()
    assert not set(page) & set("\u202e\u200b\u2066\x00")
    assert "safe \\u202eexe.\\u200b\\x00" in page
