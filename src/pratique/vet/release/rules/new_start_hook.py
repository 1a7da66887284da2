"""Rule `new-start-hook`: files that the interpreter runs at every start, asked or not."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import Confidence, ContentFacts, Context, PlacedSign, Reach, Severity
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.paths import extension
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="new-start-hook",
    title="Runs at every start of the interpreter",
    techniques=("T1546.018", "T1547"),
    what="The release installs a file that Python runs at each start: a .pth with code, a .start file, "
    "sitecustomize or usercustomize.",
    danger="It runs in every Python process of the environment, pip's and the build's included, "
    "without anybody importing the package.",
    benign="Coverage tools, editable installs and import hooks of build tools do this, with one short line.",
    traits={
        "new": trait(
            "adds a file that runs code at every interpreter start",
            Severity.CRITICAL,
            Confidence.HIGH,
        ),
        "changed": trait(
            "changes what runs at every interpreter start", Severity.HIGH, Confidence.MEDIUM
        ),
        "present": trait(
            "has a file that runs code at every interpreter start", Severity.HIGH, Confidence.MEDIUM
        ),
        "customize": trait(
            "has a module that the interpreter imports at every start",
            Severity.HIGH,
            Confidence.HIGH,
        ),
        "namespace": trait(
            "declares a namespace at every interpreter start", Severity.LOW, Confidence.MEDIUM
        ),
        "path": trait("adds folders to the import path", Severity.LOW, Confidence.MEDIUM),
    },
)


def runs_code(facts: ContentFacts) -> bool:
    """Whether a .pth has more than folders in it."""
    return bool(
        facts.imports or facts.signs or facts.uses or any(region.calls for region in facts.regions)
    )


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """One sign for each start file that the base did not have as it is."""
    before = {base.plain(path): base.entries[path] for path in base.entries} if base else {}
    for path in view.placement.layout.starts:
        old = before.get(view.plain(path))
        if old is not None and old.sha256 == view.entries[path].sha256:
            continue
        hook = extension(path) in {".pth", ".start"}
        facts = view.facts(path)
        if hook and not runs_code(facts):
            name = "path"
        elif path.endswith("-nspkg.pth") and facts.parsed and not facts.signs:
            name = "namespace"  # Written by old setuptools; anything more than that has signs.
        elif old is not None:
            name = "changed"
        elif base is not None:
            name = "new"
        else:
            name = "present" if hook else "customize"
        yield mark(
            RULE,
            name,
            path=path,
            line=1,
            shown=f"{path}, {view.entries[path].size:,} bytes",
            reach=Reach.NEVER if name in {"path", "namespace"} else Reach.STARTUP,
            how=view.placement.how(path),
        )


NEW_START_HOOK = ReleaseRule(rule=RULE, run=find)
