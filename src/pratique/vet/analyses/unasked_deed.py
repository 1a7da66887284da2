"""What a module does by its own statements: at import, with nobody having called anything."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.direct import called_word, direct_regions, misplaced
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import (
    HOLE,
    MAX_LINE,
    Reading,
    carries,
    names_of,
    text_of,
    words_of,
)
from pratique.vet.analyses.signs import Signs
from pratique.vet.analyses.this_machine import is_this_machine
from pratique.vet.analyses.tools import is_tool
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label, Value

RULE = Rule(
    name="unasked-deed",
    title="Acts when it is only imported",
    techniques=("T1059.006", "T1195.002"),
    what="Statements of the module itself, or functions that these call, use the network, start processes, "
    "execute code or write files elsewhere.",
    danger="An import is all it takes: whoever takes the next release runs it, on every machine, before "
    "a single function was called.",
    benign="Some modules ask a tool for a version, or look once what the system has. Nearly none talks.",
    traits={
        "network": trait("uses the network at import", Severity.MEDIUM, Confidence.MEDIUM),
        "fixed-address": trait(
            "calls an address fixed in the code at import", Severity.HIGH, Confidence.HIGH
        ),
        "unknown-address": trait(
            "calls an address that the code does not tell at import", Severity.HIGH, Confidence.MEDIUM
        ),
        "lookup": trait(
            "looks a name up at import that is fixed in the code", Severity.HIGH, Confidence.HIGH
        ),
        "quiet-network": trait(
            "uses the network at import and swallows errors", Severity.HIGH, Confidence.MEDIUM
        ),
        "send": trait(
            "sends what it knows of machine, files or environment at import",
            Severity.HIGH, Confidence.HIGH,
        ),
        "foreign-process": trait(
            "starts at import what is no tool of builds and systems", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "bare-shell": trait("starts a shell at import", Severity.CRITICAL, Confidence.HIGH),
        "script": trait("starts a script or program by its path at import", Severity.HIGH, Confidence.MEDIUM),
        "python": trait("starts Python at import", Severity.MEDIUM, Confidence.HIGH),
        "quiet-process": trait(
            "starts a process at import and swallows errors", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "browser": trait("opens a page in the browser at import", Severity.HIGH, Confidence.HIGH),
        "execute": trait(
            "executes at import what is neither written there nor a file", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "write-outside": trait(
            "writes into folders of the user or the system at import", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "talk-and-run": trait(
            "uses the network and starts processes at import", Severity.HIGH, Confidence.MEDIUM
        ),
        "thread": trait(
            "starts a thread at import that talks, runs or executes", Severity.MEDIUM, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

_SHELLS = frozenset(
    ["sh", "bash", "zsh", "dash", "ksh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh"]
)
_SCRIPTS = (".sh", ".py", ".pyw", ".exe", ".bat", ".cmd", ".ps1", ".vbs", ".jar", ".bin", ".run")
_INTERPRETERS = ("python", "pypy")
_BROWSER = (
    "webbrowser.open",
    "webbrowser.open_new",
    "webbrowser.open_new_tab",
    "webbrowser.get().open",
)
_OUTSIDE = (
    "~", "/tmp", "/etc", "/usr", "/home", "/var", "/root",  # noqa: S108 - looked for, not written to
    "c:", "%appdata", "%temp", "appdata", "expanduser", "home()", "gettempdir", "startup",
)  # fmt: skip
_TOLD = (
    Label.HOST, Label.ENVIRONMENT, Label.SECRET, Label.FILE, Label.BROWSER, Label.CLIPBOARD, Label.SCREEN,
    Label.CLOUD, Label.OUTPUT,
)  # fmt: skip
_SAFE_WRITES = (".cache", "cache_dir", "devnull", "/dev/null")
"""Parts of paths that honest modules write at import."""


def run(reading: Reading) -> Iterator[Sign]:
    """Calls in what the module runs by itself."""
    reached = direct_regions(reading)
    signs = Signs(rule=RULE.name, reading=reading)
    talked = ran = False
    deeds = reading.calls(*roles.TALK, roles.RUN, roles.EXECUTE, roles.WRITE, "thread.start")
    deeds = tuple(call for call in deeds if call.region in reached)
    elsewhere = misplaced(reading, deeds)
    for call in deeds:
        if call.line in elsewhere:
            continue
        if not call.roles.isdisjoint(roles.TALK):
            if is_this_machine(_address(call)):
                continue  # asks what it can
            talked = True
            yield from _talk(signs, call)
        elif roles.RUN in call.roles:
            ran = ran or not is_tool(call)
            yield from _start(signs, call)
        elif roles.EXECUTE in call.roles and _is_unknown(call):
            yield signs.at(call, "execute", shown=call.name)
        elif roles.WRITE in call.roles and _is_outside(call):
            yield signs.at(call, "write-outside", shown=_shown(call))
        elif "thread.start" in call.roles and _thread_acts(reading, call):
            yield signs.at(call, "thread", shown=call.name)
    if talked and ran:
        first = next(c for c in deeds if roles.RUN in c.roles and not is_tool(c))
        yield signs.at(first, "talk-and-run", shown=_shown(first))


def _talk(signs: Signs, call: Call) -> Iterator[Sign]:
    target = _target(call)
    known = _address(call)
    shown = known or _shown(call)
    yield signs.at(call, "network", shown=shown)
    if roles.DNS in call.roles:
        if target is not None and target.folded and "." in known:
            yield signs.at(call, "lookup", shown=shown)
    elif "://" in known[:12]:
        if HOLE not in known.partition("://")[2].partition("/")[0]:
            yield signs.at(call, "fixed-address", shown=shown)
    elif target is not None and not known and not isinstance(target.constant, tuple):
        yield signs.at(call, "unknown-address", shown=shown)
    if call.quiet:
        yield signs.at(call, "quiet-network", shown=shown)
    if carries(call, *_TOLD):
        yield signs.at(call, "send", shown=shown)


def _target(call: Call) -> Value | None:
    return call.arguments[0] if call.arguments else call.keywords.get("url")


def _address(call: Call) -> str:
    target = _target(call)
    return text_of(target) if target is not None else ""


def _start(signs: Signs, call: Call) -> Iterator[Sign]:
    shown = _shown(call)
    if call.name in _BROWSER:
        yield signs.at(call, "browser", shown=shown)
        return
    words = (words_of(call.arguments[0]) if call.arguments else "").strip().split()
    first = words[0].strip("\"'").replace("\\", "/") if words else ""
    program = first.rpartition("/")[2].lower()
    if program in _SHELLS:
        if len(words) == 1:
            yield signs.at(call, "bare-shell", shown=shown)
    elif program.startswith(_INTERPRETERS) or _is_own_interpreter(call):
        yield signs.at(call, "python", shown=shown)
    elif program.endswith(_SCRIPTS) or first.startswith(("./", "~/", "/tmp/", HOLE + "/")):  # noqa: S108 - a place that is looked for, not used
        yield signs.at(call, "script", shown=shown)
    if words and HOLE not in first and not is_tool(call):
        yield signs.at(call, "foreign-process", shown=shown)
    if call.quiet and words and HOLE not in first and not is_tool(call):
        yield signs.at(call, "quiet-process", shown=shown)


def _is_own_interpreter(call: Call) -> bool:
    first = call.arguments[0] if call.arguments else None
    return first is not None and Label.HOST in first.labels and words_of(first).startswith(HOLE)


def _is_unknown(call: Call) -> bool:
    """Executes something that is neither a constant nor the content of a file."""
    value = call.arguments[0] if call.arguments else None
    return (
        value is not None
        and not value.folded
        and value.labels.isdisjoint((Label.FILE, Label.PARAMETER, Label.CODE))
    )


def _is_outside(call: Call) -> bool:
    place = " ".join(
        _place_words(value) for value in (*call.arguments[1:], *_targets(call))
    ).lower()
    return any(mark in place for mark in _OUTSIDE) and not any(
        safe in place for safe in _SAFE_WRITES
    )


def _targets(call: Call) -> tuple[Value, ...]:
    target = call.keywords.get("<file>")
    return (
        (target,)
        if target is not None
        else call.arguments[:1]
        if call.name in roles.OPEN_NAMES
        else ()
    )


def _place_words(value: Value) -> str:
    return f"{text_of(value)[:300]} {names_of(value)}"


def _thread_acts(reading: Reading, call: Call) -> bool:
    """Whether the line that makes a thread names a function that acts."""
    line = reading.source_line(call)[:MAX_LINE].replace("self.", "")
    named = {
        index
        for index in reading.callees(call.region)
        if f"target={called_word(reading.file.regions[index].name)}" in line
    }
    reached = reading.reached_from(named) if named else set()
    deeds = reading.calls(*roles.TALK, roles.RUN, roles.EXECUTE)
    return any(deed.region in reached for deed in deeds)


def _shown(call: Call) -> str:
    return next((text for value in call.values if (text := words_of(value))), call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
