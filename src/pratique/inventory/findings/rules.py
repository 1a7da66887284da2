"""The rules that findings are made by: id, severity, what it means, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pratique.inventory.addresses import redact
from pratique.inventory.model import Location


class Severity(StrEnum):
    """How much a finding matters; the exit code is 1 from `warning` on."""

    ERROR = "error"
    """The firewall is bypassed, or the file asks for something that is refused."""
    WARNING = "warning"
    """What is installed can change without the file changing."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that can be wrong."""

    id: str
    severity: Severity
    """The usual severity; a finding may be milder, as docs/reference/lock-findings.md says."""
    title: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, at one place."""

    rule: Rule
    severity: Severity
    path: str
    location: Location
    message: str
    remedy: str
    subject: str = ""
    """What it is about: a project and version, an address, a command."""
    count: int = 1
    """How many places of the file it stands for; `location` is the first."""
    excerpt: str = ""
    """The command, for launches."""


def _rule(rule_id: str, severity: Severity, title: str, remedy: str) -> Rule:
    return Rule(id=rule_id, severity=severity, title=title, remedy=remedy)


FOREIGN_URL: Final = _rule(
    "foreign-url",
    Severity.ERROR,
    "A file or registry URL does not lead through the door",
    "run 'pratique lock rewrite --to-door DOOR --write FILE', or lock again through the door",
)
FOREIGN_INDEX: Final = _rule(
    "foreign-index",
    Severity.ERROR,
    "An index other than the door is configured",
    "name the door's index view instead; private indexes belong behind it as an upstream",
)
UNHASHED: Final = _rule(
    "unhashed",
    Severity.WARNING,
    "A version is pinned without a hash",
    "add hashes ('uv pip compile --generate-hashes', 'pip hash'): files can be added to a release",
)
UNPINNED: Final = _rule(
    "unpinned",
    Severity.WARNING,
    "No single version is named",
    "name one version and its hashes, or install from a lock file",
)
WEAK_HASH: Final = _rule(
    "weak-hash",
    Severity.WARNING,
    "A file is hashed only with something weaker than SHA-256",
    "lock again with a tool and an index that give SHA-256",
)
DIRECT_URL: Final = _rule(
    "direct-url",
    Severity.WARNING,
    "A package comes from an address instead of an index",
    "publish it on an index behind the door; until then give its SHA-256",
)
VCS: Final = _rule(
    "vcs",
    Severity.ERROR,
    "A package comes from a repository",
    "name the full commit, since branches and tags can be moved; better, publish a release",
)
LOCAL_PATH: Final = _rule(
    "local-path",
    Severity.NOTE,
    "A package comes from a file or folder beside the project",
    "nothing, if that folder is reviewed like the project itself",
)
HELD: Final = _rule(
    "held",
    Severity.ERROR,
    "The door holds a pinned file back",
    "pin the last good version, wait, or ask an approver for a waiver",
)
HIDDEN: Final = _rule(
    "hidden",
    Severity.WARNING,
    "The door no longer offers a pinned file to resolvers",
    "pin another version; the exact pin may still be installed",
)
DENIED: Final = _rule(
    "denied",
    Severity.ERROR,
    "The door denies a pinned file",
    "remove it at once and find out where it was installed: 'pratique exposed NAME==VERSION'",
)
NOT_OFFERED: Final = _rule(
    "not-offered",
    Severity.ERROR,
    "The door does not offer a pinned file",
    "it is denied, withdrawn or unknown; see 'pratique policy explain NAME==VERSION'",
)
HASH_MISMATCH: Final = _rule(
    "hash-mismatch",
    Severity.ERROR,
    "The lock and the door disagree about a file's content",
    "do not install; find out which of the two was changed, and by whom",
)
STALE_DUPLICATE: Final = _rule(
    "stale-duplicate",
    Severity.WARNING,
    "Two lock files of one project pin different versions",
    "keep one lock file, or export the second from the first in the same commit",
)
UNREADABLE: Final = _rule(
    "unreadable",
    Severity.ERROR,
    "A file or an entry in it cannot be read, so nothing is known of it",
    "let the tool that owns the file write it again",
)
UNPINNED_LAUNCH: Final = _rule(
    "unpinned-launch",
    Severity.WARNING,
    "A command installs or runs whatever version is newest",
    "name a version ('NAME==VERSION'), or install from a hashed lock file",
)

RULES: Final = (
    FOREIGN_URL, FOREIGN_INDEX, UNHASHED, UNPINNED, WEAK_HASH, DIRECT_URL, VCS, LOCAL_PATH,
    HELD, HIDDEN, DENIED, NOT_OFFERED, HASH_MISMATCH, STALE_DUPLICATE, UNREADABLE,
    UNPINNED_LAUNCH,
)  # fmt: skip


def found(
    rule: Rule,
    *,
    path: str,
    location: Location,
    message: str,
    severity: Severity | None = None,
    subject: str = "",
    count: int = 1,
    remedy: str = "",
    excerpt: str = "",
) -> Finding:
    """Make a finding; secrets in URLs are taken out here, so that no check can forget to."""
    return Finding(
        rule=rule,
        severity=severity or rule.severity,
        path=path,
        location=location,
        message=redact(message),
        remedy=remedy or rule.remedy,
        subject=redact(subject),
        count=count,
        excerpt=redact(excerpt),
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By file, then by place, then by rule: the same input always gives the same report."""
    return tuple(sorted(findings, key=lambda f: (f.path, f.location, f.rule.id, f.message)))
