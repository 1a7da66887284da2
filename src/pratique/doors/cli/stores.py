"""Opening the stores for a command that grants, revokes or asks, and closing them again."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pratique.home import prepare_home
from pratique.index.ports import ControlState
from pratique.ledger.entries import Draft
from pratique.ledger.notes import Signer
from pratique.ledger.store import LogStore
from pratique.settings import Settings, load_settings
from pratique.store.control import heal_control, open_control
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.store.logs import open_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.values.instants import Instant

if TYPE_CHECKING:
    from pratique.store.vetting import VettingStore
    from pratique.store.vetting_audits import AuditStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """An installation's state, open for one command."""

    settings: Settings
    log: LogStore
    control: ControlState
    presence: PresenceStore

    def record(self, draft: Draft, *, now: Instant) -> int:
        """Make an entry durable; gives its sequence."""
        return self.log.append([draft], now=now)[0]


@contextmanager
def open_stores(home: Path | None) -> Iterator[Stores]:
    """Open everything, bring the projection up to date and heal control state from it."""
    settings = load_settings(home)
    prepare_home(settings.home)
    with (
        closing(open_log(settings)) as log,
        closing(open_control(settings)) as control,
        closing(open_presence(settings, log=log)) as presence,
    ):
        presence.catch_up()
        heal_control(control, presence)
        yield Stores(settings=settings, log=log, control=control, presence=presence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStores:
    """What a reviewer's command works with besides."""

    stores: Stores
    audits: AuditStore
    vetting: VettingStore

    def signer(self) -> Signer:
        """The ledger's own key. Raises: LedgerKeyError."""
        settings = self.stores.settings
        return read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)


@contextmanager
def open_review_stores(home: Path | None) -> Iterator[ReviewStores]:
    """As `open_stores`, with what vetting and reviewers said."""
    from pratique.store.vetting import open_vetting  # noqa: PLC0415 - loads every analysis with it
    from pratique.store.vetting_audits import open_audits  # noqa: PLC0415 - as above

    with (
        open_stores(home) as stores,
        closing(open_audits(stores.settings)) as audits,
        closing(open_vetting(stores.settings)) as vetting,
    ):
        yield ReviewStores(stores=stores, audits=audits, vetting=vetting)


def operator() -> str:
    """Who runs the command, as the ledger names them."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return "operator:unknown"
