"""What makes a program come back after the process has ended."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.files import written_files
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.content.judges import judge_path
from pratique.vet.model import Confidence, Severity, Sign

RULE = Rule(
    name="persistence",
    title="Arranges to be started again",
    techniques=("T1547.001", "T1053", "T1543", "T1546.004", "T1098.004", "T1546.018"),
    what="Writes to a place from which the system, the shell, Python, git or an editor starts "
    "programs, registers a service or task, or copies itself.",
    danger="Uninstalling the package no longer helps: what it left behind runs at the next "
    "login.",
    benign="Installers of services and shell completions do it on the user's request.",
    traits={
        "autostart": trait(
            "writes to a place that starts programs", Severity.HIGH, Confidence.HIGH
        ),
        "names-autostart": trait(
            "names a place that starts programs", Severity.LOW, Confidence.LOW
        ),
        "registry-run": trait(
            "adds itself to the registry's Run keys", Severity.CRITICAL, Confidence.HIGH
        ),
        "registry": trait("writes to the registry", Severity.LOW, Confidence.MEDIUM),
        "shell-startup": trait(
            "writes to the start file of a shell", Severity.HIGH, Confidence.MEDIUM
        ),
        "ssh-access": trait(
            "writes to who may log in over SSH", Severity.CRITICAL, Confidence.MEDIUM
        ),
        "python-startup": trait(
            "writes code that every Python start runs", Severity.CRITICAL, Confidence.HIGH
        ),
        "developer-hook": trait(
            "writes hooks or settings of git, an editor or an assistant", Severity.HIGH, Confidence.MEDIUM
        ),
        "schedule": trait(
            "registers a scheduled task, service or shortcut", Severity.HIGH, Confidence.MEDIUM
        ),
        "command": trait(
            "starts a command that registers a task or service", Severity.HIGH, Confidence.MEDIUM
        ),
        "copies-itself": trait("copies its own file elsewhere", Severity.HIGH, Confidence.MEDIUM),
        "browser-extension": trait(
            "makes a browser load an extension", Severity.CRITICAL, Confidence.HIGH
        ),
        "hides-file": trait("hides a file", Severity.HIGH, Confidence.MEDIUM),
    },
)  # fmt: skip

_PLACES = {
    "autostart": "autostart",
    "shell-startup": "shell-startup",
    "ssh-access": "ssh-access",
    "python-startup": "python-startup",
    "pth-name": "python-startup",
    "developer-hook": "developer-hook",
}
_RUN_KEYS = ("currentversion\\run", "currentversion/run", "winlogon", "userinit")
_COMMANDS = (
    "crontab", "schtasks", "systemctl enable", "systemctl --user enable", "launchctl load", "reg add",
    "launchctl bootstrap", "sc create", "update-rc.d", "New-ScheduledTask", "Register-ScheduledTask",
    "New-Service", "loginctl enable-linger", "@reboot", "nssm install",
)  # fmt: skip
_SELF = ("__file__", "sys.argv", "sys.executable")
_COPIES = ("shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.move")
MAX_TEXT = 4_000
"""Characters of a text that are searched."""


def run(reading: Reading) -> Iterator[Sign]:
    """Written files by place; registry, tasks, commands; copies of itself."""
    signs = Signs(rule=RULE.name, reading=reading)
    for written in written_files(reading):
        for kind, shown in judge_path(written.path):
            if kind in _PLACES:
                yield signs.at(written.call, _PLACES[kind], shown=shown)
    for found in reading.paths:
        if found.trait == "autostart":
            yield signs.at(found.place, "names-autostart", shown=found.shown)
    yield from _registry(reading, signs)
    yield from _commands(reading, signs)
    yield from _copies(reading, signs)


def _commands(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for text in reading.texts:
        if "--load-extension" in text.text[:MAX_TEXT]:
            yield signs.at(text, "browser-extension", shown=text.text)
    for call in reading.calls("persistence.schedule"):
        yield signs.at(call, "schedule", shown=call.name)
    for call in reading.calls(roles.RUN):
        command = " ".join(words_of(value) for value in call.arguments[:2])
        if any(part in command for part in _COMMANDS):
            yield signs.at(call, "command", shown=command)
        if "attrib +h" in command or "attrib +s" in command or "chflags hidden" in command:
            yield signs.at(call, "hides-file", shown=command)


def _registry(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.calls("persistence.registry"):
        yield signs.at(call, "registry", shown=call.name)
        if any(key in reading.low_text for key in _RUN_KEYS):
            yield signs.at(call, "registry-run", shown=call.name)


def _copies(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.named(*_COPIES):
        if reading.mentions(call, _SELF):
            yield signs.at(call, "copies-itself", shown=call.name)
    for call in reading.calls(roles.MODE):
        if "SetFileAttributes" in call.name:
            yield signs.at(call, "hides-file", shown=call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
