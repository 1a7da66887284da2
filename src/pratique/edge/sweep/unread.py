"""Files that no reader looked into, although software may be in them or spoken of: counted by sort.

They are no gaps, because nobody promised to read them; but "nothing was left out" would be a lie.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from pratique.inventory.listings.kinds import SKIPPED_FOLDERS

_SUFFIXES: Final = frozenset({
    ".7z", ".apk", ".appimage", ".bz2", ".conda", ".crate", ".deb", ".dmg", ".ear", ".gem", ".gz",
    ".img", ".iso", ".jar", ".log", ".msi", ".nupkg", ".ova", ".phar", ".pkg", ".qcow2", ".rar",
    ".rpm", ".sif", ".snap", ".sqfs", ".squashfs", ".tar", ".tgz", ".vhd", ".vhdx", ".vmdk",
    ".vsix", ".war", ".xz", ".zip", ".zst",
})  # fmt: skip
_NAMES: Final = frozenset({
    "Cargo.lock", "Gemfile.lock", "Package.resolved", "Pipfile", "Podfile.lock", "bun.lock",
    "bun.lockb", "composer.lock", "deno.lock", "flake.lock", "go.mod", "go.sum", "gradle.lockfile",
    "mix.lock", "package.json", "packages.lock.json", "pom.xml", "pubspec.lock", "pyproject.toml",
    "setup.cfg", "setup.py",
})  # fmt: skip


class Unread:
    """Counts what nobody claimed."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, path: Path) -> None:
        """Count a file that no reader claimed, if it is of a sort that matters."""
        name = path.name
        if name in _NAMES:
            # What lies in installed packages is told by what installed them.
            if SKIPPED_FOLDERS.isdisjoint(path.parts):
                self._counts[name] += 1
        elif (suffix := path.suffix.lower()) in _SUFFIXES:
            self._counts[suffix] += 1

    def counts(self) -> dict[str, int]:
        """By sort, the most first."""
        return dict(sorted(self._counts.items(), key=lambda one: (-one[1], one[0])))
