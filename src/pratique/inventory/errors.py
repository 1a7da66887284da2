"""Errors of this room.

InputError
└── LockError             a lock or configuration file cannot be read as what it claims to be
"""

from __future__ import annotations

from pratique.errors import InputError


class LockError(InputError):
    """A file cannot be read as the kind of lock it claims to be.

    `path` is the file, `line` the 1-based line where reading stopped (0: the file as a whole).
    """

    def __init__(
        self, reason: str, *, path: str, line: int = 0, expected: str = "", remedy: str = ""
    ) -> None:
        place = f"{path}:{line}" if line else path
        super().__init__(f"{place}: {reason}", expected=expected, remedy=remedy)
        self.reason = reason
        self.path = path
        self.line = line
