"""A client's own log: everything the ledger says of its data, for the client to verify offline.

The file holds the client's entries with inclusion proofs (a bundle), and a signed claim that there are no
others below the checkpoint. Nothing in it is about another client: a lease is for data of one client, so
an entry is too. docs/explain/access-log.md says what it proves and what it only claims.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pratique.custody.access_log import AccessFold, AccessLog
from pratique.custody.statements import open_envelope, render_envelope
from pratique.ledger.bundle import ProvenLeaf, Verified, render_bundle, verify_bundle
from pratique.ledger.canonical import encode_entry, parse_entry, prepare, render_time
from pratique.ledger.entries import Draft, Entry
from pratique.ledger.errors import BundleError
from pratique.ledger.merkle import Frontier, extend, leaf_hash
from pratique.ledger.notes import Signer, Verifier, open_checkpoint
from pratique.values.instants import Instant, render_instant

FORMAT: Final = "pratique-client-log/v1"
PREDICATE: Final = "urn:pratique:client-log/v1"
CLAIM: Final = (
    "These are all entries of the log, below its size, that are about this client's data, but for"
    " those counted as withheld because their words name somebody else."
)
_HEAD: Final = b'{"bundle":'
_OF_LEASE: Final = frozenset({"lease-budget", "read-refused", "codeword"})
_OF_DATASET: Final = frozenset({"dataset-version", "object", "object-removed", "marks"})
_OF_READS: Final = frozenset({"reads", "reads-ahead", "reads-ended"})


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # Declared in the order RFC 8785 sorts them.
    bundle: msgspec.Raw
    claim: msgspec.Raw
    format: str


@dataclass(slots=True)
class Ownership:
    """Which entries are a client's own, told in the order of the log."""

    client: str
    leases: set[str] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)
    objects: dict[str, int] = field(default_factory=dict)
    """Sizes, as far as entries say them."""
    owners: dict[str, object] = field(default_factory=dict)
    """Of datasets; the first who was said to own one does."""

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is the client's; a lease or dataset of it is remembered."""
        kind, _, name = entry.subject.partition(":")
        if entry.kind == "dataset":
            if self.owners.setdefault(name, entry.body.get("client")) == self.client:
                self.datasets.add(name)
        elif entry.kind == "lease" and entry.body.get("client") == self.client:
            self.leases.add(name)
        elif entry.kind == "object" and name in self.datasets:
            self._note(entry.body)
        if entry.kind in {"dataset", "lease", *_OF_READS}:
            return entry.body.get("client") == self.client
        if entry.kind == "scope":
            kind, _, name = name.partition(":")
        return self._owns(kind, name) and entry.kind in {"scope", "key", *_OF_LEASE, *_OF_DATASET}

    def _note(self, body: dict[str, Any]) -> None:
        name, size = body.get("object"), body.get("size")
        if isinstance(name, str) and isinstance(size, int) and size >= 0:
            self.objects.setdefault(name, size)

    def _owns(self, kind: str, name: str) -> bool:
        owned = {"client": {self.client}, "dataset": self.datasets, "lease": self.leases}
        return name in owned.get(kind, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLog:
    """What a client's log has shown."""

    client: str
    verified: Verified
    log: AccessLog
    withheld: int
    made_at: str

    @property
    def gaps(self) -> int:
        """Processes of the door of which an entry is missing, or there twice."""
        return sum(not chain.unbroken for chain in self.log.chains)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is proven, what is claimed."""
        return sentences(self)


def render_client_log(
    client: str,
    leaves: Sequence[ProvenLeaf],
    *,
    checkpoint: str,
    signer: Signer,
    withheld: int,
    made_at: Instant,
) -> bytes:
    """Write the file. Raises: BundleError when an entry is not this client's."""
    log = _fold(client, [parse_entry(one.leaf) for one in leaves])
    bundle = render_bundle(
        checkpoint=checkpoint, verifier_key=signer.verifier.render(), entries=leaves
    ).removesuffix(b"\n")
    tree = open_checkpoint(checkpoint, signer.verifier)
    predicate = {
        "claim": CLAIM,
        "client": client,
        "entries": len(leaves),
        "log": {"origin": tree.origin, "root": tree.root.hex(), "size": tree.size},
        "made_at": render_instant(made_at),
        "totals": totals_of(log),
        "withheld": withheld,
    }
    subject = [("bundle", hashlib.sha256(bundle).hexdigest())]
    claim = render_envelope(subject, PREDICATE, predicate, signer=signer)
    file = _File(bundle=msgspec.Raw(bundle), claim=msgspec.Raw(claim), format=FORMAT)
    return msgspec.json.encode(file) + b"\n"


def is_client_log(data: bytes) -> bool:
    """Whether a file looks like one; it is checked by `verify_client_log`."""
    return data.startswith(_HEAD)


def verify_client_log(
    data: bytes, *, verifier: Verifier | None = None, known: str | None = None
) -> ClientLog:
    """Check every byte of a client's log.

    Raises: BundleError saying what does not hold; BundleIncomparableError as `verify_bundle`.
    """
    # 1. The file has the one spelling that its content has.
    file = _read(data)
    bundle = bytes(file.bundle)
    # 2. The entries: canonical, in the signed tree.
    verified = verify_bundle(bundle + b"\n", verifier=verifier, known=known)
    # 3. The claim: signed by the same key, about this bundle, as of this checkpoint.
    statement = open_envelope(bytes(file.claim), verified.verifier)
    predicate = statement.predicate
    if [one.digest for one in statement.subject] != [
        {"sha256": hashlib.sha256(bundle).hexdigest()}
    ] or statement.predicate_type != PREDICATE:
        raise BundleError("the claim is about something else than these entries")
    tree = verified.checkpoint
    said = {"origin": tree.origin, "root": tree.root.hex(), "size": tree.size}
    client, withheld = predicate.get("client"), predicate.get("withheld")
    if predicate.get("log") != said or predicate.get("entries") != len(verified.entries):
        raise BundleError("the claim is about another checkpoint, or another number of entries")
    if not isinstance(client, str) or not isinstance(withheld, int):
        raise BundleError("the claim does not say whose log this is")
    # 4. Every entry is this client's, and comes to what the claim says it does.
    log = _fold(client, verified.entries)
    if predicate.get("totals") != totals_of(log):
        raise BundleError("the entries come to something else than the claim says")
    return ClientLog(
        client=client,
        verified=verified,
        log=log,
        withheld=withheld,
        made_at=str(predicate.get("made_at")),
    )


def left_out(shown: ClientLog, whole: Verified) -> tuple[int, ...]:
    """Entries about the client's data that the whole log has and its file has not, in order.

    `whole`: a bundle of all entries of the same log, as large or larger. As many as the file says are
    withheld may be; `object` entries of what was never read are not missed.
    Raises: BundleError when it is not the whole log, another one, or more is left out than is said.
    """
    tree = shown.verified.checkpoint
    if not whole.complete or whole.verifier != shown.verified.verifier:
        raise BundleError("that is not the whole of this log", expected="a bundle made with --all")
    if whole.checkpoint.size < tree.size:
        raise BundleError(
            f"that log has {whole.checkpoint.size} entries, the client's file is of {tree.size}",
            expected="one exported later",
        )
    entries = whole.entries[: tree.size]
    frontier, _ = extend(Frontier(), (leaf_hash(_leaf(one)) for one in entries))
    if frontier.root() != tree.root:
        raise BundleError("the log shows two histories: the client's file is of another one")
    owned = Ownership(shown.client)
    own = {
        one.sequence
        for one in entries
        if owned.takes(one) and one.kind not in {"object", "object-removed"}
    }
    missing = sorted(own - {one.sequence for one in shown.verified.entries})
    if len(missing) != shown.withheld:
        raise BundleError(
            f"the file leaves out {len(missing)} entries about data of {shown.client}, and says that it"
            f" withholds {shown.withheld}: {', '.join(map(str, missing[:20]))}"
        )
    return tuple(missing)


def _leaf(entry: Entry) -> bytes:
    """The canonical bytes of an entry that was read from them."""
    draft = Draft(kind=entry.kind, subject=entry.subject, actor=entry.actor, body=entry.body)
    recorded_at = render_time(entry.recorded_at)
    return encode_entry(prepare(draft), sequence=entry.sequence, recorded_at=recorded_at)


def totals_of(log: AccessLog) -> dict[str, int]:
    """The figures of a claim."""
    return {
        "bytes": log.bytes,
        "leases": len(log.leases),
        "objects": log.objects,
        "reads": log.reads,
        "segments": log.segments,
        "unreadable": log.unreadable,
    }


def _read(data: bytes) -> _File:
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BundleError(f"not a client's log: {error}", expected=FORMAT) from None
    if file.format != FORMAT:
        raise BundleError(f"a log of the format {file.format[:40]!r}", expected=FORMAT)
    if msgspec.json.encode(file) + b"\n" != data:
        raise BundleError(
            "the file is not spelled canonically (RFC 8785 and one newline at the end)",
            remedy="use the file as it was made; do not reformat it",
        )
    return file


def _fold(client: str, entries: Iterable[Entry]) -> AccessLog:
    owned = Ownership(client)
    fold = AccessFold(owned.objects.get)
    for entry in entries:
        if not owned.takes(entry):
            raise BundleError(f"entry {entry.sequence} is not about data of {client}")
        fold.add(entry)
    return fold.result()


def sentences(shown: ClientLog) -> tuple[str, ...]:
    """What a client's log proves and what it claims, for a person."""
    chains = shown.log.chains
    whole, open_ = sum(one.whole for one in chains), sum(one.unbroken for one in chains)
    found = [
        (
            f"Proven: these {len(shown.verified.entries)} entries were logged as they stand, below the signed"
            f" checkpoint of {shown.verified.checkpoint.size} entries."
        ),
    ]
    if shown.gaps:
        named = ", ".join(one.process for one in chains if not one.unbroken)
        found.append(
            f"MISSING: the running numbers of {shown.gaps} processes of the door have gaps or doubles"
            f" ({named}). Either entries were left out, or the ledger had refused them: ask."
        )
    if open_:
        found.append(
            f"Proven: of {open_} processes of the door no entry is left out before the last one here;"
            f" of {whole} of these also none after it, because the process says how many it wrote."
        )
    found += [
        (
            "Claimed, under our signature: that these are all entries about your data. That no whole process"
            " was left out, only the whole log shows, and it names others. An auditor who may read all of"
            " it can count (pratique verify --whole); a claim that was false stays signed."
        ),
        (
            "Not proven: that what was recorded is true. The log shows that it was recorded then and not"
            " changed since."
        ),
    ]
    if shown.withheld:
        found.insert(1, f"Withheld: {shown.withheld} entries whose words name somebody else.")
    return tuple(found)
