"""What can go wrong with the log.

PratiqueError
├── InputError
│   └── EntryFormatError          an entry holds something the log cannot say
│       └── EntryTooLargeError    more than 60,000 bytes
├── UnavailableError
│   ├── LedgerUnavailableError    nothing was stored; trying again later may help
│   ├── LedgerUncertainError      it cannot be told whether the batch was stored; reopen the log
│   └── LedgerSaturatedError      the queue is full or cannot drain; refuse the answer
└── IntegrityError
    ├── LedgerDamagedError        stored bytes are not what they must be
    ├── FrameError                bytes of a segment or head are not whole
    ├── LedgerKeyError            the signing key is missing, foreign or damaged
    ├── NoteError                 a signed note or checkpoint does not hold
    ├── ProofError                an inclusion or consistency proof does not hold
    └── BundleError               an evidence file does not hold
        └── BundleIncomparableError  it holds, but not against the reader's checkpoint

The one module of this package that knows the rest of the product: a package of its own would only
change these bases.
"""

from __future__ import annotations

from pratique.errors import InputError, IntegrityError, UnavailableError


class EntryFormatError(InputError):
    """An entry holds something that has no canonical form."""


class EntryTooLargeError(EntryFormatError):
    """An entry is larger than an entry bundle may hold."""


class LedgerUnavailableError(UnavailableError):
    """Nothing was stored, for certain."""


class LedgerUncertainError(UnavailableError):
    """It cannot be told whether the batch was stored; the store must be reopened to find out.

    `first` and `count` name the places the batch has if it was stored.
    """

    def __init__(self, message: str, *, first: int, count: int) -> None:
        super().__init__(message, remedy="reopen the log; it tells which entries are there")
        self.first = first
        self.count = count


class LedgerSaturatedError(UnavailableError):
    """The queue is full, closed or cannot drain; whoever asked must refuse the answer."""


class LedgerDamagedError(IntegrityError):
    """Stored bytes are not what they must be.

    `place` is a file of the log or a table of the database, `offset` a byte position in it,
    `sequence` the entry concerned where that is known.
    """

    def __init__(
        self, what: str, *, place: str, offset: int | None = None, sequence: int | None = None
    ) -> None:
        where = place if offset is None else f"{place} at byte {offset}"
        entry = "" if sequence is None else f" (entry {sequence})"
        super().__init__(
            f"the ledger is damaged: {where}{entry}: {what}",
            remedy="run `pratique ledger verify`; restore the file from a copy made before",
        )
        self.what = what
        self.place = place
        self.offset = offset
        self.sequence = sequence


class FrameError(IntegrityError):
    """Bytes that are not what their place asks; `torn` when they merely end too early.

    Stays inside the ledger: the stores turn it into a torn write or into LedgerDamagedError.
    """

    def __init__(self, what: str, *, torn: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.torn = torn


class LedgerKeyError(IntegrityError):
    """The signing key is missing beside an existing log, belongs to another log or is damaged."""


class NoteError(IntegrityError):
    """A signed note, a checkpoint or a key is malformed or its signature does not hold."""


class ProofError(IntegrityError):
    """An inclusion or consistency proof does not hold."""


class BundleError(IntegrityError):
    """An evidence file is malformed or does not prove what it says."""


class BundleIncomparableError(BundleError):
    """An evidence file holds, but nothing in it leads to the checkpoint the reader kept."""
