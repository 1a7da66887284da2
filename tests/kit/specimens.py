"""Specimens: small sources that a rule must catch, must not catch, or must see through.

A specimen's first line names traits: `# constant, layers: decoded twice`. In `catches/` and `disguised/`
the rule must show all of them, in `ignores/` none. Beside each lies a reviewed snapshot of the rule's signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

FOLDERS = ("catches", "ignores", "disguised")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-specimens",
        action="store_true",
        help="write specimen snapshots and rule pages anew instead of comparing; review the difference",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One source with what is expected of it."""

    path: Path
    rule: str
    folder: str
    traits: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.rule}/{self.folder}/{self.path.name}"

    @property
    def source(self) -> bytes:
        return self.path.read_bytes()

    @property
    def snapshot(self) -> Path:
        return self.path.with_suffix(".json")


def load_specimens(root: Path) -> tuple[Specimen, ...]:
    """All specimens below a folder, by name."""
    return tuple(
        _load(path, folder) for folder in FOLDERS for path in sorted(root.glob(f"*/{folder}/*.py"))
    )


def _load(path: Path, folder: str) -> Specimen:
    first = path.read_text("utf-8").split("\n", 1)[0]
    named = first.removeprefix("#").partition(":")[0]
    traits = frozenset(part.strip() for part in named.split(","))
    return Specimen(path=path, rule=path.parent.parent.name, folder=folder, traits=traits)
