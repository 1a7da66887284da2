"""Text of hostile files, made fit to show: nothing invisible, no secret, no endless line."""

from __future__ import annotations

import re

from pratique.vet.content.secret_forms import find_secrets

EXCERPT = 240
"""Characters of an excerpt; `model.Sign.excerpt` promises it."""
SHOWN = 480
"""Characters of what something comes to after decoding; `model.Sign.shown` promises it."""
_KEEP = 4
"""Last characters of a secret that stay, so that its owner knows which one it is."""
_AROUND = 4
"""How many widths around the place are read: secrets and runs are seen whole, and no more is read."""

_ENCODED_RUN = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{97,}")
_BLANK_RUN = re.compile(r"(?<![ \t\u00a0])[ \t\u00a0]{17,}")
_RUN_HEAD = 32

# Letters and marks that print as nothing, or change what the character before them looks like.
_UNSEEN = frozenset(
    (
        0x034F,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        0x2800,
        0x3164,
        0xFFA0,
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str | bytes, limit: int = SHOWN) -> str:
    r"""Secrets masked, long runs cut with their count, everything unseen as an escape, cut to `limit`.

    Bytes are read as UTF-8; what is not UTF-8 is shown as `\xNN`.
    """
    if isinstance(text, bytes):
        text = text[: limit * _AROUND].decode("utf-8", "backslashreplace")
    whole = len(text)
    bounded = text[: limit * _AROUND]
    safe = _escape(_cut_runs(mask_secrets(bounded), 0)[0])
    if len(safe) <= limit and len(bounded) == whole:
        return safe
    return safe[: limit - 1] + "…"


def excerpt(text: str, at: int, width: int = EXCERPT) -> str:
    """The line around a character's place, safe to show, at most `width` characters."""
    span = width * _AROUND
    at = max(0, min(at, len(text)))
    first = max(0, at - span)
    last = min(len(text), at + span)
    begin = text.rfind("\n", first, at) + 1 or first
    end = text.find("\n", at, last)
    end = last if end < 0 else end
    line = text[begin:end]
    line, place = _replace(line, _secret_spans(line), at - begin)
    line, place = _cut_runs(line, place)
    stripped = line.lstrip()
    place -= len(line) - len(stripped)
    before, after = _escape(stripped[: max(place, 0)]), _escape(stripped[max(place, 0) :].rstrip())
    return _window(before, after, width)


def _window(before: str, after: str, width: int) -> str:
    if len(before) + len(after) <= width:
        return before + after
    room = max(width - len(after), width // 3)
    if len(before) > room:
        before = "…" + before[len(before) - room + 1 :]
    joined = before + after
    return joined if len(joined) <= width else joined[: width - 1] + "…"


def mask_secrets(text: str) -> str:
    """Replace each secret of a known form by its kind and its last four characters."""
    return _replace(text, _secret_spans(text), 0)[0]


def _secret_spans(text: str) -> list[tuple[int, int, str]]:
    spans = []
    for found in find_secrets(text):
        secret = text[found.start : found.end]
        kept = "" if found.kind == "private-key" else secret[-_KEEP:]
        if found.kind == "password-in-url":
            kept = ""
        spans.append((found.start, found.end, f"[{found.kind} …{kept}]"))
    return sorted(spans)


def _cut_runs(text: str, place: int) -> tuple[str, int]:
    spans = [
        (m.start() + _RUN_HEAD, m.end(), f"…[{m.end() - m.start():,} encoded characters]")
        for m in _ENCODED_RUN.finditer(text)
    ]
    spans += [
        (m.start(), m.end(), f" [{m.end() - m.start():,} blanks] ")
        for m in _BLANK_RUN.finditer(text)
        if m.start() > 0  # indentation says nothing
    ]
    return _replace(text, sorted(spans), place)


def _replace(text: str, spans: list[tuple[int, int, str]], place: int) -> tuple[str, int]:
    """Put replacements in, leaving out overlaps; `place` moves with its character."""
    if not spans:
        return text, place
    pieces: list[str] = []
    position = 0
    moved = place
    for start, end, new in spans:
        if start < position:
            # An overlap: what the earlier span left of this one must not show either.
            position = max(position, end)
            continue
        pieces += (text[position:start], new)
        if end <= place:
            moved += len(new) - (end - start)
        elif start < place:
            moved -= place - start
        position = end
    pieces.append(text[position:])
    return "".join(pieces), moved


def _escape(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    if character.isprintable() and code not in _UNSEEN:
        return character
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x100:  # noqa: PLR2004 - the width of the escape
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - the width of the escape
