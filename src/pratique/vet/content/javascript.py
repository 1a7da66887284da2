"""Rule `javascript`: scripts for Node or the browser that decode, start programs or read secrets.

Read as text: names and literals, no syntax tree. Source: docs/rules/javascript.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.first_pass import Seen, first_pass
from pratique.vet.content.judge_commands import judge_command
from pratique.vet.content.texts import bounded_text, sign_at, sign_near
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME: Final = "javascript"
MAX_LITERALS: Final = 2_000
"""Text literals judged per script, the longer ones of a bundle."""
_NOISY: Final = 40
"""Names of the form `_0x1a2b` that make a script an obfuscated one."""

RULE = Rule(
    name=NAME,
    title="JavaScript that acts like malware",
    techniques=("T1059.007",),
    what="A script evaluates decoded text, starts programs, reads the environment or hooks wallets.",
    danger="npm runs such scripts at install; a Python release that ships one can fetch a runtime for it.",
    benign="Bundled web assets are minified; build tools start programs.",
    traits={
        "evaluates-decoded": trait("evaluates decoded text", Severity.CRITICAL, Confidence.HIGH),
        "obfuscated": trait("is obfuscated by a tool", Severity.HIGH, Confidence.HIGH),
        "starts-programs": trait("starts programs", Severity.MEDIUM, Confidence.LOW),
        "command": trait("holds a command that attackers use", Severity.HIGH, Confidence.MEDIUM),
        "reads-environment": trait(
            "reads the whole environment and talks to the network", Severity.HIGH, Confidence.MEDIUM
        ),
        "hooks-wallet": trait(
            "replaces requests or wallet calls of web pages", Severity.HIGH, Confidence.LOW
        ),
    },
)

_EVALUATES = re.compile(
    r"(?:eval|new Function|Function|setTimeout|vm\.runIn\w{1,20}|_compile)\s?\(\s?(?:\w{1,20}\s?\(\s?){0,3}"
    r"(?:atob|unescape|decodeURIComponent|Buffer\.from|String\.fromCharCode|require\(.zlib.\))"
)
_HEX_NAME = re.compile(r"(?<!\w)_0x[0-9a-f]{3,8}(?!\w)")
_STARTS: Final = ("child_process", "execSync(", "spawnSync(", "Deno.Command", "Bun.spawn")
_ENVIRONMENT = re.compile(
    r"(?:JSON\.stringify|Object\.(?:entries|assign|keys)|\.\.\.)\s?\(?\s?\{?\s?(?:\.\.\.)?process\.env(?![\w.\[])"
)
_LITERAL = re.compile(
    r"'(?P<a>[^'\n\\]{8,600})'|\"(?P<b>[^\"\n\\]{8,600})\"|`(?P<c>[^`\\]{8,600})`"
)
_BAD: Final = frozenset({"download-run", "reverse-shell", "decode-run", "powershell-encoded",
    "powershell-hidden", "persistence",
                         "credential-read", "exfiltration", "dns-exfiltration", "miner", "evasion",
                         "memory-code", "agent-cli",
                         "living-off-land", "destructive"})  # fmt: skip


def find_javascript(data: bytes, language: Language) -> Iterator[Sign]:
    """Look closer at scripts in which the common pass saw something."""
    if Seen.SCRIPTING not in first_pass(data):
        return
    text = bounded_text(data, language)
    if (match := _EVALUATES.search(text)) is not None:
        yield sign_at(
            NAME, "evaluates-decoded", text, match.start(), shown=_decoded(text, match.end())
        )
    yield from _obfuscated(text)
    starts = next((word for word in _STARTS if word in text), None)
    if starts is not None:
        yield sign_at(NAME, "starts-programs", text, text.find(starts), shown=starts)
        yield from _commands(text)
    network = any(
        word in text
        for word in ("fetch(", "https.request", "http.request", "XMLHttpRequest", "axios", "dns.")
    )
    if network and (match := _ENVIRONMENT.search(text)) is not None:
        yield sign_at(NAME, "reads-environment", text, match.start())
    if (
        "ethereum" in text
        and "prototype" in text
        and ("XMLHttpRequest" in text or "window.fetch" in text)
    ):
        yield sign_at(NAME, "hooks-wallet", text, text.find("ethereum"))


def _obfuscated(text: str) -> Iterator[Sign]:
    names: set[str] = set()
    for match in _HEX_NAME.finditer(text, 0, 512 * 1024):
        names.add(match[0])
        if len(names) >= _NOISY:
            yield sign_at(
                NAME, "obfuscated", text, match.start(), shown=", ".join(sorted(names)[:8])
            )
            return


def _commands(text: str) -> Iterator[Sign]:
    told: set[str] = set()
    for count, match in enumerate(_LITERAL.finditer(text)):
        if count >= MAX_LITERALS:
            return
        for kind, shown in judge_command(match["a"] or match["b"] or match["c"]):
            if kind in _BAD and kind not in told:
                told.add(kind)
                yield sign_near(NAME, "command", text, shown)


def _decoded(text: str, at: int) -> str:
    """What stands behind the decoder, when it is a literal of base64."""
    match = re.compile(r"[^'\"`]{0,40}['\"`](?P<text>[A-Za-z0-9+/=]{8,8000})").match(text, at)
    if match is None:
        return text[at : at + 120]
    try:
        return base64.b64decode(match["text"] + "=" * (-len(match["text"]) % 4)).decode(
            "utf-8", "replace"
        )
    except (binascii.Error, ValueError):
        return match["text"]


ANALYSIS = ContentAnalysis(
    rule=RULE, languages=frozenset({Language.JAVASCRIPT}), run=find_javascript
)
