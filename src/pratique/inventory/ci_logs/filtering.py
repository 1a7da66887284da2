"""Which lines of a log may matter: one linear pass of hyperscan, or of RE2 where it has no wheel.

Nearly all lines of a log name nothing. The patterns are loose: what passes is read by the grammar; a
test holds every sample line of the grammar against them.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Final

PATTERNS: Final = (
    rb"==",
    rb"ollecting ", rb"ownload", rb"ing cached ", rb"nstall", rb"ddition", rb"lready satisfied",
    rb"Found existing", rb"Saved ", rb"Processing ", rb"Created wheel",
    rb"operations:", rb"to add,", rb"o dependencies", rb"to date", rb"Checked ", rb"[34]/4\] ",
    rb"placeDep", rb"Updat", rb"Downgrad", rb"Remov", rb"Select", rb"Added ", rb"Package ",
    rb" \+ ", rb" - ", rb" ~ ", rb"\n[+~-] ",
    rb"\.tgz", rb"deprecated ", rb"added ", rb"add ", rb"audited", rb"Audited",
    rb"packages? (?:in|are|were)", rb"Packages:", rb"YN00",
    rb"[\x80-\xff] ", rb"[\x80-\xff]\t", rb"\+-- ", rb"`-- ",
    rb"[+$>] ",
    rb"##\[", rb"\[command\]", rb"Digest:", rb"Status:", rb"Syncing", rb"Commit SHA",
    rb"ource commit", rb"ulling ", rb"sha256:", rb"FROM ", rb"RUN ", rb"resolve ", rb"Uses: ",
    rb"runner", rb"omplete job", rb"rphan", rb"section_", rb"/builds/", rb"/actions/runs/",
    rb"_RUN_ID", rb"PIPELINE_ID", rb"ob succeeded", rb"ob failed", rb"\*\*\*",
    rb"[Tt]runcat", rb"TRUNCAT", rb"[Ee]xceed", rb"xpired", rb"rased", rb"rchived",
    rb"o longer available", rb"og not found", rb"failed to get", rb"not have a trace",
    rb"imit of", rb"be collected", rb"env:", rb"with:", rb"shell: ",
)  # fmt: skip

Ends = Callable[[bytes], list[int]]


@functools.cache
def line_filter() -> Ends:
    """The quickest engine that is installed: gives the ends of all matches in a text, in order."""
    if importlib.util.find_spec("hyperscan") is not None:
        return hyperscan_filter()
    return re2_filter()


def hyperscan_filter() -> Ends:
    """The quick engine. Raises: ImportError where it is not installed."""
    import hyperscan as hs  # noqa: PLC0415 - only where its wheel exists

    database = hs.Database(mode=hs.HS_MODE_BLOCK)
    database.compile(
        expressions=list(PATTERNS), ids=[0] * len(PATTERNS), elements=len(PATTERNS), flags=0
    )

    def ends(data: bytes) -> list[int]:
        found: list[int] = []

        def note(_id: int, _from: int, to: int, _flags: int, _context: object) -> None:
            found.append(to)

        if data:
            database.scan(data, match_event_handler=note)
        return found

    return ends


def re2_filter() -> Ends:
    """The engine for every other machine. Raises: ImportError where it is not installed."""
    import re2  # noqa: PLC0415 - only where hyperscan has no wheel

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # a byte is a character
    options.log_errors = False
    pattern = re2.compile(b"|".join(PATTERNS), options)

    def ends(data: bytes) -> list[int]:
        return [match.end() for match in pattern.finditer(data)]

    return ends
