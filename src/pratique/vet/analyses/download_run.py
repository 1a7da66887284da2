"""Something is downloaded or unpacked to a file, and the file is started."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pratique.vet.analyses import roles
from pratique.vet.analyses.files import Written, is_hidden_place, path_keys, written_files
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries, names_of, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.content.command_words import FETCHERS, name_of
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="download-run",
    title="A file is downloaded or dropped, then started",
    techniques=("T1105", "T1204.002", "T1564.003"),
    what="Bytes from the network, or bytes that the source carries, are written to a file and "
    "that file is run, loaded or made executable.",
    danger="This is how the second stage arrives: a stealer, a miner or remote control that no "
    "scan of the release itself can see.",
    benign="Installers of drivers and browsers download programs when the user asks for it, from "
    "the maker's own host, and check a hash.",
    traits={
        "run": trait(
            "downloads a file and starts it", Severity.CRITICAL, Confidence.HIGH
        ),
        "beside": trait(
            "downloads a file and starts a process side by side", Severity.MEDIUM, Confidence.LOW
        ),
        "load": trait(
            "downloads a native library and loads it", Severity.CRITICAL, Confidence.HIGH
        ),
        "import": trait(
            "downloads Python code to a file and imports or runs it", Severity.HIGH, Confidence.MEDIUM
        ),
        "chmod": trait(
            "makes a downloaded file executable", Severity.HIGH, Confidence.MEDIUM
        ),
        "hidden-place": trait(
            "puts a downloaded file into a temporary or hidden folder and starts it",
            Severity.CRITICAL, Confidence.HIGH,
        ),
        "executable": trait(
            "downloads a program by its file name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "startfile": trait(
            "opens a file with its Windows program", Severity.LOW, Confidence.MEDIUM
        ),
        "dropped": trait(
            "writes bytes decoded from the source to a file and starts it",
            Severity.CRITICAL, Confidence.HIGH,
        ),
        "dropped-script": trait(
            "writes a script held in the source to a file and starts it",
            Severity.HIGH, Confidence.MEDIUM,
        ),
        "temporary-code": trait(
            "writes a temporary file of unknown content and runs it as Python", Severity.HIGH,
            Confidence.MEDIUM,
        ),
        "unpack": trait(
            "unpacks a downloaded archive and starts something", Severity.MEDIUM, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

PROGRAM_ENDINGS = (
    ".exe", ".dll", ".scr", ".bat", ".cmd", ".ps1", ".vbs", ".msi", ".hta", ".jar", ".so", ".dylib",
    ".elf", ".sh", ".pyw", ".lnk", ".com", ".pif", ".bin", ".run",
)  # fmt: skip
"""What an operating system starts by itself when it is opened, and libraries."""
MIN_DROPPED = 64
"""Characters of a constant that is written and run: shorter ones are lock files and markers."""
_HANDLERS = frozenset(
    ["tar", "unzip", "7z", "gzip", "gunzip", "xz", "sha256sum", "shasum", "md5sum", "gpg", "rm", "mv", "cp",
     "ls", "cat", "file", "stat", "git", "patch", "docker"]
)  # fmt: skip
"""Programs that take a file as data."""
_PATHS = ("sys.path.insert", "sys.path.append", "site.addsitedir", "zipimport.zipimporter")
"""What is put there is imported next."""
_LOADS = ("importlib.util.spec_from_file_location", "runpy.run_path")
_WAYS = (
    ((roles.NATIVE_LOAD,), "load"),
    ((roles.IMPORT, roles.EXECUTE), "import"),
    ((roles.MODE,), "chmod"),
)
_OUTPUTS = frozenset({"-o", "-O", "--output", "--output-document"})
_SCRIPT_MARKS = ("import ", "powershell", "#!", "@echo", "CreateObject", "curl ", "wget ", "start ")


def run(reading: Reading) -> Iterator[Sign]:
    """Written files, by what was written; then who starts them."""
    signs = Signs(rule=RULE.name, reading=reading)
    starts = reading.calls(roles.RUN)
    for written in (*written_files(reading), *_by_command(reading)):
        if (kind := _kind(written)) is None:
            yield from _loaded(reading, signs, written)
            continue
        if kind == "fetched" and written.path.lower().endswith(PROGRAM_ENDINGS):
            yield signs.at(written.call, "executable", shown=written.path)
        yield from _started(reading, signs, written, kind, starts)
    for call in reading.named(*roles.START_NAMES):
        yield signs.at(
            call, "startfile", shown=words_of(call.arguments[0]) if call.arguments else ""
        )
    yield from _unpacked(reading, signs, starts)


def _by_command(reading: Reading) -> Iterator[Written]:
    """Files that `curl -o` and its like fetch."""
    for found in reading.commands:
        call = found.place
        if found.trait != "download" or not isinstance(call, Call) or not call.arguments:
            continue
        words = words_of(call.arguments[0]).split()
        path = next((after for word, after in pairwise(words) if word in _OUTPUTS), "")
        keys = frozenset(path_keys(call.arguments[0])) - FETCHERS
        yield Written(call=call, path=path, keys=keys, data=(), text="", downloads=True)


def _loaded(reading: Reading, signs: Signs, written: Written) -> Iterator[Sign]:
    """What is written to a temporary file, whatever it is, and taken for Python there and then."""
    if any(text_of(value) for value in written.data) or not is_hidden_place(reading, written):
        return
    for call in reading.named(*_LOADS):
        named = "NamedTemporaryFile" in written.call.name and any(
            "NamedTemporaryFile().name" in names_of(value) for value in call.arguments
        )
        if call.region == written.call.region and (named or _names_it(call, written)):
            yield signs.at(call, "temporary-code", shown=_step(written, call))


def _kind(written: Written) -> str | None:
    """`fetched`, `dropped` (decoded in the source), `script` (plain in the source), or None."""
    labels = frozenset().union(*(value.labels for value in written.data))
    if written.downloads or Label.NETWORK in labels:
        return "fetched"
    if Label.DECODED in labels or any(value.layer for value in written.data):
        return "dropped"
    text = written.text
    if len(text) >= MIN_DROPPED and any(mark in text for mark in _SCRIPT_MARKS):
        return "script"
    return None


def _started(
    reading: Reading, signs: Signs, written: Written, kind: str, starts: tuple[Call, ...]
) -> Iterator[Sign]:
    """Signs for each way in which a written file comes to life; a mere neighbour when none is certain."""
    kin = [
        call
        for call in starts
        if call is not written.call and reading.are_kin(call, written.call) and not _handles(call)
    ]
    linked = [call for call in kin if _names_it(call, written)]
    names = {"dropped": "dropped", "script": "dropped-script", "fetched": "run"}
    for call in linked:
        yield signs.at(call, names[kind], shown=_step(written, call))
        if kind == "fetched" and is_hidden_place(reading, written):
            yield signs.at(call, "hidden-place", shown=_step(written, call))
    if not linked and kin and kind != "script":
        if kind == "fetched":
            yield signs.at(kin[0], "beside", shown=_step(written, kin[0]))
        elif any(value.layer and len(text_of(value)) >= MIN_DROPPED for value in written.data):
            yield signs.at(kin[0], "dropped", shown=_step(written, kin[0]))
    if kind != "script":
        yield from _other_ways(reading, signs, written)


def _other_ways(reading: Reading, signs: Signs, written: Written) -> Iterator[Sign]:
    """Loaded, imported, made executable, put where Python imports from."""
    for call in reading.named(*_PATHS):
        if reading.are_kin(call, written.call) and _names_it(call, written):
            yield signs.at(call, "import", shown=_step(written, call))
    for wanted, name in _WAYS:
        for call in reading.calls(*wanted):
            if reading.are_kin(call, written.call) and _names_it(call, written):
                yield signs.at(call, name, shown=_step(written, call))


def _handles(call: Call) -> bool:
    """Whether a started program takes files as data: it unpacks or compares them."""
    words = words_of(call.arguments[0]).split() if call.arguments else []
    return name_of(words) in _HANDLERS and not any(mark in words for mark in ("&&", ";", "|"))


def _names_it(call: Call, written: Written) -> bool:
    """Whether a call's arguments share a name or a last path part with the written file."""
    return not written.keys.isdisjoint(key for value in call.values for key in path_keys(value))


def _unpacked(reading: Reading, signs: Signs, starts: tuple[Call, ...]) -> Iterator[Sign]:
    fetches = reading.calls(roles.FETCH)
    for call in reading.calls(roles.ARCHIVE):
        if not call.name.endswith(roles.UNPACK_ENDINGS):
            continue
        fetched = carries(call, Label.NETWORK) or any(reading.are_kin(call, f) for f in fetches)
        if fetched and any(reading.are_kin(call, start) for start in starts):
            yield signs.at(call, "unpack", shown=call.name)


def _step(written: Written, call: Call) -> str:
    place = written.path or "a file"
    return f"{place} written, then {call.name}"


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
