"""Evidence on disk: content-addressed, private, bounded, never changed."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from pratique.edge.errors import StorageError
from pratique.edge.sweep.evidence import EvidenceStore
from pratique.errors import IntegrityError, ValueFormatError


def test_what_was_put_comes_back_and_twice_is_once(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    digest = store.put(b"lock")
    assert digest == hashlib.sha256(b"lock").hexdigest()
    assert store.put(b"lock") == digest
    assert store.get(digest) == b"lock"
    assert [p.name for p in (tmp_path / "evidence").rglob("*") if p.is_file()] == [digest]


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    digest = store.put(b"x")
    for path in (tmp_path / "evidence", tmp_path / "evidence" / digest[:2]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    place = tmp_path / "evidence" / digest[:2] / digest
    assert stat.S_IMODE(place.stat().st_mode) == 0o400


def test_what_is_absent_is_none_and_what_is_no_digest_is_refused(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    assert store.get("0" * 64) is None
    for wrong in ("../../etc/passwd", "0" * 63, "A" * 64, ""):
        with pytest.raises(ValueFormatError, match="not a digest"):
            store.get(wrong)


def test_changed_evidence_is_never_given(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(b"honest")
    place = tmp_path / digest[:2] / digest
    place.chmod(0o600)
    place.write_bytes(b"forged")
    with pytest.raises(IntegrityError, match="changed on disk"):
        store.get(digest)


def test_the_bounds_hold_and_a_hash_is_given_all_the_same(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "e", blob_bytes=10, cap_bytes=15)
    store.put(b"0123456789")
    with pytest.raises(StorageError, match="15 bytes"):
        store.put(b"abcdefgh")
    with pytest.raises(StorageError, match="10 bytes"):
        store.put(b"x" * 11)
    kept = store.keep(b"x" * 11, media_type="text/plain", locator="big.log")
    assert (kept.sha256, kept.size) == (hashlib.sha256(b"x" * 11).hexdigest(), 11)
    assert store.get(kept.sha256) is None
    assert EvidenceStore(tmp_path / "e", blob_bytes=10, cap_bytes=15).put(b"tiny!")
    with pytest.raises(StorageError):
        EvidenceStore(tmp_path / "e", blob_bytes=10, cap_bytes=15).put(b"z")
