"""Keeping the names of others out of a pack: whose may stand in it, and a guard that is quick enough."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import msgspec

from pratique.custody import model as custody_model
from pratique.custody.read_entries import ReadsBody
from pratique.exposure.guard import NameGuard
from pratique.parties import model
from pratique.parties.audit import model as audit_model
from pratique.parties.audit.choose import Head, plain_body
from pratique.parties.model import Party, PartyKind, Register
from pratique.parties.standards import STANDARDS

_HASH: Final = re.compile(r"[0-9a-f]{32,}")
_REMEMBERED: Final = 500_000
"""Strings that were looked at; object ids are most of them."""


def related_names(party: Party, register: Register, more: Iterable[str] = ()) -> frozenset[str]:
    """Parties that may be named in a pack about this one: who shares work with it, and ourselves.

    `more`: parties of its leases, whether the register knows of a project or not.
    """
    found = {party.name, *party.works_for, *party.sub_processors, *more}
    for project in register.projects.values():
        shared = set(party.datasets) & set(project.datasets)
        if party.name in {project.vendor, project.client} or shared:
            found |= {project.vendor, project.client}
    found |= {one.name for one in register.parties.values() if party.name in one.works_for}
    found |= {one.name for one in register.parties.values() if one.kind is PartyKind.OWN}
    return frozenset(found)


class PackGuard:
    """Knows names of others, and remembers what it has looked at."""

    def __init__(
        self,
        forbidden: Iterable[str],
        *,
        allowed: Iterable[str],
        common_texts: Iterable[bytes] = (),
    ) -> None:
        """Entity keys (`client:globex`). `common_texts`: what stands in every pack."""
        common = with_words(*common_texts)
        names = [one for one in forbidden if one.partition(":")[2].lower() not in common]
        self._guard = NameGuard(names, allowed=allowed)
        self._good: set[object] = set()

    def names_other(self, text: str) -> bool:
        """Whether a text names somebody who may not be named; hashes name nobody."""
        if text in self._good:
            return False
        if _HASH.fullmatch(text) is None and self._guard.find(text) is not None:
            return True
        self._remember(text)
        return False

    def find_in_bytes(self, data: bytes) -> str | None:
        """The name of another in what a reader could see."""
        return self._guard.find_in_bytes(data)

    def entry_names_other(self, head: Head) -> bool:
        """Whether anything that an entry says names another."""
        if self.names_other(head.subject) or self.names_other(head.actor):
            return True
        return any(self.names_other(text) for text in _strings(plain_body(head)))

    def reads_name_other(self, head: Head, body: ReadsBody) -> bool:
        """As `entry_names_other`; most of such an entry is the same as of the one before."""
        frame = (
            head.subject, head.actor, body.client, body.dataset, body.vendor, body.project,
            body.holder, body.process, *body.names,
        )  # fmt: skip
        if frame not in self._good:
            if any(self.names_other(text) for text in frame):
                return True
            self._remember(frame)
        good = self._good
        objects = [one[0] for one in body.reads] + [one[0] for one in body.ahead]
        return any(one not in good and self.names_other(one) for one in objects)

    def _remember(self, what: object) -> None:
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good.add(what)


def _strings(value: Any) -> Iterable[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _strings(one)


@cache
def vocabulary() -> frozenset[str]:
    """Words that stand in every pack, whoever it is about: a party that is called so is not found."""
    words = set(_words(" ".join(kind for kind in _KINDS)))
    for module in (model, audit_model, custody_model):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                words.update(field.name for field in msgspec.structs.fields(kind))
            members = getattr(kind, "__members__", {})
            words.update(str(one) for one in members.values())
    words.update(field.name for field in msgspec.structs.fields(ReadsBody))
    for one in STANDARDS.values():
        words.update(_words(f"{one.id} {one.text} {one.title}"))
    return frozenset(words)


def with_words(*texts: bytes) -> frozenset[str]:
    """The vocabulary with the words of what is written into every pack."""
    return vocabulary() | {word for text in texts for word in _words(text.decode())}


def _words(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


_KINDS: Final = (
    "actor body kind sequence subject recorded own operator door asset drill",
    "party party-project contract evidence finding suspension resumption notice-clock notice-clock-met",
    "notice dataset dataset-version marks key lease lease-budget read-refused codeword scope",
    "revocation-drill reads reads-ahead reads-ended role token token-revoked look",
)
