"""What a command is called, and what was found so far in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pratique.vet.content.data_tables import load_table

FETCHERS: Final = frozenset({"curl", "wget", "wget2", "aria2c", "axel", "lwp-download",
    "lwp-request", "fetch", "http",
                             "https", "curlie", "xh"})  # fmt: skip
INTERPRETERS: Final = frozenset({
    "sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "python", "python2", "python3", "pypy3",
    "perl", "ruby", "node",
    "php", "pwsh", "powershell", "lua", "bun", "deno", "osascript", "eval", "source", ".", "iex",
    "tclsh", "nodejs",
})  # fmt: skip
_WRAPPERS: Final = frozenset({
    "sudo", "nohup", "exec", "command", "time", "setsid", "nice", "ionice", "busybox", "xargs",
    "stdbuf", "doas", "then",
    "do", "else", "if", "elif", "while", "until", "!", "{", "builtin", "unbuffer", "catchsegv",
    "proxychains", "torify",
    "timeout", "env", "start", "call", "@echo", "&", "winpty", "caffeinate", "daemonize", "run",
})  # fmt: skip
PROSAIC: Final = frozenset(load_table("command-words")["prosaic"]["words"].split())
"""Commands whose names are words of prose: they count in lower case only."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,60}=")
_NUMBER = re.compile(r"\d+[smhd]?")
MAX_FETCHED: Final = 32
"""Names of fetched files that are remembered."""


@dataclass(slots=True)
class Findings:
    """What was found so far in one text; shared by all its nested texts."""

    traits: dict[str, str] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    """Base names of files that were fetched."""
    unpacked: bool = False
    """Whether one of them was unpacked: what is started beside it then came with it."""
    judged: int = 0

    def add(self, trait: str, shown: str) -> None:
        """Keep the first place of each trait."""
        self.traits.setdefault(trait, shown)


def unwrap(words: list[str]) -> list[str]:
    """Without what stands before a command: assignments, `sudo -E`, `nohup`, `timeout 5`."""
    index = 0
    wrapped = ""
    while index < len(words):
        word = words[index]
        low = word.lower()
        if low in _WRAPPERS and len(words) > index + 1:
            wrapped = low
        elif (
            (_ASSIGNMENT.match(word) and not word.startswith("-"))
            or (
                wrapped
                and (
                    word.startswith("-")
                    or (wrapped in {"timeout", "nice"} and _NUMBER.fullmatch(word))
                )
            )
            or (wrapped == "start" and (word.startswith("/") or word == ""))
        ):
            pass
        else:
            break
        index += 1
    return words[index:]


def name_of(words: list[str]) -> str:
    """The command's name: no folder, no `.exe`, no version (`python3.11` is `python3`)."""
    if not words:
        return ""
    word = words[0].lower().lstrip("@(").replace("\\", "/")
    name = word.rpartition("/")[2] if word not in {".", "/"} else word
    name = name.removesuffix(".exe").removesuffix(".com")
    if name in PROSAIC and words[0] != word:
        return words[0]  # "Fetch the page", "At last": prose, whatever a careless system would run
    if name.startswith("python3."):
        return "python3"
    return name or word
