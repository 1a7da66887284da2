"""Rule `thin-deed`: a release that is hardly there does something outside itself.

Neither half says anything alone: many honest projects begin with a few lines, and nearly all code talks
to something. Together they are what throw-away uploads look like. What padding could take away here only
adds to what the deed weighs by itself (docs/explain/vetting.md, "Thin releases").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.vet.analyses.kit import Rule, trait
from pratique.vet.model import (
    Confidence,
    Context,
    Language,
    PlacedSign,
    Reach,
    Severity,
    Sign,
)  # fmt: skip
from pratique.vet.release.kit import ReleaseRule, mark
from pratique.vet.release.names import Nearness
from pratique.vet.release.rules import internal_name, metadata_oddity, name_squat, star_jacking
from pratique.vet.release.view import ReleaseView, placed_signs

FRAMES: Final = {
    "tiny": "has less than 2 kB of code",
    "small": "has less than 6 kB of code",
    "short": "has less than 20 kB of code",
    "terse": "says next to nothing of itself",
    "odd": "has a name, a version or an author as throw-away uploads have",
}
DEEDS: Final = {
    "network": "talks to the network",
    "process": "starts processes",
    "execute": "executes what it makes or loads",
    "private": "reads private or telling data",
    "write": "writes or deletes files",
}

RULE = Rule(
    name="thin-deed",
    title="A release that is hardly there does something",
    techniques=("T1195.001",),
    what="The release is very small, says next to nothing of itself or is named like a throw-away one, "
    "and its code reaches outside itself.",
    danger="Throw-away uploads are little more than their deed: an attacker writes what an index demands, "
    "and the payload.",
    benign="First versions and small helpers are short too. What the code does, and when, tells them apart.",
    traits={
        f"{frame}-{deed}": trait(f"{words}, and {does}", Severity.LOW, Confidence.LOW)
        for frame, words in FRAMES.items()
        for deed, does in DEEDS.items()
    },
)  # fmt: skip

SIZES: Final = {"tiny": 2_000, "small": 6_000, "short": 20_000}
"""Bytes of code, tests and documentation left out; of the malicious campaigns that evals know a half is
tiny, of honest thin archives one in fifty."""
CODE: Final = frozenset({Language.PYTHON, Language.PTH, Language.JAVASCRIPT})
SAYS_NOTHING: Final = 2
"""Of summary, description, addresses, classifiers, licence and author so many are missing."""
SETTLED_RELEASES, SETTLED_DAYS = 3, 365
"""A project that is a year old and had some releases is no throw-away, whatever its size."""

_BY_RULE: Final = {
    "network": "network",
    "command": "process", "shell-command": "process", "reverse-shell": "process",
    "decoded-exec": "execute", "fetched-exec": "execute", "hidden-names": "execute",
    "credential-access": "private", "exfiltration": "private", "surveillance": "private",
    "download-run": "write", "persistence": "write", "destructive": "write",
}  # fmt: skip
_BY_SINK: Final = {
    "network": "network", "network-quiet": "network", "talk-constant": "network",
    "talk-and-run": "network", "talk-and-execute": "network", "talk-and-host": "network",
    "process": "process", "process-quiet": "process",
    "execute": "execute", "execute-opaque": "execute", "load": "execute",
    "host": "private", "environment": "private",
    "write": "write", "delete": "write",
}  # fmt: skip
_ODD_VERSION: Final = frozenset({"high-version", "throw-away-author", "throw-away-address"})
_SURELY_NEAR: Final = frozenset(
    {Nearness.CONFUSABLE, Nearness.SEPARATORS, Nearness.EDIT, Nearness.SWAPPED}
)
"""Plugins and clients carry a popular name with an ending, honestly."""


def find(view: ReleaseView, base: ReleaseView | None, context: Context) -> Iterator[PlacedSign]:
    """One sign for each frame, deed and reach; none for what has a base or a history."""
    if base is not None or _is_settled(context):
        return
    size = code_size(view)
    frames = [name for name, most in SIZES.items() if size < most]
    frames += _told(view, context)
    if not frames:
        return
    told: set[tuple[str, Reach]] = set()
    for placed in placed_signs(view):
        deed = deed_of(placed.sign)
        if deed is None or placed.reach is Reach.NEVER or (deed, placed.reach) in told:
            continue
        told.add((deed, placed.reach))
        for frame in frames:
            yield mark(
                RULE,
                f"{frame}-{deed}",
                path=placed.path,
                line=placed.sign.line,
                excerpt=placed.sign.excerpt,
                shown=f"{FRAMES[frame]} ({size:,} bytes in all), and {DEEDS[deed]}",
                reach=placed.reach,
                how=placed.how,
            )


def deed_of(sign: Sign) -> str | None:
    """What a sign comes to, coarsely."""
    return _BY_SINK.get(sign.trait) if sign.rule == "sinks" else _BY_RULE.get(sign.rule)


def code_size(view: ReleaseView) -> int:
    """Bytes of code; tests, documentation and second copies make a release no larger."""
    aside = view.placement.layout.aside
    sizes = {
        entry.sha256: entry.size
        for entry in view.entries.values()
        if entry.language in CODE and entry.path not in aside
    }
    return sum(sizes.values())


def _is_settled(context: Context) -> bool:
    releases, days = context.releases_before, context.project_age_days
    return (releases or 0) >= SETTLED_RELEASES and (days or 0) >= SETTLED_DAYS


def _told(view: ReleaseView, context: Context) -> Iterator[str]:
    """Frames that do not depend on how much code there is: adding code takes none of them away."""
    said = {placed.sign.trait for placed in metadata_oddity.find(view, None, context)}
    missing = sum(name.startswith("no-") for name in said)
    if missing >= SAYS_NOTHING or "no-metadata" in said:
        yield "terse"
    if said & _ODD_VERSION or any(_named_oddly(view, context)):
        yield "odd"


def _named_oddly(view: ReleaseView, context: Context) -> Iterator[bool]:
    yield any(one.sign.trait in _SURELY_NEAR for one in name_squat.find(view, None, context))
    yield any(True for _ in star_jacking.find(view, None, context))
    yield any(True for _ in internal_name.find(view, None, context))


THIN_DEED = ReleaseRule(rule=RULE, run=find)
