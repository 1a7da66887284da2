"""What a release says of itself: METADATA, entry points, build settings, package.json, in one value.

Every text is hostile: bounded before it is parsed, made printable, and a field that cannot be read is
empty. Nothing here raises on bad input.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping, Sequence
from email.utils import getaddresses
from typing import Any

import msgspec
import tomli
from packaging.metadata import RawMetadata, parse_email

from pratique.vet.model import Metadata
from pratique.vet.release.paths import base_name

MAX_FILE = 1 << 20
"""Bytes of one metadata file that are parsed; the largest real description has 700 kB."""
MAX_TOML = 256 << 10
"""Bytes of a TOML or INI file; the parsers are slow on long lines, and real ones stay below 100 kB."""
MAX_ITEMS = 2_000
"""Requirements, entry points, addresses kept; the largest real lists hold several hundred."""
MAX_FIELD = 500
"""Characters of one field that are kept."""
WANTED = frozenset(
    [
        "METADATA",
        "PKG-INFO",
        "entry_points.txt",
        "pyproject.toml",
        "setup.cfg",
        "package.json",
        "top_level.txt",
        "requires.txt",
    ]
)
"""Base names of the members that `read_metadata` can use."""


def is_metadata(path: str) -> bool:
    """Whether a member's bytes should be kept for `read_metadata`."""
    return base_name(path) in WANTED


def read_metadata(members: Mapping[str, bytes]) -> Metadata:
    """Read what a release says of itself from its metadata members.

    Shape: path → content; of several with one name the one nearest to the top counts.
    """
    best: dict[str, bytes] = {}
    core = b""
    for path in sorted(members, key=lambda path: (_rank(path), path.count("/"), path)):
        if is_metadata(path):
            best.setdefault(base_name(path), members[path])
            if base_name(path) in {"METADATA", "PKG-INFO"}:
                # Of either name: an sdist may hold wheels for its tests.
                core = core or members[path]
    if "package.json" in best and not {"METADATA", "PKG-INFO", "pyproject.toml", "setup.cfg"} & set(
        best
    ):
        return _from_npm(best["package.json"])
    project = _toml(best.get("pyproject.toml", b""))
    settings = _ini(best.get("setup.cfg", b""))
    fields = _core(core)
    if not fields.name:
        fields = _from_project(_table(project, "project"), fields)
    build = _table(project, "build-system")
    return msgspec.structs.replace(
        fields,
        entry_points=tuple(_entry_points(best, project, settings))[:MAX_ITEMS],
        scripts=tuple(_build_files(project))[:MAX_ITEMS],
        build_backend=_line(build.get("build-backend", "")),
        backend_path=_lines(build.get("backend-path", ())),
        build_requires=_lines(build.get("requires", ())),
    )


def _rank(path: str) -> int:
    """The file's own metadata before those of things packed inside it."""
    first = path.partition("/")[0]
    return 0 if first.endswith(".dist-info") or first == "EGG-INFO" or path.count("/") <= 1 else 1


# ── core metadata ───────────────────────────────────────────────────────────────────────────────


def _core(data: bytes) -> Metadata:
    if not data:
        return Metadata()
    try:
        raw, _unparsed = parse_email(data[:MAX_FILE])
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, LookupError):
        return (
            Metadata()
        )  # The standard library's e-mail parser fails in many ways on hostile headers.
    return Metadata(
        name=_line(raw.get("name")),
        version=_line(raw.get("version")),
        summary=_line(raw.get("summary")),
        description_size=len(raw.get("description") or ""),
        author=_line(raw.get("author")) or _names_of(raw.get("author_email")),
        author_email=_addresses(raw.get("author_email")),
        maintainer=_line(raw.get("maintainer")) or _addresses(raw.get("maintainer_email")),
        license=_line(raw.get("license_expression")) or _line(raw.get("license")),
        urls=_urls(raw),
        classifiers=len(raw.get("classifiers") or ()),
        requires=_lines(raw.get("requires_dist") or raw.get("requires") or ()),
    )


def _urls(raw: RawMetadata) -> tuple[str, ...]:
    found = [
        raw.get("home_page"),
        raw.get("download_url"),
        *(raw.get("project_urls") or {}).values(),
    ]
    unique = dict.fromkeys(_line(url) for url in found if url)
    return tuple(url for url in unique if url and url != "UNKNOWN")[:MAX_ITEMS]


def _names_of(text: str | None) -> str:
    pairs = getaddresses([text[:MAX_FIELD]]) if text else []
    return ", ".join(_line(name) for name, _ in pairs if name)


def _addresses(text: str | None) -> str:
    pairs = getaddresses([text[:MAX_FIELD]]) if text else []
    return ", ".join(_line(address) for _, address in pairs if "@" in address)


def _line(value: object) -> str:
    if not isinstance(value, str):
        return ""
    text = "".join(char if char.isprintable() else " " for char in value[:MAX_FIELD])
    text = " ".join(text.split())
    return "" if text == "UNKNOWN" else text


def _lines(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Sequence):
        return ()
    return tuple(text for item in value[:MAX_ITEMS] if (text := _line(item)))


# ── pyproject.toml, setup.cfg, entry_points.txt ─────────────────────────────────────────────────


def _toml(data: bytes) -> Mapping[str, Any]:
    if not data or len(data) > MAX_TOML:
        return {}
    try:
        return tomli.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}


def _table(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}


def _ini(data: bytes) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    if data and len(data) <= MAX_TOML:
        try:
            parser.read_string(data.decode("utf-8", "replace"))
        except (configparser.Error, ValueError, AttributeError):
            return configparser.RawConfigParser()
    return parser


def _from_project(project: Mapping[str, Any], fields: Metadata) -> Metadata:
    if not project:
        return fields
    people, keepers = _people(project.get("authors")), _people(project.get("maintainers"))
    return Metadata(
        name=_line(project.get("name")),
        version=_line(project.get("version")),
        summary=_line(project.get("description")),
        author=", ".join(_lines([person.get("name") for person in people])),
        author_email=", ".join(_lines([person.get("email") for person in people])),
        maintainer=", ".join(_lines([person.get("name") for person in keepers])),
        license=_line(project.get("license")),
        urls=_lines(list(_table(project, "urls").values())),
        classifiers=len(_lines(project.get("classifiers") or ())),
        requires=_lines(project.get("dependencies") or ()),
    )


def _people(value: object) -> list[Mapping[str, Any]]:
    listed = value[:MAX_ITEMS] if isinstance(value, list) else []
    return [person for person in listed if isinstance(person, Mapping)]


def _entry_points(
    files: Mapping[str, bytes], project: Mapping[str, Any], settings: configparser.RawConfigParser
) -> Iterator[str]:
    written = _ini(files.get("entry_points.txt", b""))
    if written.sections():
        for group in written.sections():
            for name, target in written.items(group):
                yield _line(f"{group}:{name} = {target or ''}")
        return
    table = _table(project, "project")
    groups: list[tuple[str, object]] = [*_table(table, "entry-points").items()]
    groups.append(("console_scripts", table.get("scripts")))
    groups.append(("gui_scripts", table.get("gui-scripts")))
    groups.append(("console_scripts", _table(_table(project, "tool"), "poetry").get("scripts")))
    for group, points in groups:
        for name, target in points.items() if isinstance(points, Mapping) else ():
            if isinstance(target, str):
                yield _line(f"{group}:{name} = {target}")
    yield from _old_entry_points(settings)


def _old_entry_points(settings: configparser.RawConfigParser) -> Iterator[str]:
    if not settings.has_section("options.entry_points"):
        return
    for group, text in settings.items("options.entry_points"):
        for line in (text or "").splitlines():
            if "=" in line:
                yield _line(f"{group}:{line.strip()}")


def _build_files(project: Mapping[str, Any]) -> Iterator[str]:
    """Build scripts that the settings of hatch, poetry and pdm name, as `build:PATH`."""
    tool = _table(project, "tool")
    hatch = _table(_table(tool, "hatch"), "build")
    tables = [hatch, *(_table(_table(hatch, "targets"), name) for name in ("wheel", "sdist"))]
    for table in tables:
        custom = _table(_table(table, "hooks"), "custom")
        if isinstance(path := custom.get("path"), str):
            yield f"build:{_line(path)}"
    poetry = _table(tool, "poetry").get("build")
    script = poetry.get("script") if isinstance(poetry, Mapping) else poetry
    if isinstance(script, str):
        yield f"build:{_line(script)}"
    pdm = _table(_table(tool, "pdm"), "build").get("custom-hook")
    if isinstance(pdm, str):
        yield f"build:{_line(pdm)}"


# ── package.json ────────────────────────────────────────────────────────────────────────────────

_AT_INSTALL = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare")


def _from_npm(data: bytes) -> Metadata:
    try:
        raw = msgspec.json.decode(data[:MAX_FILE])
    except (msgspec.MsgspecError, RecursionError):
        return Metadata()
    if not isinstance(raw, dict):
        return Metadata()
    scripts = _table(raw, "scripts")
    author = raw.get("author")
    person = author if isinstance(author, str) else _table(raw, "author").get("name")
    requires = (*_table(raw, "dependencies").items(), *_table(raw, "optionalDependencies").items())
    bins = raw.get("bin")
    commands = {"": bins} if isinstance(bins, str) else _table(raw, "bin")
    return Metadata(
        name=_line(raw.get("name")),
        version=_line(raw.get("version")),
        summary=_line(raw.get("description")),
        description_size=len(_line(raw.get("readme"))),
        author=_line(person),
        author_email=_line(_table(raw, "author").get("email")),
        license=_line(raw.get("license")),
        urls=_lines(
            [raw.get("homepage"), _table(raw, "repository").get("url") or raw.get("repository")]
        ),
        classifiers=len(_lines(raw.get("keywords") or ())),
        requires=_lines([f"{name} {wanted}" for name, wanted in requires]),
        entry_points=_lines([f"bin:{name} = {target}" for name, target in commands.items()]),
        scripts=_lines([scripts[name] for name in _AT_INSTALL if name in scripts]),
    )
