"""Log files: plain ones, GitLab traces, GitHub's zip of a whole run, pip's reports.

A run's records may lie beside its log: `NAME.json` for `NAME.zip` or `NAME.log`, as the runner's API
gives them (run id, repository, times). Holes of sparse files are passed over, not read.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pratique.edge.sweep.careful import PIECE, UnreadableError, open_regular, read_head, read_whole
from pratique.edge.sweep.context import STOPPED, Reader, SweepContext
from pratique.edge.sweep.run_archives import (
    JOB_FILE,
    JobLog,
    instant_of,
    is_run_archive,
    read_archive,
)
from pratique.edge.sweep.run_records import missing_jobs, read_run_facts
from pratique.inventory.ci_logs.looks import (
    LogFile,
    RunFacts,
    look_at_log,
    run_asset,
    unseen_job,
)
from pratique.inventory.ci_logs.reading import JobReader, JobReading, Seen
from pratique.inventory.ci_logs.reports import parse_report
from pratique.inventory.ci_logs.scene import Scene, Style
from pratique.inventory.observed.model import (
    AssetKind,
    Evidence,
    EvidenceClass,
    Gap,
    Look,
    PlaceKind,
)

_RUN_LOG: Final = re.compile(
    rb"(?:[^\t\n]{1,99}\t[^\t\n]{1,99}\t)?(?:\xef\xbb\xbf)?"
    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:\dZ |Z [0-9a-f]{2}[OE])"
)
_GITLAB: Final = re.compile(
    rb"(?:\x1b\[0?K|\x1b\[0;m)*Running with gitlab-runner |section_start:\d{10}:"
)
_NPM_LOG: Final = re.compile(r".*-debug-\d+\.log")
_HEAD: Final = 4096
_REPORT_BYTES: Final = 256 << 20


class CiLogReader:
    """Reads log files. In a walk it claims those that a runner wrote, by their first bytes."""

    name = "ci-log"
    takes_folder = False

    def __init__(self, *, any_text: bool = False) -> None:
        """`any_text`: also claim texts and archives of which only a person says that they are logs."""
        self._any_text = any_text

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether this is a log, a run's archive or a report."""
        if is_dir:
            return False
        name = path.name
        suffix = path.suffix.lower()
        if not self._any_text:
            if suffix not in {".log", ".txt", ".trace", ".zip", ".json"} or _in_whole_log(path):
                return False
            if suffix == ".json" and "report" not in name.lower():
                return False
        head = _head(path)
        if head.startswith(b"PK\x03\x04") or suffix == ".zip":
            return self._any_text or is_run_archive(path)
        if suffix == ".json" and b'"pip_version"' in head:
            return True
        if self._any_text:
            return True
        is_npm = path.parent.name == "_logs" and _NPM_LOG.fullmatch(name) is not None
        return is_npm or bool(_RUN_LOG.match(head) or _GITLAB.search(head))

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look per job."""
        facts = read_run_facts(path)
        try:
            if path.suffix.lower() == ".json" and (look := _report(path, ctx)) is not None:
                yield look
                return
            if _head(path).startswith(b"PK") or path.suffix.lower() == ".zip":
                pieces = list(read_archive(path, ctx))
            else:
                pieces = [_plain_file(path, ctx)]
        except UnreadableError as error:
            yield _unread(path, ctx, error.message)
            return
        yield from self._looks(pieces, facts, ctx)

    def _looks(self, pieces: list[JobLog], facts: RunFacts, ctx: SweepContext) -> Iterator[Look]:
        facts = _shared(pieces, facts)
        name = run_asset(pieces[0].reading, facts, pieces[0].log)
        told = [self._look(piece, name, facts, ctx) for piece in pieces]
        yield from told
        scenes = [piece.reading.scene for piece in pieces]
        seen = {name for scene in scenes for name in (scene.job, *scene.jobs)}
        for job in missing_jobs(facts.jobs, seen | {piece.log.job for piece in pieces}):
            yield unseen_job(told[0], job, facts)

    def _look(self, piece: JobLog, name: str, facts: RunFacts, ctx: SweepContext) -> Look:
        asset, kind = self._asset(piece, name, facts, ctx)
        return look_at_log(piece.reading, piece.log, asset=asset, asset_kind=kind, facts=facts)

    def _asset(
        self, piece: JobLog, name: str, facts: RunFacts, ctx: SweepContext
    ) -> tuple[str, AssetKind]:
        """Whose log it is: the run that it speaks of, the asset a person named, or this machine."""
        of_run = piece.reading.scene.style is not Style.PLAIN or bool(facts.repository)
        if of_run or (self._any_text and not ctx.asset_given):
            return (ctx.asset if ctx.asset_given else name), AssetKind.CI_RUN
        return ctx.asset, ctx.asset_kind


READERS: Final[tuple[Reader, ...]] = (CiLogReader(),)
NAMED_FILES: Final[Reader] = CiLogReader(any_text=True)


def _shared(pieces: list[JobLog], facts: RunFacts) -> RunFacts:
    """What any job's log says of the run, all of them know."""
    scenes = [piece.reading.scene for piece in pieces]
    return RunFacts(
        repository=facts.repository or next((s.repository for s in scenes if s.repository), ""),
        run=facts.run or next((s.run for s in scenes if s.run), ""),
        host=facts.host or next((s.style.value for s in scenes if s.style is not Style.PLAIN), ""),
        started=facts.started,
        ended=facts.ended,
        jobs=facts.jobs,
    )


# ── a plain file ─────────────────────────────────────────────────────────────────────────────────


def _plain_file(path: Path, ctx: SweepContext) -> JobLog:
    descriptor, size = open_regular(str(path))
    reader = JobReader(str(path))
    digest, cut, done = hashlib.sha256(), "", 0
    modified = 0.0
    try:
        modified = os.fstat(descriptor).st_mtime
        for chunk, at in _data(descriptor, size):
            if ctx.stop():
                cut = STOPPED
                break
            if done >= ctx.limits.stream_bytes:
                cut = f"only the first {done:,} bytes were read"
                break
            digest.update(b"" if at == done else b"\0hole\0")
            digest.update(chunk)
            reader.feed(chunk)
            done = at + len(chunk)
            ctx.progress(str(path), done, size)
    except OSError as error:
        cut = f"it could not be read to its end ({error.strerror})"
    finally:
        os.close(descriptor)
    if not cut and done < size:
        cut = f"{size - done:,} bytes at its end are a hole"
    log = LogFile(
        name=str(path),
        job="",
        sha256=digest.hexdigest(),
        modified=instant_of(modified),
        evidence=(
            Evidence(
                sha256=digest.hexdigest(), media_type="text/plain", locator=str(path), size=size
            ),
        )
        if not cut
        else (),
    )
    return JobLog(log=log, reading=reader.finish(cut=cut))


def _data(descriptor: int, size: int) -> Iterator[tuple[bytes, int]]:
    """Chunks with their place; holes are left out where the file system tells them."""
    at = 0
    while True:
        at = _next_data(descriptor, at, size)
        if at < 0:
            return
        os.lseek(descriptor, at, os.SEEK_SET)
        chunk = os.read(descriptor, PIECE)
        if not chunk:
            return
        yield chunk, at
        at += len(chunk)


def _next_data(descriptor: int, at: int, size: int) -> int:
    if at >= size:
        return at
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except AttributeError:
        return at
    except OSError as error:
        # ENXIO: nothing but a hole up to the end. Anything else: the file system cannot tell.
        return -1 if error.errno == errno.ENXIO else at


# ── pip's report, and what cannot be read ────────────────────────────────────────────────────────


def _report(path: Path, ctx: SweepContext) -> Look | None:
    content = read_whole(str(path), _REPORT_BYTES)
    mentions = parse_report(content)
    if mentions is None:
        return None
    digest = hashlib.sha256(content).hexdigest()
    reading = JobReading(
        seen=tuple(Seen(mention, 0, None, None) for mention in mentions),
        gaps=(),
        whole=True,
        lo=None,
        hi=None,
        local_times=False,
        scene=Scene(),
        lines=0,
    )
    modified = instant_of(path.stat().st_mtime)
    evidence = Evidence(
        sha256=digest, media_type="application/json", locator=str(path), size=len(content)
    )
    log = LogFile(name=str(path), job="", sha256=digest, modified=modified, evidence=(evidence,))
    # pip writes it when it has chosen, so its own time is the time.
    facts = RunFacts(started=modified, ended=modified)
    return look_at_log(reading, log, asset=ctx.asset, asset_kind=ctx.asset_kind, facts=facts)


def _unread(path: Path, ctx: SweepContext, why: str) -> Look:
    now = ctx.now()
    return Look(
        asset=ctx.asset,
        asset_kind=ctx.asset_kind,
        place_kind=PlaceKind.CI_LOG,
        locator=str(path),
        at_lo=now,
        at_hi=now,
        whole=False,
        gaps=(Gap(what=str(path), why=why),),
        evidence_class=EvidenceClass.LOGGED,
        collector="sweep/ci-log",
    )


def _head(path: Path) -> bytes:
    try:
        return read_head(str(path), _HEAD)
    except UnreadableError:
        return b""


def _in_whole_log(path: Path) -> bool:
    """Whether this is a step of a job whose whole log lies unpacked one folder above."""
    if JOB_FILE.fullmatch(path.name) is None:
        return False
    try:
        above = [one.name for one in path.parent.parent.iterdir()]
    except OSError:
        return False
    wanted = f"_{path.parent.name}.txt"
    return any(JOB_FILE.fullmatch(name) and name.endswith(wanted) for name in above)
