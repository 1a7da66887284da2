"""Grafts: a sample's payload, as text in memory, on top of the later of two real consecutive releases.

This is the hijacked project: its next release is the honest next release, and something more. Six places,
all drawn by a seed that holds campaign, rule and place. Nothing of it is ever run or written to a disk.
"""

from __future__ import annotations

import base64
import random
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from evals import cache, trees
from evals.lists import Pair, Sample
from evals.payloads import parse
from evals.trees import Files

SEED = 20261122
CALL, INIT, NEW_MODULE, DEEP, PTH, BLOB = "call", "init", "new-module", "deep", "pth", "blob"
POSITIONS = (CALL, INIT, NEW_MODULE, DEEP, PTH, BLOB)
TRIES = 20
"""Bases drawn until one has a package: some releases are a single module."""
_ASIDE = frozenset(
    ["test", "tests", "testing", "testsuite", "docs", "doc", "examples", "_vendor", "vendor"]
)
_NAMES = ("_prepare", "_check_runtime", "_load_defaults", "_register", "_warm_up")
_MODULES = ("_compat_data", "_runtime", "_defaults", "_registry", "_metrics")


@dataclass(frozen=True, slots=True)
class Graft:
    """A made release with its honest predecessor."""

    old: bytes
    old_filename: str
    new: bytes
    filename: str


def make(
    sample: Sample, rule: str, position: str, text: str, pairs: Sequence[Pair]
) -> Graft | None:
    """Graft the payload; None when none of the bases drawn has a place for it."""
    chooser = random.Random(f"{SEED}:{sample.campaign}:{rule}:{position}")
    fitting = [pair for pair in pairs if position != PTH or pair.new.kind == "wheel"]
    for _ in range(TRIES if fitting else 0):
        pair = chooser.choice(fitting)
        files = trees.unpack(cache.get(pair.new), pair.new.filename)
        changed = place(files, position, text, chooser)
        if changed is None:
            continue
        return Graft(
            cache.get(pair.old), pair.old.filename,
            trees.pack(_recorded({**files, **changed}), pair.new.filename), pair.new.filename,
        )  # fmt: skip
    return None


def place(files: Files, position: str, text: str, chooser: random.Random) -> Files | None:
    """The members that the graft changes or adds; None when the release has no package to graft onto."""
    package = main_package(files)
    if package is None:
        return None
    init = f"{package}/__init__.py"
    if position == INIT:
        return {init: _append(files[init], text)}
    if position == PTH:
        code = base64.b64encode(text.encode("utf-8", "replace")).decode()
        return {
            f"{package}_init.pth": f"import base64; exec(base64.b64decode('{code}'))\n".encode()
        }
    if position == NEW_MODULE:
        name = chooser.choice(
            [n for n in _MODULES if f"{package}/{n}.py" not in files] or ["_added"]
        )
        return {
            f"{package}/{name}.py": text.encode("utf-8", "replace"),
            init: _append(files[init], f"from . import {name}\n"),
        }
    depth = package.count("/") + 1
    modules = sorted(_modules(files, package))
    if position == DEEP:
        depth = max((path.count("/") for path in modules), default=depth)
        module = _choose(files, [p for p in modules if p.count("/") == depth] or [init], chooser)
        return {module: _append(files[module], text)}
    module = _choose(files, [p for p in modules if p.count("/") == depth] or [init], chooser)
    added = _called(text, chooser) if position == CALL else _blob(text)
    return {module: _append(files[module], added)}


def main_package(files: Files) -> str | None:
    """The folder of the release's largest top package: `pkg`, `top/pkg` or `top/src/pkg`."""
    inits = [path[: -len("/__init__.py")] for path in files if path.endswith("/__init__.py")]
    tops = [
        folder
        for folder in inits
        if folder.rpartition("/")[0] not in inits and not _ASIDE & set(folder.split("/"))
    ]
    sizes = {folder: sum(path.startswith(folder + "/") for path in files) for folder in tops}
    return max(sorted(sizes), key=lambda folder: sizes[folder], default=None)


def _modules(files: Files, package: str) -> list[str]:
    return [
        path
        for path in files
        if path.startswith(package + "/")
        and path.endswith(".py")
        and not path.endswith("/__init__.py")
        and not _ASIDE & set(path.split("/"))
    ]


def _choose(files: Files, modules: list[str], chooser: random.Random) -> str:
    """One of the modules that Python can parse, if drawing finds one: in others nothing would run."""
    for _ in range(TRIES):
        module = chooser.choice(modules)
        if parse(files[module].decode("utf-8", "replace")) is not None:
            return module
    return module


def _append(source: bytes, text: str) -> bytes:
    return source.rstrip() + b"\n\n\n" + text.encode("utf-8", "replace")


def _called(text: str, chooser: random.Random) -> str:
    """The payload in a function that is called; as it is where Python allows it at module level only."""
    name = chooser.choice(_NAMES)
    wrapped = f"def {name}():\n{textwrap.indent(text, '    ')}\n\n{name}()\n"
    return wrapped if parse(wrapped) else text


def _blob(text: str) -> str:
    code = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return (
        "import base64\nimport subprocess\nimport sys\n\n"
        f'_DATA = "{code}"\n'
        "subprocess.Popen([sys.executable, '-c', base64.b64decode(_DATA).decode()])\n"
    )


def _recorded(files: Files) -> Files:
    """With RECORD made anew, as a build tool would."""
    own = next((path for path in files if path.endswith(".dist-info/RECORD")), None)
    if own is None:
        return files
    return {**files, own: trees.record(files, own)}
