import json

from pypi_simple import IndexPage

from pratique.index.negotiate import Representation
from pratique.index.project_list import render_project_list
from pratique.values.names import ProjectName

NAMES = [ProjectName(name) for name in ("torch", "demo", "a-b", "demo")]


def test_json() -> None:
    told = json.loads(render_project_list(NAMES, Representation.JSON))
    assert told == {
        "meta": {"api-version": "1.1"},
        "projects": [{"name": "a-b"}, {"name": "demo"}, {"name": "torch"}],
    }
    assert IndexPage.from_json_data(told).projects == ["a-b", "demo", "torch"]


def test_html() -> None:
    body = render_project_list(NAMES, Representation.HTML)
    assert body == render_project_list(reversed(NAMES), Representation.HTML_V1)
    assert IndexPage.from_html(body).projects == ["a-b", "demo", "torch"]


def test_nothing_yet() -> None:
    assert json.loads(render_project_list([], Representation.JSON))["projects"] == []
    assert IndexPage.from_html(render_project_list([], Representation.HTML)).projects == []
