"""What readers of credential files share: text, lines, INI sections, JSON; errors that quote nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pratique.errors import InputError

NAME_LENGTH: Final = 256
LOOKS_LIKE_A_VALUE: Final = "(left out: looks like a value)"
_WORD: Final = re.compile(r"[A-Za-z0-9+]{20,}")
"""Words of names are shorter, or of one sort of letters: `AKIA…` is a name, base64 is not."""
_LONG: Final = 32
_CLASSES: Final = tuple(re.compile(form) for form in ("[a-z]", "[A-Z]", "[0-9]"))


class NotUnderstoodError(InputError):
    """A file is not written as expected; the message never quotes it."""


def text_of(data: bytes) -> str:
    """The text of a file. Raises: NotUnderstoodError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotUnderstoodError("it is not a text in UTF-8") from None


def json_of(data: bytes) -> Any:  # noqa: ANN401 - JSON of anything
    """The JSON value of a file. Raises: NotUnderstoodError."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotUnderstoodError("it is not JSON") from None


def table_at(value: object, *keys: str) -> dict[str, Any]:
    """The mapping at a path of keys; empty when there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}


def list_at(value: object, key: str) -> list[Any]:
    """The list at a key; empty when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def word_at(value: object, key: str) -> str:
    """The text at a key, cut; empty when there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return name_of(found) if isinstance(found, str) else ""


def name_of(text: str) -> str:
    """A name as it may be recorded: printable, of one line, cut, without what looks like a value.

    A broken file may have a value where a name belongs: a key over several lines without quotes, a
    token in the place of a user.
    """
    plain = "".join(one for one in text.strip() if one.isprintable())[:NAME_LENGTH]
    return _WORD.sub(_masked, plain)


def _masked(match: re.Match[str]) -> str:
    word = match.group()
    classes = sum(bool(one.search(word)) for one in _CLASSES)
    like_a_value = classes == len(_CLASSES) or (len(word) >= _LONG and classes > 1)
    return LOOKS_LIKE_A_VALUE if like_a_value else word


def sections_of(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Sections of an INI file with their keys (lower case) and values, in order."""
    name, table = "", dict[str, str]()
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and "]" in stripped:
            if name or table:
                yield name, table
            name, table = stripped[1 : stripped.index("]")].strip(), {}
            continue
        key, equals, value = stripped.partition("=")
        if not equals:
            key, _, value = stripped.partition(":")
        table[key.strip().lower()] = value.strip()
    if name or table:
        yield name, table
