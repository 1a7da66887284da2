"""Every kind of lock file gives the same packages, each with its true place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from packaging.pylock import Pylock

from kit.locks import ALL, DEMO, FILES, INDEX, digest, old_poetry_lock, path_of, pdm_lock
from pratique.inventory.errors import LockError
from pratique.inventory.locks import lock_kind, read_lock, sniff_kind
from pratique.inventory.model import LockKind, SourceKind

SHAPES = {**ALL, "old/poetry.lock": old_poetry_lock}


@pytest.mark.parametrize(("path", "make"), SHAPES.items(), ids=list(SHAPES))
def test_all_kinds_say_the_same(path: str, make: Callable[[], str]) -> None:
    document = read_lock(path, make().encode())
    packages = [p for p in document.packages if p.source.kind is not SourceKind.PATH]
    assert [(p.name, p.raw_version, str(p.version), p.pinned, p.hashed) for p in packages] == [
        ("demo", "1.1", "1.1", True, True),
        ("idna-like", "3.20", "3.20", True, True),
    ]
    assert document.defects == ()
    for pin, package in zip(DEMO, packages, strict=True):
        assert {file.sha256 for file in package.files} == {digest(n) for n in pin.filenames}
        assert {file.filename for file in package.files} <= {*pin.filenames, ""}


@pytest.mark.parametrize(("path", "make"), SHAPES.items(), ids=list(SHAPES))
def test_places_are_where_the_text_stands(path: str, make: Callable[[], str]) -> None:
    text = make()
    lines = text.split("\n")

    def at(line: int, column: int) -> str:
        return lines[line - 1][column - 1 :]

    document = read_lock(path, text.encode())
    for package in document.packages:
        here = at(package.location.line, package.location.column)
        below = "\n".join(lines[package.location.line - 1 :][:3])
        assert here.startswith(("[[package", f'"{package.name}"', package.raw_name)), here
        assert package.raw_name in below
        for file in package.files:
            spelled = at(file.location.line, file.location.column)
            assert spelled.startswith((file.url or "!", file.filename or "sha256:")), spelled
            if not file.filename:
                assert spelled.startswith(f"sha256:{file.sha256}")
        if package.source.location:
            place = package.source.location
            assert at(place.line, place.column).startswith(package.source.url)
    for index in document.indexes:
        assert at(index.location.line, index.location.column).strip('"').startswith(index.url)


def test_urls_and_registries_are_kept() -> None:
    for name in ("uv.lock", "pylock.toml"):
        document = read_lock(name, ALL[name]().encode())
        demo = document.packages[0]
        assert demo.source.kind is SourceKind.REGISTRY
        assert demo.source.url == INDEX
        assert {file.url for file in demo.files} == {
            FILES + path_of(filename) for filename in DEMO[0].filenames
        }
    static = read_lock("pdm.lock", pdm_lock(files=FILES).encode())
    assert {f.filename for f in static.packages[0].files} == set(DEMO[0].filenames)
    assert all(f.url.startswith(FILES) for f in static.packages[0].files)


def test_pylock_agrees_with_packaging() -> None:
    import tomllib  # noqa: PLC0415 - the oracle takes tables

    text = ALL["pylock.toml"]()
    oracle = Pylock.from_dict(tomllib.loads(text))
    document = read_lock("pylock.toml", text.encode())
    assert [(p.name, p.version) for p in document.packages] == [
        (p.name, p.version) for p in oracle.packages
    ]
    for mine, theirs in zip(document.packages, oracle.packages, strict=True):
        assert theirs.sdist is not None
        assert theirs.wheels is not None
        expected = [theirs.sdist, *theirs.wheels]
        assert [(f.url, f.sha256) for f in mine.files] == [
            (f.url, f.hashes["sha256"]) for f in expected
        ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("uv.lock", LockKind.UV),
        ("a/b/poetry.lock", LockKind.POETRY),
        ("pdm.dev.lock", LockKind.PDM),
        ("Pipfile.lock", LockKind.PIPENV),
        ("pylock.toml", LockKind.PYLOCK),
        ("pylock.prod.toml", LockKind.PYLOCK),
        ("requirements.txt", LockKind.REQUIREMENTS),
        ("requirements-dev.txt", LockKind.REQUIREMENTS),
        ("dev_requirements.txt", LockKind.REQUIREMENTS),
        ("requirements.lock", LockKind.REQUIREMENTS),
        ("constraints.txt", LockKind.REQUIREMENTS),
        ("requirements/base.txt", LockKind.REQUIREMENTS),
        ("notes.txt", None),
        ("myuv.lock", None),
        ("Cargo.lock", None),
        ("pyproject.toml", None),
        ("pylock.a.b.toml", None),
    ],
)
def test_kinds_by_name(path: str, kind: LockKind | None) -> None:
    assert lock_kind(path) is kind


def test_kinds_by_content() -> None:
    for kind, text in zip(LockKind, ALL.values(), strict=True):
        assert sniff_kind(text().encode()) is kind
    assert sniff_kind(b"[package]\nname='x'\n") is None
    assert sniff_kind(b"{}") is None


UV_SOURCES = """
[[package]]
name = "from-git"
version = "1.0"
source = { git = "https://code.example/x?rev=main#AAAAaaaaAAAAaaaaAAAAaaaaAAAAaaaaAAAAaaaa" }

[[package]]
name = "from-branch"
version = "1.0"
source = { git = "https://code.example/x?rev=main" }

[[package]]
name = "from-url"
version = "1.0"
source = { url = "https://files.example/from_url-1.0-py3-none-any.whl" }
wheels = [
    { url = "https://files.example/from_url-1.0-py3-none-any.whl", hash = "sha256:%s" },
]

[[package]]
name = "editable"
source = { editable = "sub" }

[[package]]
name = "flat"
version = "1.0"
source = { registry = "../wheels" }
wheels = [
    { path = "flat-1.0-py3-none-any.whl" },
]

[[package]]
name = "odd"
source = { moon = "far" }
"""


def test_other_sources_of_uv() -> None:
    document = read_lock("uv.lock", (UV_SOURCES % digest("x")).encode())
    found = {p.name: p for p in document.packages}
    assert found["from-git"].source.commit == "a" * 40
    assert found["from-branch"].source.commit == ""
    assert found["from-branch"].source.kind is SourceKind.VCS
    assert found["from-url"].source.kind is SourceKind.URL
    assert found["from-url"].hashed
    assert found["editable"].source.kind is SourceKind.PATH
    assert found["editable"].pinned
    assert found["flat"].files[0].filename == "flat-1.0-py3-none-any.whl"
    assert not found["flat"].hashed
    [defect] = document.defects
    assert "odd" in defect.reason
    assert defect.location.line == UV_SOURCES[: UV_SOURCES.index('"odd"')].count("\n")


def test_poetry_sources() -> None:
    text = ALL["poetry.lock"]().replace(
        "[metadata]",
        '[[package]]\nname = "g"\nversion = "1"\n[package.source]\ntype = "git"\n'
        'url = "https://code.example/g"\nreference = "main"\nresolved_reference = "'
        + "b"
        * 40
        + '"\n[[package]]\nname = "d"\nversion = "1"\n[package.source]\ntype = "directory"\n'
        'url = "../d"\n[metadata]',
    )
    found = {p.name: p for p in read_lock("poetry.lock", text.encode()).packages}
    assert found["g"].source.commit == "b" * 40
    assert found["d"].source.kind is SourceKind.PATH
    assert found["demo"].source.kind is SourceKind.DEFAULT


def test_pipfile_entries_without_an_exact_version() -> None:
    text = """{"_meta": {"pipfile-spec": 6, "sources": []}, "default": {
      "any": {"version": "*"},
      "wild": {"version": "==1.*"},
      "repo": {"git": "https://code.example/r", "ref": "main"},
      "bad": "1.0"}}"""
    document = read_lock("Pipfile.lock", text.encode())
    found = {p.name: p for p in document.packages}
    assert (found["any"].pinned, found["wild"].pinned) == (False, False)
    assert found["repo"].source.kind is SourceKind.VCS
    assert [d.location.line for d in document.defects] == [5]


def test_bad_hashes_are_no_hashes() -> None:
    text = ALL["uv.lock"]().replace('hash = "sha256:', 'hash = "sha256:zz', 1)
    document = read_lock("uv.lock", text.encode())
    assert document.packages[0].files[0].sha256 is None
    assert not document.packages[0].hashed
    assert len(document.defects) == 1


def test_a_header_inside_a_string_moves_no_place() -> None:
    hidden = 'note = """\n[[package]]\n"""\n' + ALL["uv.lock"]()
    plain = read_lock("uv.lock", ALL["uv.lock"]().encode())
    moved = read_lock("uv.lock", hidden.encode())
    assert [p.location.line for p in moved.packages] == [
        p.location.line + 3 for p in plain.packages
    ]


@pytest.mark.parametrize(
    ("path", "text", "line", "says"),
    [
        ("uv.lock", "version = 1\nx = = 2\n", 2, "is not TOML"),
        ("uv.lock", 'package = "x"\n', 1, "not a list of tables"),
        ("uv.lock", "a = " + "[" * 5000, 0, "too deeply"),
        ("uv.lock", "a." * 5000 + "b = 1", 0, "too deeply"),
        ("uv.lock", "a = " + "1" * 5000, 0, "impossible value"),
        ("Pipfile.lock", '{\n"a": 1,\n}', 3, "is not JSON"),
        ("Pipfile.lock", "[]", 1, "not a JSON object"),
        ("Pipfile.lock", '{"a":' * 100_000, 0, "too deeply"),
        ("notes.txt", "nothing here", 0, "no lock file"),
    ],
)
def test_what_cannot_be_read_says_where(path: str, text: str, line: int, says: str) -> None:
    with pytest.raises(LockError, match=says) as caught:
        read_lock(path, text.encode())
    assert caught.value.line == line
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")


def test_limits() -> None:
    with pytest.raises(LockError, match="bytes long"):
        read_lock("uv.lock", b"x" * 101, max_bytes=100)
    with pytest.raises(LockError, match="UTF-8") as caught:
        read_lock("uv.lock", b"version = 1\nx = '\xff'\n")
    assert caught.value.line == 2
