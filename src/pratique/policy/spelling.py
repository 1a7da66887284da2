"""Versions read off file names without parsing them, where that is certain.

A page of three thousand files is decided in milliseconds, and a full parse of one file name costs
as much as all rules together. Names in the one canonical spelling, which nearly all are, need only
a regular expression; every other name goes to the full parser, so that no spelling escapes a rule.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version

from pratique.policy.model import FileFacts
from pratique.values.names import ProjectName

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_VERSION: Final = (
    rf"{_NUMBER}(?:\.{_NUMBER})*"
    rf"(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?"
)
_TAG = r"[a-z0-9_]+(?:\.[a-z0-9_]+)*"
_ZEROS = re.compile(r"(?:\.0)+(?=$|[abr]|\.post|\.dev)")


class VersionReader:
    """Reads versions from the file names of one project.

    The last answer is kept, because several rules ask about the same file in a row.
    """

    __slots__ = ("_last", "_match")

    def __init__(self, project: ProjectName) -> None:
        words = [re.escape(word) for word in project.split("-")]
        wheel = "[_.]".join(words)
        sdist = "[-_.]".join(words)
        self._match = re.compile(
            rf"(?i:{wheel})-({_VERSION})-(?:[0-9]{{1,9}}-)?{_TAG}-{_TAG}-{_TAG}\.whl"
            rf"|(?i:{sdist})-({_VERSION})\.(?:tar\.gz|zip)"
        ).fullmatch
        self._last: tuple[str, str | None] = ("", None)

    def canonical(self, filename: str) -> str | None:
        """The version as `str(Version)` would spell it; None when only the full parser can tell."""
        last = self._last
        if last[0] is filename:
            return last[1]
        found = self._match(filename)
        text = None if found is None else found[1] or found[2]
        self._last = (filename, text)
        return text

    def key(self, file: FileFacts) -> str | None:
        """The version's key (see `version_key`); None when the name tells no version."""
        text = self.canonical(file.filename)
        if text is not None:
            return _ZEROS.sub("", text) if ".0" in text else text
        distribution = file.distribution
        return None if distribution is None else version_key(distribution.version)

    def version(self, file: FileFacts) -> Version | None:
        """The version itself; None when the name tells none."""
        text = self.canonical(file.filename)
        if text is not None:
            return parse_cached(text)
        distribution = file.distribution
        return None if distribution is None else distribution.version


@functools.lru_cache(maxsize=512)
def reader_for(project: ProjectName) -> VersionReader:
    """The reader of a project."""
    return VersionReader(project)


@functools.lru_cache(maxsize=8192)
def parse_cached(text: str) -> Version:
    """A version whose spelling is known to be right."""
    return Version(text)


def version_key(version: Version) -> str:
    """A text that is equal exactly for versions that are equal under PEP 440.

    `1.0` and `1.0.0` have one key, `1.82.7` and `1.82.70` have two.
    """
    return canonicalize_version(version, strip_trailing_zero=True)


def version_key_of_text(text: str) -> str | None:
    """The key of a version as somebody spelled it; None when it is not a PEP 440 version."""
    try:
        return version_key(Version(text))
    except (InvalidVersion, ValueError):
        return None
