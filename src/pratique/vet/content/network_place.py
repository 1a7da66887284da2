"""Rule `network-place`: addresses of places that attacks like, wherever they are written.

What counts is in `judge_urls`; here are the words for people. Source: docs/rules/network-place.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import ContentAnalysis, Rule, Trait
from pratique.vet.content.judge_urls import MAX_PLACES, judge_url
from pratique.vet.content.texts import SCRIPTS, bounded_text, sign_at
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME = "network-place"


def _trait(sentence: str, severity: Severity, confidence: Confidence = Confidence.MEDIUM) -> Trait:
    return Trait(sentence=sentence, severity=severity, confidence=confidence)


RULE = Rule(
    name=NAME,
    title="Address of a place that attacks like",
    techniques=("T1102", "T1105", "T1567"),
    what="Names an address on a service that hands on messages, files or connections for anybody.",
    danger="Stolen data leaves, and further stages arrive, through places that nobody blocks and that"
    " cannot be traced to their user.",
    benign="Libraries for these services, tests, and documentation name them too.",
    traits={
        "webhook": _trait(
            "posts to a chat or notification service's bot or webhook", Severity.HIGH
        ),
        "callback": _trait(
            "names a service that records who calls it", Severity.HIGH, Confidence.HIGH
        ),
        "paste": _trait("names a paste site", Severity.MEDIUM),
        "tunnel": _trait("names a tunnel to somebody's own machine", Severity.HIGH),
        "file-host": _trait("names an anonymous file host", Severity.MEDIUM),
        "shortener": _trait("hides the address behind a shortener", Severity.MEDIUM),
        "own-address": _trait("asks a service for the machine's public address", Severity.MEDIUM),
        "dynamic-dns": _trait("names a host with dynamic DNS", Severity.MEDIUM),
        "raw-code": _trait("names raw files or downloads of a code host", Severity.LOW),
        "free-host": _trait("names a page on a free host", Severity.LOW),
        "mining-pool": _trait("names a mining pool", Severity.HIGH, Confidence.HIGH),
        "cloud-metadata": _trait(
            "names a cloud metadata service, which hands out credentials", Severity.HIGH
        ),
        "public-address": _trait("has a bare public IP address for a host", Severity.MEDIUM),
        "bare-address": _trait("holds a public IP address by itself", Severity.LOW, Confidence.LOW),
        "private-address": _trait("names a private or loopback address", Severity.INFO),
        "onion": _trait("names a hidden service", Severity.HIGH),
        "lookalike-name": _trait(
            "has letters in its host name that look like others", Severity.HIGH, Confidence.HIGH
        ),
        "international-name": _trait(
            "has an encoded international host name", Severity.LOW, Confidence.LOW
        ),
        "odd-port": _trait(
            "names a port that no common service uses", Severity.LOW, Confidence.LOW
        ),
        "odd-suffix": _trait(
            "has a top-level domain that is mostly abused", Severity.LOW, Confidence.LOW
        ),
        "executable-download": _trait("names an executable file to download", Severity.MEDIUM),
        "script-download": _trait("names a script to download", Severity.LOW),
    },
)


def find_places(data: bytes, language: Language) -> Iterator[Sign]:
    """Judge every line of a text that holds an address."""
    text = bounded_text(data, language)
    if "://" not in text and "." not in text:
        return
    yield from _line_signs(text)


def _line_signs(text: str) -> Iterator[Sign]:
    seen: set[str] = set()
    position = 0
    for _ in range(MAX_PLACES):
        at = text.find("://", position)
        if at < 0:
            break
        begin = text.rfind("\n", max(0, at - 400), at) + 1 or max(0, at - 400)
        end = text.find("\n", at, at + 600)
        end = min(len(text), at + 600) if end < 0 else end
        for trait, shown in judge_url(text[begin:end]):
            if trait not in seen:
                seen.add(trait)
                yield sign_at(NAME, trait, text, at, shown=shown)
        position = max(end, at + 3)


ANALYSIS = ContentAnalysis(
    rule=RULE,
    languages=SCRIPTS,
    run=find_places,
)
