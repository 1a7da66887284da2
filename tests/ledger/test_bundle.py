"""Evidence files: what they prove, and that no byte of them can change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.logs import NOW, ORIGIN, drafts, segment_log
from pratique.ledger.bundle import verify_bundle
from pratique.ledger.entries import Draft
from pratique.ledger.errors import (
    BundleError,
    BundleIncomparableError,
    NoteError,
    ProofError,
)
from pratique.ledger.export import Selection, export_bundle
from pratique.ledger.notes import Signer, open_checkpoint, parse_verifier
from pratique.store.segment_log import SegmentLog


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> SegmentLog:
    log = segment_log(tmp_path_factory.mktemp("bundle") / "ledger")
    log.append(drafts(0, 5), now=NOW)
    log.append(
        [
            Draft(kind="waiver", subject="pypi/litellm", actor="approver:ann", body={"n": n})
            for n in (1, 2)
        ],
        now=NOW.replace(year=2027),
    )
    return log


@pytest.fixture(scope="module")
def old(log: SegmentLog) -> str:
    note = log.checkpoint()
    log.append(drafts(7, 300), now=NOW.replace(year=2028))
    return note


@pytest.fixture(scope="module")
def small(log: SegmentLog, old: str) -> bytes:
    return export_bundle(log, Selection(sequences=frozenset({0, 6})), since=old).data


def test_a_bundle_proves_its_entries(log: SegmentLog, old: str, small: bytes) -> None:
    key = parse_verifier(log.verifier_key())
    verified = verify_bundle(small, verifier=key)
    assert verified.key_was_given
    assert [entry.sequence for entry in verified.entries] == [0, 6]
    assert list(verified.entries) == [next(log.entries(0)), next(log.entries(6))]
    assert verified.checkpoint == open_checkpoint(log.checkpoint(), key)
    assert verified.since == open_checkpoint(old, key)
    assert not verified.complete
    assert not verify_bundle(small).key_was_given


def test_the_file_is_canonical_json_that_people_can_read(log: SegmentLog, small: bytes) -> None:
    decoded = json.loads(small)
    assert rfc8785.dumps(decoded) + b"\n" == small
    assert decoded["format"] == "pratique-bundle/v1"
    assert decoded["entries"][1]["entry"]["kind"] == "waiver"
    assert rfc8785.dumps(decoded["entries"][0]["entry"]) == next(log.leaves())


@pytest.mark.slow
def test_every_flipped_bit_fails(tmp_path: Path) -> None:
    log = segment_log(tmp_path / "ledger")
    log.append(drafts(0, 1), now=NOW)
    since = log.checkpoint()
    log.append(drafts(1, 3), now=NOW)
    tiny = export_bundle(log, Selection(sequences=frozenset({1})), since=since).data
    log.close()
    verify_bundle(tiny)
    for place in range(len(tiny)):
        for bit in range(8):
            flipped = bytearray(tiny)
            flipped[place] ^= 1 << bit
            with pytest.raises(BundleError):
                verify_bundle(bytes(flipped))


@settings(max_examples=200)
@given(st.data())
def test_every_insertion_deletion_and_swap_fails(small: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(small)))
    end = data.draw(st.integers(start, min(len(small), start + 40)))
    middle = data.draw(st.binary(max_size=20) | st.sampled_from([b" ", b"\n", b"=", b"0", b""]))
    changed = small[:start] + middle + small[end:]
    if changed != small:
        with pytest.raises(BundleError):
            verify_bundle(changed)


def reshaped(small: bytes, change: object) -> bytes:
    decoded = json.loads(small)
    assert callable(change)
    change(decoded)
    return rfc8785.dumps(decoded) + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["entries"].reverse(),
        lambda b: b["entries"].append(b["entries"][0]),
        lambda b: b["entries"][0]["proof"].pop(),
        lambda b: b["entries"][0]["proof"].append(b["entries"][0]["proof"][0]),
        lambda b: b["entries"][0].update(proof=b["entries"][1]["proof"]),
        lambda b: b["entries"][0]["entry"].update(sequence=1),
        lambda b: b["entries"][0].update(note="x"),
        lambda b: b.update(note="x"),
        lambda b: b.update(format="pratique-bundle/v2"),
        lambda b: b.update(checkpoint=b["since"]["checkpoint"]),
        lambda b: b["since"].update(checkpoint=b["checkpoint"]),
        lambda b: b["since"]["proof"].pop(),
        lambda b: b.update(checkpoint=b["checkpoint"] + b["checkpoint"].splitlines()[-1] + "\n"),
        lambda b: b.update(checkpoint=b["checkpoint"].replace("\n\n", "\nextension\n\n")),
    ],
)
def test_well_formed_lies_fail_too(small: bytes, change: object) -> None:
    with pytest.raises(BundleError):
        verify_bundle(reshaped(small, change))


def test_entries_may_be_left_out_but_that_is_said(small: bytes) -> None:
    fewer = verify_bundle(reshaped(small, lambda b: b["entries"].pop()))
    assert [entry.sequence for entry in fewer.entries] == [0]
    assert not fewer.complete
    assert verify_bundle(reshaped(small, lambda b: b.update(since=None))).since is None


def test_a_whole_log_is_known_to_be_whole(log: SegmentLog, old: str) -> None:
    exported = export_bundle(log, Selection())
    verified = verify_bundle(exported.data)
    assert verified.complete
    assert len(verified.entries) == exported.entries == exported.size == log.size()


def test_another_key_is_refused(small: bytes) -> None:
    with pytest.raises(BundleError, match="another key"):
        verify_bundle(small, verifier=Signer.generate(ORIGIN).verifier)


def test_the_readers_own_checkpoint_decides(
    log: SegmentLog, old: str, small: bytes, tmp_path: Path
) -> None:
    same = verify_bundle(small, known=log.checkpoint()).compared_with
    assert same is not None
    assert same.size == log.size()
    earlier = verify_bundle(small, known=old).compared_with
    assert earlier is not None
    assert earlier.size == 7

    # A fork: the same key signs another history of the same length.
    for name in ("key", "verifier-key"):
        (tmp_path / "fork").mkdir(exist_ok=True)
        (tmp_path / "fork" / name).write_bytes((log._folder / name).read_bytes())
        (tmp_path / "fork" / name).chmod(0o600)
    fork = segment_log(tmp_path / "fork")
    fork.append(drafts(1000, 1004), now=NOW)
    with pytest.raises(BundleIncomparableError, match="no proof that joins"):
        verify_bundle(small, known=fork.checkpoint())
    fork.append(drafts(1004, 1007), now=NOW)
    with pytest.raises(BundleError, match="two histories"):
        verify_bundle(small, known=fork.checkpoint())
    stranger = segment_log(tmp_path / "stranger")
    with pytest.raises(BundleError, match="not signed by the key"):
        verify_bundle(small, known=stranger.checkpoint())
    for other in (fork, stranger):
        other.close()


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(kinds=frozenset({"waiver"})), [5, 6]),
        (Selection(subjects=frozenset({"pypi/litellm"})), [5, 6]),
        (Selection(subjects=frozenset({"pypi/*"})), [5, 6]),
        (Selection(subjects=frozenset({"pypi/lite"})), []),
        (Selection(sequences=frozenset({1, 5}), kinds=frozenset({"waiver"})), [5]),
        (Selection(end=NOW), []),
        (Selection(start=NOW, end=NOW.replace(year=2027)), [0, 1, 2, 3, 4]),
        (Selection(start=NOW.replace(year=2027), end=NOW.replace(year=2028)), [5, 6]),
    ],
)
def test_selections(log: SegmentLog, old: str, selection: Selection, expected: list[int]) -> None:
    verified = verify_bundle(export_bundle(log, selection).data)
    assert [entry.sequence for entry in verified.entries] == expected


def test_what_cannot_be_proved_is_not_exported(log: SegmentLog, old: str, tmp_path: Path) -> None:
    with pytest.raises(ProofError, match="no entry 300"):
        export_bundle(log, Selection(sequences=frozenset({300})))
    other = segment_log(tmp_path / "other")
    with pytest.raises(NoteError):
        export_bundle(log, Selection(), since=other.checkpoint())
    other.close()
    signer = Signer.parse((log._folder / "key").read_text().strip())
    checkpoint = open_checkpoint(old, signer.verifier)
    for wrong in (replace(checkpoint, root=b"x" * 32), replace(checkpoint, size=9000)):
        with pytest.raises(ProofError):
            export_bundle(log, Selection(), since=signer.sign(wrong.render()))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_arbitrary_bytes_are_no_bundle(data: bytes) -> None:
    with pytest.raises(BundleError):
        verify_bundle(data)
