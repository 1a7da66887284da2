"""What can go wrong with data in custody.

PratiqueError
├── InputError
│   └── CertificateError     a lease's certificate is not the broker's, or does not cover what is asked
├── UnavailableError
│   ├── PartMissingError     the place that keeps parts does not have one that an object is made of
│   └── BrokerRefusedError   the key broker will not: a cap, a suspended scope, a key that is gone
└── IntegrityError
    ├── PartBrokenError      ciphertext was changed, cut, reordered, or is of another object
    ├── KeyBrokenError       a wrapped key does not open: changed, of another object, or its key is gone
    └── SealError            a sealed object does not open with this private key
"""

from __future__ import annotations

from pratique.errors import InputError, IntegrityError, UnavailableError


class CertificateError(InputError):
    """A certificate is not the broker's own, or its terms do not cover what is asked."""


class PartMissingError(UnavailableError):
    """A part is not where it must be."""

    retry_helps = False


class BrokerRefusedError(UnavailableError):
    """The broker answered, and its answer is no.

    `reason` is one word of `custody.ports`: `certificate`, `terms`, `suspended`, `cap`, `shredded`,
    `key`, `clock`, `rotated` or `request`; `scope` the scope that refuses, where one does.
    """

    def __init__(self, message: str, *, reason: str, scope: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason
        self.scope = scope
        self.retry_helps = reason in {"cap", "rotated"}


class PartBrokenError(IntegrityError):
    """Ciphertext is not what was written for this place of this part of this object."""


class KeyBrokenError(IntegrityError):
    """A wrapped key does not open."""


class SealError(IntegrityError):
    """A sealed object does not open."""
