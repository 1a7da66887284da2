"""Rule `pickle-code`: what loading a pickle would call. Read as opcodes; nothing is unpickled.

Source: docs/rules/pickle-code.md; `pickletools`.
"""

from __future__ import annotations

import pickletools
import zlib
from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.forms import form_of
from pratique.vet.model import Confidence, Language, Severity, Sign
from pratique.vet.safe_text import printable

NAME: Final = "pickle-code"
MAX_OPCODES: Final = 1_000_000
"""Opcodes read of one pickle, about two seconds' worth; payloads stand in front, where they run first."""
MAX_BYTES: Final = 32 << 20
"""Bytes of one pickle inside a zip that are unpacked."""
MAX_MEMBERS: Final = 64
"""Members of a model's zip that are looked at; pickles are the first few."""
MAX_TOLD: Final = 20

RULE = Rule(
    name=NAME,
    title="Pickle that runs code",
    techniques=("T1204.002", "T1059.006"),
    what="Loading the pickle (or the model that holds one) imports and calls what is named in it.",
    danger="`torch.load` or `pickle.load` on such a file is the same as running it.",
    benign="Pickles of a project's own classes call their constructors; that alone is not reported.",
    traits={
        "runs-code": trait(
            "runs commands or code when it is loaded", Severity.CRITICAL, Confidence.HIGH
        ),
        "reaches-out": trait(
            "opens connections or files when it is loaded", Severity.HIGH, Confidence.MEDIUM
        ),
        "imports": trait(
            "imports modules that have no place in data", Severity.HIGH, Confidence.MEDIUM
        ),
        "hides-names": trait(
            "puts the name of what it calls together", Severity.HIGH, Confidence.MEDIUM
        ),
        "broken": trait(
            "ends or breaks in a way that hides what follows", Severity.LOW, Confidence.LOW
        ),
    },
)

_RUNS: Final = frozenset({
    "os", "posix", "nt", "subprocess", "pty", "runpy", "code", "codeop", "commands", "popen2",
    "importlib", "pip", "ctypes",
    "sys", "timeit", "cProfile", "profile", "pdb", "bdb", "trace", "multiprocessing",
    "asyncio.subprocess", "marshal", "types",
    "platform", "webbrowser", "shutil", "_posixsubprocess", "imp", "pydoc", "doctest",
    "torch.utils.cpp_extension",
})  # fmt: skip
_BUILTINS: Final = frozenset({"exec", "eval", "compile", "__import__", "open", "getattr", "setattr",
    "globals", "execfile",
                              "breakpoint", "delattr", "vars", "input", "apply", "map",
                              "filter"})  # fmt: skip
_HARMLESS: Final = frozenset({("sys", "maxsize"), ("types", "SimpleNamespace"), ("types",
    "MappingProxyType"),
                              ("os", "PathLike")})  # fmt: skip
_REACH: Final = frozenset({"socket", "urllib", "urllib.request", "requests", "httpx", "aiohttp",
    "ftplib", "smtplib", "http.client",
                           "tempfile", "io", "pathlib", "zipimport"})  # fmt: skip
_NAMES: Final = frozenset({"operator", "functools", "builtins", "__builtin__"})


def find_pickles(data: bytes, language: Language) -> Iterator[Sign]:
    """Judge the pickle, or every pickle in a model's zip."""
    del language
    form = form_of(data)
    if form in {"torch", "zip"}:
        for name, content in _zip_members(data):
            if name.endswith((".pkl", ".pickle")) or content[:1] == b"\x80":
                yield from _judge(content, name)
    elif form == "pickle":
        yield from _judge(data, "")


def _judge(data: bytes, where: str) -> Iterator[Sign]:
    told: set[tuple[str, str]] = set()
    for kind, shown in _calls(data):
        if (kind, shown) not in told and len(told) < MAX_TOLD:
            told.add((kind, shown))
            yield Sign(
                rule=NAME, trait=kind, shown=printable(f"{where}: {shown}" if where else shown)
            )


def _calls(data: bytes) -> Iterator[tuple[str, str]]:
    """(trait, `module.name`) of everything the pickle would import."""
    recent: list[str] = []
    memo: dict[int, str] = {}
    try:
        for count, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            position = place or 0
            if count >= MAX_OPCODES:
                yield "broken", f"more than {MAX_OPCODES:,} opcodes"
                return
            name = opcode.name
            if isinstance(argument, str):
                recent = [*recent[-7:], argument]
            if name in {"GLOBAL", "INST"} and isinstance(argument, str):
                module, _, attribute = argument.partition(" ")
                yield from _of(module, attribute)
            elif name == "STACK_GLOBAL":
                yield from (
                    _of(recent[-2], recent[-1])
                    if len(recent) > 1
                    else iter([("hides-names", "a computed name")])
                )
            elif name in {"MEMOIZE", "BINPUT", "PUT", "LONG_BINPUT"} and recent:
                memo[argument if isinstance(argument, int) else len(memo)] = recent[-1]
            elif (
                name in {"BINGET", "GET", "LONG_BINGET"}
                and isinstance(argument, int)
                and argument in memo
            ):
                recent = [*recent[-7:], memo[argument]]
            elif (
                name == "STOP"
                and position < len(data) - 1
                and data[position + 1 : position + 2] == b"\x80"
            ):
                yield from _calls_after(data, position)
                return
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
        yield "broken", f"not read to its end: {type(error).__name__}"


MAX_FOLLOWING: Final = 8
"""Pickles one behind the other: old models hold five."""


def _calls_after(data: bytes, position: int) -> Iterator[tuple[str, str]]:
    """Pickles that follow in the same file, as `torch.save` once wrote them."""
    for _ in range(MAX_FOLLOWING):
        rest = data[position + 1 :]
        if rest[:1] != b"\x80":
            return
        stop = -1
        try:
            for count, (opcode, argument, at) in enumerate(pickletools.genops(rest)):
                if opcode.name in {"GLOBAL", "INST"} and isinstance(argument, str):
                    module, _, attribute = argument.partition(" ")
                    yield from _of(module, attribute)
                if count >= MAX_OPCODES:
                    return
                stop = at or 0
        except (ValueError, IndexError, UnicodeDecodeError, OverflowError):
            return
        position += 1 + stop


def _of(module: str, attribute: str) -> Iterator[tuple[str, str]]:
    root = module.partition(".")[0]
    shown = f"{module}.{attribute}"
    if (module, attribute) in _HARMLESS:
        return
    if module in {"builtins", "__builtin__"}:
        if attribute.partition(".")[0] in _BUILTINS:
            yield (
                ("hides-names" if attribute in {"getattr", "globals", "vars"} else "runs-code"),
                shown,
            )
    elif module == "operator" and attribute in {"attrgetter", "methodcaller", "itemgetter"}:
        if attribute != "itemgetter":
            yield "hides-names", shown
    elif module in _RUNS or root in {"subprocess", "ctypes", "pip", "importlib", "multiprocessing"}:
        yield (
            (
                "runs-code"
                if root not in {"types", "platform", "shutil", "imp", "multiprocessing"}
                else "imports"
            ),
            shown,
        )
    elif module in _REACH or root in {"urllib", "requests", "socket", "httpx", "aiohttp"}:
        yield "reaches-out", shown


def _zip_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Members by their local headers, in order; a model's zip is stored or deflated, never streamed."""
    position = 0
    for _ in range(MAX_MEMBERS):
        position = data.find(b"PK\x03\x04", position)
        if position < 0 or position + 30 > len(data):
            return
        head = data[position : position + 30]
        method = int.from_bytes(head[8:10], "little")
        packed = int.from_bytes(head[18:22], "little")
        name_size, extra = (
            int.from_bytes(head[26:28], "little"),
            int.from_bytes(head[28:30], "little"),
        )
        start = position + 30 + name_size + extra
        name = data[position + 30 : position + 30 + name_size].decode("utf-8", "replace")
        end = start + packed if packed and packed != 0xFFFFFFFF else _next_header(data, start)  # noqa: PLR2004 - the zip format's own numbers
        content = data[start:end]
        if method == 8:  # noqa: PLR2004 - the zip format's own numbers
            try:
                content = zlib.decompressobj(-15).decompress(content, MAX_BYTES)
            except zlib.error:
                content = b""
        yield name, content[:MAX_BYTES]
        position = max(end, start + 1)


def _next_header(data: bytes, start: int) -> int:
    ends = [
        at
        for mark in (b"PK\x07\x08", b"PK\x03\x04", b"PK\x01\x02")
        if (at := data.find(mark, start)) >= 0
    ]
    return min(ends, default=len(data))


ANALYSIS = ContentAnalysis(rule=RULE, languages=frozenset({Language.PICKLE}), run=find_pickles)
