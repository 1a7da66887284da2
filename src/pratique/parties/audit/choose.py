"""Which entries of the log are about one party, told in the order of the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pratique.custody.read_entries import ReadsBody
from pratique.parties.assets import operates
from pratique.parties.model import Party, PartyKind
from pratique.values.instants import Instant

READS: Final = frozenset({"reads", "reads-ahead"})
_ABOUT_PARTY: Final = frozenset({"party", "evidence", "notice-clock", "notice-clock-met", "notice"})
_OF_LEASE: Final = frozenset({"read-refused", "lease-budget", "codeword"})
_OF_DATASET: Final = frozenset({"dataset-version", "marks", "key"})
_OF_SCOPE: Final = frozenset({"scope", "revocation-drill"})
_ALWAYS: Final = frozenset({"party", "party-project", "contract", "dataset"})
"""Of these the state matters, however long ago it was said."""


class Head(msgspec.Struct, frozen=True):
    """An entry whose body is not read yet."""

    actor: str
    body: msgspec.Raw
    kind: str
    recorded_at: str
    sequence: int
    subject: str


_BODY: Final = msgspec.json.Decoder(dict[str, Any])
_READS: Final = msgspec.json.Decoder(ReadsBody)


def plain_body(head: Head) -> dict[str, Any]:
    """The body as plain values."""
    return _BODY.decode(head.body)


def typed_reads(head: Head) -> ReadsBody | None:
    """The body of a `reads` entry; None: it is not as documented."""
    try:
        return _READS.decode(head.body)
    except msgspec.MsgspecError:
        return None


@dataclass(slots=True)
class Chooser:
    """Remembers leases, datasets and tokens of one party while the log goes by."""

    party: Party
    start: str = ""
    """Recorded from then on, as in `recorded_at`; empty: from the beginning."""
    end: str = ""
    leases: dict[str, str] = field(default_factory=dict)
    """Id to vendor."""
    datasets: set[str] = field(default_factory=set)
    _contracts: set[str] = field(default_factory=set)
    _projects: set[str] = field(default_factory=set)
    _suspensions: set[str] = field(default_factory=set)
    _tokens: set[str] = field(default_factory=set)
    _processes: set[tuple[str, str]] = field(default_factory=set)
    _choices: Mapping[str, Callable[[Head], bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.party.kind is PartyKind.PEOPLE:
            self.datasets.update(self.party.datasets)
        self._choices = {
            **dict.fromkeys(_ABOUT_PARTY, self._is_own),
            **dict.fromkeys(READS, self._reads),
            **dict.fromkeys(_OF_LEASE, self._of_lease),
            **dict.fromkeys(_OF_DATASET, self._of_dataset),
            **dict.fromkeys(_OF_SCOPE, self._of_scope),
            "contract": self._contract,
            "dataset": self._dataset,
            "finding": self._finding,
            "lease": self._lease,
            "look": self._look,
            "party-project": self._project,
            "reads-ended": self._ended,
            "resumption": self._resumption,
            "role": self._role,
            "suspension": self._suspension,
            "token": self._token,
            "token-revoked": self._token_revoked,
            **dict.fromkeys(
                (
                    "work-delivery",
                    "work-review",
                    "work-submission",
                    "work-task",
                    "work-transform",
                ),
                self._work,
            ),
        }

    def takes(self, head: Head) -> bool:
        """Whether the entry is about the party, and within the span."""
        choice = self._choices.get(head.kind)
        if choice is None or (self.end and not _before(head.recorded_at, self.end)):
            return False
        # What makes later entries the party's is remembered even when it is too old itself.
        mine = choice(head)
        late_enough = not self.start or not _before(head.recorded_at, self.start)
        return mine and (late_enough or head.kind in _ALWAYS or self._still_matters(head))

    def _still_matters(self, head: Head) -> bool:
        """Of the register everything up to the span matters; of leases those that reach into it."""
        if head.kind == "lease":
            until = plain_body(head).get("not_after")
            return isinstance(until, str) and not _before(until, self.start)
        return head.kind in {"evidence", "finding", "suspension", "resumption", "notice-clock"}

    # ── one question per kind ────────────────────────────────────────────────────────────────

    @property
    def _name(self) -> str:
        return self.party.name

    def _is_own(self, head: Head) -> bool:
        return head.subject == f"party:{self._name}"

    def _contract(self, head: Head) -> bool:
        record = _record(head)
        if record.get("party") == self._name:
            self._contracts.add(head.subject)
        return head.subject in self._contracts

    def _project(self, head: Head) -> bool:
        record = _record(head)
        shared = set(self.party.datasets) & set(_texts(record.get("datasets")))
        if self._name in {record.get("vendor"), record.get("client")} or shared:
            self._projects.add(head.subject)
        return head.subject in self._projects

    def _finding(self, head: Head) -> bool:
        found = plain_body(head).get("found")
        return isinstance(found, dict) and found.get("party") == self._name

    def _suspension(self, head: Head) -> bool:
        body = plain_body(head)
        mine = self._is_own(head) or self._name == body.get("client")
        if mine or self._name in _texts(body.get("vendors")):
            self._suspensions.add(str(body.get("id", "")))
            return True
        return False

    def _resumption(self, head: Head) -> bool:
        return plain_body(head).get("suspension") in self._suspensions

    def _dataset(self, head: Head) -> bool:
        name = head.subject.partition(":")[2]
        if self.party.kind is PartyKind.CLIENT and plain_body(head).get("client") == self._name:
            self.datasets.add(name)
        return name in self.datasets

    def _of_dataset(self, head: Head) -> bool:
        kind, _, name = head.subject.partition(":")
        return (kind == "dataset" and name in self.datasets) or self._is_client(kind, name)

    def _is_client(self, kind: str, name: str) -> bool:
        return kind == "client" and self.party.kind is PartyKind.CLIENT and name == self._name

    def _lease(self, head: Head) -> bool:
        body = plain_body(head)
        kind = self.party.kind
        mine = {
            PartyKind.VENDOR: body.get("vendor") == self._name,
            PartyKind.CLIENT: body.get("client") == self._name,
            PartyKind.OWN: body.get("vendor") == self._name,
            PartyKind.PEOPLE: any(
                one.partition("/")[0] in self.datasets for one in _texts(body.get("selectors"))
            ),
        }[kind]
        if mine:
            self.leases[head.subject.partition(":")[2]] = str(body.get("vendor", ""))
        return mine

    def _of_lease(self, head: Head) -> bool:
        return head.subject.partition(":")[2] in self.leases

    def _reads(self, head: Head) -> bool:
        if head.subject.partition(":")[2] not in self.leases:
            return False
        body = typed_reads(head)
        if body is None:
            return True
        self._processes.add((body.process, body.client))
        return self.party.kind is not PartyKind.PEOPLE or body.dataset in self.datasets

    def _ended(self, head: Head) -> bool:
        body = plain_body(head)
        return (body.get("process"), body.get("client")) in self._processes

    def _of_scope(self, head: Head) -> bool:
        kind, _, rest = head.subject.removeprefix("scope:").partition(":")
        if kind == "lease":
            return rest in self.leases
        if kind in {"vendor", "project", "holder"}:
            vendor = rest.partition("/")[0]
            drill = head.kind == "revocation-drill" and vendor in self.leases.values()
            return vendor == self._name or drill
        return self._is_client(kind, rest) or (kind == "dataset" and rest in self.datasets)

    def _role(self, head: Head) -> bool:
        body = plain_body(head)
        return self._name in {body.get("vendor"), body.get("client")}

    def _token(self, head: Head) -> bool:
        if plain_body(head).get("party") == self._name:
            self._tokens.add(head.subject)
        return head.subject in self._tokens

    def _token_revoked(self, head: Head) -> bool:
        return head.subject in self._tokens

    def _look(self, head: Head) -> bool:
        return operates(self.party, head.subject.partition(":")[2])

    def _work(self, head: Head) -> bool:
        project = head.subject.partition(":")[2]
        return f"project:{project}" in self._projects or project.startswith(f"{self._name}/")


def rendered(moment: Instant | None) -> str:
    """An instant as entries write it; empty for none."""
    return "" if moment is None else f"{moment.replace(tzinfo=None).isoformat()}Z"


def _before(one: str, other: str) -> bool:
    """Whether an instant in UTC as entries write it is before another; seconds may have a fraction."""
    return one.rstrip("Z") < other.rstrip("Z")


def _record(head: Head) -> dict[str, Any]:
    record = plain_body(head).get("record")
    return record if isinstance(record, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
