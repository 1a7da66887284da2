"""The register at the door: for approvers, all of a file or nothing."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kit.door import Door, running_door
from kit.shop import NOW
from kit.upstream import FakeUpstream
from pratique.doors.parties.register import MAX_BODY
from pratique.parties.entries import suspension_draft
from pratique.parties.model import Suspension, SuspensionScope
from pratique.store.logs import open_log

SUSPENDED = Suspension(
    id="S-AAAAAAAAAAAA", scope=SuspensionScope(party="acme"), vendors=("acme",), client="", reason="x",
    incident="", conditions=(), evidence_root="", leases=0, tokens=0, by="operator:ann", at=NOW,
)  # fmt: skip
FILE = """
[[vendor]]
name = "acme"
assets = ["gpu-1"]
[[client]]
name = "lab"
"""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with (
        FakeUpstream() as upstream,
        running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as opened,
    ):
        yield opened


@pytest.fixture
def ann(door: Door) -> str:
    return door.add_token("ann", role="approver")


def ask(
    door: Door, token: str, method: str = "GET", query: str = "", body: bytes | None = None
) -> tuple[int, bytes]:
    where = urlsplit(door.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    login = base64.b64encode(f"__token__:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}
    connection.request(method, f"/_pratique/register{query}", body=body, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def put(door: Door, token: str, text: str, query: str = "") -> tuple[int, dict[str, Any]]:
    status, body = ask(door, token, "PUT", query, text.encode())
    return status, json.loads(body)


def test_what_is_put_is_got_and_putting_it_again_changes_nothing(door: Door, ann: str) -> None:
    status, answer = put(door, ann, FILE)
    assert (status, len(answer["changes"]), answer["facts"]) == (200, 2, 1)
    assert [one.actor for one in door.entries("party")] == ["approver:ann"] * 2
    for form in ("", "?form=toml"):
        _, text = ask(door, ann, "GET", form)
        status, again = put(door, ann, text.decode())
        assert (status, again["changes"], again["entries"]) == (200, [], [])
    assert len(door.entries("facts")) == 1


def test_removals_are_asked_for_and_dry_runs_record_nothing(door: Door, ann: str) -> None:
    put(door, ann, FILE)
    shorter = FILE.partition("[[client]]")[0]
    status, refused = put(door, ann, shorter)
    assert (status, refused["removes"]) == (409, ["party lab"])
    status, dry = put(door, ann, shorter, "?dry_run=1")
    assert (status, dry["changes"][0]["change"], dry["entries"]) == (200, "removed", [])
    assert len(door.entries("party")) == 2
    assert put(door, ann, shorter, "?remove=1")[0] == 200
    assert "lab" not in ask(door, ann)[1].decode()


@pytest.mark.parametrize(
    "query", ["dry_run=true", "dry_run", "dry_run=1&dry_run=0", "dry_run=1&remove=yes"]
)
def test_a_parameter_in_other_words_is_not_taken_for_no(door: Door, ann: str, query: str) -> None:
    status, answer = put(door, ann, FILE, f"?{query}")
    assert (status, answer["detail"]) == (422, "dry_run and remove are 1 or 0")
    assert door.entries("party", at_least=0) == []
    assert put(door, ann, FILE, "?dry_run=0&remove=0")[0] == 200
    assert len(door.entries("party")) == 2


def test_a_wrong_file_is_told_and_changes_nothing(door: Door, ann: str) -> None:
    status, answer = put(door, ann, FILE.replace("assets", "asset"))
    assert status == 422
    assert "vendor 'acme': Object contains unknown field `asset`" in answer["mistakes"]
    assert put(door, ann, FILE, "?drop=1")[0] == 422
    assert ask(door, ann, "PUT", "", b" " * (MAX_BODY + 1))[0] == 413
    assert ask(door, ann, "POST", "", b"")[0] == 405
    assert door.entries("party", at_least=0) == []


@pytest.mark.parametrize("role", ["asset", "collector", "party"])
def test_only_approvers(door: Door, role: str) -> None:
    token = door.add_token("x", role=role, party="acme" if role == "party" else "")
    assert ask(door, token)[0] == 403
    assert put(door, token, FILE)[0] == 403
    assert door.entries("party", at_least=0) == []


def test_who_is_suspended_is_not_renamed(door: Door, ann: str) -> None:
    assert put(door, ann, FILE)[0] == 200
    with closing(open_log(door.settings)) as log:
        log.append([suspension_draft(SUSPENDED)], now=NOW)
    status, answer = put(door, ann, FILE.replace("acme", "acme-2"), "?remove=1")
    assert status == 422
    assert "is suspended (S-AAAAAAAAAAAA), and stays" in json.dumps(answer)
    assert put(door, ann, FILE.replace("lab", "lab-2"), "?remove=1")[0] == 200
