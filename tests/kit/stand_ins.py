"""Small releases of our own with the layout of real ones, for look-alikes to stand on without the network."""

from __future__ import annotations

from evals import trees
from evals.lookalikes.incidents import LOOKALIKES
from evals.lookalikes.shape import WHEEL, Edit, Lookalike, filename

HONEST = '''\
import logging
import os
import subprocess
import sys
from pathlib import Path

LOG = logging.getLogger(__name__)
SETTINGS = dict(os.environ)


class Part:
    """Does one thing."""

    def __init__(self, model="small.pt", level=1):
        self.level = level

    def describe(self):
        LOG.info("level %s of %s", self.level, sys.platform)
        return Path(str(self.level)).name


'''
"""What every module of a stand-in holds: ordinary code that looks at its surroundings."""
_SECTION = """\
class {name}:
    def __init__(self, model):
{line}.py":
            self.model = model


DEFAULT = {name}("small.pt")
"""


def stand_in(one: Lookalike, form: str) -> bytes:
    """A release with every module that look-alikes of the project change, and lines for what they insert."""
    modules: dict[str, list[Edit]] = {}
    for other in LOOKALIKES:
        for edit in (*other.edits, *other.lain) if other.project == one.project else ():
            if not edit.new:
                modules.setdefault(edit.path, []).append(edit)
    package = next(iter(modules), one.project.replace("-", "_")).split("/")[0]
    modules.setdefault(f"{package}/__init__.py", [])
    init = f"{package}/__init__.py"
    imported = "".join(
        f"import {path.removesuffix('.py').replace('/', '.')}\n"
        for path in sorted(modules)
        if path != init and not path.endswith("/__init__.py")
    )
    name = filename(one.project, one.base, form)
    stem = f"{one.project.replace('-', '_')}-{one.base}"
    inside = "" if form == WHEEL else f"{stem}/"
    files = {
        f"{inside}{path}": (imported.encode() if path == init else b"") + _module(edits)
        for path, edits in sorted(modules.items())
    }
    text = f"Metadata-Version: 2.1\nName: {one.project}\nVersion: {one.base}\nSummary: A part.\n".encode()
    if form == WHEEL:
        info = f"{stem}.dist-info"
        files[f"{info}/METADATA"] = text
        files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{info}/RECORD"] = b""
    else:
        files[f"{stem}/PKG-INFO"] = text
    return trees.pack(files, name)


def _module(edits: list[Edit]) -> bytes:
    text = HONEST
    for number, line in enumerate(sorted({edit.before for edit in edits if edit.before})):
        if line.startswith("def "):
            text += f"{line}text):\n    return text\n\n\n"
        elif line.startswith(" "):
            text += _SECTION.format(name=f"Model{number}", line=line + ' == "a')
        else:
            text += f"{line}\n"
    return text.encode()
