"""Errors of the store.

UnavailableError
└── StoreUnavailableError   the database did not answer, or cannot say whether it is up to date
IntegrityError
└── StoreDamagedError       the database is not one that this program could have written
"""

from __future__ import annotations

from pratique.errors import IntegrityError, UnavailableError


class StoreUnavailableError(UnavailableError):
    """The database did not answer in time; whoever asks to open a door must refuse."""

    public = "what this depends on cannot be looked up now; nothing was let through, try again"


class StoreDamagedError(IntegrityError):
    """The database holds what this program could not have written, or comes from a newer one."""
