"""GitHub's archive of a whole run: each job's log, or its steps; bounded, whatever was packed."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pratique.edge.sweep.careful import PIECE, UnreadableError, open_regular
from pratique.edge.sweep.context import STOPPED, SweepContext
from pratique.inventory.ci_logs.looks import LogFile
from pratique.inventory.ci_logs.reading import JobReader, JobReading
from pratique.inventory.observed.model import Evidence

_MEMBERS: Final = 20_000
_UNPACKED: Final = 16 << 30
"""Bytes of all members of one archive."""
_RATIO: Final = 500
"""A log shrinks to a tenth; what shrinks to this and is large was made to fill disks."""
_HARMLESS: Final = 64 << 20
JOB_FILE: Final = re.compile(r"(\d{1,6})_(.+)\.txt")
_STEP_FILE: Final = re.compile(r"(.+)/(\d{1,6})_[^/]+\.txt")
_CALLED_LOGS: Final = re.compile(r"(?<![a-z])logs?(?![a-z])")
_ONLY_RUNNERS: Final = ("_Set up job.txt", "_Complete job.txt")
_TEXT_FILE: Final = re.compile(r".+\.(?:txt|log)")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLog:
    """One job's log within what was read."""

    log: LogFile
    reading: JobReading


def is_run_archive(path: Path) -> bool:
    """Whether this is the archive of a run's logs, or is called like one and cannot be read as any.

    One whose name says nothing of logs must hold what only a runner writes.
    """
    called = _CALLED_LOGS.search(path.name.lower()) is not None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:_MEMBERS]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return called
    jobs = [name for name in names if _is_log_member(name)]
    if "log" in path.name.lower():
        return bool(jobs)
    return any(name.endswith(_ONLY_RUNNERS) for name in jobs)


def _is_log_member(name: str) -> bool:
    return JOB_FILE.fullmatch(name) is not None or _STEP_FILE.fullmatch(name) is not None


def read_archive(path: Path, ctx: SweepContext) -> Iterator[JobLog]:
    """One piece per job: its whole log if the archive has it, else its steps in their order."""
    descriptor, size = open_regular(str(path))
    with os.fdopen(descriptor, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        modified = instant_of(os.fstat(file.fileno()).st_mtime)
        evidence = Evidence(
            sha256=digest, media_type="application/zip", locator=str(path), size=size
        )
        try:
            file.seek(0)
            archive = zipfile.ZipFile(file)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise UnreadableError(f"it is no whole archive ({error})") from error
        with archive:
            jobs, cut = _jobs(archive)
            if not jobs:
                raise UnreadableError("the archive holds no log of a job")
            left = _UNPACKED
            for job, members in jobs.items():
                reader = JobReader(f"{path}!{job}")
                why = cut
                for member in members:
                    used, trouble = _member(archive, member, reader, ctx, left)
                    left -= used
                    why = why or trouble
                log = LogFile(
                    name=f"{path}!{job}",
                    job=job,
                    sha256=digest,
                    modified=modified,
                    evidence=(evidence,),
                )
                yield JobLog(log=log, reading=reader.finish(cut=why))


def _jobs(archive: zipfile.ZipFile) -> tuple[dict[str, list[zipfile.ZipInfo]], str]:
    infos = archive.infolist()
    cut = "" if len(infos) <= _MEMBERS else f"the archive has more than {_MEMBERS} members"
    whole: dict[str, list[zipfile.ZipInfo]] = {}
    steps: dict[str, list[tuple[int, zipfile.ZipInfo]]] = {}
    others: dict[str, list[zipfile.ZipInfo]] = {}
    for info in infos[:_MEMBERS]:
        if (found := JOB_FILE.fullmatch(info.filename)) is not None:
            whole.setdefault(found[2], []).append(info)
        elif (step := _STEP_FILE.fullmatch(info.filename)) is not None:
            steps.setdefault(step[1], []).append((int(step[2]), info))
        elif _TEXT_FILE.fullmatch(info.filename) and not info.is_dir():
            others.setdefault(info.filename, []).append(info)
    for job, numbered in steps.items():
        if job not in whole:
            whole[job] = [info for _, info in sorted(numbered, key=lambda one: one[0])]
    return whole or others, cut


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, reader: JobReader, ctx: SweepContext, left: int
) -> tuple[int, str]:
    """Feed one member; gives its bytes and why it is not whole."""
    done = 0
    try:
        with archive.open(info) as member:
            while chunk := member.read(PIECE):
                done += len(chunk)
                if ctx.stop():
                    return done, STOPPED
                if done > left:
                    return done, f"the archive unpacks to more than {_UNPACKED:,} bytes"
                if done > _HARMLESS and done > _RATIO * max(info.compress_size, 1):
                    return done, f"{info.filename[:120]!r} was packed to fill disks"
                reader.feed(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        return done, f"{info.filename[:120]!r} cannot be unpacked ({error})"
    except (NotImplementedError, RuntimeError):
        return done, f"{info.filename[:120]!r} is encrypted, or packed in an unknown way"
    return done, ""


def instant_of(seconds: float) -> datetime:
    """A file's time as an instant; one that no calendar has becomes the earliest."""
    try:
        return datetime.fromtimestamp(max(seconds, 0.0), tz=UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(2000, 1, 1, tzinfo=UTC)
