"""Starting a confined tool and asking it, record by record, each within its time."""

from __future__ import annotations

import importlib.util
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pratique.edge.record_tools.child import DuplicateAsk, Hello, PiiAsk
from pratique.errors import InputError, UnavailableError
from pratique.work.records import Span, merge_spans

START_SECONDS: Final = 120.0
RECORD_SECONDS: Final = 60.0
_CHUNK: Final = 1 << 20
_LONGEST: Final = 256 << 20
"""Bytes of one answer: a record of 4 MiB in which every few characters are found."""
_SPANS: Final = msgspec.json.Decoder(list[list[tuple[int, int, str, float]]])
_NUMBER: Final = msgspec.json.Decoder(int)
_T = TypeVar("_T")
_NEEDS: Final = {"pii": "presidio_analyzer", "duplicates": "datasketch"}


class Tool:
    """A confined process that answers lines. Not safe from several threads."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""
        self.hello = self._hello()

    def spans(
        self, texts: Sequence[str], *, sorts: Sequence[str], least: float
    ) -> list[tuple[Span, ...]]:
        """What is found in each text. Raises: UnavailableError."""
        ask = PiiAsk(texts=tuple(texts), sorts=tuple(sorts), least=least)
        found: list[list[tuple[int, int, str, float]]] = self._ask(ask, _SPANS)
        return [
            merge_spans([Span(start=a, end=b, sort=sort, score=score) for a, b, sort, score in one])
            for one in found
        ]

    def repeats(self, text: str, *, threshold: float) -> int:
        """Number of the earlier record that this one nearly repeats; -1: none. Raises: UnavailableError."""
        found: int = self._ask(DuplicateAsk(text=text, threshold=threshold), _NUMBER)
        return found

    def _hello(self) -> Hello:
        hello = msgspec.json.decode(self._line(time.monotonic() + START_SECONDS), type=Hello)
        if not hello.walled:
            raise UnavailableError(
                f"the tool would run unconfined here: {hello.confinement}",
                remedy="run it on Linux with seccomp; it reads what strangers wrote",
            )
        return hello

    def _ask(self, ask: msgspec.Struct, decoder: msgspec.json.Decoder[_T]) -> _T:
        deadline = time.monotonic() + RECORD_SECONDS
        self._send(msgspec.json.encode(ask) + b"\n", deadline)
        try:
            return decoder.decode(self._line(deadline))
        except msgspec.MsgspecError as error:
            raise UnavailableError(f"the tool answered with something else: {error}") from error

    def _send(self, data: bytes, deadline: float) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        left = memoryview(data)
        while left:
            self._wait(pipe.fileno(), selectors.EVENT_WRITE, deadline)
            try:
                left = left[os.write(pipe.fileno(), left) :]
            except BlockingIOError:
                continue  # room for less than it takes at once
            except OSError as error:
                raise self._ended() from error

    def _line(self, deadline: float) -> bytes:
        pipe = self._process.stdout
        assert pipe is not None
        while b"\n" not in self._rest:
            self._wait(pipe.fileno(), selectors.EVENT_READ, deadline)
            piece = os.read(pipe.fileno(), _CHUNK)
            if not piece:
                raise self._ended()
            self._rest += piece
            if len(self._rest) > _LONGEST:
                self._process.kill()
                raise UnavailableError("the tool answered with more than any record can give")
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(pipe, event)
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                self._process.kill()
                raise UnavailableError(
                    f"the tool took more than {RECORD_SECONDS:g} s for one record",
                    remedy="look at that record; nothing was written",
                )

    def _ended(self) -> UnavailableError:
        code = self._process.wait(10)
        said = (
            self._process.stderr.read(2000).decode(errors="replace") if self._process.stderr else ""
        )
        last = said.strip().splitlines()[-1:] or [f"exit status {code}"]
        return UnavailableError(
            f"the tool ended: {last[0][:300]}", remedy="nothing was written; try again"
        )


@contextmanager
def open_tool(job: str) -> Iterator[Tool]:
    """A tool that runs within the block, `pii` or `duplicates`.

    Raises: InputError when it is not installed, UnavailableError when it cannot be confined.
    """
    if importlib.util.find_spec(_NEEDS[job]) is None:
        raise InputError(
            f"{_NEEDS[job].replace('_', '-')} is not installed",
            remedy="make work, or: pip install 'pratique[work]'",
        )
    with tempfile.TemporaryDirectory(prefix="pratique-work-") as folder:
        process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-I", "-m", "pratique.edge.record_tools.child", job, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={
                "HOME": folder,
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "LANG": "C.UTF-8",
            },
        )
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        try:
            yield Tool(process)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue  # what was not yet written to a process that is gone


def read_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a file. Raises: InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise InputError(
            f"{path} is larger than {limit:,} bytes", remedy="split it; records stay whole"
        )
    return data
