"""Asking a case's question again, from all entries that the case holds, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import msgspec

from pratique.doors.cli.case_verifier import CaseError
from pratique.exposure.incident import Asked, encode_value
from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Entry
from pratique.ledger.store import LogStore
from pratique.store.incidents import AnswerDesk
from pratique.store.presence import replay_in_memory
from pratique.store.questions import Known
from pratique.values.instants import parse_instant


class _Query(msgspec.Struct, frozen=True, kw_only=True):
    """`query.json`."""

    asked: Asked
    asked_at: str
    as_known_at: int
    incident: str
    title: str
    names_in_group: int | None
    scope: str


class LeafLog:
    """As much of a log as a projection reads: entries out of `replay/`, and no others."""

    origin = "case"

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves

    def size(self) -> int:
        """How many there are."""
        return len(self._leaves)

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Entries in order."""
        for leaf in self._leaves[start:end]:
            yield parse_entry(leaf)

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The same as bytes."""
        yield from self._leaves[start:end]


def answer_again(members: dict[str, bytes]) -> bytes:
    """`answer.json` as it must be when nothing was left out.

    Raises: CaseError when the question cannot be read or is about more than the file holds.
    """
    try:
        query = msgspec.json.decode(members["query.json"], type=_Query)
    except msgspec.MsgspecError as error:
        raise CaseError(f"query.json cannot be read: {error}") from error
    leaves = [
        line
        for name in sorted(members)
        if name.startswith("replay/")
        for line in members[name].split(b"\n")[:-1]
    ]
    if query.as_known_at > len(leaves):
        raise CaseError("query.json asks about more entries than the log had")
    log = cast("LogStore", LeafLog(leaves[: max(query.as_known_at, 0)]))
    kept = {hashlib.sha256(data).hexdigest(): data for data in members.values()}
    try:
        with closing(replay_in_memory(log)) as presence:
            outcome = AnswerDesk(log, presence, kept.get).answer(
                query.asked,
                Known(query.as_known_at, parse_instant(query.asked_at)),
                incident=query.incident,
                title=query.title,
                names=query.names_in_group,
            )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Anybody can sign entries that no writer of ours would write.
        raise CaseError(f"the question cannot be asked of these entries: {error}") from error
    return encode_value(outcome.answer)
