"""Ecosystems of OSV and types of package URLs: one name for one project.

Source: OSV schema, "Defined ecosystems"; the package-url specification's types.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from pratique.values.names import normal_name as pypi_name

_TYPES: Final = {
    "pypi": "pypi",
    "npm": "npm",
    "github actions": "githubactions",
    "crates.io": "cargo",
    "go": "golang",
    "maven": "maven",
    "nuget": "nuget",
    "rubygems": "gem",
    "packagist": "composer",
    "hex": "hex",
    "pub": "pub",
    "conan": "conan",
    "conancenter": "conan",
    "cran": "cran",
    "hackage": "hackage",
    "bitnami": "bitnami",
    "swifturl": "swift",
    "docker": "docker",
    "conda": "conda",
}
_DISTRIBUTIONS: Final = {
    "debian": ("deb", "debian"),
    "ubuntu": ("deb", "ubuntu"),
    "alpine": ("apk", "alpine"),
    "wolfi": ("apk", "wolfi"),
    "chainguard": ("apk", "chainguard"),
    "red hat": ("rpm", "redhat"),
    "rocky linux": ("rpm", "rocky-linux"),
    "almalinux": ("rpm", "almalinux"),
    "opensuse": ("rpm", "opensuse"),
    "suse": ("rpm", "suse"),
}
UNKNOWN_TYPE: Final = "generic"
"""For an ecosystem without a type of its own, and for what is in no ecosystem."""
LOWER_CASE: Final = frozenset(
    {"apk", "bitbucket", "composer", "deb", "docker", "github", "githubactions", "golang", "hex",
     "luarocks", "npm"}
)  # fmt: skip
"""Types whose names mean the same in either case, or are written in lower case only."""
_DOCKER_HUB: Final = ("docker.io/", "index.docker.io/", "library/")
"""What an image's name may begin with and mean the same."""


def package_of(ecosystem: str, name: str, purl: str) -> tuple[str, str]:
    """(type, normalized name) of what a record calls a package.

    A package URL decides where the ecosystem is not known; both are empty when nothing names it.
    """
    base = ecosystem.partition(":")[0].strip().casefold()
    if base in _DISTRIBUTIONS and name:
        type_, namespace = _DISTRIBUTIONS[base]
        return type_, normal_name(type_, f"{namespace}/{name}")
    if base in _TYPES and name:
        type_ = _TYPES[base]
        return type_, normal_name(type_, name.replace(":", "/") if type_ == "maven" else name)
    if purl:
        return parse_package(purl)
    return (UNKNOWN_TYPE, name) if name else ("", "")


def parse_package(text: str) -> tuple[str, str]:
    """(type, normalized name) of `TYPE/NAME` or of a package URL; version and rest are left out.

    Shape: two empty texts when it is neither.
    """
    bare = text.strip().removeprefix("pkg:").lstrip("/").partition("?")[0].partition("#")[0]
    type_, _, name = bare.partition("/")
    at = name.rfind("@")
    if at > 0 and name[at - 1] != "/":
        name = name[:at]
    name = unquote(name).strip("/")
    if not type_ or not name:
        return "", ""
    return type_.lower(), normal_name(type_.lower(), name)


def normal_name(type_: str, name: str) -> str:
    """A name as items of this type carry it."""
    if type_ == "pypi":
        return str(pypi_name(name))
    if type_ == "docker":
        for beginning in _DOCKER_HUB:
            name = name.removeprefix(beginning)
    return name.lower() if type_ in LOWER_CASE else name
