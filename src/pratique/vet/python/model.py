"""The words of reading Python: values with labels, calls with roles, texts.

A reader walks the syntax tree once, folding what is constant and letting labels flow with values: through
assignments, attributes, containers, f-strings, calls of local functions (one level of summaries: which
parameter
reaches which call, and what is returned). It is a may-analysis: a label means that the value may carry it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

import msgspec

from pratique.vet.model import Import, Region


class Label(StrEnum):
    """What a value may carry."""

    DECODED = "decoded"
    """Out of base64, hex, zlib, marshal, a cipher, character arithmetic …"""
    NETWORK = "network"
    """Came from the network."""
    ENVIRONMENT = "environment"
    """The whole environment, or much of it."""
    SECRET = "secret"  # noqa: S105 - a label, not a password
    """A secret-named variable, the content of a credential file, a keychain, a token."""
    HOST = "host"
    """Who and where: host name, user, addresses, platform, working directory, process list."""
    FILE = "file"
    """Content of some file."""
    BROWSER = "browser"
    """Browser stores, cookies, wallets, messenger tokens."""
    CLIPBOARD = "clipboard"
    SCREEN = "screen"
    KEYS = "keys"
    """Keystrokes, microphone, camera."""
    CLOUD = "cloud"
    """Answer of a cloud metadata service, instance credentials."""
    INPUT = "input"
    """Command line, standard input."""
    OUTPUT = "output"
    """Output of a started process."""
    PARAMETER = "parameter"
    """A parameter of the function that is read; what it is is known at its calls."""
    CODE = "code"
    """A code object, or source known to be Python."""


Constant: TypeAlias = "str | bytes | int | float | bool | tuple[Constant, ...] | None"


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one value."""

    constant: Constant = None
    folded: bool = False
    """Whether `constant` is its whole value (None may be one)."""
    known: str = ""
    """The known text with "\N{HORIZONTAL ELLIPSIS}" for each hole: `https://…/upload?u=…`; bytes as
    latin-1."""
    labels: frozenset[Label] = frozenset()
    names: tuple[str, ...] = ()
    """Dotted names it may stand for: `requests.get`, `.helper`, the called name for a result: `open()`."""
    layer: int = 0
    """Decodings passed to get the constant."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call with what may flow into it."""

    name: str
    """Dotted, aliases resolved: `subprocess.Popen`, `builtins.exec`, `.helper`; a method of a result
    keeps its origin:
    `requests.Session().post`, `socket.socket().connect`."""
    roles: frozenset[str]
    """What the catalogue says of the name: `network.send`, `process.run`, `code.execute` …"""
    arguments: tuple[Value, ...]
    keywords: Mapping[str, Value]
    region: int
    line: int
    column: int
    layer: int = 0
    """0: as written; n: inside source that was decoded n times, placed where the outermost stands."""
    quiet: bool = False
    """Errors of it are swallowed (`except: pass`)."""
    hidden: bool = False
    """The name was hidden: built from pieces, through getattr, globals(), __import__ of a folded string …"""
    excerpt: str = ""

    @property
    def values(self) -> tuple[Value, ...]:
        """All that flows in."""
        return (*self.arguments, *self.keywords.values())

    @property
    def labels(self) -> frozenset[Label]:
        """Labels of all that flows in."""
        return (
            frozenset().union(*(value.labels for value in self.values))
            if self.arguments or self.keywords
            else frozenset()
        )


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One folded string or bytes (as latin-1) of some length, wherever it stands."""

    text: str
    region: int
    line: int
    column: int
    layer: int = 0
    docstring: bool = False
    built: bool = False
    """Was put together from pieces, or decoded."""


class PythonFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Python source as analyses see it; decoded inner sources are merged in, with their layer."""

    source: str
    lines: tuple[str, ...]
    regions: tuple[Region, ...]
    imports: tuple[Import, ...]
    calls: tuple[Call, ...]
    texts: tuple[Text, ...]
    inner: tuple[str, ...] = ()
    """Sources that were found by decoding, outermost first, bounded."""
    stored: Mapping[str, Value] = msgspec.field(default_factory=dict)
    """Last known value of module-level names."""
    unfinished: tuple[str, ...] = ()
    """What was cut short and why (limits, syntax that no known Python reads)."""
