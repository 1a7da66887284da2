"""An audit pack holds, tells one side only, and every change of it is found."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isal import igzip

from kit.audits import GOSSIP, OTHERS, PAPER, AuditLog, instant
from kit.custody_samples import lease_id
from kit.logs import ORIGIN
from pratique.ledger.errors import BundleError
from pratique.ledger.notes import Checkpoint, Signer
from pratique.ledger.stretches import STRETCH
from pratique.parties.audit import pack as packing
from pratique.parties.audit.choose import Head
from pratique.parties.audit.container import MANIFEST, is_pack, pack_writer, read_members
from pratique.parties.audit.names import PackGuard
from pratique.parties.audit.pack import Material, common_texts, write_pack
from pratique.parties.audit.verify import VerifiedPack, verify_pack


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    return AuditLog(tmp_path_factory.mktemp("audit") / "ledger")


@pytest.fixture(scope="module")
def pack(told: AuditLog) -> bytes:
    return told.pack("acme")[0]


def check(data: bytes, told: AuditLog | None = None) -> VerifiedPack:
    return verify_pack(memoryview(data), verifier=told.signer.verifier if told else None)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def clear(data: bytes) -> str:
    """Everything that a reader could see."""
    parts = []
    for name, content in members(data).items():
        parts.append(name)
        parts.append(
            (igzip.decompress(content) if name.endswith(".gz") else content).decode(
                "utf-8", "replace"
            )
        )
    return "\n".join(parts).lower()


def test_a_pack_holds_and_says_what_the_log_says(told: AuditLog, pack: bytes) -> None:
    shown = check(pack, told)
    audit = shown.audit
    assert is_pack(pack[:64])
    assert shown.documents_compared
    assert audit.told.party is not None
    assert audit.told.party.name == "acme"
    assert [one.id for one in audit.told.contracts] == ["acme-msa"]
    assert [one.name for one in audit.told.projects] == ["coding"]
    assert [one.p99_ms for one in audit.told.drills] == [480]
    assert [one.id for one in audit.told.suspensions] == ["S-ABCDEFGH2345"]
    [lease] = audit.leases
    assert (lease.lease, lease.reads, lease.refused) == (str(lease_id(1)), 20, 3)
    assert (lease.objects, lease.segments, lease.bytes) == (7, 43, 43 * 65_536)
    [finding] = audit.told.findings
    assert (finding.state, len(finding.history)) == ("closed", 2)
    assert audit.totals.withheld == 1, "the read whose agent names another client"
    assert shown.entries == sum(audit.kinds.values())


@pytest.mark.parametrize("name", ["acme", "lab", "interviewees"])
def test_nothing_in_a_pack_names_anybody_else(told: AuditLog, name: str) -> None:
    data, packed = told.pack(name)
    check(data, told)
    seen = clear(data)
    for other in OTHERS:
        assert other not in seen, other
    assert packed.audit.totals.withheld == 1
    # The same words are found where they belong, so that the search itself is known to work.
    theirs = clear(told.pack("hooli")[0])
    assert "hooli-chats" in theirs
    assert "code-tasks" not in theirs


def test_evidence_goes_along_unless_it_names_others(pack: bytes) -> None:
    inside = members(pack)
    evidence = {name: data for name, data in inside.items() if name.startswith("evidence/")}
    assert list(evidence.values()) == [PAPER]
    assert GOSSIP not in pack
    assert b"Pieces of evidence of which only the hash is here: 1" in inside["README.md"]
    assert b"it is not signed" in inside["audit.html"], "faults are shown"


def test_a_client_sees_its_data_read_and_a_group_its_own(told: AuditLog) -> None:
    for name in ("lab", "interviewees"):
        audit = told.pack(name)[1].audit
        assert [one.lease for one in audit.leases] == [str(lease_id(1))], name
        assert audit.totals.bytes == 43 * 65_536
    lab = told.pack("lab")[1].audit
    assert [one.id for one in lab.told.clocks] == ["S-ABCDEFGH2345/lab/notify"]
    assert [one.scope for one in lab.told.drills] == ["vendor:acme"]
    assert not lab.told.findings, "findings about a vendor are the vendor's"


def test_a_span_keeps_the_register_and_cuts_the_history(told: AuditLog) -> None:
    data, packed = told.pack("acme", start=instant(28), end=instant(31))
    check(data, told)
    audit = packed.audit
    assert audit.told.party is not None
    assert [one.lease for one in audit.leases] == [str(lease_id(1))], "it reaches into the span"
    assert audit.kinds["reads"] == 3
    assert not audit.told.suspensions, "not known yet by then"
    assert audit.start == instant(28)


def test_two_packs_of_one_state_are_the_same_bytes(told: AuditLog, pack: bytes) -> None:
    assert told.pack("acme")[0] == pack


# ── every change is found ────────────────────────────────────────────────────────────────────


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_is_found(pack: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(pack) - 1))
    spoilt = bytearray(pack)
    spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BundleError):
        check(bytes(spoilt))


def test_a_bit_of_every_region_is_found(pack: bytes) -> None:
    """Heads, names, contents, the directory and its end: the first and last bytes of each."""
    places = {0, 4, 14, 18, 26, 30, len(pack) - 1, len(pack) - 22}
    for name, content in members(pack).items():
        start = pack.index(content) if content else pack.index(name.encode())
        places.update({start, start + max(len(content), 1) - 1, pack.index(name.encode())})
        places.add(pack.rindex(name.encode()))
    for place in sorted(places):
        spoilt = bytearray(pack)
        spoilt[place] ^= 1
        with pytest.raises(BundleError):
            check(bytes(spoilt))


@pytest.mark.parametrize("cut", [1, 22, 1000, -1])
def test_what_is_cut_off_or_added_is_found(pack: bytes, cut: int) -> None:
    with pytest.raises(BundleError):
        check(pack[:-cut] if cut > 0 else pack + b"\x00")


def rewritten(pack: bytes, change: Callable[[dict[str, bytes]], None], signer: Signer) -> bytes:
    """A pack changed by whoever holds the signing key: the manifest fits again."""
    inside = {name: bytes(data) for name, data in read_members(memoryview(pack))}
    inside.pop(MANIFEST)
    change(inside)
    out = BytesIO()
    writer = pack_writer(out)
    for name, data in inside.items():
        writer.add(name, data)
    audit = msgspec.json.decode(inside["audit.json"], type=packing.Audit)
    writer.add(MANIFEST, packing._manifest(writer, audit, signer))
    writer.finish()
    return out.getvalue()


def lines_of(inside: dict[str, bytes]) -> list[bytes]:
    return igzip.decompress(inside["entries/000000.jsonl.gz"]).split(b"\n")[:-1]


def put_lines(inside: dict[str, bytes], lines: list[bytes]) -> None:
    packed = igzip.compress(b"".join(one + b"\n" for one in lines), compresslevel=1, mtime=0)
    inside["entries/000000.jsonl.gz"] = packed


def drop_an_entry(inside: dict[str, bytes]) -> None:
    put_lines(inside, lines_of(inside)[:-1])


def change_an_entry(inside: dict[str, bytes]) -> None:
    put_lines(inside, [one.replace(b"poisoned", b"harmless") for one in lines_of(inside)])


def swap_entries(inside: dict[str, bytes]) -> None:
    one, two, *rest = lines_of(inside)
    put_lines(inside, [two, one, *rest])


def kinder_page(inside: dict[str, bytes]) -> None:
    inside["audit.html"] = inside["audit.html"].replace(b"Suspended", b"Celebrated")


def kinder_audit(inside: dict[str, bytes]) -> None:
    said = msgspec.json.decode(inside["audit.json"], type=packing.Audit)
    kinder = msgspec.structs.replace(
        said, told=msgspec.structs.replace(said.told, suspensions=(), findings=())
    )
    inside.update(packing.documents(kinder))


def less_counted(inside: dict[str, bytes]) -> None:
    said = msgspec.json.decode(inside["audit.json"], type=packing.Audit)
    totals = msgspec.structs.replace(said.totals, withheld=0)
    inside.update(packing.documents(msgspec.structs.replace(said, totals=totals)))


def kinder_oscal(inside: dict[str, bytes]) -> None:
    name = "oscal-assessment-results.json"
    inside[name] = inside[name].replace(b'"open"', b'"closed"').replace(b"fail", b"pass") + b"\n"


def other_evidence(inside: dict[str, bytes]) -> None:
    [name] = [one for one in inside if one.startswith("evidence/")]
    inside[name] = PAPER.replace(b"yes", b"no")


def no_evidence(inside: dict[str, bytes]) -> None:
    [name] = [one for one in inside if one.startswith("evidence/")]
    del inside[name]


def another_file(inside: dict[str, bytes]) -> None:
    inside["install.sh"] = b"true\n"


def no_readme(inside: dict[str, bytes]) -> None:
    del inside["README.md"]


def unsaid_withheld(inside: dict[str, bytes]) -> None:
    inside["withheld.jsonl"] = b""


def longer_proof(inside: dict[str, bytes]) -> None:
    inside["entries/000000.hashes"] += bytes(32)


def two_signatures(inside: dict[str, bytes]) -> None:
    inside["checkpoint"] += inside["checkpoint"].splitlines(keepends=True)[-1]


def endless_sequence(inside: dict[str, bytes]) -> None:
    put_lines(inside, [b'{"actor":"a","sequence":' + b"1" * 5000 + b',"subject":"s"}'])


def withheld_before_the_first(inside: dict[str, bytes]) -> None:
    inside["withheld.jsonl"] = b'{"leaf_hash":"' + b"0" * 64 + b'","sequence":-70000}\n'


def withheld_hash_of_no_entry(inside: dict[str, bytes]) -> None:
    inside["withheld.jsonl"] = b'{"leaf_hash":"","sequence":0}\n'


CHANGES = [
    endless_sequence, withheld_before_the_first, withheld_hash_of_no_entry,
    drop_an_entry, change_an_entry, swap_entries, kinder_page, kinder_audit, less_counted, kinder_oscal,
    other_evidence, no_evidence, another_file, no_readme, unsaid_withheld, longer_proof, two_signatures,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_not_even_who_signs_can_change_it(
    told: AuditLog, pack: bytes, change: Callable[[dict[str, bytes]], None]
) -> None:
    check(rewritten(pack, lambda _: None, told.signer))
    with pytest.raises(BundleError):
        check(rewritten(pack, change, told.signer))


def test_a_pack_cannot_make_its_reader_work_for_ever(told: AuditLog, pack: bytes) -> None:
    """Who makes one signs it with any key, and the reader does not know yet that it is a stranger's."""

    def more_lines(inside: dict[str, bytes]) -> None:
        put_lines(inside, [b""] * (STRETCH + 1))

    def boundless_log(inside: dict[str, bytes]) -> None:
        tree = Checkpoint(origin=ORIGIN, size=1 << 52, root=bytes(32))
        said = msgspec.json.decode(inside["audit.json"], type=packing.Audit)
        said = msgspec.structs.replace(said, size=tree.size, root=tree.root.hex())
        for name in [name for name in inside if name.startswith("entries/")]:
            del inside[name]
        inside.update(packing.documents(said))
        inside["checkpoint"] = told.signer.sign(tree.render()).encode()
        inside["withheld.jsonl"] = b""

    began = time.process_time()
    for change, words in ((more_lines, "more entries"), (boundless_log, "too few hashes")):
        with pytest.raises(BundleError, match=words):
            check(rewritten(pack, change, told.signer))
    assert time.process_time() - began < 2


def rename_who_said_it(inside: dict[str, bytes]) -> None:
    """No summary tells of it: the root of the log alone gives it away."""
    lines = lines_of(inside)
    said = json.loads(lines[0])["actor"]
    old, new = (json.dumps(one).encode() for one in (said, said[:-1] + "x"))
    put_lines(inside, [lines[0].replace(old, new, 1), *lines[1:]])


def test_what_no_summary_tells_of_cannot_be_changed_either(told: AuditLog, pack: bytes) -> None:
    with pytest.raises(BundleError, match="not those of the log with this root"):
        check(rewritten(pack, rename_who_said_it, told.signer))


@pytest.mark.parametrize("name", ["README.md", "checkpoint", "audit.html"])
def test_a_file_under_the_manifest_of_another_is_found(pack: bytes, name: str) -> None:
    """The container is sound, and nobody signed the change."""
    inside = {one: bytes(data) for one, data in read_members(memoryview(pack))}
    out = BytesIO()
    writer = pack_writer(out)
    for one, data in inside.items():
        writer.add(one, data + b"\n" if one == name else data)
    writer.finish()
    with pytest.raises(BundleError, match=f"{name} is not what the manifest names"):
        check(out.getvalue())


@pytest.mark.parametrize("place", ["actor", "subject", "body", "key"])
def test_the_guard_looks_at_all_of_an_entry(place: str) -> None:
    guard = PackGuard(["client:globex"], allowed=["acme"])
    said = {"actor": "operator:ann", "subject": "party:acme", "body": "x", "key": "x"}

    def head(**told: str) -> Head:
        body = msgspec.json.encode({"list": [{told["key"]: [told["body"]]}]})
        return Head(
            actor=told["actor"], subject=told["subject"], kind="party", recorded_at="", sequence=1,
            body=msgspec.Raw(body),
        )  # fmt: skip

    assert not guard.entry_names_other(head(**said))
    assert guard.entry_names_other(head(**said | {place: "for Globex"}))


def test_another_key_is_found(told: AuditLog, pack: bytes) -> None:
    other = Signer.generate(ORIGIN)
    with pytest.raises(BundleError, match="another key"):
        verify_pack(memoryview(pack), verifier=other.verifier)
    with pytest.raises(BundleError):
        check(rewritten(pack, lambda _: None, other), told)


def test_a_log_without_the_party_gives_an_empty_pack(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "ledger")
    data, packed = log.pack("vandelay")
    check(data, log)
    assert packed.audit.totals.entries == 1
    assert not packed.audit.leases


def test_json_is_for_programs(pack: bytes) -> None:
    audit = json.loads(members(pack)["audit.json"])
    assert audit["leases"][0]["bytes"] == 43 * 65_536
    assert audit["told"]["evidence"][0]["evidence"]["faults"] == ["it is not signed"]


def test_a_party_that_is_called_like_a_word_of_every_pack_stops_none(told: AuditLog) -> None:
    """Its name gives nobody away; and the names of others are found all the same."""
    register = told.register()
    party = register.parties["acme"]
    for word in ("checked", "printing", "register", "monitored", "reads", "oscal"):
        guard = PackGuard(
            [f"client:{word}", "client:hooli"], allowed=["acme"], common_texts=common_texts()
        )
        out = BytesIO()
        material = Material(
            party=party, checkpoint=told.log.checkpoint(), made_at=instant(200), guard=guard,
            sizes=lambda _: 1 << 20,
        )  # fmt: skip
        packed = write_pack(material, told.leaves, out, signer=told.signer)
        check(out.getvalue(), told)
        assert packed.audit.totals.withheld == 1, "the read whose agent names hooli"
