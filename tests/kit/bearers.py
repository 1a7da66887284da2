"""Bearer tokens of leases, as `pratique lease grant --as` makes them."""

from __future__ import annotations

from datetime import datetime

from pratique.custody.bearer import Surface, render_bearer
from pratique.custody.model import Lease
from pratique.custody.sigv4 import day_key
from pratique.values.instants import now_utc


def bearer(surface: Surface, lease: Lease, secret: str, *, at: datetime | None = None) -> str:
    date = f"{at or now_utc():%Y%m%d}"
    key = day_key(secret, date=date, region="us-east-1", service="s3")
    return render_bearer(surface, lease.id, key=key, date=date)
