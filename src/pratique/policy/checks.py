"""What types alone cannot say about a policy file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pratique.errors import ValueFormatError
from pratique.policy.patterns import as_tuple, is_glob, normalize_pattern
from pratique.policy.toml_lines import KeyPath
from pratique.values.digests import parse_sha256

if TYPE_CHECKING:
    from pratique.policy.language import AllowEntry, DenyEntry, PolicyTables

EXEMPTABLE_RULES = (
    "capability-gain",
    "cool-down",
    "missing-hash",
    "new-dependency",
    "provenance",
    "quarantined",
    "verdict",
    "yanked",
)
"""Rules whose hide or hold an `[[allow]]` entry may lift; a deny is lifted by a waiver only."""


class Problem(NamedTuple):
    """Something that is wrong, and where."""

    path: KeyPath
    message: str
    expected: str
    remedy: str = ""


def check_tables(tables: PolicyTables) -> Problem | None:
    """The first problem of a policy, or None."""
    return next(
        chain(
            _check_overrides(tables),
            *(_check_deny(entry, index) for index, entry in enumerate(tables.deny)),
            *(_check_allow(entry, index) for index, entry in enumerate(tables.allow)),
            _check_gains(tables),
            _check_words(tables),
            _check_early_release(tables),
        ),
        None,
    )


def _check_overrides(tables: PolicyTables) -> Iterator[Problem]:
    for index, override in enumerate(tables.cool_down.override):
        path: KeyPath = ("cool-down", "override", index)
        yield from _check_projects(override.projects, path)
        if not override.projects:
            yield Problem((*path, "projects"), "an override must name projects", '["acme-*"]')
        yield from _check_reason(override.reason, path)


def _check_gains(tables: PolicyTables) -> Iterator[Problem]:
    for index, entry in enumerate(tables.capability_gain):
        path: KeyPath = ("capability-gain", index)
        yield from _check_projects(entry.projects, path)
        if not entry.projects:
            yield Problem((*path, "projects"), "an entry must name projects", '["*"] for all')


def _check_deny(entry: DenyEntry, index: int) -> Iterator[Problem]:
    path: KeyPath = ("deny", index)
    if not entry.projects and not entry.sha256:
        yield Problem(path, "a [[deny]] entry must say what it denies", "projects, sha256, or both")
    yield from _check_projects(entry.projects, path)
    yield from _check_versions(entry.versions, path, exact=False)
    yield from _check_digests(entry.sha256, path)
    yield from _check_reason(entry.reason, path)


def _check_allow(entry: AllowEntry, index: int) -> Iterator[Problem]:
    path: KeyPath = ("allow", index)
    if not entry.sha256 and not (entry.projects and entry.versions):
        yield Problem(
            path,
            "an [[allow]] entry must name exact files or exact releases",
            'sha256, or projects together with versions such as "==1.82.6"',
            "for whole projects shorten the cool-down with [[cool-down.override]]",
        )
    yield from _check_projects(entry.projects, path)
    for project in entry.projects:
        if is_glob(project):
            yield Problem(
                (*path, "projects"),
                f"an [[allow]] entry cannot use a pattern: {project!r}",
                "exact project names",
                "for patterns use [[cool-down.override]]",
            )
    yield from _check_versions(entry.versions, path, exact=True)
    yield from _check_digests(entry.sha256, path)
    yield from _check_reason(entry.reason, path)
    for rule in entry.rules:
        if rule not in EXEMPTABLE_RULES:
            yield Problem(
                (*path, "rules"),
                f"an [[allow]] entry cannot exempt from rule {rule!r}",
                "one or more of " + ", ".join(EXEMPTABLE_RULES),
            )


def _check_projects(projects: Iterable[str], path: KeyPath) -> Iterator[Problem]:
    for project in projects:
        if normalize_pattern(project) is None:
            yield Problem(
                (*path, "projects"),
                f"not a project name or pattern: {project[:80]!r}",
                "a name such as litellm, or a pattern with * or ? such as acme-*",
            )


def _check_versions(
    versions: str | tuple[str, ...], path: KeyPath, *, exact: bool
) -> Iterator[Problem]:
    where = (*path, "versions")
    for text in as_tuple(versions):
        try:
            parts = list(SpecifierSet(text))
        except InvalidSpecifier:
            yield Problem(
                where,
                f"not a version specifier: {text[:80]!r}",
                'PEP 440, such as "==1.82.7" or ">=1.82.7,<1.83"',
            )
            continue
        if not parts:
            yield Problem(where, "empty version specifier", "leave the key out for every version")
        if exact and any(p.operator not in {"==", "==="} or "*" in p.version for p in parts):
            yield Problem(
                where,
                f"an [[allow]] entry needs exact versions, not {text!r}",
                '"==1.82.6"; several as a list ["==1.82.5", "==1.82.6"]',
            )


def _check_digests(digests: str | tuple[str, ...], path: KeyPath) -> Iterator[Problem]:
    for text in as_tuple(digests):
        try:
            parse_sha256(text)
        except ValueFormatError as error:
            yield Problem((*path, "sha256"), error.message, error.expected)


def _check_reason(reason: str, path: KeyPath) -> Iterator[Problem]:
    if not reason.strip():
        yield Problem(
            (*path, "reason"), "the reason is empty", "words that the person who is stopped reads"
        )


def _check_words(tables: PolicyTables) -> Iterator[Problem]:
    for word in tables.yanked.words:
        if not any(character.isalnum() for character in word):
            yield Problem(("yanked", "words"), f"not a word: {word!r}", '"malware"')


def _check_early_release(tables: PolicyTables) -> Iterator[Problem]:
    early = tables.early_release
    if early.enabled and not early.sources:
        yield Problem(
            ("early-release", "sources"),
            "early release without sources can never happen",
            'sources = ["GHSA", "PYSEC"], or enabled = false',
        )
