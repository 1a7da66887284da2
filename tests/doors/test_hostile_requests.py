"""Requests that no honest client sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.asking import SIMPLE_JSON, send_raw
from kit.cases import NOW
from kit.distributions import make_wheel
from kit.shop import OLD, Shop

PATHS = [
    "/pypi/packages/../../../../etc/passwd",
    "/pypi/packages/..%2f..%2f..%2fetc%2fpasswd",
    "/pypi/packages/%2e%2e/%2e%2e/pratique.toml",
    "/pypi/packages/%2e%2e%2f%2e%2e%2fcontrol.db",
    "/pypi/packages/....//....//tls/ca.key",
    "/pypi/packages/a/b/c/..%5c..%5cpratique.toml",
    "/pypi/packages//etc/passwd",
    "/pypi/packages/file:///etc/passwd",
    "/pypi/packages/http://169.254.169.254/x-1.0-py3-none-any.whl",
    "/pypi/packages/demo-1.0-py3-none-any.whl%00.txt",
    "/pypi/packages/%00",
    "/pypi/packages/%ff%fe-1.0-py3-none-any.whl",
    "/pypi/packages/" + "a" * 4000 + "-1.0-py3-none-any.whl",
    "/pypi/packages/" + "a-" * 2000 + "1.0.tar.gz",
    "/pypi/packages/",
    "/pypi/packages",
    "/pypi/simple/../../etc/",
    "/pypi/simple/%2e%2e/",
    "/pypi/simple/%00/",
    "/pypi/simple/a%0d%0aSet-Cookie:%20x=y/",
    "/pypi/simple/A%0d%0aSet-Cookie:%20x=y/",
    "/pypi/simple/%C3%A9t%C3%A9/",
    "/pypi/simple/%EF%BC%A1/",
    "/pypi/simple/-/",
    "/pypi/simple/demo;x=y/",
    "/pypi/simple/" + "a" * 5000 + "/",
    "/pypi/simple/demo/1.0/",
    "/nowhere/simple/demo/",
    "/nowhere/packages/demo-1.0-py3-none-any.whl",
    "/%2e%2e/simple/demo/",
    "/b/../../etc/passwd",
    "/b/%2e%2e%2f%2e%2e",
    "/b/" + "A" * 3000,
    "/b/' OR 1=1 --".replace(" ", "%20"),
    "/b/<script>alert(1)</script>".replace("<", "%3C").replace(">", "%3E"),
    "/_pratique_blobs/sha256/aa/" + "a" * 64,
    "/.git/config",
    "//evil.example/%2e%2e",
]


@pytest.mark.parametrize("path", PATHS)
def test_odd_paths_find_nothing(shop: Shop, path: str) -> None:
    shop.stock_demo()
    answer = shop.door.ask(path)
    assert 300 <= answer.status < 500, (answer.status, answer.reason)
    assert answer.header("Set-Cookie") == ""
    for secret in (b"root:", b"BEGIN", b"SQLite format", b"[door]"):
        assert secret not in answer.body
    if answer.status < 400:
        assert not answer.header("Location").startswith(("//", "http"))
    assert (
        answer.header("Content-Type").split(";")[0] != "text/html" or b"<script>" not in answer.body
    )


RAW = {
    "nul in path": b"GET /pypi/simple/de\x00mo/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare cr": b"GET /pypi/simple/demo/\r HTTP/1.1\r\nHost: x\r\n\r\n",
    "space in path": b"GET /pypi/simple/de mo/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "latin-1 path": b"GET /pypi/simple/d\xe9mo/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute form": (
        b"GET http://evil.example/pypi/simple/demo/ HTTP/1.1\r\nHost: x\r\n"
        b"Connection: close\r\n\r\n"
    ),
    "authority form": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "no host": b"GET /pypi/simple/demo/ HTTP/1.1\r\nConnection: close\r\n\r\n",
    "http/0.9": b"GET /pypi/simple/demo/\r\n\r\n",
    "two lengths": (
        b"POST /b/x/waiver HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nabc"
    ),
    "length and chunks": (
        b"POST /b/x/waiver HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
    ),
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\nAccept: a\r\n b\r\nConnection: close\r\n\r\n",
    "endless header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "not http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}


@pytest.mark.parametrize("name", RAW)
def test_broken_requests_leave_the_door_standing(shop: Shop, name: str) -> None:
    shop.stock_demo()
    answer = send_raw(shop.door.url, RAW[name])
    status_line = answer.split(b"\r\n", 1)[0]
    assert not status_line or status_line.split()[1][:1] in {b"2", b"3", b"4", b"5"}
    assert b"Traceback" not in answer
    assert b" 500 " not in status_line
    assert shop.door.ask("/healthz").status == 200
    assert shop.door.ask("/pypi/simple/demo/").status == 200


ODD_HEADERS = [
    {"Range": "bytes=" + ",".join(f"{i}-{i}" for i in range(500))},
    {"Range": "bytes=9999999999999999999999-"},
    {"Range": "bytes=-99999999999999999999"},
    {"Range": "bytes=5-2"},
    {"Range": "bytes=--5"},
    {"Range": "bytes="},
    {"Range": "bytes=0x10-0x20"},
    {"Range": "bytes=\u0663-".encode().decode("latin-1")},
    {"If-None-Match": "W/" * 2000},
    {"If-None-Match": '"' + "a" * 5000},
    {"If-Range": "Sat, 99 Foo 2050"},
    {"Accept": "application/" + "x" * 5000},
    {"Accept": ",".join(["text/html;q=0.1"] * 300)},
    {"Accept": "text/html;q=NaN"},
    {"Accept-Encoding": "gzip;q=abc, *;q=-1"},
    {"User-Agent": "x\x01\x02\xff" * 50},
    {"Authorization": "Basic !!!!"},
    {"Authorization": "Basic " + "QUFB" * 1000},
    {"Authorization": "Bearer x"},
    {"Authorization": "Basic Og=="},
    {"X-Forwarded-For": "'; DROP TABLE tokens; --"},
    {"Content-Length": "5"},
]


@pytest.mark.parametrize("headers", ODD_HEADERS, ids=lambda h: f"{next(iter(h.items()))}"[:50])
def test_odd_headers_never_break_the_door(shop: Shop, headers: dict[str, str]) -> None:
    shop.stock_demo()
    path = f"/pypi{shop.upstream.projects['demo'].files['demo-1.0-py3-none-any.whl'].path}"
    held = f"/pypi{shop.upstream.projects['demo'].files['demo-2.0-py3-none-any.whl'].path}"
    for target, allowed in (("/pypi/simple/demo/", True), (path, True), (held, False)):
        answer = shop.door.ask(target, headers=headers)
        assert answer.status < 500, (answer.status, answer.reason)
        assert allowed or answer.status >= 400
    for entry in shop.door.entries("delivery", at_least=0):
        assert entry.body["agent"].isascii()


HOSTILE_REASONS = [
    "line\r\nSet-Cookie: owned=1\r\n\r\n<script>alert(1)</script>",
    "\x1b[2J\x1b[31mred terminal\x07",
    "a" * 5000,
    '"><img src=x onerror=alert(1)>',
    "ünïcødé \u202e reversed",
]


@pytest.mark.parametrize("reason", HOSTILE_REASONS, ids=range(len(HOSTILE_REASONS)))
def test_hostile_words_of_an_upstream_stay_words(shop: Shop, reason: str) -> None:
    """A yanked reason, a status reason and a version are written by strangers."""
    shop.publish("demo", "1.0", yanked=f"malware {reason}")
    shop.publish("calm", "1.0", yanked=reason)
    shop.upstream.set_status("quiet", "quarantined", reason)
    filename, content = make_wheel("quiet", "1.0")
    shop.upstream.add_file("quiet", filename, content, upload_time=OLD)
    for project in ("demo", "calm", "quiet"):
        for accept in (SIMPLE_JSON, "text/html"):
            page = shop.door.ask(f"/pypi/simple/{project}/", headers={"Accept": accept})
            assert page.status == 200
            assert page.header("Set-Cookie") == ""
            assert b"<script>" not in page.body or accept == SIMPLE_JSON
            assert b"<img src=x" not in page.body or accept == SIMPLE_JSON
    for project in ("demo", "quiet"):
        [file] = shop.upstream.projects[project].files.values()
        answer = shop.door.ask(f"/pypi{file.path}")
        assert answer.status == 403
        assert answer.header("Set-Cookie") == ""
        assert len(answer.reason) <= 250
        assert answer.reason.isascii()
        assert answer.reason.isprintable()
        block = answer.json["block"].removeprefix(shop.door.url)
        shown = shop.door.ask(block, headers={"Accept": "text/html"})
        assert shown.status == 200
        assert b"<script>" not in shown.body
        assert b"<img src=x" not in shown.body


HOSTILE_FILENAMES = [
    "../../evil-1.0-py3-none-any.whl",
    "demo-1.0-py3-none-any.whl/../../x",
    "demo-1.0-py3-none-any.whl\r\nX: y",
    "demo-1.0-py3-none-any.whl\x00",
    "demo-1.0-py3-none-any.whl?x=y",
    "demo-" + "9" * 5000 + "-py3-none-any.whl",
    "démo-1.0-py3-none-any.whl",
    "demo-1.0-py3-none-any.whl<script>",
    "other-1.0-py3-none-any.whl",
    "demo-not.a.version-py3-none-any.whl",
    "demo.whl",
    "",
    ".",
    "con.whl",
]


@pytest.mark.parametrize("filename", HOSTILE_FILENAMES, ids=range(len(HOSTILE_FILENAMES)))
def test_hostile_file_names_of_an_upstream_are_never_listed_or_served(
    shop: Shop, filename: str, tmp_path: Path
) -> None:
    good = shop.publish("demo", "1.0")
    _, content = make_wheel("demo", "3.0", files={"demo/__init__.py": "hostile"})
    shop.upstream.add_file("demo", "demo-3.0.tar.gz", content, upload_time=OLD)
    shop.upstream.projects["demo"].files["demo-3.0.tar.gz"].extra["filename"] = filename
    before = sorted(p for p in tmp_path.rglob("*") if p.parent == tmp_path)
    page = shop.door.page("demo")
    passable = [f for f in page["files"] if f["yanked"] is False]
    assert [f["filename"] for f in passable] == [good]
    html = shop.door.ask("/pypi/simple/demo/", headers={"Accept": "text/html"})
    assert b"<script>" not in html.body
    answer = shop.door.ask(f"/pypi{shop.upstream.projects['demo'].files['demo-3.0.tar.gz'].path}")
    assert answer.status in {403, 404}
    assert content not in answer.body
    assert sorted(p for p in tmp_path.rglob("*") if p.parent == tmp_path) == before


HOSTILE_URLS = [
    "file:///etc/passwd",
    "http://169.254.169.254/latest/demo-2.0-py3-none-any.whl",
    "http://localhost:1/demo-2.0-py3-none-any.whl",
    "ftp://elsewhere.example/demo-2.0-py3-none-any.whl",
    "javascript:alert(1)//demo-2.0-py3-none-any.whl",
    "//elsewhere.example/demo-2.0-py3-none-any.whl",
    "http://user:password@elsewhere.example/demo-2.0-py3-none-any.whl",
    "",
]


@pytest.mark.parametrize("url", HOSTILE_URLS, ids=range(len(HOSTILE_URLS)))
def test_hostile_links_of_an_upstream_are_not_followed(shop: Shop, url: str) -> None:
    good = shop.publish("demo", "1.0")
    bad = shop.publish("demo", "2.0")
    shop.upstream.projects["demo"].files[bad].extra["url"] = url
    page = shop.door.page("demo")
    assert good in [f["filename"] for f in page["files"]]
    for file in page["files"]:
        path = shop.door.path_of(file["url"], below="/pypi/simple/demo/")
        answer = shop.door.ask(path)
        if file["filename"] == good:
            assert answer.status == 200
        else:
            assert answer.status >= 400
            assert b"root:" not in answer.body
    assert json.dumps(page).find("javascript:") == -1
    assert "password@" not in json.dumps(page)


def test_time_that_lies_ahead_is_not_an_early_release(shop: Shop) -> None:
    shop.publish("demo", "1.0", uploaded=NOW.replace(year=2999))
    [file] = shop.door.page("demo")["files"]
    assert isinstance(file["yanked"], str)
