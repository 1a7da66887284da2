"""Decoded data that is executed: the commonest way to hide a payload in plain sight."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, names_of, text_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label, Value

RULE = Rule(
    name="decoded-exec",
    title="Decoded data is executed",
    techniques=("T1027.013", "T1140", "T1059.006"),
    what="Text or bytes that were encoded, compressed or encrypted are turned back and run as "
    "Python.",
    danger="Whoever reads the source sees noise; what runs is something else. Payloads of "
    "poisoned packages are nearly always carried this way.",
    benign="Self-extracting installers and licence-protected commercial code do it too; they are "
    "rare, and their releases do not start doing it from one version to the next.",
    traits={
        "constant": trait(
            "executes code decoded from a constant", Severity.HIGH, Confidence.HIGH
        ),
        "layers": trait(
            "executes code that was encoded twice or more", Severity.CRITICAL, Confidence.HIGH
        ),
        "marshal": trait(
            "executes a marshalled code object", Severity.HIGH, Confidence.HIGH
        ),
        "marshal-constant": trait(
            "executes a code object that stands in the source as bytes", Severity.CRITICAL, Confidence.HIGH
        ),
        "decrypt": trait(
            "decrypts code with a key and executes it", Severity.HIGH, Confidence.HIGH
        ),
        "file": trait(
            "decodes the content of a file and executes it", Severity.HIGH, Confidence.MEDIUM
        ),
        "data-file": trait(
            "executes the content of a file that is no source", Severity.HIGH, Confidence.MEDIUM
        ),
        "opaque": trait(
            "executes decoded data that could not be unfolded", Severity.HIGH, Confidence.MEDIUM
        ),
        "module-name": trait(
            "imports a module whose name is decoded first", Severity.HIGH, Confidence.HIGH
        ),
        "packer": trait(
            "is wrapped by a code packer", Severity.HIGH, Confidence.HIGH
        ),
        "inner-network": trait(
            "the decoded code uses the network", Severity.CRITICAL, Confidence.HIGH
        ),
        "inner-process": trait(
            "the decoded code starts processes", Severity.CRITICAL, Confidence.HIGH
        ),
        "inner-execute": trait(
            "the decoded code executes further code", Severity.HIGH, Confidence.HIGH
        ),
        "inner-write": trait(
            "the decoded code writes files", Severity.HIGH, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

_INNER = (
    ("network", "inner-network"),
    ("process", "inner-process"),
    (roles.EXECUTE, "inner-execute"),
    (roles.WRITE, "inner-write"),
)
_OF_DECODED = frozenset(("inner-execute", "inner-write"))
"""What plain text that is executed may do as well: code for two versions of a language is kept so, `six`
for one."""
_PACKER_TEXTS = ("PYARMOR\x00", "PY00", "PYARMOR")
_DATA = (
    ".png", ".jpg", ".jpeg", ".gif", ".ico", ".bmp", ".wav", ".mp3", ".mp4", ".dat", ".bin", ".ttf", ".woff",
    ".crt", ".pem", ".key", ".db", ".log", ".md", ".enc", ".pdf", ".css", ".svg", ".zip", ".gz", ".tmp",
)  # fmt: skip
"""Endings of files that nobody executes."""
MIN_SHOWN = 12
"""Characters of a constant below which it is a name or a number, not code."""


def run(reading: Reading) -> Iterator[Sign]:
    """Executed values that carry a decoding, by where it came from; then what is inside."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in (*reading.calls(roles.EXECUTE), *reading.calls(roles.LOAD)):
        executes = roles.EXECUTE in call.roles or call.name.startswith("marshal.")
        if executes and (found := _origin(reading, call)) is not None:
            yield signs.at(call, found[0], shown=found[1])
    yield from _code_objects(reading, signs)
    for call in reading.calls(roles.IMPORT):
        value = call.arguments[0] if call.arguments else None
        if value is not None and value.layer and Label.NETWORK not in value.labels:
            yield signs.at(call, "module-name", shown=text_of(value))
    yield from _packers(reading, signs)
    yield from _data_files(reading, signs)
    decoded = any(_origin(reading, call) for call in reading.calls(roles.EXECUTE) if not call.layer)
    for role, name in _INNER:
        if name in _OF_DECODED and not decoded:
            continue
        for call in reading.calls(role):
            if call.layer:
                yield signs.at(call, name, shown=_call_text(call))
                break


def _origin(reading: Reading, call: Call) -> tuple[str, str] | None:
    """Trait and text of the first argument that was decoded; None when nothing was, or it was fetched."""
    for value in call.arguments[:1] or call.values[:1]:
        labels = value.labels
        if Label.NETWORK in labels or not (Label.DECODED in labels or value.layer):
            continue
        return _trait_of(reading, call, value), text_of(value)
    return None


def _code_objects(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Compiled code written into a source: it fits one Python version and nobody can read it."""
    executes = reading.calls(roles.EXECUTE)
    for call in reading.calls(roles.LOAD):
        value = call.arguments[0] if call.arguments else None
        if (
            value is not None
            and call.name == "marshal.loads"
            and value.folded
            and len(text_of(value)) >= MIN_SHOWN
            and reading.near(call, executes)
        ):
            yield signs.at(call, "marshal-constant", shown=call.name)


def _trait_of(reading: Reading, call: Call, value: Value) -> str:
    names = f"{call.name} {names_of(value)}"
    if value.layer > 1:
        return "layers"
    if value.folded and len(text_of(value)) >= MIN_SHOWN:
        return "constant"
    if "marshal" in names:
        return "marshal"
    if reading.near(call, reading.calls("decrypt")):
        return "decrypt"
    return "file" if Label.FILE in value.labels else "opaque"


def _data_files(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Executed file contents where the file is a picture, a sound, a key, a log."""
    opened = [
        call
        for call in reading.calls(roles.READ)
        if any(
            text_of(v)[-80:].lower().endswith(_DATA)
            for v in (*call.arguments[:1], *call.keywords.values())
        )
    ]
    for call in reading.calls(roles.EXECUTE):
        if call.arguments and Label.FILE in call.arguments[0].labels:
            for read in opened:
                if reading.are_kin(call, read):
                    yield signs.at(call, "data-file", shown=read.name)
                    break


def _packers(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.calls(roles.PACKED):
        yield signs.at(call, "packer", shown=call.name)
    for text in reading.file.texts:
        if text.text.startswith(_PACKER_TEXTS):
            yield signs.at(text, "packer", shown=text.text[:MIN_SHOWN])


def _call_text(call: Call) -> str:
    known = next((text for value in call.arguments if (text := text_of(value))), "")
    return f"{call.name}({known!r})" if known else f"{call.name}()"


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
