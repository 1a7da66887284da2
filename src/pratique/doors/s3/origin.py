"""Where a client reached this door, for addresses that an answer must spell out."""

from __future__ import annotations

import re
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.doors.s3.auth import Asked

_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)


class Origin:
    """Scheme and host, as the client said them. Who lies about its host gets its own lie back."""

    def __init__(self, trusted_proxies: frozenset[str]) -> None:
        self._trusted = trusted_proxies

    def of(self, asked: Asked) -> str:
        """Such as `https://s3.example:8421`. Raises: S3Error (InvalidRequest) for a host that is none."""
        host = asked.headers.get("host", "")
        if _HOST.fullmatch(host) is None:
            raise S3Error(Code.INVALID_REQUEST, "the Host header names no host")
        forwarded = asked.headers.get("x-forwarded-proto", "").strip().lower()
        behind = asked.request.remote in self._trusted and forwarded == "https"
        return f"{'https' if behind or asked.request.secure else 'http'}://{host}"
