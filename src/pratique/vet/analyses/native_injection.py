"""Machine code made out of data, in this process or another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="native-injection",
    title="Runs machine code from memory or from a dropped library",
    techniques=("T1055", "T1620", "T1574.006"),
    what="Memory is made executable and filled with bytes, a library is loaded that was just "
    "written, or another process is made to load one.",
    danger="Machine code does anything, and what is only in memory leaves nothing for a scanner "
    "to find.",
    benign="Just-in-time compilers and debuggers allocate executable memory; they compile, they "
    "do not decode bytes.",
    traits={
        "executable-memory": trait(
            "allocates executable memory", Severity.HIGH, Confidence.MEDIUM
        ),
        "shellcode": trait(
            "copies bytes into memory and starts a thread there", Severity.CRITICAL, Confidence.HIGH
        ),
        "few-bytes": trait(
            "runs a few bytes of machine code that it spells out", Severity.MEDIUM, Confidence.LOW
        ),
        "other-process": trait(
            "writes into another process", Severity.CRITICAL, Confidence.MEDIUM
        ),
        "load-decoded": trait(
            "loads a library from decoded or downloaded bytes", Severity.CRITICAL, Confidence.HIGH
        ),
        "preload": trait(
            "makes other programs load a library", Severity.HIGH, Confidence.MEDIUM
        ),
        "memory-file": trait(
            "runs a program from a file that exists only in memory", Severity.CRITICAL, Confidence.HIGH
        ),
        "memory-only": trait(
            "makes a file that exists only in memory", Severity.MEDIUM, Confidence.LOW
        ),
    },
)  # fmt: skip

_ALLOCATE = (
    "VirtualAlloc",
    "VirtualAllocEx",
    "VirtualProtect",
    "NtAllocateVirtualMemory",
    "mprotect",
)
_COPY = ("RtlMoveMemory", "memmove", "RtlCopyMemory", "from_buffer", "memcpy")
_START = ("CreateThread", "EnumSystemLocales", "QueueUserAPC", "EnumWindows", "CFUNCTYPE", "cast")
_FOREIGN = (
    "WriteProcessMemory", "CreateRemoteThread", "NtCreateThreadEx", "SetThreadContext",
    "NtUnmapViewOfSection", "OpenProcess", "process_vm_writev", "ptrace",
)  # fmt: skip
_PRELOAD = ("LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "AppInit_DLLs")
FEW_BYTES = 128
"""All machine code of a file together; what fetches a second stage needs about 200."""
LONG_WORD = 40
"""Characters of a word or a name; encoded bytes have no blanks."""
FEW_NUMBERS = 200
"""Of anything in the file that could be a byte, wherever it stands: polars has 146."""
_BYTES = re.compile(r"\\x[0-9a-fA-F]{2}|\b(?:0x[0-9a-fA-F]{1,2}|\d{1,3}|[0-9a-fA-F]{2})\b")
BYTE_VALUES = 256
MIN_FOREIGN = 2
"""Different calls into other processes; a single `OpenProcess` asks whether one still runs."""


def run(reading: Reading) -> Iterator[Sign]:
    """Calls through ctypes by their last name, and texts that name preload variables."""
    signs = Signs(rule=RULE.name, reading=reading)
    allocations = _ending(reading, _ALLOCATE)
    copies = _ending(reading, _COPY)
    for call in allocations:
        yield signs.at(call, "executable-memory", shown=call.name)
        if copies and _ending(reading, _START):
            kind = "few-bytes" if _spells_out(reading, copies) else "shellcode"
            yield signs.at(call, kind, shown=f"{call.name}, then {copies[0].name}")
    foreign = _ending(reading, _FOREIGN)
    if len({call.name.rpartition(".")[2] for call in foreign}) >= MIN_FOREIGN:
        yield signs.at(foreign[0], "other-process", shown=foreign[0].name)
    for call in reading.calls(roles.NATIVE_LOAD):
        if carries(call, Label.DECODED, Label.NETWORK):
            yield signs.at(call, "load-decoded", shown=call.name)
    for call in _ending(reading, ("memfd_create",)):
        # What is drawn or shared is kept in such files too; a program is started from one.
        runs = reading.calls(roles.RUN, roles.NATIVE_LOAD, roles.EXECUTE)
        kind = "memory-file" if runs or _names_descriptors(reading) else "memory-only"
        yield signs.at(call, kind, shown=call.name)
    for text in reading.file.texts:
        if not text.docstring and text.text.startswith(_PRELOAD):
            yield signs.at(text, "preload", shown=text.text)


def _spells_out(reading: Reading, copies: list[Call]) -> bool:
    """Whether all machine code there is, is a few numbers in plain sight.

    Those who ask a processor what it can have so few. Too few to reach the network; and nothing decoded,
    fetched or long stands beside them that could be more.
    """
    numbers = [
        value.constant
        for value in reading.file.stored.values()
        if isinstance(value.constant, tuple)
        and value.constant
        and all(isinstance(one, int) and 0 <= one < BYTE_VALUES for one in value.constant)
    ]
    return (
        bool(numbers)
        and sum(map(len, numbers)) <= FEW_BYTES
        and len(_BYTES.findall(reading.file.source)) <= FEW_NUMBERS
        and not any(carries(call, Label.DECODED, Label.NETWORK) for call in copies)
        and all(
            text.docstring or _is_prose(text.text) or tuple(map(ord, text.text)) in numbers
            for text in reading.file.texts
        )
    )


def _names_descriptors(reading: Reading) -> bool:
    return any("/proc/" in text.text or "/dev/fd" in text.text for text in reading.file.texts)


def _is_prose(text: str) -> bool:
    """Whether a text is words: neither raw bytes nor a run of encoded ones, not even in pieces."""
    return text.isascii() and all(len(word) <= LONG_WORD for word in text.split())


def _ending(reading: Reading, names: tuple[str, ...]) -> list[Call]:
    if not reading.modules & {"ctypes", "cffi", "win32api", "win32process", "os"}:
        return []
    return [call for call in reading.file.calls if call.name.rpartition(".")[2] in names]


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
