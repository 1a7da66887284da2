"""What a pack says of itself: its README, and what it cannot show."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pratique.parties.audit.model import Audit, Told, Totals
from pratique.values.instants import Instant, render_second

_README: Final = """# Audit pack of {name}

Made {made_at} from the first {size:,} entries of the log {origin}.

Check it first, without the sender and without a network:

    pratique verify PACK.zip --key KEY

Get KEY and the program from a source that you trust, not from this file.

| file | what |
| --- | --- |
| `audit.html` | for reading and printing |
| `audit.json` | the same for programs, and everything that the page leaves out |
| `oscal-assessment-results.json` | findings and observations as OSCAL {oscal} assessment results |
| `entries/*.jsonl.gz` | {entries:,} entries of the log in clear, each line as it was logged |
| `withheld.jsonl` | {withheld:,} entries about this party that also name others: their hash only |
| `entries/*.hashes`, `roots` | what stands for all other entries, so that the signed root can be computed |
| `evidence/` | {evidence} pieces of evidence and texts of notices, as they were received or sent |
| `checkpoint`, `keys/log.vkey` | the signed state of the log, and the key that signed it |
| `MANIFEST` | the signed list of all files with their SHA-256 |

## What this shows, and what it does not

{says}
"""
OSCAL_VERSION: Final = "1.1.2"


def proven(audit: Audit) -> tuple[str, ...]:
    """What whoever has checked the pack knows."""
    totals = audit.totals
    return (
        (
            f"Proven: these {totals.entries:,} entries were logged in this order and not changed since;"
            " the register, findings, suspensions, drills and notices follow from them."
        ),
        (
            "Stated by the sender: what was disclosed under each lease, as counted from entries about"
            " reads; the profile and the table of controls."
        ),
        *audit.not_shown,
    )


def not_shown(told: Told, totals: Totals, held: Collection[str]) -> tuple[str, ...]:
    """What a pack cannot show, as sentences."""
    found = [
        "Not proven: that no further entry of the log is about this party. Only the whole log shows that.",
        "Not proven: that what was recorded is true. It was recorded then and not changed since.",
    ]
    if totals.withheld:
        found.append(
            f"Entries about this party that also name others, here by their hash only: {totals.withheld:,}."
        )
    if totals.unreadable or told.unreadable:
        count = totals.unreadable + len(told.unreadable)
        found.append(f"Entries that are not as documented, and not counted: {count:,}.")
    missing = {one.evidence.sha256 for one in told.evidence} - set(held)
    if missing:
        found.append(
            f"Pieces of evidence of which only the hash is here: {len(missing):,}. They were not kept,"
            " are too large, or name others."
        )
    if not told.drills:
        found.append("No suspension drill of this party was recorded in this span.")
    if told.party is None:
        found.append("The register no longer has this party, or its entry names others.")
    return tuple(found)


def render_readme(audit: Audit) -> bytes:
    """README.md."""
    text = _README.format(
        name=audit.name,
        made_at=render_second(audit.made_at),
        size=audit.size,
        origin=audit.origin,
        oscal=OSCAL_VERSION,
        entries=audit.totals.entries,
        withheld=audit.totals.withheld,
        evidence=len(audit.evidence_held),
        says="\n".join(f"- {one}" for one in proven(audit)),
    )
    return text.encode()


def span_words(start: Instant | None, end: Instant | None) -> str:
    """`from … to …`, for a heading."""
    since = "the beginning" if start is None else render_second(start)
    until = "now" if end is None else render_second(end)
    return f"from {since} to {until}"
