"""Rule `foreign-namespace`: the release installs modules under another project's name."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, Context, PlacedSign, Severity
from pratique.vet.release.kit import ReleaseRule, mark, project_of
from pratique.vet.release.popular import popular_names
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="foreign-namespace",
    title="Puts files under another project's name",
    techniques=("T1574", "T1036.005"),
    what="The release installs a top-level package or module that has the name of another project or of the "
    "standard library.",
    danger="Installed beside that project it overwrites its files, and runs whenever that is imported.",
    benign="Forks and compatible replacements do it on purpose; shared namespace packages have no __init__.",
    traits={
        "installer": trait(
            "puts files into the installer's own packages", Severity.HIGH, Confidence.HIGH
        ),
        "popular": trait(
            "installs modules under a popular project's name", Severity.HIGH, Confidence.MEDIUM
        ),
        "standard-library": trait(
            "installs a module with a standard library name", Severity.MEDIUM, Confidence.LOW
        ),
    },
)

INSTALLERS = frozenset(
    ("pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel", "ensurepip")
)
WEIGHTY = 3
"""Projects that must require a name before taking it is odd: small lists hold chance neighbours."""


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each foreign top-level name that the base did not have."""
    own = project_of(view)
    popular = popular_names()
    known = base.placement.layout.names if base else frozenset()
    tops = _tops(view)
    for name in sorted(set(tops) - known):
        kind = _kind(name, own, popular)
        if kind is None:
            continue
        path = tops[name]
        yield mark(
            RULE,
            kind,
            path=path,
            line=1,
            shown=f"top-level name {name!r} in a release of {own}",
            reach=view.placement.reach(path),
            how=view.placement.how(path),
        )


def _tops(view: ReleaseView) -> dict[str, str]:
    """Top-level name → a file that takes it whole (a namespace folder takes nothing)."""
    layout = view.placement.layout
    return {
        dotted: path
        for path, dotted in sorted(layout.modules.items(), reverse=True)
        if "." not in dotted and path not in layout.aside and path != layout.setup
    }


def _kind(name: str, own: str, popular: dict[str, int]) -> str | None:
    plain = canonicalize_name(name)
    if plain == own or own in INSTALLERS or set(plain.split("-")) & set(own.split("-")):
        return None
    if name in INSTALLERS:
        return "installer"
    if own in popular:
        return None  # Known projects own odd names: PIL, yaml, dateutil.
    if popular.get(plain, 0) >= WEIGHTY:
        return "popular"
    return "standard-library" if name in sys.stdlib_module_names and name != "test" else None


FOREIGN_NAMESPACE = ReleaseRule(rule=RULE, run=find)
