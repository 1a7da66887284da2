"""What others try with the broker's sockets and files, and what must never come out."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.broker import RunningBroker, an_ask, live_lease, new_object, running
from kit.holds import a_hold
from pratique.custody.certificate import terms_of
from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import HoldId, Verb
from pratique.edge.custody.broker.frames import (
    LENGTH,
    MAX_GATEWAY_FRAME,
    Nothing,
    SigningKey,
    WireError,
    parse_answer,
    parse_call,
    render_call,
)
from pratique.edge.custody.broker.server import Door
from pratique.edge.custody.broker_admin import broker_running
from pratique.edge.custody.drawn_ids import draw_hold_id
from pratique.errors import UnavailableError
from pratique.settings import load_settings
from pratique.values.instants import now_utc


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    with running(tmp_path_factory.mktemp("home")) as broker:
        broker.make_keys()
        yield broker


def sent(broker: RunningBroker, data: bytes, name: str = "gateway.sock") -> bytes:
    """Everything that comes back on a connection of its own."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(str(broker.folder / name))
        received = b""
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            while more := peer.recv(65536):
                received += more
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received


def alive(broker: RunningBroker) -> bool:
    with broker.admin() as admin:
        return admin.status().clients == 1


# ── frames ───────────────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_noise_gets_nothing_and_harms_nobody(broker: RunningBroker, noise: bytes) -> None:
    framed = LENGTH.pack(len(noise)) + noise
    for name in ("gateway.sock", "admin.sock"):
        for data in (noise, framed):
            answer = sent(broker, data, name)
            if answer:
                assert parse_answer(answer[4:]).reason == "request"


def test_the_broker_lives_after_all_that(broker: RunningBroker) -> None:
    for length in (0, MAX_GATEWAY_FRAME + 1, 0xFFFF_FFFF):
        assert sent(broker, struct.pack(">I", length) + b"x" * 64) == b""
    assert alive(broker)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
BODIES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5), max_leaves=12)
GATEWAY = (
    *("signing-key", "part-keys", "write-keys", "new-object-key", "mark-bits", "mint", "ping"),
    *("mark-commitment", "reveal", "status", "destroy-client", "nonsense"),
)
ADMIN = (
    *("certify", "certify-role", "suspend", "resume", "new-object-key", "write-keys", "codewords"),
    *(
        "commitment",
        "reveal",
        "check-keys",
        "make-client",
        "make-dataset",
        "rotate-client",
        "destroy-dataset",
    ),
)


@given(st.sampled_from(GATEWAY), BODIES, st.booleans())
@settings(max_examples=80, deadline=None)
def test_bodies_of_any_shape_are_answered_with_a_word(
    broker: RunningBroker, operation: str, body: object, certified: bool
) -> None:
    certificate = broker.certified(live_lease(verbs=frozenset(Verb))) if certified else b"?"
    call = msgspec.msgpack.encode([7, operation, certificate, body])
    answer = parse_answer(sent(broker, LENGTH.pack(len(call)) + call)[4:])
    assert answer.id == 7
    if operation != "ping":
        assert answer.reason in {"request", "certificate", "key", "shredded"}


@pytest.mark.slow
@given(st.sampled_from(ADMIN), BODIES)
@settings(max_examples=80, deadline=None)
def test_bodies_of_any_shape_at_the_operators_socket(
    broker: RunningBroker, operation: str, body: object
) -> None:
    call = msgspec.msgpack.encode([7, operation, b"", body])
    answer = parse_answer(sent(broker, LENGTH.pack(len(call)) + call, "admin.sock")[4:])
    assert answer.id == 7
    if answer.reason:
        assert answer.reason in {"request", "certificate", "key", "shredded"}


@given(st.binary(max_size=100))
def test_parsers_of_frames_raise_their_own_error_only(data: bytes) -> None:
    for parse in (parse_call, parse_answer):
        with suppress(WireError):
            parse(data)


def test_gateways_cannot_do_what_operators_do(broker: RunningBroker) -> None:
    certificate = broker.certified(live_lease(verbs=frozenset(Verb)))
    for operation in ADMIN:
        if operation in GATEWAY:
            continue
        answer = parse_answer(sent(broker, render_call(1, operation, certificate, Nothing()))[4:])
        assert (answer.id, answer.reason) == (1, "request")


def test_a_peer_that_stops_in_mid_frame_blocks_nobody(broker: RunningBroker) -> None:
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(broker.folder / "gateway.sock"))
        idle.sendall(LENGTH.pack(500) + b"x")
        assert alive(broker)


def test_a_peer_that_never_reads_blocks_nobody(broker: RunningBroker) -> None:
    certificate = broker.certified(live_lease())
    call = render_call(1, "mark-bits", certificate, SigningKey("corpus", "x"))
    with socket.socket(socket.AF_UNIX) as greedy:
        greedy.connect(str(broker.folder / "gateway.sock"))
        greedy.settimeout(2)
        try:
            for _ in range(20_000):
                greedy.sendall(call)
        except TimeoutError:
            pass
        assert alive(broker)


# ── other users ──────────────────────────────────────────────────────────────────────────────

ASK = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
try:
    peer.connect(sys.argv[1])
    peer.sendall(bytes.fromhex(sys.argv[2]))
    print(len(peer.recv(100)))
except OSError as error:
    print(type(error).__name__)
"""


def as_nobody(path: Path) -> str:
    call = render_call(1, "ping", b"", Nothing())
    command = [sys.executable, "-c", ASK, str(path), call.hex()]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=True
    ).stdout.strip()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="pratique-broker-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


HUNG_UP = {"0", "ConnectionResetError", "BrokenPipeError"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another user")
@pytest.mark.parametrize(
    ("gateways", "operators", "heard"),
    [
        ("[12345]", "[]", ("hung up", "PermissionError")),
        ('["nobody"]', "[]", ("answered", "PermissionError")),
        ("[]", "[65534]", ("PermissionError", "answered")),
        ("[12345]", "[12346]", ("hung up", "hung up")),
    ],
)
def test_only_users_who_were_named_are_answered(
    tmp_path: Path, public: Path, gateways: str, operators: str, heard: tuple[str, str]
) -> None:
    options = (
        f'[connect]\nsocket_folder = "{public}"\n'
        f"gateway_users = {gateways}\nadmin_users = {operators}\n"
    )
    with running(tmp_path, options, place=public) as broker:
        for name, expected in zip(("gateway.sock", "admin.sock"), heard, strict=True):
            answer = as_nobody(public / name)
            if expected == "hung up":
                assert answer in HUNG_UP
            elif expected == "answered":
                assert int(answer) > 4
            else:
                assert answer == expected
        with broker.admin() as admin:
            assert admin.status().separate_user == (gateways != "[]")
        settings = load_settings(tmp_path)
        custody = msgspec.structs.replace(
            settings.custody, broker_socket=str(public / "gateway.sock")
        )
        elsewhere = msgspec.structs.replace(settings, custody=custody)
        with broker_running(elsewhere) as admin:
            assert admin.status().pid == broker.pid
    with pytest.raises(UnavailableError, match="no key broker answers"), broker_running(elsewhere):
        pass


@pytest.mark.parametrize(
    "lines",
    [
        'gateway_users = ["root", 12345]\nadmin_users = [12345]',
        'gateway_users = ["no such user"]',
        'socket_folder = "relative"',
        'socket_folder = "/no/such/folder"',
    ],
)
def test_options_that_would_open_a_hole_stop_the_start(tmp_path: Path, lines: str) -> None:
    broker = RunningBroker(tmp_path)
    broker.folder.mkdir(mode=0o700)
    (broker.folder / "broker.toml").write_text(f"[connect]\n{lines}\n")
    (broker.folder / "broker.toml").chmod(0o600)
    with pytest.raises(AssertionError):
        broker.start()
    assert b"broker.toml" in broker.stop()


# ── the walls ────────────────────────────────────────────────────────────────────────────────

ESCAPE = """
import os, socket, subprocess, sys
from pathlib import Path
from pratique.edge.custody.broker.confinement import confine
held = confine(Path(sys.argv[1]))
assert "seccomp" in held.parts, held
def tried(name, act):
    try:
        act()
    except OSError:
        return
    print("OUT:", name)
tried("inet", lambda: socket.socket(socket.AF_INET))
tried("inet6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
tried("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
tried("connect", lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[2]))
tried("exec", lambda: os.execv("/bin/true", ["true"]))
if any(part.startswith("landlock") for part in held.parts):
    tried("write", lambda: Path(sys.argv[3]).write_text("x"))
    tried("read", lambda: Path(sys.argv[4]).read_text())
Path(sys.argv[1], "own").write_text("x")
left, right = socket.socketpair()
left.send(b"x")
print("inside")
"""


def test_an_owned_broker_sends_keys_nowhere(broker: RunningBroker, tmp_path: Path) -> None:
    folder, secret = tmp_path / "own", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("words")
    arguments = [
        str(folder),
        str(broker.folder / "gateway.sock"),
        str(tmp_path / "out"),
        str(secret),
    ]
    result = subprocess.run(
        [sys.executable, "-c", ESCAPE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout == "inside\n", result.stdout + result.stderr


# ── canaries ─────────────────────────────────────────────────────────────────────────────────


def test_where_the_kernel_does_not_say_who_connects_only_the_owner_is_answered() -> None:
    async def answer(_: object) -> None:
        raise AssertionError

    own = frozenset({os.geteuid(), 0})
    for uids, open_to_unknown in ((own, True), (own | {12345}, False)):
        door = Door(name="x", answer=answer, uids=uids, max_frame=1)
        assert door.lets_in(None) is open_to_unknown
        assert door.lets_in(os.geteuid())
        assert not door.lets_in(4242)


@pytest.mark.slow
async def test_no_key_shows_where_it_has_no_business(tmp_path: Path) -> None:
    """Files besides the key files, standard error, status, refusals, names of arguments."""
    with running(tmp_path) as broker:
        broker.make_keys()
        object_id = new_object()
        with broker.admin() as admin:
            certificate, secret = admin.certify(terms_of(live_lease(verbs=frozenset(Verb))))
            key, wrapped = admin.new_object_key("corpus", object_id)
            status = repr(admin.status()) + repr(admin.all_keys())
        async with broker.client() as client:
            part = (await client.part_keys(certificate, [an_ask(wrapped, object_id)]))[0]
            signing = await client.signing_key(certificate, date=f"{now_utc():%Y%m%d}", region="r")
            with pytest.raises(BrokerRefusedError) as refused:
                await client.part_keys(certificate, [an_ask(wrapped[:-1], object_id)])
        command = Path(f"/proc/{broker.pid}/cmdline").read_bytes()
        master = (broker.folder / "master.key").read_bytes()[9:]
        stored = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        said = broker.stop() + status.encode() + str(refused.value).encode() + command
    canaries = {
        "secret": secret.encode(),
        "object": key,
        "part": part,
        "signing": signing,
        "master": master,
    }
    for name, canary in canaries.items():
        for form in (canary, canary.hex().encode(), re.escape(repr(canary)).encode()):
            assert form not in said, name
            for path, data in stored.items():
                assert form not in data or (name, path.name) == ("master", "master.key"), (
                    name,
                    path,
                )


def test_many_operators_at_once(broker: RunningBroker) -> None:
    def one() -> None:
        with broker.admin() as admin:
            for _ in range(20):
                admin.commitment("corpus", "PQLA", 1000)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert alive(broker)


async def test_gateways_are_answered_while_operators_keep_it_busy(broker: RunningBroker) -> None:
    with broker.admin() as admin:
        long = asyncio.create_task(
            asyncio.to_thread(
                admin.codewords, "corpus", [f"PQL{n}" for n in range(1000)], range(5000)
            )
        )
        await asyncio.sleep(0.02)
        async with broker.client() as client:
            for _ in range(5):
                await client.ping()
        assert len((await long)[1]) == 1000


async def test_what_a_gateway_says_of_a_hold_gives_way_to_an_operator(
    broker: RunningBroker,
) -> None:
    true = a_hold()
    async with broker.client() as gateway:
        await gateway.hold([a_hold(vendors=frozenset({"nobody"}), reason="nothing")])
        with broker.admin() as admin:
            admin.hold([true])
            assert true.reason in admin.status().suspended[true.id]
            await gateway.hold([a_hold(vendors=frozenset({"nobody"}), lifted=True)])
            assert true.reason in admin.status().suspended[true.id]
            assert admin.release(true.id)
            await gateway.hold([true])  # it is late
            assert true.id not in admin.status().suspended


@pytest.mark.parametrize(
    "odd",
    [
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001 - what no clock of ours says
        {"reason": "a\x1b[2Jb"},
        {"party": "vendor\nacme"},
        {"vendors": frozenset()},
        {"client": "lab"},
        {"id": HoldId("S-x")},
    ],
)
async def test_a_hold_that_is_none_is_refused_and_nobody_else_is(
    broker: RunningBroker, odd: dict[str, Any]
) -> None:
    """One without a time zone could not be compared: the broker hung up on every door that asked."""
    lease = live_lease()
    certificate = broker.certified(lease)
    true = a_hold(vendors=frozenset({lease.vendor}), id=draw_hold_id())
    async with broker.client() as gateway, broker.client() as other:
        with pytest.raises(BrokerRefusedError):
            await gateway.hold([replace(true, **{"id": draw_hold_id()} | odd)])
        with broker.admin() as admin:
            admin.hold([true])
        for _ in range(2):
            with pytest.raises(BrokerRefusedError, match=true.reason):
                await other.part_keys(certificate, [an_ask(b"x" * 60, new_object())])
        with broker.admin() as admin:
            assert admin.release(true.id)
