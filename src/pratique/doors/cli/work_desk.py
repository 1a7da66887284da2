"""What commands about work share: the stores, the register, the work ledger, files by their hashes."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from pratique.doors.cli.party_desk import PartyDesk, open_party_desk
from pratique.edge.record_tools.tools import read_file
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.model import Project
from pratique.store.work import read_work
from pratique.values.instants import Instant
from pratique.work.model import FileRef, Work

MAX_FILE: Final = 1 << 30
MAX_FILES: Final = 100_000

files_argument = click.argument(
    "files",
    metavar="FILE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
)
project_option = click.option(
    "--project", required=True, metavar="VENDOR/NAME", help="Whose work it is."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDesk:
    """An installation's work, open for one command."""

    parties: PartyDesk
    work: Work

    def project(self, name: str) -> Project:
        """A project of the register. Raises: InputError."""
        found = self.parties.register.projects.get(name)
        if found is None:
            known = ", ".join(sorted(self.parties.register.projects)[:10])
            raise InputError(
                f"no project {name[:120]!r}",
                expected=f"one of {known}" if known else "VENDOR/NAME of a project in the register",
                remedy="see: pratique party list; add it with: pratique party project",
            )
        return found

    def holder(self, project: Project, name: str) -> str:
        """A holder of a project. Raises: InputError when the register does not name them."""
        if project.holders and name not in project.holders:
            raise InputError(
                f"{name[:80]!r} is not a holder of {project.id}",
                expected=f"one of {', '.join(project.holders[:20])}",
                remedy="name them in the register first; that is reviewed",
            )
        return name

    def record(self, drafts: Sequence[Draft], now: Instant) -> int:
        """Make the entries of one thing durable, all or none; gives the first."""
        return self.parties.record(drafts, now)[0]


@contextmanager
def open_work_desk(home: Path | None) -> Iterator[WorkDesk]:
    """Open everything, catch up with the ledger, read register and work."""
    with open_party_desk(home) as parties:
        yield WorkDesk(parties=parties, work=read_work(parties.stores.presence))


def new_id(letter: str) -> str:
    """A fresh id, such as `S-3K2QX7WN5A`."""
    return f"{letter}-{base64.b32encode(secrets.token_bytes(10)).decode()[:10]}"


def ref_of(path: Path) -> FileRef:
    """A file by its bytes, read piece by piece. Raises: InputError."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return FileRef(sha256=digest.hexdigest(), size=size, name=path.name[:200])


def refs_of(paths: Iterable[Path]) -> tuple[FileRef, ...]:
    """Files by their bytes. Raises: InputError."""
    found = tuple(ref_of(path) for path in paths)
    if len(found) > MAX_FILES:
        raise InputError(f"{len(found):,} files at once", expected=f"at most {MAX_FILES:,}")
    return found


def ref_of_bytes(name: str, data: bytes) -> FileRef:
    """A file that is about to be written."""
    return FileRef(sha256=hashlib.sha256(data).hexdigest(), size=len(data), name=name[:200])


def whole(path: Path) -> bytes:
    """The bytes of a file that is looked through. Raises: InputError."""
    return read_file(path, limit=MAX_FILE)
