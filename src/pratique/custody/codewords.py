"""Codewords of marks: Tardos' biases for a dataset, and the bits that one lease's copies carry.

Everything comes from the dataset's mark key, which the broker holds, through AES-256 as a function of
the position: bits at any positions are made without those before them, the same everywhere.

    bias of position i   p = sin²(t' + r·(π/2 - 2t')), sin²(t') = 1 / (300·c), r uniform from AES(bias key, i)
    bit of a lease       AES(key of the lease, i) < p

Source: Tardos, "Optimal probabilistic fingerprint codes" (J. ACM 55(2), 2008), section 1.2.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import operator
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

COLLUDERS: Final = 5
"""How many leases' copies mixed together the cut-off is made for."""
MAX_MARKS: Final = 1_000_000

_SCALE: Final = 1 << 32
_CUT_OFF: Final = 1 / (300 * COLLUDERS)
_BLOCK = struct.Struct(">12xI")
"""A position as one block of AES."""
_BIT_TEXT: Final = bytes.maketrans(b"\x00\x01", b"01")
_TEXT_BIT: Final = bytes.maketrans(b"01", b"\x00\x01")


def lease_key(mark_key: bytes, lease: str) -> bytes:
    """The key of a lease's codeword in a dataset."""
    return hmac.digest(mark_key, b"pratique-codeword-1\x00" + lease.encode(), "sha256")


def commitment_salt(mark_key: bytes, lease: str) -> bytes:
    """Salt of the lease's commitment: nobody can guess at codewords from the ledger."""
    return hmac.digest(mark_key, b"pratique-commitment-1\x00" + lease.encode(), "sha256")


def commitment(salt: bytes, codeword: bytes) -> str:
    """What the ledger says of a codeword before its first read: SHA-256(salt · codeword), hex."""
    return hashlib.sha256(salt + codeword).hexdigest()


def key_commitment(mark_key: bytes) -> str:
    """What the ledger says of a dataset's mark key."""
    return hashlib.sha256(b"pratique-mark-key-1\x00" + mark_key).hexdigest()


class Positions:
    """Marks at some positions of one dataset, with their biases. Make it once for many leases."""

    __slots__ = ("_blocks", "_thresholds", "biases", "count")

    def __init__(self, mark_key: bytes, positions: Sequence[int] | range) -> None:
        """Raises: ValueError for a position outside 0 … 999,999."""
        if any(not 0 <= position < MAX_MARKS for position in positions):
            raise ValueError(f"positions of marks are 0 to {MAX_MARKS - 1}")
        self.count = len(positions)
        self._blocks = b"".join(map(_BLOCK.pack, positions))
        key = hmac.digest(mark_key, b"pratique-bias-1\x00", "sha256")
        lowest = math.asin(math.sqrt(_CUT_OFF))
        width = (math.pi / 2 - 2 * lowest) / _SCALE
        thresholds = [
            round(math.sin(lowest + draw * width) ** 2 * _SCALE) for draw in self._draws(key)
        ]
        self._thresholds = thresholds
        self.biases: tuple[float, ...] = tuple(threshold / _SCALE for threshold in thresholds)
        """The probability that a lease's bit is 1, for each position in the order given."""

    def bits(self, key: bytes) -> bytes:
        """A lease's bits in the order of the positions, one byte (0 or 1) each."""
        return bytes(map(operator.lt, self._draws(key), self._thresholds))

    def _draws(self, key: bytes) -> array[int]:
        """One uniform 32-bit number for each position."""
        # One block for one position, encrypted on its own: no mode could let one tell of another.
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - a function of a position, no message
        words = array("I")
        words.frombytes(cipher.encryptor().update(self._blocks))
        draws = words[::4]
        if sys.byteorder == "big":
            draws.byteswap()
        return draws


def pack_bits(bits: bytes) -> bytes:
    """Eight bits to a byte; bit 0 of byte 0 is the first."""
    if not bits:
        return b""
    number = int(bits[::-1].translate(_BIT_TEXT), 2)
    return number.to_bytes(-(-len(bits) // 8), "little")


def unpack_bits(packed: bytes, count: int) -> bytes:
    """The other way; `count` bits, one byte each."""
    number = int.from_bytes(packed, "little") & ((1 << count) - 1)
    return format(number, f"0{count}b").encode()[::-1].translate(_TEXT_BIT) if count else b""


def codeword(mark_key: bytes, lease: str, count: int) -> bytes:
    """The whole codeword of a lease for a dataset with `count` marks, packed."""
    return pack_bits(Positions(mark_key, range(count)).bits(lease_key(mark_key, lease)))


def codewords(
    mark_key: bytes, leases: Iterable[str], positions: Positions
) -> Iterable[tuple[str, bytes]]:
    """(lease, bits at the positions), one after another."""
    for lease in leases:
        yield lease, positions.bits(lease_key(mark_key, lease))
