"""Dangerous functions that are called under another name."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, text_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call

RULE = Rule(
    name="hidden-names",
    title="Hides which function it calls",
    techniques=("T1027", "T1027.010"),
    what="A function that runs code, starts processes or uses the network is reached through a "
    "name that was built, looked up or aliased, so that its own name does not stand in "
    "the source.",
    danger="Nobody hides a harmless call. It is done so that a search for the name finds "
    "nothing.",
    benign="Compatibility layers look functions up by name when one may be missing; the name "
    "stands there in plain text.",
    traits={
        "execute": trait("hides a call that executes code", Severity.HIGH, Confidence.HIGH),
        "process": trait("hides a call that starts a process", Severity.HIGH, Confidence.HIGH),
        "network": trait("hides a call that uses the network", Severity.HIGH, Confidence.MEDIUM),
        "import": trait("hides the name of a module that it imports", Severity.MEDIUM, Confidence.MEDIUM),
        "decode": trait("hides a call that decodes data", Severity.HIGH, Confidence.MEDIUM),
        "native": trait("hides a call into native code", Severity.MEDIUM, Confidence.MEDIUM),
        "inline-import": trait(
            "imports a dangerous module in the middle of an expression", Severity.LOW, Confidence.MEDIUM
        ),
        "alias": trait(
            "gives exec, eval or compile another name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "builtins-patched": trait(
            "replaces a builtin function", Severity.MEDIUM, Confidence.LOW
        ),
    },
)  # fmt: skip

_FAMILIES = (
    (roles.EXECUTE, "execute"),
    (roles.COMPILE, "execute"),
    (roles.LOAD, "execute"),
    (roles.RUN, "process"),
    ("network", "network"),
    (roles.IMPORT, "import"),
    ("decode", "decode"),
    ("native", "native"),
)
_BUILTINS = frozenset({"builtins.exec", "builtins.eval", "builtins.compile", "builtins.__import__"})
_INLINE = ("__import__('", '__import__("')
_INLINE_MODULES = (
    "os", "subprocess", "base64", "zlib", "marshal", "urllib", "requests", "socket", "builtins",
    "ctypes", "codecs", "lzma", "bz2", "tempfile", "threading",
)  # fmt: skip


def run(reading: Reading) -> Iterator[Sign]:
    """Hidden calls by what they would do; inline imports; stored and patched builtins."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.file.calls:
        if call.hidden:
            for role, name in _FAMILIES:
                if role in call.roles or any(r.startswith(f"{role}.") for r in call.roles):
                    yield signs.at(call, name, shown=f"it is {call.name}")
                    break
        elif call.name == "builtins.__import__" and call.arguments and _is_inline(reading, call):
            yield signs.at(call, "inline-import", shown=text_of(call.arguments[0]))
        if (
            call.name in ("builtins.setattr", "builtins.delattr")
            and call.arguments
            and _is_builtins(call)
        ):
            yield signs.at(call, "builtins-patched", shown=text_of(call.arguments[1]))
    yield from _aliases(reading, signs)


def _is_inline(reading: Reading, call: Call) -> bool:
    module = text_of(call.arguments[0])
    if module not in _INLINE_MODULES or call.line > len(reading.file.lines):
        return False
    return any(mark in reading.file.lines[call.line - 1] for mark in _INLINE)


def _is_builtins(call: Call) -> bool:
    return len(call.arguments) > 1 and "builtins" in call.arguments[0].names


def _aliases(reading: Reading, signs: Signs) -> Iterator[Sign]:
    stored = {
        name for name, value in reading.file.stored.items() if not _BUILTINS.isdisjoint(value.names)
    }
    if not stored:
        return
    for call in reading.calls(roles.EXECUTE, roles.COMPILE):
        line = reading.file.lines[call.line - 1] if call.line <= len(reading.file.lines) else ""
        word = call.name.rpartition(".")[2]
        if not call.hidden and not call.layer and word not in line:
            yield signs.at(call, "alias", shown=f"it is {call.name}")


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
