"""The shipped list of popular project names (`data/popular.json`, made by `python -m evals.popular`)."""

from __future__ import annotations

import importlib.resources
from functools import cache

import msgspec


class _Popular(msgspec.Struct, frozen=True):
    names: dict[str, int]


@cache
def popular_names() -> dict[str, int]:
    """Normalised name → how many projects require it."""
    file = importlib.resources.files("pratique.vet").joinpath("data", "popular.json")
    return msgspec.json.decode(file.read_bytes(), type=_Popular).names
