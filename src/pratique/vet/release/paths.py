"""Paths inside archives, as text: always `/` between folders, nothing of the machine's file system."""

from __future__ import annotations

from collections.abc import Iterator

_NATIVE = (".so", ".pyd", ".dylib")
_MODULES = (".py", ".pyc", ".pyw", ".pyo")


def base_name(path: str) -> str:
    """What follows the last slash."""
    return path.rpartition("/")[2]


def folder(path: str) -> str:
    """What precedes the last slash, "" at the top."""
    return path.rpartition("/")[0]


def extension(path: str) -> str:
    """The ending in lower case with its dot; "" without one, and for dot files."""
    stem, dot, ending = base_name(path).rpartition(".")
    return dot + ending.lower() if stem else ""


def module_stem(path: str) -> str | None:
    """The name by which Python would import the file, None when it would not.

    Native modules carry tags after their name (`_x.cpython-311-x86_64-linux-gnu.so`), and so do the
    compiled files under `__pycache__`; a library like `libfoo.so.3` is not imported.
    """
    base = base_name(path)
    if base.endswith(_MODULES):
        stem = base.rpartition(".")[0]
        return (stem.partition(".")[0] if "/__pycache__/" in path else stem) or None
    if base.endswith(_NATIVE):
        return base.partition(".")[0] or None
    return None


def parents(dotted: str) -> Iterator[str]:
    """`a.b.c` → `a.b`, `a`."""
    while "." in dotted:
        dotted = dotted.rpartition(".")[0]
        yield dotted
