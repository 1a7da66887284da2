"""Logs for tests: drafts, both stores, and the checks that every log must pass at any time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Draft
from pratique.ledger.merkle import EMPTY_ROOT, leaf_hash, node_hash
from pratique.ledger.notes import open_checkpoint, parse_verifier
from pratique.ledger.store import LogStore
from pratique.store.log_asked import AskedLog
from pratique.store.log_disk import Disk
from pratique.store.segment_log import SegmentLog

ORIGIN = "log.example/tests"
NOW = datetime(2026, 3, 24, 10, 39, 0, 123456, tzinfo=UTC)


def draft(number: int, **body: Any) -> Draft:
    return Draft(
        kind="delivery",
        subject=f"sha256:{number:064x}",
        actor="asset:ci-runner",
        body={"number": number, "filename": f"demo-{number}.whl", "status": 200, **body},
    )


def drafts(start: int, end: int) -> list[Draft]:
    return [draft(number) for number in range(start, end)]


def segment_log(folder: Path, disk: Disk | None = None, **options: Any) -> SegmentLog:
    return SegmentLog(folder, origin=ORIGIN, disk=disk, **options)


def asked_log(folder: Path, **options: Any) -> AskedLog:
    return AskedLog(folder, origin=ORIGIN, opening=lambda: segment_log(folder, **options))


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(naive_root(hashes[:k]), naive_root(hashes[k:]))


def check_log(log: LogStore) -> list[int]:
    """No gap, no fork: entries follow each other and lead to the signed root.

    Shape: the numbers in the drafts, in order.
    """
    checkpoint = open_checkpoint(log.checkpoint(), parse_verifier(log.verifier_key()))
    assert checkpoint.origin == log.origin == ORIGIN
    assert checkpoint.size == log.size()
    leaves = list(log.leaves())
    assert len(leaves) == checkpoint.size
    assert naive_root([leaf_hash(leaf) for leaf in leaves]) == checkpoint.root
    entries = [parse_entry(leaf) for leaf in leaves]
    assert [entry.sequence for entry in entries] == list(range(checkpoint.size))
    assert list(log.entries()) == entries
    return [entry.body["number"] for entry in entries]
