"""The confined process that looks at records: `child.py pii|duplicates FOLDER`, run as a module.

It imports everything, gives up network, other programs and files, says what it is, and then answers one
line of JSON for each that comes. Nothing it reads leaves it but places, sorts and numbers.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from pratique.edge.custody.broker.confinement import confine

Answerer: TypeAlias = Callable[[Any], object]

SHINGLE: Final = 5
"""Words that are compared together."""
PERMUTATIONS: Final = 128
_PIECE: Final = 100_000
"""Characters of a text that a language model is given at a time; it takes no more than ten times as many."""
_OVERLAP: Final = 200


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: what the tool is, and what keeps it in."""

    tool: str
    model: str
    """Language model that finds names; empty: none is installed, and names are not found."""
    sorts: tuple[str, ...]
    walled: bool
    confinement: str


class PiiAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of one record."""

    texts: tuple[str, ...]
    sorts: tuple[str, ...]
    """Empty: all but the noisy ones."""
    least: float
    """Least score."""


class DuplicateAsk(msgspec.Struct, frozen=True, kw_only=True):
    """One record; answered with the number of an earlier one that it nearly repeats, or -1."""

    text: str
    threshold: float


NOISY: Final = frozenset(
    {"DATE_TIME", "URL", "NRP", "US_DRIVER_LICENSE", "US_BANK_NUMBER", "US_ITIN"}
)
"""Found in ordinary numbers and words; looked for only when they are named."""


def main() -> None:
    """Answer until the standard input ends."""
    job, folder = sys.argv[1], Path(sys.argv[2])
    answer, hello = _JOBS[job]()
    walls = confine(folder)
    _say(msgspec.structs.replace(hello, walled=walls.walled, confinement=walls.sentence))
    for line in sys.stdin.buffer:
        _say(answer(line))


def _say(what: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


# ── data about people ────────────────────────────────────────────────────────────────────────


def _pii() -> tuple[Answerer, Hello]:
    import tldextract  # noqa: PLC0415 - each job imports its own

    # It would fetch a list of public suffixes; the one in the package does.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    from presidio_analyzer import Pattern, PatternRecognizer, RecognizerRegistry  # noqa: PLC0415 - as above

    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    model, find_names = _names()
    recognizers = [
        one
        for one in registry.recognizers
        if type(one).__name__
        not in {"SpacyRecognizer", "StanzaRecognizer", "TransformersRecognizer"}
    ]
    # Presidio takes an address only below a public suffix; companies have names of their own inside.
    inside = Pattern(
        "address below any name", r"\b[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\b", 0.5
    )
    recognizers.append(PatternRecognizer(supported_entity="EMAIL_ADDRESS", patterns=[inside]))
    every = {sort for one in recognizers for sort in one.supported_entities}
    decoder = msgspec.json.Decoder(PiiAsk)

    def answer(line: bytes) -> object:
        ask = decoder.decode(line)
        wanted = set(ask.sorts) or every - NOISY | {"PERSON"}
        return [
            list(_spans(text, recognizers, wanted, ask.least, find_names)) for text in ask.texts
        ]

    answer(b'{"texts":["a@b.example"],"sorts":[],"least":0.4}')  # everything is imported now
    version = importlib.metadata.version("presidio-analyzer")
    hello = Hello(
        tool=f"presidio-analyzer {version}",
        model=model,
        sorts=tuple(sorted(every | ({"PERSON"} if model else set()))),
        walled=False,
        confinement="",
    )
    return answer, hello


def _spans(
    text: str,
    recognizers: list[Any],
    wanted: set[str],
    least: float,
    find_names: Callable[[str], Iterator[tuple[int, int]]],
) -> Iterator[tuple[int, int, str, float]]:
    for one in recognizers:
        sorts = [sort for sort in one.supported_entities if sort in wanted]
        if not sorts:
            continue
        for found in one.analyze(text, sorts, None) or ():
            if found.score >= least and found.entity_type in wanted:
                yield found.start, found.end, found.entity_type, round(found.score, 3)
    if "PERSON" in wanted:
        for start, end in find_names(text):
            yield start, end, "PERSON", 0.85


def _names() -> tuple[str, Callable[[str], Iterator[tuple[int, int]]]]:
    """The language model that is installed, if one is, and what finds names with it."""
    import spacy  # noqa: PLC0415 - as above

    installed = sorted(name for name in spacy.util.get_installed_models() if name.startswith("en_"))
    if not installed:
        return "", lambda _text: iter(())
    model = spacy.load(installed[-1])

    def find(text: str) -> Iterator[tuple[int, int]]:
        # All of it, however long: pieces overlap, so that no name is cut in two.
        for at in range(0, len(text), _PIECE):
            for one in model(text[at : at + _PIECE + _OVERLAP]).ents:
                if one.label_ == "PERSON":
                    yield at + one.start_char, at + one.end_char

    return f"{installed[-1]} {model.meta['version']}", find


# ── near-duplicates ──────────────────────────────────────────────────────────────────────────


def _duplicates() -> tuple[Answerer, Hello]:
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types; each job imports its own

    decoder = msgspec.json.Decoder(DuplicateAsk)
    kept: dict[int, Any] = {}
    index: list[Any] = []
    count = 0

    def answer(line: bytes) -> object:
        nonlocal count
        ask = decoder.decode(line)
        if not index:
            index.append(MinHashLSH(threshold=ask.threshold, num_perm=PERMUTATIONS))
        number, count = count, count + 1
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update_batch(shingles(ask.text))
        near = [one for one in index[0].query(sketch) if kept[one].jaccard(sketch) >= ask.threshold]
        if near:
            return min(near)
        kept[number] = sketch
        index[0].insert(number, sketch)
        return -1

    MinHash(num_perm=PERMUTATIONS, seed=1).update_batch([b"a"])  # everything is imported now
    version = importlib.metadata.version("datasketch")
    return answer, Hello(
        tool=f"datasketch {version}", model="", sorts=(), walled=False, confinement=""
    )


def shingles(text: str) -> list[bytes]:
    """What is compared of a text: runs of five words, in any case of letters and any spaces."""
    words = text.casefold().split()
    runs = max(1, len(words) - SHINGLE + 1)
    return sorted({" ".join(words[at : at + SHINGLE]).encode() for at in range(runs)})


_JOBS: Final[dict[str, Callable[[], tuple[Answerer, Hello]]]] = {
    "pii": _pii,
    "duplicates": _duplicates,
}

if __name__ == "__main__":
    main()
