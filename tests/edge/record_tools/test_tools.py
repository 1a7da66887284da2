"""The confined tools, with the real Presidio and the real datasketch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pratique.edge.record_tools import tools
from pratique.edge.record_tools.tools import Tool, open_tool, read_file
from pratique.errors import InputError, UnavailableError

TEXT = (
    "Write to jane.doe@mail.com or jane@host.internal, call +1 212 555 0187, card 4111 1111 1111 1111,"
    " IBAN DE89370400440532013000, SSN 536-90-4399, from 10.0.0.1"
)


@pytest.fixture(scope="module")
def pii() -> Iterator[Tool]:
    with open_tool("pii") as tool:
        yield tool


@pytest.mark.slow
def test_data_about_people_is_found_where_it_stands(pii: Tool) -> None:
    [spans] = pii.spans([TEXT], sorts=(), least=0.4)
    found = {(span.sort, TEXT[span.start : span.end]) for span in spans}
    assert {
        ("EMAIL_ADDRESS", "jane.doe@mail.com"),
        ("EMAIL_ADDRESS", "jane@host.internal"),
        ("PHONE_NUMBER", "+1 212 555 0187"),
        ("CREDIT_CARD", "4111 1111 1111 1111"),
        ("IBAN_CODE", "DE89370400440532013000"),
        ("US_SSN", "536-90-4399"),
        ("IP_ADDRESS", "10.0.0.1"),
    } <= found


@pytest.mark.slow
def test_only_what_is_asked_for_is_looked_for(pii: Tool) -> None:
    [spans, nothing] = pii.spans([TEXT, "just words"], sorts=("IBAN_CODE",), least=0.4)
    assert {span.sort for span in spans} == {"IBAN_CODE"}
    assert nothing == ()


@pytest.mark.slow
def test_it_says_what_it_is_and_that_it_finds_no_names(pii: Tool) -> None:
    assert pii.hello.tool.startswith("presidio-analyzer ")
    assert pii.hello.walled
    assert bool(pii.hello.model) is ("PERSON" in pii.hello.sorts)


@pytest.mark.slow
def test_near_duplicates_are_found_and_others_are_not() -> None:
    text = "the quick brown fox jumps over the lazy dog and sleeps for a very long time in the sun"
    with open_tool("duplicates") as tool:
        assert tool.repeats(text, threshold=0.7) == -1
        assert tool.repeats(text.upper(), threshold=0.7) == 0
        assert (
            tool.repeats("something else entirely, of which nothing is above", threshold=0.7) == -1
        )
        assert tool.repeats(text + " again", threshold=0.7) == 0
        assert tool.repeats("", threshold=0.7) == -1


@pytest.mark.slow
def test_a_tool_that_dies_is_told_and_not_waited_for() -> None:
    with open_tool("duplicates") as tool:
        os.kill(tool._process.pid, signal.SIGKILL)
        with pytest.raises(UnavailableError, match="the tool ended"):
            tool.repeats("x", threshold=0.7)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 1 << 20], ids=["fits the pipe", "does not fit"])
def test_a_record_that_takes_too_long_ends_it(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    with open_tool("duplicates") as tool:
        monkeypatch.setattr(tools, "RECORD_SECONDS", 0.3)
        os.kill(tool._process.pid, signal.SIGSTOP)
        with pytest.raises(UnavailableError, match="more than"):
            tool.repeats("x" * size, threshold=0.7)


@pytest.mark.slow
def test_what_it_gave_up_it_cannot_have_again(tmp_path: Path) -> None:
    """The same walls around a program that tries: no network, no programs, no files of others."""
    (tmp_path / "own").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("x")
    program = f"""
import socket, subprocess, sys
from pathlib import Path
from pratique.edge.custody.broker.confinement import confine
assert confine(Path({str(tmp_path / "own")!r})).walled
held = 0
for act in (
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    lambda: subprocess.run(["/bin/true"]),
    lambda: open({str(secret)!r}).read(),
):
    try:
        act()
    except OSError:
        held += 1
print(held)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "4", done.stderr


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(InputError, match="is not installed") as raised, open_tool("pii"):
        pass
    assert "make work" in raised.value.remedy


def test_files_are_bounded_and_missing_ones_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", limit=5) == b"12345"
    with pytest.raises(InputError, match="larger than 4"):
        read_file(tmp_path / "a", limit=4)
    with pytest.raises(InputError, match="cannot read"):
        read_file(tmp_path / "b", limit=4)
