"""Rule `start-hook`: lines that every start of the interpreter runs (`.pth`, `.start`).

A path file's plain lines name folders; a line that begins with `import` is executed, whole, before any
program's first own line. Source: the `site` module; PEP 829; docs/rules/start-hook.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.vet.analyses.kit import ContentAnalysis, Rule, trait
from pratique.vet.content.texts import bounded_text, sign_at
from pratique.vet.model import Confidence, Language, Severity, Sign

NAME = "start-hook"
MAX_LINES = 2_000
"""Lines looked at; path files of whole environments have some hundred."""
MAX_BYTES = 1 << 20
"""Read of one path file. Honest ones stay below a kilobyte; the poisoned one of litellm had 34."""
LONG_LINE = 400
"""Characters; the longest line that a common tool writes (a namespace package's) has about 560."""
_SHAPE_LIMIT = 1_200

RULE = Rule(
    name=NAME,
    title="Code at every start of the interpreter",
    techniques=("T1546.018",),
    what="A line of a `.pth` or `.start` file is executed whenever Python starts, in every program of"
    " the environment, whether it uses the package or not.",
    danger="Nobody has to import the package: `pip`, tests, editors and the next build step all run"
    " it. The poisoned litellm 1.82.8 and several worms of 2026 came this way.",
    benign="Editable installs, namespace packages, coverage measurement and virtualenv use such lines.",
    traits={
        "import": trait("runs a line at every start", Severity.HIGH, Confidence.MEDIUM),
        "known-shape": trait(
            "runs a line in the shape that common tools write", Severity.INFO, Confidence.HIGH
        ),
        "plain-import": trait(
            "imports a module at every start, nothing else", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "entry-point": trait(
            "names a function to call at every start", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "executes": trait("executes text at every start", Severity.CRITICAL, Confidence.HIGH),
        "decodes": trait("decodes something at every start", Severity.CRITICAL, Confidence.HIGH),
        "process": trait("starts a program at every start", Severity.CRITICAL, Confidence.HIGH),
        "network": trait(
            "reaches for the network at every start", Severity.CRITICAL, Confidence.HIGH
        ),
        "long": trait(
            "runs a line too long to be read at every start", Severity.HIGH, Confidence.HIGH
        ),
        "pushed-aside": trait(
            "hides what runs behind blanks or empty lines", Severity.CRITICAL, Confidence.HIGH
        ),
    },
)

# Whole lines, as the tools write them; a name may vary, nothing else.
_KNOWN_SHAPES = (
    re.compile(r"import _virtualenv"),
    re.compile(
        r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(?:local"
        r"|stdlib)'\) =="
        r" 'local'; enabled and __import__\('_distutils_hack'\)(?:\.add_shim\(\))?;? ?"
    ),
    re.compile(
        r"import __editable___(?P<a>\w{1,200})_finder; __editable___(?P=a)_finder\.install\(\)"
    ),
    re.compile(
        r"import _(?P<b>\w{1,100})(?:_editable_loader)?; _?(?P=b)(?:_editable_loader)?\.install\(\)"
    ),
    re.compile(
        r"import sys, ?types, ?os;\s?has_mfs = sys\.version_info > \(3,"
        r" ?5\);\s?p = os\.path\.join\(sys\._getframe\(1\)"
        r"\.f_locals\['sitedir'\], \*\((?:'"
        r"[\w.\-]{1,80}',? ?){1,12}\)\);\s?importlib = has_mfs and __import__\("
        r"'importlib\.util'\);\s?has_mfs and __import__\('importlib"
        r"\.machinery'\);\s?m = has_mfs and sys\.modules\."
        r"setdefault\('"
        r"[\w.]{1,120}', importlib\.util\.module_from_spec\(importlib\.machinery\.PathFinder\.find_spec\("
        r"'[\w.]{1,120}', \[os\.path\.dirname\(p\)\]\)\)\);\s?m = m or sys"
        r"\.modules\.setdefault\('[\w.]{1,120}',"
        r" types\.ModuleType\('"
        r"[\w.]{1,120}'\)\);\s?mp = \(m or \[\]\) and m\.__dict__\.setdefault\('__path__',"
        r"\[\]\);\s?\(p not in mp\) and mp\.append\(p\)(?:;\s?m and setattr\(sys\.modules\['"
        r"[\w.]{1,120}'\], '\w{1,80}',"
        r" m\))?"
    ),
    re.compile(r"import sys; sys\.__plen = len\(sys\.path\)"),
    re.compile(
        r"import sys; new=sys\.path\[sys\.__plen:\]; del sys\.path\[sys"
        r"\.__plen:\]; p=getattr\(sys,'__egginsert',0\);"
        r" sys\.path\[p:p\]=new; sys\.__egginsert = p\+len\(new\)"
    ),
    re.compile(r"import coverage; ?coverage\.process_startup\(\)"),
    re.compile(
        r"import os, ?sys;\s?exec\('if os\.environ\.get\(\"COV_CORE_(?:SOURCE|DATAFILE)\"\):?\\n {0,4}"
        r"(?:try:\\n {0,8})?from pytest_cov\.embed import init;\\?n? {0,8}init\(\)"
        r"(?:\\n {0,4}except (?:Exception|ImportError)(?: as exc)?:[^']{0,300})?'\)"
    ),
    re.compile(
        r"import os; os\.environ\.get\('COV_CORE_SOURCE'\) and __import__\('pytest_cov\.embed'\)\.\w+\(\)"
    ),
)
_PLAIN = re.compile(r"import[ \t]+[A-Za-z_][\w.]{0,200}(?:[ \t]*;)?[ \t]*")
_ENTRY = re.compile(r"[A-Za-z_][\w.]{1,200}:[A-Za-z_][\w.]{0,200}")
_CONTENT = (
    ("executes", ("exec(", "eval(", "compile(", "exec (", "runpy", "getattr(", "__builtins__",
    "execfile", "import_module",
                  "marshal", "\\x", "chr(")),
    ("decodes", ("base64", "b64decode", "fromhex", "zlib", "decompress", "codecs", "rot13",
    "b85decode", "unhexlify",
                 "lzma", "a85decode", "[::-1]")),
    ("process", ("subprocess", "os.system", "popen", "os.exec", "os.spawn", "startfile", "pty",
    "posix_spawn", "fork(")),
    ("network", ("urllib", "urlopen", "requests", "socket", "http.client", "httpx", "://", "ftplib")),
)  # fmt: skip


def find_hooks(data: bytes, language: Language) -> Iterator[Sign]:
    """Signs of every line that runs; plain path lines are silent."""
    text = bounded_text(data[:MAX_BYTES], language)
    position = 0
    for _ in range(MAX_LINES):
        if position >= len(text):
            return
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].rstrip("\r")
        if line.startswith(("import ", "import\t")):
            for kind in _kinds(line):
                yield sign_at(NAME, kind, text, position, shown=line)
            if _pushed(text, position, line):
                yield sign_at(NAME, "pushed-aside", text, position, shown=line.strip())
        elif _ENTRY.fullmatch(line.strip()):
            yield sign_at(NAME, "entry-point", text, position, shown=line.strip())
        position = end + 1


def _kinds(line: str) -> Iterator[str]:
    bare = (
        line.partition(" #")[0].rstrip() if "'" not in line and '"' not in line else line.rstrip()
    )
    if len(line) <= _SHAPE_LIMIT and any(shape.fullmatch(bare) for shape in _KNOWN_SHAPES):
        yield "known-shape"
        return
    if _PLAIN.fullmatch(bare):
        yield "plain-import"
        return
    yield "import"
    low = line.lower()
    for kind, words in _CONTENT:
        if any(word in low for word in words):
            yield kind
    if len(line) > LONG_LINE:
        yield "long"


_EMPTY_ABOVE = "\n" * 40


def _pushed(text: str, position: int, line: str) -> bool:
    above = text[max(0, position - len(_EMPTY_ABOVE)) : position]
    return " " * 60 in line or "\t" * 20 in line or above == _EMPTY_ABOVE


ANALYSIS = ContentAnalysis(rule=RULE, languages=frozenset({Language.PTH}), run=find_hooks)
