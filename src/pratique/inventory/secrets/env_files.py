"""Env files: names of variables, and fingerprints of values that nobody could guess.

Source: the grammar of python-dotenv (docs/reference/secrets.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import NAME_LENGTH, name_of, text_of

_NAME: Final = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?:'([^'\n]{1,256})'|([^=\#\s'\"]{1,256}))[ \t]*(=)?[ \t]*"
)
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE: Final = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_BARE: Final = re.compile(r"[^\n]*")
_COMMENT: Final = re.compile(r"\s#.*")
_HEREDOC: Final = re.compile(
    r"(=[ \t]*<<-?)([A-Za-z_]\w{0,99})\n.*?(?:^[ \t]*\2[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
"""Lines of a text over several lines look like assignments now and then."""
_VARIABLE: Final = re.compile(
    r"^[ \t]*([A-Za-z_][A-Za-z0-9_-]{0,255})[ \t]*=[ \t]*(.*)$", re.MULTILINE
)


def env(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """Every variable of an env file."""
    for name, value in assignments(text_of(data)):
        yield Identity(
            kind="env",
            name=f"{path}:{name_of(name)}",
            locator=path,
            fingerprint=fingerprints.of(value),
            local=True,
        )


def assignments(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of every assignment."""
    place = 0
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    while place < len(text):
        match = _NAME.match(text, place)
        end = _end_of_line(text, place)
        if match is None or match.end() > end + 1:
            place = end + 1
            continue
        name = (match[1] or match[2])[:NAME_LENGTH]
        if match[3] is None:
            # A name alone has no value; in a broken file it may itself be a part of one.
            place = end + 1
            continue
        value, place = _value(text, match.end(3))
        yield name, value


def _end_of_line(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found


def _value(text: str, place: int) -> tuple[str, int]:
    """A value and where the next line begins; quoted ones may go over lines."""
    while place < len(text) and text[place] in " \t":
        place += 1
    quote = text[place : place + 1]
    quoted = {'"': _DOUBLE, "'": _SINGLE}.get(quote)
    match = quoted.match(text, place) if quoted is not None else None
    if match is not None:
        return match[1], _end_of_line(text, match.end()) + 1
    bare = _BARE.match(text, place)
    end = bare.end() if bare is not None else len(text)
    return _COMMENT.sub("", text[place:end]).strip(), end + 1


def terraform_variables(path: str, data: bytes, fingerprints: Fingerprints) -> Iterator[Identity]:
    """Every variable of a `.tfvars` file."""
    for match in _VARIABLE.finditer(_HEREDOC.sub(r"\1", text_of(data))):
        value = match[2].strip()
        quoted = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else ""
        yield Identity(
            kind="terraform-variables",
            name=f"{path}:{name_of(match[1])}",
            locator=path,
            fingerprint=fingerprints.of(quoted),
            local=True,
        )
