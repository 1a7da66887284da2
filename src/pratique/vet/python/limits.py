"""How much work one source may cost. Every limit stands beside its reason."""

from __future__ import annotations

import msgspec


class ReadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one reading. The defaults keep the worst sources we could make below two seconds."""

    parse_bytes: int = 4_000_000
    """Source beyond this is read by the token reader. The largest hand-written module of the standard
    library has 0.3 MB; larger ones are generated tables, where a syntax tree costs a hundred times the
    text."""
    read_bytes: int = 64_000_000
    """Source beyond this is not read at all, and said to be unread: the token reader does 20 MB/s."""
    nodes: int = 400_000
    """Nodes of a syntax tree, as estimated from the text. A node takes up to 900 bytes: this keeps a worker
    below 400 MB. Hand-written code has 115,000 for each MB."""
    steps: int = 200_000
    """Operations of the evaluator in one file. A xor loop over the 33 kB of litellm 1.82.8 takes about
    100,000."""
    made_bytes: int = 32_000_000
    """Sum of what folding may produce in one file: eight layers of a 4 MB payload."""
    value_bytes: int = 4_000_000
    """Largest single folded value; stops `s += s` and decompression bombs."""
    statements: int = 60_000
    """Statements walked again at call sites in one file (summaries), each about 10 µs."""
    depth: int = 3
    """Calls of local functions inside calls of local functions that are followed."""
    layers: int = 5
    """Sources inside sources. The deepest seen in the wild that is not one loop had four."""
    inner_sources: int = 100
    """Decoded sources that are read per file."""
    inner_bytes: int = 4_000_000
    """Sum of the decoded sources that are read per file: like `parse_bytes`."""
    calls: int = 50_000
    """Calls reported per file; 60 for each kB of the densest honest source we have."""
    texts: int = 50_000
    """Texts reported per file, for the same reason."""
    text_characters: int = 6
    """Shorter texts are not reported: they say nothing, and are most of all."""


DEFAULT_LIMITS = ReadLimits()


class Spent(Exception):  # noqa: N818 - not an error: the work simply ends here
    """A budget is used up, or an operation was refused because of what it would cost."""


class Budget:
    """What is left of the limits while one file is read."""

    __slots__ = ("limits", "made_bytes", "statements", "steps")

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.made_bytes = limits.made_bytes
        self.statements = limits.statements

    def make(self, size: int) -> None:
        """Account for a value of this size before it is made.

        Raises: Spent when it, or the sum of all, would be too large.
        """
        if size > self.limits.value_bytes:
            raise Spent
        self.made_bytes -= size
        if self.made_bytes < 0:
            raise Spent

    def step(self, count: int = 1) -> None:
        """Account for operations of the evaluator.

        Raises: Spent when none are left.
        """
        self.steps -= count
        if self.steps < 0:
            raise Spent
