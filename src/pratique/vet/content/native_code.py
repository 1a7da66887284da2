"""Rule `native-code`: programs and libraries for the machine itself, and what their texts betray.

Their instructions are not read: that nobody can do in bounded time. What they import and name is.
Source: docs/rules/native-code.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.blobs import entropy
from pratique.vet.content.forms import form_of
from pratique.vet.content.judge_commands import judge_command
from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.judge_urls import judge_url
from pratique.vet.content.native_marks import Mark, seen_marks, strings_around
from pratique.vet.model import Confidence, Language, Severity, Sign
from pratique.vet.safe_text import printable

NAME: Final = "native-code"
PACKED: Final = 7.2
"""Bits per byte over a program's three samples; machine code with its tables has below 6.9."""

_LOW, _MEDIUM, _HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH

RULE = Rule(
    name=NAME,
    title="Native code",
    techniques=("T1027.002", "T1055", "T1059"),
    what="A program, a shared library or a bundled runtime is inside; some of what it imports and names is"
    " told.",
    danger="Nobody reviews machine code. A packed program or a bundled interpreter can do anything that"
    " Python code could, unseen.",
    benign="Extension modules are the reason for most wheels; compilers and command line tools are shipped"
    " as wheels too.",
    traits={
        "library": trait("holds a shared library", Severity.INFO, _HIGH),
        "program": trait("holds a program for the machine", Severity.LOW, _MEDIUM),
        "webassembly": trait("holds WebAssembly or Java code", Severity.INFO, _HIGH),
        "packed": trait("holds a packed program", Severity.HIGH, _HIGH),
        "dense": trait(
            "holds a program that is nearly all compressed or encrypted", Severity.MEDIUM, _MEDIUM
        ),
        "runtime": trait("bundles a whole language runtime", Severity.MEDIUM, _MEDIUM),
        "frozen-python": trait("is a frozen Python program", Severity.HIGH, _MEDIUM),
        "injects": trait("imports what writes into other processes", Severity.HIGH, _MEDIUM),
        "watches": trait("imports what reads keys, screen or clipboard", Severity.HIGH, _MEDIUM),
        "debugs": trait("asks whether it is being watched", Severity.LOW, _LOW),
        "preload": trait(
            "names the places that load it into other programs", Severity.HIGH, _MEDIUM
        ),
        "remote-shell": trait("names a shell beside a bare connection", Severity.HIGH, _MEDIUM),
        "names-places": trait("names an address that attacks like", Severity.HIGH, _MEDIUM),
        "names-credentials": trait("names places of credentials", Severity.HIGH, _MEDIUM),
        "commands": trait("names commands that attackers use", Severity.HIGH, _MEDIUM),
        "mines": trait("names mining pools or protocols", Severity.CRITICAL, _HIGH),
    },
)

_BAD_PLACES: Final = frozenset({"webhook", "callback", "paste", "tunnel", "file-host", "onion",
    "dynamic-dns", "mining-pool",
                                "cloud-metadata", "public-address"})  # fmt: skip
_BAD_COMMANDS: Final = frozenset({"download-run", "reverse-shell", "decode-run",
    "powershell-encoded", "powershell-hidden",
                                  "persistence", "evasion", "miner", "destructive",
                                  "credential-read"})  # fmt: skip
_NATIVE: Final = frozenset({"elf", "pe", "mach-o", "wasm", "java-class", "dex", "static-library"})


def find_native(data: bytes, language: Language) -> Iterator[Sign]:
    """What it is by its header, and what its texts name."""
    del language
    form = form_of(data)
    if form not in _NATIVE:
        return
    kind = _kind(data, form)
    yield _sign(kind, f"{form}, {len(data):,} bytes")
    if kind == "webassembly" or form == "static-library":
        return
    yield from _marks(data)
    if entropy(data) > PACKED and kind == "program":
        yield _sign("dense", f"{entropy(data):.2f} bits per byte")


def _kind(data: bytes, form: str) -> str:
    """Library or program, by the header."""
    if form in {"wasm", "java-class", "dex"}:
        return "webassembly"
    if form == "elf":
        # A position-independent program has the type of a library, but asks for a loader.
        shared = data[16:18] in {b"\x03\x00", b"\x00\x03"}
        return (
            "library"
            if shared and b"/ld-linux" not in data[:4096] and b"/ld-musl" not in data[:4096]
            else "program"
        )
    if form == "pe":
        offset = int.from_bytes(data[0x3C:0x40], "little")
        flags = int.from_bytes(data[offset + 22 : offset + 24], "little")
        return "library" if flags & 0x2000 else "program"
    if form == "mach-o":
        kind = data[12:16]
        return (
            "library"
            if kind in {b"\x06\0\0\0", b"\x08\0\0\0", b"\0\0\0\x06", b"\0\0\0\x08"}
            else _of_universal(data)
        )
    return "library"


def _of_universal(data: bytes) -> str:
    """The first architecture of a universal binary speaks for all."""
    if data[:4] != b"\xca\xfe\xba\xbe":
        return "program"
    offset = int.from_bytes(data[16:20], "big")
    return (
        "library"
        if data[offset + 12 : offset + 16] in {b"\x06\0\0\0", b"\x08\0\0\0"}
        else "program"
    )


def _marks(data: bytes) -> Iterator[Sign]:
    seen = seen_marks(data)
    for mark, kind, words in (
        (Mark.PACKER, "packed", "mark of a packer"),
        (Mark.RUNTIME, "runtime", "marks of a bundled runtime"),
        (Mark.FROZEN, "frozen-python", "marks of a frozen Python program"),
        (Mark.INJECTS, "injects", "imports for writing into other processes"),
        (Mark.WATCHES, "watches", "imports for keys, screen or clipboard"),
        (Mark.DEBUGS, "debugs", "imports for noticing a debugger"),
        (Mark.PRELOAD, "preload", "LD_PRELOAD, DYLD_INSERT_LIBRARIES or ld.so.preload"),
    ):
        if mark in seen:
            yield _sign(kind, words)
    if Mark.SHELL in seen and Mark.SOCKET in seen:
        yield _sign("remote-shell", "a shell's path beside sockets and dup2")
    if seen & (Mark.URL | Mark.PLACE | Mark.COMMAND | Mark.MINER | Mark.WIDE):
        yield from _texts(data, seen)


def _texts(data: bytes, seen: Mark) -> Iterator[Sign]:
    told: set[str] = set()
    if Mark.MINER in seen:
        yield _sign("mines", "words of mining")
    for text in strings_around(data, seen):
        for kind, bad, found in (
            ("names-places", _BAD_PLACES, judge_url(text)),
            ("commands", _BAD_COMMANDS, judge_command(text)),
            ("names-credentials", None, judge_path(text)),
        ):
            wanted = [shown for trait_name, shown in found if bad is None or trait_name in bad]
            if bad is None:
                wanted = [shown for trait_name, shown in found if trait_name in _CREDENTIALS]
            if wanted and kind not in told:
                told.add(kind)
                yield _sign(kind, wanted[0])


_CREDENTIALS: Final = frozenset({"ssh-key", "cloud-credential", "browser-store", "wallet",
    "messenger-token",
                                 "password-manager", "shell-history", "git-credential",
                                 "package-token"})  # fmt: skip


def _sign(kind: str, shown: str) -> Sign:
    return Sign(rule=NAME, trait=kind, shown=printable(shown))


ANALYSIS = ContentAnalysis(
    rule=RULE, languages=frozenset({Language.NATIVE, Language.DATA}), run=find_native
)
