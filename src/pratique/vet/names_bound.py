"""Which names a line of a source gives a meaning, by its looks.

Owns: a guess that says too much rather than too little; prose in a docstring may count as a statement.
"""

from __future__ import annotations

import re

from pratique.vet.gate import names_in

# Possessive, and begun at words only: linear, whatever the text.
_SET = re.compile(
    rb"\b([A-Za-z_]\w*+)(?:\[[^\]\n]{0,80}\])?[ \t]*+(?::[^=\n]{0,80})?(?:[-+*/|&%@]|\*\*|//)?=(?!=)"
)
_BOUND = re.compile(rb"\b(?:def|class|as|for|global|nonlocal|del)[ \t]++([A-Za-z_]\w*+)")
_BINDERS = (
    b"def ", b"class ", b"async ", b"with ", b"except", b"global ", b"nonlocal ", b"del ", b"case ",
)  # fmt: skip
"""Statements that bind names without `=`; `for` is one when it has an `in`. In prose these words are rare."""
_ONLY_NAMES = re.compile(rb"[\w \t,.*]+[,)]?")
"""What a line looks like that is in the midst of an import, or of the targets of an assignment."""
_LONG = 2_000
"""Bytes beyond which every name of a line counts: nobody writes such a line to set one."""


def names_bound(line: bytes) -> set[bytes]:
    """Names that a line sets, imports or defines."""
    line = line.strip()
    if len(line) > _LONG or b"import" in line or _ONLY_NAMES.fullmatch(line):
        return set(names_in(line))
    found = set(_SET.findall(line))
    loop = b"for " in line and b" in " in line
    if line.startswith(_BINDERS) or b";" in line or b" as " in line or loop:
        found.update(_BOUND.findall(line))
    return found
