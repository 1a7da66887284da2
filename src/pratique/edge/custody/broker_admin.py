"""The operator's side: one call after another over `admin.sock`, and a broker for as long as it takes."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from pratique.custody.certificate import Terms, render_terms
from pratique.custody.model import Hold, ObjectId, Scope, ScopeId, ScopeState
from pratique.custody.ports import PartAsk, WriteAsk
from pratique.edge.custody.broker.__main__ import EXIT_LOCKED
from pratique.edge.custody.broker.frames import (
    LENGTH,
    MAX_ADMIN_FRAME,
    Certified,
    Certify,
    Changed,
    CodewordAnswer,
    CodewordAsk,
    CommitAsk,
    Commitment,
    KeyInfo,
    MakeDataset,
    Name,
    NewObject,
    Nothing,
    Opening,
    PartBody,
    PartKeys,
    Release,
    Resume,
    Rewrap,
    RewrapBody,
    Status,
    StopParties,
    Suspend,
    WireError,
    WriteBody,
    WriteKeys,
    parse_answer,
    render_call,
)
from pratique.edge.custody.broker.places import ADMIN_SOCKET, broker_folder, reachable
from pratique.edge.custody.broker_client import opened
from pratique.errors import SettingsError, UnavailableError
from pratique.settings import Settings

_CALL_SECONDS = 60.0
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_BITS_AT_A_TIME = 5_000_000

_T = TypeVar("_T")


class BrokerAdmin:
    """Synchronous calls. Each raises BrokerRefusedError or UnavailableError."""

    def __init__(self, path: Path) -> None:
        """Connect. Raises: OSError when nobody listens."""
        self._numbers = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_CALL_SECONDS)
        try:
            with reachable(path) as name:
                self._socket.connect(name)
        except OSError:
            self._socket.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ── keys ─────────────────────────────────────────────────────────────────────────────────

    def make_client(self, client: str) -> Changed:
        """A client's key."""
        return self._call("make-client", Name(client), Changed)

    def make_dataset(self, dataset: str, client: str) -> Changed:
        """A dataset's key under its client's."""
        return self._call("make-dataset", MakeDataset(dataset, client), Changed)

    def rotate_client(self, client: str) -> Changed:
        """A new key for a client; its datasets' keys are wrapped anew, objects stay as they are."""
        return self._call("rotate-client", Name(client), Changed)

    def rotate_dataset(self, dataset: str) -> Changed:
        """A new key beside the old one; `rewrap` everything, then `end_rotation`."""
        return self._call("rotate-dataset", Name(dataset), Changed)

    def rewrap(self, asks: Sequence[RewrapBody]) -> list[bytes]:
        """The same keys under their dataset's newest one."""
        return self._call("rewrap", Rewrap(tuple(asks)), list[bytes])

    def end_rotation(self, dataset: str) -> Changed:
        """Destroy a dataset's former keys: whatever is wrapped under them still is lost."""
        return self._call("end-rotation", Name(dataset), Changed)

    def destroy_client(self, client: str) -> Changed:
        """Destroy a client's key and all below it."""
        return self._call("destroy-client", Name(client), Changed)

    def destroy_dataset(self, dataset: str) -> Changed:
        """Destroy a dataset's key."""
        return self._call("destroy-dataset", Name(dataset), Changed)

    def all_keys(self) -> list[KeyInfo]:
        """All keys, destroyed ones included."""
        return self._call("keys", Nothing(), list[KeyInfo])

    def new_object_key(self, dataset: str, object_id: ObjectId) -> tuple[bytes, bytes]:
        """(key, the same wrapped) for an object that is being registered."""
        return self._call("new-object-key", NewObject(dataset, object_id), tuple[bytes, bytes])

    def write_keys(self, asks: Sequence[WriteAsk]) -> list[tuple[bytes, bytes]]:
        """(salt, AES key) of parts that are about to be written, such as variants."""
        bodies = (WriteBody(ask.object, ask.wrapped_key, ask.part, ask.variant) for ask in asks)
        return self._call("write-keys", WriteKeys(tuple(bodies)), list[tuple[bytes, bytes]])

    def check_keys(self, asks: Sequence[PartAsk]) -> list[bytes]:
        """AES keys of parts for an integrity sweep; they are not charged to anybody."""
        bodies = (
            PartBody(ask.object, ask.wrapped_key, ask.part, ask.variant, ask.salt) for ask in asks
        )
        return self._call("check-keys", PartKeys(tuple(bodies)), list[bytes])

    # ── leases and scopes ────────────────────────────────────────────────────────────────────

    def certify(self, terms: Terms) -> tuple[bytes, str]:
        """(certificate, secret) of a lease. The same lease id has the same secret, whatever its terms."""
        made = self._call("certify", Certify(render_terms(terms)), Certified)
        return made.certificate, made.secret

    def certify_role(self, terms: Terms) -> bytes:
        """Terms under which gateways may have leases made (`BrokerClient.mint`)."""
        return self._call("certify-role", Certify(render_terms(terms)), Certified).certificate

    def suspend(self, scope: ScopeId, *, reason: str, incident: str = "") -> None:
        """Nothing in this scope (or `dataset:NAME`) gets a key any more."""
        self._call("suspend", Suspend(scope, reason, incident), bool)

    def resume(self, scope: ScopeId, *, epoch: int = -1) -> bool:
        """Whether it was suspended. `epoch`: as of which; doors that heard before are late."""
        return self._call("resume", Resume(scope, epoch), bool)

    def hold(self, holds: Sequence[Hold]) -> None:
        """Give no key for what these suspensions of parties stop."""
        self._call("hold", StopParties(tuple(holds)), bool)

    def release(self, hold: str) -> bool:
        """Whether it stood."""
        return self._call("release", Release(hold), bool)

    # ── marks ────────────────────────────────────────────────────────────────────────────────

    def codewords(
        self, dataset: str, leases: Sequence[str], positions: Sequence[int]
    ) -> tuple[tuple[float, ...], list[bytes]]:
        """(biases at the positions, each lease's bits there, packed), for attribution."""
        step = max(1, _BITS_AT_A_TIME // max(1, len(positions)))
        biases: tuple[float, ...] = ()
        bits: list[bytes] = []
        for at in range(0, max(1, len(leases)), step):
            ask = CodewordAsk(dataset, tuple(leases[at : at + step]), tuple(positions))
            answer = self._call("codewords", ask, CodewordAnswer)
            biases = answer.biases
            bits += answer.bits
        return biases, bits

    def commitment(self, dataset: str, lease: str, count: int) -> Commitment:
        """What the ledger says of a lease's codeword before its first read, and of the mark key."""
        return self._call("commitment", CommitAsk(dataset, lease, count), Commitment)

    def reveal(self, dataset: str, lease: str, count: int) -> Opening:
        """Salt and codeword behind a lease's commitment, for whoever must check it."""
        return self._call("reveal", CommitAsk(dataset, lease, count), Opening)

    def accept_clock(self) -> str:
        """The broker's clock is right now, whatever it saw before; gives the newest that it had seen."""
        return self._call("accept-clock", Nothing(), str)

    def status(self) -> Status:
        """The process, its caps and what it let out."""
        return self._call("status", Nothing(), Status)

    # ── the connection ───────────────────────────────────────────────────────────────────────

    def _call(self, operation: str, body: msgspec.Struct, kind: type[_T]) -> _T:
        number = next(self._numbers)
        try:
            self._socket.sendall(render_call(number, operation, b"", body))
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length > MAX_ADMIN_FRAME:
                raise WireError("a frame that is too long")
            answer = parse_answer(self._exactly(length))
        except OSError as error:
            raise UnavailableError(f"the key broker does not answer: {error}") from None
        if answer.id != number:
            raise WireError("an answer to another call")
        return opened(answer, kind)

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError("it closed the connection")
            data += more
        return bytes(data)


def running_broker(settings: Settings) -> BrokerAdmin | None:
    """A connection to the broker that runs, if one does."""
    elsewhere = settings.custody.broker_socket
    place = Path(elsewhere).parent if elsewhere else broker_folder(settings.home)
    try:
        return BrokerAdmin(place / ADMIN_SOCKET)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except PermissionError:
        raise UnavailableError(
            "the key broker belongs to another user",
            remedy="run this as the broker's user, or as one of its admin_users",
        ) from None


@contextmanager
def broker_running(settings: Settings) -> Iterator[BrokerAdmin]:
    """The running broker, or one that is started for as long as the block runs; never two.

    Raises: UnavailableError, SettingsError with what the broker said.
    """
    admin = running_broker(settings)
    if admin is not None:
        with admin:
            yield admin
        return
    if settings.custody.broker_socket:
        raise UnavailableError(
            f"no key broker answers beside {settings.custody.broker_socket}",
            remedy="start it where its keys are: pratique broker serve",
        )
    with started_broker(settings), _connected(settings) as admin:
        yield admin


def tell_of_scope(settings: Settings, scope: Scope) -> str:
    """Let the broker refuse a stopped scope by itself, or a live one no longer; what is wrong if not.

    A broker that does not run is started for this: it would begin with what it was told last.
    """
    try:
        with broker_running(settings) as admin:
            if scope.state is ScopeState.LIVE:
                admin.resume(scope.id, epoch=scope.changed_epoch)
            else:
                admin.suspend(scope.id, reason=scope.reason, incident=scope.incident)
    except UnavailableError as error:
        if scope.state is ScopeState.LIVE:
            return (
                f"the key broker was not told ({error.message}), and refuses until it is; as one of its "
                f"admin_users: pratique scope resume {scope.id} --reason …"
            )
        return f"the key broker was not told ({error.message}); the doors know, and refuse"
    return ""


def tell_of_hold(settings: Settings, hold: Hold) -> str:
    """As `tell_of_scope`, of a party's suspension."""
    try:
        with broker_running(settings) as admin:
            if hold.lifted:
                admin.release(hold.id)
            else:
                admin.hold([hold])
    except UnavailableError as error:
        if hold.lifted:
            return (
                f"the key broker was not told ({error.message}), and refuses until it is; as one of its "
                f"admin_users: pratique party resume {hold.id} --reason …"
            )
        return f"the key broker was not told ({error.message}); the doors know, and refuse"
    return ""


@contextmanager
def started_broker(settings: Settings) -> Iterator[None]:
    """Start a broker unless one runs, wait until it answers, and end it with the block.

    It ends with this process too: its standard input is a pipe that only we hold. Where settings say
    that the broker is elsewhere (`custody.broker_socket`), none is started: its keys are not here.
    """
    if settings.custody.broker_socket:
        yield
        return
    folder = broker_folder(settings.home)
    # -P: nothing is imported from the folder that the command happens to run in.
    command = [
        sys.executable,
        "-P",
        "-m",
        "pratique.edge.custody.broker",
        str(folder),
        "--with-stdin",
    ]
    process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C reaches a terminal's whole group; the doors still need keys while they close.
        process_group=0,
    )
    try:
        _await_answer(settings, process)
        yield
    finally:
        _end(process)


def _await_answer(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """Until the broker (ours, or the one that was quicker) answers."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        admin = running_broker(settings)
        if admin is not None:
            with admin:
                admin.status()
            return
        code = process.poll()
        if code is not None and code != EXIT_LOCKED:
            raise SettingsError(
                f"the key broker does not start (exit code {code})", remedy="see what it said above"
            )
        time.sleep(0.02)
    raise UnavailableError("the key broker does not start in time")


@contextmanager
def _connected(settings: Settings) -> Iterator[BrokerAdmin]:
    admin = running_broker(settings)
    if admin is None:
        raise UnavailableError("the key broker went away")
    with admin:
        yield admin


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
