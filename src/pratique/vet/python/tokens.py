"""When no parser reads a source: names, calls, imports and strings found by one pass over its characters.

A syntax error must not hide code: it may be code of another Python, or the error may be what makes readers
look away. What is found here has no labels and no folding, but the roles and the texts are there.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from hashlib import blake2b
from typing import Any

from pratique.vet.catalogue import Catalogue, catalogue
from pratique.vet.model import Import, Region, RegionKind
from pratique.vet.python.limits import ReadLimits
from pratique.vet.python.model import Call, PythonFile, Text, Value

# Each branch begins with a character that no other begins with, and none can match in two ways: linear.
_TOKEN = re.compile(
    r"(?P<comment>\#[^\n]*)"
    r"|(?P<string>(?:\b[rRbBuUfF]{1,2})?(?:\"\"\"|'''|\"|'))"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<mark>[.(\n])"
)
_ENDS = {quote: re.compile(rf"(?:[^\\{quote}\n]|\\.)*+{quote}", re.DOTALL) for quote in "\"'"}
_STRING_BYTES = 4_000_000
"""Longest string literal that is evaluated."""
_EXCERPT = 240


def token_calls(text: str, limits: ReadLimits, unfinished: list[str]) -> PythonFile:
    """A source as far as it can be seen without its grammar."""
    reader = _Reader(text, limits)
    reader.run()
    lines = tuple(text.split("\n"))
    digest = blake2b(" ".join(reader.words).encode("utf-8", "surrogatepass"), digest_size=8)
    region = Region(
        name="",
        kind=RegionKind.MODULE,
        line=1,
        end_line=len(lines),
        digest=digest.hexdigest(),
        calls=tuple(sorted({call.name for call in reader.calls})),
    )
    return PythonFile(
        source=text,
        lines=lines,
        regions=(region,),
        imports=tuple(reader.imports),
        calls=tuple(reader.calls),
        texts=tuple(reader.texts),
        unfinished=tuple(unfinished),
    )


class _Reader:
    def __init__(self, text: str, limits: ReadLimits) -> None:
        self.text = text
        self.limits = limits
        self.catalogue: Catalogue = catalogue()
        self.starts = [0]
        self.words: list[str] = []
        self.calls: list[Call] = []
        self.texts: list[Text] = []
        self.imports: list[Import] = []
        self.aliases: dict[str, str] = {}
        self.dotted: list[str] = []
        self.line_words: list[str] = []
        self.open_calls: list[tuple[int, int]] = []

    def run(self) -> None:
        """Pass over the characters once."""
        text = self.text
        position = text.find("\n")
        while position >= 0:
            self.starts.append(position + 1)
            position = text.find("\n", position + 1)
        position = 0
        after_name = False
        while True:
            found = _TOKEN.search(text, position)
            if found is None:
                break
            kind = found.lastgroup
            gap = text[position : found.start()].strip(" \t\\")
            position = found.end()
            if kind == "comment":
                continue
            if kind == "string":
                position = self._string(found)
                self.dotted, after_name = [], False
            elif kind == "name":
                self._name(found.group(), joined=after_name and not gap)
                after_name = False
            else:
                mark = found.group()
                if gap:
                    self.dotted = []
                if mark == "(":
                    self._call(found.start())
                    self.dotted = []
                elif mark == "\n":
                    self._line(found.start())
                after_name = mark == "." and bool(self.dotted)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1]

    def _name(self, word: str, *, joined: bool) -> None:
        self.words.append(word)
        if len(self.line_words) < 64:  # noqa: PLR2004 - names of one import line
            self.line_words.append(word)
        if joined and len(self.dotted) < 16:  # noqa: PLR2004 - no name has more parts
            self.dotted.append(word)
        else:
            self.dotted = [word]

    def _line(self, offset: int) -> None:
        """The end of a line: imports are read off its words."""
        words = self.line_words
        if words and words[0] in {"import", "from"} and len(words) > 1:
            start = self.starts[bisect_right(self.starts, offset - 1) - 1] if offset else 0
            self._imports(self.text[start:offset][:2000].strip(), self._place(start)[0])
        self.line_words = []
        self.dotted = []

    def _imports(self, statement: str, line: int) -> None:
        head, _, rest = statement.partition(" import ")
        if statement.startswith("from "):
            module = head.removeprefix("from ").strip()
            for part in rest.split("#")[0].strip("()").split(","):
                name, _, alias = part.strip().partition(" as ")
                if name.strip():
                    self.imports.append(Import(module=module, name=name.strip(), line=line))
                    self.aliases[(alias or name).strip()] = f"{module}.{name.strip()}"
            return
        for part in statement.removeprefix("import ").split(";")[0].split("#")[0].split(","):
            name, _, alias = part.strip().partition(" as ")
            if name.strip().replace(".", "").isidentifier():
                self.imports.append(Import(module=name.strip(), line=line))
                if alias:
                    self.aliases[alias.strip()] = name.strip()

    def _call(self, offset: int) -> None:
        if not self.dotted or len(self.calls) >= self.limits.calls:
            return
        head = self.aliases.get(self.dotted[0], self.dotted[0])
        name = ".".join((head, *self.dotted[1:]))
        if len(self.dotted) == 1 and name == self.dotted[0]:
            name = f"builtins.{name}" if name in self.catalogue.builtins else name
        name = self.catalogue.canonical(name)
        entry = self.catalogue.look_up(name)
        if not entry.roles:
            return
        line, column = self._place(offset)
        start = self.starts[line - 1]
        end = self.starts[line] - 1 if line < len(self.starts) else len(self.text)
        begin = max(start, min(offset - 60, end - _EXCERPT))
        value = self._argument(offset + 1)
        self.calls.append(
            Call(
                name=name,
                roles=entry.roles,
                arguments=(value,) if value is not None else (),
                keywords={},
                region=0,
                line=line,
                column=column,
                excerpt=self.text[begin : min(end, begin + _EXCERPT)].strip(),
            )
        )

    def _argument(self, offset: int) -> Value | None:
        """The first argument, when it is a plain string."""
        found = _TOKEN.match(self.text, offset)
        if found is None or found.lastgroup != "string":
            return None
        value, _ = self._literal(found)
        if not isinstance(value, (str, bytes)):
            return None
        return Value(
            constant=value,
            folded=True,
            known=value if isinstance(value, str) else value.decode("latin-1"),
        )

    def _literal(self, found: re.Match[str]) -> tuple[Any, int]:
        """The value of a string literal and where it ends."""
        opening = found.group()
        quote = opening.lstrip("rRbBuUfF")
        if len(quote) == 3:  # noqa: PLR2004 - three quotes
            end = self.text.find(quote, found.end())
            end = len(self.text) if end < 0 else end + 3
        else:
            closed = _ENDS[quote].match(self.text, found.end())
            # Without a closing quote the rest of the line is taken: trying each quote would be quadratic.
            end = closed.end() if closed is not None else self._line_end(found.end())
            if closed is None:
                return None, end
        if end - found.start() > _STRING_BYTES or end == found.end():
            return None, end
        prefix = opening[: -len(quote)].lower().replace("f", "")
        try:
            node = ast.parse(prefix + self.text[found.end() - len(quote) : end], mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return self.text[found.end() : end - len(quote)], end
        return (node.value if type(node) is ast.Constant else None), end

    def _line_end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end

    def _string(self, found: re.Match[str]) -> int:
        value, end = self._literal(found)
        text = (
            value
            if isinstance(value, str)
            else value.decode("latin-1")
            if isinstance(value, bytes)
            else ""
        )
        if len(text) >= self.limits.text_characters and len(self.texts) < self.limits.texts:
            line, column = self._place(found.start())
            self.texts.append(Text(text=text, region=0, line=line, column=column))
        return end
