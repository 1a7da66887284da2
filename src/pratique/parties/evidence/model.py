"""What a reader is given with a piece of evidence, and what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from pratique.errors import ValueFormatError
from pratique.inventory.environments.items import plain
from pratique.inventory.sboms.model import SbomDocument
from pratique.parties.model import Claim, EvidenceKind, Party, Signature
from pratique.values.instants import Instant, parse_instant

MAX_EVIDENCE_BYTES: Final = 32 << 20
"""As much as the place where evidence is kept takes."""
MAX_CLAIMS: Final = 200
"""Recorded of a piece; the rest stays in its bytes."""
MAX_SUBJECTS: Final = 50
_MAX_ANSWER: Final = 120
_MAX_DETAIL: Final = 400
_MAX_FAULTS: Final = 20
_MAX_FAULT: Final = 400


class UnreadablePieceError(ValueError):
    """A document that is not what it should be; its reader tells in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a Sigstore bundle proves: who signed what, and when."""

    identity: str
    """The certificate's subject: an e-mail address or the URL of a workflow."""
    issuer: str
    """The OpenID Connect issuer that vouched for it."""
    at: Instant | None
    """When the log took it, as far as that is proven."""
    payload_type: str
    payload: bytes
    """Of the DSSE envelope in it; empty where the bundle signs a file that is elsewhere."""


class Witness(Protocol):
    """Verifies Sigstore bundles offline, with a trusted root that somebody chose."""

    def verify(self, bundle: bytes) -> Verified:
        """What the bundle proves. Raises: UnreadablePieceError with the reason when it proves nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is known of a piece besides its bytes."""

    party: Party
    everybody: Mapping[str, Party]
    """The register's parties: a signature may be good, and somebody else's."""
    now: Instant
    filename: str
    kind: EvidenceKind | None = None
    """What whoever gives it says that it is; None: it is told by its form."""
    product: str = ""
    made_at: Instant | None = None
    expires_at: Instant | None = None
    issuer: str = ""
    """Of a certifier's paper: whose it is."""
    witness: Witness | None = None
    without_witness: str = ""
    """Why there is no witness, and what to do."""
    newest: Mapping[str, Instant] = field(default_factory=dict)
    """Of each product: when the newest SBOM that counts says it was made."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader makes of a document."""

    kind: EvidenceKind
    media_type: str
    subjects: tuple[str, ...] = ()
    made_at: Instant | None = None
    expires_at: Instant | None = None
    signature: Signature = Signature.NONE
    signer: str = ""
    claims: tuple[Claim, ...] = ()
    faults: tuple[str, ...] = ()
    sbom: SbomDocument | None = None
    product: str = ""
    """Of an SBOM: the product of the register that it describes."""

    def faulty(self, *faults: str) -> Reading:
        """The same with more faults."""
        return msgspec.structs.replace(self, faults=(*self.faults, *faults))


def claim(topic: str, answer: str, detail: str = "") -> Claim:
    """A claim whose texts are short, printable lines."""
    return Claim(
        topic=line(topic, _MAX_ANSWER),
        answer=line(answer, _MAX_ANSWER),
        detail=line(detail, _MAX_DETAIL),
    )


def sentences(faults: Iterable[str]) -> tuple[str, ...]:
    """Faults as they are recorded: each once, not endlessly many, printable."""
    kept = list(dict.fromkeys(line(one, _MAX_FAULT) for one in faults))
    more = [f"and {len(kept) - _MAX_FAULTS} more"] if len(kept) > _MAX_FAULTS else []
    return (*kept[:_MAX_FAULTS], *more)


def line(text: object, longest: int = _MAX_ANSWER) -> str:
    """A text of a document as one printable line; empty when it is no text."""
    if not isinstance(text, str):
        return ""
    cut = plain(" ".join(text[: 4 * longest].split()))
    if not cut.isprintable():
        # Marks that turn the direction of writing are no control characters, and still deceive.
        cut = "".join(one if one.isprintable() else "\ufffd" for one in cut)
    return cut if len(cut) <= longest else f"{cut[: longest - 1]}…"


def moment(text: object) -> Instant | None:
    """An instant of a document; a date means its first instant. None when it is none."""
    if isinstance(text, datetime):
        return text.astimezone(UTC) if text.tzinfo is not None else text.replace(tzinfo=UTC)
    told = text.isoformat() if hasattr(text, "isoformat") else text
    if not isinstance(told, str) or len(told) > 40:  # noqa: PLR2004 - longer than any instant
        return None
    try:
        return parse_instant(told)
    except (ValueFormatError, OverflowError):
        return None


def earliest(*moments: Instant | None) -> Instant | None:
    """The earliest of those that are known: whoever sends a piece cannot make it younger, or last longer."""
    return min((one for one in moments if one is not None), default=None)


def mapping(value: object) -> dict[str, Any]:
    """An object of a JSON document; empty when it is something else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """Objects in a list of a JSON document; what is none is left out."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
