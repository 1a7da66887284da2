"""Every path × every decision: bytes flow when policy lets them, and on no other path at all.

The field's worst bugs are nearly all "one path was unfiltered", so nothing here is sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.asking import SIMPLE_HTML, SIMPLE_JSON, Answer
from kit.cases import CASES, CASES_BY_NAME, Published
from kit.world import World, files_of, running_world

pytestmark = pytest.mark.slow  # hundreds of cases; `make test` runs them

ALL = [case.name for case in CASES]
WAYS = (("pypi", "anonymous"), ("mirror", "token"))
"""Through which index view, and as whom."""

PAGE_PATHS = {
    "json": ("", {"Accept": SIMPLE_JSON}),
    "simple-html": ("", {"Accept": SIMPLE_HTML}),
    "html": ("", {"Accept": "text/html"}),
    "no-accept": ("", {}),
    "latest": ("", {"Accept": "application/vnd.pypi.simple.latest+json"}),
    "format-json": (f"?format={SIMPLE_JSON}", {"Accept": "text/html"}),
    "format-html": ("?format=text/html", {"Accept": SIMPLE_JSON}),
    "json-gzip": ("", {"Accept": SIMPLE_JSON, "Accept-Encoding": "gzip"}),
    "html-gzip": ("", {"Accept": "text/html", "Accept-Encoding": "br, gzip;q=0.5"}),
    "uv": ("", {"Accept": SIMPLE_JSON, "Accept-Encoding": "gzip, deflate, zstd"}),
    "pip": ("", {"Accept": f"{SIMPLE_JSON}, {SIMPLE_HTML}; q=0.1, text/html; q=0.01"}),
}

FILE_PATHS = {
    "get": ("GET", "", {}),
    "head": ("HEAD", "", {}),
    "range": ("GET", "", {"Range": "bytes=0-99"}),
    "middle-range": ("GET", "", {"Range": "bytes=100-299"}),
    "open-range": ("GET", "", {"Range": "bytes=10-"}),
    "suffix-range": ("GET", "", {"Range": "bytes=-64"}),
    "many-ranges": ("GET", "", {"Range": "bytes=0-9,20-29"}),
    "odd-range": ("GET", "", {"Range": "lines=1-2"}),
    "if-range-right": ("GET", "", {"Range": "bytes=0-99", "If-Range": '"{sha256}"'}),
    "if-range-wrong": ("GET", "", {"Range": "bytes=0-99", "If-Range": '"something else"'}),
    "if-none-match": ("GET", "", {"If-None-Match": '"{sha256}"'}),
    "if-none-match-any": ("GET", "", {"If-None-Match": "*"}),
    "if-modified-since": ("GET", "", {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"}),
    "head-range": ("HEAD", "", {"Range": "bytes=0-99"}),
    "metadata": ("GET", ".metadata", {}),
    "metadata-head": ("HEAD", ".metadata", {}),
    "metadata-if-none-match": ("GET", ".metadata", {"If-None-Match": '"{sha256}.metadata"'}),
    "metadata-range": ("GET", ".metadata", {"Range": "bytes=0-9"}),
    "provenance": ("GET", ".provenance", {}),
    "provenance-head": ("HEAD", ".provenance", {}),
    "provenance-if-none-match": ("GET", ".provenance", {"If-None-Match": "*"}),
}


@pytest.fixture(scope="module", params=["uncached", "stored"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with running_world(folder, stored=request.param == "stored") as running:
        yield running


@pytest.fixture(scope="module")
def logins(world: World) -> dict[str, tuple[str, str] | None]:
    return {"anonymous": None, "token": ("__token__", world.door.add_token("walker"))}


# ── pages ────────────────────────────────────────────────────────────────────────────────────


def assert_page_shows(answer: Answer, item: Published, world: World) -> None:
    case = item.case
    assert answer.status == 200
    files = files_of(answer)
    vary = {name.strip() for name in answer.header("Vary").split(",")}
    assert {"Accept", "Accept-Encoding"} <= vary
    assert "no-cache" in answer.header("Cache-Control")
    assert case.listed == (item.filename in files), f"{case.name}: {sorted(files)}"
    for name, file in files.items():
        assert not file["url"].startswith(world.upstream.origin), f"{name} leads past the door"
    if not case.listed:
        assert item.sha256.encode() not in answer.content
        assert b"2.0" not in answer.content, "not even the version may be shown"
        return
    yanked = files[item.filename]["yanked"]
    if case.outcome == "allow":
        assert yanked == case.upstream.get("yanked", False)
        return
    assert isinstance(yanked, str)
    assert case.says in yanked
    assert f"{world.door.public_url}/b/" in yanked


@pytest.mark.parametrize("path", PAGE_PATHS)
@pytest.mark.parametrize("name", ALL)
def test_pages(
    world: World,
    logins: dict[str, tuple[str, str] | None],
    name: str,
    path: str,
) -> None:
    item = world.published[name]
    query, headers = PAGE_PATHS[path]
    for view, who in WAYS:
        base, login = f"/{view}/simple/{item.case.project}/", logins[who]
        answer, agent = world.ask(base + query, headers=headers, login=login)
        assert_page_shows(answer, item, world)
        [entry] = world.door.entries("page", agent=agent)
        assert entry.body["status"] == 200
        assert entry.body["view"] == answer.header("X-Pratique-View")
        head, _ = world.ask(base + query, method="HEAD", headers=headers, login=login)
        assert head.status == 200
        assert head.body == b""
        assert head.header("ETag") == answer.header("ETag")
        unchanged, agent = world.ask(
            base + query, headers={**headers, "If-None-Match": answer.header("ETag")}, login=login
        )
        assert (unchanged.status, unchanged.body) == (304, b"")
        [entry] = world.door.entries("page", agent=agent)
        assert entry.body["status"] == 304
        assert entry.body["view"] == answer.header("X-Pratique-View")


@pytest.mark.parametrize("name", ALL)
def test_the_view_in_the_ledger_says_what_the_page_offered(world: World, name: str) -> None:
    item = world.published[name]
    answer, _ = world.ask(f"/pypi/simple/{item.case.project}/", headers={"Accept": SIMPLE_JSON})
    view = answer.header("X-Pratique-View")
    changes = [
        change
        for entry in world.door.entries("view", subject=f"pypi/{item.case.project}")
        if entry.body["view"] == view
        for change in entry.body["changes"]
    ]
    [row] = [c for c in changes if c["f"] == item.filename]
    assert row["o"] == item.case.outcome
    assert row["s"] == ("" if name == "hashless" else item.sha256)
    if item.case.rule:
        assert row["r"] == item.case.rule


# ── files, sidecars, attestations ────────────────────────────────────────────────────────────


def assert_refused(answer: Answer, item: Published, world: World, method: str) -> None:
    case = item.case
    assert answer.status == 403, (answer.status, answer.reason)
    verb = {"hold": "held", "deny": "denied"}[case.outcome]
    assert answer.reason.startswith(f"Pratique {verb}: ")
    assert case.says in answer.reason
    assert f"{world.door.public_url}/b/" in answer.reason
    assert answer.is_problem
    assert "no-store" in answer.header("Cache-Control")
    assert answer.header("ETag") == ""
    if method == "HEAD":
        assert answer.body == b""
        return
    said = answer.json
    assert said["detail"] == answer.reason
    assert (said["status"], said["outcome"]) == (403, case.outcome)
    assert said["block"].startswith(f"{world.door.public_url}/b/")
    if case.rule:
        assert said["rule"] == case.rule


def assert_nothing_leaked(answer: Answer, item: Published) -> None:
    for marker in (item.marker, item.metadata_marker, item.provenance_marker):
        assert marker not in answer.body
    assert item.file.content[:30] not in answer.body
    assert item.file.content[-22:] not in answer.body


def expected_bytes(item: Published, headers: dict[str, str]) -> bytes:
    """What a passing GET of the file must bring, after RFC 9110 sections 13 and 14."""
    content = item.file.content
    if headers.get("If-Range") == '"something else"':
        return content
    return {
        "bytes=0-99": content[:100],
        "bytes=100-299": content[100:300],
        "bytes=10-": content[10:],
        "bytes=-64": content[-64:],
    }.get(headers.get("Range", ""), content)


def assert_delivered(
    answer: Answer, item: Published, method: str, suffix: str, headers: dict[str, str]
) -> None:
    assert answer.status in {200, 206, 304}, (answer.status, answer.reason)
    assert answer.broken == ""
    if method == "HEAD" or answer.status == 304:
        assert answer.body == b""
        return
    if suffix == ".metadata":
        assert item.metadata_marker in answer.body
    elif suffix == ".provenance":
        assert item.provenance_marker in answer.body
    else:
        wanted = expected_bytes(item, headers)
        assert answer.body == wanted
        assert (answer.status == 206) == (wanted != item.file.content)


@pytest.mark.parametrize("path", FILE_PATHS)
@pytest.mark.parametrize("name", ALL)
def test_files(
    world: World,
    logins: dict[str, tuple[str, str] | None],
    name: str,
    path: str,
) -> None:
    item = world.published[name]
    method, suffix, templates = FILE_PATHS[path]
    headers = {key: value.format(sha256=item.sha256) for key, value in templates.items()}
    for view, who in WAYS:
        login = logins[who]
        answer, agent = world.ask(
            f"/{view}/{item.door_path}{suffix}", method=method, headers=headers, login=login
        )
        if item.case.passes:
            assert_delivered(answer, item, method, suffix, headers)
            if method == "GET":
                [entry] = world.door.entries("delivery", agent=agent)
        else:
            assert_refused(answer, item, world, method)
            assert_nothing_leaked(answer, item)
            [entry] = world.door.entries("refusal", agent=agent)
            assert answer.reason.startswith(entry.body["reason"])
            assert answer.reason.endswith(f"/b/{entry.body['block']}")
        if method == "GET" or not item.case.passes:
            assert entry.body["outcome"] == item.case.outcome
            assert entry.body["filename"] == item.filename
            assert entry.body["sha256"] == ("" if name == "hashless" else item.sha256)
            assert entry.body["door"] == (suffix.lstrip(".") or "file")
            assert entry.actor == ("asset:walker" if login else "anonymous:127.0.0.1")
            if item.case.rule:
                assert entry.body["rule"] == item.case.rule
            if item.case.passes:
                assert bool(entry.body["waiver"]) == bool(item.case.waiver)
    if not item.case.passes:
        assert world.upstream.count(item.file.path) == 0, "upstream was asked for it"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("name", ["allowed", "fresh", "denied"])
def test_other_methods_bring_nothing(world: World, name: str, method: str) -> None:
    item = world.published[name]
    answer, _ = world.ask(f"/pypi/{item.door_path}", method=method)
    assert answer.status in {400, 405, 501}
    assert_nothing_leaked(answer, item)


# ── the same, without the page having been asked for, and while the upstream is down ──────────


def verdicts_on_files(world: World) -> dict[str, bool]:
    """Of each case whether its bytes came, over every file path."""
    came: dict[str, bool] = {}
    for name, item in world.published.items():
        for method, suffix, templates in FILE_PATHS.values():
            headers = {key: value.format(sha256=item.sha256) for key, value in templates.items()}
            answer, _ = world.ask(f"/pypi/{item.door_path}{suffix}", method=method, headers=headers)
            if answer.status == 403 and not item.case.passes:
                assert_refused(answer, item, world, method)
            if answer.status in {200, 206, 304}:
                came[name] = True
            else:
                assert_nothing_leaked(answer, item)
        came.setdefault(name, False)
    return came


EXPECTED = {case.name: case.passes for case in CASES}


def test_direct_links_without_any_page(tmp_path: Path) -> None:
    # Early release needs a study of the page, and nobody has looked at the page.
    with running_world(tmp_path, studied=False) as world:
        assert verdicts_on_files(world) == {**EXPECTED, "fix-clean": False}


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False], ids=["stored", "uncached"])
def test_stale_pages_while_the_upstream_is_down(tmp_path: Path, *, stored: bool) -> None:
    """A page kept from earlier is decided with today's policy, on every path."""
    with running_world(tmp_path, stored=stored) as world:
        for item in world.published.values():
            answer, _ = world.ask(f"/pypi/simple/{item.case.project}/")
            assert answer.status == 200
        world.upstream.down()
        world.door.clock.advance(minutes=20)
        for item in world.published.values():
            for query, headers in PAGE_PATHS.values():
                answer, agent = world.ask(
                    f"/pypi/simple/{item.case.project}/{query}", headers=headers
                )
                assert_page_shows(answer, item, world)
                [entry] = world.door.entries("page", agent=agent)
                assert entry.body["stale"] is True
        came = verdicts_on_files(world)
        if stored:
            assert came == EXPECTED
        else:
            assert not any(came[n] for n, passes in EXPECTED.items() if not passes)


def test_audit_mode_records_what_it_would_have_done(tmp_path: Path) -> None:
    with running_world(tmp_path, mode="audit") as world:
        for name, item in world.published.items():
            answer, agent = world.ask(f"/pypi/{item.door_path}")
            assert answer.body == item.file.content, name
            [entry] = world.door.entries("delivery", agent=agent)
            assert entry.body["outcome"] == "allow"
            would = "" if item.case.outcome == "allow" else item.case.outcome
            assert entry.body["audited"] == would


# ── when the decision changes ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("closing", ["policy", "advisory", "verdict", "waiver", "time"])
def test_a_changed_decision_is_never_hidden_by_a_304(tmp_path: Path, closing: str) -> None:
    case = CASES_BY_NAME["waived" if closing in {"waiver", "time"} else "allowed"]
    with running_world(tmp_path, stored=True, cases=(case,)) as world:
        item = world.published[case.name]
        page, file = f"/pypi/simple/{case.project}/", f"/pypi/{item.door_path}"
        etags = {}
        for path, (query, headers) in PAGE_PATHS.items():
            answer, _ = world.ask(page + query, headers=headers)
            assert files_of(answer)[item.filename]["yanked"] is False
            etags[path] = answer.header("ETag")
        assert world.ask(file)[0].status == 200
        close(world, item, closing)
        for path, (query, headers) in PAGE_PATHS.items():
            answer, _ = world.ask(page + query, headers={**headers, "If-None-Match": etags[path]})
            assert answer.status == 200, f"{path} was answered from the past"
            assert answer.header("ETag") != etags[path]
            shown = files_of(answer).get(item.filename)
            assert shown is None or isinstance(shown["yanked"], str)
        for method, suffix, templates in FILE_PATHS.values():
            headers = {k: v.format(sha256=item.sha256) for k, v in templates.items()}
            answer, _ = world.ask(file + suffix, method=method, headers=headers)
            assert answer.status == 403, (method, suffix, headers)
            assert_nothing_leaked(answer, item)


def close(world: World, item: Published, how: str) -> None:
    door = world.door
    if how == "policy":
        door.set_policy(f'[[deny]]\nprojects = ["{item.case.project}"]\nreason = "gone bad"\n')
    elif how == "advisory":
        door.add_advisory("MAL-2026-99", item.case.project, ["2.0"])
    elif how == "verdict":
        door.set_verdict(item.sha256, "malicious")
    elif how == "waiver":
        door.revoke_waiver(door.waiver_ids()[0])
    else:
        door.clock.advance(days=40)  # past the waiver's end …
        item.file.upload_time = door.clock()  # … while upstream says the file is new
        world.upstream.touch(item.case.project)
