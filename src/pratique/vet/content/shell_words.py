r"""Shell text as pipelines of words, read in one pass; what a shell would join is joined.

Not a shell: no globbing, no arithmetic, no here-documents. Enough to see `c''url $U|s\h` as
`curl … | sh`. Variables assigned by constants are filled in; what is not known becomes "…".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

HOLE: Final = "…"
MAX_TEXT: Final = 64 * 1024
"""Characters read of one text; installers are shorter, and a longer one has shown what it is."""
MAX_WORDS: Final = 8_000
"""Words read; with the text bound this only stops texts made of one-letter words."""
MAX_NESTED: Final = 64
"""Substitutions kept for a look of their own."""

# Every alternative starts with a character that no other one starts with, or is a single character.
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|\\\r?\n)"
    r"|'(?P<single>[^']*)'"
    r"|\$'(?P<ansi>(?:[^'\\]|\\.)*)'"
    r'|"(?P<double>(?:[^"\\]|\\.)*)"'
    r"|(?P<nest>\$\(|<\(|>\()"
    r"|`(?P<tick>[^`]*)`"
    r"|(?P<redirect>\d?(?:>>|>&|&>|>\||<<<|<<|<&|>|<))"
    r"|(?P<end>\|\||&&|\|&|[|;&\n()])"
    r"|\\(?P<escaped>.)"
    r"|\$\{(?P<braced>[^{}]{0,200})\}"
    r"|\$(?P<named>\w{1,80})"
    r"|(?P<comment>(?<![^\s;&|])\#[^\n]*)"
    r"|(?P<plain>[^\s'\"`$|;&()<>\\]+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_ANSI = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "", "e": "", "0": ""}
_IN_DOUBLE = re.compile(r"\\([$`\"\\])|\$\{([^{}]{0,200})\}|\$(\w{1,80})|`([^`]*)`|\$\(")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,60}=")
_PIPE: Final = frozenset({"|", "|&"})


@dataclass(slots=True)
class Command:
    """One simple command."""

    words: list[str] = field(default_factory=list)
    redirects: list[tuple[str, str]] = field(default_factory=list)
    """Operator without its number, and target."""
    nested: list[str] = field(default_factory=list)
    """Texts of its substitutions."""
    hidden: bool = False
    """A word was put together so that it does not read as what it is."""

    @property
    def text(self) -> str:
        """The words joined by blanks."""
        return " ".join(self.words)


@dataclass(slots=True)
class Script:
    """Pipelines in order: each a list of commands, output of one into the next."""

    pipelines: list[list[Command]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def parse_shell(
    text: str, *, windows: bool = False, variables: dict[str, str] | None = None
) -> Script:
    r"""Read shell text, or a Windows command line (where "\" is no escape and "^" is dropped)."""
    text = text[:MAX_TEXT]
    if windows:
        text = text.replace("^", "").replace("\\", "\\\\").replace("\\\\\n", "\n")
    return _Reader(text, dict(variables or {})).read()


class _Reader:
    """One pass over the tokens; the state is the word and the command being built."""

    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self.text = text
        self.script = Script(variables=variables)
        self.pipeline: list[Command] = []
        self.command = Command()
        self.word: list[str] | None = None
        self.kinds: set[str] = set()
        self.redirect = ""
        self.words = 0

    def read(self) -> Script:
        position = 0
        while position < len(self.text) and self.words < MAX_WORDS:
            match = _TOKEN.match(self.text, position)
            if match is None:  # the last alternative takes any character
                break
            kind = match.lastgroup or "other"
            position = match.end()
            if kind == "nest":
                position = self._nest(position)
            else:
                self._take(kind, match[kind])
        self._end_word()
        self._end_command(pipe=False)
        return self.script

    def _take(self, kind: str, value: str) -> None:
        if kind == "blank":
            self._end_word()
        elif kind == "end":
            self._end_word()
            self._end_command(pipe=value in _PIPE)
        elif kind == "redirect":
            self._end_word()
            self.redirect = value.lstrip("0123456789")
        elif kind == "comment":
            if self.word is not None:
                self._add("plain", value)
        elif kind == "tick":
            self._keep_nested(value)
            self._add(kind, HOLE)
        else:
            self._add(kind, self._value(kind, value))

    def _value(self, kind: str, value: str) -> str:
        if kind == "double":
            return self._expand_double(value)
        if kind == "ansi":
            return decode_escapes(value)
        if kind in {"braced", "named"}:
            return self._variable(value)
        return value

    def _variable(self, spelled: str) -> str:
        if spelled == "IFS" or spelled.startswith("IFS"):
            self.command.hidden = True
            self._end_word()
            return ""
        name = re.split(r"[:%#/^,\[@]", spelled, maxsplit=1)[0]
        if ":-" in spelled and name not in self.script.variables:
            return spelled.partition(":-")[2]
        if spelled != name and re.fullmatch(r"\w+:\d+(:\d+)?", spelled):
            return self._sliced(name, spelled)
        return self.script.variables.get(name, HOLE if not spelled.isdigit() else "")

    def _sliced(self, name: str, spelled: str) -> str:
        """`${x:3:2}`: letters picked out of a variable, a way to spell what must not be read."""
        value = self.script.variables.get(name)
        self.command.hidden = True
        if value is None:
            return HOLE
        parts = [int(part) for part in spelled.split(":")[1:]]
        return value[parts[0] :] if len(parts) == 1 else value[parts[0] : parts[0] + parts[1]]

    def _expand_double(self, value: str) -> str:
        if "$" not in value and "`" not in value and "\\" not in value:
            return value
        pieces: list[str] = []
        position = 0
        while match := _IN_DOUBLE.search(value, position):
            pieces.append(value[position : match.start()])
            position = match.end()
            if match[1] is not None:
                pieces.append(match[1])
            elif match[2] is not None or match[3] is not None:
                pieces.append(self._variable(match[2] or match[3]))
            elif match[4] is not None:
                self._keep_nested(match[4])
                pieces.append(HOLE)
            else:
                end = _closing(value, position)
                self._keep_nested(value[position:end])
                pieces.append(HOLE)
                position = end + 1
        pieces.append(value[position:])
        return "".join(pieces)

    def _nest(self, position: int) -> int:
        end = _closing(self.text, position)
        self._keep_nested(self.text[position:end])
        self._add("nest", HOLE)
        return end + 1

    def _keep_nested(self, text: str) -> None:
        if len(self.command.nested) < MAX_NESTED:
            self.command.nested.append(text)

    def _add(self, kind: str, value: str) -> None:
        if self.word is None:
            self.word = []
            self.kinds = set()
        self.word.append(value)
        self.kinds.add(kind)

    def _end_word(self) -> None:
        if self.word is None:
            return
        word = "".join(self.word)
        pieces, self.word = len(self.word), None
        self.words += 1
        if self.redirect:
            self.command.redirects.append((self.redirect, word))
            self.redirect = ""
            return
        if not self.command.words and _ASSIGNMENT.match(word):
            name, _, value = word.partition("=")
            self.script.variables[name] = value
        odd = pieces > 1 and self.kinds & {"single", "double", "escaped", "ansi"}
        if odd and not self.command.words and word.isalnum():
            self.command.hidden = True
        if "ansi" in self.kinds and not self.command.words:
            self.command.hidden = True
        if not self.command.words and word[:1] == "{" and word[-1:] == "}" and "," in word:
            self.command.hidden = True  # `{curl,-s,host}` is a command without a blank
            self.command.words += word[1:-1].split(",")
            return
        self.command.words.append(word)

    def _end_command(self, *, pipe: bool) -> None:
        self.redirect = ""
        if self.command.words or self.command.redirects or self.command.nested:
            self.pipeline.append(self.command)
        self.command = Command()
        if not pipe and self.pipeline:
            self.script.pipelines.append(self.pipeline)
            self.pipeline = []


def _closing(text: str, position: int) -> int:
    """Where the bracket opened before `position` closes; the end of the text when it does not."""
    depth = 1
    for match in _BRACKET.finditer(text, position):
        depth += 1 if match[0] == "(" else -1
        if depth == 0:
            return match.start()
    return len(text)


_BRACKET = re.compile(r"[()]")


def decode_escapes(text: str) -> str:
    r"""`\x63url`, `\143url` and their kind, as `printf` and `$'…'` read them."""

    def one(match: re.Match[str]) -> str:
        if match[1] or match[2]:
            return chr(int(match[1] or match[2], 16))
        if match[3]:
            return chr(int(match[3], 8) & 0xFF)
        return _LETTERS.get(match[4], match[4])

    return _ANSI.sub(one, text)
