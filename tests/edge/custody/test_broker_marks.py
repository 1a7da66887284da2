"""The broker's answers about marks: one codeword everywhere, commitments that open, and to whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.s3_door import Custodian, custodian
from pratique.custody.codewords import pack_bits, unpack_bits
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Copy, Lease, Verb
from pratique.edge.custody.broker.places import GATEWAY_SOCKET, broker_folder
from pratique.edge.custody.broker_client import BrokerClient


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Custodian]:
    with custodian(tmp_path) as opened:
        opened.dataset()
        yield opened


async def _asked(keeper: Custodian, lease: Lease, count: int) -> tuple[bytes, str]:
    socket = broker_folder(keeper.settings.home) / GATEWAY_SOCKET
    async with BrokerClient(socket) as client:
        bits = await client.mark_bits(lease.certificate, "dialogs", count)
        return bits, await client.mark_commitment(lease.certificate, "dialogs", count)


async def test_a_commitment_opens_to_the_codeword_that_was_served(keeper: Custodian) -> None:
    lease, _ = keeper.grant()
    bits, told = await _asked(keeper, lease, 1001)
    opening = keeper.admin.reveal("dialogs", lease.id, 1001)
    assert opening.codeword == bits
    assert hashlib.sha256(opening.salt + opening.codeword).hexdigest() == told
    assert keeper.admin.commitment("dialogs", lease.id, 1001).codeword == told
    positions = (3, 500, 1000)
    _, (some,) = keeper.admin.codewords("dialogs", [lease.id], positions)
    every = unpack_bits(bits, 1001)
    assert some == pack_bits(bytes(every[one] for one in positions))
    other, _ = keeper.grant()
    assert (await _asked(keeper, other, 1001))[0] != bits


async def test_a_longer_codeword_begins_like_the_shorter_one(keeper: Custodian) -> None:
    lease, _ = keeper.grant()
    short, first = await _asked(keeper, lease, 80)
    long, second = await _asked(keeper, lease, 160)
    assert long[:10] == short
    assert first != second


@pytest.mark.parametrize(
    "changes",
    [
        {"copy": Copy.CANONICAL},
        {"verbs": frozenset({Verb.WRITE})},
        {"selectors": ("other",)},
    ],
)
async def test_leases_without_marks_get_none(keeper: Custodian, changes: dict[str, object]) -> None:
    lease, _ = keeper.grant(**changes)
    with pytest.raises(BrokerRefusedError):
        await _asked(keeper, lease, 10)


async def test_too_many_marks_are_refused(keeper: Custodian) -> None:
    lease, _ = keeper.grant()
    with pytest.raises(BrokerRefusedError):
        await _asked(keeper, lease, 1_000_001)
    with pytest.raises(BrokerRefusedError):
        keeper.admin.reveal("dialogs", lease.id, 1_000_001)
