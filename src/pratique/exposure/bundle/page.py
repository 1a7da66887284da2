"""The answer as one static page: for a lawyer, an auditor, a client.

No script, no style or picture from elsewhere, nothing to click that leads out of the page; it prints
on paper. Whatever stands in it comes from the answer beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

import jinja2

from pratique.custody.sizes import human_bytes
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import IncidentAnswer, Times
from pratique.exposure.why import RULE_WORDS
from pratique.values.instants import Instant, render_second
from pratique.values.plain_text import printable
from pratique.values.spans import is_dawn

SIGHTINGS_SHOWN: Final = 12
"""Per asset; answer.json has all."""

MEANINGS: Final = {
    "confirmed": "Evidence names this very file, by its hash.",
    "probable": "Evidence names the release, or it was resolved and installed while it could be had.",
    "possible": "It could have come here, and something happened then; no record says that it did.",
    "cleared": "Somebody watched during the whole time, and another release or none was there.",
    "unknown": "Nobody watched, or what there was could not be read. This is not an all-clear.",
}
WORDS: Final = {
    "cache": "cache of downloads",
    "ci-log": "log of a build job",
    "ci-run": "run of a build job",
    "door": "our package index",
    "environment": "installed packages",
    "executed": "its code ran",
    "exfiltration_seen": "data was seen leaving",
    "fetched": "downloaded; not seen installed",
    "installed": "installed; not seen running",
    "layer": "layer of an image",
    "listed": "named in a file; not seen downloaded",
    "lock": "lock file",
    "manifest": "list of requirements",
    "repository": "source repository",
    "sbom": "list of components (SBOM)",
    "vendor-system": "system of a vendor",
}
"""What we call things by one word, for somebody who does not know the word."""


def render_page(answer: IncidentAnswer, *, scope: str = "", says: Sequence[str] = ()) -> bytes:
    """Write the page as UTF-8. `scope` is the client that it is for; `says` what it must know."""
    reach = answer.reach
    leases = reach.disclosed or ()
    text = _template().render(
        answer=answer,
        scope=scope,
        says=says,
        counts=[(word.value, getattr(answer.counts, word.value)) for word in Certainty],
        in_short=list(_in_short(answer)),
        meanings=MEANINGS,
        looked_for=_looked_for(answer),
        shown=SIGHTINGS_SHOWN,
        reached=any((reach.identities, reach.datasets, reach.clients, reach.people, reach.vendors)),
        reach=[
            ("Credentials that may have been stolen", reach.identities),
            ("Data that they open", reach.datasets),
            ("Clients whose data it is", reach.clients),
            ("People whose data it is", reach.people),
            ("Vendors concerned", reach.vendors),
        ],
        disclosed=[(one, human_bytes(one.bytes), human_bytes(one.budget_bytes)) for one in leases],
    )
    return text.encode("utf-8", "backslashreplace")


def _in_short(answer: IncidentAnswer) -> Iterator[str]:
    """What a reader in a hurry must not get wrong."""
    counts = answer.counts
    had = counts.confirmed + counts.probable
    every = counts.exposed + counts.unknown + counts.cleared
    if not every:
        yield "No asset is known: nothing can be told."
        return
    if had:
        yield f"{had:,} of {_assets(every)} had it, or very likely had it."
    elif counts.exposed:
        yield f"Of none of {_assets(every)} is it shown that it had it."
    else:
        yield f"None of {_assets(every)} was seen to have it."
    if counts.possible:
        yield f"{counts.possible:,} may have had it; no record says that they did."
    if counts.unknown:
        yield f"Of {counts.unknown:,} it cannot be told; these are not cleared."
    if counts.cleared:
        yield f"Cleared: {counts.cleared:,}."
    stolen = answer.reach.identities
    if stolen:
        open_ = sum(one.end is None for one in stolen)
        yield f"Credentials that may have been stolen: {len(stolen):,}, not known to be replaced: {open_:,}."


def _assets(count: int) -> str:
    return f"{count:,} asset" + ("s" if count != 1 else "")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pratique.exposure.bundle"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        instant=_instant, times=_times, bare=_bare, numbers=_numbers, words=_words, because=_because
    )
    return environment.get_template("answer.html")


def _plain(value: object) -> object:
    """Foreign text without what is not seen: a mark that turns letters around changes a name."""
    text = str(value)
    return value if text.isprintable() else printable(text)


def _words(word: str) -> str:
    return WORDS.get(word, word.replace("-", " ").replace("_", " "))


def _because(rule: str) -> str:
    return RULE_WORDS.get(rule, rule.replace("-", " "))


def _looked_for(answer: IncidentAnswer) -> list[str]:
    asked = answer.asked
    found = [f"{one.name} {one.version} ({one.type})" for one in asked.releases]
    found += list(asked.digests)
    found += [
        f"advisory {one.id}: {one.summary}" if one.summary else f"advisory {one.id}"
        for one in answer.advisories
    ]
    return found


def _instant(moment: Instant | None, none: str = "not known") -> str:
    """`2026-03-24 10:39:00 UTC`: to be read aloud, not parsed."""
    if moment is None or is_dawn(moment):
        return none
    return render_second(moment)


def _times(span: Times) -> str:
    """When something was there, as far as looks can tell."""
    surely = span.from_hi is not None and span.to_lo is not None and span.from_hi <= span.to_lo
    after = _instant(span.from_lo, "an unknown time")
    until = _instant(span.to_hi, "not seen gone")
    if not surely:
        return f"between {after} and {until}"
    seen = f"seen {_instant(span.from_hi)} to {_instant(span.to_lo)}"
    if span.from_lo == span.from_hi and span.to_lo == span.to_hi:
        return seen
    return f"{seen} (came after {after}; {until if span.to_hi is None else 'gone by ' + until})"


def _bare(key: str) -> str:
    """The name of an entity key, as people call it."""
    return key.partition(":")[2] or key


def _numbers(entries: Iterable[int], most: int = 12) -> str:
    listed = list(entries)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(map(str, listed[:most])) + more
