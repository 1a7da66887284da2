"""Rule `bundled-runtime`: interpreters, downloaders and other programs inside the package."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.content.data_tables import load_table
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.native import is_module, native_kind
from pratique.vet.release.paths import base_name
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="bundled-runtime",
    title="Brings programs of its own",
    techniques=("T1105", "T1036"),
    what="The package contains stand-alone programs: an interpreter, a downloader, another executable.",
    danger="A program inside a package runs code that no scanner of Python sees, under a harmless name.",
    benign="Wheels that deliver a tool (node, ruff, cmake) consist of little else, and say so in their name.",
    traits={
        "interpreter": trait(
            "contains another language's interpreter", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "transfer-tool": trait(
            "contains a tool that moves data over the network", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "new-executable": trait(
            "contains a program that the base did not", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "executable": trait("contains a program", Severity.LOW, Confidence.MEDIUM),
    },
)

SHOWN = 20
"""Programs shown; a package of tools may have hundreds."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each program that the base did not have."""
    words = load_table("release-names")["programs"]
    interpreters, tools = (
        frozenset(words["interpreters"].split()),
        frozenset(words["transfer"].split()),
    )
    known = {base.plain(path) for path in base.entries} if base else frozenset[str]()
    told = 0
    for entry, facts in view.walk():
        path = entry.path
        if not native_kind(path, facts) or is_module(path) or _is_library(path):
            continue
        if view.plain(path) in known or told >= SHOWN:
            continue
        told += 1
        stem = base_name(path).lower().removesuffix(".exe")
        name = (
            "interpreter" if stem in interpreters
            else "transfer-tool" if stem in tools
            else "new-executable" if base
            else "executable"
        )  # fmt: skip
        yield mark(
            RULE,
            name,
            path=path,
            shown=f"{base_name(path)}, {entry.size:,} bytes",
            reach=view.placement.reach(path),
            how=view.placement.how(path),
        )


def _is_library(path: str) -> bool:
    base = base_name(path).lower()
    return base.endswith((".dll", ".dylib", ".wasm", ".o", ".a", ".lib")) or ".so." in base


BUNDLED_RUNTIME = ReleaseRule(rule=RULE, run=find)
