"""The one place where evals touch the vetter: `pratique.vet.engine`.

Also its identity: a digest over the sources that turn bytes into features, without weights, so that
features of an unchanged engine are made once and training takes seconds.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evals.lists import project_of
from evals.places import ROOT
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Context
from pratique.vet.old_files import open_old

ROOM = ROOT / "src" / "pratique" / "vet"
LEARNED = "weights.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the vetter said of one archive, and what saying it cost."""

    verdict: str
    score: float
    features: tuple[str, ...]
    decisive: bool
    """Whether a hard rule decided."""
    rules: tuple[str, ...]
    unread: tuple[str, ...]
    seconds: float
    """CPU; the predecessor's facts are kept in a store, so making them does not count."""


class Vetter(Protocol):
    """What is measured: `Engine`, or a trivial one in tests."""

    def vet(self, data: bytes, filename: str, old: tuple[bytes, str] | None) -> Seen:
        """Judge an archive, against its predecessor when there is one."""


class Engine:
    """The vetter as it is."""

    def vet(self, data: bytes, filename: str, old: tuple[bytes, str] | None) -> Seen:
        base = None
        if old is not None:
            base = facts_of(*old)
            if base.read is None:
                base = type(base)(
                    release=base.release, contents=base.contents, read=open_old(*old), clone=base.clone
                )  # fmt: skip
        context = Context(project=project_of(filename), first_release=None if old else True)
        started = time.process_time()
        report = vet_archive(data, filename, context=context, base=base).report
        seconds = time.process_time() - started
        return Seen(
            verdict=str(report.verdict.value),
            score=report.score,
            features=report.features,
            decisive=any(finding.decisive for finding in report.findings),
            rules=tuple(dict.fromkeys(finding.rule for finding in report.findings)),
            unread=report.unread,
            seconds=seconds,
        )


def engine_digest(folder: Path = ROOM) -> str:
    """16 hex digits over the engine's sources and tables, without the weights that are trained."""
    running = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and path.name != LEARNED:
            running.update(str(path.relative_to(folder)).encode() + b"\0")
            running.update(hashlib.sha256(path.read_bytes()).digest())
    return running.hexdigest()[:16]
