"""What commands about parties work with: the stores, the register as it is now, kept evidence."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pratique.doors.cli.stores import Stores, open_stores
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.errors import InputError
from pratique.ledger.entries import Draft
from pratique.parties.model import Party, Register
from pratique.store.parties import read_register
from pratique.values.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyDesk:
    """An installation's parties, open for one command."""

    stores: Stores
    register: Register

    def record(self, drafts: Sequence[Draft], now: Instant) -> range:
        """Make entries durable, all or none, and let the projection know them."""
        entries = self.stores.log.append(drafts, now=now)
        self.stores.presence.catch_up()
        return entries

    def reread(self) -> PartyDesk:
        """The same desk with the register as it is now."""
        self.stores.presence.catch_up()
        return replace(self, register=read_register(self.stores.presence))

    def party(self, name: str) -> Party:
        """A party of the register. Raises: InputError that names near ones."""
        found = self.register.parties.get(name)
        if found is None:
            raise InputError(
                f"no party {name[:80]!r}",
                expected=_near(name, self.register),
                remedy="see: pratique party list",
            )
        return found

    def evidence_bytes(self, sha256: str) -> bytes | None:
        """What was kept under this hash; None when it never was.

        Raises: IntegrityError when it was changed since.
        """
        return self._evidence().get(sha256)

    def keep_evidence(self, data: bytes) -> str:
        """Keep these bytes; gives their SHA-256. Raises: StorageError."""
        return self._evidence().put(data)

    def _evidence(self) -> EvidenceStore:
        return EvidenceStore(self.stores.settings.home / EVIDENCE_FOLDER)


def _near(name: str, register: Register) -> str:
    known = sorted(register.parties)
    near = difflib.get_close_matches(name[:80], known, n=5, cutoff=0.5) or known[:10]
    return f"one of {', '.join(near)}" if near else "a party of the register, which is empty"


@contextmanager
def open_party_desk(home: Path | None) -> Iterator[PartyDesk]:
    """Open everything, catch up with the ledger and read the register."""
    with open_stores(home) as stores:
        yield PartyDesk(stores=stores, register=read_register(stores.presence))
