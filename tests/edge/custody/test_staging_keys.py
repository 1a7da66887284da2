"""Keys of uploads in parts: for their lease and upload only, and for nothing that is an object."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.broker import RunningBroker, an_ask, live_lease, new_object, running
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import ScopeId, Verb

ALL = frozenset(Verb)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    with running(tmp_path_factory.mktemp("home")) as broker:
        broker.make_keys()
        yield broker


async def test_a_staging_key_opens_for_its_lease_and_upload_only(broker: RunningBroker) -> None:
    mine = broker.certified(live_lease(client="lab", selectors=("corpus", "images"), verbs=ALL))
    other = broker.certified(live_lease(client="lab", selectors=("corpus",), verbs=ALL))
    reader = broker.certified(
        live_lease(client="lab", selectors=("corpus",), verbs=frozenset({Verb.READ}))
    )
    upload = new_object()
    async with broker.client() as client:
        key, wrapped = await client.staging_key(mine, upload, dataset="corpus")
        again = await client.staging_key(mine, upload, dataset="corpus", wrapped=wrapped)
        assert again == (key, wrapped)
        fresh, _ = await client.staging_key(mine, upload, dataset="corpus")
        assert fresh != key
        for certificate, name, dataset, data in (
            (other, upload, "corpus", wrapped),
            (mine, new_object(), "corpus", wrapped),
            (mine, upload, "images", wrapped),
            (mine, upload, "corpus", wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
            (mine, upload, "corpus", b"short"),
            (mine, "../x", "corpus", b""),
            (reader, upload, "corpus", b""),
            (mine, upload, "elsewhere", b""),
        ):
            with pytest.raises(BrokerRefusedError):
                await client.staging_key(certificate, name, dataset=dataset, wrapped=data)


async def test_no_object_opens_as_an_upload_or_the_other_way(broker: RunningBroker) -> None:
    lease = live_lease(client="lab", selectors=("corpus",), verbs=ALL)
    certificate, name = broker.certified(lease), new_object()
    async with broker.client() as client:
        _, of_object = await client.new_object_key(certificate, name, dataset="corpus")
        with pytest.raises(BrokerRefusedError):
            await client.staging_key(certificate, name, dataset="corpus", wrapped=of_object)
        _, of_upload = await client.staging_key(certificate, name, dataset="corpus")
        with pytest.raises(BrokerRefusedError):
            await client.part_keys(certificate, [an_ask(of_upload, name)])


async def test_a_suspension_stops_staging(broker: RunningBroker) -> None:
    lease = live_lease(client="lab", vendor="late", selectors=("corpus",), verbs=ALL)
    certificate = broker.certified(lease)
    async with broker.client() as client:
        await client.staging_key(certificate, new_object(), dataset="corpus")
        with broker.admin() as admin:
            admin.suspend(ScopeId("vendor:late"), reason="break-in", incident="INC-1")
        with pytest.raises(BrokerRefusedError):
            await client.staging_key(certificate, new_object(), dataset="corpus")
