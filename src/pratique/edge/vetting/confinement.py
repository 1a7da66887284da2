"""What a worker gives up before it sees a hostile byte, in the order in which it can.

1. No other descriptors than the socket to the parent, no environment, no standard streams.
2. Limits: memory, open files, processes, file sizes, no core dumps (hard, so that none can be raised).
3. Namespaces without network, where the kernel lets us; then no user, no capabilities.
4. Dies with its parent; cannot be traced or read; gains no rights through exec.
5. Landlock: no file, no TCP, no signals to others. 6. Seccomp: an allow-list of system calls.

Everything a job needs later must be imported and warm before. Each step that a kernel lacks is left
out and shows in the `Confinement` that comes back; whether that is enough is the pool's decision.
"""

from __future__ import annotations

import ctypes  # noqa: F401 - loaded before files are closed to us, as everything here
import errno
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from pratique.edge.vetting import kernel, landlock, seccomp

NOBODY = 65_534
_DESCRIPTORS = 8
"""The socket, one file of a job, and room for a descriptor on its way."""
_HIGHEST_DESCRIPTOR = 65_536
"""Bound of the walk where the kernel has no close_range; a fresh interpreter inherits one anyway."""


class Confinement(msgspec.Struct, frozen=True, kw_only=True, tag="confinement"):
    """What is in force around a worker."""

    landlock_abi: int = 0
    """0: the kernel has no Landlock."""
    seccomp: bool = False
    network_namespace: bool = False
    unprivileged: bool = False
    """Neither the superuser nor any capability."""
    limits: tuple[str, ...] = ()
    """Names of the resource limits."""
    lacking: tuple[str, ...] = ()
    """Sentences: what could not be put in force and why."""

    @property
    def walled(self) -> bool:
        """Whether the kernel keeps files and network out, beyond limits on resources."""
        return self.seccomp or self.landlock_abi > 0

    @property
    def sentence(self) -> str:
        """For status, logs and terminals: `landlock abi 6, seccomp, network namespace, rlimits`."""
        parts = (
            (self.landlock_abi > 0, f"landlock abi {self.landlock_abi}"),
            (self.seccomp, "seccomp"),
            (self.network_namespace, "network namespace"),
            (self.unprivileged, "unprivileged"),
            (bool(self.limits), "rlimits"),
        )
        return ", ".join(words for there, words in parts if there) or "none"


class Walls(msgspec.Struct, frozen=True, kw_only=True):
    """What to put in force; tests leave out layers to see that the others hold alone."""

    memory_bytes: int
    landlock: bool = True
    seccomp: bool = True
    namespaces: bool = True


class _Steps:
    """Runs steps that may fail and remembers which did."""

    def __init__(self) -> None:
        self.lacking: list[str] = []

    def attempt(self, what: str, *call: object) -> bool:
        function, *arguments = call
        try:
            function(*arguments)  # type: ignore[operator] # one of ours, below
        except (OSError, AttributeError, ValueError) as error:
            self.lacking.append(f"{what}: {error}")
            return False
        return True


def confine(walls: Walls, *, keep: int, parent: int) -> Confinement:
    """Give up everything but the descriptor `keep`. Single-threaded callers only; no way back.

    Raises: SystemExit when the parent has gone meanwhile.
    """
    steps = _Steps()
    _volunteer_for_the_oom_killer()
    _forget_surroundings(keep)
    limits = _limit_resources(steps, walls.memory_bytes)
    network = walls.namespaces and _leave_namespaces(steps)
    _drop_user(steps)
    if kernel.LINUX:
        steps.attempt("capabilities", kernel.drop_capabilities)
        # After the change of user, which clears it.
        steps.attempt("death signal", kernel.prctl, kernel.PR_SET_PDEATHSIG, 9)
        steps.attempt("not dumpable", kernel.prctl, kernel.PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    abi, filtered = _wall_off(steps, walls)
    return Confinement(
        landlock_abi=abi,
        seccomp=filtered,
        network_namespace=network,
        unprivileged=os.geteuid() != 0 and not any("capabilities" in s for s in steps.lacking),
        limits=limits,
        lacking=tuple(steps.lacking),
    )


def _wall_off(steps: _Steps, walls: Walls) -> tuple[int, bool]:
    """Landlock and seccomp, both of which need no_new_privs."""
    if not kernel.LINUX:
        steps.lacking.append("landlock, seccomp: only Linux has them")
        return 0, False
    if not steps.attempt("no new privileges", kernel.prctl, kernel.PR_SET_NO_NEW_PRIVS, 1):
        return 0, False
    abi = landlock.landlock_abi() if walls.landlock else 0
    if abi == 0:
        steps.lacking.append("landlock: the kernel has none, or it is switched off")
    elif not steps.attempt("landlock", landlock.deny_everything, abi):
        abi = 0

    def install() -> None:
        seccomp.install(pid=os.getpid())

    filtered = walls.seccomp and steps.attempt("seccomp", install)
    return abi, filtered


def _volunteer_for_the_oom_killer() -> None:
    """When the machine is out of memory, a worker is the cheapest thing to lose."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _forget_surroundings(keep: int) -> None:
    os.environ.clear()
    sys.stdin = sys.stdout = sys.stderr = None  # as in a process without a terminal
    os.closerange(0, keep)
    os.closerange(keep + 1, _HIGHEST_DESCRIPTOR)


def _limit_resources(steps: _Steps, memory_bytes: int) -> tuple[str, ...]:
    """Hard limits. CPU time is set from outside, for each job (`process.py`)."""
    wanted = {
        # What the worker writes to. DATA alone would let it share memory with itself without end;
        # archives are mapped besides, and one that does not fit is only not looked at from its end.
        "DATA": memory_bytes,
        "AS": 4 * memory_bytes,
        "NOFILE": _DESCRIPTORS,
        "NPROC": 0,
        "FSIZE": 0,
        "CORE": 0,
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
    }
    done = []
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None and steps.attempt(
            f"limit {name}", resource.setrlimit, kind, (value, value)
        ):
            done.append(name.lower())
    return tuple(done)


def _leave_namespaces(steps: _Steps) -> bool:
    """A network without interfaces; as ordinary user inside a user namespace of its own."""
    if not kernel.LINUX:
        return False
    flags = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
    if os.geteuid() != 0:
        flags |= kernel.CLONE_NEWUSER
    return steps.attempt("network namespace", kernel.unshare, flags)


def _drop_user(steps: _Steps) -> None:
    """The superuser becomes nobody; whoever is not the superuser stays who they are."""
    if os.geteuid() != 0:
        return

    def drop() -> None:
        if not hasattr(os, "setresuid"):
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    steps.attempt("user", drop)
