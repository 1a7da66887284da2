"""Bodies of ledger entries as the projection reads them (docs/reference/ledger-entries.md).

Keys that are not needed here are passed over, so that entries may gain keys.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pratique.values.instants import Instant

_Sha256OrEmpty = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]
_Id = Annotated[str, msgspec.Meta(pattern="^[!-~]{1,128}$")]
"""Ids are visible ASCII without spaces."""
_IdOrEmpty = Annotated[str, msgspec.Meta(pattern="^[!-~]{0,128}$")]
_Outcome = Literal["allow", "hide", "hold", "deny"]


class PageBody(msgspec.Struct, frozen=True, kw_only=True):
    """An answered page."""

    view: _Id
    status: int
    stale: bool = False
    agent: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a view that is new or different."""

    f: str
    s: _Sha256OrEmpty
    v: str
    o: _Outcome
    r: str
    u: Instant | None
    b: _IdOrEmpty


class ViewBody(msgspec.Struct, frozen=True, kw_only=True):
    """One part of how a view is made from another."""

    view: _Id
    base: _IdOrEmpty
    part: int
    parts: int
    changes: list[Change]
    removed: list[str]


class DeliveryBody(msgspec.Struct, frozen=True, kw_only=True):
    """A file, sidecar or attestation that is being answered."""

    index: _Id
    project: str
    version: str
    filename: str
    sha256: _Sha256OrEmpty
    door: Literal["file", "metadata", "provenance"]
    outcome: _Outcome
    rule: str
    method: str
    status: int
    range: str = ""
    agent: str = ""
    waiver: str = ""
    delivery: _IdOrEmpty = ""


class DeliveredBody(msgspec.Struct, frozen=True, kw_only=True):
    """How a delivery ended."""

    delivery: _Id
    bytes: int
    complete: bool
    error: str = ""


class RefusalBody(msgspec.Struct, frozen=True, kw_only=True):
    """A file, sidecar or attestation that was not answered."""

    index: _Id
    project: str
    version: str
    filename: str
    sha256: _Sha256OrEmpty
    door: Literal["file", "metadata", "provenance"]
    outcome: _Outcome
    rule: str
    method: str
    reason: str
    until: Instant | None
    block: _IdOrEmpty
    agent: str = ""


class WatchBody(msgspec.Struct, frozen=True, kw_only=True):
    """A door that says that it watches."""

    state: Literal["start", "alive", "stop"]
    node: str
    mode: str
    period_seconds: int


class TokenBody(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made or revoked."""

    name: str
    role: str
    expires_at: Instant | None = None


class WaiverBody(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver that was granted or revoked."""

    waiver: str
    filename: str
    index: str
    asset: str
    reason: str
    expires_at: Instant
    overrides_deny: bool
