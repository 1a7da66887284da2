"""Facts as bytes for the stores: compact, and never read back by another engine than wrote them.

Owns: the encoding of content facts and release facts. Both begin with the engine's version; bytes of
another version decode to None, so that the content is simply analysed anew.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pratique.vet.model import ENGINE, ContentFacts, ReleaseFacts

_MARK = f"pratique-facts {ENGINE}\n".encode()
_T = TypeVar("_T")


def encode_content(facts: ContentFacts) -> bytes:
    """Write facts of a content for the store."""
    return _MARK + msgspec.msgpack.encode(facts)


def decode_content(stored: bytes) -> ContentFacts | None:
    """Read them back; None when another engine wrote them or they are damaged."""
    return _decode(stored, ContentFacts)


def encode_release(facts: ReleaseFacts) -> bytes:
    """Write facts of a release file for the store."""
    return _MARK + msgspec.msgpack.encode(facts)


def decode_release(stored: bytes) -> ReleaseFacts | None:
    """Read them back; None when another engine wrote them or they are damaged."""
    return _decode(stored, ReleaseFacts)


def _decode(stored: bytes, kind: type[_T]) -> _T | None:
    if not stored.startswith(_MARK):
        return None
    try:
        return msgspec.msgpack.decode(memoryview(stored)[len(_MARK) :], type=kind)
    except msgspec.MsgspecError:
        return None
