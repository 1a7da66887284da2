"""What the door learned of a young release is in the report of its vetting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kit.shop import FRESH, NOW, OLD, OpenShop, Shop
from pratique.settings import load_settings
from pratique.store.vetting import open_vetting
from pratique.values.digests import Sha256
from pratique.vet.model import Finding

pytestmark = pytest.mark.slow  # most of them start vetting workers

VET = '[vet]\nmode = "inline"\nworkers = 1\nahead = true\n'
PLAIN = {"demo/__init__.py": "VALUE = 1\n"}


@pytest.fixture
def shop(open_shop: OpenShop) -> Iterator[Shop]:
    return open_shop(settings=VET)


def findings(shop: Shop, filename: str) -> list[Finding]:
    digest = shop.upstream.projects["demo"].files[filename].hashes["sha256"]
    store = open_vetting(load_settings(shop.door.home, environ={}))
    try:
        newest, *_ = store.reports_of(Sha256(digest))
    finally:
        store.close()
    return list(newest.report.findings)


@pytest.mark.slow
def test_ages_of_new_dependencies_and_lost_attestations_are_findings(shop: Shop) -> None:
    provenance = {"version": 1, "attestation_bundles": []}
    shop.publish("plain-helper", "1.0", uploaded=NOW - timedelta(days=2))
    before = shop.publish("demo", "1.0", uploaded=OLD, files=PLAIN, provenance=provenance)
    path = "/pypi" + shop.upstream.projects["demo"].files[before].path
    assert shop.door.ask(path).status == 200
    later = shop.publish("demo", "1.1", uploaded=FRESH, files=PLAIN, requires=("plain-helper",))
    shop.door.clock.advance(minutes=10)
    shop.door.page("demo")
    shop.door.settle()
    told = {(one.rule, one.trait): one.shown for one in findings(shop, later)}
    assert told["young-dependency", "newborn"] == (
        "depends on plain-helper, first uploaded 2 days ago"
    )
    assert before in told["provenance-change", "lost"]
