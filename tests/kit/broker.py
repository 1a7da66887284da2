"""A real broker in a process of its own, with leases that it certified."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kit.leases import a_lease
from pratique.custody.certificate import terms_of
from pratique.custody.envelope import SALT_BYTES
from pratique.custody.model import Lease, LeaseId, ObjectId
from pratique.custody.ports import PartAsk
from pratique.edge.custody.broker.places import (
    ADMIN_SOCKET,
    GATEWAY_SOCKET,
    broker_folder,
)
from pratique.edge.custody.broker_admin import BrokerAdmin
from pratique.edge.custody.broker_client import BrokerClient
from pratique.values.instants import now_utc

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class RunningBroker:
    """The process, its sockets, and the shortest ways to what tests ask it."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, broker_folder(home)
        self.place = self.folder
        self.process: subprocess.Popen[bytes] | None = None
        self.stderr = b""

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "pratique.edge.custody.broker", str(self.folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.admin().close()
            except OSError:
                assert self.process.poll() is None, self.stop()
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the broker does not start")

    def stop(self, number: int = signal.SIGTERM) -> bytes:
        if self.process is not None:
            self.process.send_signal(number)
            _, said = self.process.communicate(timeout=20)
            self.stderr += said
            self.process = None
        return self.stderr

    def admin(self) -> BrokerAdmin:
        return BrokerAdmin(self.place / ADMIN_SOCKET)

    def client(self, **options: Any) -> BrokerClient:
        return BrokerClient(self.place / GATEWAY_SOCKET, **options)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def make_keys(self, client: str = "lab", *datasets: str) -> None:
        with self.admin() as admin:
            admin.make_client(client)
            for dataset in datasets or ("corpus", "images"):
                admin.make_dataset(dataset, client)

    def certified(self, lease: Lease) -> bytes:
        with self.admin() as admin:
            return admin.certify(terms_of(lease))[0]


def live_lease(**terms: Any) -> Lease:
    """A lease with an id of its own that holds now."""
    now = now_utc()
    lease_id = LeaseId("PQL" + "".join(secrets.choice(ALPHABET) for _ in range(17)))
    lease = a_lease(
        id=lease_id, granted_at=now, not_before=now - timedelta(minutes=1),
        not_after=now + timedelta(hours=1),
    )  # fmt: skip
    return replace(lease, **terms)


def an_ask(wrapped: bytes, object_id: ObjectId, part: int = 0, variant: int = 0) -> PartAsk:
    return PartAsk(
        object=object_id, wrapped_key=wrapped, part=part, variant=variant, salt=bytes(SALT_BYTES)
    )


def new_object() -> ObjectId:
    return ObjectId(secrets.token_hex(16))


@contextmanager
def running(home: Path, options: str = "", place: Path | None = None) -> Iterator[RunningBroker]:
    broker = RunningBroker(home)
    broker.place = place or broker.folder
    if options:
        broker.folder.mkdir(mode=0o700, parents=True)
        fd = os.open(broker.folder / "broker.toml", os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(options)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
