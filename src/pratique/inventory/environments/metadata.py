"""The head of METADATA and PKG-INFO: names, not prose.

A scan of the header lines instead of `email.parser`, which takes the whole description apart to
answer the same question; the tests hold the two against each other.

Source: core metadata specification; RFC 5322 section 2.2 for what a header line is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec
from packaging.utils import canonicalize_name

HEAD_BYTES: Final = 1 << 16
"""Of METADATA that are read; the name stands in its first lines."""
MAX_REQUIREMENTS: Final = 500

_FIELD: Final = re.compile(rb"^(Name|Version)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_USUAL: Final = re.compile(
    rb"Metadata-Version: [0-9.]+\nName: ([A-Za-z0-9._-]+)\nVersion: ([A-Za-z0-9._+!-]+)\n(?![ \t])"
)
"""How nearly every tool begins: the first three lines, nothing folded."""
_REQUIRES: Final = b"\nRequires-Dist:"
"""As every tool writes it. In another spelling it costs a parent's name, never a release."""
_NAME: Final = re.compile(rb"[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA: Final = re.compile(rb"\bextra\b")


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an environment is asked for."""

    name: str
    """As written; empty when there is none."""
    version: str
    data: bytes = b""
    """What it was read from."""

    def requires(self) -> tuple[str, ...]:
        """Names it asks for whatever extras were chosen, normalized. Costs as much as all the rest."""
        return _requires(_header_lines(self.data))


def parse_head(data: bytes) -> Head:
    """Read the header lines of METADATA or PKG-INFO; what stands after an empty line is prose."""
    found = _USUAL.match(data)
    if found:
        return Head(name=found[1].decode(), version=found[2].decode(), data=data)
    return _search(data)


def _search(data: bytes) -> Head:
    """As `parse_head`, of a header in any order and spelling."""
    name = version = ""
    for found in _FIELD.finditer(_header_lines(data)):
        value = found[2].decode("utf-8", "replace").strip()
        if found[1][:1] in b"Nn":
            name = name or value
        else:
            version = version or value
        if name and version:
            break
    return Head(name=name, version=version, data=data)


def _header_lines(data: bytes) -> bytes:
    """Everything before the first empty line."""
    end = data.find(b"\n\n")
    if b"\r" in data[:1024]:
        other = data.find(b"\r\n\r\n")
        end = min((at for at in (end, other) if at >= 0), default=-1)
    return data if end < 0 else data[:end]


def _requires(head: bytes) -> tuple[str, ...]:
    names: dict[str, None] = {}
    at = head.find(_REQUIRES)
    while at >= 0 and len(names) < MAX_REQUIREMENTS:
        start = at + len(_REQUIRES)
        at = head.find(_REQUIRES, start)
        end = head.find(b"\n", start)
        line = head[start:end] if end >= 0 else head[start:]
        found = _NAME.match(line)
        if found and not (b"extra" in line and _EXTRA.search(line)):
            names[_normalized(found[1])] = None
    return tuple(names)


@lru_cache(maxsize=8192)
def _normalized(name: bytes) -> str:
    return canonicalize_name(name.decode())
