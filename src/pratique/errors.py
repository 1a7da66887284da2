"""The family of errors that Pratique raises on purpose.

PratiqueError
├── InputError            what a person or a peer gave us is not what was asked for (exit code 2)
│   ├── ValueFormatError  a name, version, digest or instant is not spelled as its standard says
│   └── SettingsError     pratique.toml, policy.toml or a PRATIQUE_* variable
├── UnavailableError      something we need did not answer (retrying may help)
└── IntegrityError        stored or received bytes are not what they must be (never retried blindly)

Rooms draw their own branches below these. Programmer mistakes use builtins.
"""

from __future__ import annotations


class PratiqueError(Exception):
    """Base of every error raised on purpose.

    `expected` says what would have been right and `remedy` what to do, in words a person can act on.
    """

    def __init__(self, message: str, *, expected: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        """Message, expectation and remedy as sentences, for a terminal."""
        parts = [self.message]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.remedy:
            parts.append(f"to do: {self.remedy}")
        return "\n  ".join(parts)


class InputError(PratiqueError):
    """What was given is not what was asked for."""


class ValueFormatError(InputError):
    """A name, version, digest or instant is not spelled as its standard says."""


class SettingsError(InputError):
    """A settings or policy file, or an environment variable, cannot be used."""


class UnavailableError(PratiqueError):
    """Something we need did not answer; trying again later may help."""

    retry_helps: bool = True
    """False when the same question will get no answer until somebody changes something."""
    public: str = ""
    """What strangers are told where the message names hosts, users or files; empty: the message."""


class IntegrityError(PratiqueError):
    """Stored or received bytes are not what they must be."""
