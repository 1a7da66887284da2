"""Every problem that archive reading can report, and the log that keeps them.

A problem is `unread` when an installer could use bytes that nobody examined, an `oddity` when all was
examined but no ordinary build tool writes such an archive, a `note` otherwise. Inside a nested archive
both are notes: data files of tests are full of broken archives, no installer opens them, and their bytes
are examined like any other file's.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from pratique.vet.archives.model import Limits, Problem, ProblemClass

_UNREAD = ProblemClass.UNREAD
_ODDITY = ProblemClass.ODDITY
_NOTE = ProblemClass.NOTE

KEPT_PER_CODE = 40
"""Of one kind; a person looks at a few examples and at the count."""


class ProblemKind(NamedTuple):
    """What one code means."""

    problem_class: ProblemClass
    sentence: str
    """With `{detail}` where the particulars go."""
    fatal: bool = False


class ArchiveStoppedError(Exception):
    """Reading of this archive cannot go on; caught by the reader, never seen outside the package."""

    def __init__(self, code: str, path: str = "", detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.path = path
        self.detail = detail


class LimitReachedError(ArchiveStoppedError):
    """A limit that counts for the whole file; stops the outermost reader too."""


PROBLEMS: dict[str, ProblemKind] = {
    # The file as a whole.
    "not-an-archive": ProblemKind(
        _UNREAD,
        "The bytes are neither a zip nor a tar, so nothing in them was examined.",
        fatal=True,
    ),
    "wrong-container": ProblemKind(
        _ODDITY,
        "The name promises another kind of archive than the bytes are ({detail}): tools that go by the"
        " name and tools that go by the bytes do different things with it.",
    ),
    "truncated": ProblemKind(
        _UNREAD,
        "The archive ends in the middle of {detail}; what should follow is missing.",
        fatal=True,
    ),
    "also-a-zip": ProblemKind(
        _ODDITY,
        "The tar ends like a zip: pip looks for a zip first and would unpack that instead of the tar.",
    ),
    "second-look-needed": ProblemKind(
        _UNREAD,
        "Readers that begin with the list at the end see other members than were examined ({detail}), and"
        " the whole archive was not at hand to examine those too.",
    ),
    "reader-failed": ProblemKind(
        _UNREAD, "The reader itself failed ({detail}); what follows was not examined.", fatal=True
    ),
    "limit-archive-bytes": ProblemKind(
        _UNREAD, "The archive is larger than {detail} bytes; the rest was not examined.", fatal=True
    ),
    "limit-members": ProblemKind(
        _UNREAD, "More than {detail} members; the rest were not examined.", fatal=True
    ),
    "limit-unpacked": ProblemKind(
        _UNREAD, "It unpacks to more than {detail} bytes; the rest was not examined.", fatal=True
    ),
    "limit-member": ProblemKind(
        _UNREAD,
        "One member unpacks to more than {detail} bytes; the rest was not examined.",
        fatal=True,
    ),
    "limit-ratio": ProblemKind(
        _UNREAD,
        "It unpacks to more than {detail} times its size, like an archive made to exhaust who opens it;"
        " the rest was not examined.",
        fatal=True,
    ),
    "limit-steps": ProblemKind(
        _UNREAD, "More than {detail} headers and records; the rest was not examined.", fatal=True
    ),
    "limit-header": ProblemKind(
        _UNREAD,
        "A header of {detail} bytes, more than any honest one; reading stopped there.",
        fatal=True,
    ),
    "limit-skipped": ProblemKind(
        _UNREAD, "No header was found in {detail} bytes; the rest was not examined.", fatal=True
    ),
    "limit-nesting": ProblemKind(
        _UNREAD,
        "An archive inside {detail} others was not opened; only its packed bytes were examined.",
    ),
    "limit-nested-archives": ProblemKind(
        _UNREAD, "More than {detail} archives inside; this one was not opened."
    ),
    "nested-broken": ProblemKind(
        _NOTE, "Looks like an archive but could not be opened to its end ({detail})."
    ),
    "nested-too-large": ProblemKind(
        _UNREAD,
        "A file with an archive at its end, too large to be held, so the archive was not opened.",
    ),
    # Names and links.
    "name-empty": ProblemKind(_ODDITY, "A member without a name."),
    "name-absolute": ProblemKind(
        _ODDITY, "An absolute path: a careless unpacker writes outside its folder."
    ),
    "name-parent": ProblemKind(
        _ODDITY,
        "`..` in the path: a careless unpacker writes outside its folder, or over another member.",
    ),
    "name-drive": ProblemKind(
        _ODDITY,
        "A drive letter or stream (`:`) in front: Windows writes somewhere else than named.",
    ),
    "name-backslash": ProblemKind(
        _ODDITY, "A backslash in the name: a folder on Windows, part of the file name elsewhere."
    ),
    "name-nul": ProblemKind(
        _ODDITY, "A NUL in the name: some readers end the name there, others do not."
    ),
    "name-control": ProblemKind(
        _ODDITY, "Control characters in the name: it shows as something else."
    ),
    "name-invisible": ProblemKind(
        _ODDITY, "Bidirectional or invisible characters in the name: it shows as something else."
    ),
    "name-undecodable": ProblemKind(
        _NOTE, "The name is not in the encoding it claims; readers show and write it differently."
    ),
    "name-too-long": ProblemKind(_ODDITY, "A name of {detail} bytes: no system can unpack it."),
    "name-too-deep": ProblemKind(_ODDITY, "{detail} folders deep: made to exhaust who unpacks it."),
    "duplicate-name": ProblemKind(
        _ODDITY, "The same name twice with different content: readers disagree on which one counts."
    ),
    "folder-with-content": ProblemKind(
        _ODDITY, "Named like a folder, yet with content: some readers drop it, others write a file."
    ),
    "duplicate-same": ProblemKind(_NOTE, "The same name twice, with the same content."),
    "name-collision": ProblemKind(
        _NOTE,
        "Differs from {detail} only in letter case or Unicode form: one replaces the other on Windows and"
        " macOS.",
    ),
    "link-escapes": ProblemKind(
        _ODDITY,
        "A link out of the archive's own folder ({detail}): what is written to it lands there.",
    ),
    "link-dangling": ProblemKind(
        _ODDITY,
        "A hard link to {detail}, which no earlier member is: some unpackers link to the system.",
    ),
    "link-as-code": ProblemKind(
        _UNREAD,
        "A link named like code, to {detail}, which is no file of the archive or was not examined as this.",
    ),
    "through-link": ProblemKind(
        _ODDITY,
        "Its folder {detail} is a link of this archive: it is written where the link points.",
    ),
    "special-file": ProblemKind(_ODDITY, "A device or pipe: no package needs one."),
    "special-mode": ProblemKind(_NOTE, "Set-user-id or set-group-id permission bits ({detail})."),
    # Zip.
    "zip-prefix": ProblemKind(
        _ODDITY, "{detail} bytes before the first entry: another file type may hide there."
    ),
    "zip-gap": ProblemKind(_ODDITY, "{detail} bytes between entries that belong to none."),
    "zip-trailing-data": ProblemKind(
        _ODDITY, "Data after the end of the zip: readers disagree on which end counts."
    ),
    "zip-comment-directory": ProblemKind(
        _ODDITY, "The archive's comment holds zip records: some readers take them for the archive."
    ),
    "zip-no-directory": ProblemKind(
        _UNREAD, "The list of members at the end is missing or broken: {detail}.", fatal=True
    ),
    "zip-directory-differs": ProblemKind(
        _ODDITY,
        "Another list of members than the one behind the entries can be found from the end ({detail}):"
        " readers see different archives.",
    ),
    "zip-end-record": ProblemKind(
        _ODDITY,
        "The end record contradicts what it describes ({detail}): readers see different archives.",
    ),
    "zip-local-only": ProblemKind(
        _ODDITY, "Only who reads front to back (uv) sees this member; pip does not: {detail}."
    ),
    "zip-central-only": ProblemKind(
        _ODDITY,
        "Only who begins with the list at the end (pip) sees this member, at offset {detail}.",
    ),
    "zip-entry-differs": ProblemKind(
        _ODDITY,
        "Its entry and the list at the end disagree ({detail}): installers read different files.",
    ),
    "zip-overlap": ProblemKind(
        _ODDITY, "Lies inside the bytes of {detail}: made to unpack the same bytes many times."
    ),
    "zip-encrypted": ProblemKind(_UNREAD, "Encrypted: its content cannot be examined."),
    "zip-method": ProblemKind(
        _UNREAD,
        "Packed by method {detail}, which pip before Python 3.14 cannot unpack either: it was not examined.",
    ),
    "zip-bad-data": ProblemKind(
        _UNREAD, "Its packed data is broken ({detail}); only what came before was examined."
    ),
    "zip-checksum": ProblemKind(
        _ODDITY, "The checksum is wrong: some readers refuse it, others take it as it is."
    ),
    "zip-size": ProblemKind(
        _ODDITY,
        "The entry claims another size than it has ({detail}): readers cut at different places.",
    ),
    "zip-slack": ProblemKind(_ODDITY, "{detail} bytes after the end of its packed data."),
    "zip-descriptor": ProblemKind(
        _ODDITY, "The record after its data is missing or wrong, so readers lose their place."
    ),
    "zip-stored-descriptor": ProblemKind(
        _ODDITY,
        "Not packed and its size only told afterwards: its end cannot be found from the front.",
    ),
    "zip-extra": ProblemKind(
        _ODDITY,
        "Malformed or repeated extra fields ({detail}): readers take different sizes or names.",
    ),
    "zip-unicode-path": ProblemKind(
        _ODDITY,
        "A second name in an extra field ({detail}): installers disagree on which one counts.",
    ),
    "zip-symlink": ProblemKind(
        _ODDITY, "A symbolic link in a zip: some tools make it a link, others a text file."
    ),
    "zip-name-encoding": ProblemKind(
        _NOTE, "A name outside ASCII without the UTF-8 mark: readers decode it differently."
    ),
    # Tar.
    "tar-bad-header": ProblemKind(
        _UNREAD, "Not a tar header where one must be ({detail}); readers stop or skip there."
    ),
    "tar-bad-number": ProblemKind(
        _UNREAD, "A number in the header is malformed or negative ({detail}).", fatal=True
    ),
    "tar-pax": ProblemKind(
        _UNREAD, "Malformed extended header ({detail}): readers take different names and sizes."
    ),
    "tar-size-differs": ProblemKind(
        _ODDITY,
        "Header and extended header give different sizes ({detail}): readers lose their place.",
    ),
    "tar-global-names": ProblemKind(
        _ODDITY, "A global header sets names or sizes for every member ({detail})."
    ),
    "tar-mixed-headers": ProblemKind(
        _ODDITY, "Several headers name or size this one member: readers take different ones."
    ),
    "tar-prefix": ProblemKind(
        _ODDITY, "A name prefix where the format has none: readers make different names of it."
    ),
    "tar-size-on-link": ProblemKind(
        _UNREAD,
        "A link or folder with a size ({detail}): readers disagree on where the next one begins.",
    ),
    "tar-unknown-type": ProblemKind(
        _ODDITY,
        "Member type {detail} is in no standard: Python unpacks it as a file, others skip it.",
    ),
    "tar-sparse": ProblemKind(
        _UNREAD, "A sparse file: its content is spread by a map that readers take differently."
    ),
    "tar-after-end": ProblemKind(
        _ODDITY, "A member after the end of the archive: pip does not see it, other tools may."
    ),
    "tar-trailing-data": ProblemKind(_ODDITY, "{detail} bytes after the end that are no member."),
    "tar-no-end": ProblemKind(_NOTE, "The blocks that mark the end are missing."),
    # Compression around a tar.
    "compressed-broken": ProblemKind(
        _UNREAD, "The compressed data is broken ({detail}); the rest was not examined.", fatal=True
    ),
    "compressed-memory": ProblemKind(
        _UNREAD, "Unpacking needs more memory than {detail} MiB; not examined.", fatal=True
    ),
    "compressed-members": ProblemKind(
        _ODDITY, "Several compressed parts in a row: some readers stop after the first."
    ),
    "compressed-trailing-data": ProblemKind(_ODDITY, "Data after the end of the compressed part."),
    "compressed-checksum": ProblemKind(
        _ODDITY,
        "The checksum of the compressed data is wrong: some readers refuse it, others do not.",
    ),
    # RECORD of a wheel. Compared only to tell, never trusted.
    "record-missing": ProblemKind(
        _ODDITY, "A wheel without RECORD, which every build tool writes."
    ),
    "record-unreadable": ProblemKind(_ODDITY, "RECORD is not the table it must be ({detail})."),
    "record-unlisted": ProblemKind(
        _ODDITY, "Not listed in RECORD: it was put in after the wheel was built."
    ),
    "record-absent": ProblemKind(_ODDITY, "Listed in RECORD but not in the wheel."),
    "record-differs": ProblemKind(
        _ODDITY, "Not what RECORD says ({detail}): it was changed after the wheel was built."
    ),
}


_AT_ANY_DEPTH = frozenset(code for code in PROBLEMS if code.startswith("limit-")) | {
    "reader-failed",
    "second-look-needed",
    "nested-too-large",
}
"""What means unread bytes inside a nested archive too. A nested archive that is broken or locked is still
examined as the file that it is, like any other format that is not opened."""


class ProblemLog:
    """Keeps problems: the first ones of each kind whole, the rest as a count."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.problems
        self._kept: list[Problem] = []
        self._count: Counter[str] = Counter()
        self.more = 0
        """How many came past the limit of all."""

    def add(
        self, code: str, *, path: str = "", detail: object = "", offset: int = 0, depth: int = 0
    ) -> None:
        """Report one problem."""
        kind = PROBLEMS[code]
        self._count[code] += 1
        if self._count[code] > KEPT_PER_CODE:
            return
        if len(self._kept) >= self._most:
            self.more += 1
            return
        problem_class = kind.problem_class if not depth or code in _AT_ANY_DEPTH else _NOTE
        self._kept.append(
            Problem(
                code=code,
                problem_class=problem_class,
                path=path,
                sentence=kind.sentence.replace("{detail}", str(detail)[:200]),
                fatal=kind.fatal and not depth,
                offset=offset,
            )
        )

    def told(self) -> tuple[Problem, ...]:
        """All of them, with one line for what was only counted."""
        rest = [
            Problem(
                code=code,
                problem_class=PROBLEMS[code].problem_class,
                path="",
                sentence=f"{count - KEPT_PER_CODE:,} more of this kind: {code}.",
            )
            for code, count in self._count.items()
            if count > KEPT_PER_CODE
        ]
        return (*self._kept, *rest)
