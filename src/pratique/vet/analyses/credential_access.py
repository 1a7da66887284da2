"""Where secrets lie, read or searched for."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label, Text

RULE = Rule(
    name="credential-access",
    title="Reads places where secrets lie",
    techniques=("T1552.001", "T1552.004", "T1555.003", "T1552.005", "T1539", "T1528"),
    what="Opens, lists, copies or names files that hold keys, tokens, passwords, cookies or "
    "wallets, decrypts browser passwords, asks the cloud's metadata service, or searches "
    "text for tokens.",
    danger="These files open accounts, repositories and clouds without a password; one that "
    "names many kinds of them collects, it does not use.",
    benign="A cloud library reads its own cloud's credentials, an SSH library reads keys, a "
    "secret scanner has patterns of tokens.",
    traits={
        "key-file": trait(
            "reads key, cloud or package credentials", Severity.MEDIUM, Confidence.LOW
        ),
        "private-store": trait(
            "reads browser, wallet, messenger or password manager stores", Severity.HIGH, Confidence.MEDIUM
        ),
        "account-file": trait(
            "reads the system's account or process secrets", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "names-private-store": trait(
            "names browser, wallet, messenger or password manager stores", Severity.MEDIUM, Confidence.LOW
        ),
        "names-key-file": trait(
            "names files that hold credentials", Severity.LOW, Confidence.LOW
        ),
        "two-kinds": trait(
            "names two or three kinds of secret files", Severity.MEDIUM, Confidence.LOW
        ),
        "many-kinds": trait(
            "names four or more kinds of secret files", Severity.HIGH, Confidence.HIGH
        ),
        "browser-decrypt": trait(
            "decrypts passwords that a browser stored", Severity.CRITICAL, Confidence.HIGH
        ),
        "keychain": trait(
            "reads a keychain or credential manager", Severity.MEDIUM, Confidence.LOW
        ),
        "cookies": trait(
            "reads cookies out of browsers", Severity.HIGH, Confidence.MEDIUM
        ),
        "cloud-metadata": trait(
            "asks the cloud's metadata service", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "environment-dump": trait(
            "goes through the whole environment", Severity.LOW, Confidence.LOW
        ),
        "token-pattern": trait(
            "searches text for tokens of services", Severity.HIGH, Confidence.MEDIUM
        ),
        "wifi-passwords": trait(
            "reads saved WiFi passwords", Severity.CRITICAL, Confidence.HIGH
        ),
        "messenger-injection": trait(
            "changes the program files of a messenger or wallet", Severity.CRITICAL, Confidence.HIGH
        ),
    },
)  # fmt: skip

KEY_KINDS = frozenset(
    ["ssh-key", "cloud-credential", "cluster-credential", "package-token", "git-credential", "vault-token",
     "agent-credential", "ci-secret", "shell-history", "env-file"]
)  # fmt: skip
PRIVATE_KINDS = frozenset(["browser-store", "wallet", "messenger-token", "password-manager"])
MANY_KINDS = 4
"""Kinds of secret files that no honest library needs together."""
_FILE_ROLES = (roles.READ, roles.LIST, roles.ARCHIVE, roles.WRITE)
_BROWSER_MARKS = ("os_crypt", "encrypted_key", "Login Data", "Local State", "password_value", "v10")
_TOKEN_FORMS = (
    "{24}\\.[", "{6}\\.[", "mfa\\.[", "mfa\\\\.", "ghp_[", "gh[ps", "gh[pous", "AKIA[", "(AKIA", "xox[b",
    "npm_[A", "sk-[a", "sk-[A", "dQw4w9WgXcQ:[", "AIza[", "pypi-[A", "glpat-[", "hf_[a", "sk-ant-[",
    "BEGIN (RSA", "BEGIN [A-Z", "ASIA[",
)  # fmt: skip
"""Parts of regular expressions that find tokens; the form of a token is public, its search is a purpose."""
_WIFI = (
    "key=clear",
    "wlan show profile",
    "find-generic-password -wa",
    "NetworkManager/system-connections",
)
_INJECTED = ("discord_desktop_core", "app.asar", "index.js")
_DUMPS = (".items", ".values", ".keys", ".__repr__", ".__iter__")


def run(reading: Reading) -> Iterator[Sign]:
    """Secret places used by calls, then named in texts, then the special means."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.calls(*_FILE_ROLES, roles.RUN):
        yield from _used(reading, signs, call)
    yield from _named(reading, signs)
    yield from _means(reading, signs)
    yield from _texts(reading, signs)


def _used(reading: Reading, signs: Signs, call: Call) -> Iterator[Sign]:
    for found in reading.judge_path_values(call):
        if found.trait in PRIVATE_KINDS:
            yield signs.at(call, "private-store", shown=found.shown)
        elif found.trait in KEY_KINDS:
            yield signs.at(call, "key-file", shown=found.shown)
        elif found.trait == "account-file":
            yield signs.at(call, "account-file", shown=found.shown)
    if (
        roles.READ in call.roles
        and call.name not in roles.OPEN_NAMES
        and carries(call, Label.BROWSER)
    ):
        yield signs.at(call, "private-store", shown=call.name)


def _named(reading: Reading, signs: Signs) -> Iterator[Sign]:
    kinds: dict[str, str] = {}
    last: Call | Text | None = None
    for found in reading.paths:
        if found.trait in PRIVATE_KINDS:
            yield signs.at(found.place, "names-private-store", shown=found.shown)
        elif found.trait in KEY_KINDS:
            yield signs.at(found.place, "names-key-file", shown=found.shown)
        else:
            continue
        kinds.setdefault(found.trait, found.shown)
        last = last or found.place
    if last is not None and len(kinds) > 1:
        name = "many-kinds" if len(kinds) >= MANY_KINDS else "two-kinds"
        yield signs.at(last, name, shown=", ".join(f"{k}: {v}" for k, v in kinds.items()))


def _means(reading: Reading, signs: Signs) -> Iterator[Sign]:
    texts = reading.all_text
    for call in reading.file.calls:
        if call.name.endswith("CryptUnprotectData") and any(
            mark in texts for mark in _BROWSER_MARKS
        ):
            yield signs.at(call, "browser-decrypt", shown=call.name)
        elif "credential.read" in call.roles and not call.name.startswith("getpass"):
            yield signs.at(call, "keychain", shown=call.name)
        elif "browser.read" in call.roles:
            yield signs.at(call, "cookies", shown=call.name)
        elif "environment.dump" in call.roles and call.name.endswith(_DUMPS):
            yield signs.at(call, "environment-dump", shown=call.name)
    for found in reading.urls:
        if found.trait == "cloud-metadata" and reading.talks:
            yield signs.at(found.place, "cloud-metadata", shown=found.shown)


def _texts(reading: Reading, signs: Signs) -> Iterator[Sign]:
    every = reading.all_text
    forms = tuple(form for form in _TOKEN_FORMS if form in every)
    wifi = tuple(mark for mark in _WIFI if mark in every)
    for text in reading.texts if forms or wifi else ():
        head = text.text[:2000]
        if any(form in head for form in forms):
            yield signs.at(text, "token-pattern", shown=head)
        if any(mark in head for mark in wifi):
            yield signs.at(text, "wifi-passwords", shown=head)
    writes = reading.calls(roles.WRITE)
    if writes and _INJECTED[0] in reading.all_text:
        yield signs.at(writes[0], "messenger-injection", shown=_INJECTED[0])


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
