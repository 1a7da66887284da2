"""What parent and worker say to each other, over one socket.

A frame is a length (4 bytes, little endian), a kind (1 byte) and a payload: raw bytes for data, else
msgpack. Facts travel as the engine encoded them, so that the parent never has to read them.

    parent → worker                         worker → parent
                                            READY confinement (once; or FAILED)
    START (+ descriptors: file, base archive)
    BASE facts (if not held)
    GROWN* or DATA*                         ASK hashes        ← answered by KNOWN
    FINISH (+ descriptor: file)             JUDGED, then OUTCOME with the facts; or FAILED
    CANCEL, at any time                     CANCELLED

A file that is on disk, or on its way there, is read by the worker itself; DATA is for what is not.
"""

from __future__ import annotations

import enum
import struct

import msgspec

from pratique.edge.vetting.confinement import Confinement, Walls
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted
from pratique.vet.model import Context, Language

HEADER = struct.Struct("<IB")
SIZE = struct.Struct("<Q")
DATA_BYTES = 1 << 20
"""One DATA frame at most; larger chunks are cut."""
FRAME_BYTES = 128 << 20
"""Any other frame at most: facts of the largest releases take some tens of megabytes."""


class Kind(enum.IntEnum):
    """What a frame is."""

    BASE = 1
    START = 2
    DATA = 3
    FINISH = 4
    KNOWN = 5
    CANCEL = 6
    GROWN = 7
    READY = 11
    ASK = 12
    OUTCOME = 13
    FAILED = 14
    CANCELLED = 15
    JUDGED = 16


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a worker; on its command line, so nothing secret."""

    path: tuple[str, ...]
    """Where to import from."""
    prepare: str
    """`module:function` that imports and warms up what jobs need and gives a `MakeJob`."""
    descriptor: int
    parent: int
    walls: Walls
    known_bad: str = ""
    """Path of a table of indicators, read before the walls stand."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A job begins."""

    filename: str
    context: Context = Context()
    sha256: str = ""
    """Of the file, when whoever sends it proves that; else the worker hashes it."""
    base: str = ""
    """Key of the base."""
    file: bool = False
    """Whether the first descriptor is the file itself: no DATA will come."""
    growing: bool = False
    """Whether that file is still arriving: GROWN tells how far, FINISH that it is whole. Else it is
    whole, and no FINISH comes."""
    hand_over: bool = False
    """Whether BASE follows, because the worker does not hold it."""
    thorough: bool = False
    """Whether all of it is read, for its successors; nobody waits for a judgement."""
    sibling: BaseFacts | None = None
    """For a wheel, the facts of the sdist of the same release. Not held: each is of use once or twice."""
    archive: bool = False
    """Whether the last descriptor is the base's archive."""
    ask: bool = False
    """Whether the parent answers ASK."""
    cpu_seconds: float = 20.0
    cpu_seconds_per_mib: float = 0.1


class Finish(msgspec.Struct, frozen=True, kw_only=True, tag="finish"):
    """All bytes were sent. A descriptor that comes along is the whole file, to be looked at from its end."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Which of these contents have facts?"""

    keys: tuple[tuple[str, Language], ...]


class KnownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Those that have."""

    contents: tuple[StoredContent, ...]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A job, or the start, that ended with an exception."""

    sentence: str
    spent: bool = False
    """The worker goes away after this."""


Payload = Confinement | BaseFacts | Start | Finish | Ask | KnownFacts | Vetted | Failed

_encoder = msgspec.msgpack.Encoder()


def frame(kind: Kind, payload: Payload | None = None) -> bytes:
    """A frame with a structured payload."""
    body = b"" if payload is None else _encoder.encode(payload)
    return HEADER.pack(len(body), kind) + body


def grown(size: int) -> bytes:
    """So many bytes of the file are there now."""
    return HEADER.pack(SIZE.size, Kind.GROWN) + SIZE.pack(size)


def data_header(size: int) -> bytes:
    """What stands before the bytes of a DATA frame."""
    return HEADER.pack(size, Kind.DATA)
