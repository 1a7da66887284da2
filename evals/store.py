"""Kept results: JSON lines in the cache folder, one file per engine, appended as they are finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from evals import places
from evals.cases import Case
from evals.measure import Result


class Store:
    """Results of one engine by group and name. A torn last line (Ctrl-C) is dropped."""

    def __init__(self, name: str) -> None:
        self.path: Path = places.cache() / "results" / f"{name}.jsonl"
        self.results: dict[tuple[str, str], Result] = {}
        if self.path.exists():
            for line in self.path.read_bytes().splitlines():
                try:
                    result = msgspec.json.decode(line, type=Result)
                except msgspec.MsgspecError:
                    continue
                self.results[result.key] = result

    def missing(self, cases: Iterable[Case]) -> list[Case]:
        """Cases without a result."""
        return [case for case in cases if (case.group, case.name) not in self.results]

    def of(self, cases: Iterable[Case]) -> list[Result]:
        """Results of cases that have one."""
        return [found for case in cases if (found := self.results.get((case.group, case.name)))]

    def keep(self, results: Iterable[Result]) -> Iterator[Result]:
        """Append each, and hand it on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for result in results:
                file.write(msgspec.json.encode(result) + b"\n")
                file.flush()
                self.results[result.key] = result
                yield result
