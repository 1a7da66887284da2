"""Refusals in the shapes that clients show to people.

pip shows the reason phrase, uv the `detail` of problem+json, Poetry the phrase; so both say the
same sentence (measured; see docs/explain/index-door.md, "What a person sees").
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from pratique.policy.model import Decision, Outcome
from pratique.values.instants import render_instant

_PHRASE_CHARACTERS = 240
"""Longest reason phrase; pip and uv print all of it, proxies accept it."""


def reason_line(decision: Decision, block_url: str) -> str:
    """One ASCII line: what is refused, why, and where to read more."""
    verb = {Outcome.HOLD: "held", Outcome.DENY: "denied"}.get(decision.outcome, "refused")
    line = f"Pratique {verb}: {decision.reason}"
    if block_url:
        line += f" - {block_url}"
    return ascii_line(line, _PHRASE_CHARACTERS)


def ascii_line(text: str, limit: int) -> str:
    """Printable ASCII without line breaks: safe in a status line, a header and a terminal."""
    if text.isascii() and text.isprintable():
        cleaned = text
    else:
        cleaned = "".join(c if " " <= c <= "~" else "?" for c in text)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def problem(
    status: int,
    reason: str,
    *,
    title: str = "",
    headers: dict[str, str] | None = None,
    **members: object,
) -> web.Response:
    """An `application/problem+json` answer whose status line carries the reason too.

    Source: RFC 9457 sections 3 and 3.2; RFC 9112 section 4 (reason phrase).
    """
    phrase = ascii_line(reason, _PHRASE_CHARACTERS) or HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": phrase,
        **members,
    }
    return web.Response(
        status=status,
        reason=phrase,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def refusal(decision: Decision, block_url: str) -> web.Response:
    """403 for a file that policy does not let through; never a 5xx, never a redirect."""
    return problem(
        403,
        reason_line(decision, block_url),
        title="Blocked",
        outcome=decision.outcome.value,
        rule=decision.rule,
        until=render_instant(decision.until) if decision.until else None,
        block=block_url or None,
        evidence=list(decision.evidence),
    )
