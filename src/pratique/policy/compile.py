"""A policy made ready for deciding: patterns compiled, advisories at hand, one id for all of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from pratique import __version__
from pratique.policy.advisories import NO_ADVISORIES, AdvisoryIndex
from pratique.policy.language import Policy
from pratique.policy.model import FileFacts, Outcome, ProjectFacts
from pratique.policy.patterns import (
    ProjectPattern,
    VersionPattern,
    compile_digests,
    compile_projects,
    compile_versions,
)
from pratique.policy.spelling import VersionReader
from pratique.values.digests import Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A `[[deny]]` or `[[allow]]` table, compiled."""

    projects: ProjectPattern
    versions: VersionPattern
    sha256: frozenset[Sha256]
    """Empty means every file of the projects and versions."""
    reason: str
    outcome: Outcome
    rules: frozenset[str]
    """Of an allow entry: the rules it lifts."""
    line: str
    """Where it stands, such as `policy.toml:12`."""

    def matches(self, file: FileFacts, reader: VersionReader) -> bool:
        """Whether the file is meant; the caller has matched the project."""
        if self.sha256 and file.sha256 not in self.sha256:
            return False
        if not self.versions.specifiers:
            return True
        if self.versions.exact:
            key = reader.plain_key(file.filename)
            if key is not None:
                return key in self.versions.exact
        version = reader.version(file)
        return version is not None and self.versions.matches(version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A `[[capability-gain]]` table, compiled."""

    projects: ProjectPattern
    names: frozenset[str]
    """Empty means any capability."""
    outcome: Outcome
    reason: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolDown:
    """The cool-down of one project."""

    hours: float
    line: str

    @property
    def delta(self) -> timedelta:
        """As a span of time."""
        return timedelta(hours=self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """What `decide` is given."""

    policy: Policy
    advisories: AdvisoryIndex
    deny: tuple[Entry, ...]
    allow: tuple[Entry, ...]
    capability_gain: tuple[Gain, ...]
    overrides: tuple[tuple[ProjectPattern, CoolDown], ...]
    yanked_words: re.Pattern[str] | None
    sha256: str
    """Id of the policy view: differs when anything that can change a decision differs (the keys in
    effect, the advisories in force, this program's version); a comment does not."""

    @property
    def audit(self) -> bool:
        """Whether nothing is blocked, only recorded."""
        return self.policy.tables.mode == "audit"

    def cool_down(self, project: ProjectFacts) -> CoolDown:
        """The cool-down that applies to a project: first matching override, else the default."""
        for pattern, cool_down in self.overrides:
            if pattern.matches(project.project):
                return cool_down
        table = self.policy.tables.cool_down
        if project.private:
            line = self.policy.line("cool-down", "private_hours")
            return CoolDown(hours=table.private_hours, line=line)
        return CoolDown(hours=table.hours, line=self.policy.line("cool-down", "hours"))


def compile_policy(policy: Policy, advisories: AdvisoryIndex = NO_ADVISORIES) -> CompiledPolicy:
    """Make a checked policy ready for deciding."""
    tables = policy.tables
    return CompiledPolicy(
        policy=policy,
        advisories=advisories,
        deny=tuple(
            Entry(
                projects=compile_projects(entry.projects),
                versions=compile_versions(entry.versions),
                sha256=compile_digests(entry.sha256),
                reason=entry.reason,
                outcome=Outcome(entry.outcome),
                rules=frozenset(),
                line=policy.line("deny", index),
            )
            for index, entry in enumerate(tables.deny)
        ),
        allow=tuple(
            Entry(
                projects=compile_projects(entry.projects),
                versions=compile_versions(entry.versions),
                sha256=compile_digests(entry.sha256),
                reason=entry.reason,
                outcome=Outcome.ALLOW,
                rules=frozenset(entry.rules),
                line=policy.line("allow", index),
            )
            for index, entry in enumerate(tables.allow)
        ),
        capability_gain=tuple(
            Gain(
                projects=compile_projects(entry.projects),
                names=frozenset(entry.capabilities),
                outcome=Outcome(entry.outcome),
                reason=entry.reason,
                line=policy.line("capability-gain", index),
            )
            for index, entry in enumerate(tables.capability_gain)
        ),
        overrides=tuple(
            (
                compile_projects(override.projects),
                CoolDown(hours=override.hours, line=policy.line("cool-down", "override", index)),
            )
            for index, override in enumerate(tables.cool_down.override)
        ),
        yanked_words=_compile_words(tables.yanked.words),
        sha256=_view_id(policy, advisories),
    )


def _compile_words(words: Iterable[str]) -> re.Pattern[str] | None:
    """Whole words in any case; the spaces of a phrase also match dashes and line breaks."""
    alternatives = [r"[\W_]+".join(map(re.escape, re.findall(r"\w+", word))) for word in words]
    if not alternatives:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])", re.IGNORECASE)


def _view_id(policy: Policy, advisories: AdvisoryIndex) -> str:
    effective = msgspec.json.encode(policy.tables, order="deterministic")
    parts = (__version__.encode(), effective, advisories.content_hash.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
