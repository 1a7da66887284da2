"""Which members of a layer say what is installed, and how much of each is read."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from pratique.inventory.environments.hooks import MAX_HOOK_BYTES, is_hook
from pratique.inventory.environments.metadata import HEAD_BYTES
from pratique.inventory.environments.node import (
    HIDDEN_LOCK,
    MAX_HIDDEN_LOCK_BYTES,
    MAX_PACKAGE_BYTES,
)
from pratique.inventory.environments.origin import MAX_ORIGIN_BYTES
from pratique.inventory.environments.record import MAX_RECORD_BYTES
from pratique.inventory.environments.system import MAX_DATABASE_BYTES

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
MAX_PATH: Final = 4096


class Kind(Enum):
    """What a wanted member is."""

    PYTHON = auto()
    """A file of a dist-info, egg-info or egg."""
    HOOK = auto()
    NODE = auto()
    NODE_LOCK = auto()
    CONDA = auto()
    DPKG = auto()
    APK = auto()
    RPM = auto()
    OS_RELEASE = auto()


ENDINGS: Final = (
    b".dist-info/METADATA",
    b".dist-info/RECORD",
    b".dist-info/INSTALLER",
    b".dist-info/REQUESTED",
    b".dist-info/direct_url.json",
    b".dist-info/provenance_url.json",
    b".egg-info",
    b".egg-info/PKG-INFO",
    b"EGG-INFO/PKG-INFO",
    b".pth",
    b".start",
    b"customize.py",
    b"lib/dpkg/status",
    b"lib/apk/db/installed",
    b"lib/rpm/rpmdb.sqlite",
    b"lib/rpm/Packages.db",
    b"lib/rpm/Packages",
    b"sysimage/rpm/rpmdb.sqlite",
    b"os-release",
    b".json",  # of conda-meta; which ones, `kind_of` says
)
CONTAINING: Final = (b".wh.", b"lib/dpkg/status.d/")

_DIST_INFO_FILES: Final = frozenset(
    {"METADATA", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json"}
)
_BYTES: Final = {
    Kind.PYTHON: HEAD_BYTES,
    Kind.HOOK: MAX_HOOK_BYTES,
    Kind.NODE: MAX_PACKAGE_BYTES,
    Kind.NODE_LOCK: MAX_HIDDEN_LOCK_BYTES,
    Kind.CONDA: MAX_PACKAGE_BYTES,
    Kind.DPKG: MAX_DATABASE_BYTES,
    Kind.APK: MAX_DATABASE_BYTES,
    Kind.RPM: 0,
    Kind.OS_RELEASE: 1 << 16,
}
_SYSTEM: Final = (
    (re.compile(r"var/lib/dpkg/status(?:\.d/[^/]+)?"), Kind.DPKG),
    (re.compile(r"(?:usr/)?lib/apk/db/installed"), Kind.APK),
    (
        re.compile(r"(?:var|usr)/lib/(?:sysimage/)?rpm/(?:rpmdb\.sqlite|Packages(?:\.db)?)"),
        Kind.RPM,
    ),
    (re.compile(r"(?:usr/lib|etc)/os-release"), Kind.OS_RELEASE),
)


def kind_of(path: str) -> Kind | None:
    """What a path in an image says; None when it says nothing that is read."""
    folder, _, name = path.rpartition("/")
    if _is_python(folder, name):
        return Kind.PYTHON
    if is_hook(name) and ("-packages/" in path or "/python3" in path):
        return Kind.HOOK
    if name == "package.json":
        return Kind.NODE if "node_modules/" in path else None
    if name == HIDDEN_LOCK:
        return Kind.NODE_LOCK if path.endswith(f"node_modules/{HIDDEN_LOCK}") else None
    if name.endswith(".json") and path.endswith(f"conda-meta/{name}"):
        return Kind.CONDA
    for pattern, kind in _SYSTEM:
        if pattern.fullmatch(path) and not name.endswith(".md5sums"):
            return kind
    return None


def _is_python(folder: str, name: str) -> bool:
    """Whether it is a file of a dist-info, egg-info or egg, or an egg-info that is one file."""
    if folder.endswith(".dist-info"):
        return name in _DIST_INFO_FILES
    if name == "PKG-INFO":
        return folder.endswith((".egg-info", ".egg/EGG-INFO"))
    return name.endswith(".egg-info")


def most_bytes(kind: Kind, path: str) -> int:
    """How much of such a member is read."""
    if path.endswith("/RECORD"):
        return MAX_RECORD_BYTES
    if path.endswith("_url.json"):
        return MAX_ORIGIN_BYTES
    return _BYTES[kind]


def plain_path(name: bytes) -> str | None:
    """A member's name as a path from the image's root; None when it would leave it."""
    text = name.decode("utf-8", "surrogateescape")
    if len(text) > MAX_PATH or "\0" in text:
        return None
    if text.startswith(("./", "/")) or "//" in text or "/." in text or text.endswith("/"):
        parts = [part for part in text.split("/") if part not in {"", "."}]
        if ".." in parts:
            return None
        return "/".join(parts)
    return None if text == ".." or text.startswith("../") else text
