"""Loops and helpers over constants, evaluated."""

from __future__ import annotations

from typing import Any

from pratique.vet.python.values import Routine, V
from pratique.vet.python.walk import Walk


def evaluate_call(
    _walk: Walk, _routine: Routine, _arguments: list[V], _keywords: dict[str, V]
) -> V | None:
    return None


def evaluate_loop(_walk: Walk, _node: Any) -> bool:
    return False


def evaluate_expression(_walk: Walk, _node: Any) -> V | None:
    return None


def evaluate_map(_walk: Walk, _name: str, _arguments: list[V]) -> V | None:
    return None
