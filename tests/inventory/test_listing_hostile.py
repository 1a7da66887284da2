"""Whatever the bytes, a file that lists releases gives a listing or a LockError, soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kit.graphs import GRAPHS, Graph
from pratique.inventory.errors import LockError
from pratique.inventory.listings.kinds import listing_kind
from pratique.inventory.listings.reading import Listing, ListingReader, sightings_of

GRAPH = Graph(
    versions={"alpha": "1.0", "beta": "2.0", "gamma": "3.0"},
    requires={"alpha": ("beta",), "beta": ("gamma", "alpha"), "gamma": ()},
    asked=("alpha",),
)
OTHERS = {
    "explicit.txt": f"@EXPLICIT\nhttps://c.example/linux-64/a-1-0.conda#{'0' * 32}\n",
    "environment.yml": "name: a\ndependencies:\n  - python=3.11\n  - pip:\n    - demo==1\n",
    ".github/workflows/a.yml": "jobs:\n  a:\n    steps:\n      - uses: a/b@v1\n",
    ".pre-commit-config.yaml": "repos:\n- repo: https://h.example/a/b\n  rev: v1\n  hooks: [{id: a}]\n",
    "Dockerfile": "FROM a:1 AS b\nCOPY --from=b / /\n",
    "Pipfile.lock": '{"_meta": {"sources": []}, "default": {"demo": {"version": "==1"}}}',
}
SPECIMENS = {**{path: make(GRAPH) for path, make in GRAPHS.items()}, **OTHERS}
FRAGMENTS = st.sampled_from([
    "[[package]]\n", "[[packages]]\n", "[package.source]\n", 'name = "a"\n', "version = 3\n", '"""', "'''",
    "source = { registry = 3 }\n", "dependencies = [1, {}, {name=2}]\n", '"', "'", "\\", "\n", "\n\n", "#",
    "{", "}", "[", "]", "\x00", "\x1b[31m", "\u2028", "\ufeff", "=", "==", "\r\n", "\r", "\t", "  ", "- ",
    ": ", "? ", "| \n", "> \n", "&a ", "*a", "<<: *a", "!!python/object/apply:os.system [x]\n", "---\n",
    "packages:\n\n", "snapshots:\n\n", "importers:\n\n", "  /a/1.0.0:\n", "  a@1.0.0(b@1):\n",
    "    dependencies:\n", "      a: 1.0.0\n", "resolution: {integrity: x}\n", "a@^1, b@2:\n",
    '  version "1"\n', "  version: 1\n",
    '"packages":', '"dependencies":', '"node_modules/a":', '{"version":', "null", "1e999", "-", "9" * 30,
    "dependencies:\n", "package:\n- name: a\n", "jobs:\n", "  a:\n", "uses: ", "./", "@", "docker://", "$",
    "git+https://x/y", "FROM ", "COPY --from=", "\ud7ff", "é", "https://", "sha512-", "=====", "a", "1",
])  # fmt: skip
NOISE = st.lists(FRAGMENTS, max_size=40).map("".join)


def attempt(path: str, data: bytes) -> Listing | LockError:
    """What a reader makes of it; anything but these two is a test failure."""
    kind = listing_kind(path)
    assert kind is not None
    try:
        return sightings_of(kind, path, data)
    except LockError as error:
        return error


def is_sound(found: Listing | LockError, path: str) -> bool:
    if isinstance(found, LockError):
        return found.path == path and bool(found.reason)
    return all(
        one.item.name and (one.item.version or one.item.digest or one.range or one.item.filename)
        for one in found.sightings
    )


@given(path=st.sampled_from(list(SPECIMENS)), text=NOISE)
@settings(max_examples=250, deadline=None)
def test_noise(path: str, text: str) -> None:
    assert is_sound(attempt(path, text.encode()), path)


@given(path=st.sampled_from(list(SPECIMENS)), data=st.binary(max_size=300))
@settings(max_examples=120, deadline=None)
def test_bytes(path: str, data: bytes) -> None:
    assert is_sound(attempt(path, data), path)


@given(
    path=st.sampled_from(list(SPECIMENS)),
    cuts=st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 60), NOISE), min_size=1, max_size=3
    ),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damage(path: str, cuts: list[tuple[int, int, str]]) -> None:
    text = SPECIMENS[path]
    for anywhere, length, instead in cuts:
        at = anywhere % (len(text) + 1)
        text = text[:at] + instead + text[at + length :]
    assert is_sound(attempt(path, text.encode()), path)


@given(path=st.sampled_from(list(SPECIMENS)), flips=st.lists(st.integers(0, 40_000), max_size=6))
@settings(max_examples=250, deadline=None)
def test_flipped_bits(path: str, flips: list[int]) -> None:
    data = bytearray(SPECIMENS[path].encode())
    for flip in flips:
        data[flip // 8 % len(data)] ^= 1 << flip % 8
    assert is_sound(attempt(path, bytes(data)), path)


@pytest.mark.parametrize("path", SPECIMENS)
def test_every_truncation(path: str) -> None:
    data = SPECIMENS[path].encode()
    reader = ListingReader()
    kind = listing_kind(path)
    assert kind is not None
    for end in range(0, len(data), max(1, len(data) // 150)):
        with suppress(LockError):
            reader.read(kind, path, data[:end])


MIB = 1024 * 1024
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
SLOW_BEFORE: list[tuple[str, Callable[[], str]]] = [
    ("pnpm-lock.yaml", lambda: BOMB),
    ("pnpm-lock.yaml", lambda: "[" * MIB),
    ("pnpm-lock.yaml", lambda: "- " * MIB),
    ("pnpm-lock.yaml", lambda: "{a: " * MIB),
    ("pnpm-lock.yaml", lambda: "".join(f"%TAG !a{n}! x\n" for n in range(100_000)) + "---\na\n"),
    ("pnpm-lock.yaml", lambda: "packages:\n\n" + "".join(
        f"  /a/1.{n}:\n    dev: false\n\n" for n in range(60_000))),
    ("pnpm-lock.yaml", lambda: "packages:\n  ? " + "a." * MIB + "/b\n  : {}\n"),
    ("pnpm-lock.yaml", lambda: "dependencies:\n  a: " + "a.b." * MIB + "\n"),
    ("pnpm-lock.yaml", lambda: "importers:\n  a:\n    dependencies:\n" + "".join(
        f"      a{n}: 1.0.0\n" for n in range(50_000))),
    ("environment.yml", lambda: "dependencies:\n" + "- a=1=2\n" * 60_000),
    ("environment.yml", lambda: 'dependencies: ["' + "a" * MIB + '"]'),
    ("yarn.lock", lambda: '"' + '\\"' * MIB + ":\n"),
    ("yarn.lock", lambda: '"""""' * (MIB // 5) + ":\n"),
    ("yarn.lock", lambda: "a@1:\n" + '  "' + "\\" * MIB + "\n"),
    ("yarn.lock", lambda: ", ".join(f"a@{n}" for n in range(200_000)) + ":\n"),
    ("yarn.lock", lambda: "".join(f'a@{n}:\n  version "{n}"\n\n' for n in range(60_000))),
    ("package-lock.json", lambda: '{"packages":' + "[" * MIB),
    ("package-lock.json", lambda: '{"a":' * 200_000),
    ("package-lock.json", lambda: '{"dependencies":{"a":' * 20_000 + "{}" + "}}" * 20_000),
    ("package-lock.json", lambda: (
        '{"packages":{"' + "node_modules/a/" * 50_000 + '":{"dependencies":{"b":"1"}}}}')),
    ("package-lock.json", lambda: '{"packages":{' + ",".join(
        f'"node_modules/a{n}":{{"version":"1","dependencies":{{"a{n + 1}":"1"}}}}'
        for n in range(40_000)) + "}}"),
    ("package-lock.json", lambda: '{"packages":{"node_modules/a":{"version":' + "9" * MIB + "}}}"),
    ("Pipfile.lock", lambda: '{"default":{"a":' + "[" * MIB),
    ("uv.lock", lambda: "version = 1\n" + '[[package]]\nname = "a"\nversion = "1"\n' * 50_001),
    ("uv.lock", lambda: "\n[[package]]\n" * 100_000),
    ("uv.lock", lambda: '[[package]]\nname="a"\nsource={registry="x"}\nwheels = [\n' + "    {},\n" * 100_000),
    ("requirements.txt", lambda: "# via\n" * 200_000),
    ("requirements.txt", lambda: "a==1\n" + "    # via\n" + "    #   b\n" * 100_000),
    ("requirements.txt", lambda: "".join(f"a{n}==1\n    # via a{n + 1}\n" for n in range(20_000))),
    ("explicit.txt", lambda: "https://x/" + "a-" * MIB + "\n"),
    ("explicit.txt", lambda: ("https://x/" + "a-" * 400 + ".conda\n") * 1_000),
    ("Dockerfile", lambda: "FROM " + "--a " * MIB),
    ("Dockerfile", lambda: "COPY " + "--a " * (MIB // 4) + "\n"),
    ("Dockerfile", lambda: "FROM a AS b\n" * 100_000),
    ("Dockerfile", lambda: ("FROM " + "a/" * 499 + "\n") * 2_000),
    (".github/workflows/a.yml", lambda: "jobs:\n a:\n  steps:\n" + f"  - uses: {'a.' * 490}\n" * 10_000),
    (".pre-commit-config.yaml", lambda: "repos:\n" + f"- repo: {'a/' * 495}@\n" * 5_000),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", range(len(SLOW_BEFORE)))
def test_what_is_built_to_take_long_does_not(number: int) -> None:
    path, make = SLOW_BEFORE[number]
    data = make().encode()
    started = time.process_time()
    found = attempt(path, data)
    spent = time.process_time() - started
    assert isinstance(found, LockError) or found.sightings is not None
    assert spent < 10, spent


def test_a_lock_of_more_bytes_than_anybody_writes_is_not_read() -> None:
    kind = listing_kind("uv.lock")
    assert kind is not None
    with pytest.raises(LockError, match="bytes long"):
        ListingReader(max_bytes=1000).read(kind, "uv.lock", b"#" * 1001)


def test_nothing_that_yaml_can_name_is_made() -> None:
    text = "repos:\n- repo: !!python/object/apply:os.system ['touch x']\n  rev: !!python/name:os.system a\n"
    found = attempt(".pre-commit-config.yaml", text.encode())
    assert isinstance(found, Listing)
    assert found.sightings == ()
