"""The answer as one static page: for a lawyer, an auditor, a client.

No script, no style or picture from elsewhere, nothing to click that leads out of the page; it prints
on paper. Whatever stands in it comes from the answer beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import jinja2

from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import IncidentAnswer, Times
from pratique.values.instants import Instant, render_instant
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


def render_page(answer: IncidentAnswer, *, scope: str = "", says: Sequence[str] = ()) -> bytes:
    """Write the page as UTF-8. `scope` is the client that it is for; `says` what it must know."""
    text = _template().render(
        answer=answer,
        scope=scope,
        says=says,
        counts=[(word.value, getattr(answer.counts, word.value)) for word in Certainty],
        meanings=MEANINGS,
        looked_for=_looked_for(answer),
        shown=SIGHTINGS_SHOWN,
        reach=[
            ("Credentials that may have been stolen", answer.reach.identities),
            ("Data that they open", answer.reach.datasets),
            ("Clients whose data it is", answer.reach.clients),
            ("People whose data it is", answer.reach.people),
            ("Vendors concerned", answer.reach.vendors),
        ],
    )
    return text.encode()


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pratique.exposure.bundle"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(instant=_instant, times=_times, bare=_bare, numbers=_numbers)
    return environment.get_template("answer.html")


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
    return f"{render_instant(moment)[:19].replace('T', ' ')} UTC"


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
