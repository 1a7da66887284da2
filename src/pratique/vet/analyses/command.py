"""What commands do that Python starts, and how they are started."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, names_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label, Value

RULE = Rule(
    name="command",
    title="Starts a suspicious command",
    techniques=("T1059.004", "T1059.003", "T1059.001", "T1564.003"),
    what="A command that Python starts downloads and runs, opens a shell to elsewhere, hides, "
    "destroys, reads secrets or the like; or it is started so that nobody sees it.",
    danger="A command line does in one line what a program needs a page for, and no Python rule "
    "sees inside it.",
    benign="Build scripts call curl and compilers; they do not hide their window or decode what "
    "they run.",
    traits={
        "download-run": trait("downloads and runs in a command", Severity.CRITICAL, Confidence.HIGH),
        "download": trait("downloads with a command", Severity.MEDIUM, Confidence.LOW),
        "decode-run": trait("decodes and runs in a command", Severity.CRITICAL, Confidence.HIGH),
        "reverse-shell": trait("opens a shell to another machine", Severity.CRITICAL, Confidence.HIGH),
        "powershell-encoded": trait("starts encoded PowerShell", Severity.CRITICAL, Confidence.HIGH),
        "powershell-hidden": trait(
            "starts PowerShell hidden or past its policy", Severity.HIGH, Confidence.HIGH
        ),
        "persistence": trait("registers itself with a command", Severity.HIGH, Confidence.MEDIUM),
        "destructive": trait("deletes or wipes with a command", Severity.HIGH, Confidence.MEDIUM),
        "miner": trait("starts a miner", Severity.CRITICAL, Confidence.HIGH),
        "exfiltration": trait("sends data away with a command", Severity.HIGH, Confidence.HIGH),
        "hidden-words": trait("hides the words of a command", Severity.HIGH, Confidence.MEDIUM),
        "dns-exfiltration": trait(
            "sends data away in DNS names with a command", Severity.CRITICAL, Confidence.HIGH
        ),
        "environment-dump": trait("prints the environment with a command", Severity.MEDIUM, Confidence.LOW),
        "credential-read": trait("reads credentials with a command", Severity.HIGH, Confidence.MEDIUM),
        "evasion": trait("switches off defences with a command", Severity.HIGH, Confidence.MEDIUM),
        "memory-code": trait("runs code from memory with a command", Severity.CRITICAL, Confidence.HIGH),
        "raw-connection": trait("opens a raw connection with a command", Severity.HIGH, Confidence.MEDIUM),
        "install-from-elsewhere": trait(
            "installs packages from another index or address", Severity.HIGH, Confidence.MEDIUM
        ),
        "system-write": trait("writes to system files with a command", Severity.MEDIUM, Confidence.MEDIUM),
        "living-off-land": trait(
            "runs code through a program of the system", Severity.HIGH, Confidence.MEDIUM
        ),
        "upload": trait("uploads files with a command", Severity.MEDIUM, Confidence.LOW),
        "tunnel": trait("opens a tunnel with a command", Severity.HIGH, Confidence.MEDIUM),
        "listens": trait("listens on a port with a command", Severity.HIGH, Confidence.MEDIUM),
        "encrypts": trait("encrypts files with a command", Severity.MEDIUM, Confidence.LOW),
        "privilege": trait("asks for more rights with a command", Severity.MEDIUM, Confidence.LOW),
        "account": trait("changes accounts of the system", Severity.HIGH, Confidence.MEDIUM),
        "container-escape": trait("leaves its container", Severity.CRITICAL, Confidence.MEDIUM),
        "surveillance": trait("watches with a command", Severity.HIGH, Confidence.MEDIUM),
        "makes-executable": trait("makes a file executable", Severity.LOW, Confidence.LOW),
        "text-only": trait("holds a suspicious command as text", Severity.MEDIUM, Confidence.LOW),
        "decoded": trait("starts a command that was decoded first", Severity.HIGH, Confidence.HIGH),
        "hidden-window": trait("starts a process without a window", Severity.MEDIUM, Confidence.MEDIUM),
        "detached": trait("starts a process that outlives it, unheard", Severity.MEDIUM, Confidence.MEDIUM),
        "silent": trait(
            "starts a process, drops what it says and swallows errors", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "program-file": trait("starts a program file by name", Severity.MEDIUM, Confidence.LOW),
        "host-facts": trait("asks for host facts with a command", Severity.LOW, Confidence.LOW),
    },
)  # fmt: skip

_WINDOW = ("CREATE_NO_WINDOW", "SW_HIDE", "DETACHED_PROCESS", "STARTF_USESHOWWINDOW")
_HOST_FACTS = frozenset(
    ["whoami", "hostname", "id", "ifconfig", "ipconfig", "uname", "systeminfo", "netstat", "arp", "wmic",
     "tasklist", "getmac", "ip", "quser", "net", "ps", "hostnamectl", "sw_vers", "system_profiler"]
)  # fmt: skip
_NO_WINDOW = 0x08000000
_DETACHED = 0x00000008
_DEVNULL = -3
"""What `subprocess.DEVNULL` is, as some write it."""
_PROGRAMS = (".exe", ".bat", ".cmd", ".ps1", ".vbs", ".scr", ".msi", ".hta", ".jar")
_SYSTEM = (
    "cmd.exe", "powershell.exe", "reg.exe", "taskkill.exe", "explorer.exe", "where.exe", "git.exe",
    "python.exe", "wmic.exe", "msbuild.exe", "cl.exe", "link.exe", "rc.exe", "mt.exe", "vswhere.exe",
    "tasklist.exe", "icacls.exe", "node.exe", "ffmpeg.exe", "conda.exe", "pip.exe", "java.exe",
    "conda.bat", "vcvarsall.bat", "npm.cmd", "rustc.exe", "cmake.exe", "ninja.exe", "activate.bat",
)  # fmt: skip


def run(reading: Reading) -> Iterator[Sign]:
    """What the command says, then how it is started, then commands that only stand as text."""
    signs = Signs(rule=RULE.name, reading=reading)
    started: set[tuple[int, str]] = set()
    for found in reading.commands:
        if found.trait in _ELSEWHERE or found.trait not in RULE.traits:
            continue
        started.add((found.place.line, found.trait))
        yield signs.at(found.place, found.trait, shown=f"{found.trait}: {found.shown}")
    for call in reading.calls(roles.RUN):
        yield from _manner(signs, call)
    for found in reading.command_texts:
        if found.trait in _LOUD and (found.place.line, found.trait) not in started:
            yield signs.at(found.place, "text-only", shown=f"{found.trait}: {found.shown}")


def _manner(signs: Signs, call: Call) -> Iterator[Sign]:
    command = call.arguments[0] if call.arguments else None
    if command is not None:
        words = words_of(command)
        if (
            Label.DECODED in command.labels or command.layer
        ) and Label.NETWORK not in command.labels:
            yield signs.at(call, "decoded", shown=words or call.name)
        first = words.split(" ", 1)[0].strip("\"'").replace("\\", "/").rpartition("/")[2].lower()
        if first.removesuffix(".exe") in _HOST_FACTS:
            yield signs.at(call, "host-facts", shown=words)
        if first.endswith(_PROGRAMS) and first not in _SYSTEM:
            yield signs.at(call, "program-file", shown=words)
    if _hides_window(call):
        yield signs.at(call, "hidden-window", shown=_shown(call))
    quiet_streams = _devnull(call.keywords.get("stdout")) and _devnull(call.keywords.get("stderr"))
    session = call.keywords.get("start_new_session") or call.keywords.get("preexec_fn")
    if (
        session is not None
        and (session.constant is True or "os.setsid" in names_of(session))
        and quiet_streams
    ):
        yield signs.at(call, "detached", shown=_shown(call))
    if quiet_streams and call.quiet:
        yield signs.at(call, "silent", shown=_shown(call))


def _hides_window(call: Call) -> bool:
    for key in ("creationflags", "startupinfo"):
        value = call.keywords.get(key)
        if value is None:
            continue
        if isinstance(value.constant, int) and value.constant & (_NO_WINDOW | _DETACHED):
            return True
        if any(mark in names_of(value) for mark in _WINDOW):
            return True
    return False


def _devnull(value: Value | None) -> bool:
    return value is not None and ("DEVNULL" in names_of(value) or value.constant == _DEVNULL)


def _shown(call: Call) -> str:
    return next((text for value in call.arguments if (text := words_of(value))), call.name)


_ELSEWHERE = frozenset(
    {
        "install-package",
        "inline-code",
        "unchecked-download",
        "kill-process",
        "publish",
        "recon",
        "agent-cli",
    }
)
"""Judged by other rules (self-install, unusual-code), or too common to say anything."""
_LOUD = frozenset(
    ["download-run", "decode-run", "reverse-shell", "powershell-encoded", "powershell-hidden", "miner",
     "destructive", "exfiltration"]
)  # fmt: skip
"""Traits of commands that say something even where no call is seen to start them."""

ANALYSIS = PythonAnalysis(rule=RULE, run=run)
