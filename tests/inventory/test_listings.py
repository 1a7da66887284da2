"""What single entries of each format mean."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from kit.locks import digest
from pratique.inventory.errors import LockError
from pratique.inventory.listings.kinds import KINDS, listing_kind
from pratique.inventory.listings.model import Included
from pratique.inventory.listings.reading import Listing, sightings_of
from pratique.inventory.observed.model import Item, PlaceKind, Sighting

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA512 = "sha512-" + base64.b64encode(hashlib.sha512(b"x").digest()).decode()
SHA512_HEX = "sha512:" + hashlib.sha512(b"x").hexdigest()


def read(path: str, text: str) -> Listing:
    kind = listing_kind(path)
    assert kind is not None
    return sightings_of(kind, path, text.encode())


def items(path: str, text: str) -> list[Item]:
    return [one.item for one in read(path, text).sightings]


def only(path: str, text: str) -> Sighting:
    (sighting,) = read(path, text).sightings
    return sighting


@pytest.mark.parametrize(("path", "kind"), [
    ("a/b/uv.lock", "uv-lock"),
    ("poetry.lock", "poetry-lock"),
    ("pdm.dev.lock", "pdm-lock"),
    ("Pipfile.lock", "pipfile-lock"),
    ("pylock.ci.toml", "pylock"),
    ("requirements-dev.txt", "requirements"),
    ("requirements/base.txt", "requirements"),
    ("x/requirements/deep.lock", "requirements"),
    ("constraints.txt", "requirements"),
    ("npm-shrinkwrap.json", "package-lock"),
    ("web/package-lock.json", "package-lock"),
    ("pnpm-lock.yaml", "pnpm-lock"),
    ("yarn.lock", "yarn-lock"),
    ("conda-lock.yml", "conda-lock"),
    ("conda-linux-64.lock", "conda-explicit"),
    ("explicit.txt", "conda-explicit"),
    ("environment.yml", "conda-environment"),
    ("environment-gpu.yaml", "conda-environment"),
    (".github/workflows/ci.yml", "workflow"),
    ("x/.forgejo/workflows/ci.yaml", "workflow"),
    ("actions/setup/action.yml", "workflow"),
    (".pre-commit-config.yaml", "pre-commit"),
    ("Dockerfile", "dockerfile"),
    ("deploy/prod.Dockerfile", "dockerfile"),
    ("Dockerfile.gpu", "dockerfile"),
])  # fmt: skip
def test_names_that_are_read(path: str, kind: str) -> None:
    found = listing_kind(path)
    assert found is not None
    assert found.name == kind
    assert listing_kind("/deep/down/" + path) is found


@pytest.mark.parametrize("path", [
    "node_modules/left-pad/package-lock.json", "lib/site-packages/x/requirements.txt", "cargo.lock",
    "uv.lock.bak", "myuv.lock", "workflows/ci.yml", "package.json", "notes.txt", "Dockerfile/x.txt",
    ".venv/poetry.lock", "environment.txt",
])  # fmt: skip
def test_names_that_are_not(path: str) -> None:
    assert listing_kind(path) is None


def test_what_admits_others_is_a_manifest_whatever_it_pins_today() -> None:
    kinds = {kind.name: kind.place for kind in KINDS}
    assert kinds["requirements"] is PlaceKind.MANIFEST
    assert kinds["uv-lock"] is PlaceKind.LOCK
    assert kinds["workflow"] is PlaceKind.MANIFEST


# ── Python ──────────────────────────────────────────────────────────────────────────────────


def test_versions_stay_as_they_are_written() -> None:
    listed = "litellm==1.82.70\ndemo==01.0.0-RC1\nother===weird_version\n"
    assert [(one.name, one.version) for one in items("requirements.txt", listed)] == [
        ("litellm", "1.82.70"),
        ("demo", "01.0.0-RC1"),
        ("other", "weird_version"),
    ]


def test_a_range_is_no_version() -> None:
    found = read(
        "requirements.txt", "litellm>=1.80,<2\nbare\nDemo[extra] ~= 2.0 ; python_version>'3'\n"
    )
    assert [(one.item.name, one.item.version, one.range) for one in found.sightings] == [
        ("litellm", "", "<2,>=1.80"),
        ("bare", "", ">=0"),
        ("demo", "", "~=2.0"),
    ]


def test_a_digest_is_kept_where_one_file_is_admitted() -> None:
    one, two = digest("a"), digest("b")
    text = f"demo==1 --hash=sha256:{one}\nother==2 --hash=sha256:{one} --hash=sha256:{two}\n"
    assert [item.digest for item in items("requirements.txt", text)] == [f"sha256:{one}", ""]


def test_an_archive_by_url_has_its_version_from_its_name() -> None:
    text = (
        "litellm @ https://u:secret@files.example/litellm-1.82.8-py3-none-any.whl\n"
        f"https://files.example/demo-1.0.tar.gz#sha256={digest('d')}\n"
    )
    first, second = read("requirements.txt", text).sightings
    assert first.item == Item(
        type="pypi", name="litellm", version="1.82.8", filename="litellm-1.82.8-py3-none-any.whl"
    )
    assert first.note == "from a URL: https://…@files.example/litellm-1.82.8-py3-none-any.whl"
    assert (second.item.version, second.item.digest) == ("1.0", f"sha256:{digest('d')}")


def test_a_repository_is_named_by_its_commit() -> None:
    text = f"demo @ git+https://git.example/demo.git@{COMMIT}\nother @ git+https://git.example/o@main\n"
    first, second = read("requirements.txt", text).sightings
    assert first.item.digest == f"sha1:{COMMIT}"
    assert first.note.startswith("from a repository: ")
    assert (second.item.digest, second.range) == ("", ">=0")  # a branch may hold any version


def test_the_project_itself_is_no_release_of_anything() -> None:
    uv = (
        'version = 1\n\n[[package]]\nname = "litellm"\nversion = "1.82.8"\n'
        'source = { editable = "." }\ndependencies = [{ name = "httpx" }]\n\n'
        '[[package]]\nname = "httpx"\nversion = "0.1"\nsource = { registry = "https://i.example" }\n'
    )
    found = only("uv.lock", uv)
    assert (found.item.name, found.direct) == ("httpx", True)
    assert items("requirements.txt", "-e .\n./libs/demo\n") == []


def test_constraints_install_nothing() -> None:
    assert only("constraints.txt", "litellm==1.82.8\n").note == (
        "a constraint: installs nothing by itself"
    )


def test_includes_are_named() -> None:
    found = read("requirements.txt", "-r base.in\n-c ../limits.txt\ndemo==1\n")
    assert found.includes == (Included("base.in", False), Included("../limits.txt", True))


def test_two_versions_in_one_lock_are_two_sightings() -> None:
    block = '[[package]]\nname = "demo"\nversion = "{}"\nsource = {{ registry = "https://i.example" }}\n'
    text = "version = 1\n\n" + "\n".join(block.format(version) for version in ("1.0", "2.0"))
    assert [item.version for item in items("uv.lock", text)] == ["1.0", "2.0"]


def test_one_bad_entry_does_not_hide_the_others() -> None:
    text = (
        'version = 1\n\n[[package]]\nname = "!!"\nversion = "1"\nsource = { registry = "x" }\n\n'
        '[[package]]\nname = "demo"\nversion = "1"\nsource = { registry = "x" }\n'
    )
    found = read("uv.lock", text)
    assert [one.item.name for one in found.sightings] == ["demo"]
    assert len(found.defects) == 1


# ── npm, pnpm, yarn ─────────────────────────────────────────────────────────────────────────


def test_node_finds_the_nearest_folder() -> None:
    text = json.dumps({
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"a": "1", "b": "1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"c": "1"}},
            "node_modules/a/node_modules/c": {"version": "1.1.1", "integrity": SHA512},
            "node_modules/b": {"version": "1.0.0", "dependencies": {"c": "2"}},
            "node_modules/c": {"version": "2.2.2"},
        },
    })  # fmt: skip
    found = {one.item.version: one for one in read("package-lock.json", text).sightings
             if one.item.name == "c"}  # fmt: skip
    assert found["1.1.1"].parents == ("a",)
    assert found["2.2.2"].parents == ("b",)
    assert found["1.1.1"].item.digest == SHA512_HEX


def test_workspaces_and_links_are_the_projects_own() -> None:
    text = json.dumps({
        "lockfileVersion": 3,
        "packages": {
            "": {"workspaces": ["packages/*"]},
            "packages/web": {"name": "web", "version": "1.0.0", "devDependencies": {"a": "*"}},
            "node_modules/web": {"resolved": "packages/web", "link": True},
            "node_modules/a": {"version": "1.0.0"},
        },
    })  # fmt: skip
    found = only("package-lock.json", text)
    assert (found.item.name, found.direct) == ("a", True)


def test_an_alias_is_the_package_that_it_stands_for() -> None:
    new = {
        "lockfileVersion": 3,
        "packages": {"node_modules/x": {"name": "@Evil/Real", "version": "1.0.0"}},
    }
    old = {"lockfileVersion": 1, "dependencies": {"x": {"version": "npm:@evil/real@1.0.0"}}}
    pnpm = (
        "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      x:\n"
        "        specifier: npm:@evil/real@1\n        version: '@evil/real@1.0.0'\n\npackages:\n\n"
        f"  '@evil/real@1.0.0':\n    resolution: {{integrity: {SHA512}}}\n"
    )
    classic = f'"x@npm:@evil/real@^1":\n  version "1.0.0"\n  integrity {SHA512}\n'
    berry = '"x@npm:@evil/real@^1":\n  version: 1.0.0\n  resolution: "@evil/real@npm:1.0.0"\n'
    for path, text in {
        "package-lock.json": json.dumps(new), "npm-shrinkwrap.json": json.dumps(old),
        "pnpm-lock.yaml": pnpm, "yarn.lock": classic, "b/yarn.lock": berry,
    }.items():  # fmt: skip
        found = only(path, text)
        assert (found.item.name, found.item.version) == ("@evil/real", "1.0.0"), path
        if "pnpm" in path:
            assert found.direct is True


def test_a_version_that_looks_like_a_number_stays_text() -> None:
    berry = '"x@npm:1.10":\n  version: 1.10\n  resolution: "x@npm:1.10"\n'
    assert only("yarn.lock", berry).item.version == "1.10"
    pnpm = "lockfileVersion: 5.4\n\npackages:\n\n  /x/1.10:\n    resolution: {integrity: x}\n"
    assert only("pnpm-lock.yaml", pnpm).item.version == "1.10"


@pytest.mark.parametrize("key", [
    "/@s/x/1.0.0_react@17.0.0", "/@s/x/1.0.0", "registry.example/@s/x/1.0.0", "/@s/x@1.0.0(react@17.0.0)",
    "/@s/x@1.0.0", "'@s/x@1.0.0'", "'@s/x@1.0.0(a@1)(b@2)'",
])  # fmt: skip
def test_all_ways_in_which_pnpm_calls_a_package(key: str) -> None:
    text = f"lockfileVersion: 6\n\npackages:\n\n  {key}:\n    resolution: {{integrity: {SHA512}}}\n"
    item = only("pnpm-lock.yaml", text).item
    assert (item.name, item.version, item.digest) == ("@s/x", "1.0.0", SHA512_HEX)


def test_pnpm_lists_each_release_once_whatever_its_peers() -> None:
    text = (
        "lockfileVersion: '9.0'\n\nimporters:\n\n  a:\n    dependencies:\n      x:\n"
        "        version: 1.0.0(p@1.0.0)\n\npackages:\n\n  p@1.0.0:\n    resolution: {integrity: x}\n\n"
        "  x@1.0.0:\n    resolution: {integrity: x}\n\n  y@1.0.0:\n    resolution: {integrity: x}\n\n"
        "snapshots:\n\n  p@1.0.0: {}\n\n  x@1.0.0(p@1.0.0):\n    dependencies:\n      p: 1.0.0\n"
        "      y: 1.0.0(p@1.0.0)\n\n  y@1.0.0(p@1.0.0): {}\n"
    )
    found = {one.item.name: one for one in read("pnpm-lock.yaml", text).sightings}
    assert set(found) == {"p", "x", "y"}
    assert (found["x"].direct, found["y"].parents) == (True, ("x",))


def test_repositories_have_their_commit() -> None:
    npm = {"lockfileVersion": 3, "packages": {"node_modules/x": {
        "version": "1.0.0", "resolved": f"git+ssh://git@git.example/o/x.git#{COMMIT}"}}}  # fmt: skip
    found = only("package-lock.json", json.dumps(npm))
    assert found.item.digest == f"sha1:{COMMIT}"
    assert found.note.startswith("from a repository: git+ssh://…@git.example/")
    berry = (
        f'"x@https://git.example/x.git":\n  version: 1.0.0\n'
        f'  resolution: "x@https://git.example/x.git#commit={COMMIT}"\n'
    )
    assert only("yarn.lock", berry).item.digest == f"sha1:{COMMIT}"


def test_an_unfinished_merge_is_no_yarn_lock() -> None:
    with pytest.raises(LockError, match="unfinished merge"):
        read("yarn.lock", 'a@1:\n  version "1"\n<<<<<<< HEAD\nb@1:\n  version "1"\n')


# ── conda ───────────────────────────────────────────────────────────────────────────────────


def test_an_explicit_list_names_builds() -> None:
    md5 = "0" * 32
    text = (
        "@EXPLICIT\n"
        f"https://conda.example/linux-64/numpy-1.26.4-py311h64a7726_0.conda#{md5}\n"
        f"https://conda.example/noarch/some-name-1.0-0.tar.bz2#sha256:{digest('n')}\nhello\n"
    )
    found = read("explicit.txt", text)
    assert [one.item for one in found.sightings] == [
        Item(type="conda", name="numpy", version="1.26.4", digest=f"md5:{md5}",
             filename="numpy-1.26.4-py311h64a7726_0.conda"),
        Item(type="conda", name="some-name", version="1.0", digest=f"sha256:{digest('n')}",
             filename="some-name-1.0-0.tar.bz2"),
    ]  # fmt: skip
    assert len(found.defects) == 1


def test_an_environment_admits_and_pins() -> None:
    text = (
        "name: x\ndependencies:\n  - python=3.11\n  - numpy==1.26.4\n  - conda-forge::scipy=1.2=py_0\n"
        "  - pandas >=2\n  - pip\n  - pip:\n    - litellm==1.82.8\n    - -r more.txt\n"
    )
    found = read("environment.yml", text).sightings
    assert [(one.item.type, one.item.name, one.item.version, one.range) for one in found] == [
        ("conda", "python", "", "=3.11"),
        ("conda", "numpy", "1.26.4", ""),
        ("conda", "scipy", "1.2", ""),
        ("conda", "pandas", "", ">=2"),
        ("conda", "pip", "", "*"),
        ("pypi", "litellm", "1.82.8", ""),
    ]


def test_conda_lock_knows_what_pip_brings() -> None:
    text = (
        "package:\n- name: litellm\n  version: 1.82.8\n  manager: pip\n  platform: linux-64\n"
        "  dependencies: {}\n  url: https://files.example/litellm-1.82.8-py3-none-any.whl\n"
        f"  hash:\n    sha256: {digest('l')}\n"
    )
    assert only("conda-lock.yml", text).item == Item(
        type="pypi", name="litellm", version="1.82.8", digest=f"sha256:{digest('l')}",
        filename="litellm-1.82.8-py3-none-any.whl",
    )  # fmt: skip


# ── workflows, hooks, images ────────────────────────────────────────────────────────────────


def test_a_workflow_names_refs_and_commits() -> None:
    text = f"""
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    container: {{ image: "ghcr.example/Acme/img:1.0" }}
    services: {{ db: {{ image: "postgres@sha256:{"a" * 64}" }}, cache: redis }}
    steps:
      - uses: Tj-Actions/changed-files@v45
      - uses: actions/checkout@{COMMIT} # v4
      - uses: aws/x/deep/path@main
      - uses: ./local
      - uses: docker://alpine:3.20
      - run: "echo uses: not/this@v1"
  call:
    uses: acme/flows/.github/workflows/x.yml@v2
"""
    found = read(".github/workflows/ci.yml", text)
    assert [
        (one.item.type, one.item.name, one.item.version, one.item.digest) for one in found.sightings
    ] == [
        ("githubactions", "tj-actions/changed-files", "v45", ""),
        ("githubactions", "actions/checkout", COMMIT, f"sha1:{COMMIT}"),
        ("githubactions", "aws/x", "main", ""),
        ("docker", "alpine", "3.20", ""),
        ("docker", "ghcr.example/acme/img", "1.0", ""),
        ("docker", "postgres", "", f"sha256:{'a' * 64}"),
        ("docker", "redis", "latest", ""),
        ("githubactions", "acme/flows", "v2", ""),
    ]
    assert found.sightings[2].note == "in deep/path"
    assert found.defects == ()


def test_a_composite_action_names_what_it_uses() -> None:
    text = "runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n"
    assert [item.name for item in items("action.yml", text)] == ["a/b"]
    image = "runs:\n  using: docker\n  image: docker://x.example/y:2\n"
    assert [item.name for item in items("action.yml", image)] == ["x.example/y"]
    assert items("action.yml", "runs:\n  using: docker\n  image: Dockerfile\n") == []


def test_hooks_of_pre_commit() -> None:
    text = """
repos:
  - repo: https://github.com/Acme/Hooks.git
    rev: v1.2.3
    hooks:
      - {id: a, additional_dependencies: ["demo==1.0", "eslint", "prettier@2.0.0"]}
  - repo: local
    hooks:
      - {id: b, language: python, additional_dependencies: [litellm]}
      - {id: c, language: node, additional_dependencies: ["left-pad==1"]}
"""
    found = read(".pre-commit-config.yaml", text).sightings
    assert [(one.item.type, one.item.name, one.item.version, one.range) for one in found] == [
        ("github", "acme/hooks", "v1.2.3", ""),
        ("pypi", "demo", "1.0", ""),
        ("pypi", "litellm", "", ">=0"),
    ]


def test_images_of_a_dockerfile() -> None:
    text = (
        "ARG V=1\nFROM --platform=linux/amd64 docker.io/library/python:3.11 AS Base\n"
        "FROM scratch\nFROM base AS final\nFROM img:$V\nfrom \\\n  other.example/x\n"
        "COPY --from=base /a /b\nCOPY --chown=x --from=ghcr.example/uv:0.13 /uv /\nCOPY --from=0 /a /\n"
    )
    assert [(item.name, item.version) for item in items("Dockerfile", text)] == [
        ("python", "3.11"),
        ("other.example/x", "latest"),
        ("ghcr.example/uv", "0.13"),
    ]
