"""A client that leaves in the middle of an answer is in the ledger, and in no log as our error."""

from __future__ import annotations

import logging
import os
import socket
import struct

import pytest

from kit.shop import Shop
from kit.waiting import happens

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a reset."""


@pytest.mark.parametrize("taken", [0, 100_000])
def test_a_client_that_leaves_is_no_error_of_ours(
    shop: Shop, caplog: pytest.LogCaptureFixture, taken: int
) -> None:
    name = shop.publish("large", "1.0", files={"large/noise.bin": os.urandom(24 << 20)})
    path = "/pypi" + shop.upstream.projects["large"].files[name].path
    assert shop.door.ask(path).status == 200
    caplog.clear()
    with caplog.at_level(logging.WARNING), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.connect(("127.0.0.1", shop.door.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: leaver\r\n\r\n".encode())
        got = 0
        while got < taken:
            got += len(client.recv(65_536))
        client.close()
        if taken:
            [entry] = shop.door.entries("delivered", error="client left")
            assert not entry.body["complete"]
        assert happens(lambda: shop.door.ask("/healthz").status == 200)
    assert [record.message for record in caplog.records] == []
