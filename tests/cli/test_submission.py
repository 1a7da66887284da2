"""`pratique submission`: what only the client can open."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pratique.custody.envelope import RANDOM_BYTES, encrypt_part, part_aad
from pratique.custody.errors import SealError
from pratique.custody.model import ObjectId
from pratique.custody.sealing import SealedHeader, render_sealed_header, seal_key
from pratique.doors.cli import cli
from pratique.errors import InputError

OBJECT = ObjectId("0123456789abcdef0123456789abcdef")
PLAIN = b"what ann said" * 1000


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["submission", *map(str, words)])


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    made = run("make-key", tmp_path / "key", "--format", "json")
    public = bytes.fromhex(json.loads(made.stdout)["public_key"])
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    key = bytes(range(32))
    header = SealedHeader(
        dataset="intake", object=OBJECT, name="talks/ann.wav", size=len(PLAIN),
        sha256=hashlib.sha256(PLAIN).hexdigest(), media_type="audio/wav",
        key=seal_key(key, public_key=public, dataset="intake", object_id=OBJECT),
    )  # fmt: skip
    part = encrypt_part(
        PLAIN, object_key=key, aad=part_aad(OBJECT, 0, 0), random=bytes(RANDOM_BYTES)
    )
    file = tmp_path / "sealed"
    file.write_bytes(render_sealed_header(header) + part)
    return file


def test_the_client_opens_what_was_submitted(sealed: Path, tmp_path: Path) -> None:
    opened = run("open", sealed, "--key", tmp_path / "key", "--to", tmp_path / "out")
    assert opened.exit_code == 0
    assert "talks/ann.wav of intake" in opened.output
    assert (tmp_path / "out").read_bytes() == PLAIN
    again = run("open", sealed, "--key", tmp_path / "key", "--to", tmp_path / "out")
    assert isinstance(again.exception, InputError)
    assert isinstance(run("make-key", tmp_path / "key").exception, InputError)


def test_what_does_not_hold_leaves_nothing(sealed: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    run("make-key", tmp_path / "other")
    assert isinstance(
        run("open", sealed, "--key", tmp_path / "other", "--to", tmp_path / "out").exception,
        SealError,
    )
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"?")
    broken = run("open", sealed, "--key", tmp_path / "key", "--to", tmp_path / "out")
    assert isinstance(broken.exception, SealError)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "other"}


def test_a_key_file_that_is_none_is_not_quoted(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("PRATIQUE-SEAL-PRIVATE-KEY-1:c2VjcmV0")
    refused = run("open", sealed, "--key", tmp_path / "key", "--to", tmp_path / "out")
    assert isinstance(refused.exception, SealError)
    assert "c2VjcmV0" not in str(refused.exception)
    missing = run("open", sealed, "--key", tmp_path / "nothing", "--to", tmp_path / "out")
    assert isinstance(missing.exception, InputError)
