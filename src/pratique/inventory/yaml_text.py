"""YAML as plain text values, within limits, however hostile.

Scalars stay as they are written: `version: 1.10` is the text `1.10`, and a number of a million digits
costs nothing. Only mappings, sequences and texts come out. Aliases are followed, but what they would
unfold to is counted, so that a few lines cannot become a billion values; merge keys (`<<`) stay keys.
Source: YAML 1.1 as read by libyaml.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from pratique.inventory.errors import LockError
from pratique.inventory.text import SourceText

MAX_DEPTH: Final = 64
MAX_DIRECTIVES: Final = 100
"""libyaml compares each with all before it."""
MAX_VALUES: Final = 2_000_000
"""Values in a document, after following aliases: a lock of 3,000 packages has 60,000."""


class _Builder:
    """Builds values from events, with a stack of its own instead of recursion."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stack: list[tuple[Any, str | None, int]] = []
        """Open collections: (value, anchor, values counted when it began)."""
        self._keys: list[Any] = []
        """For each open mapping the key that waits for its value; `_NO_KEY` when none does."""
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self.documents: list[Any] = []

    def take(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events have no common typed base
        """Use one event."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(event.value, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            value, size = self._anchors.get(event.anchor or "", ("", 1))
            self._add(value, None, size)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open({}, event.anchor)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open([], event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            value, anchor, before = self._stack.pop()
            self._keys.pop()
            self._add(value, anchor, 1, size=self._count - before + 1)

    def _open(self, value: Any, anchor: str | None) -> None:  # noqa: ANN401 - a dict or a list
        if len(self._stack) >= MAX_DEPTH:
            raise LockError(f"nests values more than {MAX_DEPTH} deep", path=self._path)
        self._stack.append((value, anchor, self._count))
        self._keys.append(_NO_KEY)

    def _add(self, value: Any, anchor: str | None, cost: int, *, size: int = 0) -> None:  # noqa: ANN401 - any value
        self._count += cost
        if self._count > MAX_VALUES:
            raise LockError(f"has more than {MAX_VALUES:,} values", path=self._path)
        if anchor is not None:
            self._anchors[anchor] = value, size or cost
        if not self._stack:
            self.documents.append(value)
            return
        parent = self._stack[-1][0]
        if isinstance(parent, list):
            parent.append(value)
        elif self._keys[-1] is _NO_KEY:
            self._keys[-1] = value if isinstance(value, str) else ""  # nobody looks such a key up
        else:
            parent[self._keys[-1]] = value
            self._keys[-1] = _NO_KEY


_NO_KEY: Final = object()


def parse_yaml(source: SourceText) -> list[Any]:
    """The documents of a YAML file: nested dicts, lists and texts.

    Raises: LockError with the line at which it stops being YAML, or is more than anybody writes.
    """
    builder = _Builder(source.path)
    if source.text.count("%TAG") > MAX_DIRECTIVES:
        raise LockError(f"has more than {MAX_DIRECTIVES} directives", path=source.path)
    try:
        for event in yaml.parse(source.text, Loader=yaml.CLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LockError(
            f"is not YAML: {str(error.problem or error.context)[:160]}",
            path=source.path,
            line=mark.line + 1 if mark is not None else 0,
            remedy="let the tool that owns the file write it again",
        ) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = str(error).partition("\n")[0][:160]
        raise LockError(f"is not YAML: {reason}", path=source.path) from None
    return builder.documents


def parse_mapping(source: SourceText) -> dict[str, Any]:
    """The first document of a YAML file that is a mapping. Raises: LockError."""
    for document in parse_yaml(source):
        if isinstance(document, dict):
            return document
    raise LockError("is not a YAML mapping", path=source.path, line=1)
