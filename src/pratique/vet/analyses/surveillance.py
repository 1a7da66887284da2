"""Watches the person at the machine: screen, keys, clipboard, camera, microphone."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call

RULE = Rule(
    name="surveillance",
    title="Watches screen, keys, clipboard, camera or microphone",
    techniques=("T1113", "T1056.001", "T1115", "T1125", "T1123"),
    what="Takes screenshots, listens to the keyboard, reads or replaces the clipboard, opens a "
    "camera or microphone.",
    danger="Passwords are typed and wallet addresses are pasted; a clipper swaps the address so "
    "that the money goes elsewhere.",
    benign="Automation, test and accessibility tools exist for exactly this, and say so in their "
    "name.",
    traits={
        "screen": trait("takes screenshots", Severity.MEDIUM, Confidence.MEDIUM),
        "keys": trait("listens to the keyboard", Severity.HIGH, Confidence.MEDIUM),
        "clipboard": trait("reads the clipboard", Severity.MEDIUM, Confidence.MEDIUM),
        "clipper": trait(
            "replaces wallet addresses in the clipboard", Severity.CRITICAL, Confidence.HIGH
        ),
        "camera": trait("opens a camera or microphone", Severity.MEDIUM, Confidence.LOW),
        "several": trait(
            "watches in two or more ways beside a network sender", Severity.HIGH, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

_WAYS = (
    ("screen", "screen"),
    ("keys", "keys"),
    ("clipboard", "clipboard"),
    ("camera", "camera"),
)
_REPLACES = (".copy", ".SetClipboardData", ".SetClipboardText", ".clipboard_append")
_WALLET_FORMS = (
    "[13][a-km-zA-HJ-NP", "^(bc1", "bc1[", "0x[a-fA-F0-9]{40}", "T[A-Za-z1-9]{33}", "[48][0-9AB]",
    "(bc1|[13])", "0x[a-fA-F0-9]", "\\b(bc1", "D{1}[5-9A-HJ-NP-U]", "[LM3][a-km-zA-HJ-NP",
)  # fmt: skip
"""Starts of the public forms of wallet addresses, as regular expressions write them."""


def run(reading: Reading) -> Iterator[Sign]:
    """Each way of watching; clipper and several ways together on top."""
    signs = Signs(rule=RULE.name, reading=reading)
    ways: dict[str, Call] = {}
    for role, name in _WAYS:
        for call in reading.calls(role):
            if call.name.endswith(_REPLACES) or role not in call.roles:
                continue
            ways.setdefault(name, call)
            yield signs.at(call, name, shown=call.name)
    writes = [c for c in reading.calls("clipboard") if c.name.endswith(_REPLACES)]
    texts = reading.texts if writes else ()
    wallets = [text for text in texts if any(form in text.text[:400] for form in _WALLET_FORMS)]
    if wallets:
        yield signs.at(writes[0], "clipper", shown=wallets[0].text)
    if len(ways) > 1 and reading.talks:
        yield signs.at(next(iter(ways.values())), "several", shown=", ".join(ways))


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
