"""An excerpt of somebody's source as HTML: every character escaped, only our own tags around it."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.shell import BashLexer, PowerShellLexer
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

_LONGEST = 600
"""Characters that are coloured. Excerpts are shorter (`vet.safe_text`); a lexer's expressions shall
never meet a hostile text of any length."""
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?", re.ASCII)
_CLASSES = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Name.Builtin, "b"),
    (Name.Function, "b"),
)
_LEXERS: dict[str, type[Lexer]] = {
    "js": JavascriptLexer, "mjs": JavascriptLexer, "cjs": JavascriptLexer,
    "sh": BashLexer, "bash": BashLexer, "ps1": PowerShellLexer,
}  # fmt: skip


def source_html(text: str, path: str = "") -> Markup:
    """The text, escaped, with spans of class c, s, n, k or b around what they colour."""
    if len(text) > _LONGEST:
        return escape(text)
    lexer = _lexer(_LEXERS.get(path.rpartition(".")[2].lower(), PythonLexer))
    parts = [_span(kind, value) for kind, value in lexer.get_tokens(text)]
    return Markup("").join(parts)


def _span(kind: _TokenType, value: str) -> Markup:
    name = next((name for parent, name in _CLASSES if kind in parent), "")
    shown = escape(value)
    return Markup('<span class="{}">{}</span>').format(name, shown) if name else shown


def attack_url(technique: str) -> str:
    """The page of an ATT&CK technique; empty for what is not the id of one."""
    if not _TECHNIQUE.fullmatch(technique):
        return ""
    return f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"


@cache
def _lexer(kind: type[Lexer]) -> Lexer:
    return kind(stripnl=False, ensurenl=False)
