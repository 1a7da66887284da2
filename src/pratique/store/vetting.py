"""What vetting found out, kept by content: facts of contents and releases, reports, approved files.

Everything here can be made again by vetting the bytes again, so nothing waits for a disk. Facts are
kept as the engine encoded them (`vet.facts`), compressed, and the first ones of a key stay: a
worker that was taken over cannot change what others found. Facts of a thorough reading have keys of
their own and are preferred.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from isal import isal_zlib
from isal.igzip_lib import IsalError

from pratique.policy.model import Verdict
from pratique.settings import Settings
from pratique.store.connect import Database, Row
from pratique.store.connect_sqlite import SqliteDatabase
from pratique.store.errors import StoreDamagedError
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName
from pratique.values.spans import from_micros, to_micros
from pratique.vet.engine import ContentKey
from pratique.vet.facts import decode_release
from pratique.vet.model import ENGINE, Language, Report
from pratique.vet.records import (
    ApprovedFile,
    KeptRelease,
    KeptReport,
    ReportKey,
    choose_predecessor,
)

VETTING_FILE = "vetting.db"
VETTING_SCHEMA = "pratique_vetting"

_STATEMENT_SECONDS = 30.0
_MOST_BYTES = 64 << 20
"""Of one compressed value when it is opened again; the engine's own limits end far below."""
_CACHE_BYTES = 16 << 20
_UNPACK_ERROR: type[Exception] = IsalError  # type: ignore[assignment] # stub: an instance
_THOROUGH = "+thorough"
"""Behind an engine's version in keys."""
_PURGE_ROWS = 5_000
"""At a time, so that others get a turn to write."""


class VettingStore:
    """Facts, reports and approved files. Safe to call from any thread."""

    def __init__(self, database: Database, *, engine: str = ENGINE) -> None:
        self._database = database
        self._engine = engine
        self._thorough = engine + _THOROUGH
        self._cache = _Cache(_CACHE_BYTES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # ── facts ────────────────────────────────────────────────────────────────────────────────

    def add_facts(
        self,
        contents: Mapping[ContentKey, bytes],
        *,
        release: tuple[Sha256, bytes] | None = None,
        thorough: bool = False,
    ) -> None:
        """Keep what was found in one file; facts that are known already stay as they are.

        Those of a thorough reading are given instead of others from now on.
        """
        engine = self._thorough if thorough else self._engine
        rows = [
            {
                "engine": engine,
                "sha256": sha256,
                "language": language.value,
                "facts": _compress(facts),
            }
            for (sha256, language), facts in contents.items()
        ]
        with self._database.write(durable=False) as session:
            session.run_many("add_content_facts", rows)
            if release is not None:
                sha256, facts = release
                session.run(
                    "add_release_facts", engine=engine, sha256=sha256, facts=_compress(facts)
                )
        if thorough:
            self._cache.drop(contents)

    def content_facts(self, keys: Iterable[ContentKey]) -> dict[ContentKey, bytes]:
        """Facts of those contents that have some, in one query however many are asked for."""
        wanted = set(keys)
        found = {key: facts for key in wanted if (facts := self._cache.get(key)) is not None}
        missing = wanted - found.keys()
        if not missing:
            return found
        rows = self._database.fetch(
            "find_content_facts",
            engine=self._engine,
            thorough=self._thorough,
            digests=sorted({sha256 for sha256, _ in missing}),
        )
        # Thorough ones come last and take the place of others.
        best = {(sha256, Language(language)): compressed for sha256, language, compressed in rows}
        for key in missing & best.keys():
            found[key] = facts = _expand(best[key])
            self._cache.put(key, facts)
        return found

    def release(self, sha256: Sha256) -> KeptRelease | None:
        """A release file with all its contents; None when it was not vetted by this engine."""
        best = self._release_rows(sha256, self._thorough)
        rows = best or self._release_rows(sha256, self._engine)
        if not rows:
            return None
        encoded = _expand(rows[0][0])
        facts = decode_release(encoded)
        if facts is None:
            return None
        wanted = {(file.sha256, file.language) for file in facts.files}
        contents = self.content_facts(wanted)
        return KeptRelease(
            sha256=sha256,
            engine=self._engine,
            facts=encoded,
            contents=contents,
            thorough=bool(best),
            whole=contents.keys() >= wanted,
        )

    def is_thorough(self, sha256: Sha256) -> bool:
        """Whether a release file was read thoroughly by this engine."""
        return bool(self._release_rows(sha256, self._thorough))

    def _release_rows(self, sha256: Sha256, engine: str) -> Sequence[Row]:
        return self._database.fetch("find_release_facts", engine=engine, sha256=sha256)

    # ── reports ──────────────────────────────────────────────────────────────────────────────

    def set_report(self, kept: KeptReport) -> None:
        """Keep a report; one to the same question takes its place."""
        key, report = kept.key, kept.report
        with self._database.write(durable=False) as session:
            session.run(
                "set_report",
                sha256=key.sha256,
                engine=key.engine,
                base_sha256=key.base_sha256,
                weights=key.weights,
                verdict=report.verdict.value,
                score=report.score,
                vetted_at=to_micros(kept.vetted_at),
                report=_compress(msgspec.json.encode(report)),
            )

    def report(self, key: ReportKey) -> KeptReport | None:
        """The report to this very question."""
        rows = self._database.fetch(
            "find_report",
            sha256=key.sha256,
            engine=key.engine,
            base_sha256=key.base_sha256,
            weights=key.weights,
        )
        return _report(rows[0]) if rows else None

    def reports_of(self, sha256: Sha256) -> Sequence[KeptReport]:
        """Every report of a file, newest first: how its verdict changed, and with what."""
        return tuple(_report(row) for row in self._database.fetch("list_reports", sha256=sha256))

    def verdicts(self, digests: Iterable[Sha256]) -> dict[ReportKey, Verdict]:
        """What this engine said of these files, by question."""
        rows = self._database.fetch(
            "find_verdict_reports", engine=self._engine, digests=list(digests)
        )
        return {
            ReportKey(
                sha256=Sha256(sha256), engine=self._engine, base_sha256=base, weights=weights
            ): Verdict(verdict)
            for sha256, base, weights, verdict in rows
        }

    # ── approved files ───────────────────────────────────────────────────────────────────────

    def approve(self, file: ApprovedFile) -> None:
        """Let a file be what the project's next release is compared with."""
        known = {one.sha256 for one in self.approved(file.project)}
        if file.sha256 in known:
            return
        with self._database.write(durable=False) as session:
            session.run(
                "approve_file",
                project=file.project,
                sha256=file.sha256,
                filename=file.filename,
                approved_at=to_micros(file.approved_at),
            )

    def disapprove(self, sha256: Sha256) -> bool:
        """Take that back, whatever project it was for; durable, since it closes a door."""
        with self._database.write() as session:
            return bool(session.run("disapprove_file", sha256=sha256))

    def approved(self, project: ProjectName) -> Sequence[ApprovedFile]:
        """Approved files of a project, in the order of their approval."""
        rows = self._database.fetch("list_approved_files", project=project)
        return tuple(
            ApprovedFile(
                project=project,
                sha256=Sha256(sha256),
                filename=filename,
                approved_at=from_micros(approved_at),
            )
            for sha256, filename, approved_at in rows
        )

    def predecessor(
        self, project: ProjectName, filename: str, *, sha256: str = ""
    ) -> ApprovedFile | None:
        """What a new file is compared with (`choose_predecessor` says which)."""
        return choose_predecessor(filename, self.approved(project), project=project, sha256=sha256)

    # ── maintenance ──────────────────────────────────────────────────────────────────────────

    def purge(self, *, reports_before: Instant | None = None) -> int:
        """Remove facts of other engines, and old reports of files that have a newer one.

        Gives the number of rows. Others get a turn to write between stretches.
        """
        removed = 0
        for statement in ("purge_content_facts", "purge_release_facts"):
            removed += self._purge(statement, engine=self._engine, thorough=self._thorough)
        if reports_before is not None:
            removed += self._purge("purge_reports", before=to_micros(reports_before))
        return removed

    def _purge(self, statement: str, **values: object) -> int:
        removed = 0
        while True:
            with self._database.write(durable=False) as session:
                rows = len(session.run(statement, count=_PURGE_ROWS, **values))
            removed += rows
            if rows < _PURGE_ROWS:
                return removed


def open_vetting(settings: Settings) -> VettingStore:
    """Open PostgreSQL when a database URL is set, else `vetting.db` in home."""
    if settings.storage.database_url:
        from pratique.store.connect_postgres import PostgresDatabase  # noqa: PLC0415 - psycopg is slow to import

        return VettingStore(
            PostgresDatabase(
                settings.storage.database_url,
                ("vetting",),
                schema=VETTING_SCHEMA,
                deadline_seconds=_STATEMENT_SECONDS,
            )
        )
    return VettingStore(SqliteDatabase(settings.home / VETTING_FILE, "vetting"))


class _Cache:
    """Facts used last, bounded in bytes. They never change, so nothing has to be forgotten."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[ContentKey, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: ContentKey) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: ContentKey, facts: bytes) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = facts
            self._bytes += len(facts)
            while self._bytes > self._most_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)

    def drop(self, keys: Iterable[ContentKey]) -> None:
        with self._lock:
            for key in keys:
                self._bytes -= len(self._kept.pop(key, b""))


def _compress(data: bytes) -> bytes:
    return isal_zlib.compress(data, 1)


def _expand(stored: bytes | memoryview) -> bytes:
    """Raises: StoreDamagedError when it is not what `_compress` wrote."""
    opened = isal_zlib.decompressobj()
    try:
        data = opened.decompress(stored, _MOST_BYTES)
    except _UNPACK_ERROR as error:
        raise StoreDamagedError(
            f"kept facts cannot be read: {error}", remedy="remove vetting.db; it is made again"
        ) from error
    if not opened.eof:
        raise StoreDamagedError(
            "kept facts are cut short or larger than any",
            remedy="remove vetting.db; it is made again",
        )
    return bytes(data)


def _report(row: Row) -> KeptReport:
    sha256, engine, base_sha256, weights, vetted_at, compressed = row
    try:
        report = msgspec.json.decode(_expand(compressed), type=Report)
    except msgspec.MsgspecError as error:
        raise StoreDamagedError(f"a kept report cannot be read: {error}") from error
    return KeptReport(
        key=ReportKey(
            sha256=Sha256(sha256), engine=engine, base_sha256=base_sha256, weights=weights
        ),
        vetted_at=from_micros(vetted_at),
        report=report,
    )
