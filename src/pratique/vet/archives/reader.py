"""Open an archive by its name, give it the bytes as they come, take its members as they are complete.

    reader = open_archive("demo-1.0-py3-none-any.whl")
    for chunk in chunks:
        for member in reader.feed(chunk):
            ...
    for member in reader.end():
        ...
    reading = reader.finish()

No I/O, no clock: a state machine. Nothing that an archive holds makes it raise.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from pratique.vet.archives import compressed, zip_records
from pratique.vet.archives.intake import Desk
from pratique.vet.archives.members import Shelf
from pratique.vet.archives.model import (
    ArchiveKind,
    Limits,
    Member,
    OpenScanner,
    Reading,
)
from pratique.vet.archives.problems import ArchiveStoppedError, LimitReachedError
from pratique.vet.archives.record import check_record
from pratique.vet.archives.stream import RawStream, Steps, Stream
from pratique.vet.archives.tar_headers import BLOCK, HeaderError, parse_header
from pratique.vet.archives.tar_walk import TarWalk
from pratique.vet.archives.zip_check import TAIL, ZipCheck
from pratique.vet.archives.zip_walk import Walked, ZipWalk

_ZIP_NAMES = (".whl", ".egg", ".zip")
_TAR_NAMES = {
    ".tar.gz": "tar.gz", ".tgz": "tar.gz", ".tar.bz2": "tar.bz2", ".tbz2": "tar.bz2", ".tbz": "tar.bz2",
    ".tar.xz": "tar.xz", ".txz": "tar.xz", ".tar": "tar",
}  # fmt: skip
_CONTAINERS = {compressed.GZIP: "tar.gz", compressed.BZIP2: "tar.bz2", compressed.XZ: "tar.xz"}
_STEP = 1 << 20
"""Fed at a time by `read_archive`."""


class ArchiveReader:
    """Reads one archive; made by `open_archive`.

    Order: `feed` any number of times, each iterator used up before the next call; then `end`, used up;
    then `finish`.
    """

    def __init__(
        self, filename: str, desk: Desk, *, prefix: str = "", depth: int = 0, is_zip: bool = False
    ) -> None:
        self._filename = filename
        self._desk = desk
        self._depth = depth
        self._is_zip = is_zip
        self._shelf = Shelf(desk, prefix=prefix, depth=depth, open_nested=self._open_nested)
        self._raw = RawStream(tail_bytes=TAIL)
        self._walk = self._steps()
        self._zip: Walked | None = None
        self._container = "unknown"
        self._done = False
        self._stopped = False
        self._finished_end = False
        self._record: bytes | None = None
        self._records = 0

    def feed(self, chunk: bytes | memoryview) -> Iterator[Member]:
        """Take the next bytes; yield the members that they complete."""
        if not self._stopped:
            yield from self._guarded(self._take(chunk))

    def wants_more(self) -> bool:
        """False once further bytes cannot change anything."""
        return not self._stopped

    def end(self, archive: bytes | memoryview | None = None) -> Iterator[Member]:
        """Say that all bytes have come; yield what the other end of the archive shows beyond that.

        Shape: with `archive`, the whole of it, members are examined that only readers see which begin
        at the end; without it, their existence is a problem.
        """
        if self._finished_end:
            return
        self._finished_end = True
        self._raw.ended = True
        if not self._done:
            yield from self._guarded(self._drive())
        self._done = True
        if not self._stopped:
            yield from self._guarded(self._look_back(archive))
        self._raw.release()

    def finish(self) -> Reading:
        """The whole reading; call `end` first to receive the last members."""
        for _ in self.end():
            self._shelf.problem("second-look-needed", detail="a late member")
        kind = self._kind()
        if kind is ArchiveKind.WHEEL and not self._stopped:
            check_record(self._shelf, self._record, seen=self._records > 0)
        return Reading(
            filename=self._filename,
            kind=kind,
            container=self._container,
            archive_bytes=self._raw.arrived,
            unpacked_bytes=self._desk.budget.unpacked,
            members=tuple(self._desk.members),
            problems=self._desk.problems.told(),
        )

    # Driving the walk.

    def _take(self, chunk: bytes | memoryview) -> Iterator[Member]:
        if not self._depth:
            self._desk.budget.arrive(self._raw.arrived + len(chunk))
        if self._done:
            # The walk is over, but who begins at the end may still see something.
            self._raw.pass_by(chunk)
            return
        self._raw.push(chunk)
        yield from self._drive()

    def _drive(self) -> Iterator[Member]:
        for member in self._walk:
            if member is None:
                return
            self._keep_record(member)
            yield member
        self._done = True

    def _look_back(self, archive: bytes | memoryview | None) -> Iterator[Member]:
        for member in self._views_from_end(archive):
            if member is not None:
                self._keep_record(member)
                yield member

    def _guarded(self, members: Iterator[Member]) -> Iterator[Member]:
        """Turn whatever stops the reading into a problem.

        A limit of the file as a whole goes on to the outermost reader; the rest ends here.
        """
        try:
            yield from members
        except LimitReachedError as limit:
            self._done = self._stopped = True
            if self._depth:
                raise
            self._desk.problems.add(limit.code, path=limit.path, detail=limit.detail)
        except ArchiveStoppedError as stopped:
            self._done = True
            code = "nested-broken" if self._depth else stopped.code
            detail = stopped.code if self._depth else stopped.detail
            self._shelf.problem(code, stopped.path, detail=detail, offset=self._raw.offset)
        except Exception as crash:  # noqa: BLE001 - fail closed: a defect here must cost a verdict, not a worker
            self._done = self._stopped = True
            self._shelf.problem("reader-failed", detail=type(crash).__name__)

    # What kind of archive it is.

    def _steps(self) -> Steps[None]:
        head = yield from self._raw.peek(BLOCK)
        named = self._named_container()
        if named == "zip" or head.startswith((zip_records.LOCAL, zip_records.END)):
            yield from self._read_zip(named, head)
            return
        packed = compressed.open_packed(self._raw, self._shelf, head)
        stream: Stream = self._raw if packed is None else packed
        first = yield from stream.peek(BLOCK)
        if not _begins_tar(first, may_be_empty=not self._depth):
            self._tell_no_archive()
            return
        container = "tar" if packed is None else _CONTAINERS[packed.magic]
        yield from self._read_tar(named, container, stream)

    def _named_container(self) -> str:
        name = self._filename.lower()
        if self._depth:
            return "zip" if self._is_zip else ""
        if name.endswith(_ZIP_NAMES):
            return "zip"
        return next((what for end, what in _TAR_NAMES.items() if name.endswith(end)), "")

    def _read_zip(self, named: str, head: bytes) -> Steps[None]:
        if self._too_deep():
            return
        self._container = "zip"
        self._tell_container(named, "zip" if head.startswith(b"PK") else "something else")
        walk = ZipWalk(self._raw, self._shelf)
        self._zip = walk.seen
        yield from walk.walk()

    def _read_tar(self, named: str, container: str, stream: Stream) -> Steps[None]:
        if self._too_deep():
            return
        self._container = container
        self._tell_container(named, container)
        yield from TarWalk(stream, self._shelf).walk()
        # Behind the compressed data there may be more, and its end is looked at.
        yield from self._raw.skip(self._desk.limits.archive_bytes)

    def _too_deep(self) -> bool:
        if self._depth <= self._desk.limits.nesting:
            return False
        self._shelf.problem("limit-nesting", detail=self._desk.limits.nesting)
        self._stopped = True
        return True

    def _tell_container(self, named: str, found: str) -> None:
        if named and named != found and not self._depth:
            self._shelf.problem("wrong-container", detail=f"{named} by name, {found} by content")

    def _tell_no_archive(self) -> None:
        """Inside another archive, bytes that only look packed are an ordinary file."""
        if self._depth:
            self._stopped = True
        else:
            self._shelf.problem("not-an-archive")

    def _kind(self) -> ArchiveKind:
        name = self._filename.lower()
        if name.endswith(".whl"):
            return ArchiveKind.WHEEL
        if name.endswith(".egg"):
            return ArchiveKind.EGG
        if name.endswith(".tgz") and "package/package.json" in self._shelf.by_path:
            return ArchiveKind.NPM
        if name.endswith((".zip", *_TAR_NAMES)):
            return ArchiveKind.SDIST
        return ArchiveKind.OTHER

    # The other end.

    def _views_from_end(self, archive: bytes | memoryview | None) -> Steps[None]:
        if self._zip is not None:
            check = self._check(self._zip)
            yield from check.run(archive)
        elif not self._depth and self._container != "unknown":
            # pip asks whether a file is a zip before it believes that it is a tar.
            check = self._check(Walked())
            if check.looks_like_zip(archive):
                self._shelf.problem("also-a-zip")
                yield from check.run(archive)

    def _check(self, seen: Walked) -> ZipCheck:
        return ZipCheck(seen, self._shelf, tail=self._raw.tail.bytes(), arrived=self._raw.arrived)

    def _keep_record(self, member: Member) -> None:
        """Hold the RECORD of a wheel for the comparison at the end."""
        path = member.path
        if path.endswith(".dist-info/RECORD") and path.count("/") == 1 and not member.depth:
            self._record = member.data
            self._records += 1

    def _open_nested(self, path: str, head: bytes) -> ArchiveReader | None:
        budget = self._desk.budget
        budget.nested += 1
        if budget.nested > self._desk.limits.nested_archives:
            most = f"{self._desk.limits.nested_archives:,}"
            self._desk.problems.add("limit-nested-archives", path=path, detail=most)
            return None
        is_zip = head.startswith(zip_records.LOCAL)
        depth = self._depth + 1
        return ArchiveReader(path, self._desk, prefix=f"{path}!", depth=depth, is_zip=is_zip)


def _begins_tar(block: bytes, *, may_be_empty: bool) -> bool:
    """Whether a tar can begin like this; an empty one begins with its end."""
    if len(block) < BLOCK:
        return False
    try:
        parse_header(block)
    except HeaderError:
        return may_be_empty and not block.strip(b"\0")
    return True


def open_archive(
    filename: str,
    *,
    limits: Limits | None = None,
    open_scanner: OpenScanner | None = None,
    size: int = 0,
) -> ArchiveReader:
    """Begin to read an archive.

    Shape: `filename` is the base name, which decides together with the first bytes; `size` is what the
    archive will come to in bytes when somebody trustworthy has said so, for the ratio limit alone.
    """
    desk = Desk(limits or Limits(), open_scanner)
    desk.budget.packed = size
    return ArchiveReader(filename, desk)


def read_archive(
    data: bytes | memoryview,
    filename: str,
    *,
    limits: Limits | None = None,
    open_scanner: OpenScanner | None = None,
) -> Generator[Member, None, Reading]:
    """Read an archive that is all there, or mapped; yields members, returns the reading."""
    whole = memoryview(data)
    reader = open_archive(filename, limits=limits, open_scanner=open_scanner, size=len(whole))
    for start in range(0, len(whole), _STEP):
        yield from reader.feed(whole[start : start + _STEP])
        if not reader.wants_more():
            break
    yield from reader.end(whole)
    return reader.finish()
