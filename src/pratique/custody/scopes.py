"""Names of scopes: what leases hang in, and how a person is told of them."""

from __future__ import annotations

import re
from typing import Final

from pratique.custody.model import Lease, LeaseId, Refusal, Scope, ScopeId, ScopeState, Stop
from pratique.errors import InputError

LEVELS: Final = ("lease", "holder", "project", "vendor", "client", "dataset")
"""Kinds of scopes, narrowest first: also the order in which they are locked, so that two
transactions never wait for each other."""

_DEPTH: Final = {"lease": 1, "holder": 3, "project": 2, "vendor": 1, "client": 1, "dataset": 1}
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
LEASE_ID: Final = re.compile(r"PQL[A-Z2-7]{17}")


def parse_word(text: str, *, what: str) -> str:
    """Read the name of a vendor, project, holder, client or purpose.

    Raises: InputError when it is not one; a name never holds '/' or ':', which join names.
    """
    if _WORD.fullmatch(text) is None:
        raise InputError(
            f"not a name of a {what}: {text[:80]!r}",
            expected="up to 63 letters, digits, '.', '_', '@' and '-', beginning with a letter or digit",
        )
    return text


def parse_lease_id(text: str) -> LeaseId:
    """Read the id of a lease. Raises: InputError."""
    if LEASE_ID.fullmatch(text) is None:
        raise InputError(
            f"not the id of a lease: {text[:80]!r}", expected="PQL and 17 of A-Z and 2-7"
        )
    return LeaseId(text)


def parse_scope(text: str) -> ScopeId:
    """Read a scope as people write it, such as `vendor:acme` or `holder:acme/coding/p-17`.

    Raises: InputError.
    """
    kind, _, rest = text.partition(":")
    words = rest.split("/")
    if _DEPTH.get(kind) != len(words):
        raise InputError(
            f"not a scope: {text[:120]!r}",
            expected="vendor:V, project:V/P, holder:V/P/H, lease:ID, client:C or dataset:D",
        )
    if kind == "lease":
        parse_lease_id(rest)
    for word in words:
        parse_word(word, what=kind)
    return ScopeId(text)


def dataset_scope(name: str) -> ScopeId:
    """The scope of a dataset."""
    return ScopeId(f"dataset:{name}")


def lease_scope(lease: LeaseId) -> ScopeId:
    """The scope of a lease, whose cap is its budget."""
    return ScopeId(f"lease:{lease}")


def scopes_of(lease: Lease, dataset: str = "") -> tuple[ScopeId, ...]:
    """Everything that a read of a dataset pays to and depends on, narrowest first."""
    return (*lease.scopes, dataset_scope(dataset)) if dataset else lease.scopes


def selected_scopes(lease: Lease) -> tuple[ScopeId, ...]:
    """The scopes of all datasets that a lease selects."""
    names = sorted({selector.partition("/")[0] for selector in lease.selectors})
    return tuple(dataset_scope(name) for name in names)


def level_of(scope: ScopeId) -> int:
    """Place of a scope in `LEVELS`."""
    return LEVELS.index(scope.partition(":")[0])


def describe_scope(scope: ScopeId) -> str:
    """A scope in words: `vendor acme`, `holder acme/coding/p-17`."""
    return scope.replace(":", " ", 1)


def state_refusal(scope: Scope) -> Refusal | None:
    """What everybody below a scope is told; None while it is live."""
    if scope.state is ScopeState.LIVE:
        return None
    ended = scope.state is ScopeState.ENDED
    because = ", ".join(word for word in (scope.reason, scope.incident) if word)
    word = "revoked" if ended else "suspended"
    own = scope.id.startswith("lease:")
    sentence = f"lease {word}" if own else f"lease {word}: {describe_scope(scope.id)}"
    glue = ": " if own else ", "
    return Refusal(
        stop=Stop.REVOKED if ended else Stop.SUSPENDED,
        sentence=f"{sentence}{glue}{because}" if because else sentence,
        scope=scope.id,
    )
