"""The Hub adapter: paths, pages, revisions, and what clients of other protocols would send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kit.bearers import bearer
from kit.doors import Holder, ask, hub_get, hub_list
from kit.s3_door import Custodian, custodian, s3_door
from pratique.custody.bearer import Surface
from pratique.custody.model import Copy, ObjectId
from pratique.custody.ports import Version
from pratique.custody.s3_errors import S3Error
from pratique.doors.hub.routes import Route, parse_route
from pratique.doors.hub.trees import directories_between
from pratique.values.instants import now_utc


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/whoami-v2", Route(what="whoami")),
        ("/api/datasets", Route(what="datasets")),
        ("/api/datasets/meta/faces", Route(what="info", namespace="meta", dataset="faces")),
        ("/api/datasets/faces", Route(what="info", dataset="faces")),
        (
            "/api/datasets/meta/faces/revision/v1%2Fx",
            Route(what="info", namespace="meta", dataset="faces", revision="v1/x"),
        ),
        (
            "/api/datasets/faces/tree/main/a%20b/c",
            Route(what="tree", dataset="faces", path="a b/c"),
        ),
        ("/api/datasets/faces/refs", Route(what="refs", dataset="faces")),
        (
            "/datasets/meta/faces/resolve/main/a/b.txt",
            Route(what="resolve", namespace="meta", dataset="faces", path="a/b.txt"),
        ),
    ],
)
def test_paths_of_the_hub(path: str, route: Route) -> None:
    assert parse_route(path) == route


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api/models/meta/faces",
        "/meta/faces/resolve/main/x",
        "/api/datasets/meta/faces/resolve/main/x",
        "/datasets/meta/faces/tree/main",
        "/datasets/meta/faces/resolve/main/",
        "/datasets/meta/faces/resolve/main/../../x",
        "/datasets/meta/faces/resolve/main/%2e%2e/x",
        "/datasets/meta/faces/resolve/main/%zz",
        "/datasets/meta/FACES/resolve/main/x",
        "/api/datasets/meta/faces/commit/main",
        "/api/repos/create",
    ],
)
def test_what_is_no_path_of_the_hub(path: str) -> None:
    with pytest.raises(S3Error):
        parse_route(path)


def test_directories_are_told_once_across_pages() -> None:
    keys = ["a/b/1", "a/b/2", "a/c", "d/1", "e"]
    first = list(directories_between("", keys[:2], root=""))
    assert first == [("a/b/1", "a"), ("a/b/1", "a/b")]
    assert list(directories_between(keys[1], keys[2:], root="")) == [("d/1", "d")]
    assert list(directories_between("", ["x/y/1", "x/z/2"], root="x/")) == [
        ("x/y/1", "x/y"),
        ("x/z/2", "x/z"),
    ]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Custodian, Holder]]:
    with custodian(tmp_path) as made:
        made.dataset()
        made.put("a/one.txt", b"one")
        made.put("a/b/two.txt", b"two")
        made.put("top.txt", b"top")
        made.put("/odd//key", b"odd")
        lease, secret = made.grant(copy=Copy.CANONICAL)
        async with s3_door(made.settings) as serving, aiohttp.ClientSession() as session:
            yield made, Holder(session=session, url=serving.url, lease=lease, secret=secret)


async def api(holder: Holder, path: str, *, method: str = "GET", **rest: Any) -> Any:
    headers = {"Authorization": f"Bearer {bearer(Surface.HUB, holder.lease, holder.secret)}"}
    headers |= rest.pop("headers", {})
    answer = await ask(holder, method, f"{holder.url}/_hub/{path}", headers=headers, **rest)
    return answer.status, json.loads(answer.body) if answer.body else None, answer.headers


async def test_trees_and_paths(place: tuple[Custodian, Holder]) -> None:
    _, holder = place
    _, flat, _ = await api(holder, "api/datasets/meta/dialogs/tree/main")
    assert [(row["type"], row["path"]) for row in flat] == [("directory", "a"), ("file", "top.txt")]
    _, deep, _ = await api(holder, "api/datasets/meta/dialogs/tree/main?recursive=true")
    assert [(row["type"], row["path"]) for row in deep] == [
        ("directory", "a"),
        ("directory", "a/b"),
        ("file", "a/b/two.txt"),
        ("file", "a/one.txt"),
        ("file", "top.txt"),
    ]
    _, below, _ = await api(holder, "api/datasets/meta/dialogs/tree/main/a")
    assert [row["path"] for row in below] == ["a/b", "a/one.txt"]
    status, _, told = await api(holder, "api/datasets/meta/dialogs/tree/main/nothing")
    assert (status, "EntryNotFound" in told) == (404, True)
    for headers, data in (
        (
            {"Content-Type": "application/json"},
            b'{"paths": ["a", "top.txt", "none"], "expand": false}',
        ),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"paths=a&paths=top.txt&paths=no"),
    ):
        _, rows, _ = await api(
            holder,
            "api/datasets/meta/dialogs/paths-info/main",
            method="POST",
            headers=headers,
            data=data,
        )
        assert [(row["type"], row["path"]) for row in rows] == [
            ("directory", "a"),
            ("file", "top.txt"),
        ]
    downloaded = await hub_get(holder, "top.txt")
    [top] = [row for row in flat if row["path"] == "top.txt"]
    assert f'tag: "{top["oid"]}"' in downloaded.headers


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"paths": 7}', b"\xff", b'{"paths": [null]}'])
async def test_bodies_that_are_none_are_refused(
    place: tuple[Custodian, Holder], data: bytes
) -> None:
    status, said, _ = await api(
        place[1],
        "api/datasets/meta/dialogs/paths-info/main",
        method="POST",
        headers={"Content-Type": "application/json"},
        data=data,
    )
    assert (status, "expected paths" in said["error"]) == (400, True)


async def test_long_trees_come_in_pages_that_nobody_can_make_up(tmp_path: Path) -> None:
    with custodian(tmp_path) as made:
        made.dataset()
        one = made.put("f/0000", b"x")
        made.state.put_objects(
            [replace(one, id=ObjectId(f"{n:032x}"), key=f"f/{n:04}") for n in range(1, 2500)]
        )
        lease, secret = made.grant()
        other, its = made.grant()
        async with s3_door(made.settings) as serving, aiohttp.ClientSession() as session:
            holder = Holder(session=session, url=serving.url, lease=lease, secret=secret)
            answer = await hub_list(holder)
            seen: list[str] = []
            pages = 0
            while True:
                pages += 1
                seen += [row["path"] for row in json.loads(answer.body)]
                if "Link: <" not in answer.headers:
                    break
                url = answer.headers.split("Link: <")[1].split(">")[0]
                assert url.startswith(f"{serving.url}/_hub/api/datasets/meta/dialogs/tree/main?")
                headers = {"Authorization": f"Bearer {bearer(Surface.HUB, lease, secret)}"}
                answer = await ask(holder, "GET", url, headers=headers)
                strangers = {"Authorization": f"Bearer {bearer(Surface.HUB, other, its)}"}
                assert (await ask(holder, "GET", url, headers=strangers)).status == 400
            assert pages == 3
            assert seen == ["f", *(f"f/{n:04}" for n in range(2500))]


async def test_revisions(place: tuple[Custodian, Holder]) -> None:
    made, holder = place
    version = Version(
        dataset="dialogs", number=1, root="ab" * 32, objects=4, bytes=9, sealed_at=now_utc()
    )
    made.state.seal_version(version)
    _, before, _ = await api(holder, "api/datasets/meta/dialogs")
    made.put("top.txt", b"new top")
    _, after, _ = await api(holder, "api/datasets/meta/dialogs")
    assert before["sha"] != after["sha"]
    _, refs, _ = await api(holder, "api/datasets/meta/dialogs/refs")
    assert refs["branches"][0]["targetCommit"] == after["sha"]
    assert refs["tags"] == [
        {"name": "v1", "ref": "refs/tags/v1", "targetCommit": ("ab" * 32)[:40]}
    ], "for a lease of all canonical bytes a commit is the version's root"
    for revision, body in (
        ("main", b"new top"),
        (after["sha"], b"new top"),
        ("v1", b"top"),
        (("ab" * 32)[:40], b"top"),
        ("ab" * 32, b"top"),
    ):
        answer = await hub_get(holder, "top.txt", revision=revision)
        assert (answer.status, answer.body) == (200, body), revision
    for revision in ("v2", "v0", "0" * 40, before["sha"], "refs%2Fpr%2F1"):
        answer = await hub_get(holder, "top.txt", revision=revision)
        assert (answer.status, answer.says("RevisionNotFound")) == (404, True), revision


async def test_a_commit_names_what_one_lease_sees(place: tuple[Custodian, Holder]) -> None:
    made, holder = place
    shas = set()
    for terms in (
        {"copy": Copy.CANONICAL},
        {"copy": Copy.MARKED},
        {"copy": Copy.MARKED},
        {"copy": Copy.CANONICAL, "selectors": ("dialogs/a/",)},
    ):
        lease, secret = made.grant(**terms)
        other = Holder(session=holder.session, url=holder.url, lease=lease, secret=secret)
        _, info, _ = await api(other, "api/datasets/meta/dialogs")
        shas.add(info["sha"])
    assert len(shas) == 4


async def test_nothing_is_written_over_it(place: tuple[Custodian, Holder]) -> None:
    _, holder = place
    for method, path in (
        ("PUT", "datasets/meta/dialogs/resolve/main/top.txt"),
        ("DELETE", "datasets/meta/dialogs/resolve/main/top.txt"),
        ("POST", "datasets/meta/dialogs/resolve/main/top.txt"),
        ("POST", "api/datasets/meta/dialogs/commit/main"),
        ("POST", "api/repos/create"),
        ("GET", "api/datasets/meta/dialogs/paths-info/main"),
    ):
        status, _, _ = await api(holder, path, method=method)
        assert status in {405, 501}, (method, path)
