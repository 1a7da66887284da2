"""Items out of the words of logs: names normalized, versions exactly as written."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pratique.inventory.observed.model import Item

_PYPI_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_NPM_NAME: Final = re.compile(r"(?:@[a-zA-Z0-9._~-]+/)?[a-zA-Z0-9._~-]+\Z")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_TARBALL: Final = re.compile(
    r"/((?:@[^/\s]+(?:/|%2[fF]))?[^/\s@]+)/-/(?:@[^/\s]+/)?([^/\s]+)\.tgz\b"
)
MAX_WORD: Final = 300
"""Of a name, version or file name: longer ones are no such thing."""


def pypi(name: str, version: str = "", *, filename: str = "", digest: str = "") -> Item | None:
    """A release on a Python index; None when the name is none."""
    if len(name) > MAX_WORD or len(version) > MAX_WORD or _PYPI_NAME.match(name) is None:
        return None
    return Item(
        type="pypi",
        name=canonicalize_name(name),
        version=version,
        digest=digest,
        filename=filename,
    )


def pypi_file(filename: str) -> Item | None:
    """The release of a wheel or sdist, by its file name; None when it is no such name."""
    if len(filename) > MAX_WORD:
        return None
    bare = unquote(filename)
    try:
        if bare.endswith(".whl"):
            return _wheel(bare)
        if bare.endswith((".tar.gz", ".zip")):
            name, version = parse_sdist_filename(bare)
            return pypi(name, _spelled(bare, str(version)), filename=bare)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        pass
    return None


def _wheel(filename: str) -> Item | None:
    name, version, _build, _tags = parse_wheel_filename(filename)
    return pypi(name, _spelled(filename, str(version)), filename=filename)


def _spelled(filename: str, parsed: str) -> str:
    """The version as the file name spells it, where that can be told."""
    if filename.endswith(".whl"):
        return filename.split("-")[1]
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    return stem.rpartition("-")[2] or parsed


def pypi_pair(word: str) -> Item | None:
    """`python-dateutil-2.8.2`, as pip spells what it installed: the last dash before a version."""
    at = len(word) if len(word) <= 2 * MAX_WORD else 0
    while (at := word.rfind("-", 0, at)) > 0:
        version = word[at + 1 :]
        if version[:1].isdigit() and _is_version(version):
            return pypi(word[:at], version)
    return None


def _is_version(text: str) -> bool:
    if len(text) > MAX_WORD:
        return False
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def npm(name: str, version: str = "", *, filename: str = "") -> Item | None:
    """A release on a JavaScript registry; None when the name is none."""
    if len(name) > MAX_WORD or len(version) > MAX_WORD or _NPM_NAME.match(name) is None:
        return None
    return Item(type="npm", name=name.lower(), version=version, filename=filename)


def npm_tarball(url: str) -> Item | None:
    """The release behind `…/axios/-/axios-1.14.1.tgz`; None when the URL is no tarball's."""
    found = _TARBALL.search(url)
    if found is None:
        return None
    name = unquote(found.group(1))
    stem = unquote(found.group(2))
    version = stem.removeprefix(name.rpartition("/")[2] + "-")
    if version == stem or not version[:1].isdigit():
        return None
    return npm(name, version, filename=f"{stem}.tgz")


def action(reference: str, commit: str = "") -> Item | None:
    """`owner/repo/path@ref` of a workflow step: the repository, the ref as version."""
    path, _, ref = reference.partition("@")
    parts = path.split("/")
    if len(parts) < 2 or not all(parts[:2]) or not ref or len(reference) > MAX_WORD:  # noqa: PLR2004 - owner and repository
        return None
    return Item(
        type="githubactions",
        name="/".join(parts[:2]).lower(),
        version=ref,
        digest=f"sha1:{commit.lower()}" if commit else "",
    )


def image(reference: str, digest: str = "") -> Item | None:
    """`registry/name:tag@sha256:…`: the name without the default registry, the tag as version."""
    named, _, inline = reference.partition("@")
    digest = digest or inline
    if _DIGEST.match(digest) is None:
        digest = ""
    host, slash, rest = named.rpartition("/")
    name, _, tag = rest.partition(":")
    full = f"{host}{slash}{name}".removeprefix("docker.io/").removeprefix("library/")
    if not name or len(reference) > MAX_WORD or re.search(r"[\s'\"]", reference):
        return None
    return Item(type="docker", name=full.lower(), version=tag, digest=digest)
