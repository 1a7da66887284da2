"""Sources of other Pythons, made readable: edits by one pass over tokens, only after the parser refused.

Python 2: `print x`, `exec code in ns`, `except X, e`, `raise E, "m"`, backquotes, `<>`,
`0777`, `10L`, `ur""`.
Python 3.12 and later on an older interpreter: `type X = …`, `def f[T](…)`, `class A[T]`. Lines never move,
so that places stay true; columns on an edited line may be off by what was put in before them.
"""

from __future__ import annotations

import re

# Each branch begins with characters that no other branch begins with: linear.
_TOKEN = re.compile(
    r"(?P<space>[ \t]+|\\\n)"
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<newline>\n)"
    r"|(?P<number>\d\w*)"
    r"|(?P<string>(?:[rRbBuUfF]{1,2})?(?:\"\"\"|'''|\"|'))"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<other>>>|<>|.)"
)
_ENDS = {quote: re.compile(rf"(?:[^\\{quote}\n]|\\.)*+{quote}", re.DOTALL) for quote in "\"'"}
_NAMED = 2
"""Words of a definition before its type parameters: `def name[`."""
_NO_OPERAND = frozenset({"=", ".", ",", ")", ":", "+=", "]", "}"})


def repaired(text: str) -> str:
    """The source with the constructs of other Pythons replaced."""
    edits = _Editor(text).edits()
    if not edits:
        return text
    out: list[str] = []
    position = 0
    for start, end, new in edits:
        if start < position:
            continue
        out.append(text[position:start])
        out.append(new)
        position = end
    out.append(text[position:])
    return "".join(out)


def untabbed(text: str) -> str:
    """Indentation as Python 2 read it: a tab goes to the next multiple of eight."""
    if "\t" not in text:
        return text
    lines = text.split("\n")
    for index, line in enumerate(lines):
        body = line.lstrip(" \t")
        if "\t" in line[: len(line) - len(body)]:
            lines[index] = line[: len(line) - len(body)].expandtabs(8) + body
    return "\n".join(lines)


class _Editor:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[int, int, str]] = []
        self.depth = 0
        self.at_start = True
        self.statement = ""
        """First word of the statement, when it is one that may need an edit."""
        self.after = 0
        """Where that word ends."""
        self.pieces: list[tuple[int, str]] = []
        """Commas, `in` and `>>` of the statement at its own depth."""
        self.close_at_end = ""
        self.last_end = 0
        self.backquote = False
        self.words = 0
        self.generic_depth = 0
        """Bracket depth inside which type parameters stand, plus one; 0 outside."""

    def edits(self) -> list[tuple[int, int, str]]:
        """All edits, in order."""
        text, position, size = self.text, 0, len(self.text)
        while position < size:
            match = _TOKEN.match(text, position)
            if match is None:
                break
            kind = match.lastgroup
            start, position = match.start(), match.end()
            if kind == "string":
                position = self._string_end(match)
                self._operand(start, position, text[start:position])
            elif kind == "newline":
                if self.depth == 0:
                    self._finish()
                else:
                    self._abandon(start)
            elif kind in {"name", "number", "open", "close", "other"}:
                self._significant(kind, start, position, match.group())
        self._finish()
        self.found.sort(key=lambda edit: edit[0])
        return self.found

    def _string_end(self, match: re.Match[str]) -> int:
        opening = match.group()
        quote = opening.lstrip("rRbBuUfF")
        if len(opening) - len(quote) == 2 and opening[:2].lower() == "ur":  # noqa: PLR2004 - two letters
            self.found.append((match.start(), match.start() + 1, ""))
        if len(quote) == 3:  # noqa: PLR2004 - three quotes
            end = self.text.find(quote, match.end())
            return len(self.text) if end < 0 else end + 3
        closed = _ENDS[quote].match(self.text, match.end())
        if closed is not None:
            return closed.end()
        end = self.text.find("\n", match.end())
        return len(self.text) if end < 0 else end

    def _abandon(self, _start: int) -> None:
        """A line end inside brackets: they may never close, so a definition at column 0 starts anew."""
        following = self.text[_start + 1 : _start + 7]
        if following.startswith(("def ", "class ", "import", "from ")):
            self.depth = 0
            self.statement = ""
            self.close_at_end = ""
            self.at_start = True

    def _significant(self, kind: str, start: int, end: int, word: str) -> None:
        if kind == "open":
            if (
                self.generic_depth == 0
                and word == "["
                and self.statement in {"def", "class"}
                and self.words == _NAMED
            ):
                self.generic_depth = self.depth + 1
                self.found.append((start, start, "#generic"))
            self.depth += 1
        elif kind == "close":
            self.depth = max(0, self.depth - 1)
            if self.generic_depth and self.depth + 1 == self.generic_depth:
                self._drop_generic(end)
        elif kind == "number":
            self._number(start, end, word)
        if self.at_start:
            self._begin(kind, start, end, word)
            return
        self._operand(start, end, word)

    def _drop_generic(self, end: int) -> None:
        begin = next((edit for edit in reversed(self.found) if edit[2] == "#generic"), None)
        self.generic_depth = 0
        if begin is not None:
            self.found.remove(begin)
            # Line ends stay, so that places stay true.
            self.found.append((begin[0], end, ""))

    def _number(self, start: int, end: int, word: str) -> None:
        if word[-1] in "lL" and word[:-1].isalnum():
            self.found.append((end - 1, end, ""))
            word = word[:-1]
        if len(word) > 1 and word[0] == "0" and word.isdecimal() and word.strip("0"):
            self.found.append((start, start + 1, "0o" if not set(word) & {"8", "9"} else ""))

    def _begin(self, kind: str, start: int, end: int, word: str) -> None:
        self.at_start = False
        self.words = 1
        self.pieces = []
        self.statement = word if kind == "name" else ""
        self.after = end
        self.last_end = end
        if word == "type" and kind == "name":
            rest = self.text[end : end + 80].split("\n")[0].lstrip(" ")
            if rest[:1].isidentifier() and "=" in rest:
                self.found.append((start, end + 1, ""))
        if kind == "other" and word == "`":
            self._backquote(start, end)

    def _operand(self, start: int, end: int, word: str) -> None:
        if self.at_start:
            self.at_start = False
            self.statement = ""
            self.words = 1
        self.words += 1
        statement = self.statement
        if self.words == _NAMED and statement in {"print", "exec"}:
            self._statement_call(start, word)
        if word == "`":
            self._backquote(start, end)
        elif word == "<>":
            self.found.append((start, end, "!="))
        elif self.depth == 0:
            if word == ";" or (word == ":" and not self.close_at_end):
                self.last_end = start
                self._finish()
                return
            if word in {",", "in", ">>"}:
                self.pieces.append((start, word))
        self.last_end = end

    def _statement_call(self, start: int, word: str) -> None:
        """`print x`: brackets around what follows, unless `print` is used as a name."""
        used_as_name = (
            word in _NO_OPERAND or word == "(" or (word in "+-*/%&|^<>@!" and word not in "-+~")
        )
        if used_as_name and word not in {">", ">>"}:
            self.statement = ""
            return
        skip = 2 if word == ">>" else 0
        self.found.append(
            (self.after, start + skip, "(" + " " * max(0, start + skip - self.after - 1))
        )
        self.close_at_end = self.statement

    def _backquote(self, start: int, end: int) -> None:
        self.found.append((start, end, ")" if self.backquote else "repr("))
        self.backquote = not self.backquote

    def _finish(self) -> None:
        """The statement ends here."""
        if self.close_at_end:
            for position, word in self.pieces:
                if word == "in" and self.close_at_end == "exec":
                    self.found.append((position, position + 2, ","))
            self.found.append((self.last_end, self.last_end, ")"))
        elif self.statement == "except" and self.pieces and self.pieces[0][1] == ",":
            self.found.append((self.pieces[0][0], self.pieces[0][0] + 1, " as "))
        elif self.statement == "raise" and self.pieces and self.pieces[0][1] == ",":
            place = self.pieces[0][0]
            self.found.append((place, place + 1, "("))
            self.found.append((self.last_end, self.last_end, ")"))
        self.close_at_end = ""
        self.statement = ""
        self.pieces = []
        self.at_start = True
        self.backquote = False
