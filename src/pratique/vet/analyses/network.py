"""Where Python code talks to, as far as the addresses stand in it."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import HOLE, Reading, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.analyses.this_machine import is_this_machine
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Label, Text

RULE = Rule(
    name="network",
    title="Talks to an address of a kind that attacks like",
    techniques=("T1071.001", "T1102", "T1571", "T1568"),
    what="An address on a service for anonymous messages, files or tunnels, a bare IP address, "
    "or a program to download stands in the code or flows into a call.",
    danger="Stolen data leaves, and further stages arrive, through places that nobody blocks and "
    "that cannot be traced to their user.",
    benign="Libraries for these services, tests and documentation name them too.",
    traits={
        "webhook": trait("names a bot or webhook of a chat service", Severity.HIGH, Confidence.MEDIUM),
        "callback": trait("names a service that records who calls it", Severity.HIGH, Confidence.HIGH),
        "paste": trait("names a paste site", Severity.MEDIUM, Confidence.MEDIUM),
        "tunnel": trait("names a tunnel to somebody's own machine", Severity.HIGH, Confidence.MEDIUM),
        "file-host": trait("names an anonymous file host", Severity.MEDIUM, Confidence.MEDIUM),
        "shortener": trait("hides the address behind a shortener", Severity.MEDIUM, Confidence.MEDIUM),
        "own-address": trait("asks a service for its public address", Severity.MEDIUM, Confidence.LOW),
        "dynamic-dns": trait("names a host with dynamic DNS", Severity.MEDIUM, Confidence.MEDIUM),
        "raw-code": trait("names raw files or downloads of a code host", Severity.LOW, Confidence.LOW),
        "free-host": trait("names a page on a free host", Severity.LOW, Confidence.LOW),
        "mining-pool": trait("names a mining pool", Severity.HIGH, Confidence.HIGH),
        "public-address": trait("names a bare public IP address", Severity.MEDIUM, Confidence.MEDIUM),
        "onion": trait("names a hidden service", Severity.HIGH, Confidence.MEDIUM),
        "lookalike-name": trait(
            "has letters outside ASCII in a host name", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "odd-port": trait("names a port that no common service uses", Severity.LOW, Confidence.LOW),
        "odd-suffix": trait(
            "has a top-level domain that is mostly abused", Severity.LOW, Confidence.LOW
        ),
        "executable-download": trait("names a program to download", Severity.MEDIUM, Confidence.MEDIUM),
        "script-download": trait("names a script to download", Severity.LOW, Confidence.MEDIUM),
        "call-odd": trait(
            "calls an address of such a kind", Severity.HIGH, Confidence.MEDIUM
        ),
        "built-address": trait(
            "puts an address together from pieces or decodes it", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "decoded-address": trait("decodes an address", Severity.HIGH, Confidence.HIGH),
        "quiet-constant": trait(
            "calls an address fixed in the code and swallows every error",
            Severity.MEDIUM,
            Confidence.MEDIUM,
        ),
        "dns-constant": trait(
            "looks a name up that is fixed in the code", Severity.MEDIUM, Confidence.LOW
        ),
        "thread": trait(
            "uses the network from a thread that it starts at once", Severity.LOW, Confidence.LOW
        ),
        "socket-to-constant": trait(
            "opens a socket to a host fixed in the code", Severity.MEDIUM, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

STRONG = frozenset(
    ["webhook", "callback", "paste", "tunnel", "file-host", "shortener", "dynamic-dns", "mining-pool",
     "public-address", "bare-address", "onion", "executable-download", "lookalike-name"]
)  # fmt: skip
"""Kinds that say something by themselves when they are called."""
_ORDINARY = frozenset({"raw-code", "free-host"})
"""Kinds in which honest projects have their own pages and archives."""
_PAGES = frozenset({"url", "download_url"})
_NEAR = (".local", ".localdomain", ".internal", "google.com", "googleapis.com", "cloudflare.com")
MIN_BUILT = 12


def run(reading: Reading) -> Iterator[Sign]:
    """Addresses in texts, in calls, in sockets; and what starts the talking."""
    signs = Signs(rule=RULE.name, reading=reading)
    seen: set[tuple[str, int]] = set()
    declared = _declared(reading)
    for found in reading.urls:
        name = found.trait
        if name in _ORDINARY and isinstance(found.place, Text) and found.place.text in declared:
            continue
        if name in RULE.traits and (name, found.place.region) not in seen:
            seen.add((name, found.place.region))
            yield signs.at(found.place, name, shown=found.shown)
    for call in reading.talks:
        for found in reading.judge_url_values(call):
            if found.trait in STRONG:
                yield signs.at(call, "call-odd", shown=found.shown)
                break
    for text in reading.texts:
        if _is_address(text) and text.layer:
            yield signs.at(text, "decoded-address", shown=text.text)
        elif _is_address(text) and _spread(reading, text):
            yield signs.at(text, "built-address", shown=text.text)
    yield from _calls(reading, signs)
    yield from _sockets(reading, signs)
    yield from _threads(reading, signs)


def _declared(reading: Reading) -> frozenset[str]:
    """Addresses that `setup()` is told as the project's own: shown on its page, asked by nobody."""
    shown = {
        words_of(value)
        for call in reading.named("setuptools.setup")
        for name, value in call.keywords.items()
        if name in _PAGES
    }
    asked = {words_of(value) for call in reading.talks for value in call.values} if shown else ()
    return frozenset(shown).difference(asked)


def _calls(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """How addresses are called: unheard, decoded, or by name only."""
    for call in reading.talks:
        target = call.arguments[0] if call.arguments else None
        if target is None:
            continue
        known = text_of(target)
        if known.startswith(("http://", "https://")):
            if target.layer or Label.DECODED in target.labels:
                yield signs.at(call, "decoded-address", shown=known)
            if call.quiet and HOLE not in known.partition("://")[2].partition("/")[0]:
                yield signs.at(call, "quiet-constant", shown=known)
        elif roles.DNS in call.roles and target.folded and _is_far(known):
            yield signs.at(call, "dns-constant", shown=known)


def _is_far(host: str) -> bool:
    """Whether a host name is neither local, numeric nor reserved for documents and tests of reachability."""
    name = host.strip(".").lower()
    return "." in name and not name.replace(".", "").isdigit() and not name.endswith(_NEAR)


def _is_address(text: Text) -> bool:
    built = text.built and len(text.text) >= MIN_BUILT
    return built and text.text.startswith(("http://", "https://"))


def _spread(reading: Reading, text: Text) -> bool:
    """Whether a built text does not stand in its line as it is."""
    lines = reading.file.lines
    return text.line <= len(lines) and text.text[:MIN_BUILT] not in lines[text.line - 1]


def _sockets(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.calls(roles.CONNECT):
        target = call.arguments[0] if call.arguments else None
        if target is None or not isinstance(target.constant, tuple) or not target.constant:
            continue
        host = target.constant[0]
        if isinstance(host, str) and host and not is_this_machine(host):
            yield signs.at(call, "socket-to-constant", shown=words_of(target))


def _threads(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Threads in a region that hands on a function which talks."""
    talking = {call.region for call in reading.talks}
    for call in reading.calls("thread.start"):
        targets = reading.reached_from(reading.callees(call.region))
        if not talking.isdisjoint(targets - {call.region}):
            yield signs.at(call, "thread", shown=call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
