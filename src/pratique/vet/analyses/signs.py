"""How a sign of a Python analysis is made: place, excerpt and safe text in one way."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.vet.analyses.reading import Reading
from pratique.vet.model import Sign
from pratique.vet.python.model import Call, Text
from pratique.vet.safe_text import SHOWN, excerpt, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Makes the signs of one rule over one file: places, excerpts and safe texts in one way."""

    rule: str
    reading: Reading

    def at(self, place: Call | Text, trait: str, *, shown: str = "") -> Sign:
        """A sign where a call or a text stands."""
        return Sign(
            rule=self.rule,
            trait=trait,
            line=place.line,
            column=place.column,
            region=place.region,
            excerpt=self._excerpt(place),
            shown=printable(shown, SHOWN) if shown else "",
            layer=place.layer,
        )

    def line(self, line: int, region: int, trait: str, *, shown: str = "") -> Sign:
        """A sign for a whole line."""
        text = self.reading.file.lines[line - 1]
        column = len(text) - len(text.lstrip())
        return Sign(
            rule=self.rule,
            trait=trait,
            line=line,
            column=column,
            region=region,
            excerpt=excerpt(text, column),
            shown=printable(shown, SHOWN) if shown else "",
        )

    def _excerpt(self, place: Call | Text) -> str:
        lines = self.reading.file.lines
        if not 1 <= place.line <= len(lines):
            return ""
        return excerpt(lines[place.line - 1], place.column)
