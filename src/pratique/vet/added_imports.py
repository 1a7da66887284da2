"""What a changed source newly imports, by the looks of its lines: an added import needs no parser to count.

Owns: the difference of imports between two texts of one source, and which of them stand in functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from pratique.vet.gate import imports_of
from pratique.vet.model import Import

MAX_BACK = 400
"""Lines that are looked back through for the function that an indented import stands in."""
_OPENS = (b"def ", b"async ", b"@", b"class ")


def added_imports(old: bytes, new: bytes, limit: int) -> tuple[Import, ...]:
    """Imports that the old text nowhere had, with their lines in the new one."""
    had = {(item.module, item.name) for item in imports_of(old, limit)}
    return tuple(item for item in imports_of(new, limit) if (item.module, item.name) not in had)


def runs_at_once(new: bytes, items: Sequence[Import]) -> bool:
    """Whether all of these imports are statements of the module itself, under conditions or not."""
    lines = new.split(b"\n") if items else []
    return not any(_in_function(lines, item.line - 1) for item in items)


def _in_function(lines: list[bytes], index: int) -> bool:
    if not lines[index][:1].isspace():
        return False
    for line in reversed(lines[max(0, index - MAX_BACK) : index]):
        if line[:1].strip() and not line.startswith(
            (b"#", b")", b"]", b"}", b"else", b"except", b"finally")
        ):
            return line.startswith(_OPENS)
    return True
