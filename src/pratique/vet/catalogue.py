"""What well-known names can do: `catalogue.toml` as lookups.

One name may have several roles (a POST sends and receives). Names that the catalogue does not hold are
looked up by prefix (`sh.*`) and, when nothing is known of the receiver, by method (`?.sendall`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

import msgspec

from pratique.vet.model import Capability


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalogue says of one name."""

    roles: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    """What the result carries (values of `vet.python.model.Label`)."""
    carries: bool = True
    """Whether the result may hold what the arguments hold."""
    capabilities: frozenset[Capability] = frozenset()


NOTHING = Entry()
HOLE = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in a dotted name for a part that is not known."""
_DULL = frozenset({"file.list", "name.lookup"})
"""Roles that alone are no reason to look closer: half of all functions have them."""
_REMEMBERED = 50_000
"""Names that are kept with their answer; hostile sources can have any number of different ones."""


class Catalogue:
    """The lookups. Immutable but for the memory of answers."""

    def __init__(self, data: Mapping[str, object]) -> None:
        shape = msgspec.convert(data, _File)
        self._aliases = shape.aliases
        self._exact: dict[str, Entry] = {}
        self._below: dict[str, Entry] = {}
        self._methods: dict[str, Entry] = {}
        for role, body in shape.roles.items():
            for name in body.names:
                self._add(name, _entry(role, body))
        self.sources = {name: label for name, label in shape.sources.items() if label}
        self.capability_names = {
            name: Capability(word) for name, word in shape.capabilities.items()
        }
        self.secret_paths = tuple(shape.paths["secret"])
        self.browser_paths = tuple(shape.paths["browser"])
        self.secret_names = tuple(shape.secret_names["parts"])
        self.never_secret = tuple(shape.secret_names["never"])
        self.host_commands = frozenset(shape.commands["host"])
        self.environment_commands = frozenset(shape.commands["environment"])
        self.secret_commands = tuple(shape.commands["secret"])
        self.cloud_addresses = tuple(shape.commands["cloud"])
        self.modules = frozenset(
            name.split(".", 1)[0]
            for name in (*self._exact, *self._below, *self._aliases)
            if "." in name or name in self._aliases
        ) - {"?"}
        """Top-level modules that have a role."""
        self.methods = frozenset(self._methods)
        self.builtins = frozenset(
            name.split(".")[1].partition("(")[0]
            for name in self._exact
            if name.startswith("builtins.") and self._exact[name].roles
        )
        self.hot_builtins = frozenset(
            {
                "exec",
                "eval",
                "compile",
                "execfile",
                "open",
                "__import__",
                "globals",
                "__builtins__",
                "input",
            }
            | {"raw_input", "__pyarmor__", "get_ipython"}
        )
        """Builtins whose use is a reason to look closer at a function."""
        self._prefixes = frozenset(
            prefix
            for name, entry in self._exact.items()
            if entry.roles - _DULL
            for prefix in _prefixes(name)
        )
        self._memory: dict[str, Entry] = {}
        self._canonical: dict[str, str] = {}

    def _add(self, name: str, entry: Entry) -> None:
        if name.startswith("?."):
            table, key = self._methods, name[2:]
        elif name.endswith(".*"):
            table, key = self._below, name[:-2]
        else:
            table, key = self._exact, name
        table[key] = _joined(table.get(key), entry)

    def canonical(self, name: str) -> str:
        """The usual spelling of a dotted name: `urllib2.urlopen` is `urllib.request.urlopen`."""
        known = self._canonical.get(name)
        if known is not None:
            return known
        answer = name
        # A replaced prefix may itself be an alias (cPickle by way of six): a few rounds suffice.
        for _ in range(3):
            changed = self._replaced(answer)
            if changed == answer:
                break
            answer = changed
        if len(self._canonical) < _REMEMBERED:
            self._canonical[name] = answer
        return answer

    def _replaced(self, name: str) -> str:
        end = len(name)
        while end > 0:
            head = name[:end]
            other = self._aliases.get(head)
            if other is not None and other != head:
                return other + name[end:]
            end = max(head.rfind("."), head.rfind("("))
        return name

    def look_up(self, name: str) -> Entry:
        """What is known of a canonical dotted name."""
        entry = self._exact.get(name) or self._memory.get(name)
        if entry is None:
            entry = self._below_of(name) or self._method(name) or NOTHING
            if len(self._memory) < _REMEMBERED:
                self._memory[name] = entry
        return entry

    def _below_of(self, name: str) -> Entry | None:
        end = name.rfind(".")
        while end > 0:
            entry = self._below.get(name[:end])
            if entry is not None:
                return entry
            end = name.rfind(".", 0, end)
        return None

    def _method(self, name: str) -> Entry | None:
        """By method alone, when the receiver is unknown or none of the modules of the catalogue."""
        head, dot, method = name.rpartition(".")
        if not dot or (head.partition(".")[0].partition("(")[0] in self.modules):
            return self._methods.get(method) if "ctypes" in head else None
        return self._methods.get(method)

    def hot(self, name: str) -> bool:
        """Whether something that is reported may begin with this name: it, or a member of it, has a role."""
        return (
            name in self._prefixes
            or bool(self.look_up(name).roles - _DULL)
            or name in self.sources
            or HOLE in name
        )

    def names(self) -> Iterable[str]:
        """All exact names (for documents and tests)."""
        return self._exact.keys()

    def entries(self) -> Iterable[tuple[str, Entry]]:
        """Everything that it holds: exact names, `prefix.*`, and `?.method`."""
        yield from self._exact.items()
        for name, entry in self._below.items():
            yield f"{name}.*", entry
        for name, entry in self._methods.items():
            yield f"?.{name}", entry

    def aliases(self) -> Mapping[str, str]:
        """Other spellings, and the usual one."""
        return self._aliases

    def has(self, name: str) -> bool:
        """Whether the catalogue has this very name."""
        return name in self._exact


class _Role(msgspec.Struct):
    capability: str = ""
    labels: list[str] = []
    carries: bool = True
    names: list[str] = []


class _File(msgspec.Struct):
    aliases: dict[str, str]
    roles: dict[str, _Role]
    capabilities: dict[str, str]
    sources: dict[str, str]
    paths: dict[str, list[str]]
    secret_names: dict[str, list[str]]
    commands: dict[str, list[str]]


def _entry(role: str, body: _Role) -> Entry:
    return Entry(
        roles=frozenset({role} - {"measure"}),
        labels=frozenset(body.labels),
        carries=body.carries,
        capabilities=frozenset({Capability(body.capability)} if body.capability else ()),
    )


def _joined(one: Entry | None, other: Entry) -> Entry:
    if one is None:
        return other
    return Entry(
        roles=one.roles | other.roles,
        labels=one.labels | other.labels,
        carries=one.carries and other.carries,
        capabilities=one.capabilities | other.capabilities,
    )


def _prefixes(name: str) -> list[str]:
    """`a`, `a.b`, `a.b()` of `a.b().c`; of a call also the name that is called."""
    found = []
    for position, character in enumerate(name):
        if character in ".(" and position and name[position - 1] != ")":
            found.append(name[:position])
        elif character == ")":
            found.append(name[: position + 1])
    return [*found, name]


@cache
def catalogue() -> Catalogue:
    """The catalogue that ships with the product, read once."""
    text = resources.files("pratique.vet").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return Catalogue(tomllib.loads(text))
