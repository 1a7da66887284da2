"""Orders of versions: which of two is newer, per type of package; None where nobody can say.

Source: PEP 440; Semantic Versioning 2.0.0 section 11; deb-version(7), "Sorting algorithm".
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    import semver

MAX_VERSION: Final = 256
"""Longer texts are no versions; it also bounds the digits that become integers."""
SEMVER_TYPES: Final = frozenset({"npm", "cargo", "golang", "hex", "pub", "swift"})
REF_TYPES: Final = frozenset({"githubactions", "docker", "oci", "github"})
"""Types whose versions may be refs: names that can be moved."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NUMBERS: Final = re.compile(r"[vV=]?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")


class Ordered(Protocol):
    """A version that compares with others of its type."""

    def __lt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as comparison is declared everywhere
    def __gt__(self, other: Any, /) -> bool: ...  # noqa: ANN401 - as comparison is declared everywhere


@functools.cache
def lowest() -> semver.Version:
    """Before every semantic version there is."""
    import semver  # noqa: PLC0415 - as above

    return semver.Version(0, 0, 0, "0")


@functools.lru_cache(maxsize=16_384)
def semantic(text: str) -> semver.Version | None:
    """A semantic version; a leading `v` or `=` is tolerated, as npm does."""
    if len(text) > MAX_VERSION:
        return None
    try:
        import semver  # noqa: PLC0415 - a question about Python alone needs none

        return semver.Version.parse(text.strip().lstrip("=").lstrip("vV"))
    except ValueError:
        return None


@functools.lru_cache(maxsize=16_384)
def pep440(text: str) -> Version | None:
    """A Python version."""
    if len(text) > MAX_VERSION:
        return None
    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


@functools.lru_cache(maxsize=4096)
def partial(text: str) -> tuple[int, ...] | None:
    """Numbers of `v45`, `45.0`, `1.2.3`; None for other refs."""
    found = _NUMBERS.fullmatch(text.strip())
    return None if found is None else tuple(int(one) for one in found.groups() if one is not None)


def is_commit(text: str) -> bool:
    """Whether a ref is a whole commit hash: it cannot be moved."""
    return _COMMIT.fullmatch(text.strip().lower()) is not None


@functools.total_ordering
class DebianVersion:
    """A Debian version, compared as dpkg does."""

    __slots__ = ("_key", "text")

    def __init__(self, text: str) -> None:
        """Read `[epoch:]upstream[-revision]`."""
        self.text = text.strip()
        epoch, colon, rest = self.text.partition(":")
        if not colon:
            epoch, rest = "0", self.text
        upstream, dash, revision = rest.rpartition("-")
        if not dash:
            upstream, revision = rest, ""
        number = int(epoch) if epoch.isdecimal() and epoch.isascii() else 0
        self._key = (number, _dpkg_key(upstream), _dpkg_key(revision or "0"))

    def __eq__(self, other: object) -> bool:
        """Equal for dpkg."""
        return isinstance(other, DebianVersion) and self._key == other._key

    def __lt__(self, other: DebianVersion) -> bool:
        """Older for dpkg."""
        return self._key < other._key

    def __hash__(self) -> int:
        """As equality."""
        return hash(self._key)


_PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)")


def _dpkg_key(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Non-digits and digits in turn; `~` before the end, the end before letters, then the rest."""
    parts = []
    for match in _PARTS.finditer(text):
        words, digits = match.groups()
        if not words and not digits:
            continue
        letters = tuple(_letter(one) for one in words)
        parts.append(((*letters, 0), int(digits or "0")))
    # The end of the text compares as an empty part.
    return (*parts, ((0,), 0))


def _letter(one: str) -> int:
    if one == "~":
        return -1
    return ord(one) if one.isalpha() else ord(one) + 0x110000


@functools.lru_cache(maxsize=16_384)
def debian(text: str) -> DebianVersion | None:
    """A Debian version; None for what cannot be one."""
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_VERSION or not stripped.isascii() or " " in stripped:
        return None
    return DebianVersion(stripped)


def ordered(type_: str, range_type: str, text: str) -> Ordered | None:
    """A version as the range's kind orders it; None when it has no order there.

    `range_type` is OSV's: `SEMVER` means semantic versions whatever the ecosystem.
    """
    if range_type == "SEMVER" and type_ != "pypi":
        return semantic(text)
    if type_ == "pypi":
        return pep440(text)
    if type_ in SEMVER_TYPES:
        return semantic(text)
    if type_ == "githubactions":
        return _action(text)
    return debian(text) if type_ == "deb" else None


def bound(type_: str, range_type: str, text: str) -> Ordered | None:
    """As `ordered`, of the bound of a range: `0` lies before every version."""
    if text != "0":
        return ordered(type_, range_type, text) or _padded(type_, range_type, text)
    if type_ == "pypi":
        return Version("0.dev0")
    if type_ == "deb":
        return debian("0:~~~~")
    if type_ == "githubactions" or type_ in SEMVER_TYPES or range_type == "SEMVER":
        return lowest()
    return None


def _padded(type_: str, range_type: str, text: str) -> semver.Version | None:
    """Records write `46` where they mean 46.0.0."""
    semantic_type = type_ in SEMVER_TYPES or type_ == "githubactions" or range_type == "SEMVER"
    numbers = partial(text) if semantic_type and type_ != "pypi" else None
    if numbers is None:
        return None
    import semver  # noqa: PLC0415 - as above

    return semver.Version(*(*numbers, 0, 0)[:3])


def _action(text: str) -> semver.Version | None:
    """Versions of actions are tags: `v45` alone is no version, but a ref that moves along."""
    return semantic(text)


def same_version(type_: str, one: str, other: str) -> bool:
    """Whether two texts name one version: as raw texts, or as their type compares them."""
    if one == other:
        return True
    if type_ == "pypi":
        left, right = pep440(one), pep440(other)
        return left is not None and left == right
    if type_ in SEMVER_TYPES or type_ == "githubactions":
        first, second = semantic(one), semantic(other)
        return first is not None and second is not None and first == second
    if type_ == "deb":
        return debian(one) is not None and debian(one) == debian(other)
    return False


def key_of(type_: str, text: str) -> object:
    """A value that is equal exactly where `same_version` holds."""
    found: object | None = None
    if type_ == "pypi":
        found = pep440(text)
    elif type_ in SEMVER_TYPES or type_ == "githubactions":
        version = semantic(text)
        # Build metadata does not count. Source: SemVer 2.0.0 item 10.
        found = None if version is None else version.replace(build=None).to_tuple()
    elif type_ == "deb":
        found = debian(text)
    return text if found is None else found
