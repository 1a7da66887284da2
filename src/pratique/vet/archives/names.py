"""Names of members: made printable, made plain, and checked for what unpackers stumble over."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from pratique.vet.archives.model import Limits

_DRIVE = re.compile(r"[A-Za-z]:")

_INVISIBLE = frozenset({"Cf", "Zl", "Zp"})
"""Format characters (bidirectional marks, zero-width ones) and the two Unicode line ends."""


class Name(NamedTuple):
    """One member's name as it will be shown and compared."""

    path: str
    """Printable, without `.` parts, doubled or trailing slashes."""
    directory: bool
    """Whether it ends like a folder."""
    codes: tuple[tuple[str, str], ...]
    """Problems with it: code and detail."""


def read_name(text: str, limits: Limits) -> Name:
    """Turn a decoded name into what is shown, and say what is wrong with it.

    Shape: undecodable bytes come as lone surrogates (the `surrogateescape` handler).
    """
    directory = text.endswith("/")
    plain = text.isascii() and text.isprintable()
    if plain and len(text) < limits.name_parts and _is_simple(text):
        return Name(text.rstrip("/"), directory, ())
    codes = [] if plain else _odd_characters(text)
    text, nul, _ = text.partition("\0")
    if nul:
        codes.append(("name-nul", ""))
    length = len(text.encode("utf-8", "surrogateescape"))
    if length > limits.name_bytes:
        codes.append(("name-too-long", f"{length:,}"))
        text = text[: limits.name_bytes]
    codes += _odd_structure(text)
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if len(parts) > limits.name_parts:
        codes.append(("name-too-deep", f"{len(parts):,}"))
    if not parts and not directory and text not in {".", "./"}:
        codes.append(("name-empty", ""))
    return Name(printable("/".join(parts)) or ".", directory, tuple(codes))


def _is_simple(text: str) -> bool:
    """Whether an ASCII name needs no second look: most do not, and this is the hot path."""
    return bool(text) and not (
        text[0] in "/."
        or "//" in text
        or "/." in text
        or "\\" in text
        or ":" in text
        or text == "/"
    )


def _odd_characters(text: str) -> list[tuple[str, str]]:
    codes: list[tuple[str, str]] = []
    categories = {unicodedata.category(character) for character in text}
    if "Cc" in categories and any(
        character != "\0" and unicodedata.category(character) == "Cc" for character in text
    ):
        codes.append(("name-control", ""))
    if categories & _INVISIBLE:
        codes.append(("name-invisible", ""))
    if "Cs" in categories:
        codes.append(("name-undecodable", ""))
    return codes


def _odd_structure(text: str) -> list[tuple[str, str]]:
    codes: list[tuple[str, str]] = []
    if text.startswith(("/", "\\")):
        codes.append(("name-absolute", ""))
    if "\\" in text:
        codes.append(("name-backslash", ""))
    if ".." in text.replace("\\", "/").split("/"):
        codes.append(("name-parent", ""))
    if _DRIVE.match(text) or "::$" in text:
        codes.append(("name-drive", ""))
    return codes


def printable(text: str) -> str:
    """Show every character that a terminal would act on, or not show, as its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - where surrogateescape puts raw bytes
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:  # noqa: PLR2004 - one byte
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - two bytes


def collision_key(path: str) -> str:
    """The same for names that Windows or macOS would take for one."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", path).casefold())


_CODE_SUFFIXES = (
    ".py", ".pyw", ".pyc", ".pth", ".start", ".so", ".pyd", ".dll", ".dylib", ".sh", ".js",
)  # fmt: skip


def is_code_name(path: str) -> bool:
    """Whether something runs or imports a file because of this name."""
    return path.lower().endswith(_CODE_SUFFIXES)


def leaves_folder(folder: str, target: str) -> bool:
    """Whether a link in `folder` that points to `target` leads out of the archive's own folder."""
    if target.startswith(("/", "\\")) or _DRIVE.match(target):
        return True
    depth = len([part for part in folder.split("/") if part not in {"", "."}])
    for part in target.replace("\\", "/").split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in {"", "."}:
            depth += 1
    return False
