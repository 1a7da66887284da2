"""The real `pratique`, started as a person starts it: a process of its own for each command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pratique.drill.clients import run_apart
from pratique.errors import UnavailableError

_START = "from pratique.doors.cli import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a command said."""

    exit_code: int
    output: str
    errors: str

    def read(self) -> Any:  # noqa: ANN401 - JSON of anything
        """The answer that `--format json` gives.

        Raises: UnavailableError when it is none: the command could not be carried out.
        """
        try:
            return json.loads(self.output)
        except ValueError:
            raise UnavailableError(f"a command of the drill failed: {self.told()}") from None

    def told(self) -> str:
        """Its first line, for a person."""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        return lines[0].removeprefix("pratique: ") if lines else f"exit code {self.exit_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody at a terminal, with the drill's home folder and nothing of their own."""

    folder: Path
    home: Path

    async def do(self, *words: str, expect: Collection[int] = (0,)) -> Answered:
        """Run a command with the drill's home.

        Raises: UnavailableError when its exit code is none of those expected.
        """
        return await self.start(*words, "--home", str(self.home), expect=expect)

    async def ask(self, *words: str, expect: Collection[int] = (0, 1, 3)) -> Any:  # noqa: ANN401 - JSON
        """Run a command with the drill's home, and read its answer.

        Raises: UnavailableError as `do`.
        """
        return (await self.do(*words, "--format", "json", expect=expect)).read()

    async def start(self, *words: str, expect: Collection[int]) -> Answered:
        """Run a command. Raises: UnavailableError when its exit code is none of those expected."""
        answered = await self.python("-c", _START, *words)
        if answered.exit_code not in expect:
            told = answered.told()
            raise UnavailableError(f"pratique {words[0]} ended with {answered.exit_code}: {told}")
        return answered

    async def python(self, *words: str) -> Answered:
        """Python by itself, isolated: no folder, no variable and no package of a user counts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        code, output, errors = await run_apart([sys.executable, "-I", *words], environment)
        return Answered(exit_code=code, output=output, errors=errors)
