"""Which folders are mount points, and of what: a sweep enters local disks only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal

Verdict = Literal["enter", "remote", "kernel"]

_LOCAL: Final = frozenset(
    {
        "apfs", "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs",
        "hfsplus", "iso9660", "jfs", "msdos", "ntfs", "ntfs3", "overlay", "ramfs", "reiserfs",
        "squashfs", "tmpfs", "udf", "ufs", "vfat", "xfs", "zfs",
    }
)  # fmt: skip
_KERNEL: Final = frozenset(
    {
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts",
        "devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore",
        "rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs",
    }
)  # fmt: skip
_TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_MOUNT_POINT: Final = 4


class MountTable:
    """Mount points and the types of their file systems, as of one moment."""

    def __init__(self, types: dict[str, str]) -> None:
        """`types`: mount point → type of the file system."""
        self._types = types

    @classmethod
    def of_this_system(cls) -> MountTable:
        """Read the kernel's table; empty where there is none."""
        try:
            text = _TABLE.read_text("utf-8", "surrogateescape")
        except OSError:
            return cls({})
        return cls(dict(_parse(line) for line in text.splitlines() if " - " in line))

    def verdict(self, folder: str) -> Verdict:
        """What to do at this folder, which lies in one that was entered."""
        kind = self._types.get(folder)
        if kind is None:
            # Without a table only the system call tells; whose disk it is nobody says.
            return "remote" if not self._types and os.path.ismount(folder) else "enter"
        if kind in _KERNEL:
            return "kernel"
        return "enter" if kind in _LOCAL else "remote"


def _parse(line: str) -> tuple[str, str]:
    before, _, after = line.partition(" - ")
    point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[_MOUNT_POINT])
    return point, after.split(" ", 1)[0]
