"""Records of a run that lie beside its log, as the runner's API or command line gives them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from pratique.edge.sweep.careful import UnreadableError, read_whole
from pratique.errors import ValueFormatError
from pratique.inventory.ci_logs.looks import RunFacts
from pratique.values.instants import Instant, parse_instant

_RECORD_BYTES: Final = 8 << 20
_CUT: Final = 50
"""Letters and digits of a name that may have been cut."""


class _Repository(msgspec.Struct):
    full_name: str = ""


class _Job(msgspec.Struct):
    name: str = ""
    conclusion: str | None = None


class _Run(msgspec.Struct):
    """Fields of both spellings: the REST API's, and those of `gh run view --json`."""

    id: int | None = None
    database_id: int | None = msgspec.field(name="databaseId", default=None)
    repository: _Repository | None = None
    url: str = ""
    html_url: str = ""
    run_started_at: str = ""
    updated_at: str = ""
    started: str = msgspec.field(name="startedAt", default="")
    updated: str = msgspec.field(name="updatedAt", default="")
    jobs: list[_Job] = []


def read_run_facts(path: Path) -> RunFacts:
    """What `NAME.json` beside a log says of its run; nothing when there is none."""
    beside = path.with_suffix(".json")
    if beside == path:
        return RunFacts()
    try:
        run = msgspec.json.decode(read_whole(str(beside), _RECORD_BYTES), type=_Run)
    except (UnreadableError, msgspec.DecodeError, RecursionError):
        return RunFacts()
    number = run.id or run.database_id
    repository = run.repository.full_name if run.repository else _of_url(run.html_url or run.url)
    if number is None or repository.count("/") != 1:
        return RunFacts()
    return RunFacts(
        repository=repository,
        run=str(number),
        host="github",
        started=_moment(run.run_started_at or run.started),
        ended=_moment(run.updated_at or run.updated),
        jobs=tuple(job.name for job in run.jobs if job.name and job.conclusion != "skipped"),
    )


def missing_jobs(jobs: Iterable[str], seen: Iterable[str]) -> list[str]:
    """Jobs of which no log was seen. File names of logs leave out characters, and cut long names."""
    known = {_plain(one) for one in seen}
    return [
        job
        for job in dict.fromkeys(jobs)
        if not any(_plain(job) == one or _is_cut(one, _plain(job)) for one in known)
    ]


def _is_cut(shown: str, job: str) -> bool:
    return len(shown) >= _CUT and job.startswith(shown)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _of_url(url: str) -> str:
    """`OWNER/REPO` of `https://HOST/OWNER/REPO/actions/runs/1`."""
    before, found, _ = url.partition("/actions/runs/")
    parts = before.split("/")
    return "/".join(parts[-2:]) if found and len(parts) > 3 else ""  # noqa: PLR2004 - scheme, host, owner, name


def _moment(text: str) -> Instant | None:
    try:
        return parse_instant(text) if text else None
    except ValueFormatError:
        return None
