"""What the benchmarks of custody stand on: a home with a broker, data and leases, and real doors."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from harness import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from kit.s3_door import Custodian, custodian
from pratique.custody.model import Lease
from pratique.custody.signing import signed_get
from pratique.doors.cli.up_processes import beside
from pratique.drill.streams import Target
from pratique.settings import Settings
from pratique.values.instants import now_utc

BUCKET = "dialogs"
MIB = 1 << 20
REGION = "us-east-1"


@contextlib.contextmanager
def ground(folder: Path, *, tls: bool = False, workers: int = 1, storage: Any = None) -> Iterator[Custodian]:  # fmt: skip
    """A home with its broker and one dataset. The velocity rule is off: its floor would end a run."""
    folder.mkdir(parents=True, exist_ok=True)
    with custodian(folder, s3_workers=workers, velocity_factor=0.0) as made:
        changes: dict[str, Any] = {}
        if tls:
            changes["door"] = msgspec.structs.replace(made.settings.door, tls_certificate="auto")
        if storage is not None:
            changes["storage"] = storage
        made.settings = msgspec.structs.replace(made.settings, **changes)
        made.dataset(BUCKET)
        yield made


@contextlib.contextmanager
def door(settings: Settings) -> Iterator[str]:
    """The S3 door in processes of its own, as `pratique up` starts it; gives its endpoint."""
    with beside(settings, verbose=False) as found:
        assert found.s3_url is not None
        yield found.s3_url


def target(url: str, key: str, lease: Lease, secret: str) -> Target:
    return Target(
        url=url, path=f"/{BUCKET}/{key}", access_key=lease.id, secret=secret, region=REGION, tls=None
    )  # fmt: skip


def signed(url: str, key: str, lease: Lease, secret: str, span: str = "") -> Mapping[str, str]:
    """Headers of a GET, signed now; good for a quarter of an hour."""
    headers = {"range": span} if span else None
    return signed_get(
        f"/{BUCKET}/{key}", host=url.partition("://")[2], access_key=lease.id, secret=secret,
        region=REGION, now=now_utc(), headers=headers,
    )  # fmt: skip


def noise(size: int) -> bytes:
    return secrets.token_bytes(size)
