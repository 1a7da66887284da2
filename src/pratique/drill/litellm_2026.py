"""The drill `litellm-2026`: 24 March 2026, minute by minute, once without and once with the door.

Facts and times: docs/explain/drill.md. The real 1.82.6 comes
from the public index; 1.82.7 and 1.82.8 are inert copies (`releases`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from packaging.version import Version

from pratique.doors.serving import Serving, serve
from pratique.drill.checks import Check, Ground
from pratique.drill.clients import (
    Client,
    Outcome,
    find_clients,
    make_client,
    run,
)
from pratique.drill.evidence import read_evidence
from pratique.drill.releases import (
    CLEAN,
    MARK,
    MARKER_VARIABLE,
    Archive,
    poisoned_sdist,
    poisoned_wheel,
)
from pratique.drill.response import respond
from pratique.drill.upstream import DrillUpstream, running_upstream
from pratique.edge.upstream import SimpleUpstream
from pratique.errors import IntegrityError, UnavailableError
from pratique.home import prepare_home
from pratique.index.ports import FetchedPage
from pratique.settings import DoorSettings, IndexSettings, Settings, UpstreamSettings
from pratique.values.instants import Instant, render_minute
from pratique.values.intervals import Interval
from pratique.values.names import ProjectName

PROJECT = ProjectName("litellm")
CLEAN_WHEEL_SHA256 = "164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205"

POISONED = ("1.82.7", "1.82.8")
_DAY = datetime(2026, 3, 24, tzinfo=UTC)
_CLEAN_UPLOADED = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
"""Some days earlier; the drill needs only that 1.82.6 was out of cool-down."""
_MAX_ARCHIVE_BYTES = 64 * 1024 * 1024

ADVISORY = {
    "id": "MAL-2026-2144",
    "modified": "2026-03-24T15:35:00Z",
    "published": "2026-03-24T15:35:00Z",
    "summary": "Malicious code in litellm (replayed for the drill)",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": PROJECT},
            "versions": POISONED,
        }
    ],
}


def at(hour: int, minute: int = 0, *, days: int = 0) -> Instant:
    """An instant on 24 March 2026, or some days later."""
    return _DAY + timedelta(days=days, hours=hour, minutes=minute)


class DrillClock:
    """The door's clock: stands still until the drill moves it."""

    def __init__(self, now: Instant) -> None:
        self.now = now

    def __call__(self) -> Instant:
        """The instant that the drill is at."""
        return self.now


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: str
    client: str
    """Empty for something that happened to the index."""
    asked: str
    got: str
    """Version that was installed or locked; empty for a refusal."""
    told: str
    """What happened, or the reason in the client's own words."""
    poisoned: bool = False
    times: int = 1


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the drill showed."""

    clients: list[str]
    unprotected: list[Line]
    marker_fired: bool
    timeline: list[Line]
    poisoned_installs: int
    poisoned_bytes_served: int
    fetched_by_door: list[str]
    ledger_entries: int
    ledger_verified: bool
    refusals: int
    exposed: dict[str, str]
    home: str
    response: list[Check] = []
    """What was asked and done afterwards, with the ledger of the day."""


@dataclass(slots=True)
class _Stage:
    """What the drill moves while it runs."""

    clock: DrillClock
    upstream: DrillUpstream
    releases: dict[str, list[Archive]]
    home: Path
    lines: list[Line] = field(default_factory=list)
    progress: Callable[[str], None] = lambda _: None
    watch: Callable[[], None] = lambda: None
    """Makes the door say that it is watching; its own timer goes by the real clock."""
    every: timedelta = timedelta(minutes=1)
    """How often the quickest client installs between two events."""

    def event(self, when: Instant, told: str) -> None:
        """Something happens at the index; the door watches every minute until then."""
        while when - self.clock.now > timedelta(minutes=1) and when < at(16):
            self.clock.now += timedelta(minutes=1)
            self.watch()
        self.clock.now = when
        self.watch()
        self.progress(f"{render_minute(when)} {told}")
        self.lines.append(Line(at=render_minute(when), client="", asked="", got="", told=told))

    def publish(self, version: str, when: Instant) -> None:
        for archive in self.releases[version]:
            self.upstream.publish(archive, when)


async def fetch_clean(folder: Path) -> dict[str, Archive]:
    """The real 1.82.6 wheel and source archive, from the public index, checked by hash.

    Kept in `folder`, so that a second drill needs no network.
    Raises: UnavailableError without network, IntegrityError when bytes are not as published.
    """
    names = {f"litellm-{CLEAN}-py3-none-any.whl", f"litellm-{CLEAN}.tar.gz"}
    found: dict[str, Archive] = {}
    async with SimpleUpstream(UpstreamSettings(name="public")) as public:
        answer = await public.fetch_page(PROJECT)
        files = answer.page.files if isinstance(answer, FetchedPage) else ()
        for file in (f for f in files if f.filename in names):
            content = await asyncio.to_thread(_kept, folder / file.filename, file.sha256)
            if content is None:
                async with public.open_file(file.url, max_bytes=_MAX_ARCHIVE_BYTES) as stream:
                    content = b"".join([chunk async for chunk in stream.chunks()])
                await asyncio.to_thread(_keep, folder / file.filename, content)
            archive = Archive(filename=file.filename, content=content)
            if archive.sha256 != file.sha256:
                raise IntegrityError(f"{file.filename} is not what the index lists")
            found[file.filename] = archive
    wheel = found.get(f"litellm-{CLEAN}-py3-none-any.whl")
    if set(found) != names or wheel is None or wheel.sha256 != CLEAN_WHEEL_SHA256:
        raise UnavailableError("the public index no longer has litellm 1.82.6 as it was")
    return found


def _kept(path: Path, sha256: str | None) -> bytes | None:
    """An earlier download, if it is still the file that the index lists."""
    content = path.read_bytes() if path.exists() else b""
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def make_releases(clean: dict[str, Archive]) -> dict[str, list[Archive]]:
    """1.82.6 as it is, and the two inert look-alikes."""
    wheel = clean[f"litellm-{CLEAN}-py3-none-any.whl"]
    sdist = clean[f"litellm-{CLEAN}.tar.gz"]
    releases = {CLEAN: [wheel, sdist]}
    for version, with_pth in (("1.82.7", False), ("1.82.8", True)):
        releases[version] = [
            poisoned_wheel(wheel.content, version, with_pth=with_pth),
            poisoned_sdist(sdist.content, version, with_pth=with_pth),
        ]
    return releases


# ── without the firewall ─────────────────────────────────────────────────────────────────────


async def unprotected(
    stage: _Stage, folder: Path, clients: Sequence[Client]
) -> tuple[list[Line], bool]:
    """Install straight from the index, into environments of a machine of its own; start Python."""
    lines = []
    when = render_minute(at(10, 58))
    for client in clients:
        bare = await make_client(
            client.name, None if client.name == "pip" else client.command[0], folder / client.name
        )
        done = await bare.install(PROJECT, stage.upstream.url, dependencies=False)
        told = "installed" if done.exit_code == 0 else done.reason()
        lines.append(
            Line(at=when, client=client.name, asked=PROJECT, got=done.got, told=told,
                 poisoned=done.got in POISONED)
        )  # fmt: skip
    marker = folder.parent / "marker"
    python = str(folder / clients[0].name / "env" / "bin" / "python")
    await run([python, "-c", "pass"], {**clients[0].environment(), MARKER_VARIABLE: str(marker)})
    fired = marker.exists() and MARK in marker.read_text()
    told = "python -c pass: the .pth started the payload" if fired else "the payload did not start"
    lines.append(Line(at=when, client="python", asked="-c pass", got="", told=told, poisoned=fired))
    return lines, fired


# ── with the firewall ────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def protected(stage: _Stage) -> AsyncIterator[Serving]:
    """The real door in front of the drill's upstream; dependencies come from the public index."""
    prepare_home(stage.home)
    advisories = stage.home / "advisories"
    advisories.mkdir(exist_ok=True)
    policy = stage.home / "policy.toml"
    policy.write_text('[advisory]\npaths = ["advisories"]\n')
    async with serve(_settings(stage), clock=stage.clock) as serving:
        yield serving


def _settings(stage: _Stage) -> Settings:
    """Litellm belongs to the drill's upstream; its dependencies to the public index."""
    return Settings(
        home=stage.home,
        door=DoorSettings(listen="127.0.0.1:0", page_seconds=60),
        upstream=(
            UpstreamSettings(name="drill", url=stage.upstream.url, names=(PROJECT,)),
            UpstreamSettings(name="public"),
        ),
        index=(IndexSettings(name="pypi", upstreams=("drill", "public")),),
    )


async def replay(stage: _Stage, clients: Sequence[Client], serving: Serving) -> None:
    """The day, minute by minute for the quickest client and at each event for all of them."""
    index = f"{serving.url}/pypi/simple/"
    stage.watch = serving.open.upkeep.watching
    quick = next((c for c in clients if c.name == "uv"), clients[0])
    ask = _asker(stage, index)
    stage.event(at(10, 30), f"litellm {CLEAN} is the newest release")
    for client in clients:
        await ask(client, PROJECT, dependencies=client.name != "pip")
    stage.publish("1.82.7", at(10, 39))
    stage.event(at(10, 40), "1.82.7 was uploaded at 10:39 with a stolen token")
    await _ask_all(ask, clients, "1.82.7")
    await _minutes(stage, ask, quick, at(10, 41), at(10, 52))
    stage.publish("1.82.8", at(10, 52))
    stage.event(at(10, 53), "1.82.8 was uploaded at 10:52, now with a .pth at its root")
    await _ask_all(ask, clients, "1.82.8")
    await _minutes(stage, ask, quick, at(10, 54), at(13, 11))
    stage.upstream.quarantine(on=True)
    stage.event(at(13, 12), "the index quarantined the whole project at 13:11: no files upstream")
    await _ask_all(ask, clients, "1.82.8")
    stage.upstream.quarantine(on=False)
    for version in POISONED:
        for archive in stage.releases[version]:
            stage.upstream.remove(archive.filename)
    (stage.home / "advisories" / "MAL-2026-2144.json").write_bytes(msgspec.json.encode(ADVISORY))
    await serving.open.policy.refresh_advisories()
    stage.event(at(15, 36), "versions deleted 15:27, advisory MAL-2026-2144 known 15:35")
    await _ask_all(ask, clients, "1.82.8")
    for archive in stage.releases["1.82.8"]:
        stage.upstream.publish(archive, at(10, 52))
    stage.event(
        at(11, 0, days=4), "four days on, a mirror still lists 1.82.8: no longer in cool-down"
    )
    await _ask_all(ask, clients, "1.82.8")


_Ask = Callable[..., Awaitable[Outcome]]


async def _ask_all(ask: _Ask, clients: Sequence[Client], poisoned: str) -> None:
    """Each client asks for whatever is newest, and for the poisoned version by name."""
    for client in clients:
        await ask(client, PROJECT)
        await ask(client, f"{PROJECT}=={poisoned}")


def _asker(stage: _Stage, index: str) -> _Ask:
    async def ask(client: Client, requirement: str, *, dependencies: bool = False) -> Outcome:
        outcome = await client.install(requirement, index, dependencies=dependencies)
        stage.lines.append(_line(stage, outcome))
        stage.progress(f"{render_minute(stage.clock.now)} {client.name} {requirement}")
        return outcome

    return ask


def _line(stage: _Stage, outcome: Outcome) -> Line:
    poisoned = outcome.got in POISONED
    done = "locked" if outcome.client == "poetry" else "installed"
    told = done if outcome.got and outcome.exit_code == 0 else outcome.reason()
    return Line(
        at=render_minute(stage.clock.now),
        client=outcome.client,
        asked=outcome.asked,
        got=outcome.got if outcome.exit_code == 0 else "",
        told=told,
        poisoned=poisoned,
    )


async def _minutes(stage: _Stage, ask: _Ask, client: Client, start: Instant, end: Instant) -> None:
    """Install every minute; equal answers in a row become one line with a count."""
    first = len(stage.lines)
    now = start
    while now < end:
        stage.clock.now = now
        stage.watch()
        if (now - start) % stage.every == timedelta(0):
            await ask(client, PROJECT)
        now += timedelta(minutes=1)
    folded: list[Line] = []
    for line in stage.lines[first:]:
        last = folded[-1] if folded else None
        if last and (last.got, last.told, last.poisoned) == (line.got, line.told, line.poisoned):
            folded[-1] = msgspec.structs.replace(last, times=last.times + 1)
        else:
            folded.append(line)
    stage.lines[first:] = folded


def poisoned_files(folder: Path) -> list[Path]:
    """Files below a folder that carry the drill's mark."""
    mark = MARK.encode()
    return [p for p in folder.rglob("*") if p.is_file() and mark in p.read_bytes()]


async def drill(
    scratch: Path,
    cache: Path,
    *,
    every: timedelta = timedelta(minutes=1),
    progress: Callable[[str], None] = lambda _: None,
) -> DrillReport:
    """Run the whole drill below `scratch`.

    Raises: UnavailableError (no network, a client that hangs), IntegrityError.
    """
    progress("fetching the real litellm 1.82.6")
    clean = await fetch_clean(cache)
    releases = await asyncio.to_thread(make_releases, clean)
    clients = await find_clients(scratch)
    async with running_upstream(PROJECT) as upstream:
        stage = _Stage(
            clock=DrillClock(at(10, 30)),
            upstream=upstream,
            releases=releases,
            home=scratch / "home",
            progress=progress,
            every=every,
        )
        for version in (CLEAN, *POISONED):
            stage.publish(version, at(10, 39) if version != CLEAN else _CLEAN_UPLOADED)
        progress("without the firewall")
        installers = [client for client in clients if client.name != "poetry"]
        bare, fired = await unprotected(stage, scratch / "unprotected", installers)
        for version in POISONED:
            for archive in releases[version]:
                upstream.remove(archive.filename)
        upstream.downloads.clear()
        async with protected(stage) as serving:
            await replay(stage, clients, serving)
            report = await _report(stage, serving, clients, bare, fired=fired)
    ground = Ground(
        scratch=scratch,
        home=stage.home,
        unprotected=scratch / "unprotected",
        protected=[client.scratch for client in clients],
        releases=releases,
    )
    return msgspec.structs.replace(report, response=await respond(ground, progress=progress))


async def _report(
    stage: _Stage, serving: Serving, clients: Sequence[Client], bare: list[Line], *, fired: bool
) -> DrillReport:
    archives = [a for version in POISONED for a in stage.releases[version]]
    evidence = await asyncio.to_thread(
        read_evidence,
        serving.open,
        _settings(stage),
        poisoned={archive.sha256 for archive in archives},
        releases=[(PROJECT, Version(version)) for version in POISONED],
        span=Interval(start=at(10, 39), end=at(15, 37)),
        now=stage.clock.now,
    )
    left = [path for client in clients for path in poisoned_files(client.scratch / "env")]
    return DrillReport(
        clients=[client.name for client in clients],
        unprotected=bare,
        marker_fired=fired,
        timeline=stage.lines,
        poisoned_installs=sum(line.poisoned for line in stage.lines) + len(left),
        poisoned_bytes_served=evidence.poisoned_bytes,
        fetched_by_door=sorted(set(stage.upstream.downloads)),
        ledger_entries=evidence.entries,
        ledger_verified=evidence.verified,
        refusals=evidence.refusals,
        exposed=evidence.exposed,
        home=str(stage.home),
    )
