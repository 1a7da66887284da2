"""What a lease took away of a version, as a signed in-toto statement: a delivery.

An object counts as delivered when all of its canonical bytes were answered to the lease and the log has
the reads. Bytes that were only announced do not count here: as evidence of a disclosure they must, as
evidence of a delivery they cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pratique import __version__
from pratique.custody.access_log import DatasetRead, LeaseRead
from pratique.custody.model import Lease, StoredObject
from pratique.custody.ports import Version
from pratique.custody.sizes import human_bytes
from pratique.custody.statements import Statement, open_envelope, read_envelope, render_envelope
from pratique.errors import InputError
from pratique.ledger.errors import BundleError, NoteError
from pratique.ledger.notes import Checkpoint, Signer, Verifier, parse_verifier
from pratique.values.instants import Instant, render_instant

PREDICATE: Final = "urn:pratique:delivery/v1"
MOST_SUBJECTS: Final = 100_000
CLAIM: Final = (
    "All canonical bytes of these objects were answered to the lease, as the log recorded at the time."
    " That they arrived is for the reader's own hashes to say."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What of a version went out whole, and what did not."""

    objects: tuple[StoredObject, ...]
    bytes: int
    missing: int
    missing_bytes: int

    @property
    def complete(self) -> bool:
        """Whether the whole version was delivered."""
        return not self.missing and bool(self.objects)


def delivered_of(objects: Iterable[StoredObject], read: DatasetRead | None) -> Delivered:
    """Which objects of a version a lease has read as a whole, canonical and noted."""
    whole = {
        one.object
        for one in (() if read is None else read.objects)
        if one.whole and not one.presumed and one.canonical and not one.marked
    }
    kept: list[StoredObject] = []
    missing = missing_bytes = 0
    for stored in objects:
        if stored.id in whole:
            kept.append(stored)
        else:
            missing += 1
            missing_bytes += stored.size
    return Delivered(
        objects=tuple(kept),
        bytes=sum(one.size for one in kept),
        missing=missing,
        missing_bytes=missing_bytes,
    )


def render_delivery(
    lease: Lease,
    read: LeaseRead,
    version: Version,
    delivered: Delivered,
    *,
    checkpoint: Checkpoint,
    signer: Signer,
    made_at: Instant,
) -> bytes:
    """The statement, one line. Raises: InputError when there is nothing, or too much, to state."""
    if not delivered.objects:
        raise InputError(
            f"lease {lease.id} has read no object of version {version.number} of {version.dataset} whole"
            " and canonical",
            remedy="see: pratique dataset log --lease " + lease.id,
        )
    if len(delivered.objects) > MOST_SUBJECTS:
        raise InputError(
            f"{len(delivered.objects):,} objects were delivered",
            expected=f"at most {MOST_SUBJECTS:,} in one statement",
            remedy="grant one lease per part of the dataset",
        )
    predicate: dict[str, Any] = {
        "claim": CLAIM,
        "client": lease.client,
        "complete": delivered.complete,
        "dataset": version.dataset,
        "delivered": {"bytes": delivered.bytes, "objects": len(delivered.objects)},
        "entries": {
            "count": len(read.entries),
            "first": read.entries[0],
            "last": read.entries[-1],
        },
        "first_at": render_instant(read.first_at),
        "generator": f"pratique {__version__}",
        "last_at": render_instant(read.last_at),
        "lease": {
            "copy": lease.copy.value,
            "holder": lease.holder,
            "id": lease.id,
            "project": lease.project,
            "purpose": lease.purpose,
            "vendor": lease.vendor,
        },
        "log": {
            "origin": checkpoint.origin,
            "root": checkpoint.root.hex(),
            "size": checkpoint.size,
            "verifier_key": signer.verifier.render(),
        },
        "made_at": render_instant(made_at),
        "missing": {"bytes": delivered.missing_bytes, "objects": delivered.missing},
        "version": {
            "bytes": version.bytes,
            "number": version.number,
            "objects": version.objects,
            "root": version.root,
            "sealed_at": render_instant(version.sealed_at),
        },
    }
    subject = [(one.key, one.sha256) for one in delivered.objects]
    return render_envelope(subject, PREDICATE, predicate, signer=signer) + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryShown:
    """A statement whose every byte was checked."""

    statement: Statement
    verifier: Verifier

    @property
    def predicate_type(self) -> str:
        """What sort of statement it is."""
        return self.statement.predicate_type


def verify_delivery(data: bytes, *, verifier: Verifier | None = None) -> DeliveryShown:
    """Check a delivery's statement; without a key, by the one that it names itself.

    Raises: BundleError.
    """
    shown = verify_statement(data, PREDICATE, verifier=verifier)
    said = shown.statement.predicate.get("delivered")
    count = said.get("objects") if isinstance(said, dict) else None
    if count != len(shown.statement.subject):
        raise BundleError("the statement does not agree with itself")
    return shown


def verify_statement(
    data: bytes, predicate: str, *, verifier: Verifier | None = None
) -> DeliveryShown:
    """Check a statement of this type that names the log's key in `log.verifier_key`. Raises: BundleError."""
    line = data.removesuffix(b"\n")
    statement, _, _ = read_envelope(line)
    if statement.predicate_type != predicate:
        raise BundleError(
            f"a statement of the type {statement.predicate_type[:80]!r}", expected=predicate
        )
    if data != line + b"\n":
        raise BundleError("the statement ends in one newline")
    own = _own_key(statement) if verifier is None else verifier
    checked = open_envelope(line, own)
    if _own_key(checked) != own:
        raise BundleError("the statement does not agree with itself")
    return DeliveryShown(statement=checked, verifier=own)


def _own_key(statement: Statement) -> Verifier:
    log = statement.predicate.get("log")
    text = log.get("verifier_key") if isinstance(log, dict) else None
    try:
        return parse_verifier(text if isinstance(text, str) else "")
    except NoteError as error:
        raise BundleError(f"the statement names no key: {error.message}") from error


def delivery_words(shown: DeliveryShown) -> list[str]:
    """What a statement says, for a person. Raises: BundleError."""
    said = shown.statement.predicate
    try:
        version, lease, delivered = said["version"], said["lease"], said["delivered"]
        missing = said["missing"]
        whole = (
            "all of it"
            if said["complete"]
            else f"not {missing['objects']:,} objects ({human_bytes(missing['bytes'])})"
        )
        return [
            f"data    version {version['number']} of {said['dataset']} of client {said['client']}",
            f"        root {version['root']}",
            (
                f"to      lease {lease['id']}: {lease['holder']} of {lease['vendor']}/{lease['project']},"
                f" for {lease['purpose']}"
            ),
            (
                f"read    {delivered['objects']:,} objects, {human_bytes(delivered['bytes'])}, {whole};"
                f" {said['first_at']} to {said['last_at']}"
            ),
            f"log     {said['log']['origin']}, {said['log']['size']} entries",
            f"says    {said['claim']}",
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"the statement lacks {error}") from error
