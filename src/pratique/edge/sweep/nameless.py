"""Code in a site folder of which no metadata says what it is.

A copied folder, or one whose dist-info was deleted, imports like any other. Which release it is, nobody
can tell: a gap, so that nothing is cleared by it.
"""

from __future__ import annotations

import os
from collections.abc import Container
from typing import Final

from pratique.inventory.environments.hooks import is_hook
from pratique.inventory.environments.items import plain

_CODE: Final = (".py", ".pyc", ".so", ".pyd")
_TOOLS: Final = frozenset({"_virtualenv.py", "__pycache__"})
"""What tools put into every environment that they make."""
_METADATA: Final = (".dist-info", ".egg-info", ".egg")
_SHOWN: Final = 5
_LOOKED_AT: Final = 2_000
"""Files of one folder that are looked at for code."""


def nameless_modules(site: str, owned: Container[str]) -> str:
    """A sentence on modules whose names nobody owns; "" when there are none."""
    try:
        with os.scandir(site) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return ""  # told by who listed the distributions
    found = [one.name for one in entries if _is_module(one) and _stem(one.name) not in owned]
    if not found:
        return ""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    names = ", ".join(plain(name, 80) for name in found[:_SHOWN])
    return f"no metadata says which releases these are: {names}{more}"


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _is_module(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name in _TOOLS or name.endswith(_METADATA) or is_hook(name):
        return False
    if name.endswith(".egg-link"):
        return True
    if entry.is_dir(follow_symlinks=False):
        return _holds_code(entry.path)
    return name.endswith(_CODE) or (entry.is_symlink() and entry.is_dir())


def _holds_code(folder: str) -> bool:
    seen = 0
    for _path, folders, files in os.walk(folder):
        # Bytecode alone is what is left of something that was removed.
        folders[:] = [one for one in folders if one != "__pycache__"]
        if any(name.endswith(_CODE) for name in files):
            return True
        seen += len(files)
        if seen > _LOOKED_AT:
            return False
    return False
