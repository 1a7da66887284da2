"""Evidence files: entries with proofs that anybody can check without the log.

A bundle is one line of canonical JSON. Every byte of it is either hashed into the signed root,
signed, or the only spelling its place allows, so that no byte can be changed unnoticed. What could
not be checked (the question that led to these entries, a remark) is not in it.

The format is fixed in docs/reference/ledger-format.md, "pratique-bundle/v1".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pratique.ledger.canonical import parse_entry
from pratique.ledger.entries import Entry
from pratique.ledger.errors import (
    BundleError,
    BundleIncomparableError,
    EntryFormatError,
    NoteError,
    ProofError,
)
from pratique.ledger.merkle import (
    Frontier,
    extend,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from pratique.ledger.notes import (
    Checkpoint,
    Verifier,
    decode_base64,
    encode_base64,
    open_checkpoint,
    parse_verifier,
    split_note,
)

FORMAT = "pratique-bundle/v1"
MAX_BUNDLE_BYTES = 1 << 32
"""More than memory has; a reader refuses before it tries."""


class _Proven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    entry: msgspec.Raw
    proof: tuple[str, ...]


class _Growth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checkpoint: str
    proof: tuple[str, ...]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # Declared in the order RFC 8785 sorts them.
    checkpoint: str
    entries: tuple[_Proven, ...]
    format: str
    since: _Growth | None
    verifier_key: str


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Wire)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLeaf:
    """An entry's canonical bytes and its audit path in the log of the bundle's checkpoint."""

    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """An earlier checkpoint of the log and the proof that the bundle's extends it."""

    checkpoint: str
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a bundle has proved."""

    checkpoint: Checkpoint
    verifier: Verifier
    entries: tuple[Entry, ...]
    since: Checkpoint | None
    key_was_given: bool
    """False: the key came from the file itself, which shows that the file is consistent in itself,
    not who wrote it."""
    complete: bool
    """All entries of the log are here, so nothing was left out either."""
    compared_with: Checkpoint | None
    """A checkpoint the reader had kept, proved to be of the same log."""


def render_bundle(
    *,
    checkpoint: str,
    verifier_key: str,
    entries: Sequence[ProvenLeaf],
    since: Growth | None = None,
) -> bytes:
    """Write a bundle."""
    wire = _Wire(
        checkpoint=checkpoint,
        entries=tuple(
            _Proven(entry=msgspec.Raw(one.leaf), proof=_spell(one.proof)) for one in entries
        ),
        format=FORMAT,
        since=None if since is None else _Growth(
            checkpoint=since.checkpoint, proof=_spell(since.proof)
        ),
        verifier_key=verifier_key,
    )  # fmt: skip
    return _ENCODER.encode(wire) + b"\n"


def verify_bundle(
    data: bytes, *, verifier: Verifier | None = None, known: str | None = None
) -> Verified:
    """Check every byte of a bundle.

    `verifier` is the log's key from a source the reader trusts; `known` a signed checkpoint that
    the reader kept or got elsewhere.
    Raises: BundleError saying what does not hold; BundleIncomparableError when all holds but there
    is no way to compare with `known`.
    """
    # 1. The file has the one spelling that its content has.
    wire = _parse(data)
    # 2. The key: the reader's, or the file's own.
    try:
        own = parse_verifier(wire.verifier_key)
        if verifier is not None and verifier != own:
            raise BundleError(
                f"the bundle is signed with another key, {wire.verifier_key}",
                expected=verifier.render(),
            )
        # 3. The checkpoint: one signature, by this key, for this origin.
        checkpoint = _open(wire.checkpoint, own)
        # 4. Each entry: canonical, in the order of the log, and in the signed tree.
        entries = tuple(_check_entries(wire.entries, checkpoint))
        # 5. The earlier checkpoint: signed by the same key and extended by this one.
        since = _check_growth(wire.since, checkpoint, own)
        # 6. The reader's checkpoint.
        compared = None if known is None else _compare(known, own, checkpoint, since)
    except (NoteError, ProofError, EntryFormatError) as error:
        raise BundleError(error.message, expected=error.expected) from error
    return Verified(
        checkpoint=checkpoint,
        verifier=own,
        entries=entries,
        since=since,
        key_was_given=verifier is not None,
        complete=_is_complete(wire.entries, checkpoint),
        compared_with=compared,
    )


def _parse(data: bytes) -> _Wire:
    if len(data) > MAX_BUNDLE_BYTES:
        raise BundleError("the file is too large to be a bundle")
    try:
        wire = _DECODER.decode(data)
        spelled = _ENCODER.encode(wire) + b"\n"
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BundleError(
            f"not a bundle: {error}", expected="a file made by `pratique ledger export`"
        ) from None
    if wire.format != FORMAT:
        raise BundleError(f"a bundle of the format {wire.format[:40]!r}", expected=FORMAT)
    if spelled != data:
        raise BundleError(
            "the file is not spelled canonically (RFC 8785 and one newline at the end)",
            remedy="use the file as it was exported; do not reformat it",
        )
    return wire


def _open(note: str, verifier: Verifier) -> Checkpoint:
    _, signatures = split_note(note)
    if len(signatures) != 1:
        # Bytes of a signature that nobody checks could be changed unnoticed.
        raise BundleError("the checkpoint in a bundle has exactly one signature")
    checkpoint = open_checkpoint(note, verifier)
    if checkpoint.origin != verifier.name:
        raise BundleError(
            f"the checkpoint is of the log {checkpoint.origin!r}, the key of {verifier.name!r}"
        )
    return checkpoint


def _check_entries(proven: Sequence[_Proven], checkpoint: Checkpoint) -> list[Entry]:
    entries: list[Entry] = []
    for one in proven:
        leaf = bytes(one.entry)
        entry = parse_entry(leaf)
        if entries and entry.sequence <= entries[-1].sequence:
            raise BundleError(f"entry {entry.sequence} is not in its place")
        verify_inclusion(
            index=entry.sequence,
            size=checkpoint.size,
            leaf=leaf_hash(leaf),
            proof=_read(one.proof),
            root=checkpoint.root,
        )
        entries.append(entry)
    return entries


def _check_growth(
    growth: _Growth | None, checkpoint: Checkpoint, verifier: Verifier
) -> Checkpoint | None:
    if growth is None:
        return None
    old = _open(growth.checkpoint, verifier)
    verify_consistency(
        old_size=old.size,
        new_size=checkpoint.size,
        old_root=old.root,
        new_root=checkpoint.root,
        proof=_read(growth.proof),
    )
    return old


def _compare(
    note: str, verifier: Verifier, checkpoint: Checkpoint, since: Checkpoint | None
) -> Checkpoint:
    known = open_checkpoint(note, verifier)
    for mine in (checkpoint, since):
        if mine is not None and mine.size == known.size:
            if mine != known:
                raise BundleError(
                    f"the log shows two histories: two signed roots for {known.size} entries",
                    remedy="keep both checkpoints; they prove that the log was forked",
                )
            return known
    raise BundleIncomparableError(
        f"your checkpoint is of {known.size} entries, the bundle's of {checkpoint.size}, and the "
        "bundle has no proof that joins them",
        remedy="ask for `pratique ledger export --since` with your checkpoint",
    )


def _is_complete(proven: Sequence[_Proven], checkpoint: Checkpoint) -> bool:
    if len(proven) != checkpoint.size:
        return False
    frontier, _ = extend(Frontier(), (leaf_hash(bytes(one.entry)) for one in proven))
    return frontier.root() == checkpoint.root


def _spell(hashes: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(encode_base64(digest) for digest in hashes)


def _read(hashes: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(decode_base64(text) for text in hashes)
