"""Code that is run from a file of the release by its path: an import in all but name."""

from __future__ import annotations

from pratique.vet.model import Import
from pratique.vet.python.arguments import Arguments
from pratique.vet.python.plain import Node
from pratique.vet.python.values import HOLE, Made, V, known
from pratique.vet.python.walk import Walk

READ = "builtins.open().read"
"""Name of what was made by reading a whole file."""
_PATH_CHARACTERS = 400
"""Longest path that is followed; longer ones name no member of a release."""

PATH_ARGUMENT = {
    "importlib.util.spec_from_file_location": (1, "location"),
    "importlib.machinery.SourceFileLoader": (1, "path"),
    "imp.load_source": (1, "pathname"),
    "runpy.run_path": (0, "path_name"),
    "builtins.execfile": (0, "filename"),
}
"""Where each of these takes the path."""


def run_by_path(walk: Walk, node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`runpy.run_path("pkg/x.py")`: noted as an import; the call is reported as any other."""
    note_path(walk, node, given.get(*PATH_ARGUMENT[name]))
    return None


def note_source(walk: Walk, node: Node, source: V) -> None:
    """`exec(open("pkg/x.py").read())`: the file whose text is executed."""
    made = source.inner
    if type(made) is Made and made.name == READ:
        note_path(walk, node, made.arguments[0])


def note_path(walk: Walk, node: Node, path: V) -> None:
    """Note a file that is run.

    Of a path that begins with something unknown, such as the folder of `__file__`, the known end counts.
    """
    text = known(path)[-_PATH_CHARACTERS:].rpartition(HOLE)[2].replace("\\", "/").lstrip("/")
    if not text or not text.isprintable():
        return
    site = walk.here(node)
    module = text if "/" in text else f"./{text}"
    walk.made_imports.append(Import(module=module, region=site.region, line=site.line))
