"""The fixtures themselves: what they make is what real clients accept."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kit.clients import client_named
from kit.distributions import make_sdist, make_wheel
from kit.upstream import FakeUpstream, gate, reset, status, wrong_length

MARCH = datetime(2026, 3, 24, tzinfo=UTC)


def _get(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.status, response.read(), dict(response.headers)


def test_pages_and_files_in_both_languages() -> None:
    with FakeUpstream() as upstream:
        filename, wheel = make_wheel("demo", "1.0")
        upstream.add_file("demo", filename, wheel, upload_time=MARCH, core_metadata=True)
        _, body, headers = _get(
            upstream.url + "demo/", Accept="application/vnd.pypi.simple.v1+json"
        )
        assert b'"upload-time": "2026-03-24T00:00:00.000000Z"' in body
        _, page, _ = _get(upstream.url + "demo/", Accept="text/html")
        assert b"data-core-metadata" in page
        with pytest.raises(urllib.error.HTTPError) as unchanged:
            _get(
                upstream.url + "demo/",
                **{
                    "If-None-Match": headers["ETag"],
                    "Accept": "application/vnd.pypi.simple.v1+json",
                },
            )
        assert unchanged.value.code == 304
        unchanged.value.close()
        url = upstream.file_url("demo", filename)
        assert _get(url)[1] == wheel
        assert _get(url, Range="bytes=-4")[:2] == (206, wheel[-4:])
        assert b"Name: demo" in _get(url + ".metadata")[1]
        assert upstream.count("/packages/*") == 3


def test_down_refuses_and_up_comes_back_on_the_same_port() -> None:
    with FakeUpstream() as upstream:
        upstream.add_project("demo")
        upstream.down()
        with pytest.raises(urllib.error.URLError):
            _get(upstream.url + "demo/")
        upstream.up()
        assert _get(upstream.url + "demo/")[0] == 200


def test_faults_are_used_up_and_gates_open() -> None:
    with FakeUpstream() as upstream:
        upstream.add_file("demo", "demo-1.0.tar.gz", b"x" * 100)
        url = upstream.file_url("demo", "demo-1.0.tar.gz")
        upstream.fault("/packages/*", status(503), times=1)
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(url)
        refused.value.close()
        upstream.fault("/packages/*", reset(after=10), times=1)
        with pytest.raises(ConnectionResetError):
            _get(url)
        upstream.fault("/packages/*", wrong_length(-40), times=1)
        assert len(_get(url)[1]) == 60
        opened = threading.Event()
        upstream.fault("/packages/*", gate(opened, after=50), times=1)
        threading.Timer(0.05, opened.set).start()
        assert len(_get(url)[1]) == 100


def test_same_arguments_give_the_same_bytes() -> None:
    assert make_wheel("demo", "1.0") == make_wheel("demo", "1.0")
    assert make_sdist("demo", "1.0") == make_sdist("demo", "1.0")


@pytest.mark.clients
@pytest.mark.parametrize("make", [make_wheel, make_sdist], ids=["wheel", "sdist"])
@pytest.mark.parametrize("client", ["pip-23", "pip-current", "uv", "poetry"])
def test_real_clients_install_them(client: str, make: Any, tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        upstream.add_file("demo", *make("demo", "1.0", requires=["helper>=2"]), upload_time=MARCH)
        upstream.add_file("helper", *make("helper", "2.1"), upload_time=MARCH)
        result = client_named(client).install("demo", index_url=upstream.url, where=tmp_path)
        assert result.installed == {"demo": "1.0", "helper": "2.1"}, str(result)
