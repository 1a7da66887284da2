"""What is this very machine, and what only begins like it."""

from __future__ import annotations

import pytest

from pratique.vet.analyses.this_machine import is_this_machine


@pytest.mark.parametrize(
    "address",
    [
        "localhost", "LOCALHOST:80", "127.0.0.1", "127.8.9.1:9", "0.0.0.0", "::1", "[::1]:80",
        "http://localhost/x", "http://127.0.0.1:8080?q", "https://user@localhost/", "http://[::1]/",
    ],
)  # fmt: skip
def test_this_machine(address: str) -> None:
    assert is_this_machine(address)


@pytest.mark.parametrize(
    "address",
    [
        "", "localhost.collector.example", "localhosts", "127.0.0.1.collector.example",
        "127.collector.example",
        "http://localhost@collector.example/", "http://127.0.0.1:80@collector.example", "http://localhost\u2026/",
        "//collector.example#localhost", "10.0.0.1", "http://collector.example/?http://localhost/",
        "http://collector.example\\@localhost",
    ],
)  # fmt: skip
def test_not_this_machine(address: str) -> None:
    assert not is_this_machine(address)
