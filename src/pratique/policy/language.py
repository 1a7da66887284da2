"""The policy file: TOML text in, checked values out (docs/reference/policy.md names every key).

Owns: names, defaults and checks of the keys. Never does: read files, or decide anything.
Start reading at `PolicyTables`, then `parse_policy`.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec

from pratique.errors import SettingsError
from pratique.policy.checks import check_tables
from pratique.policy.toml_lines import KeyPath, line_of, locate_lines
from pratique.policy.typos import find_unknown_key, words_at

_TEN_YEARS_IN_HOURS = 87_600
Hours: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_TEN_YEARS_IN_HOURS)]
Closed: TypeAlias = Literal["hide", "hold", "deny"]
Words: TypeAlias = tuple[str, ...]
CapabilityWord: TypeAlias = Literal[
    "credentials",
    "dynamic-code",
    "environment",
    "filesystem",
    "native",
    "network",
    "persistence",
    "process",
    "surveillance",
]
"""As in `vet.model.Capability`; a test holds the two equal."""


class PolicyError(SettingsError):
    """The policy file cannot be used; `source`, `line` and `key` say where."""

    def __init__(
        self,
        message: str,
        *,
        source: str = "",
        line: int | None = None,
        key: str = "",
        expected: str = "",
        remedy: str = "",
    ) -> None:
        place = f"{source}:{line}" if line is not None else source
        super().__init__(
            f"{place}: {message}" if place else message, expected=expected, remedy=remedy
        )
        self.source = source
        self.line = line
        self.key = key


class CoolDownOverride(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[cool-down.override]]` table."""

    projects: Words
    hours: Hours
    reason: str


class CoolDownTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[cool-down]` table."""

    hours: Hours = 72
    private_hours: Hours = 0
    """For projects whose upstream is private."""
    missing_time: Literal["hold", "deny"] = "hold"
    override: tuple[CoolDownOverride, ...] = ()
    """The first one that names the project counts."""


class DenyEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[deny]]` table: what may not pass."""

    projects: Words = ()
    versions: str | Words = ()
    sha256: str | Words = ()
    reason: str
    outcome: Closed = "deny"


class AllowEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[allow]]` table: exact files or releases that named rules do not touch."""

    projects: Words = ()
    versions: str | Words = ()
    sha256: str | Words = ()
    reason: str
    rules: Words = ("cool-down", "new-dependency")


class YankedTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[yanked]` table."""

    words: Words = (
        "malware",
        "malicious",
        "compromise",
        "compromised",
        "hijacked",
        "backdoor",
        "backdoored",
        "trojan",
        "stealer",
        "supply chain attack",
        "security incident",
    )
    outcome: Closed = "deny"


class QuarantineTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[quarantine]` table."""

    outcome: Literal["hold", "deny"] = "hold"


class NewDependencyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[new-dependency]` table."""

    max_age_hours: Hours = 72
    outcome: Closed | Literal["allow"] = "hold"
    horizon_hours: Hours | None = None
    """How long a file whose dependencies nobody compared counts as unexamined; absent: as long as
    the cool-down of its project, so that it is never held longer for this reason."""
    unexamined: Closed | Literal["allow"] = "hold"


class ProvenanceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[provenance]` table."""

    outcome: Closed | Literal["allow"] = "hide"


class VerdictTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[verdict]` table; `malicious` always denies."""

    suspicious: Closed = "hold"
    unknown: Closed | Literal["allow"] = "hold"
    """For files that were vetted, but not entirely."""


class CapabilityGainEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[capability-gain]]` table: what a release may not begin to do without a review."""

    projects: Words
    capabilities: tuple[CapabilityWord, ...] = ()
    """Empty: any."""
    outcome: Literal["hide", "hold", "deny"] = "hold"
    reason: str = ""


class AdvisoryTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[advisory]` table."""

    paths: Words = ()
    """Folders of OSV records or `all.zip` files; relative ones start at the policy file's folder."""
    malware: Literal["hold", "deny"] = "deny"
    vulnerable: Closed | Literal["allow"] = "allow"


class EarlyReleaseTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[early-release]` table."""

    enabled: bool = True
    min_age_hours: Hours = 6
    require_verdict: bool = True
    sources: tuple[Literal["GHSA", "PYSEC"], ...] = ("GHSA", "PYSEC")


class PolicyTables(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    mode: Literal["enforce", "audit"] = "enforce"
    cool_down: CoolDownTable = msgspec.field(name="cool-down", default=CoolDownTable())
    deny: tuple[DenyEntry, ...] = ()
    allow: tuple[AllowEntry, ...] = ()
    yanked: YankedTable = YankedTable()
    quarantine: QuarantineTable = QuarantineTable()
    new_dependency: NewDependencyTable = msgspec.field(
        name="new-dependency", default=NewDependencyTable()
    )
    provenance: ProvenanceTable = ProvenanceTable()
    verdict: VerdictTable = VerdictTable()
    capability_gain: tuple[CapabilityGainEntry, ...] = msgspec.field(
        name="capability-gain", default=()
    )
    advisory: AdvisoryTable = AdvisoryTable()
    early_release: EarlyReleaseTable = msgspec.field(
        name="early-release", default=EarlyReleaseTable()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A checked policy file, with what is needed to point back into it."""

    tables: PolicyTables
    source: str
    """How the file is called in errors and evidence, such as `policy.toml`."""
    text_sha256: str
    given: frozenset[KeyPath]
    """Keys that the file sets; all others have their defaults."""
    lines: Mapping[KeyPath, int]

    def line(self, *path: str | int) -> str:
        """Evidence: `policy.toml:12`, or the file alone when the line is not known."""
        number = line_of(dict(self.lines), path)
        return f"{self.source}:{number}" if number is not None else self.source


def parse_policy(text: str, *, source: str) -> Policy:
    """Read and check a policy file.

    Raises: PolicyError naming the line, the key and what was expected.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, text=text, source=source) from error
    lines = locate_lines(text)

    def fail(path: KeyPath, message: str, expected: str = "", remedy: str = "") -> PolicyError:
        return PolicyError(
            message,
            source=source,
            line=line_of(lines, path),
            key=render_key(path),
            expected=expected,
            remedy=remedy or "docs/reference/policy.md lists every key",
        )

    unknown = find_unknown_key(raw, PolicyTables)
    if unknown is not None:
        raise fail(unknown.path, unknown.message, unknown.expected)
    try:
        tables = msgspec.convert(raw, PolicyTables)
    except msgspec.ValidationError as error:
        path, what = _split_validation_error(str(error))
        raise fail(path, f"{render_key(path)}: {what}", _hint(what, path)) from error
    problem = check_tables(tables)
    if problem is not None:
        raise fail(problem.path, problem.message, problem.expected, problem.remedy)
    return Policy(
        tables=tables,
        source=source,
        text_sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
        given=frozenset(_leaves(raw)),
        lines=lines,
    )


def render_key(path: KeyPath) -> str:
    """A key path for a person: `deny[0].versions`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


_SYNTAX_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


def _syntax_error(error: tomllib.TOMLDecodeError, *, text: str, source: str) -> PolicyError:
    found = _SYNTAX_PLACE.fullmatch(str(error))
    last = len(text.splitlines()) or 1
    return PolicyError(
        f"not TOML: {found.group(1) if found else error}",
        source=source,
        line=int(found.group(2) or last) if found else None,
        expected='tables and keys such as [cool-down] and hours = 72, text in "quotes"',
    )


_VALIDATION_PATH = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)


def _split_validation_error(message: str) -> tuple[KeyPath, str]:
    found = _VALIDATION_PATH.fullmatch(message)
    if found is None:
        return (), message
    parts = re.findall(r"\[(\d+)\]|\[\.\.\.\]|\.([^.\[]+)", found.group(2))
    return tuple(int(index) if index else name for index, name in parts if index or name), (
        found.group(1)
    )


def _hint(what: str, path: KeyPath) -> str:
    if "missing required field `reason`" in what:
        return 'a reason in words, such as reason = "own packages, built here"'
    if "`float` <= " in what or "`float` >= " in what:
        return f"hours between 0 and {_TEN_YEARS_IN_HOURS}"
    words = words_at(path, PolicyTables)
    return "one of " + ", ".join(words) if words else ""


def _leaves(value: object, path: KeyPath = ()) -> list[KeyPath]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [
            leaf for index, inner in enumerate(value) for leaf in _leaves(inner, (*path, index))
        ]
    return [path]
