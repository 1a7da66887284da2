"""`pratique drill revoke`: suspend for real, and measure when the last byte of each stream came."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click
import msgspec

from pratique.custody.entries import lease_entry
from pratique.custody.model import (
    Copy,
    Lease,
    Scope,
    ScopeId,
    ScopeState,
    Verb,
)
from pratique.custody.scopes import describe_scope, lease_scope, parse_scope
from pratique.custody.sizes import human_bytes
from pratique.doors.cli.custody_desk import CustodyDesk, certify_lease, echo_json, open_desk
from pratique.doors.cli.drill_data import NAME, OBJECT_BYTES, Place, clear, place_of, prepare
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.edge.custody.drawn_ids import draw_lease_id
from pratique.errors import InputError, UnavailableError
from pratique.ledger.entries import Draft
from pratique.settings import Settings
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.drill.revocation import RevocationReport
    from pratique.drill.streams import Target

OWN_SCOPE: Final = ScopeId(f"vendor:{NAME}")
REASON: Final = "revocation drill"
_FAST_RATE: Final = 8 << 20
_LASTS: Final = timedelta(minutes=10)
_LEVELS: Final = frozenset({"vendor", "project", "holder"})


@click.command("revoke")
@click.option("--streams", type=click.IntRange(1, 2000), default=20, show_default=True,
              help="How many downloads are on their way when it is suspended.")  # fmt: skip
@click.option("--scope", "scope_id", metavar="SCOPE",
              help="Suspend this one, for real, for as long as it takes.")  # fmt: skip
@click.option("--door", "doors", multiple=True, metavar="URL",
              help="Endpoint of a node; again for each. Without it: this installation's own.")  # fmt: skip
@click.option("--ca", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Authority that signed the doors' certificates.")  # fmt: skip
@home_option
@format_option
def revoke(
    *,
    streams: int,
    scope_id: str | None,
    doors: tuple[str, ...],
    ca: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Suspend while downloads run, and measure how long and how much still comes.

    Without --scope only the drill's own vendor is suspended. A vendor:V, project:V/P, holder:V/P/H,
    client:C or dataset:D that is given is suspended with everything below it until the streams have
    ended, usually a second. What is read are the drill's own random bytes, nobody's data. Where no
    door runs, one is started for the drill. Exit code 1 when a stream got its last byte later than a
    second after the suspension (99 of 100), or more than 2.5 MiB after it.
    """
    target_scope = _scope(scope_id)
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(home))
        _check_live(desk, target_scope)
        urls: Sequence[str] = doors or stack.enter_context(_own_door(desk.settings))
        place = place_of(desk, target_scope)
        stack.callback(clear, desk, place)
        prepare(desk, place)
        lease, secret = _granted(desk, target_scope, place)
        try:
            targets = _targets(desk.settings, urls, ca, place, lease, secret)
            report = _measured(desk, target_scope, targets, streams)
        finally:
            _end_lease(desk, lease)
        entry = desk.stores.record(_drill_entry(report), now=now_utc())
    if form == "json":
        echo_json({**msgspec.to_builtins(report), "holds": report.holds, "entry": entry})
    else:
        _tell(report, entry)
    sys.exit(0 if report.holds else 1)


def _scope(text: str | None) -> ScopeId:
    if text is None:
        return OWN_SCOPE
    scope = parse_scope(text)
    if scope.startswith("lease:"):
        raise InputError(
            f"no drill on {describe_scope(scope)}: only its holder has its secret",
            expected="vendor:V, project:V/P, holder:V/P/H, client:C or dataset:D",
        )
    return scope


def _check_live(desk: CustodyDesk, scope: ScopeId) -> None:
    """A real scope must be there, and must work: nobody resumes what others have suspended."""
    made_by_drill = scope == OWN_SCOPE or scope.startswith("client:")
    if made_by_drill and desk.custody.scope(scope) is None:
        return
    found = desk.existing(scope)
    if found.state is not ScopeState.LIVE:
        raise InputError(f"{describe_scope(scope)} does not work now: {found.reason}")


# ── what is read, and by whom ────────────────────────────────────────────────────────────────


def _granted(desk: CustodyDesk, scope: ScopeId, place: Place) -> tuple[Lease, str]:
    kind, _, name = scope.partition(":")
    words = name.split("/") if kind in _LEVELS else []
    vendor, project, holder = (*words, NAME, NAME, NAME)[:3]
    now = now_utc()
    asked = Lease(
        id=draw_lease_id(),
        holder=holder, vendor=vendor, project=project, client=place.client, purpose="drill",
        selectors=(place.dataset,), verbs=frozenset({Verb.READ}), copy=Copy.CANONICAL,
        budget_bytes=2 * OBJECT_BYTES, budget_objects=2, rate=0, networks=(), granted_at=now,
        not_before=now, not_after=now + _LASTS, granted_by=operator(), certificate=b"",
    )  # fmt: skip
    certificate, secret = certify_lease(desk.settings, asked)
    lease = replace(asked, certificate=certificate)
    desk.stores.record(lease_entry(lease, actor=operator(), reason=REASON), now=now)
    desk.custody.add_lease(lease)
    return lease, secret


def _end_lease(desk: CustodyDesk, lease: Lease) -> None:
    _change(desk, lease_scope(lease.id), ScopeState.ENDED, "the drill is over")


def _targets(
    settings: Settings,
    urls: Sequence[str],
    ca: Path | None,
    place: Place,
    lease: Lease,
    secret: str,
) -> list[Target]:
    from pratique.drill.streams import Target  # noqa: PLC0415 - only once there is something to read

    return [
        Target(
            url=url.rstrip("/"),
            path=place.path,
            access_key=lease.id,
            secret=secret,
            region=settings.custody.s3_region,
            tls=_tls(settings, ca) if url.startswith("https:") else None,
        )
        for url in urls
    ]


def _tls(settings: Settings, ca: Path | None) -> ssl.SSLContext:
    """Trust in the doors: the authority that is given, or the local one, or the system's."""
    if ca is None and settings.door.tls_certificate == "auto":
        from pratique.edge.tls import ensure_local_tls  # noqa: PLC0415 - only for a local authority

        host = settings.custody.s3_listen.rpartition(":")[0]
        ca = ensure_local_tls(settings.home / "tls", host, now=now_utc()).authority
    return ssl.create_default_context(cafile=str(ca) if ca else None)


# ── the door ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _own_door(settings: Settings) -> Iterator[Sequence[str]]:
    """The door that runs here, or one that is started for the drill."""
    from pratique.doors.cli.lease_credentials import endpoint_of  # noqa: PLC0415 - only without --door

    url = endpoint_of(settings)
    if _answers(url):
        yield [url]
        return
    from pratique.doors.cli.up_processes import OFF, beside  # noqa: PLC0415 - starts the whole door

    if settings.custody.s3_listen == OFF:
        raise InputError("this installation has no S3 door", remedy="say where one is: --door URL")
    custody = msgspec.structs.replace(settings.custody, s3_listen="127.0.0.1:0")
    with beside(msgspec.structs.replace(settings, custody=custody), verbose=False) as found:
        if found.s3_url is None:
            raise UnavailableError("no S3 door could be started")
        yield [found.s3_url]


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection(address, timeout=2).close()
    except (OSError, ValueError):
        return False
    return True


# ── the suspension ───────────────────────────────────────────────────────────────────────────


def _measured(
    desk: CustodyDesk, scope: ScopeId, targets: Sequence[Target], streams: int
) -> RevocationReport:
    """Suspend, measure, resume; it is resumed whatever happens."""
    from pratique.drill.revocation import measure_revocation  # noqa: PLC0415 - as above

    suspended: list[Scope] = []

    def suspend() -> None:
        suspended.append(desk.existing(scope))
        _set(desk, scope, ScopeState.SUSPENDED, REASON)

    try:
        return asyncio.run(
            measure_revocation(
                targets, scope=scope, streams=streams, fast_rate=_FAST_RATE,
                suspend=suspend, say=_say(),
            )
        )  # fmt: skip
    finally:
        if suspended:
            _change(desk, scope, ScopeState.LIVE, "the drill is over")


def _set(desk: CustodyDesk, scope: ScopeId, state: ScopeState, reason: str) -> None:
    """The ledger, then the state that doors read."""
    desk.change(desk.existing(scope), state, reason=reason)


def _change(desk: CustodyDesk, scope: ScopeId, state: ScopeState, reason: str) -> None:
    """As `pratique scope` does it: ledger, doors, broker."""
    _set(desk, scope, state, reason)
    warning = desk.tell_broker(scope, state, reason=reason, incident="")
    if warning:
        click.echo(warning, err=True)


def _drill_entry(report: RevocationReport) -> Draft:
    return Draft(
        kind="revocation-drill",
        subject=f"scope:{report.scope}",
        actor=operator(),
        body={
            "streams": report.streams,
            "p50_ms": round(report.p50_ms),
            "p99_ms": round(report.p99_ms),
            "bytes_after_max": report.bytes_after_max,
            "nodes": report.nodes,
        },
    )


def _say() -> Callable[[str], None]:
    def say(text: str) -> None:
        if sys.stderr.isatty():
            click.echo(text, err=True)

    return say


def _tell(report: RevocationReport, entry: int) -> None:
    click.echo(f"suspended {describe_scope(ScopeId(report.scope))} under {report.streams} streams")
    click.echo(
        f"  last byte   p50 {report.p50_ms:.0f} ms, p99 {report.p99_ms:.0f} ms, "
        f"slowest {report.slowest_ms:.0f} ms; durable after {report.in_force_ms:.0f} ms   "
        "(bar: p99 1000 ms)"
    )
    click.echo(
        f"  after it    at most {human_bytes(report.bytes_after_max)} of one stream, "
        f"{human_bytes(report.bytes_after_total)} of all   (bar: 2.5 MiB of one)"
    )
    for line in report.processes:
        name = f"process {line.process}" if line.process else "processes that cannot be seen"
        click.echo(
            f"  {line.door}  {name}: {line.streams} streams, p99 {line.p99_ms:.0f} ms, "
            f"at most {human_bytes(line.bytes_after_max)}"
        )
    click.echo(f'  told        {report.told_why} of {report.streams}: "{report.sentence}"')
    if report.not_ended:
        click.echo(f"  {report.not_ended} STREAMS WENT ON FOR TEN SECONDS", err=True)
    click.echo(f"{'held' if report.holds else 'MISSED'}, ledger entry {entry}")
