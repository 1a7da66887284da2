"""docs/reference/s3.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from pratique.custody import aws_chunked, s3_headers, s3_xml_parse, sts
from pratique.custody.checksums import ALGORITHMS
from pratique.custody.operations import Operation
from pratique.custody.requests import BUCKET_SETTINGS, OBJECT_SETTINGS
from pratique.custody.s3_errors import OF_STOP, STATUS
from pratique.custody.sigv4 import Payload

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "s3.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.split(f"# {title}\n")[1].split("\n#")[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_code_has_its_row_and_status() -> None:
    told = {row[0].strip("`"): int(row[1]) for row in rows("All codes")}
    assert told == {code.value: status for code, status in STATUS.items()}


def test_every_stop_has_its_row() -> None:
    told = {
        row[0].strip("`"): (row[1].strip("`"), int(row[2])) for row in rows("When custody refuses")
    }
    assert told == {stop.value: (code.value, int(STATUS[code])) for stop, code in OF_STOP.items()}


def test_every_operation_has_its_row() -> None:
    told = {row[0].strip("`") for row in rows("Operations")}
    assert told == {operation.__name__ for operation in get_args(Operation)}


def test_every_setting_is_told() -> None:
    told = {name for row in rows("Settings") for name in re.findall(r"`([^`]+)`", row[0])}
    assert told == BUCKET_SETTINGS | OBJECT_SETTINGS


def test_payloads_checksums_and_limits_are_told() -> None:
    for payload in Payload:
        assert payload is Payload.EXACT or f"`{payload.value}`" in PAGE
    for name in ALGORITHMS:
        assert f"-{name}`" in PAGE
    limits = section("Limits")
    assert f"{s3_xml_parse.MAX_XML_BYTES >> 20} MiB" in limits
    assert f"{aws_chunked.MAX_CHUNK_BYTES >> 20} MiB" in limits
    assert f"{sts.MAX_FORM_BYTES >> 10} KiB" in limits
    assert f"{s3_headers.METADATA_BYTES:,} bytes" in limits
