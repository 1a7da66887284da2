"""The documented nginx in front of the door: reasons survive, bytes come from nginx."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.asking import Answer, ask
from kit.environments import unavailable
from kit.nginx import Nginx, running_nginx
from kit.shop import FRESH_UNTIL, OpenShop, Shop

pytestmark = pytest.mark.nginx

SETTINGS = """
[door]
public_url = "https://pratique.example"
x_accel = true
trusted_proxies = ["127.0.0.1"]
anonymous = "everyone"
"""


@pytest.fixture
def behind(open_shop: OpenShop, tmp_path: Path) -> Iterator[tuple[Shop, Nginx]]:
    shop = open_shop(settings=SETTINGS)
    shop.stock_demo()
    with running_nginx(
        door_port=shop.door.port, blobs=shop.door.home / "blobs", folder=tmp_path / "nginx"
    ) as nginx:
        yield shop, nginx


def _ask(nginx: Nginx, path: str, **headers: str) -> Answer:
    trust = ssl.create_default_context(cafile=str(nginx.ca))
    return ask(
        nginx.url, path, headers={k.replace("_", "-"): v for k, v in headers.items()}, trust=trust
    )


def _path(shop: Shop, version: str) -> str:
    return f"/pypi{shop.upstream.projects['demo'].files[f'demo-{version}-py3-none-any.whl'].path}"


def test_the_reason_phrase_survives(behind: tuple[Shop, Nginx]) -> None:
    shop, nginx = behind
    answer = _ask(nginx, _path(shop, "2.0"))
    assert answer.status == 403
    assert f"cool-down until {FRESH_UNTIL}" in answer.reason
    assert "https://pratique.example/b/" in answer.reason
    assert answer.json["detail"] == answer.reason


def test_bytes_of_a_stored_file_come_from_nginx(behind: tuple[Shop, Nginx]) -> None:
    shop, nginx = behind
    path = _path(shop, "1.1")
    content = shop.upstream.projects["demo"].files["demo-1.1-py3-none-any.whl"].content
    first = _ask(nginx, path)
    assert first.body == content
    second = _ask(nginx, path)
    assert second.body == content
    assert second.header("ETag") == first.header("ETag")
    assert second.header("Last-Modified") == ""
    assert second.header("Content-Type") == first.header("Content-Type")
    assert "no-cache" in second.header("Cache-Control")
    assert second.header("X-Accel-Redirect") == ""
    straight = shop.door.ask(path)
    assert straight.body == b"", "the door itself sends none of it"
    assert straight.header("X-Accel-Redirect").startswith("/_pratique_blobs/")
    assert "/_pratique_blobs/" in nginx.access_log.read_text("utf-8")
    ends = shop.door.entries("delivered", at_least=2)
    assert all(e.body["complete"] for e in ends[:2])


def test_ranges_and_validators_through_nginx(behind: tuple[Shop, Nginx]) -> None:
    shop, nginx = behind
    path = _path(shop, "1.1")
    content = _ask(nginx, path).body
    etag = _ask(nginx, path).header("ETag")
    part = _ask(nginx, path, Range="bytes=10-19")
    assert (part.status, part.body) == (206, content[10:20])
    tail = _ask(nginx, path, Range="bytes=-22")
    assert (tail.status, tail.body) == (206, content[-22:])
    same = _ask(nginx, path, Range="bytes=0-9", If_Range=etag)
    assert (same.status, same.body) == (206, content[:10])
    other = _ask(nginx, path, Range="bytes=0-9", If_Range='"other"')
    assert (other.status, other.body) == (200, content)
    assert _ask(nginx, path, If_None_Match=etag).status == 304
    trust = ssl.create_default_context(cafile=str(nginx.ca))
    head = ask(nginx.url, path, method="HEAD", trust=trust)
    assert (head.status, head.header("Content-Length")) == (200, str(len(content)))
    shop.door.settle()
    ends = {e.body["delivery"]: e.body for e in shop.door.entries("delivered", at_least=6)}
    parts = [
        ends[e.body["delivery"]]
        for e in shop.door.entries("delivery")
        if e.body["range"] == "bytes=10-19"
    ]
    assert [(p["bytes"], p["complete"]) for p in parts] == [(10, False)]
    assert _ask(nginx, path, Range="bytes=999999-").status == 416


@pytest.mark.parametrize(
    "spelled",
    [
        "/_pratique_blobs/{blob}",
        "//_pratique_blobs/{blob}",
        "/./_pratique_blobs/{blob}",
        "/pypi/../_pratique_blobs/{blob}",
        "/%5fpratique_blobs/{blob}",
        "/_pratique_blobs/../_pratique_blobs/{blob}",
        "/_pratique_blobs%2f{blob}",
        "/_pratique_blobs/",
        "/_pratique_blobs/sha256/",
    ],
)
def test_the_internal_location_does_not_exist_from_outside(
    behind: tuple[Shop, Nginx], spelled: str
) -> None:
    shop, nginx = behind
    content = _ask(nginx, _path(shop, "1.1")).body
    [blob] = [p for p in (shop.door.home / "blobs" / "sha256").rglob("*") if p.is_file()]
    answer = _ask(nginx, spelled.format(blob=blob.relative_to(shop.door.home / "blobs")))
    assert answer.status == 404
    assert content not in answer.body


def test_a_denied_file_that_is_cached_is_refused_through_nginx_too(
    behind: tuple[Shop, Nginx],
) -> None:
    shop, nginx = behind
    path = _path(shop, "1.1")
    etag = _ask(nginx, path).header("ETag")
    shop.door.set_policy('[[deny]]\nprojects = ["demo"]\nversions = "==1.1"\nreason = "bad"\n')
    for headers in ({}, {"Range": "bytes=0-9"}, {"If_None_Match": etag}):
        answer = _ask(nginx, path, **headers)
        assert answer.status == 403
        assert answer.body[:2] != b"PK"


def test_the_clients_address_is_the_one_nginx_saw(behind: tuple[Shop, Nginx]) -> None:
    shop, nginx = behind
    _ask(nginx, "/pypi/simple/demo/", X_Forwarded_For="198.51.100.7", User_Agent="spoofer/1")
    [entry] = shop.door.entries("page", agent="spoofer/1")
    assert entry.actor == "anonymous:127.0.0.1"


def test_metrics_are_not_shown_outside(behind: tuple[Shop, Nginx]) -> None:
    _, nginx = behind
    assert _ask(nginx, "/metrics").status == 404
    assert _ask(nginx, "/healthz").status == 200


def test_http_2_gives_the_reason_in_the_problem_document(behind: tuple[Shop, Nginx]) -> None:
    shop, nginx = behind
    command = ["curl", "--silent", "--http2", "--cacert", str(nginx.ca), "--include"]
    try:
        done = subprocess.run(
            [*command, nginx.url + _path(shop, "2.0")],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except FileNotFoundError:
        unavailable("curl is not installed")
    assert done.stdout.startswith("HTTP/2 403")
    assert f"cool-down until {FRESH_UNTIL}" in done.stdout
