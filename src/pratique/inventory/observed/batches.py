"""Batches: ledger entries on their way from a collector to a server.

A batch is JSON, named by the SHA-256 of its bytes, so that sending it twice records it once. What a
server takes in is checked as if an enemy had written it: kinds, shapes, sizes; it sets the actor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from pratique.errors import InputError, PratiqueError, ValueFormatError
from pratique.inventory.observed.entries import (
    EMPTY,
    FACTS_IN_ENTRY,
    MAX_GAPS,
    Content,
    ContentBody,
    FactsBody,
    apply_content,
    asset_of,
    parse_look,
)
from pratique.ledger.canonical import prepare
from pratique.ledger.entries import Draft
from pratique.values.instants import Instant, parse_instant

FORMAT: Final = 1
BATCH_BYTES: Final = 8 << 20
"""Largest batch that a server takes."""
BATCH_DRAFTS: Final = 1_000
MAX_SUBJECT: Final = 1_100
_KEYS_COUNTED: Final = 5_000_000
"""Of all contents of a batch, each resolved; hundreds of versions of the largest lock files."""
_KEYS_HELD: Final = 1_000_000
"""Of those at a time."""


class _WireDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    subject: str
    body: dict[str, Any]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    drafts: list[_WireDraft]


class BatchError(InputError):
    """A batch that cannot be taken: what is wrong with which draft."""


def render_batch(drafts: Iterable[Draft]) -> bytes:
    """A batch as bytes. The same drafts give the same bytes."""
    wire = _Wire(
        format=FORMAT,
        drafts=[_WireDraft(kind=d.kind, subject=d.subject, body=d.body) for d in drafts],
    )
    return msgspec.json.encode(wire, order="sorted")


def batch_id(content: bytes) -> str:
    """The name of a batch: SHA-256 of its bytes."""
    return hashlib.sha256(content).hexdigest()


def parse_batch(content: bytes, *, actor: str) -> tuple[Draft, ...]:
    """The drafts of a batch, all checked, with this actor.

    Raises: BatchError naming the first draft that is not as docs/reference/ledger-entries.md says.
    """
    if len(content) > BATCH_BYTES:
        raise BatchError("the batch is too large", expected=f"at most {BATCH_BYTES:,} bytes")
    try:
        wire = msgspec.json.decode(content, type=_Wire)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BatchError(f"not a batch: {error}", expected="a JSON object with drafts") from None
    if wire.format != FORMAT:
        raise BatchError(
            f"a batch of format {wire.format}",
            expected=f"format {FORMAT}",
            remedy="run the same version of pratique on both sides",
        )
    if not 0 < len(wire.drafts) <= BATCH_DRAFTS:
        raise BatchError(
            f"a batch of {len(wire.drafts)} drafts", expected=f"between 1 and {BATCH_DRAFTS}"
        )
    return tuple(_checked(number, one, actor) for number, one in enumerate(wire.drafts))


def _checked(number: int, one: _WireDraft, actor: str) -> Draft:
    draft = Draft(kind=one.kind, subject=one.subject, actor=actor, body=one.body)
    try:
        if len(one.subject) > MAX_SUBJECT:
            raise ValueFormatError("the subject is too long", expected=f"{MAX_SUBJECT} characters")
        match one.kind:
            case "content":
                _check_content(one)
            case "look":
                _check_look(one)
            case "facts":
                _check_facts(one)
            case _:
                raise ValueFormatError(
                    f"kind {one.kind[:40]!r} cannot be pushed", expected="content, look or facts"
                )
        prepare(draft)
    except msgspec.ValidationError as error:
        raise BatchError(f"draft {number}: {error}") from None
    except PratiqueError as error:
        raise BatchError(f"draft {number}: {error.message}", expected=error.expected) from None
    return draft


def _check_content(one: _WireDraft) -> None:
    body = msgspec.convert(one.body, ContentBody)
    name = one.subject.removeprefix("content:")
    if not (_is_content_id(name) and one.subject.startswith("content:")):
        raise ValueFormatError(
            "not the subject of a content", expected="content: and 32 hex digits"
        )
    if body.base and not _is_content_id(body.base):
        raise ValueFormatError("the base is no content", expected="32 hex digits, or nothing")
    if not 0 <= body.part < body.parts:
        raise ValueFormatError("there is no such part", expected="0 <= part < parts")


def _check_look(one: _WireDraft) -> None:
    _asset, body = parse_look(one.subject, one.body)
    if not _is_content_id(body.content):
        raise ValueFormatError("a look at no content", expected="32 hex digits")
    if len(body.gaps) > MAX_GAPS or body.gaps_total < len(body.gaps):
        raise ValueFormatError("the gaps are miscounted", expected=f"at most {MAX_GAPS} listed")


def _check_facts(one: _WireDraft) -> None:
    body = msgspec.convert(one.body, FactsBody)
    if not one.subject.startswith("facts:") or len(body.facts) > FACTS_IN_ENTRY:
        raise ValueFormatError("not the subject of facts", expected="facts:SOURCE, 100 facts")


def _is_content_id(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004 - digits of a content id


def assets_in(drafts: Sequence[Draft]) -> frozenset[str]:
    """The assets that a batch speaks of."""
    return frozenset(asset_of(draft.subject) for draft in drafts if draft.kind == "look")


def newest_look(drafts: Sequence[Draft]) -> Instant | None:
    """When the latest look of a batch says that it ended."""
    looks = (parse_instant(draft.body["at_hi"]) for draft in drafts if draft.kind == "look")
    return max(looks, default=None)


def states_facts(drafts: Sequence[Draft]) -> bool:
    """Whether a batch states facts between entities, which may concern any asset."""
    return any(draft.kind == "facts" for draft in drafts)


def contents_needed(drafts: Sequence[Draft]) -> frozenset[str]:
    """Ids of contents that the batch rests on and does not bring itself."""
    brought: set[str] = set()
    needed: set[str] = set()
    for draft in drafts:
        if draft.kind == "content":
            base = draft.body["base"]
            if base and base not in brought:
                needed.add(base)
            if draft.body["part"] == draft.body["parts"] - 1:
                brought.add(draft.subject.removeprefix("content:"))
        elif draft.kind == "look" and draft.body["content"] not in brought:
            needed.add(draft.body["content"])
    return frozenset(needed - {EMPTY})


def check_contents(drafts: Sequence[Draft]) -> None:
    """That every content of a batch is whole, and is what its name says: the hash of what it holds.

    Contents are shared by all assets. Whoever could give a name to something else could change what
    others are seen to have had. Order: nothing is missing by `contents_needed`. Raises: BatchError.
    """
    parts: dict[str, list[ContentBody]] = {}
    last_use: dict[str, int] = {}
    for number, draft in enumerate(drafts):
        if draft.kind == "content":
            body = msgspec.convert(draft.body, ContentBody)
            parts.setdefault(draft.subject.removeprefix("content:"), []).append(body)
            last_use[body.base] = number
    held: dict[str, Content] = {"": Content(sightings={}, identities={})}
    held[EMPTY] = held[""]
    counted = 0
    for number, draft in enumerate(drafts):
        name = draft.subject.removeprefix("content:")
        if draft.kind != "content" or name not in parts:
            continue
        content = _resolved(name, parts.pop(name), held)
        size = len(content.sightings) + len(content.identities)
        counted += size
        if last_use.get(name, -1) > number:
            held[name] = content
        for base in [one for one in held if last_use.get(one, -1) <= number and one]:
            del held[base]
        if counted > _KEYS_COUNTED or _weight(held) > _KEYS_HELD:
            raise BatchError(
                "the contents of the batch hold too much together",
                expected=f"{_KEYS_COUNTED:,} sightings, and {_KEYS_HELD:,} to start from",
            )


def _resolved(name: str, bodies: list[ContentBody], held: dict[str, Content]) -> Content:
    shape = {(body.base, body.parts) for body in bodies}
    numbers = [body.part for body in bodies]
    if len(shape) != 1 or numbers != list(range(bodies[0].parts)):
        raise BatchError(
            f"content {name} is not whole", expected="all its parts, each once, in order"
        )
    base = held.get(bodies[0].base)
    if base is None:
        raise BatchError(
            f"content {name} changes one that comes later",
            expected="the base before what changes it",
        )
    content = apply_content(base, bodies)
    if content.id != name:
        raise BatchError(
            f"content {name} is not what its name says",
            expected="the hash of what it holds as its name",
        )
    return content


def _weight(held: dict[str, Content]) -> int:
    return sum(len(one.sightings) + len(one.identities) for one in held.values())
