"""Presigned URLs that the door makes itself, with a lease's day key: good for one object and a few minutes.

Whoever has one reads as the lease does: charged, recorded, cut when the lease is stopped.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from pratique.custody.model import LeaseId
from pratique.custody.sigv4 import ALGORITHM, Payload
from pratique.values.instants import Instant

_UNRESERVED: Final = "-._~"


def presign_get(
    origin: str,
    bucket: str,
    key: str,
    *,
    lease: LeaseId,
    region: str,
    signing_key: bytes,
    at: Instant,
    seconds: int,
) -> str:
    """A path-style URL that reads one object.

    Shape: `origin` is scheme and host; `signing_key` is of the day of `at`.
    """
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    host = origin.partition("://")[2]
    path = f"/{bucket}/{quote(key, safe='/' + _UNRESERVED)}"
    query = "&".join(
        f"{name}={quote(value, safe=_UNRESERVED)}"
        for name, value in (
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", f"{lease}/{scope}"),
            ("X-Amz-Date", stamp),
            ("X-Amz-Expires", str(seconds)),
            ("X-Amz-SignedHeaders", "host"),
        )
    )
    canonical = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\n{Payload.UNSIGNED.value}"
    signed = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(signing_key, signed.encode(), "sha256").hex()
    return f"{origin}{path}?{query}&X-Amz-Signature={signature}"
