"""What the tools themselves say of lock files, against what a sweep lists."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kit import graphs
from kit.clients import Locker, client_named
from kit.environments import unavailable
from kit.graphs import Graph
from kit.shop import Shop
from pratique.inventory.listings.kinds import listing_kind
from pratique.inventory.listings.reading import sightings_of
from pratique.inventory.observed.model import Sighting

pytestmark = pytest.mark.clients


def random_graph(seed: int) -> Graph:
    """Some releases that all are reached, with circles."""
    chance = random.Random(seed)
    names = [f"part-{chr(97 + number)}" for number in range(9)]
    requires = {
        one: tuple(sorted(chance.sample([n for n in names if n != one], 2))) for one in names
    }
    graph = Graph(
        versions={name: f"{chance.randrange(3)}.{chance.randrange(99)}.0" for name in names},
        requires=requires,
        asked=tuple(sorted(chance.sample(names, 2))),
    )
    kept = sorted(graph.reached())
    return Graph(
        versions={name: graph.versions[name] for name in kept},
        requires={name: requires[name] for name in kept},
        asked=graph.asked,
    )


def listed(path: Path) -> tuple[Sighting, ...]:
    kind = listing_kind(path.name)
    assert kind is not None
    found = sightings_of(kind, path.as_posix(), path.read_bytes())
    assert found.defects == ()
    return found.sightings


@pytest.mark.parametrize("seed", range(4))
def test_uv_exports_what_is_listed(seed: int, tmp_path: Path) -> None:
    graph = random_graph(seed)
    asked = ", ".join(f'"{name}"' for name in graph.asked)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "the-app"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        f"dependencies = [{asked}]\n"
    )
    (tmp_path / "uv.lock").write_text(graphs.uv_lock(graph))
    words = ["export", "--frozen", "--offline", "--no-hashes", "--no-emit-project", "--no-header"]
    exported = client_named("uv").run(words, where=tmp_path / "home", cwd=tmp_path)
    assert exported.exit_code == 0, exported
    (tmp_path / "requirements.txt").write_text(exported.stdout)
    # Its comments name all requirers; ours is a shortest way, so every step must be among them.
    mine = {one.item.name: one for one in listed(tmp_path / "uv.lock")}
    theirs = {one.item.name: one for one in listed(tmp_path / "requirements.txt")}
    assert {n: one.item.version for n, one in mine.items()} == graph.versions
    assert {n: one.item.version for n, one in theirs.items()} == graph.versions
    assert {n: len(one.parents) for n, one in mine.items()} == {
        n: graph.steps(n) for n in graph.versions
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["package-lock.json", "old/npm-shrinkwrap.json"])
def test_npm_lists_the_same_tree(name: str, seed: int, tmp_path: Path) -> None:
    npm = shutil.which("npm") or unavailable("npm is not installed")
    graph = random_graph(seed)
    path = tmp_path / name.rpartition("/")[2]
    path.write_text(graphs.NPM[name](graph))
    wanted = {
        "name": "the-app",
        "version": "1.0.0",
        "dependencies": dict.fromkeys(graph.asked, "*"),
    }
    (tmp_path / "package.json").write_text(json.dumps(wanted))
    home = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "npm_config_offline": "true",
    }
    done = subprocess.run(
        [npm, "ls", "--package-lock-only", "--all", "--json"], cwd=tmp_path, env=home,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    steps: dict[str, tuple[str, int]] = {}
    _walk(json.loads(done.stdout), 0, steps)
    found = listed(path)
    assert {one.item.name: one.item.version for one in found} == {
        n: v for n, (v, _) in steps.items()
    }
    if "shrinkwrap" not in name:  # version 1 does not name what the project asks for
        assert {one.item.name: len(one.parents) for one in found} == {
            n: depth for n, (_, depth) in steps.items()
        }


def _walk(node: dict[str, Any], depth: int, steps: dict[str, tuple[str, int]]) -> None:
    for name, below in node.get("dependencies", {}).items():
        known = steps.get(name)
        if known is None or depth < known[1]:
            steps[name] = below["version"], depth
        _walk(below, depth + 1, steps)


@pytest.mark.parametrize("tool", ["uv", "poetry", "pdm"])
def test_a_lock_that_a_tool_wrote_is_listed(tool: str, shop: Shop, tmp_path: Path) -> None:
    shop.stock_demo()
    locker = client_named(tool)
    assert isinstance(locker, Locker)
    made = locker.lock("demo", index_url=shop.index_url, where=tmp_path)
    assert made.exit_code == 0, made
    (path,) = (tmp_path / "project").glob("*.lock")
    found = listed(path)
    assert [(one.item.name, one.item.version) for one in found] == [("demo", "1.1")]
    assert found[0].direct is not False
