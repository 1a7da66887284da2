"""Whatever the bytes, a reader gives a value or a LockError, soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kit.locks import ALL, Pin, uv_lock
from pratique.inventory.check import Material, Report, check
from pratique.inventory.errors import LockError
from pratique.inventory.launches import read_launches
from pratique.inventory.locks import read_lock

LOCK_NAMES = [*ALL, "pylock.x.toml"]
CONFIGS = [
    "Dockerfile", "Makefile", ".gitlab-ci.yml", ".mcp.json", "tox.ini", "noxfile.py", "a.sh",
    ".pre-commit-config.yaml", ".devcontainer.json",
]  # fmt: skip
FRAGMENTS = st.sampled_from([
    "[[package]]\n", "[[packages]]\n", "[package.source]\n", "[metadata.files]\n", 'name = "a"\n',
    'version = "1"\n', "version = 1\n", "source = { registry = 3 }\n", "files = [1, {}, {file=2}]\n",
    'wheels = [{ url = "u", hash = "h" }]\n', "sdist = []\n", '"', "'", '"""', "'''", "\\", "\n",
    "#", "{", "}", "[", "]", "\x00", "\x1b[31m", "\u2028", "\ufeff", "=", "==", "pip install ",
    "uvx ", "npx -y ", "bash -c '", "RUN ", "<<EOF\n", "run: ", "- ", "  ", "\t", "deps =\n", "$(",
    '{"command": ', '"args": [', '"default": {', "session.install(", ")", "-r ", "--hash=sha256:",
    "git+", "https://", "@", ";", "&&", "|", ",", "a", "é", "999999999999999999999999",
])  # fmt: skip
NOISE = st.lists(FRAGMENTS, max_size=40).map("".join)


def attempt(read: Callable[[], Report]) -> Report | LockError:
    """What a reader makes of it; anything but these two is a test failure."""
    try:
        return read()
    except LockError as error:
        return error


def examined(path: str, data: bytes) -> Report:
    if path in LOCK_NAMES:
        material = Material(documents=(read_lock(path, data),), launches={})
    else:
        material = Material(launches={path: read_launches(path, data)})
    return check(material, door=None, answers=None)


@pytest.mark.slow
@given(path=st.sampled_from(LOCK_NAMES), text=NOISE)
@settings(max_examples=150, deadline=None)
def test_noise_as_a_lock(path: str, text: str) -> None:
    result = attempt(lambda: examined(path, text.encode()))
    assert isinstance(result, Report) or result.path == path


@given(path=st.sampled_from(LOCK_NAMES), data=st.binary(max_size=200))
@settings(max_examples=80, deadline=None)
def test_bytes_as_a_lock(path: str, data: bytes) -> None:
    result = attempt(lambda: examined(path, data))
    assert isinstance(result, Report) or result.path == path


@given(
    path=st.sampled_from(list(ALL)),
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), NOISE), max_size=3),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_locks(path: str, cuts: list[tuple[int, int, str]]) -> None:
    text = ALL[path]()
    for at, length, instead in cuts:
        text = text[:at] + instead + text[at + length :]
    lines = text.count("\n") + 1
    result = attempt(lambda: examined(path, text.encode()))
    if isinstance(result, LockError):
        assert 0 <= result.line <= lines + 1
    else:
        assert all(1 <= f.location.line <= lines for f in result.findings)


@given(path=st.sampled_from(CONFIGS), text=NOISE)
@settings(max_examples=200, deadline=None)
def test_noise_as_configuration(path: str, text: str) -> None:
    result = attempt(lambda: examined(path, text.encode()))
    assert isinstance(result, Report) or result.path == path


MIB = 256 * 1024
SLOW_BEFORE: list[tuple[str, Callable[[], str]]] = [
    ("uv.lock", lambda: "a." * 200_000 + "b = 1"),
    ("uv.lock", lambda: "[" + "a." * 200_000 + "b]"),
    ("uv.lock", lambda: "a = " + "[" * 200_000),
    # File names that no search finds, because each is spelled with an escape.
    (
        "uv.lock",
        lambda: (
            '[[package]]\nname="a"\nversion="1"\nsource={registry="x"}\nwheels=[\n'
            + '{url="\\u0068ttps://x/y"},\n' * 20_000
            + "]\n"
        ),
    ),
    (
        "Pipfile.lock",
        lambda: '{"default":{' + ",".join(f'"\\u0061{i}":{{}}' for i in range(5_000)) + "}}",
    ),
    ("requirements.txt", lambda: "\\\n" * 200_000),
    ("requirements.txt", lambda: "a==1 \\\n" * 30_000),
    ("requirements.txt", lambda: "-r x\n" * 20_000),
    ("requirements.txt", lambda: "[" * MIB),
    ("requirements.txt", lambda: "a" * MIB + "\n" + "a-" * (MIB // 2)),
    (".mcp.json", lambda: "/*" * MIB),
    (".mcp.json", lambda: '"' + '\\"' * MIB),
    (".mcp.json", lambda: '{"a":' * 100_000),
    ("a.sh", lambda: "pip install " + "a " * MIB),
    ("a.sh", lambda: "pip install '\n" * 5_000),
    ("a.sh", lambda: ("pip install " + "#" * 90_000 + "\n") * 10),
    ("a.sh", lambda: "bash -c 'bash -c \"" * 4_000),
    ("a.sh", lambda: ("pip install https://x/" + "?token" * 12_000 + "\n") * 5),
    ("Dockerfile", lambda: "RUN " + "--mount=x " * 100_000),
    (".gitlab-ci.yml", lambda: "- " * MIB + "\n" + " " * MIB + "x"),
    ("noxfile.py", lambda: "(" * 20_000),
    ("noxfile.py", lambda: "-" * MIB + "1"),
]


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", range(len(SLOW_BEFORE)))
def test_what_is_built_to_take_long_does_not(number: int) -> None:
    path, make = SLOW_BEFORE[number]
    data = make().encode()
    started = time.process_time()
    result = attempt(lambda: examined(path, data))
    assert isinstance(result, Report) or result.path == path
    assert time.process_time() - started < 8


@pytest.mark.slow
def test_a_long_lock_is_read_quickly() -> None:
    text = uv_lock([Pin(name=f"package-{n}", version="1.0") for n in range(1200)])
    assert text.count("\n") > 10_000
    best = 9.0
    for _ in range(3):
        started = time.process_time()
        document = read_lock("uv.lock", text.encode())
        check(Material(documents=(document,), launches={}), door=None, answers=None)
        best = min(best, time.process_time() - started)
    assert best < 0.5, best
    assert len(document.packages) == 1201
