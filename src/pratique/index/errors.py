"""Errors of the index room.

InputError
└── IndexPageError   an upstream's page as a whole cannot be used
"""

from __future__ import annotations

from pratique.errors import InputError


class IndexPageError(InputError):
    """A project page as a whole is not what the Simple API says; nothing of it may be used."""


class UnusableFileError(ValueError):
    """One file of a page cannot be offered; it becomes a defect of the page, not its loss.

    Never leaves the room: the parsers turn it into `ProjectPage.defects`.
    """
