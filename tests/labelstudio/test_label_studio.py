"""Labelling with the real Label Studio, its tasks and media read and its annotations written under leases.

The server's environment is the file that the docs hand out, with the door's address put in. A
browser opens the labelling page as an annotator does.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.devtools import Tab, chromium_tab
from kit.door import free_port
from kit.labelstudio import LabelStudio, label_studio
from kit.s3_door import Custodian, custodian, s3_door, settled
from pratique.custody.model import Lease, ScopeId, ScopeState, Verb
from pratique.doors.cli.lease_credentials import Credentials, render_credentials
from pratique.doors.s3.serving import ServingS3
from pratique.values.instants import now_utc

ENVIRONMENT = Path(__file__).resolve().parents[2] / "docs" / "operate" / "label-studio.env"
SHOTS = os.environ.get("PRATIQUE_TEST_SCREENSHOTS", "")
CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <Choices name="kind" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices>
</View>
"""
LOADED = """
[...document.querySelectorAll('img')].some(
  one => one.naturalWidth === 640 && one.complete && one.getBoundingClientRect().width > 300)
"""
"""The picture that is labelled, not its thumbnail in the list."""


def picture(number: int) -> bytes:
    """A PNG of 640 × 360 with a square whose place tells the number."""
    row = [b"\xd8\xe6\xf0" * 640] * 360
    for line in range(100, 260):
        row[line] = b"\xd8\xe6\xf0" * (60 + 180 * number) + b"\x10\x20\x30" * 160
        row[line] += b"\xd8\xe6\xf0" * (640 - len(row[line]) // 3)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 640, 360, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\x00" + line for line in row))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def told_environment(url: str) -> dict[str, str]:
    """What docs/operate/label-studio.env says, with the door of this test."""
    lines = [line for line in ENVIRONMENT.read_text("utf-8").splitlines() if "=" in line]
    found = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert {"S3_ENDPOINT", "S3_TRUSTED_STORAGE_DOMAINS"} <= set(found)
    return found | {"S3_ENDPOINT": url, "S3_TRUSTED_STORAGE_DOMAINS": "127.0.0.1"}


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def place(tmp_path: Path, port: int) -> AsyncIterator[tuple[Custodian, ServingS3]]:
    with custodian(tmp_path / "home", s3_origins=(f"http://127.0.0.1:{port}",)) as made:
        made.dataset()
        made.dataset("answers")
        for number in range(3):
            made.put(f"media/{number}.png", picture(number))
            task = {"image": f"s3://dialogs/media/{number}.png"}
            made.put(f"tasks/{number}.json", json.dumps(task).encode())
        async with s3_door(made.settings) as serving:
            yield made, serving


@pytest.fixture
def server(place: tuple[Custodian, ServingS3], port: int, tmp_path: Path) -> Iterator[LabelStudio]:
    where = tmp_path / "label-studio"
    where.mkdir()
    with label_studio(where, port, told_environment(place[1].url)) as found:
        yield found


def storage(given: tuple[Lease, str], url: str, **changes: Any) -> dict[str, Any]:
    """The body of Label Studio's API that `pratique lease credentials --as label-studio` prints."""
    lease, secret = given
    credentials = Credentials(
        access_key=lease.id,
        secret_key=secret,
        endpoint=url,
        region="us-east-1",
        begins_at=now_utc(),
        ends_at=lease.not_after,
    )
    found: dict[str, Any] = json.loads(render_credentials(credentials, "label-studio"))
    return found | changes


async def test_work_with_it_under_leases(
    place: tuple[Custodian, ServingS3], server: LabelStudio, tmp_path: Path
) -> None:
    made, serving = place
    ask = asyncio.to_thread
    project = (
        await ask(server.must, "POST", "/api/projects/", {"title": "cats", "label_config": CONFIG})
    )["id"]
    reading = made.grant()
    source = await ask(
        server.must,
        "POST",
        "/api/storages/s3",
        storage(reading, serving.url, project=project, bucket="dialogs", prefix="tasks"),
    )
    synced = await ask(server.must, "POST", f"/api/storages/s3/{source['id']}/sync")
    assert synced["status"] == "completed", synced
    tasks = await ask(server.must, "GET", f"/api/tasks?project={project}")
    assert sorted(task["storage_filename"] for task in tasks["tasks"]) == [
        f"tasks/{number}.json" for number in range(3)
    ]
    task = tasks["tasks"][0]["id"]

    cookies = await ask(server.cookies)
    async with chromium_tab(tmp_path / "profile") as tab:
        await tab.open(f"{server.url}/projects/{project}/data?task={task}", cookies)
        await tab.until(LOADED)
        await _keep(tab, tmp_path, "labelling")

        writing = made.grant(selectors=("answers",), verbs=frozenset(Verb))
        target = await ask(
            server.must,
            "POST",
            "/api/storages/export/s3",
            storage(writing, serving.url, project=project, bucket="answers", prefix="out"),
        )
        chosen: dict[str, Any] = {"from_name": "kind", "to_name": "image", "type": "choices"}
        chosen |= {"value": {"choices": ["cat"]}}
        await ask(server.must, "POST", f"/api/tasks/{task}/annotations/", {"result": [chosen]})
        await ask(server.must, "POST", f"/api/storages/export/s3/{target['id']}/sync")
        assert [one.key.startswith("out/") for one in made.state.objects("answers")] == [True]

        scope = ScopeId("vendor:acme")
        made.state.set_state(
            scope, ScopeState.SUSPENDED, reason="vendor suspended", incident="INC-42"
        )
        await settled(serving, scope, stopped=True)
        again = await ask(server.call, "POST", f"/api/storages/s3/{source['id']}/sync")
        assert "INC-42" in json.dumps(again), again
        other = tasks["tasks"][1]["id"]
        await tab.open(f"{server.url}/projects/{project}/data?task={other}", cookies)
        await tab.until(
            "document.body && document.body.innerText.includes('There was an issue loading URL')"
        )
        assert not await tab.ask(LOADED)
        await _keep(tab, tmp_path, "suspended")


async def _keep(tab: Tab, where: Path, name: str) -> None:
    """Keep what a person sees; for a look at it, PRATIQUE_TEST_SCREENSHOTS names a folder."""
    shot = where / f"{name}.png"
    await tab.screenshot(shot)
    assert shot.stat().st_size > 10_000
    if SHOTS:
        shutil.copy(shot, Path(SHOTS) / f"label-studio-{name}.png")
