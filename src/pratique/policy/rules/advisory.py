"""Rule `advisory`: files that an OSV record calls malware, or, if so configured, vulnerable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pratique.policy.advisories import Advisory, matches_version
from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Decision, FileFacts, Outcome, ProjectFacts
from pratique.policy.rule import Rule, RuleFunction
from pratique.policy.spelling import VersionReader, reader_for
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant

NAME = "advisory"

_Matcher: TypeAlias = Callable[[FileFacts], tuple[str, ...]]
"""Gives the ids of the records that match a file."""


def _applies(project: ProjectFacts, policy: CompiledPolicy) -> RuleFunction | None:
    table = policy.policy.tables.advisory
    records = policy.advisories.for_project(project.project)
    by_hash = policy.advisories.malware_sha256
    reader = reader_for(project.project)
    malware = _matcher([a for a in records if a.malware and _meant(a, project)], reader)
    watched = [a for a in records if not a.malware] if table.vulnerable != "allow" else []
    vulnerable = _matcher(watched, reader)
    if malware is None and vulnerable is None and not by_hash:
        return None

    def objection(file: FileFacts, now: Instant) -> Decision | None:  # noqa: ARG001 - a rule's form
        ids = by_hash.get(file.sha256, ()) if file.sha256 is not None else ()
        if malware is not None:
            ids = tuple(dict.fromkeys((*ids, *malware(file))))
        if ids:
            return _malware(file, ids, Outcome(table.malware))
        ids = vulnerable(file) if vulnerable is not None else ()
        return _vulnerable(file, ids, Outcome(table.vulnerable)) if ids else None

    return objection


def _meant(advisory: Advisory, project: ProjectFacts) -> bool:
    """Whether a malware record may speak of this project.

    "All versions of this name are malware" is said of names that somebody squatted on the public
    index. A private project of the same name is another project; its owners must not lose it.
    """
    return not (project.private and advisory.everything)


def _matcher(records: list[Advisory], reader: VersionReader) -> _Matcher | None:
    """Prepare records of one project: listed versions by look-up, ranges once per version."""
    if not records:
        return None
    sweeping = tuple(a.id for a in records if a.everything)
    listed: dict[str, tuple[str, ...]] = {}
    for record in records:
        for key in record.versions:
            listed[key] = (*listed.get(key, ()), record.id)
    ranged = [a for a in records if a.ranges and not a.everything]
    seen: dict[str, tuple[str, ...]] = {}

    def ids(file: FileFacts) -> tuple[str, ...]:
        key = reader.key(file)
        if key is None:
            return sweeping
        known = seen.get(key)
        if known is None:
            known = seen[key] = _look_up(file, key)
        return known

    def _look_up(file: FileFacts, key: str) -> tuple[str, ...]:
        found = [*sweeping, *listed.get(key, ())]
        if "+" in key:
            found.extend(listed.get(key.partition("+")[0], ()))
        version = reader.version(file) if ranged else None
        if version is not None:
            found.extend(a.id for a in ranged if matches_version(a, version))
        return tuple(sorted(dict.fromkeys(found)))

    return ids


def _malware(file: FileFacts, ids: tuple[str, ...], outcome: Outcome) -> Decision:
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(f"{label(file)} is malware according to {_name(ids)}"),
        evidence=ids,
    )


def _vulnerable(file: FileFacts, ids: tuple[str, ...], outcome: Outcome) -> Decision:
    return Decision(
        outcome=outcome,
        rule=NAME,
        reason=sentence(f"{label(file)} is vulnerable according to {_name(ids)}"),
        evidence=ids,
    )


def _name(ids: tuple[str, ...]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"


RULE = Rule(
    name=NAME,
    summary="an OSV record calls the file malware, or vulnerable where the policy minds that",
    remedy="the record is withdrawn or corrected, or [advisory] says otherwise",
    key=("advisory",),
    applies=_applies,
)
