"""OSV records from disk: a folder of `*.json`, an `all.zip`, or a single record.

Owns: finding, bounding and reading the files, and noticing that they changed. What a record means
is `policy.advisories`' business. A record that cannot be read becomes a named warning; a path that
does not exist, or more data than the limits allow, is an error, because a policy that silently lost
its advisories would let malware pass.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from pratique.errors import InputError
from pratique.policy.advisories import AdvisoryIndex, build_index
from pratique.policy.language import Policy
from pratique.policy.osv import Record, parse_record
from pratique.policy.osv_wire import AdvisoryError

MAX_RECORDS: Final = 1_000_000
"""OSV had 0.2 million PyPI and malware records in 2026; all ecosystems together fewer than this."""
MAX_RECORD_BYTES: Final = 8 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 8 * 1024 * 1024 * 1024
MAX_RATIO: Final = 200
"""Records are text; ordinary ones shrink to a tenth, and nothing honest shrinks to a 200th."""
_RATIO_FLOOR = 64 * 1024
_STEP = 1000

Progress: TypeAlias = Callable[[int, int], None]
"""Told (records read, records found) every thousand records and at the end."""


class AdvisorySourceError(InputError):
    """A configured place of advisories cannot be used at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAdvisories:
    """What came out of the configured places."""

    index: AdvisoryIndex
    fingerprint: str
    """`AdvisorySource.fingerprint()` as it was before reading began."""
    read: int
    """Records read."""
    kept: int
    """Records in force that speak of PyPI projects."""
    left_out: int
    """Records that could not be read at all."""
    warnings: tuple[str, ...]
    """One sentence for each record that could not be read, or not in full."""


class AdvisorySource:
    """The places named by a policy's `[advisory] paths`; relative ones start at `base`."""

    def __init__(self, policy: Policy, *, base: Path, builtin: Sequence[bytes] = ()) -> None:
        """`builtin` are OSV records that hold beside those of the places."""
        paths = policy.tables.advisory.paths
        self.paths = tuple(base / Path(path).expanduser() for path in paths)
        self._builtin = tuple(builtin)

    def fingerprint(self) -> str:
        """A text that changes when a file is added, removed, replaced or rewritten.

        Cost: one `stat` per file. It goes by name, size and time of modification.
        Raises: AdvisorySourceError when a path does not exist.
        """
        digest = hashlib.sha256()
        for path in self.paths:
            for file in _files(path):
                try:
                    found = file.stat()
                except OSError as error:
                    raise _gone(file, error) from error
                digest.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def load(self, *, progress: Progress | None = None) -> AdvisoryIndex:
        """Read every record; what could not be read is among the index's `defects`.

        Raises: AdvisorySourceError when a path does not exist or a limit is exceeded.
        """
        return self.read(progress=progress).index

    def read(self, *, progress: Progress | None = None) -> LoadedAdvisories:
        """As `load`, with counts and the fingerprint of what was read."""
        fingerprint = self.fingerprint()
        reading = RecordFiles(progress=progress)
        index = build_index(_records(reading, self._builtin, self.paths))
        warnings = (*reading.warnings, *index.defects)
        return LoadedAdvisories(
            index=dataclasses.replace(index, defects=warnings),
            fingerprint=fingerprint,
            read=reading.done,
            kept=len({a.id for found in index.projects.values() for a in found}),
            left_out=len(reading.warnings),
            warnings=warnings,
        )


class RecordFiles:
    """One pass over files, folders and archives of records, with its counters and limits."""

    def __init__(self, *, progress: Progress | None = None) -> None:
        """Begin with nothing read."""
        self.done = 0
        self.warnings: list[str] = []
        self._found = 0
        self._bytes = 0
        self._progress = progress

    def contents(self, paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of every record that can be read; the others are among the warnings.

        Raises: AdvisorySourceError when a path does not exist or a limit is exceeded.
        """
        for path in paths:
            files = list(_files(path))
            plain = [file for file in files if file.suffix != ".zip"]
            self._announce(len(plain), path)
            for file in plain:
                yield from self._counted(str(file), self._read_file(file))
            for file in files:
                if file.suffix == ".zip":
                    yield from self._archive(file)
        if self._progress is not None:
            self._progress(self.done, self._found)

    def _counted(self, name: str, data: bytes | None) -> Iterator[tuple[str, bytes]]:
        self.done += 1
        if self._progress is not None and self.done % _STEP == 0:
            self._progress(self.done, self._found)
        if data is not None:
            yield name, data

    def _announce(self, count: int, path: Path) -> None:
        self._found += count
        if self._found > MAX_RECORDS:
            raise AdvisorySourceError(f"{path} holds more than {MAX_RECORDS} records")

    def _archive(self, path: Path) -> Iterator[tuple[str, bytes]]:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [
                    m for m in archive.infolist() if not m.is_dir() and m.filename.endswith(".json")
                ]
                self._announce(len(members), path)
                for member in members:
                    name = f"{path}:{member.filename[:200]!r}"
                    yield from self._counted(name, self._read_member(archive, member, name))
        except (zipfile.BadZipFile, OSError) as error:
            raise AdvisorySourceError(
                f"cannot read {path}: {error}",
                expected="a zip archive of OSV records",
                remedy="download it again",
            ) from error

    def _read_file(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_RECORD_BYTES + 1)
        except OSError as error:
            self.warnings.append(f"cannot read {path}: {error.strerror or error}")
            return None
        return self._bounded(str(path), data)

    def _read_member(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
    ) -> bytes | None:
        if member.file_size > max(_RATIO_FLOOR, member.compress_size * MAX_RATIO):
            self.warnings.append(f"{name} left out: it expands more than {MAX_RATIO} times")
            return None
        try:
            with archive.open(member) as stream:
                data = stream.read(MAX_RECORD_BYTES + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
        ) as error:
            # RuntimeError is what zipfile raises for an encrypted member.
            self.warnings.append(f"{name} left out: {error}")
            return None
        return self._bounded(name, data)

    def _bounded(self, name: str, data: bytes) -> bytes | None:
        if len(data) > MAX_RECORD_BYTES:
            self.warnings.append(f"{name} left out: longer than {MAX_RECORD_BYTES} bytes")
            return None
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL_BYTES:
            raise AdvisorySourceError(f"more than {MAX_TOTAL_BYTES} bytes of advisories at {name}")
        return data


def _records(
    reading: RecordFiles, builtin: Sequence[bytes], paths: Iterable[Path]
) -> Iterator[Record]:
    """Every readable record that speaks of PyPI projects or takes an earlier one back."""
    for data in builtin:
        yield parse_record(data)
    for name, data in reading.contents(paths):
        try:
            record = parse_record(data)
        except AdvisoryError as error:
            reading.warnings.append(f"{name} left out: {error.message}")
            continue
        if record.advisories or record.withdrawn or record.defects:
            yield record


def _files(path: Path) -> Iterator[Path]:
    """Record files and archives of one place, in a fixed order; folders are not followed by link."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise AdvisorySourceError(
            f"no advisories at {path}",
            expected="a folder of OSV records, an all.zip or a single .json",
            remedy="correct [advisory] paths in the policy, or put the records there",
        )
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".json", ".zip")):
                yield Path(folder, name)


def _gone(path: Path, error: OSError) -> AdvisorySourceError:
    return AdvisorySourceError(
        f"cannot look at {path}: {error.strerror or error}", remedy="try again, or remove it"
    )
