"""The broker as doors and operators meet it: a process of its own, asked over its sockets."""

from __future__ import annotations

import asyncio
import hmac
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Awaitable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from kit.broker import RunningBroker, an_ask, live_lease, new_object, running
from pratique.custody.certificate import certify, read_certificate, terms_of
from pratique.custody.codewords import unpack_bits
from pratique.custody.envelope import derive_part_key, part_aad
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Copy, ScopeId, Verb
from pratique.custody.ports import WriteAsk
from pratique.edge.custody.broker.frames import Certified, Mint
from pratique.edge.custody.broker_admin import broker_running, running_broker
from pratique.errors import UnavailableError
from pratique.settings import load_settings
from pratique.values.instants import now_utc


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """For tests that change nothing that others look at."""
    with running(tmp_path_factory.mktemp("home")) as broker:
        broker.make_keys()
        broker.make_keys("other", "private")
        yield broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    with running(tmp_path) as broker:
        broker.make_keys()
        yield broker


def today() -> str:
    return f"{now_utc():%Y%m%d}"


async def test_an_object_is_written_and_read_with_keys_of_the_broker(shared: RunningBroker) -> None:
    lease = live_lease(verbs=frozenset(Verb))
    certificate, object_id = shared.certified(lease), new_object()
    async with shared.client() as client:
        key, wrapped = await client.new_object_key(certificate, object_id, dataset="corpus")
        asks = [an_ask(wrapped, object_id, part, variant) for part in (0, 7) for variant in (0, 1)]
        keys = await client.part_keys(certificate, asks)
        assert keys == [
            derive_part_key(key, ask.salt, part_aad(object_id, ask.part, ask.variant))
            for ask in asks
        ]
        # Without the object's key at hand, with salts that the broker chose.
        write = WriteAsk(object=object_id, wrapped_key=wrapped, part=3, variant=0)
        pairs = await client.write_keys(certificate, [write, write])
        assert pairs[0][0] != pairs[1][0]
        for salt, part_key in pairs:
            assert part_key == derive_part_key(key, salt, part_aad(object_id, 3, 0))


async def test_the_signing_key_is_the_secret_s(shared: RunningBroker) -> None:
    lease = live_lease()
    with shared.admin() as admin:
        certificate, secret = admin.certify(terms_of(lease))
    assert len(secret) == 40
    key = b"AWS4" + secret.encode()
    for step in (today(), "eu-central-1", "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    async with shared.client() as client:
        assert await client.signing_key(certificate, date=today(), region="eu-central-1") == key


async def refused(call: Awaitable[object], *reasons: str) -> BrokerRefusedError:
    with pytest.raises(BrokerRefusedError) as raised:
        await call
    assert raised.value.reason in reasons, raised.value
    return raised.value


async def test_certificates_of_others_and_changed_ones_give_nothing(shared: RunningBroker) -> None:
    good = shared.certified(live_lease())
    terms = read_certificate(good)
    forged = certify(terms, key=bytes(32))
    bent = good[:-1] + bytes([good[-1] ^ 1])
    async with shared.client() as client:
        await client.signing_key(good, date=today(), region="r")
        for bad in (forged, bent, b"", good[:40], b"PQR1" + good[4:]):
            await refused(client.signing_key(bad, date=today(), region="r"), "certificate")


async def test_leases_end_and_begin(shared: RunningBroker) -> None:
    now = now_utc()
    late = live_lease(not_before=now + timedelta(minutes=5))
    over = live_lease(
        not_before=now - timedelta(hours=2), not_after=now - timedelta(milliseconds=1)
    )
    async with shared.client() as client:
        for lease in (late, over):
            call = client.signing_key(shared.certified(lease), date=today(), region="r")
            await refused(call, "certificate")
        good = shared.certified(live_lease())
        await refused(client.signing_key(good, date="20991231", region="r"), "request")
        for days, known in ((-9, False), (-7, True), (0, True), (2, False)):
            call = client.signing_key(good, date=f"{now + timedelta(days):%Y%m%d}", region="r")
            if known:
                assert len(await call) == 32  # a presigned URL may be a week old
            else:
                await refused(call, "request")
        await refused(client.signing_key(good, date=today(), region="R\n"), "request")


async def test_terms_bound_what_is_asked(shared: RunningBroker) -> None:
    writer = shared.certified(live_lease(verbs=frozenset({Verb.WRITE}), selectors=("corpus",)))
    reader = shared.certified(live_lease(copy=Copy.CANONICAL, selectors=("corpus",)))
    object_id = new_object()
    with shared.admin() as admin:
        elsewhere = {
            name: admin.new_object_key(name, object_id)[1] for name in ("images", "private")
        }
    async with shared.client() as client:
        _, wrapped = await client.new_object_key(writer, object_id, dataset="corpus")
        await client.part_keys(reader, [an_ask(wrapped, object_id)])
        await refused(client.part_keys(writer, [an_ask(wrapped, object_id)]), "certificate")
        await refused(client.new_object_key(reader, object_id, dataset="corpus"), "certificate")
        await refused(client.new_object_key(writer, object_id, dataset="images"), "certificate")
        await refused(
            client.part_keys(reader, [an_ask(wrapped, object_id, variant=1)]), "certificate"
        )
        await refused(client.mark_bits(reader, "corpus", 8), "request")
        for foreign in elsewhere.values():
            await refused(client.part_keys(reader, [an_ask(foreign, object_id)]), "certificate")
        await refused(client.part_keys(reader, [an_ask(wrapped, new_object())]), "key")
        await refused(client.part_keys(reader, []), "request")


def test_no_lease_over_the_data_of_two_clients(shared: RunningBroker) -> None:
    with pytest.raises(BrokerRefusedError, match="not the data of client"):
        shared.certified(live_lease(selectors=("corpus", "private")))


async def test_suspended_scopes_get_nothing_and_stay_suspended(broker: RunningBroker) -> None:
    lease = live_lease(verbs=frozenset(Verb))
    certificate, object_id = broker.certified(lease), new_object()
    async with broker.client() as client:
        _, wrapped = await client.new_object_key(certificate, object_id, dataset="corpus")
        for scope in (*lease.scopes, ScopeId("dataset:corpus")):
            with broker.admin() as admin:
                admin.suspend(scope, reason="poisoned release", incident="INC-42")
            broker.stop(signal.SIGKILL)
            broker.start()
            error = await refused(
                client.part_keys(certificate, [an_ask(wrapped, object_id)]), "suspended"
            )
            assert error.scope == scope
            assert "poisoned release, INC-42" in error.message
            with broker.admin() as admin:
                assert admin.resume(scope)
                assert not admin.resume(scope)
            await client.part_keys(certificate, [an_ask(wrapped, object_id)])


async def test_marks(shared: RunningBroker) -> None:
    lease = live_lease()
    certificate = shared.certified(lease)
    async with shared.client() as client:
        word = await client.mark_bits(certificate, "corpus", 1000)
        longer = await client.mark_bits(certificate, "corpus", 20_000)
    with shared.admin() as admin:
        biases, bits = admin.codewords("corpus", [lease.id, "PQLOTHER"], [999, 0, 5])
        one, two = (admin.commitment("corpus", lease.id, count) for count in (1000, 500))
    whole = unpack_bits(word, 1000)
    assert longer.startswith(word)
    assert unpack_bits(bits[0], 3) == bytes((whole[999], whole[0], whole[5]))
    assert len(biases) == 3
    assert one.key == two.key
    assert one.codeword != two.codeword


async def test_leases_of_a_role(shared: RunningBroker) -> None:
    role = live_lease(verbs=frozenset(Verb))
    with shared.admin() as admin:
        certificate = admin.certify_role(terms_of(role))
        admin.certify(terms_of(live_lease()))
    until = terms_of(role).until_us
    async with shared.client() as client:
        await refused(client.signing_key(certificate, date=today(), region="r"), "certificate")
        made, secret = await client.mint(certificate, holder="ci", until_us=until)
        assert read_certificate(made).holder == "ci"
        assert read_certificate(made).budget_bytes == role.budget_bytes
        assert len(secret) == 40
        await client.signing_key(made, date=today(), region="r")
        longer = client.mint(certificate, holder="ci", until_us=until + 1)
        await refused(longer, "certificate")
        lease = shared.certified(live_lease())
        minted = client.mint(lease, holder="x", until_us=until)
        await refused(minted, "certificate")


async def test_no_gateway_is_told_the_secret_of_a_lease_that_is_there(
    shared: RunningBroker,
) -> None:
    """Secrets follow from ids, so an id that a gateway chose would be somebody's."""
    role, victim = live_lease(verbs=frozenset(Verb)), live_lease()
    with shared.admin() as admin:
        certificate = admin.certify_role(terms_of(role))
        _, secret = admin.certify(terms_of(victim))
    until = terms_of(role).until_us
    async with shared.client() as client:
        for ask in (Mint("ci", until), _NamedMint(victim.id, "ci", until)):
            call = client._call("mint", certificate, ask, Certified)  # an owned door's own words
            try:
                made = await call
            except BrokerRefusedError:
                continue
            assert made.secret != secret
            assert read_certificate(made.certificate).lease not in {victim.id, role.id}


class _NamedMint(msgspec.Struct, array_like=True):
    lease: str
    holder: str
    until_us: int


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


async def test_rotation_changes_nothing_for_readers(broker: RunningBroker) -> None:
    certificate, object_id = broker.certified(live_lease(verbs=frozenset(Verb))), new_object()
    async with broker.client() as client:
        _, wrapped = await client.new_object_key(certificate, object_id, dataset="corpus")
        before = await client.part_keys(certificate, [an_ask(wrapped, object_id)])
        with broker.admin() as admin:
            assert admin.rotate_client("lab").generation == 2
        assert [path.name for path in (broker.folder / "clients").iterdir()] == ["lab.2.key"]
        broker.stop()
        broker.start()
        assert await client.part_keys(certificate, [an_ask(wrapped, object_id)]) == before


@pytest.mark.parametrize("what", ["dataset", "client"])
async def test_after_destroying_nothing_opens(broker: RunningBroker, what: str) -> None:
    """Not by asking, and not with all that is left on the disk."""
    certificate, object_id = broker.certified(live_lease(verbs=frozenset(Verb))), new_object()
    old = {path: path.read_bytes() for path in broker.folder.glob("datasets/corpus.key")}
    async with broker.client() as client:
        _, wrapped = await client.new_object_key(certificate, object_id, dataset="corpus")
        ask = an_ask(wrapped, object_id)
        await client.part_keys(certificate, [ask])
        with broker.admin() as admin:
            gone = (
                admin.destroy_dataset("corpus")
                if what == "dataset"
                else admin.destroy_client("lab")
            )
        assert "corpus" in gone.datasets
        await refused(client.part_keys(certificate, [ask]), "shredded")
        broker.stop()
        broker.start()
        await refused(client.part_keys(certificate, [ask]), "shredded")
        with broker.admin() as admin, pytest.raises(BrokerRefusedError, match=r"destroyed|no key"):
            admin.make_dataset("corpus", "lab")
    left = {path.name for path in broker.folder.glob("*/*.key")}
    assert left == ({"lab.1.key", "images.key"} if what == "dataset" else set())
    if what == "client":
        # Even a kept copy of the dataset's file is of no use: what opened it is gone.
        for path, data in old.items():
            path.write_bytes(data)
            path.with_suffix(".gone").unlink()
        broker.stop()
        broker.start()
        async with broker.client() as client:
            await refused(client.part_keys(certificate, [ask]), "shredded")
        assert not any(path.exists() for path in old)


def test_a_client_that_comes_back_has_a_new_key(broker: RunningBroker) -> None:
    with broker.admin() as admin:
        admin.destroy_client("lab")
        assert admin.make_client("lab").generation == 2
        assert admin.make_dataset("fresh", "lab").datasets == ("fresh",)
        states = {(info.name, info.state) for info in admin.all_keys()}
    assert states == {
        ("lab", "live"), ("fresh", "live"), ("corpus", "destroyed"), ("images", "destroyed"),
    }  # fmt: skip
    broker.stop()
    broker.start()
    with broker.admin() as admin:
        assert {(info.name, info.state) for info in admin.all_keys()} == states


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\0b", "x" * 200, "corpus", "UP"])
def test_names_that_are_no_dataset(shared: RunningBroker, name: str) -> None:
    with shared.admin() as admin, pytest.raises(BrokerRefusedError):
        admin.make_dataset(name, "lab")


def test_marks_of_a_destroyed_dataset_still_name_who_leaked_it(broker: RunningBroker) -> None:
    with broker.admin() as admin:
        before = admin.codewords("corpus", ["PQLA"], range(100))
        admin.destroy_dataset("corpus")
        assert admin.codewords("corpus", ["PQLA"], range(100)) == before


# ── the process ──────────────────────────────────────────────────────────────────────────────


def test_files_and_sockets_are_for_their_owner(shared: RunningBroker) -> None:
    assert stat.S_IMODE(shared.folder.stat().st_mode) == 0o700
    for path in shared.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_kernel_keeps_it_from_the_network(shared: RunningBroker) -> None:
    with shared.admin() as admin:
        status = admin.status()
    assert "seccomp" in status.confinement, status.lacking
    assert status.clients == 2
    assert not status.separate_user


def test_never_two(shared: RunningBroker) -> None:
    second = RunningBroker(shared.home)
    with pytest.raises((AssertionError, BrokenPipeError)):
        second_starts(second)
    with shared.admin() as admin:
        assert admin.status().pid == shared.pid


def second_starts(second: RunningBroker) -> None:
    command = [sys.executable, "-m", "pratique.edge.custody.broker", str(second.folder)]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


def test_a_command_uses_the_broker_that_runs_or_one_of_its_own(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / ("long" * 30))
    assert running_broker(settings) is None
    with broker_running(settings) as admin:
        admin.make_client("lab")
        first = admin.status().pid
        with broker_running(settings) as inner:
            assert inner.status().pid == first
    assert running_broker(settings) is None
    with broker_running(settings) as admin:
        assert admin.status().pid != first
        assert [info.name for info in admin.all_keys()] == ["lab"]


async def test_no_answer_is_an_answer_within_two_seconds(tmp_path: Path) -> None:
    silent = socket.socket(socket.AF_UNIX)
    (tmp_path / "broker").mkdir()
    silent.bind(str(tmp_path / "broker" / "gateway.sock"))
    silent.listen()
    async with RunningBroker(tmp_path).client(deadline=0.2) as client, asyncio.timeout(3):
        with pytest.raises(UnavailableError, match="does not answer"):
            await client.ping()
    silent.close()
    async with RunningBroker(tmp_path).client() as client:
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await client.ping()


async def test_many_calls_at_once_over_one_connection(shared: RunningBroker) -> None:
    certificate, object_id = shared.certified(live_lease(verbs=frozenset(Verb))), new_object()
    async with shared.client() as client:
        key, wrapped = await client.new_object_key(certificate, object_id, dataset="corpus")

        async def one(part: int) -> bytes:
            return (await client.part_keys(certificate, [an_ask(wrapped, object_id, part)]))[0]

        keys = await asyncio.gather(*map(one, range(300)))
    assert keys == [derive_part_key(key, bytes(32), part_aad(object_id, n, 0)) for n in range(300)]


def test_another_master_key_is_noticed(broker: RunningBroker) -> None:
    broker.stop()
    master = broker.folder / "master.key"
    kept = master.read_bytes()
    for data, words in ((kept[:-1] + b"?", b"is master.key the one"), (b"", b"no master key")):
        master.write_bytes(data)
        with pytest.raises(AssertionError):
            broker.start()
        assert words in broker.stop()
    master.unlink()
    with pytest.raises(AssertionError):
        broker.start()
    assert b"put it back" in broker.stop()
    assert not master.exists()
    master.write_bytes(kept)
    master.chmod(0o640)
    with pytest.raises(AssertionError):
        broker.start()
    master.chmod(0o600)
    broker.start()


def test_operators_check_parts_and_no_vendor_pays(shared: RunningBroker) -> None:
    """Keys for an integrity sweep: the right ones, for this object only, and not counted."""
    with shared.admin() as admin:
        object_id = new_object()
        key, wrapped = admin.new_object_key("corpus", object_id)
        before = admin.status().parts
        asks = [an_ask(wrapped, object_id, part=part) for part in range(3)]
        assert admin.check_keys(asks) == [
            derive_part_key(key, ask.salt, part_aad(object_id, ask.part, 0)) for ask in asks
        ]
        with pytest.raises(BrokerRefusedError):
            admin.check_keys([an_ask(wrapped, new_object())])
        with pytest.raises(BrokerRefusedError):
            admin.check_keys([an_ask(wrapped[:-1], object_id)])
        with pytest.raises(BrokerRefusedError, match="at a time"):
            admin.check_keys([an_ask(b"", object_id)] * 5000)
        assert admin.status().parts == before
