"""Credential files of a tree as looks: bounded, link-safe, and without any value anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pratique.edge.sweep.careful import UnreadableError
from pratique.edge.sweep.context import SweepContext, SweepLimits
from pratique.edge.sweep.secrets import READERS
from pratique.inventory.observed.entries import look_drafts
from pratique.inventory.observed.model import AssetKind, Look, PlaceKind

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CANARY = "c4n4ry-7Zq9XwLr2Kp5Vt8Bn3Ms6Hd1Fg"
(READER,) = READERS


class NoEvidence:
    """A place for evidence into which nothing may be put."""

    def keep(self, content: bytes, *, media_type: str, locator: str) -> object:
        raise AssertionError("bytes of a credential file were kept")


def looks(root: Path, **options: object) -> Iterator[Look]:
    context = SweepContext(
        asset="build-7", asset_kind=AssetKind.HOST, machine="m", now=lambda: NOW,
        fingerprint_key=b"k" * 32, evidence=NoEvidence(), **options,  # type: ignore[arg-type] # tests pass limits only
    )  # fmt: skip
    for path in sorted(root.rglob("*")):
        if not path.is_symlink() and READER.claims(path, is_dir=path.is_dir()):
            yield from READER.read(path, context)


def put(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    root = tmp_path / "home" / "alice"
    put(root, ".ssh/id_ed25519", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n")
    put(root, ".ssh/known_hosts", "host.example ssh-ed25519 AAAA")
    put(root, ".aws/credentials", f"[prod]\naws_secret_access_key = {CANARY}\n")
    put(root, ".bash_history", f"export TOKEN={CANARY}\n")
    put(root, "app/.env", f"OPENAI_API_KEY={CANARY}\n")
    put(root, "app/notes.txt", CANARY)
    return root


def test_every_credential_file_is_one_look_without_values(home: Path) -> None:
    found = list(looks(home))
    assert [Path(look.locator).name for look in found] == [
        "credentials", ".bash_history", "id_ed25519", ".env",
    ]  # fmt: skip
    assert {look.place_kind for look in found} == {PlaceKind.SECRETS}
    assert all(look.whole and not look.sightings and not look.evidence for look in found)
    prints = {one.fingerprint for look in found for one in look.identities if one.kind != "ssh-key"}
    assert len(prints - {""}) == 1, "one secret at two places"
    for look in found:
        drafts = look_drafts(look, base=None, is_recorded=lambda _id: False)
        for shown in (repr(look), repr(drafts), msgspec.json.encode(look).decode()):
            assert CANARY[:12] not in shown
            assert CANARY[-12:] not in shown


def test_a_file_that_may_not_be_read_is_a_gap_and_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise UnreadableError("may not be read by this user")

    monkeypatch.setattr("pratique.edge.sweep.secrets.read_whole", refuse)
    look = next(iter(looks(home)))
    assert not look.whole
    assert look.gaps
    assert [one.kind for one in look.identities] == ["aws-credentials"]


def test_a_file_that_is_too_long_is_a_gap_and_counts(home: Path) -> None:
    put(home, ".netrc", "machine a login b password c\n" * 100)
    found = {Path(one.locator).name: one for one in looks(home, limits=SweepLimits(file_bytes=99))}
    assert not found[".netrc"].whole
    assert "larger than 99 bytes" in found[".netrc"].gaps[0].why
    assert [one.kind for one in found[".netrc"].identities] == ["netrc-login"]
    assert found["credentials"].whole


def test_pipes_and_links_are_not_read(home: Path) -> None:
    os.mkfifo(home / ".pgpass")
    (home / ".vault-token").symlink_to(home / "app" / "notes.txt")
    context = SweepContext(asset="a", asset_kind=AssetKind.HOST, machine="", now=lambda: NOW)
    for name in (".pgpass", ".vault-token"):
        (look,) = READER.read(home / name, context)
        assert look.gaps
        assert CANARY not in repr(look)
    assert list(READER.read(home / ".netrc", context)) == [], "gone in the meantime"


def test_an_empty_history_is_nothing(tmp_path: Path) -> None:
    put(tmp_path, ".zsh_history", "")
    put(tmp_path, ".npmrc", "save=true\n")
    assert list(looks(tmp_path)) == []
