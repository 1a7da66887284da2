"""Files that nobody has vetted are vetted before their last bytes leave, on every path."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator

import pytest

from kit.door import Answer
from kit.shop import FRESH, OLD, OpenShop, Shop
from pratique.policy.model import Verdict, VettingFacts
from pratique.settings import load_settings
from pratique.store.control import open_control
from pratique.values.digests import Sha256

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = true\n'
INERT = "print('this is an inert look-alike')"
EVIL_PTH = (
    "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', "
    f"\"import base64; exec(base64.b64decode('{base64.b64encode(INERT.encode()).decode()}'))\"])\n"
)
PLAIN = {"demo/__init__.py": "VALUE = 1\n"}
POISONED = {**PLAIN, "demo_init.pth": EVIL_PTH}
BALLAST = {"demo/data.bin": random.Random(1).randbytes(6 * 1024 * 1024)}
"""Beyond what is vetted before the answer begins."""


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    return open_shop(settings=VET)


def path_of(shop: Shop, filename: str) -> str:
    return "/pypi" + shop.upstream.projects["demo"].files[filename].path


def digest_of(shop: Shop, filename: str) -> str:
    return shop.upstream.projects["demo"].files[filename].hashes["sha256"]


def ask(shop: Shop, filename: str, **headers: str) -> Answer:
    return shop.door.ask(path_of(shop, filename), headers=headers)


@pytest.mark.slow
def test_a_clean_file_passes_and_its_verdict_is_in_the_ledger_once(shop: Shop) -> None:
    filename = shop.publish("demo", "1.0", files=PLAIN)
    for _ in range(3):
        assert ask(shop, filename).status == 200
    (entry,) = shop.door.entries("verdict", subject=f"sha256:{digest_of(shop, filename)}")
    assert entry.body["verdict"] == "clean"
    assert entry.body["filename"] == filename
    assert entry.body["source"].startswith("vet/")


@pytest.mark.slow
def test_a_poisoned_release_is_refused_with_its_evidence(shop: Shop) -> None:
    shop.publish("demo", "1.0", files=PLAIN)
    evil = shop.publish("demo", "1.1", files=POISONED)
    refused = ask(shop, evil)
    assert refused.status == 403
    assert "malicious" in refused.reason
    assert "demo_init.pth" in refused.reason
    assert INERT not in str(refused.json)
    (entry,) = shop.door.entries("verdict", subject=f"sha256:{digest_of(shop, evil)}")
    assert entry.body["base"] == "demo-1.0-py3-none-any.whl"
    assert not shop.door.entries("delivery", filename=evil, at_least=0)
    listed = [file["filename"] for file in shop.door.page("demo")["files"]]
    assert evil not in listed
    assert ask(shop, "demo-1.0-py3-none-any.whl").status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [{}, {"Range": "bytes=0-99"}, {"Range": "bytes=-22"}],
    ids=["whole", "head", "tail"],
)
@pytest.mark.parametrize("size", ["small", "large"])
def test_no_path_gives_a_poisoned_file(shop: Shop, size: str, headers: dict[str, str]) -> None:
    shop.publish("demo", "1.0", files=PLAIN)
    files = POISONED if size == "small" else {**POISONED, **BALLAST}
    evil = shop.publish("demo", "1.1", files=files)
    content = shop.upstream.projects["demo"].files[evil].content
    try:
        answer = ask(shop, evil, **headers)
    except (ConnectionError, EOFError, OSError):
        answer = None  # cut off before the tail
    if answer is not None:
        assert answer.status == 403 or len(answer.body) < len(content) - 60_000
        assert b"PK\x05\x06" not in answer.body
    assert ask(shop, evil, **headers).status == 403
    assert ask(shop, evil, **{"If-None-Match": f'"{digest_of(shop, evil)}"'}).status == 403


@pytest.mark.slow
def test_a_file_that_cannot_be_read_waits_for_a_person(shop: Shop) -> None:
    filename = shop.publish("demo", "1.0", files=PLAIN)
    content = shop.upstream.projects["demo"].files[filename].content
    broken = "demo-1.1-py3-none-any.whl"
    shop.upstream.add_file("demo", broken, content[: len(content) // 2], upload_time=OLD)
    refused = ask(shop, broken)
    assert refused.status == 403
    assert "could not be vetted entirely" in refused.reason


@pytest.mark.slow
def test_policy_may_let_what_is_unknown_pass_but_not_what_is_malicious(shop: Shop) -> None:
    filename = shop.publish("demo", "1.0", files=PLAIN)
    content = shop.upstream.projects["demo"].files[filename].content
    shop.upstream.add_file(
        "demo", "demo-1.1-py3-none-any.whl", content[: len(content) // 2], upload_time=OLD
    )
    evil = shop.publish("demo", "1.2", files=POISONED)
    shop.door.set_policy('[verdict]\nunknown = "allow"\nsuspicious = "hide"\n')
    assert ask(shop, "demo-1.1-py3-none-any.whl").status == 200
    assert ask(shop, evil).status == 403


@pytest.mark.slow
def test_a_gained_capability_is_held_where_policy_asks_for_that(shop: Shop) -> None:
    shop.door.set_policy(
        '[[capability-gain]]\nprojects = ["*"]\ncapabilities = ["network"]\nreason = "no new powers"\n'
    )
    shop.publish("demo", "1.0", files=PLAIN)
    more = "import urllib.request\n\n\ndef get():\n    return urllib.request.urlopen('https://demo.example/')\n"
    grown = shop.publish("demo", "1.1", files={"demo/__init__.py": more})
    refused = ask(shop, grown)
    assert refused.status == 403
    assert "gains network over its predecessor" in refused.reason


@pytest.mark.slow
def test_a_new_file_is_vetted_ahead_while_it_cools_down(shop: Shop) -> None:
    shop.publish("demo", "1.0", files=PLAIN)
    assert ask(shop, "demo-1.0-py3-none-any.whl").status == 200
    evil = shop.publish("demo", "1.1", uploaded=FRESH, files=POISONED)
    shop.door.clock.advance(minutes=10)
    shop.door.page("demo")
    shop.door.settle()
    (entry,) = shop.door.entries("verdict", subject=f"sha256:{digest_of(shop, evil)}")
    assert entry.body["verdict"] == "malicious"
    assert evil not in [file["filename"] for file in shop.door.page("demo")["files"]]


def test_vetting_can_be_switched_off(open_shop: OpenShop) -> None:
    shop = open_shop(settings='[vet]\nmode = "off"\n')
    filename = shop.publish("demo", "1.0", files=POISONED)
    assert ask(shop, filename).status == 200
    assert not shop.door.entries("verdict", at_least=0)


@pytest.mark.slow
def test_a_refused_file_is_vetted_again_by_a_newer_engine(shop: Shop) -> None:
    """What an older engine held by mistake must not stay held for good."""
    filename = shop.publish("demo", "1.0", files=PLAIN)
    shop.publish("demo", "1.1", files=POISONED)
    evil = "demo-1.1-py3-none-any.whl"
    assert ask(shop, evil).status == 403
    control = open_control(load_settings(shop.door.home, environ={}))
    try:
        mistaken = VettingFacts(verdict=Verdict.SUSPICIOUS, headline="an older engine's opinion")
        for name in (filename, evil):
            control.set_vetting(Sha256(digest_of(shop, name)), mistaken)
    finally:
        control.close()
    assert ask(shop, filename).status == 200  # no report of today's engine: vetted, and clean
    assert ask(shop, evil).status == 403  # judged by today's engine: what is kept decides
