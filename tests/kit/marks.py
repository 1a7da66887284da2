"""Made records whose texts have second forms, and a dataset of them that is marked."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from kit.s3_door import Custodian
from pratique.edge.custody.disk_parts import DiskParts
from pratique.edge.custody.marking import JsonlMarker, Marked, Marker, MarkingGround, mark_dataset
from pratique.edge.custody.operator_parts import OperatorParts
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

WORDS = [
    "the",
    "a",
    "of",
    "data",
    "model",
    "people",
    "answer",
    "question",
    "think",
    "because",
    "light",
    "water",
    "system",
    "other",
    "many",
    "first",
    "long",
    "small",
    "write",
    "house",
    "world",
    "work",
    "place",
    "again",
    "found",
    "still",
    "between",
    "name",
    "should",
    "never",
    "page",
    "every",
    "begin",
    "those",
    "both",
    "paper",
    "often",
    "run",
    "important",
    "until",
    "children",
    "side",
    "feet",
    "car",
    "miles",
    "night",
    "walk",
    "white",
    "sea",
    "began",
    "grow",
    "took",
    "river",
    "four",
    "carry",
    "state",
    "once",
    "book",
    "hear",
    "stop",
    "without",
    "second",
    "later",
    "miss",
    "idea",
    "enough",
    "eat",
    "face",
    "watch",
    "far",
    "really",
    "almost",
    "let",
]
PHRASES = (
    "do not know", "don't want", "cannot see", "can't find", "I'm going", "it is good", "organise the",
    "color of", "towards the", "behaviour of", "we're happy", "is not clear", "they are here", "wait... then",
    "grey sky",
)  # fmt: skip


def a_sentence(rng: random.Random) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randint(8, 16))]
    if rng.random() < 0.6:
        at = rng.randint(0, len(words) - 2)
        words[at:at] = rng.choice(PHRASES).split()
    text = " ".join(words)
    return text[0].upper() + text[1:] + rng.choice((".", ".", "?"))


def a_record(rng: random.Random, number: int, *, sentences: int = 4) -> dict[str, Any]:
    half = sentences // 2
    return {
        "id": f"rec-{number:08d}",
        "prompt": " ".join(a_sentence(rng) for _ in range(half)),
        "completion": " ".join(a_sentence(rng) for _ in range(sentences - half)),
        "rating": rng.randint(1, 5),
        "score": rng.random(),
    }


def some_records(count: int, *, seed: int = 1, sentences: int = 4) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [a_record(rng, number, sentences=sentences) for number in range(count)]


def as_jsonl(records: Sequence[dict[str, Any]], *, compact: bool = False) -> bytes:
    separators = (",", ":") if compact else None
    lines = (json.dumps(one, separators=separators, ensure_ascii=False) for one in records)
    return "".join(f"{line}\n" for line in lines).encode()


def mark(
    keeper: Custodian,
    dataset: str = "dialogs",
    *,
    share: float = 0.2,
    most: int = 50_000,
    markers: Sequence[Marker] = (),
) -> Marked:
    """Mark a dataset as the command does."""
    with (
        closing(open_log(keeper.settings)) as log,
        closing(DiskParts(keeper.settings.home / "parts")) as parts,
    ):
        ground = MarkingGround(
            datasets=keeper.state,
            marks=keeper.state,
            admin=keeper.admin,
            parts=OperatorParts(parts, keeper.admin),
            record=lambda draft: log.append([draft], now=now_utc())[0],
            clock=now_utc,
            actor="operator:ana",
        )
        return asyncio.run(
            mark_dataset(
                ground,
                dataset,
                markers=[JsonlMarker(share), *markers],
                most=most,
                show=lambda _what, _done: None,
            )
        )
