"""What real installers write is understood: the grammar against the tools themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.clients import Client, Locker
from kit.shop import OLD, OpenShop
from pratique.inventory.ci_logs.reading import JobReader, JobReading
from pratique.inventory.observed.model import Stage

pytestmark = pytest.mark.clients


def read(output: str) -> JobReading:
    reader = JobReader("job.log")
    reader.feed(output.encode())
    return reader.finish()


def installed(reading: JobReading) -> set[tuple[str, str]]:
    return {
        (seen.mention.item.name, seen.mention.item.version)
        for seen in reading.seen
        if seen.mention.stage is Stage.INSTALLED
    }


def test_what_a_client_says_it_installed_is_what_it_installed(
    open_shop: OpenShop, client: Client, tmp_path: Path
) -> None:
    shop = open_shop()
    shop.stock_demo(newest=OLD)

    result = client.install("demo==2.0", index_url=shop.index_url, where=tmp_path / "work")
    assert result.installed == {"demo": "2.0"}, result
    reading = read(result.output)
    assert ("demo", "2.0") in installed(reading), result.output
    assert all(version == "2.0" for name, version in installed(reading) if name == "demo")
    assert reading.whole, (reading.gaps, result.output)


def test_what_a_locker_syncs_is_named(open_shop: OpenShop, locker: Locker, tmp_path: Path) -> None:

    shop = open_shop()
    shop.stock_demo(newest=OLD)
    where = tmp_path / "work"
    locker.lock("demo==1.0", index_url=shop.index_url, where=where)
    result = locker.sync(where=where)
    assert result.installed == {"demo": "1.0"}, result
    reading = read(result.output)
    assert ("demo", "1.0") in installed(reading), result.output
    assert reading.whole, (reading.gaps, result.output)
