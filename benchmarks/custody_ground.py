"""What the benchmarks of custody stand on: a home with a broker, data and leases, and real doors."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

from harness import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from kit.s3_door import Custodian
from pratique.custody.model import Lease
from pratique.custody.signing import signed_get
from pratique.doors.cli.up_processes import beside
from pratique.doors.s3.serving import bind_s3, serve_s3, url_of
from pratique.doors.serving import wait_for_stop
from pratique.drill.streams import Target
from pratique.edge.custody.broker_admin import broker_running
from pratique.edge.memory import settle_allocator, settle_collector
from pratique.settings import CustodySettings, DoorSettings, Settings, StorageSettings
from pratique.store.custody import open_custody
from pratique.values.instants import now_utc

BUCKET = "dialogs"
KIB, MIB = 1 << 10, 1 << 20
REGION = "us-east-1"


@contextlib.contextmanager
def ground(
    home: Path, *, tls: bool = False, workers: int = 1, database_url: str = ""
) -> Iterator[Custodian]:
    """A home with its broker and one dataset. The velocity rule is off: its floor would end a run."""
    home.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        home=home,
        door=DoorSettings(tls_certificate="auto" if tls else ""),
        storage=StorageSettings(database_url=database_url),
        custody=CustodySettings(s3_listen="127.0.0.1:0", s3_workers=workers, velocity_factor=0.0),
    )
    # No command of a benchmark may be slowed by a cap of the broker's that nothing here is about.
    options = home / "broker" / "broker.toml"
    options.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options.write_text("[caps]\nparts_per_hour = 1000000\nall_parts_per_hour = 1000000\n", "utf-8")
    options.chmod(0o600)
    with broker_running(settings) as admin, closing(open_custody(settings)) as state:
        made = Custodian(settings=settings, state=state, admin=admin)
        made.dataset(BUCKET)
        yield made


@contextlib.contextmanager
def door(settings: Settings) -> Iterator[str]:
    """The S3 door in processes of its own, as `pratique up` starts it; gives its endpoint."""
    with beside(settings, verbose=False) as found:
        assert found.s3_url is not None
        yield found.s3_url


class Node:
    """One process of the door with an address of its own, which may be killed and comes back."""

    def __init__(
        self, settings: Settings, serve: Callable[[Settings, socket.socket], None] | None = None
    ) -> None:
        self.settings = settings
        self._serve = serve or _serve_node
        self.bound: socket.socket = bind_s3(settings)
        self.url = url_of(settings, self.bound)
        self.kills = 0
        self.process = self._started()

    def _started(self) -> BaseProcess:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=self._serve, args=(self.settings, self.bound), daemon=True)
        process.start()
        return process

    def kill(self) -> None:
        """SIGKILL, and another process at the same address."""
        self.process.kill()
        self.process.join()
        self.kills += 1
        self.process = self._started()

    def close(self) -> None:
        self.process.terminate()
        self.process.join(20)
        self.process.kill()
        self.bound.close()


def _serve_node(settings: Settings, bound: socket.socket) -> None:
    async def serve() -> None:
        settle_allocator()
        async with serve_s3(settings, bound):
            settle_collector()
            await wait_for_stop(asyncio.Event())

    asyncio.run(serve())


def target(url: str, key: str, lease: Lease, secret: str) -> Target:
    return Target(
        url=url,
        path=f"/{BUCKET}/{key}",
        access_key=lease.id,
        secret=secret,
        region=REGION,
        tls=None,
    )


def signed(url: str, key: str, lease: Lease, secret: str, span: str = "") -> Mapping[str, str]:
    """Headers of a GET, signed now; good for a quarter of an hour."""
    return signed_get(
        f"/{BUCKET}/{key}",
        host=url.partition("://")[2],
        access_key=lease.id,
        secret=secret,
        region=REGION,
        now=now_utc(),
        headers={"range": span} if span else None,
    )


def noise(size: int) -> bytes:
    return secrets.token_bytes(size)
