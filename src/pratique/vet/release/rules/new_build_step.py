"""Rule `new-build-step`: building the release runs something that building its predecessor did not."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.command import RULE as COMMAND
from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.content.judge_commands import judge_command
from pratique.vet.model import Confidence, Context, PlacedSign, Reach, Severity
from pratique.vet.release.kit import ReleaseRule, mark, metadata_path
from pratique.vet.release.view import ReleaseView

RULE = Rule(
    name="new-build-step",
    title="Building runs something new",
    techniques=("T1195.002",),
    what="The sdist brings a setup.py, a build backend of its own or an install command that its "
    "predecessor did not have.",
    danger="It runs on every machine that installs from source, before anything is imported.",
    benign="Projects move between build tools; then the old build files go at the same time.",
    traits={
        "setup-py": trait("brings a setup.py", Severity.MEDIUM, Confidence.MEDIUM),
        "own-backend": trait(
            "builds with a backend of its own", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "backend": trait("builds with another backend", Severity.LOW, Confidence.MEDIUM),
        "command": trait("runs a new command at install", Severity.HIGH, Confidence.MEDIUM),
        "install-command": trait("runs a command at install", Severity.MEDIUM, Confidence.LOW),
    },
)


def find(view: ReleaseView, base: ReleaseView | None, _context: Context) -> Iterator[PlacedSign]:
    """Signs for build steps that the base lacks; an npm install command counts without a base too."""
    now = view.release.metadata
    where = metadata_path(view)
    commands = now.scripts if view.release.kind == "npm" else ()
    if base is None:
        for command in commands:
            yield mark(RULE, "install-command", path=where, shown=command, reach=Reach.BUILD)
            yield from _deeds(command, where)
        return
    then = base.release.metadata
    layout = view.placement.layout
    if layout.setup and not base.placement.layout.setup and base.release.kind == view.release.kind:
        yield mark(RULE, "setup-py", path=layout.setup, line=1, shown="setup.py", reach=Reach.BUILD)
    if now.backend_path and now.backend_path != then.backend_path:
        folders = ", ".join(now.backend_path)
        shown = f"{now.build_backend} in {folders}"
        yield mark(RULE, "own-backend", path=where, shown=shown, reach=Reach.BUILD)
    elif now.build_backend and then.build_backend and now.build_backend != then.build_backend:
        yield mark(RULE, "backend", path=where, shown=f"{then.build_backend} → {now.build_backend}")
    for command in now.scripts:
        if command not in then.scripts:
            yield mark(RULE, "command", path=where, shown=command, reach=Reach.BUILD)
            yield from _deeds(command, where) if command in commands else ()


def _deeds(command: str, where: str) -> Iterator[PlacedSign]:
    """What an install script of npm does by itself, as the rule `command` tells it of others."""
    for name, shown in judge_command(command):
        if name in COMMAND.traits:
            yield mark(
                COMMAND,
                name,
                path=where,
                shown=f"{name}: {shown}",
                reach=Reach.BUILD,
                how="npm runs this script when it installs the package",
            )


NEW_BUILD_STEP = ReleaseRule(rule=RULE, run=find)
