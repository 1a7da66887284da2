"""The audit as one static page: for reading, and for paper.

No script, nothing from elsewhere. Whatever stands in it comes from `audit.json` beside it; a reader of the
pack renders it again and compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import jinja2

from pratique.custody.sizes import human_bytes
from pratique.parties.audit.model import Audit
from pratique.parties.audit.words import proven, span_words
from pratique.parties.model import Finding, FindingState
from pratique.values.counting import counted
from pratique.values.instants import Instant, render_second
from pratique.values.plain_text import printable

ROWS_SHOWN: Final = 200
"""Of one table; audit.json has all."""
_ORDER: Final = {"critical": 0, "high": 1, "medium": 2, "low": 3}


def render_page(audit: Audit) -> bytes:
    """Write the page as UTF-8."""
    told = audit.told
    leases = sorted(audit.leases, key=lambda one: (-one.bytes, one.entry))
    text = _template().render(
        audit=audit,
        told=told,
        party=told.party,
        title=(told.party.title if told.party is not None else "") or audit.name,
        span=span_words(audit.start, audit.end),
        in_short=_in_short(audit),
        says=proven(audit),
        findings=_by_weight(told.findings),
        leases=leases,
        shown=ROWS_SHOWN,
        standing=[one for one in told.suspensions if one.lifted_at is None],
    )
    return text.encode("utf-8", "backslashreplace")


def _by_weight(findings: Sequence[Finding]) -> list[Finding]:
    """What stands first, the heaviest first."""
    return sorted(
        findings,
        key=lambda one: (
            one.state is FindingState.CLOSED,
            _ORDER.get(one.found.severity.value, 9),
            one.found.rule,
            one.id,
        ),
    )


def _in_short(audit: Audit) -> list[str]:
    told, totals = audit.told, audit.totals
    standing = [one for one in told.suspensions if one.lifted_at is None]
    found = []
    if standing:
        found.append(f"Suspended since {_instant(standing[0].at)}.")
    living = [one for one in told.findings if one.state is FindingState.OPEN]
    checked = [one for one in living if not one.found.unknown]
    found.append(f"Open findings: {len(checked):,}, and {len(living) - len(checked):,} unknown.")
    found.append(
        f"{human_bytes(totals.bytes)} of {totals.objects:,} objects were disclosed under"
        f" {counted(totals.leases, 'lease')} in {counted(totals.reads, 'read')};"
        f" {counted(totals.refused, 'request was', 'requests were')} refused."
    )
    if told.drills:
        last = told.drills[-1]
        found.append(
            f"Last suspension drill {_instant(last.at)}: last byte {last.p99_ms} ms (p99)."
        )
    else:
        found.append("No suspension drill was recorded.")
    return found


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pratique.parties.audit"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(instant=_instant, size=human_bytes, number=_number)
    return environment.get_template("audit.html")


def _plain(value: object) -> object:
    """Foreign text without what is not seen: a mark that turns letters around changes a name."""
    text = str(value)
    return value if text.isprintable() else printable(text)


def _number(value: int) -> str:
    return f"{value:,}"


def _instant(moment: Instant | None, none: str = "not given") -> str:
    return none if moment is None else render_second(moment)
