"""The tables of known places and words, shipped as TOML beside the code (`vet/data`)."""

from __future__ import annotations

import importlib.resources
import tomllib
from functools import cache
from typing import Any


@cache
def load_table(name: str) -> dict[str, Any]:
    """Read `vet/data/NAME.toml`. Raises FileNotFoundError for a name that is not shipped."""
    text = importlib.resources.files("pratique.vet").joinpath("data", f"{name}.toml")
    return tomllib.loads(text.read_text("utf-8"))
