"""Time stamps: one of an authority we trust holds, anything else is refused with a reason."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.time_stamps import Authority
from pratique.edge.time_stamps import fetch_stamp
from pratique.errors import InputError, UnavailableError
from pratique.exposure.bundle import stamps
from pratique.exposure.bundle.stamps import StampError, verify_stamp

NOTE = "log.example/tests\n7\nAAAA\n\n— log.example/tests x\n".encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(NOTE)


def test_a_stamp_says_when_and_by_whom(authority: Authority, token: bytes) -> None:
    stamped = verify_stamp(token, authority.root, NOTE)
    assert abs(stamped.at - datetime.now(tz=UTC)) < timedelta(minutes=10)
    assert stamped.authority == "CN=Test authority"


def test_a_stamp_of_something_else_does_not_hold(authority: Authority, token: bytes) -> None:
    with pytest.raises(StampError, match="Mismatch"):
        verify_stamp(token, authority.root, NOTE + b" ")


def test_a_stamp_of_another_authority_does_not_hold(token: bytes, tmp_path: Path) -> None:
    with pytest.raises(StampError, match="does not hold"):
        verify_stamp(token, Authority(tmp_path / "other").root, NOTE)


def test_no_bit_of_the_signed_part_can_change(authority: Authority, token: bytes) -> None:
    """Unsigned wrapping may differ; what is said may not."""
    good = verify_stamp(token, authority.root, NOTE)
    for place in range(0, len(token), 3):
        changed = bytearray(token)
        changed[place] ^= 1
        try:
            assert verify_stamp(bytes(changed), authority.root, NOTE).at == good.at
        except StampError:
            continue


@given(st.binary(max_size=200))
def test_noise_is_no_stamp(noise: bytes) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n"  # read before the token
    with pytest.raises(InputError, match="PEM"):
        verify_stamp(noise, pem, NOTE)


def test_noise_and_too_much_are_refused(authority: Authority) -> None:
    for noise in (b"", b"\x30", b"x" * 100, b"x" * 100_000):
        with pytest.raises(StampError):
            verify_stamp(noise, authority.root, NOTE)
    with pytest.raises(InputError, match="no root"):
        verify_stamp(b"", authority.leaf, NOTE)


def test_a_chain_in_the_wrong_order_gets_an_explanation(
    authority: Authority, token: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_data: bytes) -> None:
        raise ValueError("ASN.1 parsing error: InvalidSetOrdering")

    monkeypatch.setattr(stamps.rfc3161_client, "decode_timestamp_response", refuse)
    with pytest.raises(StampError) as caught:
        verify_stamp(token, authority.root, NOTE)
    assert "openssl ts -verify" in str(caught.value)


@pytest.mark.slow
def test_a_stamp_can_be_fetched(authority: Authority) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            assert NOTE not in query
            status = 200 if self.path == "/tsa" else 500
            reply = authority.answer(query) if status == 200 else b"no"
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        token = fetch_stamp(f"{base}/tsa", NOTE)
        assert verify_stamp(token, authority.root, NOTE).authority == "CN=Test authority"
        with pytest.raises(UnavailableError, match="500"):
            fetch_stamp(f"{base}/broken", NOTE)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    with pytest.raises(UnavailableError, match="no time stamp"):
        fetch_stamp(f"{base}/tsa", NOTE)
    with pytest.raises(InputError, match="not the URL"):
        fetch_stamp("file:///etc/passwd", NOTE)
