"""Package URLs as items: cut where nothing is escaped, parsed by packageurl-python where it is.

Source: ECMA-427 (purl); docs of the types at github.com/package-url/purl-spec.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from packaging.utils import canonicalize_name

from pratique.inventory.environments.items import plain, read_digest
from pratique.inventory.observed.model import Item

MAX_PURL: Final = 4000
_LOWER_CASE: Final = frozenset(
    {
        "bitbucket",
        "composer",
        "deb",
        "apk",
        "github",
        "githubactions",
        "golang",
        "hex",
        "luarocks",
        "npm",
    }
)
"""Types whose names do not tell upper from lower case."""


def item_of_purl(purl: str, digest: str = "") -> Item | None:
    """The item that a purl names; None when it is none. `digest` is what else is known of it."""
    cut = _cut(purl)
    if cut is None:
        return None
    kind, name, version, filename, own_digest = cut
    return Item(
        type=kind, name=name, version=version, digest=digest or own_digest, filename=filename
    )


@lru_cache(maxsize=8192)
def _cut(purl: str) -> tuple[str, str, str, str, str] | None:
    if len(purl) > MAX_PURL:
        return None
    body = purl
    if "?" in purl or "#" in purl:
        if "checksum=" in purl or "file_name=" in purl:
            return _parsed(purl)  # of all qualifiers only these name a file
        body = purl.partition("#")[0].partition("?")[0]
    if body.startswith("pkg:npm/%40"):
        body = "pkg:npm/@" + body[11:]  # the one escape that is in every second document
    if "%" in body or "//" in body or not body.startswith("pkg:"):
        return _parsed(purl)
    kind, slash, rest = body[4:].partition("/")
    name, at, version = rest.rpartition("@")
    if not at or "/" in version:
        name, version = rest, ""
    if not slash or not name or not kind.isalnum() or name[-1] == "/" or name[0] == "/":
        return _parsed(purl)
    return _named(kind.lower(), name, version, "", "")


def _parsed(purl: str) -> tuple[str, str, str, str, str] | None:
    from packageurl import PackageURL  # noqa: PLC0415 - 36 ms, for the few that need it

    try:
        read = PackageURL.from_string(purl)
    except ValueError:
        return None
    name = f"{read.namespace}/{read.name}" if read.namespace else read.name
    qualifiers = dict(read.qualifiers)
    algorithm, _, digits = qualifiers.get("checksum", "").partition(",")[0].partition(":")
    filename = qualifiers.get("file_name", "")
    version = read.version or ""
    return _named(read.type, name, version, filename, read_digest(algorithm, digits))


def _named(
    kind: str, name: str, version: str, filename: str, digest: str
) -> tuple[str, str, str, str, str]:
    name = plain(name)
    if kind == "pypi":
        name = canonicalize_name(name)
    elif kind in _LOWER_CASE:
        name = name.lower()
    if not digest and ":" in version:
        digest = read_digest(*version.split(":", 1))  # images are named by their digest
    return plain(kind), name, plain(version), plain(filename), digest
