"""Jobs that a worker does for tests, behind the same wall as the real ones.

The file's name says what to do (`echo`, `open`, `spin` …), its bytes are the argument.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import importlib
import mmap
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pratique.edge.vetting.frames import Start
from pratique.edge.vetting.worker import Helper, MakeJob
from pratique.policy.model import Verdict
from pratique.vet.exchange import StoredContent, Vetted
from pratique.vet.model import ENGINE, Language, Regime, Report


def report(*words: str) -> Report:
    """A report whose features carry what a test wants to know."""
    return Report(
        engine=ENGINE,
        verdict=Verdict.CLEAN,
        regime=Regime.FIRST,
        base="",
        score=0.0,
        features=words,
        findings=(),
        capabilities=(),
        changes=(),
        unread=(),
    )


class Deed:
    """Collects the bytes, then does what the name says."""

    def __init__(self, start: Start, helper: Helper) -> None:
        self.start = start
        self.helper = helper
        self.content = bytearray()
        self.archive: mmap.mmap | None = None
        if helper.base is not None and helper.base.release == b"takes long to get ready":
            time.sleep(1.5)

    def feed(self, chunk: bytes, /) -> None:
        if self.start.filename == "spin-while-fed":
            spin(self)
        if self.start.filename == "ask-while-fed":
            self.helper.known(hashlib.sha256(chunk).hexdigest(), Language.DATA)
        self.content += chunk

    def finish(self, archive: mmap.mmap | None, /) -> Vetted:
        self.archive = archive
        words = DEEDS[self.start.filename](self)
        return Vetted(report=report(*words), release=bytes(self.content[:64]))


def echo(deed: Deed) -> list[str]:
    return [hashlib.sha256(deed.content).hexdigest(), str(len(deed.content))]


def twice(deed: Deed) -> list[str]:
    whole = "nothing" if deed.archive is None else hashlib.sha256(deed.archive).hexdigest()
    return [hashlib.sha256(deed.content).hexdigest(), whole]


def about_base(deed: Deed) -> list[str]:
    base, archive = deed.helper.base, deed.helper.archive
    if base is None:
        return ["none"]
    read = hashlib.sha256(archive.read()).hexdigest() if archive is not None else "no archive"
    return [base.key, base.release.decode(), *(c.sha256 for c in base.contents), read]


def ask(deed: Deed) -> list[str]:
    found = [
        deed.helper.known(hashlib.sha256(b"%d" % number).hexdigest(), Language.PYTHON)
        for number in range(int(deed.content))
    ]
    return [f.decode() for f in found if f is not None]


def surroundings(_deed: Deed) -> list[str]:
    return [
        f"environ={dict(os.environ)}",
        f"dumpable={ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}",
        f"uid={os.getuid()}",
    ]


def grow(deed: Deed) -> list[str]:
    held = bytearray(int(deed.content))
    held[::4096] = b"x" * len(held[::4096])
    return [str(len(held))]


def judge_first(deed: Deed) -> list[str]:
    deed.helper.judged(Vetted(report=report("judged", *echo(deed))))
    time.sleep(0.3)
    return ["told"]


def judge_and_die(deed: Deed) -> list[str]:
    deed.helper.judged(Vetted(report=report("judged")))
    return abort(deed)


def spin(_deed: Deed) -> list[str]:
    while True:
        pass


def sleep(deed: Deed) -> list[str]:
    time.sleep(float(deed.content))
    return ["awake"]


def fail(deed: Deed) -> list[str]:
    raise KeyError(deed.content.decode())


def out_of_memory(_deed: Deed) -> list[str]:
    raise MemoryError


def segfault(_deed: Deed) -> list[str]:
    ctypes.string_at(0)
    return []


def abort(_deed: Deed) -> list[str]:
    os.abort()


def lie(deed: Deed) -> list[str]:
    os.write(deed_socket(), b"\xff\xff\xff\xff\xff")
    return []


def deed_socket() -> int:
    """The only descriptor there is."""
    for number in range(1024):
        try:
            os.lseek(number, 0, os.SEEK_CUR)
        except OSError as error:
            if error.errno == errno.ESPIPE:
                return number
    raise AssertionError("no socket")


# ── attempts to leave; each gives a word when it succeeded ───────────────────────────────────────


def read_passwd(_deed: Deed) -> list[str]:
    return [Path("/etc/passwd").read_text()[:4]]


def write_file(deed: Deed) -> list[str]:
    with Path(deed.content.decode()).open("wb") as file:
        file.write(b"x")
    return ["written"]


def list_root(_deed: Deed) -> list[str]:
    return [path.name for path in Path("/").iterdir()]


def stat_passwd(_deed: Deed) -> list[str]:
    return [str(Path("/etc/passwd").stat().st_size)]


def unlink(deed: Deed) -> list[str]:
    Path(deed.content.decode()).unlink()
    return ["unlinked"]


def chmod(deed: Deed) -> list[str]:
    Path(deed.content.decode()).chmod(0o777)
    return ["changed"]


def connect(deed: Deed) -> list[str]:
    with socket.create_connection(("127.0.0.1", int(deed.content)), timeout=2):
        return ["connected"]


def connect_unix(deed: Deed) -> list[str]:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(bytes(deed.content))
        return ["connected"]


def listen(_deed: Deed) -> list[str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        return ["listening"]


def execute(_deed: Deed) -> list[str]:
    os.execv("/bin/true", ["true"])
    return ["executed"]


def fork(_deed: Deed) -> list[str]:
    if os.fork() == 0:
        os._exit(0)
    return ["forked"]


def thread(_deed: Deed) -> list[str]:
    done = threading.Thread(target=lambda: None)
    done.start()
    return ["threaded"]


def trace_parent(_deed: Deed) -> list[str]:
    libc = ctypes.CDLL(None, use_errno=True)
    attached = libc.ptrace(16, os.getppid(), None, None)
    if attached < 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")
    return ["attached"]


def parents_environment(_deed: Deed) -> list[str]:
    return [Path(f"/proc/{os.getppid()}/environ").read_bytes()[:8].hex()]


def kill_parent(_deed: Deed) -> list[str]:
    os.kill(os.getppid(), signal.SIGTERM)
    return ["killed"]


def ask_parent_for_a_signal(_deed: Deed) -> list[str]:
    fcntl.fcntl(deed_socket(), fcntl.F_SETOWN, os.getppid())
    return ["owned"]


def executable_memory(_deed: Deed) -> list[str]:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return ["mapped"]


def become_root(_deed: Deed) -> list[str]:
    os.setresuid(0, 0, 0)
    return ["root"]


def raise_limits(_deed: Deed) -> list[str]:
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return ["raised"]


def late_import(_deed: Deed) -> list[str]:
    return [importlib.import_module("wave").__name__]


ESCAPES: dict[str, Callable[[Deed], list[str]]] = {
    "read-passwd": read_passwd,
    "write-file": write_file,
    "list-root": list_root,
    "stat-passwd": stat_passwd,
    "unlink": unlink,
    "chmod": chmod,
    "connect": connect,
    "connect-unix": connect_unix,
    "listen": listen,
    "execute": execute,
    "fork": fork,
    "thread": thread,
    "trace-parent": trace_parent,
    "parents-environment": parents_environment,
    "kill-parent": kill_parent,
    "signal-by-socket": ask_parent_for_a_signal,
    "executable-memory": executable_memory,
    "become-root": become_root,
    "raise-limits": raise_limits,
    "late-import": late_import,
}

DEEDS: dict[str, Callable[[Deed], list[str]]] = {
    **ESCAPES,
    "echo": echo,
    "ask-while-fed": echo,
    "judge-first": judge_first,
    "judge-and-die": judge_and_die,
    "base": about_base,
    "twice": twice,
    "ask": ask,
    "surroundings": surroundings,
    "grow": grow,
    "spin": spin,
    "spin-while-fed": spin,
    "sleep": sleep,
    "fail": fail,
    "out-of-memory": out_of_memory,
    "segfault": segfault,
    "abort": abort,
    "lie": lie,
}


def prepare() -> MakeJob:
    """What the product's own `prepare` does for the engine: import everything first."""
    socket.getaddrinfo("127.0.0.1", 1)
    "warm".encode("idna")
    ctypes.CDLL(None)
    return Deed


def prepare_badly() -> MakeJob:
    """A worker that cannot start."""
    raise RuntimeError("no engine here")


__all__ = ["StoredContent", "prepare", "prepare_badly"]
