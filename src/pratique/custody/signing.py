"""Signing a GET as a holder does: for drills, which come to the door like everybody else."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from pratique.custody.sigv4 import day_key
from pratique.custody.sigv4_canonical import canonical_headers, canonical_path, canonical_query
from pratique.values.instants import Instant

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_NOTHING: Final = sha256(b"").hexdigest()


def signed_get(
    path: str,
    *,
    host: str,
    access_key: str,
    secret: str,
    region: str,
    now: Instant,
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Headers, names in lower case, of a GET that the lease's secret has signed.

    Shape: `path` and `query` as they will stand in the request line; all of `headers` are signed.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    date = stamp[:8]
    sent = {
        **(headers or {}),
        "host": host,
        "x-amz-content-sha256": _NOTHING,
        "x-amz-date": stamp,
    }
    names = tuple(sorted(sent))
    signed = ";".join(names)
    canonical = (
        f"GET\n{canonical_path(path)}\n{canonical_query(query)}\n"
        f"{canonical_headers(sent, names)}\n{signed}\n{_NOTHING}"
    )
    scope = f"{date}/{region}/s3/aws4_request"
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = day_key(secret, date=date, region=region, service="s3")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{access_key}/{scope}"
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}"
    )
    return sent
