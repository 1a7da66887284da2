"""A party polls its status at the door: signed, of now, and its own."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kit.audits import OTHERS, reads, story, suspension
from kit.custody_samples import lease_id
from kit.door import Door, running_door
from kit.shop import NOW
from kit.upstream import FakeUpstream
from pratique.ledger.entries import Draft
from pratique.ledger.errors import BundleError
from pratique.parties.entries import suspension_draft
from pratique.parties.status import OpenedStatus, open_status
from pratique.store.logs import open_log

STATUS = "/_pratique/party/status"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with (
        FakeUpstream() as upstream,
        running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as opened,
    ):
        record(opened, [one for one in story() if one.kind != "suspension"])
        yield opened


def record(door: Door, drafts: list[Draft]) -> None:
    """As another process does."""
    with closing(open_log(door.settings)) as log:
        log.append(drafts, now=door.clock())


def ask(door: Door, token: str, method: str = "GET") -> tuple[int, bytes]:
    where = urlsplit(door.url)
    with closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)) as link:
        login = base64.b64encode(f"__token__:{token}".encode()).decode()
        link.request(method, STATUS, headers={"Authorization": f"Basic {login}"})
        answer = link.getresponse()
        return answer.status, answer.read()


def polled(door: Door, token: str) -> tuple[OpenedStatus, bytes]:
    code, data = ask(door, token)
    assert code == 200, data
    return open_status(data), data


def test_a_client_polls_what_it_may_see(door: Door) -> None:
    token = door.add_token("lab-poll", role="party", party="lab")
    before, _ = polled(door, token)
    assert (before.status.state, before.status.disclosed_objects) == ("working", 7)
    record(door, [suspension_draft(suspension(at=NOW - timedelta(minutes=1)))])
    after, data = polled(door, token)
    assert after.status.state == "partly-suspended"
    assert [one.id for one in after.status.suspensions] == ["S-ABCDEFGH2345"]
    seen = data.decode().lower()
    for other in (*OTHERS, "acme"):
        assert other not in seen
    with pytest.raises(BundleError):
        open_status(data.replace(b"partly-suspended", b"working"))


def test_what_was_disclosed_is_counted_now_and_then_and_says_to_where(door: Door) -> None:
    token = door.add_token("lab-poll", role="party", party="lab")
    first, _ = polled(door, token)
    record(door, [reads(str(lease_id(1)), 30)])
    second, _ = polled(door, token)
    assert second.size > first.size
    assert second.status.disclosed_to == first.status.disclosed_to
    door.clock.advance(minutes=16)
    third, _ = polled(door, token)
    assert third.status.disclosed_to > second.status.disclosed_to


def test_only_parties_poll_and_only_by_get(door: Door) -> None:
    party = door.add_token("lab-poll", role="party", party="lab")
    asset = door.add_token("ci-runner")
    assert ask(door, party, "POST")[0] == 405
    code, answer = ask(door, asset)
    assert code == 403
    assert b"party" in json.dumps(json.loads(answer)).encode()
