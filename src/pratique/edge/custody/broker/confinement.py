"""What the broker gives up once it listens: the network, other programs, and files that are not its own.

A broker that is owned holds every key; what it cannot do is send them anywhere but to a gateway.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pratique.edge.vetting import kernel, landlock, seccomp


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What is in force."""

    parts: tuple[str, ...]
    lacking: tuple[str, ...]
    """Sentences: what the kernel would not do."""

    @property
    def walled(self) -> bool:
        """Whether the kernel keeps it from the network."""
        return "seccomp" in self.parts

    @property
    def sentence(self) -> str:
        """For status and logs."""
        return ", ".join(self.parts) or "none"


def confine(folder: Path) -> Confinement:
    """Give up everything but `folder` and the sockets that are open. Before any thread; no way back."""
    parts: list[str] = []
    lacking: list[str] = []

    def step(name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, ValueError, AttributeError) as error:
            lacking.append(f"{name}: {error}")
        else:
            parts.append(name)

    step("no core dumps", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    if not kernel.LINUX:
        lacking.append("landlock, seccomp: only Linux has them")
        return Confinement(parts=tuple(parts), lacking=tuple(lacking))
    # Memory cannot be read by other processes of the same user.
    step("not traceable", lambda: kernel.prctl(kernel.PR_SET_DUMPABLE, 0))
    if os.geteuid() == 0:
        step("network namespace", lambda: kernel.unshare(kernel.CLONE_NEWNET))
    step("no new privileges", lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1))
    abi = landlock.landlock_abi()
    if abi:
        step(
            f"landlock abi {abi}",
            lambda: landlock.deny_all_but(abi, own=(folder,), read=_code_folders()),
        )
    else:
        lacking.append("landlock: the kernel has none, or it is switched off")
    step("seccomp", seccomp.install_offline)
    return Confinement(parts=tuple(parts), lacking=tuple(lacking))


def _code_folders() -> tuple[Path, ...]:
    """Where modules that are imported later come from."""
    folders = {Path(entry) for entry in (*sys.path, sys.prefix, sys.base_prefix) if entry}
    return (*sorted(folders), Path("/usr/lib"), Path("/lib"), Path("/usr/share/zoneinfo"))
