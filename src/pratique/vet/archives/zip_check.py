"""What readers see that begin at a zip's end, compared with what the walk saw from its front.

pip and `zipfile` look for the end record from the back and believe the list it points to; uv reads the
entries as they come. Where the two agree, there is one archive. Where they do not, everything that any
reader could take from the bytes is examined too, and the disagreement is a problem by itself.

1. Find every end record that some reader could pick.
2. Work out the lists that these lead to (each reader's arithmetic is a little different).
3. Compare each row of each list with the entry that the walk unpacked.
4. Unpack, as the row describes it, whatever the walk did not unpack just so.
"""

from __future__ import annotations

import stat
from bisect import bisect_right

import msgspec

from pratique.vet.archives import zip_records as z
from pratique.vet.archives.members import SPECIAL_MODE, Shelf
from pratique.vet.archives.model import MemberInfo, MemberKind, View
from pratique.vet.archives.names import printable, read_name
from pratique.vet.archives.problems import ArchiveStoppedError
from pratique.vet.archives.stream import RawStream, Steps
from pratique.vet.archives.zip_walk import Walked, unpack_entry

TAIL = 0xFFFF + z.END_SIZE + z.LOCATOR_SIZE + z.END64_SIZE
"""As far back as any reader looks for an end record, with the zip64 records in front of it."""
_MOST_ENDS = 8
"""End records looked into; a zip whose comment holds more of them than this has been told on already."""


class Sight(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One list as one kind of reader finds it."""

    start: int
    size: int
    shift: int
    """What it adds to every offset in the list."""
    entries: int


class ZipCheck:
    """Compares the walk of one zip with the views from its end."""

    def __init__(self, seen: Walked, shelf: Shelf, *, tail: bytes, arrived: int) -> None:
        self._seen = seen
        self._shelf = shelf
        self._tail = tail
        self._length = arrived
        self._archive: bytes | memoryview | None = None
        self._offsets = sorted(seen.entries)
        self._wanted: dict[tuple[int, bytes, int, int, int], z.CentralEntry] = {}
        self._defects: dict[tuple[str, int], None] = {}
        """Of end records: what is wrong and where, told once a list is found through one."""
        self._rows: dict[int, z.CentralEntry] = {}
        """What the list of most readers says, by offset of the entry it means."""

    def run(self, archive: bytes | memoryview | None) -> Steps[None]:
        """Compare everything; yield the members that the walk did not see so.

        Shape: `archive` is the whole archive, None when only its tail was kept.
        """
        self._archive = archive
        sights = self._sights()
        if not sights:
            why = "no end record" if not self._seen.ends else "it is not where the end record says"
            self._shelf.problem("zip-no-directory", detail=why)
            return
        for detail, place in self._defects:
            self._shelf.problem("zip-end-record", detail=detail, offset=place)
        for sight in sights:
            self._compare(sight, main=sight is sights[0])
        self._tell_unlisted()
        self._tell_modes()
        yield from self._second_look()

    def looks_like_zip(self, archive: bytes | memoryview | None) -> bool:
        """Whether `zipfile` would open the bytes, which were read as something else."""
        self._archive = archive
        for place in self._end_places():
            for sight in self._lists_of(place):
                if sight.size and sight.entries and self._begins_a_list(sight):
                    return True
        self._defects.clear()
        return False

    # 1 and 2: end records and the lists they lead to.

    def _sights(self) -> list[Sight]:
        """The lists to compare, the one that `zipfile` takes first."""
        found: list[Sight] = []
        for place in self._end_places():
            for sight in self._lists_of(place):
                if sight not in found:
                    found.append(sight)
        usable = [sight for sight in found if self._begins_a_list(sight)]
        if len(usable) > 1:
            starts = ", ".join(f"{sight.start:,}" for sight in usable)
            self._shelf.problem("zip-directory-differs", detail=f"at {starts}")
        return usable

    def _end_places(self) -> list[int]:
        """Offsets of end records that a reader could pick, the one that `zipfile` picks first."""
        base = self._length - len(self._tail)
        first = self._seen.ends[0] if self._seen.ends else 0
        places: list[int] = []
        at = len(self._tail) - z.END_SIZE
        if self._tail[at : at + 4] == z.END and self._tail.endswith(b"\0\0"):
            places.append(base + at)
        at = len(self._tail)
        while len(places) < _MOST_ENDS:
            at = self._tail.rfind(z.END, 0, at)
            if at < 0 or base + at < first:
                break
            if len(self._tail) - at >= z.END_SIZE and base + at not in places:
                places.append(base + at)
        return places + [place for place in self._seen.ends[:_MOST_ENDS] if place not in places]

    def _lists_of(self, place: int) -> list[Sight]:
        """Where readers look for the list of one end record."""
        data = self._bytes_at(place, z.END_SIZE)
        if data is None:
            return []
        end = z.parse_end(data)
        if end.disks:
            self._defects["several disks", place] = None
        sights: list[Sight] = []
        wide, wide_place = self._end64_before(place)
        if wide is not None:
            sights += self._by_arithmetic(wide, wide_place)
            # Readers without zip64, or that use it only where a field is full, go by the plain record.
            plain = self._plain_fields(end, wide)
            sights.append(
                Sight(start=plain.offset, size=plain.size, shift=0, entries=plain.entries)
            )
        else:
            sights += self._by_arithmetic(end, place)
        return sights

    @staticmethod
    def _plain_fields(end: z.EndRecord, wide: z.EndRecord) -> z.EndRecord:
        """The end record with the fields that it leaves to its zip64 record filled in."""
        entries = wide.entries if end.entries == z.FULL16 else end.entries
        size = wide.size if end.size == z.FULL32 else end.size
        offset = wide.offset if end.offset == z.FULL32 else end.offset
        return z.EndRecord(entries=entries, size=size, offset=offset, disks=False, comment=0)

    def _end64_before(self, place: int) -> tuple[z.EndRecord | None, int]:
        """The zip64 end record that belongs to an end record, found as `zipfile` does."""
        locator = self._bytes_at(place - z.LOCATOR_SIZE, z.LOCATOR_SIZE)
        if locator is None or not locator.startswith(z.LOCATOR):
            return None, 0
        named = z.parse_locator(locator)
        usual = place - z.LOCATOR_SIZE - z.END64_SIZE
        if named != usual:
            # Source: CVE-2025-8291: zipfile believed the place, others the locator.
            self._defects[f"zip64 record at {usual:,}, its locator says {named:,}", place] = None
        for at in (usual, named):
            record = self._bytes_at(at, z.END64_SIZE)
            if record is not None and record.startswith(z.END64):
                return z.parse_end64(record)[0], at
        return None, 0

    @staticmethod
    def _by_arithmetic(end: z.EndRecord, place: int) -> list[Sight]:
        """`zipfile` counts back from the end record; others go to the offset as it stands."""
        start = place - end.size
        back = Sight(start=start, size=end.size, shift=start - end.offset, entries=end.entries)
        if start == end.offset:
            return [back]
        return [back, Sight(start=end.offset, size=end.size, shift=0, entries=end.entries)]

    def _begins_a_list(self, sight: Sight) -> bool:
        """Whether a reader that goes there finds a list (an empty one is found everywhere)."""
        if sight.start < 0 or sight.start + sight.size > self._length:
            return False
        if not sight.size:
            return not sight.entries
        if any(sight.start == directory.start for directory in self._seen.directories):
            return True
        data = self._bytes_at(sight.start, 4)
        if data is None:
            self._shelf.problem("second-look-needed", detail=f"a list at {sight.start:,}")
            return False
        return data == z.CENTRAL

    def _bytes_at(self, start: int, size: int) -> bytes | None:
        """Some of the archive's bytes; None when they are not at hand, or not there."""
        if start < 0 or start + size > self._length:
            return None
        if self._archive is not None:
            return bytes(self._archive[start : start + size])
        base = self._length - len(self._tail)
        return self._tail[start - base : start - base + size] if start >= base else None

    # 3: rows against entries.

    def _compare(self, sight: Sight, *, main: bool) -> None:
        rows = self._rows_of(sight)
        if rows is None:
            self._shelf.problem("second-look-needed", detail=f"a list at {sight.start:,}")
            return
        if len(rows) != sight.entries:
            detail = f"{sight.entries:,} members told, {len(rows):,} listed"
            self._shelf.problem("zip-end-record", detail=detail, offset=sight.start)
        if main and sight.shift:
            detail = f"all offsets are off by {sight.shift:,}"
            self._shelf.problem("zip-end-record", detail=detail, offset=sight.start)
        for row in rows:
            offset = row.offset + sight.shift
            if main and offset in self._rows:
                path = self._path_of(row)
                self._shelf.problem("zip-overlap", path, detail="another member", offset=offset)
            if main:
                self._rows[offset] = row
            self._compare_row(row, offset)

    def _rows_of(self, sight: Sight) -> list[z.CentralEntry] | None:
        for directory in self._seen.directories:
            if (directory.start, directory.end) == (sight.start, sight.start + sight.size):
                return directory.rows
        data = self._bytes_at(sight.start, sight.size)
        if data is None:
            return None
        rows: list[z.CentralEntry] = []
        at = 0
        while data[at : at + 4] == z.CENTRAL and len(data) - at >= z.CENTRAL_SIZE:
            self._shelf.budget.step()
            head = data[at : at + z.CENTRAL_SIZE]
            name_size, extra_size, comment = z.lengths(head, central=True)
            begin = at + z.CENTRAL_SIZE
            name = data[begin : begin + name_size]
            extra = data[begin + name_size : begin + name_size + extra_size]
            rows.append(z.parse_central(head, name, extra))
            at = begin + name_size + extra_size + comment
        if at != len(data):
            detail = "bytes in the list that are no row"
            self._shelf.problem("zip-end-record", detail=detail, offset=sight.start)
        return rows

    def _compare_row(self, row: z.CentralEntry, offset: int) -> None:
        header = self._seen.entries.get(offset)
        if header is None:
            path = self._path_of(row)
            self._shelf.problem("zip-central-only", path, detail=f"{offset:,}", offset=offset)
            around = self._around(offset)
            if around:
                self._shelf.problem("zip-overlap", path, detail=around, offset=offset)
            self._want(row, offset)
            return
        differences = _differences(row, header)
        if not differences and not row.defect:
            return
        path = self._path_of(row)
        if row.defect:
            self._shelf.problem("zip-extra", path, detail=row.defect, offset=offset)
        if differences:
            detail = ", ".join(differences)
            self._shelf.problem("zip-entry-differs", path, detail=detail, offset=offset)
        if set(differences) - {"checksum"}:
            self._want(row, offset)

    def _want(self, row: z.CentralEntry, offset: int) -> None:
        key = (offset, row.second_name or row.name, row.method, row.packed, row.size)
        self._wanted.setdefault(key, row)

    def _around(self, offset: int) -> str:
        """The entry whose bytes lie around an offset."""
        at = bisect_right(self._offsets, offset) - 1
        if at < 0:
            return ""
        header = self._seen.entries[self._offsets[at]]
        if header.offset < offset < header.end:
            return printable(z.decode_name(header.name, header.flags))
        return ""

    def _path_of(self, row: z.CentralEntry) -> str:
        return read_name(_row_name(row), self._shelf.limits).path

    def _tell_unlisted(self) -> None:
        for offset, header in self._seen.entries.items():
            if offset not in self._rows:
                text = z.decode_name(header.name, header.flags)
                path = read_name(text, self._shelf.limits).path
                detail = "it is not in the list at the end"
                self._shelf.problem("zip-local-only", path, detail=detail, offset=offset)

    def _tell_modes(self) -> None:
        """Permissions and links stand only in the list: give them to the members it confirms."""
        members = self._shelf.members
        for index in self._shelf.places:
            info = members[index]
            row = self._rows.get(info.offset)
            if row is None:
                if info.view is View.BOTH:
                    members[index] = msgspec.structs.replace(info, view=View.STREAM)
                continue
            if row.mode & SPECIAL_MODE:
                detail = f"{row.mode & 0o7777:o}"
                self._shelf.problem("special-mode", self._path_of(row), detail=detail)
            members[index] = self._with_mode(info, row)

    def _with_mode(self, info: MemberInfo, row: z.CentralEntry) -> MemberInfo:
        if not row.mode:
            return info
        kind = info.kind
        if stat.S_ISLNK(row.mode):
            kind = MemberKind.SYMLINK
            self._shelf.problem("zip-symlink", self._path_of(row), offset=info.offset)
        return msgspec.structs.replace(info, mode=row.mode & 0o7777, kind=kind)

    # 4: what the walk did not unpack just so.

    def _second_look(self) -> Steps[None]:
        if not self._wanted:
            return
        if self._archive is None:
            detail = f"{len(self._wanted):,} of them"
            self._shelf.problem("second-look-needed", detail=detail)
            return
        for (offset, *_), row in self._wanted.items():
            yield from self._unpack(row, offset)

    def _unpack(self, row: z.CentralEntry, offset: int) -> Steps[None]:
        archive = memoryview(self._archive or b"")
        path = self._shelf.announce(_row_name(row), offset=offset).path
        head = bytes(archive[max(offset, 0) : max(offset, 0) + z.LOCAL_SIZE])
        if offset < 0 or len(head) < z.LOCAL_SIZE or not head.startswith(z.LOCAL):
            self._shelf.problem("zip-bad-data", path, detail="no entry there", offset=offset)
            return
        begin = offset + z.LOCAL_SIZE + sum(z.lengths(head, central=False))
        header = z.LocalHeader(
            offset=offset, name=row.second_name or row.name, flags=row.flags, method=row.method,
            crc=row.crc, packed=row.packed, size=row.size, second_name=b"", defect="", zip64=False,
        )  # fmt: skip
        if row.flags & (z.ENCRYPTED | z.STRONG):
            self._shelf.problem("zip-encrypted", path, offset=offset)
            return
        if row.method not in z.METHODS:
            self._shelf.problem("zip-method", path, detail=z.method_name(row.method), offset=offset)
            return
        stream = RawStream()
        stream.push(archive[begin : begin + row.packed])
        stream.ended = True
        content = self._shelf.open_content(path)
        # A list can name the same bytes many times over; they cost each time.
        self._shelf.budget.step()
        try:
            yield from unpack_entry(
                stream, self._shelf, header, content, path, row.packed, most=row.size
            )
        except ArchiveStoppedError as stopped:
            if stopped.code != "truncated":
                raise
            self._shelf.problem("zip-bad-data", path, detail="beyond the end", offset=offset)
        yield from self._shelf.shelve_zip(
            header, content, path, View.CENTRAL, mode=row.mode & 0o7777
        )


def _row_name(row: z.CentralEntry) -> str:
    """The name as Python's zipfile takes it."""
    if row.second_name:
        return row.second_name.decode("utf-8", "surrogateescape")
    return z.decode_name(row.name, row.flags)


def _differences(row: z.CentralEntry, header: z.LocalHeader) -> tuple[str, ...]:
    """In what the list and the entry disagree, the entry's sizes being what was found."""
    if (
        row.name == header.name
        and row.packed == header.packed
        and row.size == header.size
        and row.crc == header.crc
        and row.method == header.method
        and not row.second_name
        and not (row.flags ^ header.flags) & _FLAGS
    ):
        return ()
    pairs = (
        ("name", row.second_name or row.name, header.name),
        ("method", row.method, header.method),
        ("encryption", row.flags & z.ENCRYPTED, header.flags & z.ENCRYPTED),
        ("packed size", row.packed, header.packed),
        ("size", row.size, header.size),
        ("checksum", row.crc, header.crc),
    )
    found = [what for what, listed, local in pairs if listed != local]
    if not row.name.isascii() and (row.flags ^ header.flags) & z.UTF8:
        found.append("encoding of the name")
    return tuple(found)


_FLAGS = z.ENCRYPTED | z.UTF8
