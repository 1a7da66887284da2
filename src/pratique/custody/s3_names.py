"""Names in a request's path and query: buckets, keys, parameters, decoded strictly.

Keys are strings, never file names. Still, clients copy them onto disks, so keys with `.` or `..`
between slashes, with control characters or with bytes that are no UTF-8 exist nowhere: registering
refuses them with the same function.
"""

from __future__ import annotations

from collections.abc import KeysView
from typing import Final
from urllib.parse import unquote_to_bytes

from pratique.custody.s3_errors import Code, S3Error

KEY_BYTES: Final = 1024
_BUCKET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_BUCKET_LENGTHS: Final = range(3, 64)
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_NO_TEXT: Final = dict.fromkeys((*range(0x20), 0x7F, 0xFFFE, 0xFFFF), "")


def decode(raw: str, *, plus: bool) -> str:
    """Percent-decode a piece of the request line; `plus`: a `+` is a space, as in queries.

    Raises: S3Error (InvalidURI) for a broken escape or bytes that are no UTF-8.
    """
    if plus and "+" in raw:
        raw = raw.replace("+", " ")
    if "%" not in raw and raw.isascii():
        return raw
    data = raw.encode("utf-8", "surrogateescape")
    position = data.find(b"%")
    while position >= 0:
        escape = data[position + 1 : position + 3]
        if len(escape) != 2 or not _HEX.issuperset(escape):  # noqa: PLR2004  # %XX
            raise S3Error(Code.INVALID_URI, "couldn't parse the URI: '%' without two hex digits")
        position = data.find(b"%", position + 3)
    try:
        return unquote_to_bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise S3Error(Code.INVALID_URI, "couldn't parse the URI: it is not UTF-8") from None


def check_bucket(name: str) -> str:
    """A dataset's name as S3 spells buckets.

    Raises: S3Error (InvalidBucketName).
    """
    if (
        len(name) not in _BUCKET_LENGTHS
        or not _BUCKET.issuperset(name)
        or name[0] in ".-"
        or name[-1] in ".-"
        or ".." in name
    ):
        raise S3Error(
            Code.INVALID_BUCKET_NAME,
            "a bucket is named by a dataset: 3 to 63 of a-z, 0-9, '.' and '-'",
        )
    return name


def check_key(key: str) -> str:
    """A key that may name an object. Slashes count: `a//b`, `/a` and `a/` are three other keys.

    Raises: S3Error (KeyTooLongError, InvalidURI).
    """
    # Most keys are short and plain: the length in characters settles most questions.
    if len(key) > KEY_BYTES or (
        not key.isascii() and len(key.encode("utf-8", "replace")) > KEY_BYTES
    ):
        raise S3Error(Code.KEY_TOO_LONG, f"a key has at most {KEY_BYTES} bytes of UTF-8")
    if not key:
        raise S3Error(Code.INVALID_URI, "the key is empty")
    if not key.isprintable():
        _check_text(key)
    if "./" in key or "/." in key or key in {".", ".."}:
        pieces = key.split("/")
        if "." in pieces or ".." in pieces:
            raise S3Error(
                Code.INVALID_URI,
                "a key with '.' or '..' between slashes would leave the folder it is copied to; "
                "no such object exists here",
            )
    return key


def _check_text(text: str) -> None:
    """Refuse what XML cannot say, because one such key would break every listing with it in."""
    if text.translate(_NO_TEXT) != text or not text.encode("utf-8", "ignore").decode() == text:
        raise S3Error(
            Code.INVALID_URI, "names have no control characters and are whole Unicode characters"
        )


def check_text(text: str, name: str) -> str:
    """A prefix, delimiter or marker: as a key, but it may be empty and need not be a key.

    Raises: S3Error (InvalidArgument).
    """
    if len(text) > KEY_BYTES or len(text.encode("utf-8", "replace")) > KEY_BYTES:
        raise S3Error(Code.INVALID_ARGUMENT, f"{name} is longer than any key")
    if not text.isprintable():
        try:
            _check_text(text)
        except S3Error as error:
            raise S3Error(Code.INVALID_ARGUMENT, f"{name}: {error.message}") from None
    return text


class Parameters:
    """The decoded query. A parameter that we read must not stand there twice: which one counts?"""

    __slots__ = ("_values",)

    def __init__(self, raw: str) -> None:
        """`raw` is the query without `?`."""
        values: dict[str, list[str]] = {}
        for piece in raw.split("&"):
            # What signs a presigned request is read in `sigv4`, and asks for nothing.
            if piece and not piece.startswith("X-Amz-"):
                name, _, value = piece.partition("=")
                values.setdefault(decode(name, plus=True), []).append(decode(value, plus=True))
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def bare(self, name: str) -> bool:
        """Whether it stands there without a value, as sub-resources do."""
        return "" in self._values.get(name, ())

    def names(self) -> KeysView[str]:
        """All names."""
        return self._values.keys()

    def text(self, name: str, default: str = "") -> str:
        """The one value. Raises: S3Error (InvalidArgument) when there are two."""
        values = self._values.get(name)
        if values is None:
            return default
        if len(values) > 1:
            raise S3Error(Code.INVALID_ARGUMENT, f"{name} stands in the query more than once")
        return values[0]

    def number(self, name: str, *, default: int, low: int, high: int) -> int:
        """The one value as a whole number. Raises: S3Error (InvalidArgument)."""
        text = self.text(name)
        if not text:
            return default
        if text.isascii() and text.isdigit() and len(text) <= 10:  # noqa: PLR2004  # 2**31 has 10
            number = int(text)
            if low <= number <= high:
                return number
        raise S3Error(Code.INVALID_ARGUMENT, f"{name} must be a whole number from {low} to {high}")
