"""Which web pages may read answers: CORS for the origins that settings name, and for no others.

A labelling tool's page loads media by presigned URLs from the door, which is another origin; its browser
hands the bytes to the page only if the door says so. Cookies play no part: a presigned URL is all the proof.
Source: Fetch standard, "HTTP CORS protocol".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from pratique.errors import SettingsError

_ORIGIN: Final = re.compile(
    r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?"
)
_METHODS: Final = "GET, HEAD, PUT"
_READABLE: Final = "ETag, Content-Range, Content-Length, x-amz-request-id"
_KEPT_SECONDS: Final = 600
"""How long a browser need not ask again before a request that is not a simple one."""


class Origins:
    """The origins that settings name."""

    def __init__(self, named: Iterable[str]) -> None:
        """Raises: SettingsError when one is no origin; `*` is none, so that every page is a decision."""
        self._named = frozenset(named)
        for one in self._named:
            if _ORIGIN.fullmatch(one) is None:
                raise SettingsError(
                    f"[custody] s3_origins: not an origin: {one[:80]!r}",
                    expected="scheme, host and port as browsers send them, such as https://labels.example",
                )

    def headers(self, asked: Mapping[str, str]) -> dict[str, str]:
        """What an answer to this request says besides; `asked` has lower-case names."""
        if not self._named:
            return {}
        origin = asked.get("origin", "")
        if origin not in self._named:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _READABLE,
        }

    def preflight(self, asked: Mapping[str, str]) -> web.Response | None:
        """The answer to the question that a browser asks first; None where it is refused as any other."""
        if asked.get("origin", "") not in self._named:
            return None
        wanted = asked.get("access-control-request-headers", "")
        return web.Response(
            status=204,
            headers=self.headers(asked)
            | {
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": wanted if wanted.isprintable() else "",
                "Access-Control-Max-Age": str(_KEPT_SECONDS),
            },
        )
