"""Other spellings of a URL never bring bytes that the plain one refuses, and break nothing."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.asking import SIMPLE_JSON
from kit.cases import CASES_BY_NAME
from kit.world import World, files_of, running_world

pytestmark = pytest.mark.slow  # hundreds of cases; `make test` runs them

CASES = tuple(CASES_BY_NAME[n] for n in ("allowed", "fresh", "denied", "hidden"))
CLOSED = ("fresh", "denied")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("world"), stored=True, cases=CASES) as running:
        yield running


@st.composite
def respelled(draw: st.DrawFn, path: str) -> str:
    """A path with some characters percent-encoded, twice even, and with odd separators."""
    out = []
    for character in path:
        how = draw(st.sampled_from(["as is"] * 12 + ["%xx", "%XX", "%25xx", "double", "dot"]))
        if how == "%xx":
            out.append(f"%{ord(character):02x}")
        elif how == "%XX":
            out.append(f"%{ord(character):02X}")
        elif how == "%25xx":
            out.append(f"%25{ord(character):02x}")
        elif how == "double" and character == "/":
            out.append("//")
        elif how == "dot" and character == "/":
            out.append(
                draw(st.sampled_from(["/./", "/x/../", "/%2e/", "/%2e%2e/", "\\", "/;a=b/"]))
            )
        else:
            out.append(character)
    tail = draw(
        st.sampled_from(["", "", "?", "?x=y", "?format=text/html", "#f", "/", "%00", ".", "%20"])
    )
    return "".join(out) + tail


@pytest.mark.parametrize("name", CLOSED)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_spelling_opens_a_closed_file(world: World, name: str, data: st.DataObject) -> None:
    item = world.published[name]
    suffix = data.draw(st.sampled_from(["", "", ".metadata", ".provenance", ".METADATA"]))
    view = data.draw(st.sampled_from(["pypi", "mirror"]))
    path = data.draw(respelled(f"/{view}/{item.door_path}{suffix}"))
    answer = world.door.ask(path)
    assert answer.status in {301, 400, 403, 404, 405}, (path, answer.status)
    for marker in (item.marker, item.metadata_marker, item.provenance_marker):
        assert marker not in answer.body


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_spelling_of_a_page_lists_what_is_denied(world: World, data: st.DataObject) -> None:
    item = world.published["denied"]
    path = data.draw(respelled(f"/pypi/simple/{item.case.project}/"))
    answer = world.door.ask(path, headers={"Accept": SIMPLE_JSON})
    assert answer.status in {200, 301, 400, 404, 406}, (path, answer.status)
    assert item.sha256.encode() not in answer.body
    if answer.status == 301:
        location = answer.header("Location")
        assert not location.startswith(("http", "//", "\\")), "a redirect may not leave the door"
        assert "\r" not in location
        assert "\n" not in location


@pytest.mark.parametrize(
    ("spelled", "location"),
    [
        ("/pypi/simple/CASE_allowed/", "../case-allowed/"),
        ("/pypi/simple/case--allowed/", "../case-allowed/"),
        ("/pypi/simple/Case.Allowed", "case-allowed/"),
        ("/pypi/simple/case-allowed", "case-allowed/"),
        ("/pypi/simple/case_allowed?format=text/html", "case-allowed/?format=text/html"),
        ("/pypi/simple", "simple/"),
        (
            "/pypi/simple/Case_Allowed/?x=%0d%0aSet-Cookie:%20a=b&y=%C3%A9",
            "../case-allowed/?x=%0d%0aSet-Cookie:%20a=b&y=%C3%A9",
        ),
    ],
)
def test_other_names_of_a_project_lead_to_its_page(
    world: World, spelled: str, location: str
) -> None:
    answer = world.door.ask(spelled)
    assert answer.status == 301
    assert answer.header("Location") == location


def test_a_quoted_file_name_is_found(world: World) -> None:
    item = world.published["allowed"]
    folder, _, filename = item.door_path.rpartition("/")
    quoted = "".join(f"%{ord(c):02X}" if c in "-_." else quote(c) for c in filename)
    answer = world.door.ask(f"/pypi/{folder}/{quoted}")
    assert answer.body == item.file.content


def test_a_file_of_one_project_is_not_served_under_a_path_of_another(world: World) -> None:
    fresh, allowed = world.published["fresh"], world.published["allowed"]
    folder = allowed.door_path.rpartition("/")[0]
    answer = world.door.ask(f"/pypi/{folder}/{fresh.filename}")
    assert answer.status == 404
    folder = fresh.door_path.rpartition("/")[0]
    answer = world.door.ask(f"/pypi/{folder}/{allowed.filename}")
    assert answer.status == 404


def test_links_on_a_page_work_as_they_stand(world: World) -> None:
    item = world.published["allowed"]
    page = f"/pypi/simple/{item.case.project}/"
    for accept in (SIMPLE_JSON, "text/html"):
        url = files_of(world.door.ask(page, headers={"Accept": accept}))[item.filename]["url"]
        path = world.door.path_of(url, below=page)
        assert world.door.ask(path).body == item.file.content
