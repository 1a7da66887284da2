"""Which door a command asks: as told, from the environment, or from pip's and uv's configuration."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from pratique.inventory.addresses import DoorAddress, parse_door, redact

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_MAX_CONFIG_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDoor:
    """A door and how to speak to it."""

    address: DoorAddress
    token: str
    """Never shown."""
    origin: str
    """Where the choice came from, for people."""


def choose_door(
    given: str, environ: Mapping[str, str], *, home: Path, folder: Path
) -> ChosenDoor | None:
    """The door to ask: `--door`, else PRATIQUE_DOOR, else what pip or uv are configured with.

    Configuration counts only when its index URL has the shape of a door's (`/NAME/simple`), so
    that nobody's public index is asked by accident.
    Raises: click.BadParameter when the address given is none.
    """
    for url, origin in ((given, "--door"), (environ.get("PRATIQUE_DOOR", ""), "PRATIQUE_DOOR")):
        if url:
            return _door(url, origin, environ)
    for url, origin in _configured(environ, home, folder):
        path = urlsplit(url).path.rstrip("/")
        if path.endswith("/simple") and path != "/simple" and parse_door(url):
            return _door(url, origin, environ)
    return None


def _door(url: str, origin: str, environ: Mapping[str, str]) -> ChosenDoor:
    address = parse_door(url)
    if address is None:
        raise click.BadParameter(
            f"not a door's address: {redact(url)!r}; expected a URL such as"
            " http://127.0.0.1:8420/pypi",
            param_hint=origin,
        )
    password = unquote(urlsplit(url).password or "")
    return ChosenDoor(
        address=address, token=environ.get("PRATIQUE_TOKEN", "") or password, origin=origin
    )


def _configured(environ: Mapping[str, str], home: Path, folder: Path) -> Iterator[tuple[str, str]]:
    for variable in _VARIABLES:
        if environ.get(variable):
            yield environ[variable], variable
    for path in (folder / "uv.toml", folder / "pyproject.toml", home / ".config/uv/uv.toml"):
        if url := _uv_index(path):
            yield url, path.name
    pip_files = [home / ".config/pip/pip.conf", home / ".pip/pip.conf", Path("/etc/pip.conf")]
    if environ.get("VIRTUAL_ENV"):
        pip_files.insert(0, Path(environ["VIRTUAL_ENV"]) / "pip.conf")
    if environ.get("PIP_CONFIG_FILE"):
        pip_files.insert(0, Path(environ["PIP_CONFIG_FILE"]))
    for path in pip_files:
        if url := _pip_index(path):
            yield url, path.name


def _uv_index(path: Path) -> str:
    try:
        tables = tomllib.loads(_text(path))
    except (OSError, ValueError, RecursionError):
        return ""
    if path.name == "pyproject.toml":
        tool = tables.get("tool")
        uv = tool.get("uv") if isinstance(tool, dict) else None
        tables = uv if isinstance(uv, dict) else {}
    listed = tables.get("index")
    for index in listed if isinstance(listed, list) else []:
        if isinstance(index, dict) and index.get("default") is True:
            return str(index.get("url", ""))
    single = tables.get("index-url")
    return single if isinstance(single, str) else ""


def _pip_index(path: Path) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(path))
    except (OSError, ValueError, configparser.Error):
        return ""
    return parser.get("global", "index-url", fallback="").strip()


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return stream.read(_MAX_CONFIG_BYTES).decode("utf-8")
