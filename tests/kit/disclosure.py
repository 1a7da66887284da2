"""A small house of custody whose ledger tells everything: datasets, leases, objects, versions, reads."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.entries import dataset_entry, lease_entry, object_entry, version_entry
from pratique.custody.manifest import content_of
from pratique.custody.model import Copy, Lease, StoredObject
from pratique.custody.ports import Version
from pratique.doors.cli import cli
from pratique.ledger.entries import Draft
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

LARGE = secrets.token_bytes(3_000_000)
SMALL = secrets.token_bytes(70_000)


@dataclass(kw_only=True)
class House:
    """What a test works with; every act is in the ledger as the commands would write it."""

    made: Custodian
    objects: dict[str, StoredObject] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.made.settings.home

    def record(self, *drafts: Draft) -> None:
        with closing(open_log(self.made.settings)) as log:
            log.append(drafts, now=now_utc())

    def dataset(self, name: str, client: str, **contents: bytes) -> None:
        self.made.dataset(name, client=client)
        dataset = self.made.state.dataset(name)
        assert dataset is not None
        drafts = [dataset_entry(dataset, actor="operator:olga")]
        for key, data in contents.items():
            stored = self.objects[key] = self.made.put(key, data, dataset=name)
            drafts.append(object_entry(stored, reason="registered", actor="operator:olga"))
        objects = self.made.state.objects(name)
        content = content_of(objects)
        version = Version(
            dataset=name,
            number=1,
            root=content.root,
            objects=content.objects,
            bytes=content.bytes,
            sealed_at=now_utc(),
        )
        self.made.state.seal_version(version)
        drafts.append(version_entry(version, source="folder", actor="operator:olga"))
        self.record(*drafts)

    def grant(self, **changes: Any) -> tuple[Lease, str]:
        lease, secret = self.made.grant(**changes)
        self.record(lease_entry(lease, actor="operator:olga"))
        return lease, secret

    def run(self, *words: str) -> Result:
        """A command, in this process."""
        return CliRunner().invoke(cli, [*words, "--home", str(self.home)])


@contextmanager
def house(home: Path) -> Iterator[House]:
    """Two clients: `dialogs` of meta, `corpus` of lab."""
    with custodian(home) as made:
        found = House(made=made)
        found.dataset("dialogs", "meta", large=LARGE, small=SMALL, empty=b"")
        found.dataset("corpus", "globex", theirs=SMALL)
        yield found


@asynccontextmanager
async def reading(found: House) -> AsyncIterator[Callable[..., Any]]:
    """The door is open: `await get(lease, secret, key, range)`; afterwards it has ended in order."""
    async with s3_door(found.made.settings) as serving:

        async def get(
            granted: tuple[Lease, str], key: str, span: str = "", *, dataset: str = "dialogs"
        ) -> bytes:
            s3 = boto(serving.url, *granted)
            more = {"Range": f"bytes={span}"} if span else {}

            def work() -> bytes:
                body: bytes = s3.get_object(Bucket=dataset, Key=key, **more)["Body"].read()
                return body

            return await asyncio.to_thread(work)

        yield get


def canonical(found: House, **changes: Any) -> tuple[Lease, str]:
    """A lease for a delivery."""
    return found.grant(copy=Copy.CANONICAL, purpose="delivery", **changes)
