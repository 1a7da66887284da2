"""Putting a case together: members, manifest, container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from pratique import __version__
from pratique.errors import InputError
from pratique.exposure.bundle.container import render_container
from pratique.exposure.bundle.manifest import MANIFEST, render_manifest
from pratique.exposure.bundle.page import render_page
from pratique.exposure.bundle.proofs import render_proof
from pratique.exposure.bundle.statements import sentences_for_all, sentences_for_client
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import IncidentAnswer, encode_value, is_sealed
from pratique.ledger.canonical import canonical_json
from pratique.ledger.merkle import leaf_hash
from pratique.ledger.notes import Signer, open_checkpoint
from pratique.values.instants import Instant, render_instant

FORMAT: Final = "pratique-case/v1"
_NAMELESS: Final = ("proofs/", "tsa/", "keys/", "checkpoint", "verify.py")
"""Hashes, keys, our log's own name, and a file that is the same in every case."""
REPLAY_BYTES: Final = 32 << 20
"""Of entries in one member of `replay/`."""


class ProvenEntry(NamedTuple):
    """An entry's canonical bytes, and its audit path in the log of the case's checkpoint."""

    sequence: int
    leaf: bytes
    path: tuple[bytes, ...]


class Scope(NamedTuple):
    """Whom a case is for."""

    kind: Literal["all", "client"] = "all"
    name: str = ""
    """Of the client, as its entity key says."""


class Stamp(NamedTuple):
    """An RFC 3161 token over the checkpoint, and the certificates to check it with."""

    token: bytes
    certificates: bytes
    """PEM; empty when the token's reader must have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that goes into a case file."""

    answer: IncidentAnswer
    query: Mapping[str, Any]
    """The question, so that it can be asked again: entry domain only."""
    made_at: Instant
    entries: Sequence[ProvenEntry]
    """In the order of the log."""
    withheld: Mapping[int, str] = field(default_factory=dict)
    """Of these entries only hash and proof are given, for this reason."""
    checkpoint: str
    verifier: bytes
    """The stand-alone verifier, as a file."""
    scope: Scope = field(default_factory=Scope)
    records: Sequence[bytes] = ()
    """Advisories as they were published."""
    evidence: Mapping[str, bytes] = field(default_factory=dict)
    """Raw bytes by their sha256."""
    stamps: Sequence[Stamp] = ()
    replay: Iterable[bytes] | None = None
    """Every leaf of the log of the checkpoint, in order."""
    guard: NameGuard | None = None
    """Names that may not appear anywhere in the file."""


def render_case(case: Case, *, signer: Signer) -> bytes:
    """Write a case file.

    Raises: InputError when the answer is not sealed, when a name that the guard knows would leave,
    or when it grows too large.
    """
    if not is_sealed(case.answer):
        raise InputError("the answer does not have its digest")
    members = dict(_members(case, signer))
    predicate = _predicate(case, signer)
    if case.guard is not None:
        _check_names(members, predicate, case.guard)
    members[MANIFEST] = render_manifest(members, predicate, signer=signer)
    return render_container(members)


def _members(case: Case, signer: Signer) -> Iterator[tuple[str, bytes]]:
    yield "answer.json", encode_value(case.answer)
    shown = [one for one in case.entries if one.sequence not in case.withheld]
    yield (
        "answer.html",
        render_case_page(
            case.answer,
            client=case.scope.name,
            shown=len(shown),
            withheld=len(case.entries) - len(shown),
            whole=case.replay is not None,
        ),
    )
    yield "query.json", canonical_json(dict(case.query))
    yield "checkpoint", case.checkpoint.encode()
    yield "keys/log.vkey", f"{signer.verifier.render()}\n".encode()
    yield "verify.py", case.verifier
    yield "facts.jsonl", b"".join(one.leaf + b"\n" for one in shown)
    yield "withheld.jsonl", b"".join(_withheld_lines(case))
    for one in case.entries:
        proof = render_proof(index=one.sequence, path=one.path, checkpoint=case.checkpoint)
        yield f"proofs/{one.sequence}.tlog-proof", proof
    for number, record in enumerate(case.records, start=1):
        yield f"advisory/rev{number}.json", record
    for digest, content in case.evidence.items():
        yield f"evidence/{digest}", content
    for number, stamp in enumerate(case.stamps, start=1):
        yield f"tsa/{number}.tsr", stamp.token
        if stamp.certificates:
            yield f"tsa/{number}.pem", stamp.certificates
    for number, part in enumerate(_replay_parts(case.replay or ())):
        yield f"replay/{number:06}.jsonl", part


def render_case_page(
    answer: IncidentAnswer, *, client: str, shown: int, withheld: int, whole: bool
) -> bytes:
    """The page of a case, which a verifier renders again and compares.

    `shown` and `withheld` count entries in clear and by hash; `whole`: all of the log go along.
    """
    if client:
        says = sentences_for_client(answer, client, shown=shown, withheld=withheld)
    else:
        says = sentences_for_all(shown=shown, whole=whole)
    return render_page(answer, scope=client, says=says)


def _withheld_lines(case: Case) -> Iterator[bytes]:
    for one in case.entries:
        if one.sequence in case.withheld:
            line = {
                "leaf_hash": leaf_hash(one.leaf).hex(),
                "sequence": one.sequence,
                "why": case.withheld[one.sequence],
            }
            yield canonical_json(line) + b"\n"


def _replay_parts(leaves: Iterable[bytes]) -> Iterator[bytes]:
    part, size = [], 0
    for leaf in leaves:
        part.append(leaf + b"\n")
        size += len(leaf)
        if size >= REPLAY_BYTES:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)


def _predicate(case: Case, signer: Signer) -> dict[str, Any]:
    tree = open_checkpoint(case.checkpoint, signer.verifier)
    return {
        "answer_digest": case.answer.digest,
        "as_known_at": case.answer.as_known_at,
        "completeness": "none" if case.replay is None else "replay",
        "format": FORMAT,
        "generator": f"pratique {__version__}",
        "incident": case.answer.incident,
        "log": {"origin": tree.origin, "root": tree.root.hex(), "size": tree.size},
        "made_at": render_instant(case.made_at),
        "scope": {"kind": case.scope.kind, "name": case.scope.name},
    }


def _check_names(members: Mapping[str, bytes], predicate: dict[str, Any], guard: NameGuard) -> None:
    """Fail closed: rather no case than one that names somebody else."""
    checked = {name: data for name, data in members.items() if not name.startswith(_NAMELESS)}
    checked["MANIFEST"] = canonical_json(predicate)
    for name, data in checked.items():
        found = guard.find(name) or guard.find_in_bytes(data)
        if found is not None:
            raise InputError(
                f"{name} would name {found!r}, which is not the reader's to know",
                remedy="rename it, or leave out what names it",
            )
