"""RECORD of a wheel: compared, never believed."""

from __future__ import annotations

import base64
import hashlib

import pytest

from kit.archive_oracle import read_whole
from kit.zips import zip_of
from pratique.vet.archives.model import ArchiveKind, Reading

CODE = b"x = 1\n"
NAME = "x-1-py3-none-any.whl"
RECORD = b"x-1.dist-info/RECORD"


def row(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def wheel(files: dict[str, bytes], record: str | bytes | None) -> Reading:
    members = [(path.encode(), data) for path, data in files.items()]
    if record is not None:
        members.append((RECORD, record.encode() if isinstance(record, str) else record))
    reading = read_whole(zip_of(members), NAME)[1]
    assert reading.kind is ArchiveKind.WHEEL
    assert reading.whole, "RECORD never makes a reading incomplete"
    return reading


def told(reading: Reading) -> list[tuple[str, str]]:
    return [(p.code, p.path) for p in reading.problems]


SELF = f"{RECORD.decode()},,\n"


def test_an_honest_record_is_no_problem() -> None:
    files = {"x/a.py": CODE, "x/b, c.py": b"", "x-1.dist-info/RECORD.jws": b"{}"}
    record = row("x/a.py", CODE) + row('"x/b, c.py"', b"") + SELF
    assert told(wheel(files, record)) == []


def test_rows_without_hash_and_other_hashes_are_let_be() -> None:
    assert told(wheel({"x/a.py": CODE}, f"x/a.py,,\n{SELF}")) == []
    assert told(wheel({"x/a.py": CODE}, f"x/a.py,sha512=abc,{len(CODE)}\n{SELF}")) == []


def test_a_hash_in_hexadecimal_is_no_contradiction() -> None:
    digest = hashlib.sha256(CODE).hexdigest()
    assert told(wheel({"x/a.py": CODE}, f"x/a.py,sha256={digest},{len(CODE)}\n{SELF}")) == []


@pytest.mark.parametrize(
    ("files", "record", "expected"),
    [
        ({"x/a.py": CODE, "evil.pth": CODE}, row("x/a.py", CODE), ("record-unlisted", "evil.pth")),
        ({"x/a.py": CODE}, row("x/a.py", CODE) + "x/gone.py,,\n", ("record-absent", "x/gone.py")),
        ({"x/a.py": CODE}, row("x/a.py", b"other!"), ("record-differs", "x/a.py")),
        ({"x/a.py": CODE}, "x/a.py,,999\n", ("record-differs", "x/a.py")),
        ({}, "only,two\n", ("record-unreadable", "")),
        ({}, b"\xff\xfe", ("record-unreadable", "")),
        ({}, '"never closed', ("record-unreadable", "")),
        ({}, "a" * 200_000, ("record-unreadable", "")),
    ],
)
def test_contradictions_are_told(
    files: dict[str, bytes], record: str | bytes, expected: tuple[str, str]
) -> None:
    whole = record if isinstance(record, bytes) else record + SELF
    assert told(wheel(files, whole)) == [expected]


def test_a_wheel_without_record_is_told() -> None:
    assert told(wheel({"x/a.py": CODE}, None)) == [("record-missing", "")]


def test_only_wheels_have_one() -> None:
    assert read_whole(zip_of([(b"x/a.py", CODE)]), "x-1.zip")[1].problems == ()
