"""git, to read a repository that a stranger may have prepared.

A repository's own configuration can name programs: hooks, filters, pagers, signature checkers, ways to
fetch what is missing. None of them runs here:

1. Only plumbing commands that show objects are called; they use no index, work tree, pager or filter.
2. Configuration of the system and of the user is not read, and what could still start something is
   overruled on the command line.
3. No protocol is allowed, so nothing is fetched, whatever the repository calls its origin.
4. Replacements and grafts are not followed: the history is the one that the hashes say.
5. The commit graph file is not believed either; parents and dates come from the commits.
6. Nothing is written, no lock is taken, nothing is asked on the terminal.

The output is read with a deadline for each piece, because what looks like an object may be a pipe.
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from pratique.errors import UnavailableError

SILENT_SECONDS: Final = 120.0
"""Longest wait for git's next output; unpacking the largest blob we want takes a second."""
_PIECE: Final = 1 << 18
_MAX_LINE: Final = 1 << 20
_MAX_SAID: Final = 300
_OVERRULED: Final = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.commitGraph=false",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=",
    "protocol.allow=never",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
)


class GitError(UnavailableError):
    """git did not give what it was asked for; the message is the sentence of a gap."""


@lru_cache(maxsize=1)
def git_program() -> str:
    """Where git is; empty when it is not installed."""
    return shutil.which("git") or ""


class Git:
    """Reads one repository."""

    def __init__(self, folder: Path, *, silent_seconds: float | None = None) -> None:
        """`folder`: the repository itself (`.git`, or a bare one)."""
        self._folder = folder
        self._silent_seconds = SILENT_SECONDS if silent_seconds is None else silent_seconds

    @contextmanager
    def run(self, *arguments: str, lines: Iterable[bytes] = ()) -> Iterator[GitOutput]:
        """Start a command; its input is the lines.

        Raises: GitError, also at the end when the command failed after all its output was read.
        """
        program = git_program()
        if not program:
            raise GitError("git is not installed, and histories are read with it")
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            for line in lines:
                given.write(line + b"\n")
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 - a fixed program, options that start nothing
                    self._command(program, arguments),
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    cwd=os.sep,
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is ours to handle
                )
            except OSError as error:
                raise GitError(f"git cannot be started ({error.strerror})") from error
            output = GitOutput(process, said, self._silent_seconds)
            try:
                yield output
                output.finish()
            finally:
                output.end()

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        command = [program, "--no-pager", "--no-optional-locks", "--no-replace-objects"]
        command += [f"--git-dir={self._folder}", "-c", f"safe.directory={self._folder}"]
        for setting in _OVERRULED:
            command += ["-c", setting]
        return [*command, *arguments]


def _environment() -> dict[str, str]:
    nowhere = os.devnull
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": nowhere,
        "XDG_CONFIG_HOME": nowhere,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": nowhere,
        "GIT_CONFIG_GLOBAL": nowhere,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": nowhere,
        "GIT_NO_LAZY_FETCH": "1",  # git 2.44 and later; older ones fail at the next line
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_ADVICE": "0",
    }


class GitOutput:
    """What a command writes, as it comes."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], seconds: float) -> None:
        assert process.stdout is not None
        self._process = process
        self._said = said
        self._seconds = seconds
        self._stream = process.stdout
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stream, selectors.EVENT_READ)

    def until(self, mark: bytes) -> bytes | None:
        """The bytes before the next mark, which is one byte; None at the end. Raises: GitError."""
        searched = self._at
        while (found := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) - self._at > _MAX_LINE:
                raise GitError("git wrote an endless line")
            searched = len(self._buffer) - self._at
            if not self._fill():
                rest = self._buffer[self._at :]
                self._at = len(self._buffer)
                return rest or None
        line = self._buffer[self._at : found]
        self._at = found + 1
        return line

    def exactly(self, size: int) -> bytes:
        """The next bytes. Raises: GitError when there are fewer."""
        pieces = [self._buffer[self._at : self._at + size]]
        self._at += len(pieces[0])
        missing = size - len(pieces[0])
        while missing:
            piece = self._next(missing)
            if not piece:
                raise GitError(self._why() or "git ended in the middle of an object")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def lines(self, mark: bytes = b"\n") -> Iterator[bytes]:
        """All that is left, cut at each mark. Raises: GitError."""
        while (line := self.until(mark)) is not None:
            yield line

    def finish(self) -> None:
        """See that the command ended well, if its output was read to the end. Raises: GitError."""
        if self._ended and self._process.wait(timeout=self._seconds) != 0:
            raise GitError(self._why() or "git failed without a word")

    def end(self) -> None:
        """Leave nothing behind."""
        self._selector.close()
        self._stream.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _fill(self) -> bool:
        piece = self._next(_PIECE)
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0
        return bool(piece)

    def _next(self, most: int) -> bytes:
        if self._ended:
            return b""
        if not self._selector.select(self._seconds):
            raise GitError(f"git said nothing for {self._seconds:.0f} seconds")
        piece = os.read(self._stream.fileno(), min(most, _PIECE))
        self._ended = not piece
        return piece

    def said(self) -> str:
        """What git complained of without giving up; empty when of nothing."""
        return self._why()

    def _why(self) -> str:
        self._said.seek(0)
        text = self._said.read(_MAX_SAID * 4).decode("utf-8", "replace")
        plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return plain[:_MAX_SAID]
