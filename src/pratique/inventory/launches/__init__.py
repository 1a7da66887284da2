"""Commands in configuration files that install or run packages: one reader per kind of file.

A new kind is a new function and one line in `_BY_PATH`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pratique.inventory.errors import LockError
from pratique.inventory.launches.lines import read_dockerfile, read_makefile, read_tox, read_yaml
from pratique.inventory.launches.model import Launch
from pratique.inventory.launches.objects import read_devcontainer, read_mcp
from pratique.inventory.launches.sessions import read_noxfile
from pratique.inventory.launches.shell import MAX_CONFIG_BYTES, read_shell
from pratique.inventory.text import SourceText

_Reader = Callable[[SourceText], list[Launch]]
_BY_PATH: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(rf"(?:.*/)?{pattern}"), reader)
    for pattern, reader in (
        (r"\.?mcp\.json", read_mcp),
        (r"mcp_config\.json", read_mcp),
        (r"(?:cline_)?mcp_settings\.json", read_mcp),
        (r"claude_desktop_config\.json", read_mcp),
        (r"\.claude\.json", read_mcp),
        (r"\.(?:cursor|vscode|claude|gemini|roo|kilocode)/(?:mcp|settings)\.json", read_mcp),
        (r"\.?devcontainer\.json", read_devcontainer),
        (r"\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml", read_yaml),
        (r"action\.ya?ml", read_yaml),
        (r"\.gitlab-ci(?:[.-][\w.-]+)?\.ya?ml", read_yaml),
        (r"\.gitlab/.+\.ya?ml", read_yaml),
        (r"\.circleci/[^/]+\.ya?ml", read_yaml),
        (r"(?:azure|bitbucket)-pipelines\.ya?ml", read_yaml),
        (r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml", read_yaml),
        (r"\.pre-commit-config\.ya?ml", read_yaml),
        (r"(?:Docker|Container)file(?:\.[\w.-]+)?", read_dockerfile),
        (r"[\w.-]+\.(?:[Dd]ocker|[Cc]ontainer)file", read_dockerfile),
        (r"(?:GNU)?[Mm]akefile(?:\.[\w.-]+)?", read_makefile),
        (r"[\w.-]+\.mk", read_makefile),
        (r"\.?[Jj]ustfile", read_makefile),
        (r"tox\.ini", read_tox),
        (r"noxfile\.py", read_noxfile),
        (r"[^/]+\.(?:sh|bash|zsh)", read_shell),
    )
)


def reads_launches(path: str) -> bool:
    """Whether the path names a configuration file that commands are looked for in."""
    return _reader(path) is not None


def read_launches(path: str, data: bytes) -> tuple[Launch, ...]:
    """Commands that install or run packages and leave a version open, or name an index.

    Raises: LockError naming the file and the line, never anything else, however hostile the bytes.
    """
    reader = _reader(path)
    if reader is None:
        raise LockError("is no configuration file that Pratique reads", path=path)
    return tuple(reader(SourceText(path, data, max_bytes=MAX_CONFIG_BYTES)))


def _reader(path: str) -> _Reader | None:
    for pattern, reader in _BY_PATH:
        if pattern.fullmatch(path):
            return reader
    return None
