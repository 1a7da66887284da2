"""What one simple command does, by its name, its words and what flows in and out."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from pratique.vet.content.command_deeds import base_of
from pratique.vet.content.command_table import BY_NAME
from pratique.vet.content.command_words import FETCHERS, INTERPRETERS, Findings
from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.shell_words import HOLE, Command

_CREDENTIALS: Final = frozenset({
    "ssh-key", "cloud-credential", "cluster-credential", "package-token", "git-credential",
    "vault-token", "env-file",
    "account-file", "shell-history", "browser-store", "wallet", "messenger-token", "password-manager",
    "agent-credential", "ci-secret",
})  # fmt: skip
_PERSISTENT: Final = frozenset(
    {"autostart", "shell-startup", "ssh-access", "python-startup", "developer-hook"}
)
_READERS: Final = frozenset({"cat", "cp", "tar", "zip", "head", "tail", "base64", "grep", "egrep",
    "rg", "find", "type",
                             "less", "more", "xxd", "strings", "sqlite3", "7z", "rsync", "scp",
                             "gpg", "awk", "sed",
                             "copy", "xcopy", "robocopy", "mv", "dd", "od", "curl", "wget", "nc",
                             "cut"})  # fmt: skip


def check_command(
    command: Command, words: list[str], name: str, findings: Findings, *, whole: str
) -> None:
    """Add what this command does. `whole`: the pipeline it stands in."""
    text = " ".join(words)
    check = BY_NAME.get(name)
    if check is not None:
        check(words, text, findings)
    _runs_fetched(words, name, text, findings)
    _writes(command, name, text, findings)
    if name in _READERS or any(operator == "<" for operator, _ in command.redirects):
        _reads(command, text, findings)
    if name in INTERPRETERS:
        _inline(words, name, findings)
    if name in FETCHERS and command.nested:
        joined = f"{text} ← {' ; '.join(command.nested)}"
        if not _prints_only(command.nested):
            findings.add("exfiltration", joined)
    if name in {"nslookup", "dig", "host", "ping"} and (command.nested or _data_in_name(words)):
        findings.add("dns-exfiltration", whole)
    if name == "set" and len(words) == 1 and (whole != text or command.redirects):
        findings.add("environment-dump", whole)


def _prints_only(nested: list[str]) -> bool:
    """`curl …/$(uname -s)` picks a download and tells nothing secret."""
    harmless = ("uname", "arch", "date", "dpkg --print-architecture", "getconf", "lsb_release",
    "rpm ", "echo", "basename",
                "dirname", "nproc", "cat version", "git describe", "git rev-parse", "pwd", "curl ",
                "mktemp")  # fmt: skip
    return all(text.strip().lower().startswith(harmless) for text in nested)


_DATA_NAME = re.compile(rf"{HOLE}(?:\.[A-Za-z0-9{HOLE}-]{{1,63}}){{2,8}}\.?")


def _data_in_name(words: list[str]) -> bool:
    """Something unknown below a name of two labels or more: `….collect.example`."""
    return len(words) <= MAX_LOOKUP_WORDS and any(_DATA_NAME.search(word) for word in words[1:])


MAX_LOOKUP_WORDS: Final = 6
"""Words of a lookup; a sentence that begins with "host" has more."""


def _runs_fetched(words: list[str], name: str, text: str, findings: Findings) -> None:
    if not findings.fetched or name in FETCHERS or not words:
        return
    arguments = {base_of(word) for word in words[1:4]}
    first = base_of(words[0])
    runner = name in INTERPRETERS or name in {
        "open", "xdg-open", "start", "rundll32", "msiexec", "installer", "chmod", "cmd", "java",
        "mono", "wine",
        "regsvr32", "dpkg", "rpm", "insmod", "launchctl", "bat", "wscript", "cscript",
    }  # fmt: skip
    if name in _UNPACKERS and arguments & findings.fetched:
        findings.unpacked = True
    beside = findings.unpacked and words[0].startswith("./")
    if first in findings.fetched or beside or (runner and arguments & findings.fetched):
        findings.add("download-run", text)


_UNPACKERS: Final = frozenset({"tar", "bsdtar", "unzip", "7z", "gunzip", "gzip", "unxz", "xz"})


_INLINE: Final = ("exec(", "eval(", "base64", "socket", "urllib", "requests", "__import__",
    "compile(", "marshal",
                  "zlib", "subprocess", "pty.", "fsockopen", "child_process", "atob(",
                  "net.connect", "tcpsocket",
                  "b64decode", "fromcharcode", "https.get")  # fmt: skip
_SHELLING: Final = (
    "dup2",
    "pty.spawn",
    "/bin/sh",
    "/bin/bash",
    "cmd.exe",
    "subprocess",
    "exec ",
    "exec(",
    "spawn(",
)


def _inline(words: list[str], name: str, findings: Findings) -> None:
    for word, after in pairwise(words[1:]):
        if word in {"-c", "-e", "-r", "-E", "--eval", "-ne", "-pe"} or re.fullmatch(
            r"-[A-Za-z]{0,4}[ce]", word
        ):
            low = " ".join(words[words.index(word) + 1 :]).lower()
            if name not in {"sh", "bash", "zsh", "dash", "ksh", "ash"} and any(
                m in low for m in _INLINE
            ):
                findings.add("inline-code", f"{name} {word} {after}")
            network = "socket" in low or "fsockopen" in low or "net.connect" in low
            if network and any(mark in low for mark in _SHELLING):
                findings.add("reverse-shell", f"{name} {word} {after}")
            return


# ── reading, writing ─────────────────────────────────────────────────────────────────────────


def _reads(command: Command, text: str, findings: Findings) -> None:
    targets = [target for operator, target in command.redirects if operator == "<"]
    for trait, shown in judge_path(" ".join([text, *targets])):
        if trait in _CREDENTIALS:
            findings.add("credential-read", f"{text} ({shown})")
            return
    if "find" in text.split()[:2] and re.search(
        r"\*?\.(?:pem|key|p12|pfx|kdbx|env|ppk|wallet)\b", text
    ):
        findings.add("credential-read", text)


def _writes(command: Command, name: str, text: str, findings: Findings) -> None:
    targets = [target for operator, target in command.redirects if operator.startswith(">")]
    if name in {"tee", "cp", "mv", "install", "ln", "copy", "xcopy", "sed", "move"}:
        targets += command.words[1:]
    if not targets:
        return
    joined = " ".join(targets)
    for trait, _shown in judge_path(joined):
        if trait in _PERSISTENT:
            findings.add("persistence", f"{text} > {joined}")
    if name in {"cp", "mv", "tee"} and any(
        t.startswith(("/etc/", "/usr/bin", "/usr/local/bin")) for t in targets[1:]
    ):
        findings.add("system-write", text)
