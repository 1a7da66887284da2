"""TOML locks as pieces: one small file for each table of packages, and one for all the rest."""

from __future__ import annotations

from collections.abc import Callable

from pratique.inventory.tables import MAX_PACKAGES


def splitter(table: str) -> Callable[[bytes], list[bytes] | None]:
    """What cuts a lock whose packages stand in `[[table]]`.

    A piece read by itself says what it says in the whole file, because a header of TOML begins anew
    whatever stood before it. Strings over several lines could hold what only looks like a header; a
    file with such strings is read whole. So is one of whose pieces is no TOML.
    """
    header = f"[[{table}]]\n".encode()
    mark = b"\n" + header
    sub = f"[{table}.".encode(), f"[[{table}.".encode(), f"[[{table}]]".encode()

    def split(data: bytes) -> list[bytes] | None:
        if b'"""' in data or b"'''" in data:
            return None
        if b"\r\n" in data:
            data = data.replace(b"\r\n", b"\n")
        head, *rest = (b"\n" + data).split(mark)
        if not rest or len(rest) > MAX_PACKAGES:
            return None
        rest[-1], after = _cut(rest[-1], sub)
        # The rest is read only to see that it is TOML and does not speak of packages itself.
        return [head[1:] + b"\n" + after, *[header + one for one in rest]]

    return split


def _cut(text: bytes, below: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The last package's own lines, and the tables that follow it."""
    at = text.find(b"\n[")
    while at >= 0 and text.startswith(below, at + 1):
        at = text.find(b"\n[", at + 1)
    return (text, b"") if at < 0 else (text[: at + 1], text[at + 1 :])
