"""Code that comes over the network and runs at once."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="fetched-exec",
    title="Code from the network is executed",
    techniques=("T1105", "T1059.006"),
    what="What a server answers is handed to exec, eval, compile, the import system or pickle.",
    danger="The release is only a door: what passes through it is decided by whoever owns the "
    "server, differs from victim to victim, and leaves no file to examine.",
    benign="Plug-in stores and remote notebooks do it on request of the user, with a signature "
    "checked first. Nothing has to do it when it is installed or imported.",
    traits={
        "exec": trait("executes what a server answers", Severity.CRITICAL, Confidence.HIGH),
        "decoded": trait(
            "decodes what a server answers and executes it", Severity.CRITICAL, Confidence.HIGH
        ),
        "unpickle": trait(
            "unpickles what a server answers, which can run any code",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
        "import": trait(
            "imports a module named or sent by a server", Severity.HIGH, Confidence.MEDIUM
        ),
        "beside": trait(
            "fetches from the network and executes built code side by side",
            Severity.MEDIUM,
            Confidence.LOW,
        ),
    },
)


def run(reading: Reading) -> Iterator[Sign]:
    """Network labels in what is executed, unmarshalled, unpickled or imported."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in (*reading.calls(roles.EXECUTE, roles.COMPILE), *_marshalled(reading)):
        if carries(call, Label.NETWORK):
            decoded = Label.DECODED in call.labels
            yield signs.at(call, "decoded" if decoded else "exec", shown=call.name)
    for call in reading.calls(roles.LOAD):
        if carries(call, Label.NETWORK) and not call.name.startswith("marshal."):
            yield signs.at(call, "unpickle", shown=call.name)
    for call in reading.calls(roles.IMPORT):
        if carries(call, Label.NETWORK):
            yield signs.at(call, "import", shown=call.name)
    yield from _beside(reading, signs)


def _marshalled(reading: Reading) -> tuple[Call, ...]:
    return tuple(c for c in reading.calls(roles.LOAD) if c.name.startswith("marshal."))


def _beside(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Execution of a value nothing is known of, in a region kin to one that fetches."""
    fetches = reading.calls(roles.FETCH)
    for call in reading.calls(roles.EXECUTE):
        value = call.arguments[0] if call.arguments else None
        if value is None or value.folded or carries(call, Label.NETWORK, Label.FILE):
            continue
        if any(reading.are_kin(call, fetch) for fetch in fetches):
            yield signs.at(call, "beside", shown=call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
