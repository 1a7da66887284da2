"""Code that stands where data should: in strings that are written, run, or handed to an interpreter."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.files import written_files
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import HOLE, Reading, carries, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="unusual-code",
    title="Holds a program inside a string",
    techniques=("T1027.009", "T1059"),
    what="A string constant is itself Python, shell or PowerShell with network, process or "
    "decoding calls, and it is written to a file, executed, or given to an interpreter.",
    danger="A program inside a string passes by everything that reads code, and lives on in a "
    "file or process of its own.",
    benign="Code generators, templates and test suites hold programs in strings; those rarely "
    "talk to the network.",
    traits={
        "python-run": trait(
            "executes a constant program that reaches outside", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "python-started": trait(
            "gives Python code to a new interpreter", Severity.HIGH, Confidence.MEDIUM
        ),
        "python-written": trait(
            "writes a Python program that reaches outside to a file", Severity.HIGH, Confidence.MEDIUM
        ),
        "script-written": trait(
            "writes a shell, batch or PowerShell script to a file", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "odd-module": trait(
            "imports a module from a file that is named like no module", Severity.HIGH, Confidence.HIGH
        ),
        "inner-sinks": trait(
            "holds a program in a string that reaches outside", Severity.LOW, Confidence.LOW
        ),
    },
)  # fmt: skip

_LOADERS = frozenset(
    ["SourceFileLoader", "SourcelessFileLoader", "spec_from_file_location", "load_source", "load_compiled",
     "zipimporter", "run_path"]
)  # fmt: skip
_MODULES = frozenset(
    {"py", "pyc", "pyw", "pyd", "so", "zip", "whl", "egg", "pyx", "dll", "dylib", "pyz"}
)
MAX_ENDING = 6
MIN_PROGRAM = 40
_PYTHON = ("import ", "exec(", "__import__", "lambda ")
_OUTSIDE = (
    "subprocess", "os.system", "urlopen", "requests.", "socket.", "b64decode", "exec(", "eval(", "Popen(",
    "urlretrieve", "http://", "https://", "marshal",
)  # fmt: skip
_SCRIPTS = (
    "#!/bin/",
    "@echo off",
    "powershell",
    "Invoke-WebRequest",
    "CreateObject(",
    "WScript.",
    "#!/usr/bin/env",
)
_INTERPRETERS = ("python", "sys.executable", "pythonw", "python3")


def run(reading: Reading) -> Iterator[Sign]:
    """Programs that flow into execution, processes and files."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.calls(roles.EXECUTE):
        source = text_of(call.arguments[0]) if call.arguments else ""
        if not call.layer and _is_python(source):
            yield signs.at(call, "python-run", shown=source)
    for call in reading.calls(roles.RUN):
        words = " ".join(words_of(value) for value in call.arguments[:2])
        if _starts_python(call, words) and any(mark in words for mark in _PYTHON):
            yield signs.at(call, "python-started", shown=words)
    yield from _written(reading, signs)
    for text in reading.texts:
        if _is_program(text.text[:4000]):
            yield signs.at(text, "inner-sinks", shown=text.text)


def _written(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Programs written to files, and files loaded as programs."""
    for written in written_files(reading):
        if _is_python(written.text):
            yield signs.at(written.call, "python-written", shown=written.text)
        elif any(mark in written.text for mark in _SCRIPTS):
            yield signs.at(written.call, "script-written", shown=written.text)
    for call in reading.file.calls:
        if call.name.rpartition(".")[2] in _LOADERS and (name := _odd_file(call)):
            yield signs.at(call, "odd-module", shown=name)


def _odd_file(call: Call) -> str:
    """The file a loader is given, when its ending is none that Python imports."""
    for value in call.values:
        last = text_of(value).replace("\\", "/").rpartition("/")[2]
        ending = last.rpartition(".")[2].lower()
        if (
            "." in last
            and ending.isalnum()
            and len(ending) <= MAX_ENDING
            and ending not in _MODULES
        ):
            return last
    return ""


def _starts_python(call: Call, words: str) -> bool:
    own = words.startswith(HOLE) and carries(call, Label.HOST)  # sys.executable
    return " -c " in words and (own or any(name in words for name in _INTERPRETERS))


def _is_program(text: str) -> bool:
    """Whether a text of several lines imports at the start of a line, as no prose does."""
    lines = text.split("\n")
    imports = any(line.startswith(("import ", "from ")) and "." not in line[-1:] for line in lines)
    return len(lines) > 1 and imports and _is_python(text)


def _is_python(text: str) -> bool:
    """Whether a text reads as a program that reaches outside."""
    return (
        len(text) >= MIN_PROGRAM
        and any(mark in text for mark in _PYTHON)
        and any(mark in text for mark in _OUTSIDE)
    )


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
