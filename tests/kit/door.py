"""The real index door, in a thread of the test's process, with a clock the test can move.

    with running_door(home=tmp_path / "home", upstream=upstream, now=NOW) as door:
        door.clock.advance(hours=72)
        answer = door.ask("/pypi/simple/demo/")
        [entry] = door.entries("page", agent="…")

Everything but the clock is what `pratique up` runs: `assembly` builds it from files in home.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from kit.asking import SIMPLE_JSON, Answer, ask
from kit.upstream import FakeUpstream
from pratique.assembly import OpenDoor
from pratique.doors.serving import serve
from pratique.edge.tls import ensure_local_tls
from pratique.index.ports import TokenRecord, Waiver
from pratique.ledger.entries import Entry
from pratique.ledger.store import LogStore
from pratique.policy.model import Verdict, VettingFacts
from pratique.settings import Settings, load_settings
from pratique.store.logs import open_log
from pratique.values.digests import parse_sha256
from pratique.values.instants import now_utc

T = TypeVar("T")

_SECONDS = 20.0
_TURNS = 1000
"""How often it is looked whether entries came, 5 ms apart: a machine that stands still takes one."""
_PLAIN_INDEX = """
[[upstream]]
name = "public"
url = "{upstream}"
"""


_UNVETTED = """
[vet]
mode = "off"
"""
"""Most tests publish files whose content is no archive; those of vetting say what they want."""


class SettableClock:
    """A clock that stands still until it is told to move. Safe from any thread."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **span: float) -> None:
        """Move by a span in the words of `timedelta`."""
        self._now += timedelta(**span)

    def set(self, now: datetime) -> None:
        """Move to an instant."""
        self._now = now


@dataclass(slots=True, kw_only=True)
class Door:
    """A door that is open."""

    home: Path
    url: str
    public_url: str
    clock: SettableClock
    settings: Settings
    ca: Path | None
    parts: OpenDoor
    loop: asyncio.AbstractEventLoop
    _log: LogStore | None = None
    _seen: list[Entry] = field(default_factory=list)

    def close(self) -> None:
        """Let go of the test's own hold on the ledger."""
        if self._log is not None:
            self._log.close()

    # ── asking ──────────────────────────────────────────────────────────────────────────────

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    def index_url(self, index: str = "pypi", *, login: tuple[str, str] | None = None) -> str:
        """What clients are pointed to."""
        where = urlsplit(self.url)
        user = f"{quote(login[0])}:{quote(login[1])}@" if login else ""
        return f"{where.scheme}://{user}{where.netloc}/{index}/simple/"

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        login: tuple[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; the path goes out as it is."""
        trust = ssl.create_default_context(cafile=str(self.ca)) if self.ca else None
        return ask(
            self.url, path, method=method, headers=headers, login=login, form=form, trust=trust
        )

    def page(self, project: str, *, index: str = "pypi") -> dict[str, Any]:
        """A project's page in JSON."""
        answer = self.ask(f"/{index}/simple/{project}/", headers={"Accept": SIMPLE_JSON})
        assert answer.status == 200, (answer.status, answer.reason)
        page: dict[str, Any] = answer.json
        return page

    def path_of(self, link: str, *, below: str) -> str:
        """Path of a link found on the page at `below`; it must not lead elsewhere."""
        absolute = urljoin(self.url + below, link)
        assert absolute.startswith(self.url + "/"), f"{absolute} leads past the door"
        return absolute.removeprefix(self.url).partition("#")[0]

    # ── the ledger ──────────────────────────────────────────────────────────────────────────

    def entries(
        self, kind: str = "", *, subject: str = "", at_least: int = 1, **body: object
    ) -> list[Entry]:
        """Entries of a kind whose subject and body members are these, once there are so many.

        Waits until they are durable, at most some seconds; `at_least=0` waits for what was queued.
        """
        self.parts.recorder.flush(seconds=_SECONDS)
        turn = 0
        while True:
            self._catch_up()
            found = [
                e
                for e in self._seen
                if (not kind or e.kind == kind)
                and (not subject or e.subject == subject)
                and all(_says(e, key, value) for key, value in body.items())
            ]
            if len(found) >= at_least or turn >= _TURNS:
                return found
            turn += 1
            time.sleep(0.005)

    def _catch_up(self) -> None:
        if self._log is None:
            self._log = open_log(self.settings)
        self._seen.extend(self._log.entries(len(self._seen), self._log.size()))

    # ── state ───────────────────────────────────────────────────────────────────────────────

    def in_loop(self, act: Callable[[], T]) -> T:
        """Do something in the door's own event loop."""

        async def run() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=_SECONDS)

    def settle(self) -> None:
        """Wait until the studies that were started in the background have ended."""
        work = self.parts.studies.settle()
        asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=_SECONDS)

    def set_policy(self, text: str) -> None:
        """Replace the policy file, as an editor does."""
        temporary = self.home / ".policy.new"
        temporary.write_text(text, "utf-8")
        temporary.replace(self.home / "policy.toml")

    def add_advisory(
        self, identifier: str, project: str, versions: list[str], *, sha256: Sequence[str] = ()
    ) -> None:
        """Put an OSV record into home/advisories and let the door look at the folder again."""
        folder = self.home / "advisories"
        folder.mkdir(exist_ok=True)
        package = {"ecosystem": "PyPI", "name": project}
        record = {
            "id": identifier,
            "modified": "2026-06-15T00:00:00Z",
            "affected": [{"package": package, "versions": versions}],
            "database_specific": {"pratique": {"sha256": list(sha256)}},
        }
        (folder / f"{identifier}.json").write_text(json.dumps(record), "utf-8")
        refresh = self.parts.policy.refresh_advisories()
        asyncio.run_coroutine_threadsafe(refresh, self.loop).result(timeout=_SECONDS)

    def add_token(
        self, name: str, *, role: str = "asset", party: str = "", **times: datetime
    ) -> str:
        """Give a token; returns the secret."""
        secret = secrets.token_urlsafe(24)
        record = TokenRecord(
            id=f"t-{name}-{secrets.token_hex(4)}",
            name=name,
            role=role,
            secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
            created_at=self.clock(),
            expires_at=times.get("expires_at"),
            revoked_at=None,
            party=party,
        )
        self.in_loop(lambda: self.parts.control.add_token(record))
        return secret

    def revoke_token(self, name: str) -> None:
        """Revoke every token of this name."""
        for token in self.in_loop(self.parts.control.tokens):
            if token.name == name:
                identifier = token.id
                self.in_loop(
                    lambda i=identifier: self.parts.control.revoke_token(i, at=self.clock())  # type: ignore[misc] # bound early on purpose
                )

    def add_waiver(
        self,
        sha256: str,
        *,
        filename: str,
        index: str = "*",
        asset: str = "*",
        created_at: datetime | None = None,
        expires_at: datetime | None = None,
        overrides_deny: bool = False,
    ) -> str:
        """Record a waiver; gives its id."""
        waiver = Waiver(
            id=f"w-{secrets.token_hex(4)}",
            sha256=parse_sha256(sha256),
            filename=filename,
            index=index,
            asset=asset,
            approver="operator:test",
            reason="needed for the test",
            created_at=created_at or self.clock(),
            expires_at=expires_at or self.clock() + timedelta(days=7),
            overrides_deny=overrides_deny,
        )
        self.in_loop(lambda: self.parts.control.add_waiver(waiver))
        return waiver.id

    def revoke_waiver(self, identifier: str) -> None:
        """Revoke a waiver."""
        assert self.in_loop(lambda: self.parts.control.revoke_waiver(identifier, at=self.clock()))

    def waiver_ids(self) -> list[str]:
        """Ids of all waivers."""
        return [w.id for w in self.in_loop(self.parts.control.waivers)]

    def set_verdict(self, sha256: str, verdict: str) -> None:
        """Say what vetting found."""
        digest, found = parse_sha256(sha256), Verdict(verdict)
        self.in_loop(lambda: self.parts.control.set_vetting(digest, VettingFacts(verdict=found)))

    # ── disk ────────────────────────────────────────────────────────────────────────────────

    def store_blob(self, content: bytes) -> Path:
        """Put a file into the door's cache, as an earlier download would have."""
        from pratique.edge.blobs import DiskBlobStore  # noqa: PLC0415 - used here alone

        store = DiskBlobStore(self.home / "blobs", cap_bytes=2**30)
        writer = store.begin()
        writer.write(content)
        path = store.path(writer.commit(None))
        assert path is not None
        return path

    def drop_blobs(self) -> int:
        """Remove every file from the door's cache; gives how many there were."""
        found = [p for p in (self.home / "blobs" / "sha256").rglob("*") if p.is_file()]
        for path in found:
            path.unlink()
        return len(found)

    def everything_written(self) -> bytes:
        """All bytes below home, in search of what must not be there."""
        return b"\n".join(p.read_bytes() for p in self.home.rglob("*") if p.is_file())

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `pratique …` with this home."""
        return run_pratique(*words, home=self.home)


def _says(entry: Entry, key: str, value: object) -> bool:
    """Whether a member of the body is this; pages name their project in the subject only."""
    if key == "project" and "project" not in entry.body:
        return entry.subject.rpartition("/")[2] == value
    return bool(entry.body.get(key) == value)


def run_pratique(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    program = Path(sys.executable).parent / "pratique"
    return subprocess.run(
        [str(program), *words],
        env={**os.environ, "PRATIQUE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def write_home(home: Path, upstream: FakeUpstream, *, settings: str, policy: str) -> None:
    """Write `pratique.toml` and `policy.toml`; `{upstream}` stands for the upstream's URL."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = settings if "[[upstream]]" in settings else settings + _PLAIN_INDEX
    if "[vet]" not in text:
        text += _UNVETTED
    (home / "pratique.toml").write_text(text.replace("{upstream}", upstream.url), "utf-8")
    (home / "policy.toml").write_text(policy, "utf-8")
    (home / "advisories").mkdir(exist_ok=True)


@contextmanager
def running_door(
    *,
    home: Path,
    upstream: FakeUpstream,
    now: datetime,
    settings: str = "",
    policy: str = "",
) -> Iterator[Door]:
    """Open the door on loopback and close it at the end, whatever happened."""
    write_home(home, upstream, settings=settings, policy=policy)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run_loop, args=(loop,), name="door", daemon=True)
    thread.start()
    opened: list[Door] = []
    ready, closing = threading.Event(), asyncio.Event()
    future = asyncio.run_coroutine_threadsafe(
        _serve(home, SettableClock(now), loop, opened, ready, closing), loop
    )
    future.add_done_callback(lambda _: ready.set())
    try:
        assert ready.wait(_SECONDS), "the door did not open"
        if not opened:
            future.result(timeout=0)
        yield opened[0]
    finally:
        loop.call_soon_threadsafe(closing.set)
        try:
            future.result(timeout=_SECONDS)
        finally:
            for door in opened:
                door.close()
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=_SECONDS)
            loop.close()


async def _serve(
    home: Path,
    clock: SettableClock,
    loop: asyncio.AbstractEventLoop,
    opened: list[Door],
    ready: threading.Event,
    closing: asyncio.Event,
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    settings = load_settings(home, environ={"PRATIQUE_LISTEN": listen})
    if settings.door.tls_certificate == "auto":
        # Real clients judge a certificate by the wall clock, not by the test's.
        ensure_local_tls(home / "tls", "127.0.0.1", now=now_utc())
    async with serve(settings, clock=clock) as serving:
        scheme = "https" if settings.door.tls_certificate else "http"
        opened.append(
            Door(
                home=home,
                url=f"{scheme}://{listen}",
                public_url=serving.url,
                clock=clock,
                settings=settings,
                ca=serving.authority,
                parts=serving.open,
                loop=loop,
            )
        )
        ready.set()
        await closing.wait()
    await asyncio.sleep(0.02)  # closed sockets leave the loop in its next rounds


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


# ── the door as a process of its own ─────────────────────────────────────────────────────────


@dataclass(slots=True, kw_only=True)
class DoorProcess:
    """`pratique up`, running."""

    process: subprocess.Popen[str]
    home: Path
    url: str
    told: dict[str, Any]

    def ask(self, path: str, **options: Any) -> Answer:
        """Send a request."""
        return ask(self.url, path, **options)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `pratique …` with this home, beside the door."""
        return run_pratique(*words, home=self.home)

    def entries(self, kind: str = "") -> list[Entry]:
        """Entries that are durable now."""
        log = open_log(load_settings(self.home, environ={}))
        try:
            return [e for e in log.entries() if not kind or e.kind == kind]
        finally:
            log.close()

    def end(self, *, kill: bool = False) -> int:
        """Ask it to end (or kill it with every worker); gives its exit code."""
        if self.process.poll() is None:
            if kill:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.terminate()
        try:
            return self.process.wait(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=_SECONDS)
            raise


@contextmanager
def running_up(home: Path, *words: str) -> Iterator[DoorProcess]:
    """Start `pratique up --format json …` on loopback with a home that was written before."""
    program = Path(sys.executable).parent / "pratique"
    listen = f"127.0.0.1:{free_port()}"
    s3 = () if "--s3-listen" in words else ("--s3-listen", "off")
    log = home.parent / f"{home.name}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [
                str(program),
                "up",
                "--home",
                str(home),
                "--listen",
                listen,
                *s3,
                "--format",
                "json",
                *words,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the door did not open:\n{log.read_text('utf-8')[-4000:]}"
        told = json.loads(line)
        door = DoorProcess(process=process, home=home, url=told["url"], told=told)
        yield door
        door.end()
    finally:
        process.stdout.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=_SECONDS)
