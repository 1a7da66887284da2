"""What can go wrong at the index door, apart from policy (which is an answer, not an error).

PratiqueError
├── InputError
│   └── UnknownIndexError      the URL names an index view that is not configured
└── UnavailableError
    └── PageUnavailableError   the upstream cannot be asked and nothing usable is stored
"""

from __future__ import annotations

from collections.abc import Sequence

from pratique.errors import InputError, UnavailableError


class UnknownIndexError(InputError):
    """The URL names an index view that is not configured."""

    def __init__(self, index: str, configured: Sequence[str]) -> None:
        super().__init__(f"no index {index[:80]!r} here", expected=f"one of {list(configured)}")


class PageUnavailableError(UnavailableError):
    """The upstream cannot be asked and nothing usable is stored."""
