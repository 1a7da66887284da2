"""Laws of listings: every format says the same graph; reading in pieces says what reading whole says."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from packaging.pylock import Pylock

from kit.graphs import GRAPHS, NPM, TELLS_WHO_ASKED, Graph, integrity, sha512
from kit.locks import ALL
from pratique.inventory.errors import LockError
from pratique.inventory.listings.kinds import listing_kind
from pratique.inventory.listings.reading import Listing, ListingReader, sightings_of
from pratique.inventory.npm.names import digest_of
from pratique.inventory.observed.model import Sighting, Stage

NAMES = st.lists(
    st.sampled_from([
        "alpha", "beta-two", "gamma", "delta", "epsilon", "zeta-z", "eta", "theta", "package", "files",
    ]),
    min_size=1, max_size=8, unique=True,
)  # fmt: skip
VERSIONS = st.sampled_from(["1.0", "1.82.7", "1.82.70", "0.1.0", "2.0.0", "1.10", "10", "2026.1.2"])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    names = draw(NAMES)
    some = st.lists(st.sampled_from(names), max_size=3, unique=True).map(tuple)
    requires = {name: tuple(one for one in draw(some) if one != name) for name in names}
    asked = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True).map(tuple))
    graph = Graph(versions={name: draw(VERSIONS) for name in names}, requires=requires, asked=asked)
    kept = graph.reached()
    return Graph(
        versions={name: graph.versions[name] for name in names if name in kept},
        requires={name: requires[name] for name in names if name in kept},
        asked=asked,
    )


def read(path: str, text: str) -> Listing:
    kind = listing_kind(path)
    assert kind is not None
    return sightings_of(kind, path, text.encode())


@pytest.mark.parametrize("path", GRAPHS)
@given(graph=graphs())
@settings(max_examples=15, deadline=None)
def test_every_format_lists_every_release_once_as_written(path: str, graph: Graph) -> None:
    listing = read(path, GRAPHS[path](graph))
    assert listing.defects == ()
    assert {one.stage for one in listing.sightings} == {Stage.LISTED}
    found = [(one.item.name, one.item.version) for one in listing.sightings]
    assert sorted(found) == sorted(graph.versions.items())
    assert {one.range for one in listing.sightings} == {""}
    if path in NPM and "berry" not in path:
        assert all(one.item.digest == sha512(*graph_key(one)) for one in listing.sightings)


def graph_key(sighting: Sighting) -> tuple[str, str]:
    return sighting.item.name, sighting.item.version


@pytest.mark.parametrize("path", GRAPHS)
@given(graph=graphs())
@settings(max_examples=15, deadline=None)
def test_parents_are_a_shortest_way_from_what_was_asked_for(path: str, graph: Graph) -> None:
    known = path in TELLS_WHO_ASKED
    nobody_requires = set(graph.versions) - {
        child for one in graph.versions for child in graph.requires[one]
    }
    asked = graph.asked if known else tuple(nobody_requires)
    told = replace(graph, asked=asked)
    if not known and told.reached() != set(graph.versions):
        return  # a circle that nobody outside requires: the format does not tell its way in
    if not any(graph.requires.values()) and not known:
        return
    for one in read(path, GRAPHS[path](graph)).sightings:
        name = one.item.name
        assert len(one.parents) == told.steps(name)
        for child, parent in zip((name, *one.parents), one.parents, strict=False):
            assert child in graph.requires[parent]
        if one.parents:
            assert one.parents[-1] in asked
            assert one.direct is (False if known else None)
        else:
            assert one.direct is True


@pytest.mark.parametrize("path", [*GRAPHS, *(f"x/{name}" for name in ALL)])
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_file_in_pieces_says_what_it_says_whole(path: str, data: st.DataObject) -> None:
    text = ALL[path[2:]]() if path.startswith("x/") else GRAPHS[path](data.draw(graphs()))
    kind = listing_kind(path)
    assert kind is not None
    assert kind.split is not None
    assert kind.split(text.encode()) is not None
    whole = sightings_of(replace(kind, split=None), path, text.encode())
    pieces = sightings_of(kind, path, text.encode())
    windows = text.replace("\n", "\r\n").encode()
    assert pieces == whole
    assert sightings_of(kind, path, windows).sightings == whole.sightings


@pytest.mark.slow
@given(
    path=st.sampled_from(list(GRAPHS)),
    steps=st.lists(graphs(), min_size=1, max_size=4),
    at=st.integers(0, 4000),
    noise=st.sampled_from(["", "\n", "[[package]]\n", "x", "{", "\n\n", '"', "'''", "\x00", ": "]),
)
@settings(max_examples=120, deadline=None)
def test_what_was_read_before_changes_nothing(
    path: str, steps: list[Graph], at: int, noise: str
) -> None:
    """One reader for many versions, some of them damaged, against a fresh reader for each."""
    kind = listing_kind(path)
    assert kind is not None
    reader = ListingReader(cache_bytes=2_000)
    for number, graph in enumerate([*steps, *reversed(steps)]):
        text = GRAPHS[path](graph)
        if number % 2:
            text = text[: at % len(text)] + noise + text[at % len(text) :]
        assert _told(reader, path, text) == _told(ListingReader(), path, text)


def _told(reader: ListingReader, path: str, text: str) -> Listing | str:
    kind = listing_kind(path)
    assert kind is not None
    try:
        return reader.read(kind, path, text.encode())
    except LockError as error:
        return str(error)


@given(
    path=st.sampled_from([name for name in GRAPHS if name.endswith((".lock", ".toml"))]),
    graph=graphs(),
    at=st.integers(0, 4000),
    noise=st.sampled_from(
        ["\n", "[[package]]\n", "x", '"', "'''", "[a]\n", "name = 3\n", "=", "#", "]"]
    ),
)
@settings(max_examples=120, deadline=None)
def test_pieces_of_a_damaged_file_never_hide_what_the_whole_file_lists(
    path: str, graph: Graph, at: int, noise: str
) -> None:
    text = GRAPHS[path](graph)
    text = text[: at % len(text)] + noise + text[at % len(text) :]
    kind = listing_kind(path)
    assert kind is not None
    try:
        whole = sightings_of(replace(kind, split=None), path, text.encode())
    except LockError:
        return
    pieces = sightings_of(kind, path, text.encode())
    assert {one.item for one in pieces.sightings} >= {one.item for one in whole.sightings}


@given(graph=graphs())
@settings(max_examples=30, deadline=None)
def test_pylock_agrees_with_packaging(graph: Graph) -> None:
    import tomli  # noqa: PLC0415 - only the oracle needs it

    text = GRAPHS["pylock.toml"](graph)
    oracle = Pylock.from_dict(tomli.loads(text))
    mine = read("pylock.toml", text).sightings
    assert [(one.item.name, one.item.version) for one in mine] == [
        (package.name, str(package.version)) for package in oracle.packages
    ]
    for one, package in zip(mine, oracle.packages, strict=True):
        assert package.wheels is not None
        (wheel,) = package.wheels
        assert one.item.digest == f"sha256:{wheel.hashes['sha256']}"
        assert one.item.filename == wheel.name


@given(st.text(max_size=20), st.text(max_size=8))
def test_integrity_goes_there_and_back(name: str, version: str) -> None:
    value = integrity(name, version)
    assert digest_of(value) == sha512(name, version)
    assert digest_of(f"sha1-AAAA {value}?x=1 md5-zzz") == sha512(name, version)
    assert digest_of(value[:-4]) == ""
