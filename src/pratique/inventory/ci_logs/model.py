"""What a line of a log says."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from pratique.inventory.observed.model import Item, Stage


class Mention(NamedTuple):
    """A line names a release, a file, an action or an image."""

    item: Item
    stage: Stage
    range: str = ""
    direct: bool | None = None
    note: str = ""


class Tool(StrEnum):
    """Whose lines they are."""

    PIP = "pip"
    UV = "uv"
    POETRY = "poetry"
    PDM = "pdm"
    NPM = "npm"
    PNPM = "pnpm"
    YARN = "yarn"
    BUN = "bun"
    RUNNER = "the runner"
    DOCKER = "docker"


class Started(NamedTuple):
    """A command line: this tool was told to install something."""

    tool: Tool
    command: str


class Named(NamedTuple):
    """The tool names a package that it installed; pip all of them."""

    tool: Tool
    final: bool = True
    """False for a line that comes again and again within one installation."""


class Counted(NamedTuple):
    """The tool says how many packages it installed."""

    tool: Tool
    packages: int


class Present(NamedTuple):
    """The tool says how many packages were there already."""

    tool: Tool
    packages: int


class Listing(NamedTuple):
    """A table of what is installed begins (`pip list`): name and version per line."""

    tool: Tool


class Unread(NamedTuple):
    """Something that the log does not tell, in a sentence."""

    why: str


Said = Mention | Started | Named | Counted | Present | Listing | Unread
