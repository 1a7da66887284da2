"""What machines and people find beside the index: health, metrics, test projects, block pages."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from kit.asking import SIMPLE_JSON
from kit.environments import unavailable
from kit.shop import FRESH_UNTIL, OpenShop, Shop


def test_health_readiness_and_metrics(shop: Shop) -> None:
    shop.stock_demo()
    assert shop.door.ask("/healthz").body == b"ok\n"
    assert shop.door.ask("/readyz").status == 200
    held = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    good = shop.upstream.projects["demo"].files["demo-1.0-py3-none-any.whl"]
    shop.door.ask("/pypi/simple/demo/")
    shop.door.ask(f"/pypi{held.path}")
    shop.door.ask(f"/pypi{good.path}")
    metrics = shop.door.ask("/metrics")
    text = metrics.body.decode()
    assert metrics.header("Content-Type").startswith("text/plain")
    assert 'pratique_pages_total{status="200"} 1.0' in text
    assert 'pratique_files_total{status="403"} 1.0' in text
    assert 'pratique_refusals_total{outcome="hold",rule="cool-down"} 1.0' in text
    assert f"pratique_file_bytes_total {float(len(good.content))}" in text
    assert "pratique_ready 1.0" in text
    assert "demo" not in text, "no name from outside may become a label"


def test_a_policy_that_does_not_parse_changes_nothing_and_is_told(shop: Shop) -> None:
    shop.stock_demo()
    held = f"/pypi{shop.upstream.projects['demo'].files['demo-2.0-py3-none-any.whl'].path}"
    assert shop.door.ask(held).status == 403
    shop.door.set_policy("[cool-down]\nhours = 0\nnonsense = ")
    assert shop.door.ask(held).status == 403
    ready = shop.door.ask("/readyz")
    assert ready.status == 503
    assert "policy" in ready.json["detail"]
    shop.door.set_policy("[cool-down]\nhours = 0\n")
    assert shop.door.ask("/readyz").status == 200
    assert shop.door.ask(held).status == 200


def test_policy_changes_and_watch_marks_enter_the_ledger(shop: Shop) -> None:
    [first] = shop.door.entries("policy")
    shop.door.set_policy("[cool-down]\nhours = 1\n")
    shop.door.ask("/readyz")
    entries = shop.door.entries("policy", at_least=2)
    assert len(entries) == 2
    assert entries[1].body["sha256"] != first.body["sha256"]
    [watch] = shop.door.entries("watch")
    assert (watch.body["state"], watch.body["mode"]) == ("start", "enforce")


@pytest.mark.parametrize("project", ["pratique-test-held", "pratique-test-denied"])
def test_the_test_projects_show_that_the_door_works(shop: Shop, project: str) -> None:
    page = shop.door.ask(f"/pypi/simple/{project}/", headers={"Accept": SIMPLE_JSON})
    files = {f["filename"].split("-")[1]: f for f in page.json["files"]}
    base = f"/pypi/simple/{project}/"
    assert files["1.0"]["yanked"] is False
    good = shop.door.path_of(files["1.0"]["url"], below=base)
    assert shop.door.ask(good).status == 200
    bad = good.replace("-1.0-", "-2.0-")
    answer = shop.door.ask(bad)
    assert answer.status == 403
    if project.endswith("held"):
        assert isinstance(files["2.0"]["yanked"], str)
        assert answer.json["outcome"] == "hold"
    else:
        assert "2.0" not in files
        assert answer.json["outcome"] == "deny"
    assert shop.upstream.count() == 0, "the test projects come from the product itself"


def test_names_of_the_test_projects_cannot_be_taken_over(shop: Shop) -> None:
    shop.publish("pratique-test-held", "9.0")
    page = shop.door.page("pratique-test-held")
    assert {f["filename"].split("-")[1] for f in page["files"]} == {"1.0", "2.0"}


def test_tls_offers_only_what_is_safe_today(open_shop: OpenShop) -> None:
    shop = open_shop(settings='[door]\ntls_certificate = "auto"\n')
    assert shop.door.ask("/healthz").status == 200
    assert shop.door.ca is not None
    key = shop.door.home / "tls" / "ca.key"
    assert key.stat().st_mode & 0o077 == 0
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(shop.door.ca)
    old.check_hostname = False
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", shop.door.port), timeout=5) as raw,
        old.wrap_socket(raw) as sock,
    ):
        assert sock.version() == "TLSv1.2"
    plain = http.client.HTTPConnection("127.0.0.1", shop.door.port, timeout=5)
    plain.request("GET", "/pypi/simple/demo/")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()


# ── block pages ──────────────────────────────────────────────────────────────────────────────


def _block(shop: Shop) -> str:
    shop.stock_demo()
    held = shop.upstream.projects["demo"].files["demo-2.0-py3-none-any.whl"]
    block: str = shop.door.ask(f"/pypi{held.path}").json["block"]
    return block.removeprefix(shop.door.url)


def test_a_block_page_explains_the_refusal(shop: Shop) -> None:
    path = _block(shop)
    page = shop.door.ask(path, headers={"Accept": "text/html"})
    assert page.status == 200
    text = page.body.decode()
    for wanted in ("demo-2.0-py3-none-any.whl", "cool-down", FRESH_UNTIL):
        assert wanted in text
    assert "script-src" in page.header("Content-Security-Policy") or "default-src 'none'" in (
        page.header("Content-Security-Policy")
    )
    twin = shop.door.ask(path + "?format=json")
    assert twin.headers.get_content_type() == "application/json"
    assert "cool-down" in twin.body.decode()
    assert shop.door.ask("/b/no-such-block").status == 404


def test_a_block_is_known_after_a_restart_and_from_the_page_alone(shop: Shop) -> None:
    """The id in a yanked reason works although nobody tried to download the file."""
    shop.stock_demo()
    [reason] = [f["yanked"] for f in shop.door.page("demo")["files"] if f["yanked"]]
    [path] = re.findall(r"/b/[A-Za-z0-9_-]+", reason)
    assert shop.door.ask(path).status == 200


def test_a_waiver_is_granted_on_the_block_page_by_an_approver_only(shop: Shop) -> None:
    path = _block(shop)
    asset, approver = shop.door.add_token("ci"), shop.door.add_token("alice", role="approver")
    held = f"/pypi{shop.upstream.projects['demo'].files['demo-2.0-py3-none-any.whl'].path}"
    form = shop.door.ask(path, headers={"Accept": "text/html"}).body.decode()
    names = set(re.findall(r'name="([a-z_]+)"', form))
    assert {"token", "reason"} <= names, names
    for secret, opens in (("", False), ("wrong", False), (asset, False), (approver, True)):
        answer = shop.door.ask(
            f"{path}/waiver",
            method="POST",
            headers={"Origin": shop.door.url},
            form={"token": secret, "reason": "the build needs it", "days": "3"},
        )
        said = answer.body
        assert answer.status < 500, said
        assert shop.door.ask(held).status == (200 if opens else 403), said.decode()[:3000]
    [entry] = shop.door.entries("waiver")
    assert entry.actor == "approver:alice"
    assert approver.encode() not in shop.door.everything_written()


@pytest.mark.chromium
def test_a_block_page_in_a_real_browser(shop: Shop, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        unavailable("chromium is not installed")
    url = shop.door.url + _block(shop)
    shot = tmp_path / "block.png"
    quiet = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--hide-scrollbars", "--window-size=1000,1200", f"--user-data-dir={tmp_path / 'data'}"),
    ]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    dump, picture = (
        subprocess.run(
            [browser, *quiet, what, url],
            capture_output=True,
            timeout=150,
            check=True,
            env=env,
            cwd=tmp_path,
        )
        for what in ("--dump-dom", f"--screenshot={shot}")
    )
    dom = dump.stdout.decode()
    assert "demo-2.0-py3-none-any.whl" in dom
    assert FRESH_UNTIL in dom
    assert b"Refused to" not in dump.stderr + picture.stderr, "the page breaks its own policy"
    assert shot.stat().st_size > 5_000
    kept = os.environ.get("PRATIQUE_TEST_SCREENSHOTS")
    if kept:
        shutil.copy(shot, Path(kept) / "block.png")
