"""Words inside programs: one pass for the marks, and the texts around addresses, paths and commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntFlag
from functools import cache
from typing import Final

from pratique.vet.matching import Matcher, best_matcher

MAX_STRINGS: Final = 400
"""Texts of one program that are judged."""
_TEXT = re.compile(rb"[\x20-\x7e]{6,400}")
_WIDE_TEXT = re.compile(rb"(?:[\x20-\x7e]\x00){6,400}")


class Mark(IntFlag):
    """What occurs in a program."""

    PACKER = 1 << 0
    RUNTIME = 1 << 1
    FROZEN = 1 << 2
    INJECTS = 1 << 3
    WATCHES = 1 << 4
    DEBUGS = 1 << 5
    PRELOAD = 1 << 6
    SHELL = 1 << 7
    SOCKET = 1 << 8
    URL = 1 << 9
    PLACE = 1 << 10
    COMMAND = 1 << 11
    MINER = 1 << 12
    WIDE = 1 << 13
    """An address, a place or a command in UTF-16, as Windows programs hold their texts."""


_NARROW: Final = {
    int(Mark.PACKER): (rb"UPX![\x0c-\x0f]", rb"\$Info: This file is packed with the UPX",
    rb"\.MPRESS1", rb"\.themida", rb"\.vmp[01]",
                       rb"ASPack", rb"\.petite"),
    int(Mark.RUNTIME): (rb"bun\.sh/docs", rb"oven-sh/bun", rb"node_bootstrap",
    rb"NODE_MODULE_VERSION", rb"Deno\.core", rb"electron\.asar"),
    int(Mark.FROZEN): (rb"_MEIPASS2?", rb"PYZ-00\.pyz", rb"NUITKA_ONEFILE_PARENT",
    rb"MEI\x0c\x0b\x0a\x0b\x0e", rb"cx_Freeze"),
    int(Mark.INJECTS): (rb"VirtualAllocEx", rb"WriteProcessMemory", rb"CreateRemoteThread",
    rb"NtUnmapViewOfSection",
                        rb"process_vm_writev", rb"QueueUserAPC", rb"SetThreadContext"),
    int(Mark.WATCHES): (rb"GetAsyncKeyState", rb"SetWindowsHookEx[AW]", rb"GetClipboardData",
    rb"XQueryKeymap", rb"BitBlt",
                        rb"CGEventTapCreate"),
    int(Mark.DEBUGS): (rb"IsDebuggerPresent", rb"CheckRemoteDebuggerPresent", rb"PTRACE_TRACEME",
    rb"TracerPid"),
    int(Mark.PRELOAD): (rb"LD_PRELOAD", rb"DYLD_INSERT_LIBRARIES", rb"/etc/ld\.so\.preload"),
    int(Mark.SHELL): (rb"/bin/(?:ba)?sh\x00", rb"cmd\.exe\x00"),
    int(Mark.SOCKET): (rb"\x00dup2\x00", rb"WSASocket[AW]"),
    int(Mark.URL): (rb"(?i)https?://[a-z0-9]", rb"(?i)tcp://[a-z0-9]", rb"/dev/tcp/"),
    int(Mark.PLACE): (rb"\.ssh/", rb"\.aws/", rb"(?i)login data", rb"(?i)local storage[\\/]",
    rb"wallet\.dat", rb"_history",
                      rb"\.git-credentials", rb"\.pypirc", rb"\.npmrc", rb"cookies\.sqlite",
                      rb"key4\.db"),
    int(Mark.COMMAND): (rb"(?i)powershell", rb"curl -", rb"wget ", rb"chmod \+x", rb"crontab",
    rb"schtasks", rb"systemctl ",
                        rb"reg add", rb"certutil", rb"base64 -d", rb"rm -rf "),
    int(Mark.MINER): (rb"stratum\+(?:tcp|ssl)", rb"xmrig", rb"cryptonight", rb"donate-level"),
}  # fmt: skip
_NEEDLES: Final = {
    Mark.URL: (b"://", b"/dev/tcp/"),
    Mark.PLACE: (b".ssh/", b".aws/", b"ogin Data", b"ocal Storage", b"wallet.dat", b"_history",
    b".git-credentials",
                 b".pypirc", b".npmrc", b"cookies.sqlite", b"key4.db"),
    Mark.COMMAND: (b"owershell", b"owerShell", b"curl -", b"wget ", b"chmod +x", b"crontab",
    b"schtasks", b"systemctl ",
                   b"reg add", b"certutil", b"base64 -d", b"rm -rf "),
}  # fmt: skip


def _wide(needle: bytes) -> bytes:
    return bytes(byte for char in needle for byte in (char, 0))


_WIDE_NEEDLES: Final = tuple(
    _wide(needle)
    for mark, needles in _NEEDLES.items()
    for needle in needles
    if mark is not Mark.PLACE or not needle.startswith(b"_")
)
_PATTERNS: Final = {
    **_NARROW,
    int(Mark.WIDE): tuple(re.escape(needle) for needle in _WIDE_NEEDLES),
}


@cache
def _matcher() -> Matcher:
    return best_matcher(_PATTERNS)


def seen_marks(data: bytes) -> Mark:
    """Which marks occur; one linear pass."""
    return Mark(_matcher().search(data))


def strings_around(data: bytes, seen: Mark) -> Iterator[str]:
    """Printable texts that hold an address, a path or a command, where their mark was seen."""
    for mark, needles in _NEEDLES.items():
        if mark in seen:
            for needle in needles:
                yield from _around(data, needle)
    if Mark.WIDE in seen:
        for needle in _WIDE_NEEDLES:
            yield from _wide_around(data, needle)


def _around(data: bytes, needle: bytes) -> Iterator[str]:
    position = 0
    for _ in range(MAX_STRINGS):
        at = data.find(needle, position)
        if at < 0:
            return
        first = at
        floor = max(0, at - 300, position)
        while first > floor and 0x20 <= data[first - 1] < 0x7F:  # noqa: PLR2004 - printable ASCII
            first -= 1
        text = _TEXT.match(data, first)
        position = max(at + len(needle), text.end() if text else 0)
        if text is not None:
            yield text[0].decode("ascii")


def _wide_around(data: bytes, needle: bytes) -> Iterator[str]:
    """The same for UTF-16, little endian."""
    position = 0
    for _ in range(MAX_STRINGS):
        at = data.find(needle, position)
        if at < 0:
            return
        first = at
        floor = max(0, at - 600, position)
        while first - 2 >= floor and 0x20 <= data[first - 2] < 0x7F and not data[first - 1]:  # noqa: PLR2004 - printable ASCII
            first -= 2
        text = _WIDE_TEXT.match(data, first)
        position = max(at + len(needle), text.end() if text else 0)
        if text is not None:
            yield text[0][::2].decode("ascii")
