"""What was judged by a diff has no facts of what only grew: without its archive it is no base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.shop import OpenShop, Shop
from pratique.settings import load_settings
from pratique.store.vetting import open_vetting
from pratique.values.digests import Sha256
from pratique.vet.model import Regime

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = false\n'
RUNS = "import subprocess\n\n\ndef run(name):\n    return subprocess.run([name], check=True)\n"


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    return open_shop(settings=VET)


def grown(shop: Shop, version: str, lines: str) -> str:
    return shop.publish("demo", version, files={"demo/__init__.py": RUNS + lines})


def ask(shop: Shop, filename: str) -> int:
    return shop.door.ask("/pypi" + shop.upstream.projects["demo"].files[filename].path).status


def digest_of(shop: Shop, filename: str) -> Sha256:
    return Sha256(shop.upstream.projects["demo"].files[filename].hashes["sha256"])


def stored(shop: Shop, digest: str) -> Path:
    [path] = (p for p in (shop.door.home / "blobs").rglob(f"*{digest[8:]}*") if p.is_file())
    return path


def downloads(shop: Shop, filename: str) -> int:
    return shop.upstream.count(shop.upstream.projects["demo"].files[filename].path)


def judged(shop: Shop, filename: str) -> tuple[str, Regime]:
    store = open_vetting(load_settings(shop.door.home, environ={}))
    try:
        newest, *_ = store.reports_of(digest_of(shop, filename))
        return newest.report.base, newest.report.regime
    finally:
        store.close()


def whole(shop: Shop, filename: str) -> bool:
    store = open_vetting(load_settings(shop.door.home, environ={}))
    try:
        kept = store.release(digest_of(shop, filename))
        assert kept is not None
        return kept.whole
    finally:
        store.close()


@pytest.mark.slow
@pytest.mark.parametrize("evicted", [True, False])
def test_a_partial_base_is_read_again_when_its_archive_is_gone(shop: Shop, evicted: bool) -> None:
    first = grown(shop, "1.0", "")
    assert ask(shop, first) == 200
    second = grown(shop, "1.1", "# one\n")
    shop.door.clock.advance(minutes=20)
    assert ask(shop, second) == 200
    shop.door.settle()
    assert (whole(shop, first), whole(shop, second)) == (True, False)
    if evicted:
        stored(shop, digest_of(shop, second)).unlink()
    third = grown(shop, "1.2", "# one\n# two\n")
    shop.door.clock.advance(minutes=20)
    assert ask(shop, third) == 200
    assert judged(shop, third) == (second, Regime.DIFF)
    assert downloads(shop, second) == (2 if evicted else 1)
    assert whole(shop, second)  # what was missing is made from the archive, and kept
