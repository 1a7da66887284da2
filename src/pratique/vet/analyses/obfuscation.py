"""Source that is written so that nobody can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, text_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Text

RULE = Rule(
    name="obfuscation",
    title="Is written not to be read",
    techniques=("T1027", "T1027.010", "T1036"),
    what="Long encoded constants that are decoded, texts put together letter by letter, written as escapes "
    "or backwards, words that would give it away built from pieces, nests of lambdas.",
    danger="Source is published to be read. Who makes that impossible has a reason.",
    benign="Generated parsers and tables have long lines; some vendors obfuscate code that they "
    "sell.",
    traits={
        "blob": trait("decodes a long encoded constant", Severity.MEDIUM, Confidence.MEDIUM),
        "blob-run": trait(
            "decodes a long encoded constant beside code that executes or starts something",
            Severity.HIGH, Confidence.MEDIUM,
        ),
        "letters": trait("puts texts together letter by letter", Severity.HIGH, Confidence.MEDIUM),
        "nest": trait("nests lambdas or decoding calls many deep", Severity.HIGH, Confidence.MEDIUM),
        "hidden-word": trait(
            "builds or decodes a word that would give it away", Severity.HIGH, Confidence.HIGH
        ),
        "escapes": trait("writes plain text as escapes", Severity.HIGH, Confidence.MEDIUM),
        "reversed": trait("holds its texts backwards", Severity.HIGH, Confidence.HIGH),
        "marks": trait("shows two or more such marks", Severity.HIGH, Confidence.HIGH),
    },
)  # fmt: skip

MAX_SCAN = 400_000
"""Characters of source looked at line by line; obfuscated files show it at once."""
BLOB = 400
"""Characters of an encoded constant; keys, hashes and small pictures are shorter or not decoded."""
MIN_LINE = 40
"""Characters below which a line holds no mark."""
LETTERS = 8
"""`chr(` in one line; tables of characters have one or two."""
ESCAPES = 20
_NESTS = (("lambda", 5), ("decompress(", 3), ("__import__(", 3))
"""More of one of these in a line is no line that somebody wrote to be read."""
_ENCODED = re.compile(r"[A-Za-z0-9+/=_\-\s!#$%&()*;<>?@^`{|}~]{400}")
_LETTER = re.compile(r"\bchr\(|\\x[0-9a-fA-F]{2}")
_WORDS = (
    "exec", "eval", "compile", "subprocess", "Popen", "os.system", "base64", "marshal", "__import__",
    "b64decode", "requests", "urlopen", "powershell", "socket", "builtins", "cmd.exe", "system",
    "urllib", "CreateProcess", "VirtualAlloc",
)  # fmt: skip
_MARKS = (*_NESTS, ("chr(", LETTERS - 1), ("\\x", ESCAPES))
MAX_WORD = 24


def run(reading: Reading) -> Iterator[Sign]:
    """One sign per mark; then their sum."""
    signs = Signs(rule=RULE.name, reading=reading)
    marks: set[str] = set()
    first: Sign | None = None
    for sign in (*_lines(reading, signs), *_texts(reading, signs)):
        if sign.trait != "blob":
            marks.add(sign.trait)
            first = first or sign
        yield sign
    if first is not None and len(marks) > 1:
        yield signs.line(first.line, first.region, "marks", shown=", ".join(sorted(marks)))


def _lines(reading: Reading, signs: Signs) -> Iterator[Sign]:
    source = reading.file.source
    if not any(source.count(word) > count for word, count in _MARKS):
        return
    for number, line, region in reading.code_lines(MAX_SCAN):
        if len(line) >= MIN_LINE:
            yield from _line(signs, line, number, region)


def _line(signs: Signs, line: str, number: int, region: int) -> Iterator[Sign]:
    stripped = line.lstrip()
    if any(line.count(word) > count for word, count in _NESTS):
        yield signs.line(number, region, "nest", shown=stripped[:400])
    if line.count("chr(") >= LETTERS:
        yield signs.line(number, region, "letters", shown=stripped[:400])
    if line.count("\\x") > ESCAPES and _readable_escapes(line):
        yield signs.line(number, region, "escapes", shown=stripped[:400])


def _readable_escapes(line: str) -> bool:
    r"""Whether most `\\xNN` of a line are letters: text, not bytes."""
    codes = re.findall(r"\\x([0-9a-fA-F]{2})", line[:4000])
    letters = sum(1 for code in codes if chr(int(code, 16)).isalnum())
    return letters * 4 > len(codes) * 3


def _texts(reading: Reading, signs: Signs) -> Iterator[Sign]:
    strong = reading.calls(roles.EXECUTE, roles.RUN, roles.LOAD)
    for call in reading.calls("decode", "decrypt"):
        blob = next((t for value in call.arguments[:2] if len(t := text_of(value)) >= BLOB), "")
        if blob and (_ENCODED.match(blob) or not blob.isprintable()):
            yield signs.at(call, "blob-run" if strong else "blob", shown=blob[:200])
    for text in reading.texts:
        if (
            text.built
            and len(text.text) <= MAX_WORD
            and text.text in _WORDS
            and _absent(reading, text)
        ):
            yield signs.at(text, "hidden-word", shown=text.text)
        elif not text.built and _is_backwards(text.text[:300]):
            yield signs.at(text, "reversed", shown=text.text[:300][::-1])


def _absent(reading: Reading, text: Text) -> bool:
    lines = reading.file.lines
    return text.line <= len(lines) and text.text not in lines[text.line - 1]


def _is_backwards(text: str) -> bool:
    return any(
        mark in text for mark in ("//:sptth", "//:ptth", "tropmi ", "ssecorpbus", "(cexe", "46esab")
    )


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
