"""Pages of a listing: prefixes, delimiters and where the next page begins.

Keys sort by the bytes of their UTF-8, as in S3. A common prefix is one row, and what is below it is
skipped by asking the source for keys after all of it: a folder of a million keys costs one question.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import KEY_BYTES

_CHUNK: Final = 1001
"""Keys per question to the source: a full page and one more, which tells whether there is another."""
_FIRST: Final = 64
_FEWEST: Final = 16
"""With a delimiter, questions grow while keys become rows, and shrink where folders are skipped."""
_TAG_BYTES: Final = 16
_LAST: Final = "\U0010ffff"


class Entry(Protocol):
    """What is listed, as far as paging goes."""

    @property
    def key(self) -> str:
        """Its key."""
        ...


class KeySource(Protocol):
    """Sorted keys of one dataset."""

    def after(self, after: str, *, prefix: str, limit: int) -> Sequence[Entry]:
        """At most `limit` entries with `prefix` whose keys are greater than `after`, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one answer."""

    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...]
    next_after: str
    """Where the next page begins: pass it as `after`. Empty: this was the last page."""

    @property
    def truncated(self) -> bool:
        """Whether there is more."""
        return self.next_after != ""


def list_page(source: KeySource, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """One page of at most `limit` keys and common prefixes together.

    Shape: `after` is a key, a marker, or a common prefix of the page before, all of which is then
    behind us. A `limit` of 0 gives an empty last page, as S3 does.
    """
    entries: list[Entry] = []
    prefixes: list[str] = []
    if limit <= 0:
        return Page(entries=(), prefixes=(), next_after="")
    position = _behind(after, prefix, delimiter)
    ask = min(_FIRST if delimiter else _CHUNK, limit + 1)
    last = ""
    while True:
        found = source.after(position, prefix=prefix, limit=ask)
        skip = None
        for entry in found:
            if skip is not None and entry.key.startswith(skip):
                continue
            if len(entries) + len(prefixes) == limit:
                return Page(entries=tuple(entries), prefixes=tuple(prefixes), next_after=last)
            skip = _common(entry.key, prefix, delimiter)
            if skip is None:
                entries.append(entry)
                position = last = entry.key
            else:
                prefixes.append(skip)
                last, position = skip, _end_of(skip)
        if len(found) < ask:
            return Page(entries=tuple(entries), prefixes=tuple(prefixes), next_after="")
        ask = min(_CHUNK, ask * 2) if skip is None else max(_FEWEST, ask // 2)


def _common(key: str, prefix: str, delimiter: str) -> str | None:
    """The key up to and with the first delimiter behind the prefix; None: it is a row of its own."""
    if not delimiter:
        return None
    found = key.find(delimiter, len(prefix))
    return None if found < 0 else key[: found + len(delimiter)]


def _behind(after: str, prefix: str, delimiter: str) -> str:
    """A marker within a common prefix is behind all of it only when it is that prefix."""
    if after and after.startswith(prefix) and _common(after, prefix, delimiter) == after:
        return _end_of(after)
    return after


def _end_of(common: str) -> str:
    """A text that sorts behind every key that begins with `common`, and before all others.

    No key has more than 1,024 bytes, and none sorts behind as many of the last character as fit.
    """
    return common + _LAST * (KEY_BYTES // 4 + 1)


class SelectedKeys:
    """A key source that shows only keys below some prefixes: those that a lease selects."""

    def __init__(self, source: KeySource, allowed: Iterable[str]) -> None:
        """`allowed` are prefixes; the empty one allows all."""
        self._source = source
        kept: list[str] = []
        for prefix in sorted(allowed):
            if not kept or not prefix.startswith(kept[-1]):
                kept.append(prefix)
        self._allowed = tuple(kept)

    def after(self, after: str, *, prefix: str, limit: int) -> Sequence[Entry]:
        """As the source, without keys outside. Disjoint prefixes in order give keys in order."""
        found: list[Entry] = []
        for allowed in self._allowed:
            if not (allowed.startswith(prefix) or prefix.startswith(allowed)):
                continue
            narrow = max(allowed, prefix, key=len)
            if len(found) < limit and (after.startswith(narrow) or after < narrow):
                found += self._source.after(after, prefix=narrow, limit=limit - len(found))
        return found


class Tokens:
    """Continuation tokens: opaque to clients, and good only for the listing they came from.

    A token carries the last row and a MAC over dataset, prefix, delimiter and that row. So nobody can
    make one that begins elsewhere, such as below a prefix that a lease does not see.
    """

    def __init__(self, key: bytes) -> None:
        """`key` is secret, of 16 bytes or more, and the same on all nodes."""
        self._key = key

    def render(self, *, bucket: str, prefix: str, delimiter: str, after: str) -> str:
        """The token of a page's end."""
        tag = self._tag(bucket, prefix, delimiter, after)
        return urlsafe_b64encode(tag + after.encode()).decode()

    def parse(self, token: str, *, bucket: str, prefix: str, delimiter: str) -> str:
        """Where the next page begins.

        Raises: S3Error (InvalidArgument).
        """
        try:
            if len(token) > 4 * KEY_BYTES:
                raise ValueError  # noqa: TRY301  # one answer for everything that is no token
            data = urlsafe_b64decode(token.encode("ascii"))
            after = data[_TAG_BYTES:].decode()
            if urlsafe_b64encode(data).decode() != token:
                raise ValueError  # noqa: TRY301  # as above: other spellings are none of ours
        except ValueError:
            raise _bad_token() from None
        if not hmac.compare_digest(data[:_TAG_BYTES], self._tag(bucket, prefix, delimiter, after)):
            raise _bad_token()
        return after

    def _tag(self, *parts: str) -> bytes:
        # Lengths keep ("a", "bc") and ("ab", "c") apart.
        text = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return hmac.digest(self._key, b"pratique-list-1" + text, "sha256")[:_TAG_BYTES]


def _bad_token() -> S3Error:
    return S3Error(
        Code.INVALID_ARGUMENT,
        "the continuation token provided is incorrect: it belongs to another listing, or was changed",
    )
