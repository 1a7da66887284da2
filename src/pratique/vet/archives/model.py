"""What reading an archive gives: members, what could not be read, and the limits it was read within.

Start here; `reader.open_archive` and `reader.read_archive` produce these values. How archives are
read and why: docs/explain/archive-reading.md.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

import msgspec

MIB = 1 << 20
GIB = 1 << 30


class ArchiveKind(enum.StrEnum):
    """What the file is for, by its name and by what is in it."""

    WHEEL = "wheel"
    SDIST = "sdist"
    EGG = "egg"
    NPM = "npm"
    OTHER = "other"


class MemberKind(enum.StrEnum):
    """What a member becomes when an installer unpacks it."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    OTHER = "other"
    """A device, a pipe, or a type that no standard names."""


class View(enum.StrEnum):
    """Which reader of a zip sees the member: the list at its end and its stream can disagree."""

    BOTH = "both"
    STREAM = "stream"
    """Only who reads from front to back (uv) sees it like this."""
    CENTRAL = "central"
    """Only who begins with the list at the end (pip, `zipfile`) sees it like this."""


class ProblemClass(enum.StrEnum):
    """What a problem means for the verdict."""

    UNREAD = "unread"
    """Something was not examined: the verdict is `unknown`."""
    ODDITY = "oddity"
    """All was examined, but no ordinary build tool writes this: a finding."""
    NOTE = "note"
    """Worth knowing beside other findings; says nothing alone."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a reader must not pass over."""

    code: str
    """Stable slug; `problems.PROBLEMS` and docs/explain/archive-reading.md list them all."""
    problem_class: ProblemClass
    path: str
    """The member it is about, printable; empty when it is about the archive itself."""
    sentence: str
    """Plain English: what it is and why it is dangerous. Printable, whatever the archive held."""
    fatal: bool = False
    """Reading could not go on after this: members may exist that nobody saw."""
    offset: int = 0
    """Where in the (outermost) archive's bytes, as far as known."""


class MemberInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One member without its content."""

    path: str
    """As in the archive, `/` between folders, made printable: each control, bidirectional or undecodable
    character is shown as its `\\xNN` or `\\uNNNN` escape. `outer.zip!inner/path` inside a nested archive."""
    raw_name: bytes | None = None
    """The name as stored, when `path` is not simply its text."""
    kind: MemberKind = MemberKind.FILE
    target: str = ""
    """Where a link points, printable."""
    size: int
    """Bytes of the content as it was unpacked, not as a header claims."""
    sha256: bytes
    """32 bytes, over every byte of the content."""
    mode: int = 0
    """Unix permission bits, set-user-id and its kin included; 0 when the archive does not say."""
    offset: int
    """Where the member's header begins: in the archive for a zip, in the unpacked stream for a tar."""
    depth: int = 0
    """0 for the archive's own members, 1 inside an archive inside it, and so on."""
    view: View = View.BOTH

    @property
    def executable(self) -> bool:
        """Whether anybody may execute it, as far as the archive says."""
        return bool(self.mode & 0o111)


class Member(MemberInfo, frozen=True, kw_only=True):
    """One member with its content, or with both ends of a content too large to hold."""

    data: bytes | None
    """The whole content; None when it is larger than the limit of what is held."""
    head: bytes = b""
    """The content's beginning when it is not held whole."""
    tail: bytes = b""
    """The content's end when it is not held whole."""
    complete: bool = True
    """False when `data` is None. The content was still unpacked, hashed and scanned whole."""
    scanner: Scanner | None = None
    """What `open_scanner` returned for this member: it was given every byte of a content not held."""


class Scanner(Protocol):
    """A streaming matcher over one member that is too large to hold."""

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes of the content; called in order until the member is yielded."""


OpenScanner = Callable[[str], Scanner | None]
"""Given a member's path when it turns out too large to hold; None when it need not be scanned."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of one archive, after the last cross-checks."""

    filename: str
    kind: ArchiveKind
    container: str
    """`zip`, `tar`, `tar.gz`, `tar.bz2`, `tar.xz`; `unknown` when it is none of them."""
    archive_bytes: int
    unpacked_bytes: int
    """Everything unpacked, nested archives' contents included."""
    members: tuple[MemberInfo, ...]
    """Every member that was yielded, in the same order."""
    problems: tuple[Problem, ...]

    @property
    def whole(self) -> bool:
        """Whether every byte that an installer could use was read."""
        return not any(p.problem_class is ProblemClass.UNREAD for p in self.problems)


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much one archive may cost; whatever goes beyond is reported as not read."""

    archive_bytes: int = 4 * GIB
    """The largest files on the public index are below 2 GB; projects get their limit raised by request."""
    members: int = 200_000
    """Nested ones included. The largest wheels hold about 50,000; 200,000 take about 5 s to walk."""
    steps: int = 2_000_000
    """Headers, records and restarts, each some microseconds. Two million end within half a minute; an
    archive of 200,000 members needs four to six hundred thousand."""
    unpacked_bytes: int = 16 * GIB
    """Nested contents included, so counted twice or thrice. Wheels for GPUs unpack to 2-6 GB."""
    member_bytes: int = 8 * GIB
    """One shared library for GPUs can pass 2 GB."""
    ratio: int = 200
    """Unpacked to packed, overall. Text packs 4:1, generated tables 40:1; deflate's own end is 1,032:1."""
    ratio_free_bytes: int = 64 * MIB
    """Below this an archive may unpack at any ratio: it costs a fifth of a second at most."""
    held_text_bytes: int = 8 * MIB
    """Content without a NUL in its first 8 KiB. Larger sources are generated tables."""
    held_bytes: int = 16 * MIB
    """Other content. One member is held at a time, so this bounds the worker's memory."""
    head_bytes: int = MIB
    """Kept of a larger member: headers of executables and the first functions are there."""
    tail_bytes: int = 64 * 1024
    """Kept of a larger member's end: appended payloads and zip directories are there."""
    nesting: int = 2
    """Archives in archives; a wheel in an installer in a wheel happens, a fourth level does not."""
    nested_archives: int = 2_000
    """Each one costs a reader. Collections of test data hold a few hundred."""
    name_bytes: int = 4_096
    """Linux' PATH_MAX: nothing longer can be unpacked."""
    name_parts: int = 100
    """Folders in one path. Real ones stay below 25."""
    header_bytes: int = MIB
    """One pax or GNU long-name record of a tar, all extra data of one zip entry."""
    headers_in_row: int = 16
    """Tar headers that only describe the next one. Real archives use two; each could hold a megabyte."""
    problems: int = 1_000
    """Kept per archive; past that only the count goes on. Nobody reads the thousandth."""
    skipped_bytes: int = 256 * MIB
    """Searched for the next header after bytes that are none. A self-extracting stub is smaller."""
