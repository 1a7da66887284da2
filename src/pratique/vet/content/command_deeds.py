"""Checks of single commands, each for the commands it is named for in `command_table`."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from pratique.vet.content.command_words import MAX_FETCHED, Findings
from pratique.vet.content.shell_words import HOLE

Check = Callable[[list[str], str, Findings], None]


def always(trait: str) -> Check:
    """Whatever its arguments."""

    def check(_words: list[str], text: str, findings: Findings) -> None:
        findings.add(trait, text)

    return check


def given(trait: str) -> Check:
    """Only with arguments: alone it is a word."""

    def check(words: list[str], text: str, findings: Findings) -> None:
        if len(words) > 1:
            findings.add(trait, text)

    return check


def when(*rules: tuple[str, tuple[str, ...]]) -> Check:
    """For each trait the texts (regular expressions on the lower-case command) that tell it."""
    compiled = [(trait, [re.compile(p) for p in patterns]) for trait, patterns in rules]

    def check(_words: list[str], text: str, findings: Findings) -> None:
        low = text[:1000].lower()  # options stand in front; bounds the patterns
        for trait, patterns in compiled:
            if any(pattern.search(low) for pattern in patterns):
                findings.add(trait, text)

    return check


def check_netcat(words: list[str], text: str, findings: Findings) -> None:
    """A listener, a connection, or a shell for whoever connects."""
    if len(words) == 1:
        return
    flags = [word for word in words[1:] if word.startswith("-")]
    if any(re.fullmatch(r"-[a-z]*[ec][a-z]*|--(?:sh-)?exec.*", flag) for flag in flags):
        findings.add("reverse-shell", text)
    elif any("-l" in flag and not flag.startswith("--") for flag in flags):
        findings.add("listens", text)
    else:
        findings.add("raw-connection", text)


def check_shell(words: list[str], text: str, findings: Findings) -> None:
    """An interactive shell whose input and output lead elsewhere."""
    if "-i" in words and (">&" in text or "/dev/" in text):
        findings.add("reverse-shell", text)


def check_remove(words: list[str], text: str, findings: Findings) -> None:
    """What is removed with all below it."""
    flags = "".join(word for word in words[1:] if word.startswith("-"))
    targets = [word for word in words[1:] if not word.startswith("-")]
    wide = {"/", "/*", "~", "~/", "~/*", "$HOME", "/home", "/home/*", "/etc", "/usr", "/var",
    "/boot", "C:\\", "c:\\", "/root"}  # fmt: skip
    if "no-preserve-root" in flags or (re.search(r"[rRf]", flags) and wide & set(targets)):
        findings.add("destructive", text)
    if any("/var/log" in target or "_history" in target for target in targets):
        findings.add("evasion", text)


def check_install(words: list[str], text: str, findings: Findings) -> None:
    """Packages by name, and from where."""
    low = text.lower()
    if not re.search(r"\b(?:install|add|i|download)\b", low[:200]):
        return
    elsewhere = ("-i ", "--index-url", "--extra-index-url", "--find-links", "--trusted-host",
    "git+", "://", "--registry",
                 "--index", "--source")  # fmt: skip
    if any(mark in f"{low} " for mark in elsewhere):
        findings.add("install-from-elsewhere", text)
    wanted = [w for w in words[1:] if not w.startswith("-")]
    names = wanted[wanted.index("install") + 1 :] if "install" in wanted else wanted[1:]
    local = {"-r", "-e", "--requirement", "--editable", "-c"} & set(words)
    if (
        any(not name.startswith((".", "/")) and "requirements" not in name for name in names)
        and not local
    ):
        findings.add("install-package", text)


def check_python(words: list[str], text: str, findings: Findings) -> None:
    """`python -m pip`, `python -m http.server`."""
    if words[1:3] in (["-m", "pip"], ["-m", "uv"], ["-m", "pipx"]):
        check_install(words[2:], text, findings)
    elif words[1:3] in (["-m", "http.server"], ["-m", "SimpleHTTPServer"]):
        findings.add("listens", text)


def check_uv(words: list[str], text: str, findings: Findings) -> None:
    """`uv pip install`, `uv tool install`."""
    if words[1:2] in (["pip"], ["add"], ["tool"]):
        check_install(words, text, findings)


def check_environment(words: list[str], text: str, findings: Findings) -> None:
    """`env` without a command prints everything."""
    if len(words) == 1 or words[1:] in (["-p"], ["-0"]):
        findings.add("environment-dump", text)


def check_cron(words: list[str], text: str, findings: Findings) -> None:
    """Anything but a listing changes the table."""
    if "-l" not in words and "-h" not in words:
        findings.add("persistence", text)


_OUTPUTS: Final = frozenset(
    {"-o", "--output", "-O", "--output-document", "-out", "-OutFile", "-outfile", "-d"}
)


def check_fetch(words: list[str], text: str, findings: Findings) -> None:
    """What is fetched, under which names it is kept, and what is sent along."""
    low = text.lower()
    names = _fetched_names(words)
    if "://" in text or HOLE in text or "." in text:
        findings.add("download", text)
        findings.fetched |= set(list(names)[:MAX_FETCHED])
    uploads = any(
        word in {"-F", "--form", "-T", "--upload-file"}
        or word.startswith(("--post-file", "--body-file", "-F", "--upload-file="))
        for word in words
    )
    data = [
        after
        for word, after in pairwise(words)
        if word in {"-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "-F",
        "--form", "-T",
                    "--post-data", "--json"}
    ]  # fmt: skip
    data += [
        w.partition("=")[2] for w in words if w.startswith(("--data", "--post-data=", "--form="))
    ]
    if words[0].lower().endswith(("curl", "curl.exe")) and any(
        w.startswith(("-d@", "-T")) for w in words
    ):
        findings.add("exfiltration", text)
    if any("@" in value and not value.startswith("{") for value in data) or (
        uploads and "@" in text
    ):
        findings.add("exfiltration", text)
    elif data or uploads or "-x post" in low or "--post" in low:
        findings.add("upload", text)
    if "| " not in text and ("--insecure" in low or " -k " in f" {low} ") and "://" in text:
        findings.add("unchecked-download", text)


def _fetched_names(words: list[str]) -> set[str]:
    names = set()
    for word, after in pairwise(words):
        if word in _OUTPUTS or re.fullmatch(r"-[a-zA-Z]{0,6}[oO]", word):
            names.add(base_of(after))
    for word in words[1:]:
        if word.startswith("--output="):
            names.add(base_of(word.partition("=")[2]))
        elif "://" in word:
            names.add(base_of(word.partition("?")[0]))
        elif word.startswith("-o") and len(word) > 2:  # noqa: PLR2004 - `-oNAME`
            names.add(base_of(word[2:]))
    return {name for name in names if name not in {"", "-", HOLE}}


def base_of(path: str) -> str:
    """The last part of a path or an address."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2].strip("\"'")
