"""Addresses and paths: what they are, however they are spelled, and what is ordinary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.content import judge_paths
from pratique.vet.content.judges import judge_path, judge_url
from pratique.vet.content.network_place import RULE as NETWORK
from pratique.vet.content.sensitive_place import RULE as SENSITIVE

URLS = [
    ("webhook", "https://discord.com/api/webhooks/1/a"),
    ("webhook", "https://discord.com/api/v10/webhooks/1/a"),
    ("webhook", "https://api.telegram.org/bot…/sendMessage"),
    ("callback", "abc123.oast.fun"),
    ("callback", "….oast.fun"),
    ("callback", "https://webhook.site/1-2-3"),
    ("paste", "https://pastebin.com/raw/abc"),
    ("tunnel", "https://a-b-c.trycloudflare.com/x"),
    ("tunnel", "tcp://0.tcp.ngrok.io:1234"),
    ("file-host", "https://cdn.discordapp.com/attachments/1/2/a"),
    ("shortener", "https://bit.ly/abc"),
    ("own-address", "https://api.ipify.org"),
    ("dynamic-dns", "http://thing.duckdns.org/a"),
    ("raw-code", "https://raw.githubusercontent.com/a/b/main/c"),
    ("raw-code", "https://github.com/a/b/releases/download/v1/c"),
    ("free-host", "https://thing.vercel.app/api"),
    ("mining-pool", "stratum+tcp://pool.example:3333"),
    ("mining-pool", "gulf.moneroocean.stream:10128"),
    ("cloud-metadata", "http://169.254.169.254/latest/meta-data/"),
    ("cloud-metadata", "http://metadata.google.internal/computeMetadata/v1/"),
    ("public-address", "http://45.9.148.10/a"),
    ("public-address", "http://0x2d09940a/a"),
    ("public-address", "http://755602442/a"),
    ("bare-address", "45.9.148.10"),
    ("bare-address", "45.9.148.10:4444"),
    ("private-address", "http://127.0.0.1/"),
    ("onion", "http://abcdefghijklmnop.onion/a"),
    ("lookalike-name", "https://exаmple.com/"),  # noqa: RUF001 - the point: a Cyrillic letter
    ("international-name", "https://xn--80ak6aa92e.com/"),
    ("odd-port", "https://stage.example:31337/"),
    ("odd-suffix", "https://thing.xyz/a"),
    ("executable-download", "https://stage.example/a.exe?x=1"),
    ("script-download", "https://stage.example/a.ps1"),
]

QUIET_URLS = [
    "",
    "hello world",
    "os.path.join",
    "1.2.3",
    "1.2.3.4",
    "8.8.8.8",
    "https://docs.example/en/latest/index.html",
    "https://github.com/a/b/blob/main/setup.py",
    "https://github.com/a/b",
    "https://example.com/setup.exe",
    "https://Königsgäßchen.de",
    "a.b.c.d.e = x.y()",
    "user@host.example",
]

PATHS = [
    ("ssh-key", "~/.ssh/id_rsa"),
    ("cloud-credential", "/home/…/.aws/credentials"),
    ("cloud-credential", "application_default_credentials.json"),
    ("cluster-credential", "/var/run/secrets/kubernetes.io/serviceaccount/token"),
    ("package-token", "~/.pypirc"),
    ("git-credential", "~/.git-credentials"),
    ("vault-token", "~/.vault-token"),
    ("env-file", ".env"),
    ("account-file", "/etc/shadow"),
    ("shell-history", "~/.bash_history"),
    ("browser-store", r"C:\Users\…\AppData\Local\Google\Chrome\User Data\Default\Login Data"),
    ("browser-store", "\\Google\\\\Chrome\\\\User Data"),
    ("wallet", "~/.electrum/wallets"),
    ("messenger-token", "discord\\Local Storage\\leveldb"),
    ("password-manager", "~/Library/Keychains/login.keychain-db"),
    ("agent-credential", "~/.claude/settings"),
    ("ci-secret", "/var/lib/jenkins/secrets"),
    ("autostart", r"Software\Microsoft\Windows\CurrentVersion\Run"),
    ("autostart", "~/.config/systemd/user/sync.service"),
    ("shell-startup", "~/.bashrc"),
    ("ssh-access", "/srv/.ssh/authorized_keys"),
    ("python-startup", "site-packages/sitecustomize.py"),
    ("pth-name", "…/tool-setup.pth"),
    ("developer-hook", "repo/.git/hooks/pre-commit"),
    ("surveillance-device", "/dev/video0"),
]

QUIET_PATHS = [
    "", "os.environ", ".environment", "cookies", "token", "src/module.py", "docs/index.rst",
    "application/json", "my.sshx/thing", "prefix.env.example_", "history", "tdata", "profile", "a.b",
]  # fmt: skip


@pytest.mark.parametrize(("trait", "text"), URLS)
def test_an_address_says_what_it_is(trait: str, text: str) -> None:
    assert trait in dict(judge_url(text))


@pytest.mark.parametrize(("trait", "text"), [u for u in URLS if u[0] != "bare-address"])
def test_an_address_is_found_inside_text(trait: str, text: str) -> None:
    found = dict(judge_url(f'x = ("GET", "{text}", timeout=3)'))
    assert trait in found


@pytest.mark.parametrize("text", QUIET_URLS)
def test_ordinary_addresses_are_quiet(text: str) -> None:
    assert set(dict(judge_url(text))) <= {"private-address"}


def test_every_trait_of_addresses_is_proven() -> None:
    assert {trait for trait, _ in URLS} == set(NETWORK.traits)


@pytest.mark.parametrize(("trait", "text"), PATHS)
def test_a_path_says_what_it_holds(trait: str, text: str) -> None:
    assert trait in dict(judge_path(text))


@pytest.mark.parametrize(("trait", "text"), PATHS)
def test_spelling_does_not_hide_a_path(trait: str, text: str) -> None:
    assert trait in dict(judge_path(text.upper()))
    assert trait in dict(judge_path(f"cat '{text}' /x"))
    assert trait in dict(judge_path(text.replace("/", "\\")))


@pytest.mark.parametrize("text", QUIET_PATHS)
def test_ordinary_paths_are_quiet(text: str) -> None:
    assert judge_path(text) == ()


def test_every_trait_of_paths_is_proven() -> None:
    assert {trait for trait, _ in PATHS} == set(SENSITIVE.traits)


def test_every_listed_place_is_found() -> None:
    # The groups by which places are looked for must not lose one.
    for place in judge_paths._ALL:
        assert place.kind in dict(judge_path(f"~/{place.needle}")), place.needle


@given(st.text(alphabet="ab./\\:~…@[]0129xn-%\n ", max_size=200))
def test_no_text_breaks_the_judges(text: str) -> None:
    for trait, shown in judge_url(f"http://{text}") + judge_url(text):
        assert trait in NETWORK.traits
        assert shown.isprintable()
    for trait, shown in judge_path(text):
        assert trait in SENSITIVE.traits
        assert shown.isprintable()
