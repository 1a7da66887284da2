"""Files with logins of hosts: registries, indexes, git, databases."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pratique.inventory.errors import LockError
from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import (
    NotUnderstoodError,
    json_of,
    name_of,
    sections_of,
    table_at,
    text_of,
)
from pratique.inventory.text import SourceText
from pratique.inventory.yaml_text import parse_mapping

_HERE: Final = frozenset({"", "*", "localhost", "127.0.0.1", "::1"})
_NPM_SECRETS: Final = ("_authToken", "_auth", "_password")


def _at(kind: str, path: str, what: str, fingerprint: str = "") -> Identity:
    return Identity(
        kind=kind, name=f"{path}:{name_of(what)}", locator=path, fingerprint=fingerprint, local=True
    )


def docker(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per registry; helpers are asked for logins that lie elsewhere."""
    content = json_of(data)
    auths = table_at(content, "auths") or (table_at(content) if path.endswith(".dockercfg") else {})
    for host, entry in auths.items():
        value = next(
            (
                v
                for key in ("auth", "identitytoken")
                if isinstance(v := table_at(entry).get(key), str)
            ),
            "",
        )
        yield _at("registry-login", path, host, fingerprints.of(value))
    for host in table_at(content, "credHelpers"):
        yield _at("registry-login", path, host)
    if isinstance(content, dict) and isinstance(content.get("credsStore"), str):
        yield _at("registry-login", path, "(credential store)")


def npmrc(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A token per registry."""
    for line in text_of(data).splitlines():
        key, equals, value = line.strip().partition("=")
        host, _, setting = key.strip().rpartition(":") if ":" in key else ("", "", key.strip())
        if equals and setting in _NPM_SECRETS:
            place = host.strip("/") or "(any registry)"
            yield _at("npm-token", path, place, fingerprints.of(value.strip().strip('"')))


def netrc(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per machine."""
    words: list[str] = []
    for line in text_of(data).splitlines():
        if line.lstrip().startswith("#"):
            continue
        lexer = shlex.shlex(line, posix=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        try:
            words += lexer
        except ValueError:
            raise NotUnderstoodError("a quote is not closed") from None
    machine, password = "", ""
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if word in {"machine", "default"}:
            if machine:
                yield _at("netrc-login", path, machine, fingerprints.of(password))
            machine, password = following if word == "machine" else "default", ""
        elif word == "password":
            password = following
    if machine:
        yield _at("netrc-login", path, machine, fingerprints.of(password))


def pypirc(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per index."""
    for section, table in sections_of(text_of(data)):
        if "password" in table or "username" in table:
            yield _at("index-login", path, section, fingerprints.of(table.get("password", "")))


def pgpass(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per line: the same user of the same host is one identity wherever it lies."""
    for line in text_of(data).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = line.replace("\\\\", "\0").replace("\\:", "\1").split(":")
        if len(fields) < 5:  # noqa: PLR2004 - host, port, database, user, password
            raise NotUnderstoodError("a line has fewer than five fields")
        host, port, database, user, *password = (
            one.replace("\1", ":").replace("\0", "\\") for one in fields
        )
        yield _database(path, user, host, f"{port}/{database}", ":".join(password), fingerprints)


def my_cnf(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per section with a password."""
    for section, table in sections_of(text_of(data)):
        password = table.get("password", table.get("pass", ""))
        if password:
            user = table.get("user", "") or section
            yield _database(
                path, user, table.get("host", ""), table.get("port", "3306"), password, fingerprints
            )


def _database(
    path: str, user: str, host: str, rest: str, password: str, fingerprints: Fingerprints
) -> Identity:
    local = host in _HERE
    name = f"{name_of(user)}@{name_of(host) or 'localhost'}:{name_of(rest)}"
    return Identity(
        kind="database-login",
        name=f"{path}:{name}" if local else name,
        locator=path,
        fingerprint=fingerprints.of(password),
        local=local,
    )


def git_credentials(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """A login per host."""
    for line in text_of(data).splitlines():
        if not line.strip():
            continue
        try:
            parts = urlsplit(line.strip())
            host, user, password = parts.hostname or "", parts.username or "", parts.password or ""
        except ValueError:
            raise NotUnderstoodError("a line is no URL") from None
        if host:
            # The token stands in either place: `bot:TOKEN@` and `TOKEN:x-oauth-basic@`.
            yield _at(
                "git-credential", path, host, fingerprints.of(password) or fingerprints.of(user)
            )


def forge_hosts(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """Logins of the command-line tools of forges."""
    try:
        content = parse_mapping(SourceText(path, data))
    except LockError:
        raise NotUnderstoodError("it is not YAML") from None
    for host, entry in (table_at(content, "hosts") or content).items():
        table = table_at(entry)
        value = next(
            (v for key in ("oauth_token", "token") if isinstance(v := table.get(key), str)), ""
        )
        if value or "user" in table:
            yield _at("git-credential", path, host, fingerprints.of(value))
