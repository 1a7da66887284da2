"""What the door offers of one file, and how a closed door is told on a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from pratique.index.model import PageFile, ProjectPage
from pratique.index.versions import versions_of
from pratique.policy.model import Decision, Outcome
from pratique.values.digests import Sha256

MAX_NOTE: Final = 200
"""Characters of a yank reason; pip and uv print it on one line."""

_BLANKS = re.compile(r"[^!-~]+")
_QUOTES = str.maketrans("", "", "\"'`\\")


class Metadata(StrEnum):
    """Where the core metadata beside a file comes from (PEP 658)."""

    UPSTREAM = "upstream"
    """Upstream offers it; the page says what upstream's page said."""
    MADE = "made"
    """The door reads it out of the wheel."""
    NONE = "none"


class Offer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One file with what was decided of it."""

    file: PageFile
    decision: Decision
    block_url: str = ""
    """Link to the page that explains the closed door; empty for an open one."""
    metadata: Metadata = Metadata.NONE
    metadata_sha256: Sha256 | None = None
    """Hash of made metadata, where it is known already; not read otherwise."""

    @property
    def sidecar(self) -> Metadata:
        """As `metadata`, but never upstream's where upstream's cannot be used."""
        if self.metadata is Metadata.UPSTREAM and not self.file.core_metadata:
            return Metadata.NONE
        return self.metadata


def listed(offers: Sequence[Offer]) -> list[Offer]:
    """The offers that a page shows: all but the denied ones."""
    return [offer for offer in offers if offer.decision.outcome is not Outcome.DENY]


def yank_note(offer: Offer) -> str:
    """The yank reason that tells a person why a listed file does not pass.

    Shape: at most `MAX_NOTE` printable ASCII characters on one line, without quotes or
    backslashes. The link survives a long reason; upstream's own reason is added if it still fits.
    """
    decision = offer.decision
    link = _BLANKS.sub("", offer.block_url.translate(_QUOTES))
    if len(link) > MAX_NOTE // 2:
        link = ""
    reason = _plain(decision.reason) or f"not offered by policy, rule {_plain(decision.rule)}"
    reason = reason[: MAX_NOTE - len(link) - 1].rstrip()
    note = f"{reason} {link}".rstrip()
    theirs = _plain(offer.file.yanked_reason)
    if offer.file.yanked and theirs:
        longer = f"{note} (yanked upstream: {theirs})"
        return longer if len(longer) <= MAX_NOTE else note
    return note


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text.translate(_QUOTES)).strip()


def private_note(offer: Offer) -> dict[str, Any]:
    """The value of the key `_pratique` of a file that is not plainly allowed.

    Source: PEP 691: keys beginning with an underscore are private to an index.
    """
    decision = offer.decision
    note: dict[str, Any] = {
        "outcome": decision.outcome,
        "rule": decision.rule,
        "until": decision.until,
        "block": offer.block_url.rpartition("/")[2],
        "reason": decision.reason,
    }
    if decision.audited is not None:
        note["audited"] = decision.audited
    return note


def versions_listed(page: ProjectPage, shown: Sequence[Offer]) -> tuple[str, ...]:
    """PEP 700 `versions` for the files shown: as published while nothing is added or missing."""
    if (
        page.versions
        and len(shown) == len(page.files)
        and all(offer.file is file for offer, file in zip(shown, page.files, strict=True))
    ):
        return page.versions
    return versions_of(
        [offer.file.filename for offer in shown],
        project=page.project,
        published=page.versions,
        known=page.__dict__.setdefault("_file_versions", {}),
    )


def offered_api_version(page: ProjectPage) -> str:
    """At least 1.1, because `versions` and `size` are copied; a later 1.x is upstream's word."""
    return max("1.1", page.api_version, key=lambda text: int(text.partition(".")[2]))
