"""A policy as it holds: every key with its value, and whether the file or the default set it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pratique.policy.language import Policy, render_key
from pratique.policy.toml_lines import KeyPath, line_of


class EffectiveKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key."""

    key: str
    """Such as `cool-down.hours` or `deny[0].reason`."""
    value: Any
    default: bool
    """Whether the file leaves it out."""
    line: int | None = None
    """Where the file sets it."""


def effective_keys(policy: Policy) -> list[EffectiveKey]:
    """All keys in the order of the language; entries of lists in the order of the file."""
    lines = dict(policy.lines)
    return [
        EffectiveKey(
            key=render_key(path),
            value=value,
            default=path not in policy.given,
            line=line_of(lines, path) if path in policy.given else None,
        )
        for path, value in _walk(policy.tables, ())
    ]


def render_keys(keys: Sequence[EffectiveKey]) -> str:
    """One line per key: `cool-down.hours = 72  # default`."""
    width = max(len(entry.key) for entry in keys)
    return "\n".join(
        f"{entry.key:<{width}} = {_spell(entry.value)}"
        + ("  # default" if entry.default else f"  # line {entry.line}")
        for entry in keys
    )


def _walk(struct: msgspec.Struct, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        here = (*path, field.encode_name)
        if isinstance(value, msgspec.Struct):
            yield from _walk(value, here)
        elif isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
            for index, entry in enumerate(value):
                yield from _walk(entry, (*here, index))
        else:
            yield here, value


def _spell(value: object) -> str:
    """A value as TOML; a key that has none is shown as not set."""
    if value is None:
        return "(not set)"
    if isinstance(value, float):
        return f"{value:g}"
    return msgspec.json.encode(value).decode()
