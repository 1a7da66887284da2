"""One proof for many entries: those shown, and between them the roots of what is not.

A log is cut into stretches of `STRETCH` leaves. Of a stretch in which something is shown, the proof holds
one hash for each complete subtree without anything shown, from left to right; of another its root.
With the shown leaves they give the signed root. A proof of its own for each of a million entries would
be twenty hashes each, and twenty times the work.

Source: the subtrees of RFC 6962; the order is that of a post-order walk, so that a reader needs no more
than one pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from pratique.ledger.errors import ProofError
from pratique.ledger.merkle import EMPTY_ROOT, HASH_BYTES, fold_right, split_hashes

STRETCH_HEIGHT: Final = 16
STRETCH: Final = 1 << STRETCH_HEIGHT
_SEQUENCE: Final = b',"sequence":'
_MOST_DIGITS: Final = 16
"""Of what canonical JSON takes for an integer."""


def stretches_of(size: int) -> range:
    """Numbers of the stretches of a log."""
    return range(-(-size // STRETCH))


def stretch_span(number: int, size: int) -> tuple[int, int]:
    """First leaf of a stretch, and the first after it."""
    start = number * STRETCH
    return start, min(start + STRETCH, size)


class Gaps:
    """Takes the leaves of one stretch in order; gives the hashes that stand for those not shown."""

    def __init__(self, start: int) -> None:
        """`start`: sequence of the first leaf."""
        self._next = start
        self._done: list[bytes] = []
        self._open: list[tuple[int, bytes]] = []

    def skip(self, leaf_hash: bytes) -> None:
        """The next leaf is not shown."""
        node, height, place = leaf_hash, 0, self._next
        waiting = self._open
        # A right sibling whose left one is in this gap too.
        while waiting and waiting[-1][0] == height and place & 1:
            node = sha256(b"\x01" + waiting.pop()[1] + node).digest()
            height += 1
            place >>= 1
        waiting.append((height, node))
        self._next += 1

    def show(self) -> None:
        """The next leaf is shown."""
        if self._open:
            self._close()
        self._next += 1

    def _close(self) -> None:
        self._done += [node for _, node in self._open]
        self._open.clear()

    def result(self) -> bytes:
        """The hashes, one behind the other. Order: last."""
        self._close()
        return b"".join(self._done)


def sequence_of(leaf: bytes) -> int:
    """The sequence in an entry's canonical bytes, without reading the rest.

    The subject is all that stands behind it, and quotes within that are escaped.
    Raises: ProofError.
    """
    start = leaf.rfind(_SEQUENCE) + len(_SEQUENCE)
    digits = leaf[start : leaf.find(b",", start)]
    plain = digits.isdigit() and len(digits) <= _MOST_DIGITS
    if start < len(_SEQUENCE) or not plain or (digits[:1] == b"0" and digits != b"0"):
        raise ProofError("an entry without its sequence")
    return int(digits)


def fold_stretch(
    number: int, size: int, shown: Iterable[tuple[int, bytes]], gaps: bytes
) -> tuple[bytes, ...]:
    """Roots of the complete subtrees that a stretch consists of; one when it is a whole one.

    `shown`: sequence and leaf hash, in order.
    Raises: ProofError when an entry is out of place, or there are too few or too many hashes.
    """
    start, end = stretch_span(number, size)
    if len(gaps) % HASH_BYTES:
        raise ProofError("the hashes of a stretch are cut off")
    fold = _Fold(start, iter(split_hashes(gaps)))
    for sequence, leaf in shown:
        if not fold.place <= sequence < end:
            raise ProofError(f"entry {sequence} is not in its place")
        if sequence > fold.place:
            fold.skip_to(sequence)
        # The common case, inlined: one leaf behind the other.
        node, stack, carry = leaf, fold.stack, sequence - start
        while carry & 1:
            node = sha256(b"\x01" + stack.pop() + node).digest()
            carry >>= 1
        stack.append(node)
        fold.place = sequence + 1
    fold.skip_to(end)
    if next(fold.hashes, None) is not None:
        raise ProofError("the proof of a stretch has hashes too many")
    return tuple(fold.stack)


class _Fold:
    def __init__(self, start: int, hashes: Iterator[bytes]) -> None:
        self.start = self.place = start
        self.hashes = hashes
        self.stack: list[bytes] = []

    def skip_to(self, end: int) -> None:
        """Take the roots of what is not shown, widest first as far as it is aligned."""
        while self.place < end:
            offset = self.place - self.start
            aligned = (offset & -offset).bit_length() - 1 if offset else STRETCH_HEIGHT
            height = min(aligned, (end - self.place).bit_length() - 1)
            node = next(self.hashes, None)
            if node is None:
                raise ProofError("the proof of a stretch has hashes too few")
            carry = offset >> height
            while carry & 1:
                node = sha256(b"\x01" + self.stack.pop() + node).digest()
                carry >>= 1
            self.stack.append(node)
            self.place += 1 << height


def join_stretches(parts: Sequence[Sequence[bytes]], size: int) -> bytes:
    """The root over all stretches, each as `fold_stretch` gives it. Raises: ProofError."""
    if len(parts) != len(stretches_of(size)):
        raise ProofError(f"{len(parts)} stretches cannot be {size} entries")
    stack: list[bytes] = []
    for number, part in enumerate(parts):
        start, end = stretch_span(number, size)
        if len(part) != (end - start).bit_count():
            raise ProofError(f"stretch {number} has {len(part)} roots")
        if end - start < STRETCH:
            stack += part
            continue
        node, carry = part[0], number
        while carry & 1:
            node = sha256(b"\x01" + stack.pop() + node).digest()
            carry >>= 1
        stack.append(node)
    return fold_right(stack) if stack else EMPTY_ROOT
