"""Corners of the protocol: negotiation, the name list, forms, files without a hash."""

from __future__ import annotations

import http.client
import random
import time

import pytest

from kit.asking import SIMPLE_HTML, SIMPLE_JSON
from kit.distributions import make_wheel, sha256_of
from kit.shop import OLD, OpenShop, Shop


@pytest.mark.parametrize("path", ["/pypi/simple/", "/pypi/simple/demo/"])
@pytest.mark.parametrize(
    ("accept", "query", "status", "kind"),
    [
        ("", "", 200, "text/html"),
        ("*/*", "", 200, "text/html"),
        (SIMPLE_JSON, "", 200, SIMPLE_JSON),
        (SIMPLE_HTML, "", 200, SIMPLE_HTML),
        ("application/vnd.pypi.simple.v1+json;q=0.5, text/html;q=0.6", "", 200, "text/html"),
        ("text/html", f"?format={SIMPLE_JSON}", 200, SIMPLE_JSON),
        ("image/png", "", 406, "application/problem+json"),
        ("application/vnd.pypi.simple.v2+json", "", 406, "application/problem+json"),
        ("text/html", "?format=image/png", 406, "application/problem+json"),
        ("application/json;q=0, text/html;q=0", "", 406, "application/problem+json"),
    ],
)
def test_negotiation(
    shop: Shop, path: str, accept: str, query: str, status: int, kind: str
) -> None:
    shop.stock_demo()
    answer = shop.door.ask(path + query, headers={"Accept": accept} if accept else {})
    assert (answer.status, answer.headers.get_content_type()) == (status, kind)


def test_the_name_list_holds_what_is_known_here(shop: Shop) -> None:
    shop.stock_demo()
    before = shop.door.ask("/pypi/simple/", headers={"Accept": SIMPLE_JSON}).json
    assert "demo" not in {p["name"] for p in before["projects"]}
    shop.door.ask("/pypi/simple/demo/")
    after = shop.door.ask("/pypi/simple/", headers={"Accept": SIMPLE_JSON}).json
    assert "demo" in {p["name"] for p in after["projects"]}
    html = shop.door.ask("/pypi/simple/", headers={"Accept": "text/html"})
    assert b'href="demo/"' in html.body or b'href="/pypi/simple/demo/"' in html.body


def _post(shop: Shop, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", shop.door.port, timeout=20)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": shop.door.url}
        connection.request("POST", path, body=body, headers=form)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_guessing_approvers_on_the_waiver_form_is_slowed_and_logged(shop: Shop) -> None:
    shop.stock_demo()
    held = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    block = shop.door.ask(f"/pypi{held.path}").json["block"].removeprefix(shop.door.url)
    started = time.monotonic()
    for guess in range(7):
        status, _ = _post(shop, f"{block}/waiver", f"token=guess-{guess}&reason=x&days=1".encode())
        assert status in {401, 403, 429}
    assert time.monotonic() - started > 0.5, "guesses cost nothing"
    assert shop.door.entries("auth-failed")
    assert shop.door.ask(f"/pypi{held.path}").status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"token=&reason=&days=",
        b"\xff\xfe\x00",
        b"token=x&reason=" + b"a" * 200_000,
        b"&".join(b"a%d=b" % n for n in range(5000)),
        b"days=999999999999999999999&token=x&reason=y",
        b"days=-1&token=x&reason=y",
    ],
    ids=range(7),
)
def test_odd_forms_are_refused(shop: Shop, body: bytes) -> None:
    shop.stock_demo()
    approver = shop.door.add_token("alice", role="approver")
    held = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    block = shop.door.ask(f"/pypi{held.path}").json["block"].removeprefix(shop.door.url)
    for content in (body, body.replace(b"token=x", b"token=" + approver.encode())):
        status, said = _post(shop, f"{block}/waiver", content)
        assert 400 <= status < 500, said
        assert b"Traceback" not in said
    assert shop.door.ask(f"/pypi{held.path}").status == 403
    assert shop.door.entries("waiver", at_least=0) == []


def test_a_file_without_a_hash_promises_no_sidecar_until_it_has_one(open_shop: OpenShop) -> None:
    shop = open_shop(
        settings='[[upstream]]\nname = "public"\nurl = "{upstream}"\nhashless = "pin"\n'
    )
    for version in ("1.0", "2.0"):
        filename, content = make_wheel("demo", version)
        shop.upstream.add_file(
            "demo", filename, content, upload_time=OLD, hashes={}, core_metadata=True
        )
    paths = [f"/pypi{f.path}" for f in shop.upstream.projects["demo"].files.values()]
    assert not any(f.get("core-metadata") for f in shop.door.page("demo")["files"])
    assert {shop.door.ask(path + ".metadata").status for path in paths} == {404}
    files = [shop.door.ask(path) for path in paths]
    assert [a.status for a in files] == [200, 200]
    again = [shop.door.ask(path) for path in paths]
    assert [a.body for a in again] == [a.body for a in files]
    assert len({a.header("ETag") for a in again} - {""}) == 2
    assert all(f["core-metadata"] for f in shop.door.page("demo")["files"])
    first, second = (shop.door.ask(path + ".metadata") for path in paths)
    assert b"Version: 1.0" in first.body
    assert b"Version: 2.0" in second.body
    assert first.header("ETag") != second.header("ETag")


@pytest.mark.parametrize("how", ["whole", "range"])
@pytest.mark.parametrize("known_by", ["deny-list", "verdict", "advisory"])
def test_a_file_without_a_hash_is_decided_by_the_one_it_turns_out_to_have(
    open_shop: OpenShop, known_by: str, how: str
) -> None:
    """Nobody could say before the download that these are the denied bytes; before its end one can."""
    noise = random.Random(9).randbytes(200_000)
    filename, content = make_wheel("demo", "1.0", files={"demo/data.bin": noise})
    digest = sha256_of(content)
    deny = f'[[deny]]\nsha256 = "{digest}"\nreason = "known by its hash"\n'
    shop = open_shop(
        settings='[[upstream]]\nname = "public"\nurl = "{upstream}"\nhashless = "pin"\n',
        policy='[advisory]\npaths = ["advisories"]\n' + (deny if known_by == "deny-list" else ""),
    )
    if known_by == "verdict":
        shop.door.set_verdict(digest, "malicious")
    if known_by == "advisory":
        shop.door.add_advisory("MAL-2026-7", "some-other-name", ["9"], sha256=[digest])
    file = shop.upstream.add_file("demo", filename, content, upload_time=OLD, hashes={})
    headers = {"Range": "bytes=0-99"} if how == "range" else {}
    answer = shop.door.ask(f"/pypi{file.path}", headers=headers)
    assert answer.broken or answer.status >= 400
    assert len(answer.body) < len(content)
    assert how == "whole" or noise[:64] not in answer.body
    assert shop.door.ask(f"/pypi{file.path}").status == 403
    assert file.filename not in {f["filename"] for f in shop.door.page("demo")["files"]}


def test_a_kept_file_whose_bytes_are_gone_is_not_called_a_refusal(shop: Shop) -> None:
    shop.publish("demo", "1.0")
    path = f"/pypi{shop.upstream.projects['demo'].files['demo-1.0-py3-none-any.whl'].path}"
    assert shop.door.ask(path).status == 200
    shop.upstream.remove_project("demo")
    shop.door.clock.advance(hours=1)
    assert shop.door.ask(path).status == 200
    shop.door.drop_blobs()
    answer = shop.door.ask(path)
    assert answer.status in {404, 502, 503}
    assert answer.is_problem
    assert not shop.door.entries("refusal", at_least=0)
