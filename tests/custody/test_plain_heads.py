"""Heads that need no parser: read as the parser reads them, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.http_parser import HttpRequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from pratique.custody.plain_heads import parse_plain_head
from pratique.custody.s3_headers import fold_headers

PLAIN = b"GET /dialogs/k%20?partNumber=1 HTTP/1.1\r\nHost: s3.example\r\nX-Amz-Date:  now \r\n\r\n"


class Protocol(asyncio.Protocol):
    """What the parser wants to be able to pause."""

    def pause_reading(self) -> None:
        """Nothing is read here."""


def parsed(data: bytes) -> list[tuple[str, str, dict[str, str]]]:
    loop = asyncio.new_event_loop()
    try:
        parser = HttpRequestParser(
            Protocol(), loop, 2**16, max_line_size=8190, max_field_size=8190, max_headers=128
        )  # type: ignore[call-arg] # the compiled one takes them
        messages, upgraded, rest = parser.feed_data(data)
        assert not upgraded
        assert not rest
        return [(m.method, m.path, fold_headers(m.raw_headers)) for m, _ in messages]
    finally:
        loop.close()


def test_what_clients_send_is_read() -> None:
    head = parse_plain_head(PLAIN)
    assert head is not None
    assert head.method == "GET"
    assert head.target == "/dialogs/k%20?partNumber=1"
    assert head.headers == {"host": "s3.example", "x-amz-date": "now"}
    kept = parse_plain_head(PLAIN[:-2] + b"Connection: Keep-Alive\r\n\r\n")
    assert kept is not None
    assert kept.headers["connection"] == "Keep-Alive"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN[:-1],
        PLAIN + b"G",
        PLAIN + PLAIN,
        PLAIN.replace(b"\r\n", b"\n"),
        PLAIN.replace(b"now", b"n\row"),
        PLAIN.replace(b"now", b"n\now"),
        PLAIN.replace(b"now", b"n\0w"),
        PLAIN.replace(b"now", b"n\tw"),
        PLAIN.replace(b"now", "nöw".encode()),
        PLAIN.replace(b"GET", b"PUT"),
        PLAIN.replace(b"GET", b"get"),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b" HTTP/1.1", b""),
        PLAIN.replace(b"GET ", b"GET  "),
        PLAIN.replace(b"/dialogs", b"dialogs"),
        PLAIN.replace(b"/dialogs", b"http://s3.example/dialogs"),
        PLAIN.replace(b"%20", b"#"),
        PLAIN.replace(b"Host:", b"Host :"),
        PLAIN.replace(b"Host:", b" Host:"),
        PLAIN.replace(b"Host:", b":"),
        PLAIN.replace(b"Host: s3.example\r\n", b""),
        PLAIN.replace(b"X-Amz-Date:", b"host:"),
        PLAIN.replace(b"X-Amz-Date:", b"X-Amz-Date"),
        PLAIN.replace(b"X-Amz-Date:  now", b"X-A: 1\r\n folded"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Content-Length: 0"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Transfer-Encoding: chunked"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Connection: close"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Connection: upgrade"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Upgrade: h2c"),
        PLAIN.replace(b"X-Amz-Date:  now", b"Expect: 100-continue"),
        PLAIN.replace(b"now", b"n" * 8000),
        PLAIN.replace(b"X-Amz-Date:  now", b"\r\n".join(b"x-%d: 1" % n for n in range(120))),
        b"\r\n\r\n",
        b"",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_the_parsers(data: bytes) -> None:
    assert parse_plain_head(data) is None


WORD = st.text(alphabet=[chr(n) for n in range(0x20, 0x7F)], max_size=12)
NAME = st.sampled_from(
    ["Host", "host", "Range", "x-amz-date", "X_Y", "Te", "Connection", "Content-Length", "a b", "a(", ""]
) | WORD  # fmt: skip


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "GE T"]),
    target=st.sampled_from(["/", "/b/k", "//", "/a?b=c&d", "*"]) | WORD.map("/".__add__),
    lines=st.lists(st.tuples(NAME, WORD), max_size=5),
    end=st.sampled_from([b"", b"", b"\r\n", b"x"]),
)
@example(method="GET", target="/", lines=[("Connection", "keep-alive")], end=b"")
@example(method="GET", target="/\\", lines=[("x", "a:b"), ("y", '"')], end=b"")
def test_whatever_is_read_the_parser_reads_alike(
    method: str, target: str, lines: list[tuple[str, str]], end: bytes
) -> None:
    fields = "".join(f"{name}: {value}\r\n" for name, value in [("Host", "h"), *lines])
    data = f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode() + end
    head = parse_plain_head(data)
    if head is not None:
        assert parsed(data) == [(head.method, head.target, head.headers)]
