"""Rule `shell-command`: what the commands in scripts do.

What counts is in `judge_commands`; here are the words for people. Source: docs/rules/shell-command.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.judge_commands import judge_command
from pratique.vet.content.shell_words import MAX_TEXT
from pratique.vet.content.texts import bounded_text, sign_near
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME = "shell-command"
MAX_PARTS = 16
"""Parts of a script that are judged, 64 KiB each; longer scripts are generated (`configure`)."""
MAX_NOTEBOOK_COMMANDS = 200
"""`!` lines of a notebook."""

_LOW, _MEDIUM, _HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH

RULE = Rule(
    name=NAME,
    title="Command that attackers use",
    techniques=("T1059.004", "T1059.001", "T1105"),
    what="Runs a shell, PowerShell or Windows command line whose parts fetch, decode, hide, persist,"
    " read credentials, send data away or destroy.",
    danger="A command needs no code in the package: one line fetches and runs whatever its author"
    " serves at that minute.",
    benign="Installers fetch tools, test scripts print the system, build scripts set permissions.",
    traits={
        "download-run": trait("fetches something and runs it", Severity.CRITICAL, _HIGH),
        "decode-run": trait("decodes text and runs it", Severity.CRITICAL, _HIGH),
        "reverse-shell": trait("gives a remote machine a shell", Severity.CRITICAL, _HIGH),
        "powershell-encoded": trait("runs PowerShell from encoded text", Severity.HIGH, _HIGH),
        "powershell-hidden": trait(
            "runs PowerShell unseen or past its execution policy", Severity.HIGH, _MEDIUM
        ),
        "living-off-land": trait(
            "uses a system tool that runs or fetches code for others", Severity.HIGH, _MEDIUM
        ),
        "memory-code": trait("loads code straight into memory", Severity.CRITICAL, _HIGH),
        "inline-code": trait(
            "hands an interpreter a program that decodes, executes or connects",
            Severity.HIGH,
            _MEDIUM,
        ),
        "persistence": trait("arranges to be started again", Severity.HIGH, _MEDIUM),
        "credential-read": trait("reads credentials", Severity.HIGH, _MEDIUM),
        "environment-dump": trait("prints the whole environment", Severity.HIGH, _LOW),
        "exfiltration": trait("sends files or output away", Severity.CRITICAL, _MEDIUM),
        "dns-exfiltration": trait("puts data into a DNS name", Severity.CRITICAL, _HIGH),
        "upload": trait("sends data to a server", Severity.MEDIUM, _LOW),
        "download": trait("fetches something", Severity.LOW, _LOW),
        "unchecked-download": trait(
            "fetches without checking the server's certificate", Severity.MEDIUM, _MEDIUM
        ),
        "raw-connection": trait("opens a bare network connection", Severity.MEDIUM, _MEDIUM),
        "listens": trait("listens for connections", Severity.MEDIUM, _MEDIUM),
        "tunnel": trait("opens a tunnel through the firewall", Severity.HIGH, _MEDIUM),
        "evasion": trait("hides traces or switches protection off", Severity.HIGH, _MEDIUM),
        "hidden-words": trait(
            "spells commands so that they do not read as such", Severity.HIGH, _MEDIUM
        ),
        "recon": trait("asks who and where the machine is", Severity.LOW, _LOW),
        "miner": trait("mines crypto currency", Severity.CRITICAL, _HIGH),
        "destructive": trait("destroys files or backups", Severity.CRITICAL, _MEDIUM),
        "encrypts": trait("encrypts files or keys on the command line", Severity.MEDIUM, _LOW),
        "kill-process": trait("ends other programs", Severity.MEDIUM, _LOW),
        "install-package": trait("installs other packages", Severity.MEDIUM, _LOW),
        "install-from-elsewhere": trait(
            "installs from another index or address", Severity.HIGH, _MEDIUM
        ),
        "makes-executable": trait("makes a file executable", Severity.LOW, _LOW),
        "system-write": trait("writes into the system's folders", Severity.MEDIUM, _LOW),
        "privilege": trait("gains or leaves behind more rights", Severity.HIGH, _MEDIUM),
        "account": trait("changes accounts or passwords", Severity.HIGH, _MEDIUM),
        "container-escape": trait(
            "starts a container that owns the host, or reaches into one", Severity.HIGH, _MEDIUM
        ),
        "surveillance": trait("takes screenshots, sound or the clipboard", Severity.HIGH, _MEDIUM),
        "agent-cli": trait("drives an AI tool that asks nobody", Severity.HIGH, _MEDIUM),
        "publish": trait("publishes or pushes to repositories", Severity.MEDIUM, _MEDIUM),
    },
)

_NOTEBOOK_COMMAND = re.compile(
    r"\"\s{0,40}(?:!|%%bash|%sx |%system |%pip )(?P<text>[^\n]{2,2000}?)(?:\\n)?\",?\s*(?:\n|$)"
)


def find_commands(data: bytes, language: Language) -> Iterator[Sign]:
    """Judge a script part by part; a trait is told once, at its first place."""
    text = bounded_text(data, language)
    seen: set[str] = set()
    parts = _notebook_parts(text) if language is Language.NOTEBOOK else _parts(text)
    for part in parts:
        for kind, shown in judge_command(part, windows=language is Language.POWERSHELL):
            if kind not in seen:
                seen.add(kind)
                yield sign_near(NAME, kind, text, shown)


def _parts(text: str) -> Iterator[str]:
    position = 0
    for _ in range(MAX_PARTS):
        if position >= len(text):
            return
        end = position + MAX_TEXT
        if end < len(text):
            end = text.rfind("\n", position, end) + 1 or end
        yield text[position:end]
        position = end


def _notebook_parts(text: str) -> Iterator[str]:
    for count, match in enumerate(_NOTEBOOK_COMMAND.finditer(text)):
        if count >= MAX_NOTEBOOK_COMMANDS:
            return
        yield match["text"].replace('\\"', '"').replace("\\\\", "\\")


ANALYSIS = ContentAnalysis(
    rule=RULE,
    languages=frozenset({Language.SHELL, Language.POWERSHELL, Language.NOTEBOOK}),
    run=find_commands,
)
