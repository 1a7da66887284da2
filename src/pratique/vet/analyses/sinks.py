"""What the code can do at all, once per region: the ground on which chains stand."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries, text_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Label

RULE = Rule(
    name="sinks",
    title="Reaches outside the program",
    techniques=("T1059.006",),
    what="Uses the network, starts processes, executes code, loads native libraries, writes or "
    "deletes files.",
    danger="None by itself. It matters where it runs unasked (when built, at interpreter start, "
    "at import) and when a release begins to do it that never did.",
    benign="Nearly every program does some of it.",
    traits={
        "network": trait("uses the network", Severity.INFO, Confidence.HIGH),
        "process": trait("starts processes", Severity.INFO, Confidence.HIGH),
        "execute": trait("executes code built at run time", Severity.INFO, Confidence.HIGH),
        "load": trait("turns bytes into objects that can hold code", Severity.INFO, Confidence.HIGH),
        "native": trait("loads native libraries", Severity.INFO, Confidence.HIGH),
        "write": trait("writes files", Severity.INFO, Confidence.HIGH),
        "delete": trait("deletes files", Severity.INFO, Confidence.HIGH),
        "mode": trait("changes who may run a file", Severity.INFO, Confidence.HIGH),
        "decode": trait("decodes data", Severity.INFO, Confidence.HIGH),
        "decrypt": trait("decrypts data", Severity.INFO, Confidence.HIGH),
        "host": trait("asks who and where it is", Severity.INFO, Confidence.HIGH),
        "environment": trait("reads the environment", Severity.INFO, Confidence.HIGH),
        "thread": trait("starts threads", Severity.INFO, Confidence.HIGH),
        "listen": trait("listens for connections", Severity.INFO, Confidence.HIGH),
        "network-quiet": trait("uses the network and swallows errors", Severity.LOW, Confidence.MEDIUM),
        "process-quiet": trait("starts processes and swallows errors", Severity.LOW, Confidence.MEDIUM),
        "execute-opaque": trait("executes what is not known before", Severity.LOW, Confidence.MEDIUM),
        "talk-and-run": trait("uses the network and starts processes", Severity.LOW, Confidence.MEDIUM),
        "talk-and-execute": trait("uses the network and executes code", Severity.LOW, Confidence.MEDIUM),
        "talk-and-host": trait(
            "uses the network and asks who and where it is", Severity.LOW, Confidence.MEDIUM
        ),
        "talk-constant": trait("talks to an address fixed in the code", Severity.LOW, Confidence.MEDIUM),
    },
)  # fmt: skip

_KINDS = (
    (roles.TALK, "network"),
    ((roles.RUN,), "process"),
    ((roles.EXECUTE,), "execute"),
    ((roles.LOAD,), "load"),
    ((roles.NATIVE_LOAD, roles.NATIVE_MEMORY), "native"),
    ((roles.WRITE,), "write"),
    ((roles.DELETE,), "delete"),
    ((roles.MODE,), "mode"),
    (("decode.base", "decode.hex", "decode.codec", "decode.compress"), "decode"),
    (("decrypt",), "decrypt"),
    (("host.read",), "host"),
    (("environment.read", "environment.dump"), "environment"),
    (("thread.start",), "thread"),
    ((roles.LISTEN,), "listen"),
)


def run(reading: Reading) -> Iterator[Sign]:
    """The first call of each kind in each region; pairs of kinds in kin regions."""
    signs = Signs(rule=RULE.name, reading=reading)
    for wanted, name in _KINDS:
        seen: set[int] = set()
        for call in reading.calls(*wanted):
            if call.region not in seen:
                seen.add(call.region)
                yield signs.at(call, name, shown=call.name)
    yield from _manner(reading, signs)
    yield from _pairs(reading, signs)


def _manner(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.talks:
        if call.quiet:
            yield signs.at(call, "network-quiet", shown=call.name)
        if call.arguments and "://" in text_of(call.arguments[0])[:12] and call.arguments[0].folded:
            yield signs.at(call, "talk-constant", shown=text_of(call.arguments[0]))
    for call in reading.calls(roles.RUN):
        if call.quiet:
            yield signs.at(call, "process-quiet", shown=call.name)
    for call in reading.calls(roles.EXECUTE):
        value = call.arguments[0] if call.arguments else None
        if (
            value is not None
            and not value.folded
            and not carries(call, Label.FILE, Label.PARAMETER)
        ):
            yield signs.at(call, "execute-opaque", shown=call.name)


def _pairs(reading: Reading, signs: Signs) -> Iterator[Sign]:
    talks = reading.talks
    for role, name in ((roles.RUN, "talk-and-run"), (roles.EXECUTE, "talk-and-execute"),
                       ("host.read", "talk-and-host")):  # fmt: skip
        done: set[int] = set()
        for call in reading.calls(role):
            if call.region not in done and reading.near(call, talks):
                done.add(call.region)
                yield signs.at(call, name, shown=call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
