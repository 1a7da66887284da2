"""Rule `sensitive-place`: paths of credentials, private stores and places that start things.

What counts is in `judge_paths`; here are the words for people. Source: docs/rules/sensitive-place.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.texts import SCRIPTS, bounded_text, sign_near
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME = "sensitive-place"

_LOW, _MEDIUM, _HIGH = Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH

RULE = Rule(
    name=NAME,
    title="Path of credentials, private stores or start-up places",
    techniques=("T1552.001", "T1555.003", "T1547"),
    what="Names a file or folder in which people keep keys, tokens, cookies, wallets or histories, or"
    " a place whose content is run at log-in, at boot or by other tools.",
    danger="The first group is what thieves collect; whoever writes to the second comes back.",
    benign="Command line tools read their own credential file; installers document start-up files.",
    traits={
        "ssh-key": trait("names SSH or GPG keys", Severity.HIGH, _MEDIUM),
        "cloud-credential": trait("names a cloud's credential files", Severity.HIGH, _MEDIUM),
        "cluster-credential": trait(
            "names credentials of Kubernetes or Docker", Severity.HIGH, _MEDIUM
        ),
        "package-token": trait("names the tokens of package publishers", Severity.HIGH, _MEDIUM),
        "git-credential": trait("names stored git credentials", Severity.HIGH, _MEDIUM),
        "vault-token": trait("names password or token files of tools", Severity.MEDIUM, _MEDIUM),
        "env-file": trait("names `.env` files", Severity.MEDIUM, _LOW),
        "account-file": trait("names the system's account files", Severity.MEDIUM, _MEDIUM),
        "shell-history": trait("names histories of shells and tools", Severity.HIGH, _HIGH),
        "browser-store": trait("names stores of web browsers", Severity.HIGH, _MEDIUM),
        "wallet": trait("names wallets or seed phrases", Severity.HIGH, _MEDIUM),
        "messenger-token": trait("names stores of messengers and games", Severity.HIGH, _MEDIUM),
        "password-manager": trait("names stores of password managers", Severity.HIGH, _MEDIUM),
        "agent-credential": trait("names credentials of AI tools", Severity.MEDIUM, _MEDIUM),
        "ci-secret": trait("names secrets or files of build servers", Severity.MEDIUM, _LOW),
        "autostart": trait("names a place whose content the system starts", Severity.HIGH, _MEDIUM),
        "shell-startup": trait("names the start-up file of a shell", Severity.MEDIUM, _MEDIUM),
        "ssh-access": trait("names the files that let people in by SSH", Severity.HIGH, _MEDIUM),
        "python-startup": trait(
            "names a file that every Python interpreter runs", Severity.HIGH, _MEDIUM
        ),
        "pth-name": trait("ends like a path file (`.pth`)", Severity.INFO, _LOW),
        "developer-hook": trait(
            "names hooks and instruction files of developers' tools", Severity.MEDIUM, _LOW
        ),
        "surveillance-device": trait(
            "names cameras, input devices or message stores", Severity.MEDIUM, _LOW
        ),
    },
)


def find_places(data: bytes, language: Language) -> Iterator[Sign]:
    """Judge a script as one text: each kind of place once."""
    text = bounded_text(data, language)
    for kind, shown in judge_path(text):
        if kind != "pth-name":
            yield sign_near(NAME, kind, text, shown)


ANALYSIS = ContentAnalysis(rule=RULE, languages=SCRIPTS, run=find_places)
