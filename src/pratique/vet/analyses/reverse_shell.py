"""A shell of this machine handed to somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries, names_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="reverse-shell",
    title="Opens a shell to another machine",
    techniques=("T1059", "T1095", "T1071.001"),
    what="A network connection is tied to a shell, or commands are read from it, run, and "
    "answered.",
    danger="Whoever listens at the other end works on the machine as if sitting at it.",
    benign="Remote administration tools and test frameworks do it with authentication, started "
    "by the user.",
    traits={
        "descriptors": trait(
            "ties the standard streams to a socket", Severity.CRITICAL, Confidence.HIGH
        ),
        "pty": trait(
            "starts a terminal on a network connection", Severity.CRITICAL, Confidence.HIGH
        ),
        "pipes": trait(
            "starts a process whose streams are a socket", Severity.CRITICAL, Confidence.HIGH
        ),
        "run-received": trait(
            "runs commands received over the network", Severity.CRITICAL, Confidence.HIGH
        ),
        "loop": trait(
            "runs received commands and sends their output back", Severity.CRITICAL, Confidence.HIGH
        ),
        "bind": trait(
            "listens on a port and starts processes for whoever connects", Severity.HIGH, Confidence.LOW
        ),
        "shell-beside-socket": trait(
            "starts a shell beside an outgoing connection", Severity.HIGH, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

_SHELLS = frozenset(
    ["/bin/sh", "/bin/bash", "sh", "bash", "zsh", "/bin/zsh", "cmd", "cmd.exe", "powershell",
     "powershell.exe", "pwsh"]
)  # fmt: skip
"""Interpreters that read commands; started without a script they wait for somebody to type."""

_SOCKET_MARKS = ("socket", "fileno", "accept", "connection", "detach")


def run(reading: Reading) -> Iterator[Sign]:
    """Sockets and processes that share streams; commands that come from the network."""
    signs = Signs(rule=RULE.name, reading=reading)
    sockets = reading.calls(roles.CONNECT, roles.LISTEN)
    for call in reading.named("os.dup2", "os.dup"):
        if reading.near(call, sockets) and _of_socket(call):
            yield signs.at(call, "descriptors", shown=call.name)
    for call in reading.named("pty.spawn", "pty.fork", "os.forkpty"):
        if reading.near(call, sockets):
            yield signs.at(call, "pty", shown=call.name)
    for call in reading.calls(roles.RUN):
        yield from _process(reading, signs, call)


def _of_socket(call: Call) -> bool:
    """Whether the descriptor may be a socket's: not a number, a pipe's end, or a standard stream's."""
    names = " ".join(names_of(value) for value in call.arguments[:1])
    return any(mark in names for mark in _SOCKET_MARKS) and "sys." not in names


def _process(reading: Reading, signs: Signs, call: Call) -> Iterator[Sign]:
    streams = [call.keywords[key] for key in ("stdin", "stdout") if key in call.keywords]
    if any("socket" in names_of(v) or "fileno" in names_of(v) for v in streams):
        yield signs.at(call, "pipes", shown=call.name)
    command = next(iter(call.arguments[:1]), None)
    if command is None:
        return
    connects = reading.calls(roles.CONNECT)
    if Label.NETWORK in command.labels:
        answered = any(
            carries(send, Label.OUTPUT) and reading.are_kin(call, send) for send in reading.talks
        )
        yield signs.at(call, "loop" if answered else "run-received", shown=call.name)
    elif _bare_shell(words_of(command)) and reading.near(call, connects):
        yield signs.at(call, "shell-beside-socket", shown=words_of(command))
    if reading.near(call, reading.calls(roles.LISTEN)) and not command.folded:
        yield signs.at(call, "bind", shown=call.name)


def _bare_shell(command: str) -> bool:
    words = command.split()
    return bool(words) and words[0] in _SHELLS and set(words[1:]) <= {"-i", "-l"}


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
