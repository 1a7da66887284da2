"""Rule `secret-inside`: keys and tokens shipped in the release, by their issuers' formats.

Always masked: only kind and last four characters leave this module. Source: docs/rules/secret-inside.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.first_pass import Seen, first_pass
from pratique.vet.content.secret_forms import FoundSecret, find_secrets
from pratique.vet.content.texts import bounded_text, place_of
from pratique.vet.model import Confidence, Language, Severity, Sign
from pratique.vet.safe_text import excerpt, mask_secrets

NAME: Final = "secret-inside"
MAX_SECRETS: Final = 20
"""Told per content; a file of test keys has hundreds."""
MIN_BITS: Final = 3.0
"""Bits per character; invented examples (`xxxx`, `1234…`) have less."""
MIN_SURE_BITS: Final = 2.5
_EXAMPLES: Final = ("example", "xxxx", "1234567", "abcdef", "your", "test", "dummy", "fake", "0000",
    "sample", "redacted",
                    "placeholder", "secret", "password", "changeme", "...", "foobar", "deadbeef",
                    "qwerty")  # fmt: skip

RULE = Rule(
    name=NAME,
    title="Secret inside the release",
    techniques=("T1552.001",),
    what="A key or token in its issuer's real format is shipped in the file.",
    danger="Whoever downloads the release has it too; and a chat bot's token beside other signs names"
    " the place where stolen data goes.",
    benign="Test keys of cryptographic libraries, public client keys, examples in documentation.",
    traits={
        "cloud-key": trait("holds a cloud provider's key", Severity.MEDIUM, Confidence.MEDIUM),
        "private-key": trait("holds a private key", Severity.LOW, Confidence.MEDIUM),
        "token": trait("holds an access token", Severity.MEDIUM, Confidence.MEDIUM),
        "bot-token": trait("holds the token of a chat bot", Severity.HIGH, Confidence.MEDIUM),
        "webhook": trait("holds a webhook's secret address", Severity.HIGH, Confidence.MEDIUM),
        "password": trait("holds a password in an address", Severity.LOW, Confidence.LOW),
    },
)

_TRAITS: Final[dict[str, str]] = {
    "aws-key-id": "cloud-key", "aws-secret-key": "cloud-key", "google-api-key": "cloud-key",
    "azure-storage-key": "cloud-key",
    "private-key": "private-key", "discord-token": "bot-token", "telegram-bot-token": "bot-token",
    "slack-token": "bot-token", "slack-webhook": "webhook", "discord-webhook": "webhook",
    "password-in-url": "password",
    "json-web-token": "token", "authorization-header": "token",
}  # fmt: skip


def find_shipped(data: bytes, language: Language) -> Iterator[Sign]:
    """Secrets with their masked line; formats without a check of their own need entropy."""
    if Seen.SECRET not in first_pass(data):
        return
    text = bounded_text(data, language)
    told = 0
    for found in sorted(find_secrets(text), key=lambda one: one.start):
        if told >= MAX_SECRETS:
            return
        if found.kind == "authorization-header" or not _looks_real(text, found):
            continue
        told += 1
        line, column = place_of(text, found.start)
        kept = text[max(found.end - 4, found.start) : found.end]
        yield Sign(
            rule=NAME, trait=_TRAITS.get(found.kind, "token"), line=line, column=column,
            excerpt=excerpt(text, found.start),
            shown=found.kind if found.kind in {"private-key",
            "password-in-url"} else mask_secrets(f"{found.kind} …{kept}"),
        )  # fmt: skip


def _looks_real(text: str, found: FoundSecret) -> bool:
    secret = text[found.start : found.end]
    low = secret.lower()
    if found.kind == "private-key":
        return not any(word in low[:400] for word in ("...", "xxxx", "example"))
    if any(example in low for example in _EXAMPLES):
        return False
    return _bits(secret) >= (MIN_SURE_BITS if found.sure else MIN_BITS)


def _bits(text: str) -> float:
    """Bits per character by the text's own frequencies."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


ANALYSIS = ContentAnalysis(
    rule=RULE,
    languages=frozenset({
        Language.PYTHON, Language.PTH, Language.SHELL, Language.POWERSHELL, Language.JAVASCRIPT,
        Language.NOTEBOOK,
        Language.TEXT, Language.METADATA,
    }),
    run=find_shipped,
)  # fmt: skip
