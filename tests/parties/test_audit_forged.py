"""Packs that whoever holds the signing key makes of what the log does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.audits import AuditLog
from kit.logs import naive_root
from pratique.ledger.errors import BundleError
from pratique.ledger.merkle import leaf_hash
from pratique.ledger.notes import Checkpoint, open_checkpoint
from pratique.parties.audit.gather import Gathering
from pratique.parties.audit.verify import verify_pack


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "ledger")


def made(log: AuditLog) -> memoryview:
    return memoryview(log.pack("acme")[0])


def test_entries_are_not_counted_as_others(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    verify_pack(made(log), verifier=log.signer.verifier)
    count = Gathering._count
    monkeypatch.setattr(
        Gathering, "_count", lambda self, kind: count(self, "look" if kind == "finding" else kind)
    )
    with pytest.raises(BundleError, match="counts other entries than there are"):
        verify_pack(made(log), verifier=log.signer.verifier)


def test_the_key_of_one_log_signs_no_pack_of_another(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = open_checkpoint(log.log.checkpoint(), log.signer.verifier)
    other = Checkpoint(origin="another.example/log", size=tree.size, root=tree.root)
    note = log.signer.sign(other.render())
    monkeypatch.setattr(log.log, "checkpoint", lambda: note)
    with pytest.raises(BundleError, match=r"of the log 'another\.example/log'"):
        verify_pack(made(log), verifier=log.signer.verifier)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"45 days old", b"fresh as ever"), (b'"kind":"finding",', b'"kind": "finding",')],
    ids=["body without its hash", "another spelling"],
)
def test_what_is_no_entry_counts_for_nothing_in_a_signed_tree(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes
) -> None:
    leaves = [one.replace(old, new) for one in log.log.leaves(0, log.log.size())]
    assert leaves != list(log.log.leaves(0, log.log.size()))
    root = naive_root([leaf_hash(one) for one in leaves])
    note = log.signer.sign(Checkpoint(origin=log.log.origin, size=len(leaves), root=root).render())
    monkeypatch.setattr(log, "leaves", lambda start, end: leaves[start:end])
    monkeypatch.setattr(log.log, "checkpoint", lambda: note)
    with pytest.raises(BundleError):
        verify_pack(made(log), verifier=log.signer.verifier)
