"""What a call is given, and its report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pratique.vet.catalogue import Entry
from pratique.vet.python.plain import Node
from pratique.vet.python.values import (
    NONE,
    V,
    joined_bits,
)
from pratique.vet.python.walk import Walk


class Arguments(msgspec.Struct):
    """What a call is given."""

    positional: list[V]
    keywords: dict[str, V]

    def get(self, position: int, keyword: str = "") -> V:
        """One argument, by place or by name."""
        if position < len(self.positional):
            return self.positional[position]
        return self.keywords.get(keyword, NONE)

    @property
    def bits(self) -> int:
        """Labels of all of them."""
        return joined_bits(self.positional) | joined_bits(self.keywords.values())


Special = Callable[[Walk, Any, str, Arguments, V], "V | None"]


def report_call(
    walk: Walk, node: Node, name: str, given: Arguments, callee: V, entry: Entry | None = None
) -> None:
    """Report a call as it is written."""
    walk.report(
        node,
        name,
        entry or walk.catalogue.look_up(name),
        given.positional,
        given.keywords,
        hidden=callee.hidden,
    )
