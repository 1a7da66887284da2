"""Breaks things: files, disks, machines."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign

RULE = Rule(
    name="destructive",
    title="Destroys files or stops the machine",
    techniques=("T1485", "T1486", "T1561", "T1489", "T1529"),
    what="Deletes whole trees of the user, encrypts files it walks over, wipes disks, stops "
    "many processes or the machine.",
    danger="What is gone is gone; some worms do it when they find nothing to steal.",
    benign="Cleaners, test helpers and backup tools delete below a folder of their own.",
    traits={
        "user-files": trait("deletes the user's home or the whole disk", Severity.CRITICAL, Confidence.HIGH),
        "ransom": trait(
            "walks over files, encrypts them and replaces them", Severity.CRITICAL, Confidence.MEDIUM
        ),
        "stops-processes": trait("stops many processes", Severity.MEDIUM, Confidence.LOW),
        "stops-machine": trait("shuts down or crashes the machine", Severity.HIGH, Confidence.MEDIUM),
        "own-traces": trait("deletes its own file", Severity.HIGH, Confidence.MEDIUM),
    },
)  # fmt: skip

_WHOLE = frozenset([
    "/", "~", "c:\\", "c:/", "/home", "/root", "/etc", "/usr", "/var", "%userprofile%",
    "c:\\windows", "c:\\windows\\system32", "c:/windows/system32",
])  # fmt: skip
_HOME_NAMES = ("pathlib.Path.home()", "os.path.expanduser()")
_HALTS = (
    "ExitWindowsEx",
    "InitiateSystemShutdown",
    "reboot",
    "NtRaiseHardError",
    "NtSetSystemPowerState",
)
_HALT_COMMANDS = ("shutdown /", "shutdown -", "reboot", "poweroff", "init 0", "halt")
_SELF = ("__file__", "sys.argv")
_NAMED_FILES = (
    "os.walk",
    "glob.glob",
    "os.listdir",
    "pathlib.Path().rglob",
    "os.scandir",
    "glob.iglob",
)


def run(reading: Reading) -> Iterator[Sign]:
    """Deletions by place, encryption beside walking, kills and halts."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.calls(roles.DELETE):
        if not call.arguments:
            continue
        place = call.arguments[0]
        if text_of(place).lower().rstrip("/\\*") in {p.rstrip("/\\") for p in _WHOLE} and text_of(
            place
        ):
            yield signs.at(call, "user-files", shown=text_of(place))
        elif place.names and place.names[0] in _HOME_NAMES and not text_of(place):
            yield signs.at(call, "user-files", shown=place.names[0])
        elif reading.mentions(call, _SELF):
            yield signs.at(call, "own-traces", shown=call.name)
    yield from _ransom(reading, signs)
    yield from _stops(reading, signs)


def _ransom(reading: Reading, signs: Signs) -> Iterator[Sign]:
    walks = reading.named(*_NAMED_FILES)
    for call in reading.calls("encrypt"):
        if reading.near(call, walks) and reading.near(call, reading.calls(roles.WRITE)):
            yield signs.at(call, "ransom", shown=call.name)


def _stops(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.file.calls:
        if call.name.endswith(_HALTS) and not call.name.startswith("."):
            yield signs.at(call, "stops-machine", shown=call.name)
    lists = reading.calls("process.list")
    for call in reading.calls(roles.CONTROL):
        if call.name.endswith((".kill", ".terminate")) and reading.near(call, lists):
            yield signs.at(call, "stops-processes", shown=call.name)
    for call in reading.calls(roles.RUN):
        command = words_of(call.arguments[0]) if call.arguments else ""
        if command.lower().startswith(_HALT_COMMANDS):
            yield signs.at(call, "stops-machine", shown=command)
        elif "taskkill" in command.lower():
            yield signs.at(call, "stops-processes", shown=command)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
