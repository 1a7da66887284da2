"""What is secret or tells who the victim is, and leaves over the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.credential_access import KEY_KINDS, PRIVATE_KINDS
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import HOLE, Reading, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.content.judges import judge_url
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label, Value

RULE = Rule(
    name="exfiltration",
    title="Private data leaves over the network",
    techniques=("T1041", "T1567", "T1048.003"),
    what="Something that was read from the machine (environment, credentials, files, host "
    "facts, screen) flows into a request, a DNS name, a mail or a socket.",
    danger="Tokens taken from one build machine open the next company: most supply-chain attacks "
    "are paid for with what such a request carried.",
    benign="Telemetry sends host facts to the maker's own address, and API clients send the "
    "user's own key to the service that issued it.",
    traits={
        "environment": trait(
            "sends the whole environment", Severity.CRITICAL, Confidence.HIGH
        ),
        "secret": trait(
            "sends a secret", Severity.HIGH, Confidence.LOW
        ),
        "browser": trait(
            "sends browser data, cookies or wallets", Severity.CRITICAL, Confidence.HIGH
        ),
        "clipboard": trait(
            "sends the clipboard", Severity.CRITICAL, Confidence.MEDIUM
        ),
        "screen": trait(
            "sends screenshots", Severity.CRITICAL, Confidence.MEDIUM
        ),
        "keys": trait(
            "sends keystrokes, sound or camera pictures", Severity.CRITICAL, Confidence.HIGH
        ),
        "cloud": trait(
            "sends what the cloud's metadata service answered", Severity.CRITICAL, Confidence.HIGH
        ),
        "file": trait(
            "sends the content of files", Severity.MEDIUM, Confidence.LOW
        ),
        "sensitive-file": trait(
            "sends a file that holds credentials", Severity.CRITICAL, Confidence.HIGH
        ),
        "output": trait(
            "sends what a started process printed", Severity.HIGH, Confidence.MEDIUM
        ),
        "host": trait(
            "sends host name, user, addresses or platform", Severity.HIGH, Confidence.MEDIUM
        ),
        "identity": trait(
            "sends the name of the user or the machine", Severity.HIGH, Confidence.MEDIUM
        ),
        "many-host-facts": trait(
            "gathers three or more host facts and sends some", Severity.HIGH, Confidence.MEDIUM
        ),
        "named-key": trait(
            "sends what it calls a private key, seed or recovery phrase",
            Severity.CRITICAL, Confidence.MEDIUM,
        ),
        "to-service": trait(
            "sends private data to an address that thieves use", Severity.CRITICAL, Confidence.HIGH
        ),
        "host-to-service": trait(
            "sends host facts to an address that thieves use", Severity.CRITICAL, Confidence.HIGH
        ),
        "dns": trait(
            "builds a DNS name from data and looks it up", Severity.HIGH, Confidence.MEDIUM
        ),
        "command": trait(
            "hands private data to curl or another program that sends it",
            Severity.HIGH, Confidence.HIGH,
        ),
        "collects": trait(
            "reads two or more kinds of private data beside a sender", Severity.HIGH, Confidence.MEDIUM
        ),
        "beacon": trait(
            "reports to an address that thieves use", Severity.HIGH, Confidence.MEDIUM
        ),
        "quiet": trait(
            "sends host facts and swallows every error", Severity.HIGH, Confidence.MEDIUM
        ),
    },
)  # fmt: skip

_KINDS = (
    (Label.ENVIRONMENT, "environment"),
    (Label.SECRET, "secret"),
    (Label.BROWSER, "browser"),
    (Label.CLIPBOARD, "clipboard"),
    (Label.SCREEN, "screen"),
    (Label.KEYS, "keys"),
    (Label.CLOUD, "cloud"),
    (Label.FILE, "file"),
    (Label.OUTPUT, "output"),
    (Label.HOST, "host"),
)
_SOURCES = (
    ("environment.dump", "environment"),
    ("credential.read", "credentials"),
    ("browser.read", "browser"),
    ("clipboard", "clipboard"),
    ("screen", "screen"),
    ("keys", "keys"),
    ("process.list", "process list"),
)
IDENTITY = frozenset(
    ["socket.gethostname", "socket.getfqdn", "getpass.getuser", "os.getlogin", "platform.node",
     "platform.uname", "os.uname", "uuid.getnode", "pwd.getpwuid"]
)  # fmt: skip
MANY_FACTS = 3
"""Different host facts; user agents name the platform and the version of Python."""
KEY_WORDS = (
    "private_key", "privatekey", "private key", "mnemonic", "seed_phrase", "seedphrase", "seed phrase",
    "secret_key", "keypair", "wallet_key", "recovery_phrase",
)  # fmt: skip
MAX_KNOWN = 2_000
"""Characters of a field list that are searched."""
CHAT_LIBRARIES = (
    "discord",
    "dhooks",
    "telebot",
    "telegram",
    "telepot",
    "aiogram",
    "nextcord",
    "disnake",
)
MIN_FACTS = 2
"""Different host facts; one alone names a user agent."""
THIEVES = frozenset(
    ["webhook", "callback", "paste", "tunnel", "file-host", "shortener", "dynamic-dns", "public-address",
     "bare-address", "onion"]
)  # fmt: skip
"""Kinds of addresses that stolen data goes to."""
_NOT_SENT = frozenset({"headers", "timeout", "proxies", "auth", "cert", "verify"})
_PRIVATE = frozenset(label for label, _ in _KINDS)
_SENDERS = ("curl", "wget", "Invoke-WebRequest", "iwr ", "nslookup", "dig ", "nc ", "ping ")


def run(reading: Reading) -> Iterator[Sign]:
    """Labels that flow into senders; what flows into sending commands; what stands beside a sender."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.talks:
        yield from _sent(signs, call)
    yield from _hosts(reading, signs)
    yield from _collects(reading, signs)
    metadata = [found.place for found in reading.urls if found.trait == "cloud-metadata"]
    for call in reading.calls(roles.SEND):
        if metadata and reading.near(call, metadata):
            yield signs.at(call, "cloud", shown=_target(call))
    for call in reading.calls(roles.RUN):
        private = call.labels & _PRIVATE
        text = next((words for value in call.arguments if (words := words_of(value))), "")
        if private and any(sender in text for sender in _SENDERS):
            yield signs.at(call, "command", shown=text)
            yield from _services(signs, call, private)


def _sent(signs: Signs, call: Call) -> Iterator[Sign]:
    if roles.DNS in call.roles:
        yield from _looked_up(signs, call)
        return
    if call.roles.isdisjoint((roles.SEND, roles.FETCH)):
        return
    private = _labels(call)
    for label, name in _KINDS:
        if label in private:
            yield signs.at(call, name, shown=_target(call))
    if any(any(word in known for word in KEY_WORDS) for known in _knowns(call)):
        yield signs.at(call, "named-key", shown=_target(call))
    if any(_is_secret_file(value) for value in call.values):
        yield signs.at(call, "sensitive-file", shown=_target(call))
    if call.quiet and Label.HOST in private:
        yield signs.at(call, "quiet", shown=_target(call))
    yield from _services(signs, call, private)


def _hosts(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Senders of host facts, by which facts their group of regions asks for."""
    asked: dict[int, set[str]] = defaultdict(set)
    for call in reading.calls("host.read"):
        asked[reading.group(call)].add(call.name)
    for call in reading.calls(roles.SEND, roles.FETCH):
        names = asked[reading.group(call)]
        if not names or Label.HOST not in _labels(call):
            continue
        if names & IDENTITY:
            yield signs.at(call, "identity", shown=", ".join(sorted(names & IDENTITY)))
        if len(names) >= MANY_FACTS:
            yield signs.at(call, "many-host-facts", shown=", ".join(sorted(names)))


def _labels(call: Call) -> frozenset[Label]:
    """Private labels of what is sent. Headers are left out: every user agent names the platform."""
    sent = (*call.arguments, *(v for key, v in call.keywords.items() if key not in _NOT_SENT))
    return frozenset().union(*(value.labels for value in sent)) & _PRIVATE if sent else frozenset()


def _knowns(call: Call) -> Iterator[str]:
    """What is known of the things sent: names of fields, parts of addresses."""
    for key, value in call.keywords.items():
        if key not in _NOT_SENT:
            yield text_of(value)[:MAX_KNOWN].lower()
    for value in call.arguments[1:]:
        yield text_of(value)[:MAX_KNOWN].lower()


def _is_secret_file(value: Value) -> bool:
    labels = value.labels
    return Label.FILE in labels and (Label.SECRET in labels or Label.BROWSER in labels)


def _looked_up(signs: Signs, call: Call) -> Iterator[Sign]:
    """A name with a part that is known and a part that is data; the own address is asked without."""
    for value in call.arguments[:1]:
        known = text_of(value)
        if HOLE in known and "." in known.replace(HOLE, "") and value.labels & _PRIVATE:
            yield signs.at(call, "dns", shown=known)


def _services(signs: Signs, call: Call, private: frozenset[Label]) -> Iterator[Sign]:
    if private and call.name.startswith(CHAT_LIBRARIES):
        name = "host-to-service" if private == {Label.HOST} else "to-service"
        yield signs.at(call, name, shown=call.name)
        return
    for value in call.values:
        for kind, shown in judge_url(words_of(value)):
            if kind not in THIEVES:
                continue
            if private - {Label.HOST}:
                yield signs.at(call, "to-service", shown=shown)
            elif private:
                yield signs.at(call, "host-to-service", shown=shown)
            else:
                yield signs.at(call, "beacon", shown=shown)
            return


def _collects(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Senders in groups of kin regions that read several kinds of private data, whatever flows."""
    kinds: dict[int, set[str]] = defaultdict(set)
    for role, kind in _SOURCES:
        for call in reading.calls(role):
            kinds[reading.group(call)].add(kind)
    hosts: dict[int, set[str]] = defaultdict(set)
    for call in reading.calls("host.read"):
        hosts[reading.group(call)].add(call.name)
    for group, names in hosts.items():
        if len(names) >= MIN_FACTS:
            kinds[group].add("host facts")
    for found in reading.paths:
        if found.trait in KEY_KINDS or found.trait in PRIVATE_KINDS:
            kinds[reading.group(found.place)].add(found.trait)
    done: set[int] = set()
    for call in reading.calls(roles.SEND):
        group = reading.group(call)
        if group not in done and len(kinds[group]) > 1:
            done.add(group)
            yield signs.at(call, "collects", shown=", ".join(sorted(kinds[group])))


def _target(call: Call) -> str:
    return next((text for value in call.values if (text := text_of(value))), call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
