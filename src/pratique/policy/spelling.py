"""Versions read off file names without parsing them, where that is certain.

A page of three thousand files is decided in milliseconds, and a full parse of one file name costs
as much as all rules together. Names in the one canonical spelling, which nearly all are, need only
a regular expression; every other name goes to the full parser, so that no spelling escapes a rule.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from packaging.version import InvalidVersion, Version

from pratique.policy.model import FileFacts
from pratique.values.names import (
    DistributionKind,
    ProjectName,
    parse_distribution_filename,
    trimmed_version,
)

_NUMBER = r"(?:0|[1-9][0-9]*)"
_RELEASE = rf"{_NUMBER}(?:\.{_NUMBER})*"
_VERSION = rf"{_RELEASE}(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?"
_ZEROS = re.compile(r"(?:\.0)+(?=$|[abr]|\.post|\.dev)")
_is_release = re.compile(_RELEASE).fullmatch
_is_version = re.compile(_VERSION).fullmatch
_MEMORY: Final = 256
"""How many spellings of a name, and of tags, are remembered for one project."""
_MAX_LENGTH: Final = 254
"""Longer names are none; it also bounds the digits that become integers."""


class VersionReader:
    """Reads versions from the file names of one project.

    The last answer is kept, because several rules ask about the same file in a row; so are the
    few spellings of the project's name and of the tags that all its files share.
    """

    __slots__ = ("_heads", "_last", "_project", "_sdist", "_tails")

    def __init__(self, project: ProjectName) -> None:
        words = [re.escape(word) for word in project.split("-")]
        self._project = project
        self._sdist = re.compile(
            rf"(?i:{'[-_.]'.join(words)})-({_VERSION})\.(?:tar\.gz|zip)"
        ).fullmatch
        self._heads: dict[str, bool] = {}
        self._tails: dict[str, bool] = {}
        self._last: tuple[str, str | None] = ("", None)

    def canonical(self, filename: str) -> str | None:
        """The version as `str(Version)` would spell it; None when only the full parser can tell."""
        last = self._last
        if last[0] is filename:
            return last[1]
        text = self._read(filename)
        self._last = (filename, text)
        return text

    def _read(self, filename: str) -> str | None:
        parts = filename.split("-", 2)
        if len(parts) == 3 and self._knows(parts[0], parts[2]):  # noqa: PLR2004 - name, version, tags
            text = parts[1]
        elif len(parts) == 2 and filename.endswith(".tar.gz") and self._knows(parts[0], ""):  # noqa: PLR2004 - name, version
            text = parts[1][:-7]
        else:
            found = self._sdist(filename) if len(filename) <= _MAX_LENGTH else None
            return None if found is None else found[1]
        if len(text) > _MAX_LENGTH or (_is_release(text) or _is_version(text)) is None:
            return None
        return text

    def _knows(self, head: str, tail: str) -> bool:
        """Whether this is a spelling of the project's name, and of a wheel's tags (or nothing)."""
        good_head = self._heads.get(head)
        if good_head is None:
            good_head = self._learn(self._heads, head, f"{head}-0-py3-none-any.whl")
        good_tail = not tail or self._tails.get(tail)
        if good_tail is None:
            good_tail = self._learn(self._tails, tail, f"{head}-0-{tail}") if good_head else False
        return good_head and good_tail

    def _learn(self, memory: dict[str, bool], text: str, example: str) -> bool:
        """Ask the full parser once whether a wheel's name may have this part."""
        parsed = parse_distribution_filename(example, project=self._project)
        known = parsed is not None and parsed.kind is DistributionKind.WHEEL
        if len(memory) < _MEMORY:
            memory[text] = known
        return known

    def plain_key(self, filename: str) -> str | None:
        """The key of a version without epoch and local part; None where only a parser can tell."""
        text = self.canonical(filename)
        return _ZEROS.sub("", text) if text is not None and ".0" in text else text

    def key(self, file: FileFacts) -> str | None:
        """The version's key (see `version_key`); None when the name tells no version."""
        plain = self.plain_key(file.filename)
        if plain is not None:
            return plain
        distribution = file.distribution
        return None if distribution is None else version_key(distribution.version)

    def version(self, file: FileFacts) -> Version | None:
        """The version itself; None when the name tells none."""
        text = self.canonical(file.filename)
        if text is not None:
            return parse_cached(text)
        distribution = file.distribution
        return None if distribution is None else distribution.version


@functools.lru_cache(maxsize=64)
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
    return trimmed_version(version, local=True)


def version_key_of_text(text: str) -> str | None:
    """The key of a version as somebody spelled it; None when it is not a PEP 440 version."""
    try:
        return version_key(Version(text))
    except (InvalidVersion, ValueError):
        return None
