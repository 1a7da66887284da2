"""The malicious text of a sample, chosen by rules that know nothing of the detector. In memory only.

Rule `heaviest`: of the sample's modules the one that names the most calls to network, processes, dynamic
code and secrets (plain count of words; at a tie `setup.py`, then the first by name).
Rule `whole`: every module, joined in order of path. It is there so that nobody fits one extractor.
Both: `setup(...)`, `from __future__` and relative imports are taken out; code under a main guard, or in a
`cmdclass`, or in functions that nothing calls, is made to run, since a graft that never runs is no attack.
Samples of more than `MAX_MODULES` modules are left out: most are copies of a real project, in which a
plain count picks code of that project. What is read here is parsed, and never compiled or run.
"""

from __future__ import annotations

import ast
import io
import re
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

HEAVIEST = "heaviest"
WHOLE = "whole"
RULES = (HEAVIEST, WHOLE)
MAX_MODULES = 12
MAX_MEMBERS = 5_000
MAX_SOURCE = 3 << 20
"""Bytes of one module, and of a payload: the largest embedded program of the list fits."""
_WORDS = re.compile(
    r"\b(?:urlopen|urlretrieve|requests|httpx|aiohttp|http|socket|gethostname|getaddrinfo|ftplib|smtplib"
    r"|webhook|subprocess|Popen|system|popen|startfile|spawn|execv|exec|eval|compile|__import__|getattr"
    r"|b64decode|b85decode|unhexlify|fromhex|marshal|zlib|lzma|Fernet|decrypt|environ|getenv|expanduser"
    r"|getuser|platform|ctypes|winreg|sqlite3|pyautogui|ImageGrab|clipboard|powershell|curl|wget|token)\b"
)


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed module of a sample."""

    path: str
    text: str
    tree: ast.Module

    @property
    def weight(self) -> int:
        return len(_WORDS.findall(self.text))


def modules_of(data: bytes) -> list[Module]:
    """Modules that parse, by path; tests left out. Never raises on what an archive holds."""
    found = []
    for path, source in sorted(_sources(data)):
        text = source.decode("utf-8", "replace").removeprefix("\ufeff")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        tree = parse(text)
        if tree and "/test" not in path:
            found.append(Module(path, text, tree))
    return found


def parse(text: str) -> ast.Module | None:
    """The tree, or None when the text is no Python of this version."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # samples hold invalid escapes
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _sources(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Python members, whatever kind of archive it is, within limits; names lie about the kind."""
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as opened:
                for entry in opened.infolist()[:MAX_MEMBERS]:
                    if entry.filename.endswith(".py") and entry.file_size <= MAX_SOURCE:
                        yield entry.filename, opened.read(entry)
        else:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
                for _, member in zip(range(MAX_MEMBERS), tar, strict=False):
                    stream = tar.extractfile(member) if member.isreg() else None
                    if stream and member.name.endswith(".py") and member.size <= MAX_SOURCE:
                        yield member.name, stream.read()
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
    ):
        return  # what was read before the damage is used; the sample still counts in first-release recall


def payload(data: bytes, rule: str) -> str | None:
    """The payload text by a rule; None when the sample offers none."""
    modules = modules_of(data)
    if not modules or len(modules) > MAX_MODULES:
        return None
    if rule == WHOLE:
        pieces = [made for module in modules if (made := extract(module.text))]
        text = "\n".join(pieces) if any(_WORDS.search(piece) for piece in pieces) else ""
    else:
        ranked = sorted(modules, key=lambda m: (-m.weight, not m.path.endswith("setup.py"), m.path))
        usable = (extract(module.text) for module in ranked if module.weight)
        text = next((made for made in usable if made), "")
    return text if text and len(text) <= MAX_SOURCE and parse(text) else None


def extract(text: str) -> str:
    """One module as a text that acts when it runs; empty when nothing in it could be made to."""
    tree = parse(text)
    if tree is None:
        return ""
    hooks = sorted(_command_classes(tree))
    text = replace(text, [(node, "pass") for node in ast.walk(tree) if _is_taken_out(node)])
    tree = parse(text)
    if tree is None:
        return ""
    guards = [node.test for node in tree.body if isinstance(node, ast.If) and _is_guard(node.test)]
    text = replace(text, [(test, "True") for test in guards])
    calls = [f"{name}.run(None)" for name in hooks]
    if not calls and not guards and not any(_acts(node) for node in tree.body):
        calls = list(_callable(tree))
        if not calls:
            return ""
    return text.rstrip() + "\n" + "".join(call + "\n" for call in calls)


def replace(text: str, changes: list[tuple[ast.AST, str]]) -> str:
    """The text with nodes replaced, the last first; columns of the tree count bytes."""
    lines = text.encode("utf-8", "replace").split(b"\n")
    spans = [
        (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0, word)
        for node, word in changes
        if isinstance(node, (ast.stmt, ast.expr))
    ]
    for line, column, end_line, end_column, word in sorted(spans, reverse=True):
        after = lines[end_line - 1][end_column:]
        lines[line - 1 : end_line] = [lines[line - 1][:column] + word.encode() + after]
    return b"\n".join(lines).decode("utf-8", "replace")


def _is_taken_out(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or node.module == "__future__"
    return isinstance(node, ast.Expr) and _setup_call(node.value) is not None


def _setup_call(node: ast.expr) -> ast.Call | None:
    if not isinstance(node, ast.Call):
        return None
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return node if name == "setup" else None


def _command_classes(tree: ast.Module) -> set[str]:
    """Names of classes that the `setup(...)` call hooks into the installation, with a `run` of their own."""
    with_run = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, ast.FunctionDef) and part.name == "run" for part in node.body)
    }
    named: set[str] = set()
    for node in ast.walk(tree):
        for word in node.keywords if isinstance(node, ast.Call) and _setup_call(node) else ():
            if word.arg == "cmdclass" and isinstance(word.value, ast.Dict):
                named |= {value.id for value in word.value.values if isinstance(value, ast.Name)}
    return named & with_run


def _is_guard(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def _acts(node: ast.stmt) -> bool:
    """Whether a statement of a module does more than define."""
    if isinstance(
        node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.Pass)
    ):
        return False
    if isinstance(node, ast.ClassDef):
        return any(_acts(part) for part in node.body)
    if isinstance(node, (ast.If, ast.Try)):
        return any(
            _acts(part) for part in ast.walk(node) if isinstance(part, (ast.Expr, ast.Assign))
        )
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _callable(tree: ast.Module) -> Iterator[str]:
    """Calls of the module's functions and classes that need no argument."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not _required(node.args):
            yield f"{node.name}()"
        elif isinstance(node, ast.ClassDef):
            made = next(
                (p for p in node.body if isinstance(p, ast.FunctionDef) and p.name == "__init__"),
                None,
            )
            if made and _required(made.args) <= 1:
                yield f"{node.name}()"


def _required(arguments: ast.arguments) -> int:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional + sum(default is None for default in arguments.kw_defaults)
