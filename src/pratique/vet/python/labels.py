"""Labels as bits: sets of them are joined a million times per release."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pratique.vet.python.model import Label

BIT: dict[str, int] = {label.value: 1 << position for position, label in enumerate(Label)}

DECODED = BIT[Label.DECODED]
NETWORK = BIT[Label.NETWORK]
ENVIRONMENT = BIT[Label.ENVIRONMENT]
SECRET = BIT[Label.SECRET]
HOST = BIT[Label.HOST]
FILE = BIT[Label.FILE]
BROWSER = BIT[Label.BROWSER]
CLOUD = BIT[Label.CLOUD]
INPUT = BIT[Label.INPUT]
OUTPUT = BIT[Label.OUTPUT]
PARAMETER = BIT[Label.PARAMETER]
CODE = BIT[Label.CODE]
NOTABLE = ~(PARAMETER | INPUT | FILE)
"""Labels that make a call worth reporting whatever is called."""
KEPT = NOTABLE | FILE
"""Labels that a container keeps of what is put into it."""


def bits_of(labels: Iterable[str]) -> int:
    """The bits of some labels."""
    bits = 0
    for label in labels:
        bits |= BIT[label]
    return bits


@cache
def labels_of(bits: int) -> frozenset[Label]:
    """The labels of some bits; there are at most 2¹⁵ answers, and in practice a few dozen."""
    return frozenset(label for label in Label if bits & BIT[label.value])
