"""What a new register changes of the one that stands, and the entries that make it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.entries import contract_draft, party_draft, project_draft
from pratique.parties.model import Contract, Party, Project, Register
from pratique.parties.register_file import RegisterFile

_SHOWN: Final = 120
"""Characters of a value in a line."""

Record: TypeAlias = Party | Project | Contract
What: TypeAlias = Literal["party", "project", "contract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record that is added (no `before`), changed or removed (no `after`)."""

    what: What
    name: str
    before: Record | None
    after: Record | None

    @property
    def removes(self) -> bool:
        """Whether the record goes."""
        return self.after is None

    @property
    def sign(self) -> str:
        """`+`, `~` or `-`."""
        if self.before is None:
            return "+"
        return "-" if self.after is None else "~"

    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Fields that change: what was, and what will be, as in JSON."""
        before, after = _plain(self.before), _plain(self.after)
        keys = dict.fromkeys([*before, *after])
        return {
            key: (before.get(key), after.get(key))
            for key in keys
            if before.get(key) != after.get(key)
        }

    def lines(self) -> Iterator[str]:
        """For a person: one line for the record, one for each field that changes."""
        kind = self.what
        record = self.after or self.before
        told = record.kind.value if isinstance(record, Party) else kind
        yield f"{self.sign} {told} {self.name}"
        if self.sign == "~":
            for field, (was, will) in self.fields().items():
                yield f"    {field}: {_short(was)} -> {_short(will)}"


def differences(before: RegisterFile, after: RegisterFile) -> tuple[Change, ...]:
    """Every difference: parties, then projects, then contracts; within each by name."""
    return (
        *_changes("party", before.parties, after.parties),
        *_changes("project", before.projects, after.projects),
        *_changes("contract", before.contracts, after.contracts),
    )


def drafts_of(changes: tuple[Change, ...], *, source: str, actor: str) -> list[Draft]:
    """Entries that make the changes; `source` is the SHA-256 of the file that said so, or empty."""
    return [_draft(change, source=source, actor=actor) for change in changes]


def plain_change(change: Change) -> dict[str, Any]:
    """A change for a program."""
    sign = {"+": "added", "~": "changed", "-": "removed"}[change.sign]
    fields = {key: {"was": was, "will": will} for key, (was, will) in change.fields().items()}
    return {"what": change.what, "name": change.name, "change": sign, "fields": fields}


def _changes(
    what: What, before: Mapping[str, Record], after: Mapping[str, Record]
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        was, will = before.get(name), after.get(name)
        if was != will:
            yield Change(what=what, name=name, before=was, after=will)


def _draft(change: Change, *, source: str, actor: str) -> Draft:
    makers: dict[str, Callable[..., Draft]] = {
        "party": party_draft,
        "project": project_draft,
        "contract": contract_draft,
    }
    return makers[change.what](change.name, change.after, source=source, actor=actor)


def _plain(record: Record | None) -> dict[str, Any]:
    """The record without what is not given."""
    plain = msgspec.to_builtins(record) if record is not None else {}
    return {key: value for key, value in plain.items() if value not in (None, "", (), [])}


def _short(value: object) -> str:
    if value is None:
        return "not given"
    told = msgspec.json.encode(value).decode()
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"


def check_suspended(register: Register, changes: Iterable[Change]) -> None:
    """Refuse to remove who or what is suspended: under another name it would go on. Raises: InputError."""
    for change in changes:
        stopped = _stopped_by(register, change) if change.removes else ""
        if stopped:
            raise InputError(
                f"{change.what} {change.name} is suspended ({stopped}), and stays in the register",
                remedy=f"keep it, or lift the suspension first: pratique party resume {stopped}",
            )


def _stopped_by(register: Register, change: Change) -> str:
    """Id of a suspension that stands on a record; empty: none does."""
    for one in register.suspensions.values():
        projects = {f"{vendor}/{one.scope.project}" for vendor in one.vendors}
        named = {"party": {one.scope.party, *one.vendors}, "project": projects}
        if one.lifted_at is None and change.name in named.get(change.what, ()):
            return one.id
    return ""
