"""Writing a pack: one pass over the log, then what it adds up to, then the signed list of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Final

import msgspec
from isal import igzip

from pratique import __version__
from pratique.custody.access_log import AccessFold, Sizes
from pratique.custody.statements import render_envelope
from pratique.errors import InputError
from pratique.exposure.bundle.container import ContainerWriter, Sink
from pratique.ledger.canonical import canonical_json
from pratique.ledger.merkle import leaf_hash
from pratique.ledger.notes import Signer, open_checkpoint
from pratique.ledger.stretches import Gaps, stretch_span, stretches_of
from pratique.parties.audit.choose import Chooser, rendered
from pratique.parties.audit.container import MAGIC, MANIFEST, pack_writer
from pratique.parties.audit.gather import Gathering, fold_told, lease_lines, totals_of
from pratique.parties.audit.model import FORMAT, Audit, Control, ProfileLine, Told, Totals
from pratique.parties.audit.names import PackGuard
from pratique.parties.audit.oscal import render_oscal
from pratique.parties.audit.page import render_page
from pratique.parties.audit.words import not_shown, render_readme
from pratique.parties.model import Party
from pratique.values.instants import Instant, render_instant
from pratique.values.spans import from_micros

PACK: Final = "pratique-pack/v1"
PREDICATE: Final = "urn:pratique:audit-pack/v1"
EVIDENCE_BYTES: Final = 256 << 20
"""Of raw evidence in one pack; more is named by hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a pack is made from besides the log."""

    party: Party
    checkpoint: str
    made_at: Instant
    guard: PackGuard
    sizes: Sizes
    """Bytes of an object, as the ledger has it."""
    start: Instant | None = None
    end: Instant | None = None
    evidence: Callable[[str], bytes | None] = field(default=lambda _: None)
    profile: Callable[[Told], tuple[ProfileLine, ...]] = field(default=lambda _: ())
    controls: Callable[[Told], tuple[Control, ...]] = field(default=lambda _: ())
    pdf: Callable[[bytes], bytes] | None = None
    """Makes a PDF of a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was written."""

    audit: Audit
    bytes: int
    members: int


def write_pack(
    material: Material, leaves: Callable[[int, int], Iterable[bytes]], out: Sink, *, signer: Signer
) -> Packed:
    """Write a pack; memory grows with what is disclosed and told, not with the entries.

    `leaves` gives canonical bytes of entries `[start, end)` of the log of the checkpoint.
    Raises: InputError when there is too much, or a name of somebody else would leave.
    """
    tree = open_checkpoint(material.checkpoint, signer.verifier)
    chooser = Chooser(material.party, start=rendered(material.start), end=rendered(material.end))
    gathered = Gathering(chooser=chooser, guard=material.guard, reads=AccessFold(material.sizes))
    writer = pack_writer(out)
    writer.add(MAGIC, f"{PACK}\n".encode())
    _write_entries(writer, gathered, leaves, tree.size)
    told = fold_told(material.party.name, gathered.facts)
    held = _write_evidence(writer, material, told)
    log = gathered.reads.result()
    totals = totals_of(gathered, log)
    audit = Audit(
        format=FORMAT,
        name=material.party.name,
        made_at=material.made_at,
        start=material.start,
        end=material.end,
        origin=tree.origin,
        size=tree.size,
        root=tree.root.hex(),
        told=told,
        profile=material.profile(told),
        controls=material.controls(told),
        leases=lease_lines(gathered, log),
        totals=totals,
        kinds=dict(sorted(gathered.kinds.items())),
        evidence_held=held,
        not_shown=not_shown(told, totals, held),
    )
    for name, data in documents(audit, material.pdf).items():
        _check_names(name, data, material.guard)
        writer.add(name, data)
    writer.add("checkpoint", material.checkpoint.encode())
    writer.add("keys/log.vkey", f"{signer.verifier.render()}\n".encode())
    writer.add(MANIFEST, _manifest(writer, audit, signer))
    size = writer.finish()
    return Packed(audit=audit, bytes=size, members=len(writer.members))


def documents(audit: Audit, pdf: Callable[[bytes], bytes] | None = None) -> dict[str, bytes]:
    """What is written from `audit.json`; a reader writes all but the PDF again and compares."""
    page = render_page(audit)
    found = {
        "README.md": render_readme(audit),
        "audit.html": page,
        "audit.json": encode_audit(audit),
        "oscal-assessment-results.json": render_oscal(audit),
    }
    if pdf is not None:
        found["audit.pdf"] = pdf(page)
    return found


@cache
def common_texts() -> tuple[bytes, ...]:
    """What is written into every pack, whoever it is about."""
    nothing = Told(
        party=None, contracts=(), projects=(), evidence=(), findings=(), suspensions=(), clocks=(),
        notices=(), drills=(), scopes=(), unreadable=(),
    )  # fmt: skip
    none = Totals(
        entries=0, withheld=0, leases=0, bytes=0, segments=0, objects=0, reads=0, refused=0, unreadable=0
    )  # fmt: skip
    empty = Audit(
        format=FORMAT, name="x", made_at=from_micros(0), start=None, end=None, origin="x", size=0,
        root="", told=nothing, profile=(), controls=(), leases=(), totals=none, kinds={},
        evidence_held=(), not_shown=not_shown(nothing, none, ()),
    )  # fmt: skip
    return tuple(documents(empty).values())


def encode_audit(audit: Audit) -> bytes:
    """The one spelling of `audit.json`."""
    return msgspec.json.format(msgspec.json.encode(audit), indent=1) + b"\n"


def _write_entries(
    writer: ContainerWriter,
    gathered: Gathering,
    leaves: Callable[[int, int], Iterable[bytes]],
    size: int,
) -> None:
    roots: list[bytes] = []
    withheld: list[bytes] = []
    every = iter(leaves(0, size))
    for number in stretches_of(size):
        start, end = stretch_span(number, size)
        shown, gaps = _stretch(gathered, islice(every, end - start), start, withheld)
        if shown is None:
            roots.append(gaps)
            continue
        writer.add(f"entries/{number:06}.jsonl.gz", shown)
        writer.add(f"entries/{number:06}.hashes", gaps)
    writer.add("roots", b"".join(roots))
    writer.add("withheld.jsonl", b"".join(withheld))


def _stretch(
    gathered: Gathering, leaves: Iterator[bytes], start: int, withheld: list[bytes]
) -> tuple[bytes | None, bytes]:
    """The entries of one stretch, packed, and the hashes of the others; None: nothing is shown."""
    gaps, lines, hidden, place = Gaps(start), [], False, start
    for place, leaf in enumerate(leaves, start):
        taken = gathered.take(leaf)
        if taken == "show":
            gaps.show()
            lines.append(leaf)
        elif taken == "withhold":
            gaps.show()
            hidden = True
            line = {"leaf_hash": leaf_hash(leaf).hex(), "sequence": place}
            withheld.append(canonical_json(line) + b"\n")
        else:
            gaps.skip(leaf_hash(leaf))
    if not lines and not hidden:
        return None, gaps.result()
    lines.append(b"")
    return igzip.compress(b"\n".join(lines), compresslevel=1, mtime=0), gaps.result()


def _write_evidence(writer: ContainerWriter, material: Material, told: Told) -> tuple[str, ...]:
    """Raw evidence that names nobody else, as far as there is room for it."""
    held: list[str] = []
    left = EVIDENCE_BYTES
    wanted = dict.fromkeys(one.evidence.sha256 for one in told.evidence)
    wanted |= dict.fromkeys(one.sha256 for one in told.notices)
    for digest in wanted:
        data = material.evidence(digest)
        if data is None or len(data) > left or material.guard.find_in_bytes(data) is not None:
            continue
        left -= len(data)
        writer.add(f"evidence/{digest}", data)
        held.append(digest)
    return tuple(sorted(held))


def _check_names(name: str, data: bytes, guard: PackGuard) -> None:
    """Fail closed: rather no pack than one that names somebody else."""
    found = guard.find_in_bytes(data) if name != "audit.pdf" else None
    if found is not None:
        raise InputError(
            f"{name} would name {found!r}, which is not the reader's to know",
            remedy="see what names it in the register: pratique party show",
        )


def _manifest(writer: ContainerWriter, audit: Audit, signer: Signer) -> bytes:
    predicate: Mapping[str, Any] = {
        "format": PACK,
        "generator": f"pratique {__version__}",
        "log": {"origin": audit.origin, "root": audit.root, "size": audit.size},
        "made_at": render_instant(audit.made_at),
        "party": audit.name,
    }
    subject = [(one.name, one.sha256) for one in writer.members]
    return render_envelope(subject, PREDICATE, predicate, signer=signer)
