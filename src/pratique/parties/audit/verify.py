"""Checking a pack without the log, the sender or a network.

1. The container is in its one spelling; every name is one that a pack has.
2. The manifest is signed with the key of the log, and names exactly the members, in their order.
3. The checkpoint has one signature by the same key.
4. Entries in clear, hashes of those withheld and hashes of all others give the signed root.
5. What the entries say of the register, findings, suspensions, notices and drills is folded again; it
   must be what `audit.json` says.
6. The page, the README and the OSCAL document are written again from `audit.json` and compared, when this
   version wrote them.
7. Evidence has the hashes that name it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from typing import Any, Final, NamedTuple, cast

import msgspec
from isal import igzip_lib

from pratique import __version__
from pratique.custody.statements import Statement, open_envelope
from pratique.errors import PratiqueError
from pratique.ledger.canonical import canonical_json, parse_entry
from pratique.ledger.errors import BundleError, EntryFormatError, NoteError, ProofError
from pratique.ledger.merkle import HASH_BYTES, leaf_hash, split_hashes
from pratique.ledger.notes import Checkpoint, Verifier, open_checkpoint, parse_verifier, split_note
from pratique.ledger.stretches import (
    STRETCH,
    fold_stretch,
    join_stretches,
    sequence_of,
    stretch_span,
    stretches_of,
)
from pratique.parties.audit.container import MAGIC, MANIFEST, read_members
from pratique.parties.audit.gather import fold_told, read_fact, told_kind
from pratique.parties.audit.model import FORMAT, Audit
from pratique.parties.audit.pack import PACK, PREDICATE, documents, encode_audit

STRETCH_BYTES: Final = 1 << 30
"""Of the entries of one stretch, unpacked: 65,536 entries have at most four times as many."""
_SMALL: Final = 64 << 20
_BROKEN: Final = (cast("type[Exception]", igzip_lib.IsalError), EOFError, ValueError, MemoryError)
_ENTRIES: Final = re.compile(r"entries/([0-9]{6,9})\.(jsonl\.gz|hashes)")
_EVIDENCE: Final = re.compile(r"evidence/([0-9a-f]{64})")
_FIXED: Final = frozenset(
    {
        MAGIC, "roots", "withheld.jsonl", "README.md", "audit.html", "audit.json", "audit.pdf",
        "oscal-assessment-results.json", "checkpoint", "keys/log.vkey", MANIFEST,
    }
)  # fmt: skip
_KIND: Final = re.compile(
    rb'"kind":"([a-z0-9-]+)","recorded_at":"[^"]*","sequence":[0-9]+,"subject":'
)


class VerifiedPack(NamedTuple):
    """What a pack has proved."""

    audit: Audit
    checkpoint: Checkpoint
    verifier: Verifier
    entries: int
    withheld: int
    documents_compared: bool
    """The page, README and OSCAL are what `audit.json` gives; False: another version wrote them."""


class Work(NamedTuple):
    """One stretch of the log, for whoever folds it."""

    number: int
    size: int
    packed: bytes
    gaps: bytes
    withheld: tuple[tuple[int, bytes], ...]


class Folded(NamedTuple):
    """What a stretch came to."""

    roots: tuple[bytes, ...]
    entries: int
    facts: tuple[bytes, ...]
    """Leaves that the register is folded from."""
    kinds: dict[str, int]


MapWork = Callable[[Callable[[Work], Folded], Iterable[Work]], Iterable[Folded]]


def verify_pack(
    data: memoryview, *, verifier: Verifier | None = None, run: MapWork = map
) -> VerifiedPack:
    """Check every byte of a pack. `run` may fold stretches in several processes.

    Raises: BundleError saying what does not hold.
    """
    members = dict(read_members(data))
    _check_listed(members)
    try:
        own = parse_verifier(_text(members, "keys/log.vkey").removesuffix("\n"))
        if members["keys/log.vkey"] != f"{own.render()}\n".encode():
            raise BundleError("keys/log.vkey has more than a key")
        if verifier is not None and verifier != own:
            raise BundleError(
                f"the pack is signed with another key, {own.render()}", expected=verifier.render()
            )
        statement = _check_manifest(members, own)
        tree = _checkpoint(_text(members, "checkpoint"), own)
        audit = _audit(members, tree, statement)
        folded = _fold_entries(members, tree, run)
        _check_told(audit, folded, members)
    except (NoteError, ProofError, EntryFormatError) as error:
        raise BundleError(error.message, expected=error.expected) from error
    compared = _check_documents(audit, members, statement)
    return VerifiedPack(
        audit=audit,
        checkpoint=tree,
        verifier=own,
        entries=sum(one.entries for one in folded),
        withheld=audit.totals.withheld,
        documents_compared=compared,
    )


# ── the file ─────────────────────────────────────────────────────────────────────────────────


def _check_listed(members: Mapping[str, memoryview]) -> None:
    names = list(members)
    strange = [one for one in names if not _known(one)]
    missing = sorted(_FIXED - {"audit.pdf"} - set(names))
    if strange or missing:
        raise BundleError(
            f"the pack has {strange[0]!r}, which no pack has"
            if strange
            else f"no {missing[0]} in it"
        )
    if names[0] != MAGIC or names[-1] != MANIFEST or members[MAGIC] != f"{PACK}\n".encode():
        raise BundleError("not a pack of this format", expected=PACK)


def _known(name: str) -> bool:
    fixed = name in _FIXED or _EVIDENCE.fullmatch(name) is not None
    return fixed or _ENTRIES.fullmatch(name) is not None


def _small(members: Mapping[str, memoryview], name: str) -> bytes:
    data = members[name]
    if len(data) > _SMALL:
        raise BundleError(f"{name} has {len(data):,} bytes", expected=f"at most {_SMALL:,}")
    return bytes(data)


def _text(members: Mapping[str, memoryview], name: str) -> str:
    try:
        return _small(members, name).decode()
    except UnicodeDecodeError:
        raise BundleError(f"{name} is not text") from None


def _check_manifest(members: Mapping[str, memoryview], own: Verifier) -> Statement:
    statement = open_envelope(_small(members, MANIFEST), own)
    if statement.predicate_type != PREDICATE or statement.predicate.get("format") != PACK:
        raise BundleError("the manifest is of another kind", expected=PREDICATE)
    listed = [(one.name, one.digest) for one in statement.subject]
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    found = [(name, {"sha256": hashes[name]}) for name in members if name != MANIFEST]
    if listed != found:
        odd = next((a[0] for a, b in zip(listed, found, strict=False) if a != b), "a file")
        raise BundleError(f"{odd} is not what the manifest names")
    for name, digest in hashes.items():
        match = _EVIDENCE.fullmatch(name)
        if match is not None and match[1] != digest:
            raise BundleError(f"{name} is not what its name says")
    return statement


def _checkpoint(note: str, own: Verifier) -> Checkpoint:
    _, signatures = split_note(note)
    if len(signatures) != 1:
        # Bytes of a signature that nobody checks could be changed unnoticed.
        raise BundleError("the checkpoint of a pack has exactly one signature")
    tree = open_checkpoint(note, own)
    if tree.origin != own.name:
        raise BundleError(f"the checkpoint is of the log {tree.origin!r}, the key of {own.name!r}")
    return tree


def _audit(members: Mapping[str, memoryview], tree: Checkpoint, statement: Statement) -> Audit:
    data = _small(members, "audit.json")
    try:
        audit = msgspec.json.decode(data, type=Audit)
        same = encode_audit(audit) == data
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise BundleError(f"audit.json cannot be read: {error}") from None
    if not same:
        raise BundleError("audit.json is not spelled as packs spell it")
    said = (audit.format, audit.origin, audit.size, audit.root, audit.name)
    wanted = (FORMAT, tree.origin, tree.size, tree.root.hex(), statement.predicate.get("party"))
    log = {"origin": tree.origin, "root": tree.root.hex(), "size": tree.size}
    if said != wanted or statement.predicate.get("log") != log:
        raise BundleError("audit.json, the manifest and the checkpoint are not of one log or party")
    return audit


# ── the entries ──────────────────────────────────────────────────────────────────────────────


def _fold_entries(
    members: Mapping[str, memoryview], tree: Checkpoint, run: MapWork
) -> list[Folded]:
    withheld = _withheld(_small(members, "withheld.jsonl"))
    present = {int(m[1]) for name in members if (m := _ENTRIES.fullmatch(name))}
    names = {f"entries/{number:06}.{end}" for number in present for end in ("jsonl.gz", "hashes")}
    if names != {name for name in members if name.startswith("entries/")}:
        raise BundleError("a stretch of entries is not complete")
    work = (
        Work(
            number, tree.size,
            bytes(members[f"entries/{number:06}.jsonl.gz"]),
            bytes(members[f"entries/{number:06}.hashes"]),
            tuple(withheld.pop(number, ())),
        )
        for number in sorted(present)
    )  # fmt: skip
    folded = list(run(fold_work, work))
    if withheld:
        raise BundleError("an entry is withheld where no entries are")
    done = iter(folded)
    hashes = split_hashes(_small(members, "roots"))
    if len(stretches_of(tree.size)) > len(present) + len(hashes):
        # Said before anything is done for each of as many as the checkpoint pleases to say.
        raise BundleError("the pack has too few hashes for a log of this size")
    roots = iter(hashes)
    parts = []
    for number in stretches_of(tree.size):
        if number in present:
            parts.append(next(done).roots)
            continue
        start, end = stretch_span(number, tree.size)
        parts.append(
            tuple(one for _, one in zip(range((end - start).bit_count()), roots, strict=False))
        )
    if next(roots, None) is not None or next(done, None) is not None:
        raise BundleError("the pack has hashes of entries that the log does not have")
    if join_stretches(parts, tree.size) != tree.root:
        raise BundleError("the entries are not those of the log with this root")
    return folded


def _withheld(data: bytes) -> dict[int, list[tuple[int, bytes]]]:
    found: dict[int, list[tuple[int, bytes]]] = {}
    for line in data.split(b"\n")[:-1]:
        try:
            said = msgspec.json.decode(line, type=_Withheld)
            leaf = bytes.fromhex(said.leaf_hash)
        except (msgspec.MsgspecError, ValueError):
            raise BundleError("withheld.jsonl cannot be read") from None
        if canonical_json(msgspec.structs.asdict(said)) != line:
            raise BundleError("withheld.jsonl is not spelled canonically")
        if said.sequence < 0 or len(leaf) != HASH_BYTES:
            raise BundleError("withheld.jsonl names what no entry is")
        found.setdefault(said.sequence // STRETCH, []).append((said.sequence, leaf))
    if data and not data.endswith(b"\n"):
        raise BundleError("withheld.jsonl is cut off")
    return found


class _Withheld(msgspec.Struct, forbid_unknown_fields=True):
    leaf_hash: str
    sequence: int


def fold_work(work: Work) -> Folded:
    """Hash the entries of a stretch up to its roots. Raises: BundleError, ProofError."""
    lines = _unpacked(work)
    facts: list[bytes] = []
    kinds: dict[str, int] = {}
    # Most entries are of one kind and end alike, so kinds are read from their last bytes.
    search = _KIND.search
    for line in lines:
        match = search(line, max(0, len(line) - 300)) or search(line)
        kind = "" if match is None else match[1].decode()
        kinds[kind] = kinds.get(kind, 0) + 1
        if told_kind(kind):
            facts.append(line)
    shown: Iterator[tuple[int, bytes]] = ((sequence_of(line), leaf_hash(line)) for line in lines)
    if work.withheld:
        # Whatever is out of order here stays so, and is found.
        shown = merge(shown, work.withheld)
    roots = fold_stretch(work.number, work.size, shown, work.gaps)
    return Folded(roots, len(lines), tuple(facts), kinds)


def _unpacked(work: Work) -> list[bytes]:
    unpack = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    try:
        data = unpack.decompress(work.packed, STRETCH_BYTES)
    except _BROKEN as error:
        raise BundleError(f"entries cannot be unpacked: {error}") from None
    if not unpack.eof or unpack.unused_data:
        raise BundleError("entries are cut off, or more follows them than may")
    if data.count(b"\n") > STRETCH:
        raise BundleError("a stretch has more entries than there is room for")
    lines = data.split(b"\n")
    if lines.pop() != b"":
        raise BundleError("the last entry is cut off")
    return lines


# ── what they add up to ──────────────────────────────────────────────────────────────────────


def _check_told(audit: Audit, folded: list[Folded], members: Mapping[str, memoryview]) -> None:
    facts = []
    for one in folded:
        for leaf in one.facts:
            parse_entry(leaf)  # canonical, and with its body hash
            fact = read_fact(leaf)
            if fact is not None:
                facts.append(fact)
    if msgspec.json.encode(fold_told(audit.name, facts)) != msgspec.json.encode(audit.told):
        raise BundleError("audit.json says something else of the register than the entries do")
    kinds: dict[str, int] = {}
    for one in folded:
        for kind, count in one.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    withheld = bytes(members["withheld.jsonl"]).count(b"\n")
    if kinds != audit.kinds or (sum(kinds.values()), withheld) != (
        audit.totals.entries, audit.totals.withheld,
    ):  # fmt: skip
        raise BundleError("audit.json counts other entries than there are")
    held = {match[1] for name in members if (match := _EVIDENCE.fullmatch(name))}
    if held != set(audit.evidence_held):
        raise BundleError("audit.json names other evidence than there is")


def _check_documents(audit: Audit, members: Mapping[str, memoryview], statement: Statement) -> bool:
    """Whether page, README and OSCAL are what `audit.json` gives; False: another version wrote them.

    The house signs all of them, and could have signed a kinder page.
    """
    if statement.predicate.get("generator") != f"pratique {__version__}":
        return False
    try:
        written: dict[str, Any] = documents(audit)
    except (PratiqueError, ValueError, OverflowError) as error:
        raise BundleError(f"audit.json cannot be shown: {error}") from error
    for name, wanted in written.items():
        if members[name] != wanted:
            raise BundleError(f"{name} is not what audit.json gives: it says something else")
    return True
