"""An upstream that lies, drips or goes back in time: nobody ends with a file they could use."""

from __future__ import annotations

import hashlib
import io
import random
import time
import zipfile
from pathlib import Path

import pytest

from kit.asking import Answer
from kit.cases import NOW
from kit.distributions import make_wheel
from kit.shop import OLD, OpenShop, Shop
from kit.upstream import (
    Fault,
    drip,
    endless,
    endless_redirects,
    flipped_byte,
    garbage,
    longer,
    other_bytes,
    redirect,
    redirect_loop,
    reset,
    stall,
    status,
    truncated,
    wrong_length,
)

NOISE = random.Random(24).randbytes(300_000)
"""Incompressible, so that the wheel is larger than what the door holds back."""


def publish_large(shop: Shop) -> tuple[str, bytes]:
    filename, content = make_wheel(
        "demo", "1.0", files={"demo/__init__.py": b"", "demo/data.bin": NOISE}
    )
    shop.upstream.add_file("demo", filename, content, upload_time=OLD, core_metadata=True)
    return f"/pypi{shop.upstream.projects['demo'].files[filename].path}", content


def assert_unusable(answer: Answer, content: bytes) -> None:
    """Not the file, and not an archive that anything could open."""
    if answer.status >= 400:
        assert answer.status in {502, 503, 504}
        assert answer.is_problem
        return
    assert answer.broken, "the body must end as broken"
    assert len(answer.body) < len(content)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(answer.body))


LIES: dict[str, tuple[Fault, str]] = {
    "first-byte-flipped": (flipped_byte(at=0), "integrity"),
    "last-byte-flipped": (flipped_byte(at=-1), "integrity"),
    "other-bytes": (other_bytes(b"PK\x05\x06" + bytes(18)), "integrity"),
    "longer": (longer(b"and more"), "integrity"),
    "truncated": (truncated(keep=200_000), "integrity"),
    "announces-more": (wrong_length(+100), ""),
    "announces-less": (wrong_length(-100), ""),
    "reset": (reset(after=200_000), ""),
    "reset-at-once": (reset(), ""),
    "redirect-loop": (redirect_loop(), ""),
    "endless-redirects": (endless_redirects(), ""),
    "redirect-inside": (redirect("http://169.254.169.254/latest/meta-data/"), ""),
    "redirect-to-file": (redirect("file:///etc/passwd"), ""),
    "500": (status(500), ""),
    "403": (status(403), ""),
    "404": (status(404), ""),
}


@pytest.mark.parametrize("how", ["whole", "range"])
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_file(shop: Shop, lie: str, how: str) -> None:
    path, content = publish_large(shop)
    fault, kind = LIES[lie]
    shop.upstream.fault("/packages/*.whl", fault)
    headers = {"Range": "bytes=0-999"} if how == "range" else {}
    answer = shop.door.ask(path, headers=headers)
    assert_unusable(answer, content)
    if how == "range":
        assert NOISE[:64] not in answer.body, "a part was let go before the whole was proved"
    if kind:
        [entry] = shop.door.entries("integrity")
        assert entry.subject == "pypi/demo"
        assert entry.body["filename"].startswith("demo-1.0")
    ends = shop.door.entries("delivered")
    assert all(not e.body["complete"] for e in ends)
    assert shop.door.drop_blobs() == 0, "it must not be kept"
    # The upstream comes to its senses, and so does the door.
    shop.upstream.clear_faults()
    shop.door.clock.advance(minutes=1)
    assert shop.door.ask(path).body == content


def test_an_endless_file_is_cut_off(open_shop: OpenShop) -> None:
    shop = open_shop(
        settings='[[upstream]]\nname = "public"\nurl = "{upstream}"\nmax_file_bytes = 1000000\n'
    )
    shop.upstream.no_size = True
    path, content = publish_large(shop)
    shop.upstream.fault("/packages/*.whl", endless())
    answer = shop.door.ask(path)
    assert_unusable(answer, content + bytes(1_000_000))
    assert len(answer.body) <= 1_000_000


def test_a_dripping_file_ends_in_bounded_time(open_shop: OpenShop) -> None:
    shop = open_shop(
        settings='[[upstream]]\nname = "public"\nurl = "{upstream}"\nidle_seconds = 0.5\n'
    )
    path, content = publish_large(shop)
    shop.upstream.fault("/packages/*.whl", stall(after=1000, seconds=30))
    started = time.monotonic()
    answer = shop.door.ask(path)
    assert time.monotonic() - started < 10
    assert_unusable(answer, content)
    shop.upstream.clear_faults()
    shop.upstream.fault("/packages/*.whl", drip(piece=50_000, seconds=0.05))
    assert shop.door.ask(path).body == content, "slow but honest is served"


@pytest.mark.parametrize(
    "lie",
    [
        flipped_byte(at=5),
        other_bytes(b"Metadata-Version: 2.2\nName: demo\nVersion: 1.0\nRequires-Dist: evil\n"),
        truncated(keep=10),
    ],
    ids=["flipped", "other", "truncated"],
)
def test_a_lie_about_metadata(shop: Shop, lie: Fault) -> None:
    path, _ = publish_large(shop)
    shop.upstream.fault("/packages/*.metadata", lie)
    answer = shop.door.ask(path + ".metadata")
    assert answer.status == 502
    assert b"evil" not in answer.body
    assert len(shop.door.entries("integrity")) == 1
    shop.upstream.clear_faults()
    assert b"Name: demo" in shop.door.ask(path + ".metadata").body


PAGE_LIES: dict[str, Fault] = {
    "garbage": garbage(),
    "html-called-json": other_bytes(
        b"<html></html>", content_type="application/vnd.pypi.simple.v1+json"
    ),
    "truncated": truncated(keep=40),
    "500": status(500),
    "503": status(503),
    "403": status(403),
    "401": status(401),
    "429": status(429),
    "reset": reset(after=30),
    "redirect-loop": redirect_loop(),
    "redirect-inside": redirect("http://169.254.169.254/simple/demo/"),
}


@pytest.mark.parametrize("lie", PAGE_LIES)
def test_a_lie_about_a_page_leaves_yesterdays_page_with_todays_policy(shop: Shop, lie: str) -> None:
    shop.stock_demo(newest=NOW)
    page = shop.door.ask("/pypi/simple/demo/?format=application/vnd.pypi.simple.v1+json")
    assert [f["yanked"] for f in page.json["files"]][:2] == [False, False]
    shop.upstream.fault("/simple/*", PAGE_LIES[lie])
    shop.door.clock.advance(hours=80)
    later = shop.door.ask("/pypi/simple/demo/?format=application/vnd.pypi.simple.v1+json")
    assert later.status == 200, (later.status, later.reason)
    newest = later.json["files"][2]
    assert [f["yanked"] for f in later.json["files"]][:2] == [False, False]
    assert "its upstream has been silent since" in newest["yanked"], "no news could arrive"
    path = f"/pypi/packages/{newest['url'].removeprefix('../../packages/')}"
    assert shop.door.ask(path).status == 403
    assert shop.door.entries("page")[-1].body["stale"] is True
    unknown = shop.door.ask("/pypi/simple/other/")
    assert unknown.status == 503, "an upstream that does not answer is not one that says no"
    assert unknown.is_problem


def test_news_opens_what_silence_kept_closed(shop: Shop) -> None:
    shop.stock_demo(newest=NOW)
    shop.door.ask("/pypi/simple/demo/")
    shop.upstream.down()
    shop.door.clock.advance(hours=80)
    held = shop.door.ask("/pypi/simple/demo/?format=application/vnd.pypi.simple.v1+json")
    assert "silent since" in held.json["files"][2]["yanked"]
    shop.upstream.up()
    shop.door.clock.advance(seconds=30)
    opened = shop.door.ask("/pypi/simple/demo/?format=application/vnd.pypi.simple.v1+json")
    assert [f["yanked"] for f in opened.json["files"]] == [False] * 3


def test_an_endless_page_is_cut_off(open_shop: OpenShop) -> None:
    shop = open_shop(
        settings='[[upstream]]\nname = "public"\nurl = "{upstream}"\nmax_page_bytes = 100000\n'
    )
    shop.upstream.fault("/simple/*", endless(content_type="application/vnd.pypi.simple.v1+json"))
    answer = shop.door.ask("/pypi/simple/demo/")
    assert answer.status == 503
    assert answer.is_problem


def test_a_page_that_goes_back_in_time_is_refused(shop: Shop) -> None:
    shop.stock_demo(newest=OLD)
    first = shop.door.page("demo")
    assert len(first["files"]) == 3
    seen = shop.upstream.projects["demo"].serial
    shop.upstream.remove_file("demo", "demo-2.0-py3-none-any.whl")
    shop.upstream.set_serial("demo", seen - 1)
    shop.door.clock.advance(hours=1)
    second = shop.door.page("demo")
    assert [f["filename"] for f in second["files"]] == [f["filename"] for f in first["files"]]
    [entry] = shop.door.entries("rollback")
    assert entry.subject == "pypi/demo"
    assert (entry.body["seen"], entry.body["offered"]) == (seen, seen - 1)
    shop.upstream.set_serial("demo", seen + 1)
    shop.door.clock.advance(hours=1)
    assert len(shop.door.page("demo")["files"]) == 2


def test_a_rollback_is_refused_after_a_restart_too(tmp_path: Path, open_shop: OpenShop) -> None:
    from kit.door import running_door  # noqa: PLC0415 - this test alone opens doors by itself

    shop = open_shop()
    shop.stock_demo(newest=OLD)
    home = tmp_path / "second-home"
    with running_door(home=home, upstream=shop.upstream, now=NOW) as door:
        assert len(door.page("demo")["files"]) == 3
    shop.upstream.remove_file("demo", "demo-2.0-py3-none-any.whl")
    shop.upstream.set_serial("demo", 1)
    with running_door(home=home, upstream=shop.upstream, now=NOW) as door:
        door.clock.advance(hours=1)
        assert len(door.page("demo")["files"]) == 3
        assert door.entries("rollback")


def test_what_upstream_deleted_does_not_come_back_when_it_fails(shop: Shop) -> None:
    """Taken down while held; the outage after it must not revive yesterday's page."""
    shop.publish("demo", "2.0", uploaded=NOW)
    path = f"/pypi{shop.upstream.projects['demo'].files['demo-2.0-py3-none-any.whl'].path}"
    assert shop.door.ask(path).status == 403
    gone = shop.upstream.projects.pop("demo")
    shop.door.clock.advance(hours=1)
    assert shop.door.ask("/pypi/simple/demo/").status == 404
    shop.upstream.projects["demo"] = gone
    shop.upstream.fault("/simple/*", status(503))
    shop.door.clock.advance(hours=100)
    assert shop.door.ask("/pypi/simple/demo/").status in {404, 503}
    assert shop.door.ask(path).status in {404, 503}


def test_a_file_that_upstream_exchanges_is_a_new_file(shop: Shop) -> None:
    """Same name, other bytes, right hash: decided anew by its own upload time."""
    filename = shop.publish("demo", "1.0")
    path = f"/pypi{shop.upstream.projects['demo'].files[filename].path}"
    old = shop.door.ask(path)
    assert old.status == 200
    shop.upstream.remove_file("demo", filename)
    _, content = make_wheel("demo", "1.0", files={"demo/__init__.py": "other"})
    shop.upstream.add_file("demo", filename, content, upload_time=NOW)
    shop.door.clock.advance(hours=1)
    [file] = shop.door.page("demo")["files"]
    assert "cool-down" in file["yanked"]
    assert file["hashes"]["sha256"] == hashlib.sha256(content).hexdigest()
    answer = shop.door.ask(f"/pypi{shop.upstream.projects['demo'].files[filename].path}")
    assert answer.status == 403


def test_the_door_never_sends_a_client_elsewhere(shop: Shop) -> None:
    path, content = publish_large(shop)
    shop.upstream.fault(path.removeprefix("/pypi"), redirect("https://elsewhere.example/x.whl"))
    answer = shop.door.ask(path)
    assert answer.status not in range(300, 400)
    assert_unusable(answer, content)


def test_a_clients_credentials_never_go_upstream(shop: Shop) -> None:
    path, content = publish_large(shop)
    secret = shop.door.add_token("ci")
    answer = shop.door.ask(
        path, login=("__token__", secret), headers={"Cookie": "a=b", "X-Forwarded-For": "9.9.9.9"}
    )
    assert answer.body == content
    for request in shop.upstream.requests:
        assert not {"authorization", "cookie", "x-forwarded-for"} & set(request.headers)
