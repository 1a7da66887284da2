"""`pratique dataset log`: what was disclosed to whom, from the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from pratique.custody.runs import render_runs
from pratique.custody.scopes import parse_lease_id, parse_word
from pratique.custody.sizes import human_bytes
from pratique.doors.cli import EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import echo_json
from pratique.doors.cli.options import home_option
from pratique.doors.cli.stores import Stores, open_stores
from pratique.errors import InputError
from pratique.values.counting import counted
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant
from pratique.values.plain_text import printable

if TYPE_CHECKING:
    from pratique.custody.access_log import AccessLog, LeaseRead, ObjectRead

_SHOWN: Final = 20
_NAMES: Final = 3


class _Asked(NamedTuple):
    client: str
    lease: str
    dataset: str


@click.command()
@click.argument("dataset", required=False, metavar="[DATASET]")
@click.option("--client", metavar="NAME", help="Everything that is this client's.")
@click.option("--lease", metavar="ID", help="Everything under this lease.")
@click.option("--since", metavar="INSTANT", help="What was disclosed from then on.")
@click.option("--until", metavar="INSTANT", help="What was disclosed before then.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --client: the client's own log as a file that it verifies offline.",
)
@home_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "ocsf"]),
    default="text",
    show_default=True,
    help="How to answer; ocsf: one event per read, for a SIEM.",
)
def log(
    dataset: str | None,
    *,
    client: str | None,
    lease: str | None,
    since: str | None,
    until: str | None,
    output: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Show what was disclosed to whom: which segments of which objects, distinct, and when.

    Counted from `reads` entries of the ledger. Exit code 3 when some of them cannot be read.
    """
    if form == "ocsf" and output is not None:
        raise InputError(
            "a client's file has one format", expected="--output without --format ocsf"
        )
    if sum(one is not None for one in (dataset, client, lease)) != 1:
        raise InputError("whose log?", expected="one of DATASET, --client NAME and --lease ID")
    start, end = (None if one is None else parse_instant(one) for one in (since, until))
    with open_stores(home) as stores:
        asked = _resolve(stores, dataset, client, lease)
        if output is not None:
            _write(stores, asked, output, whole=start is None and end is None, form=form)
            return
        if form == "ocsf":
            _as_events(stores, asked, start, end)
            return
        found = stores.presence.custody.access_log(
            **asked._asdict(), since=start, until=end, tx=stores.presence.applied()
        )
        show = _as_json if form == "json" else _as_text
        with _keys(stores) as key_of:
            show(found, asked, key_of, start)
    if found.unreadable:
        raise SystemExit(EXIT_UNKNOWN)


def _resolve(stores: Stores, dataset: str | None, client: str | None, lease: str | None) -> _Asked:
    custody = stores.presence.custody
    if lease is not None:
        name = parse_lease_id(lease)
        if custody.client_of(name) is None:
            raise InputError(f"no entry grants a lease {name}", remedy="see: pratique lease list")
        return _Asked("", name, "")
    if client is not None:
        return _Asked(parse_word(client, what="client"), "", "")
    owner = custody.owner_of(dataset or "")
    if owner is None:
        raise InputError(
            f"no entry registers a dataset {dataset!r}", remedy="see: pratique dataset list"
        )
    return _Asked(owner, "", dataset or "")


_KeyOf = Callable[[str], str]


@contextmanager
def _keys(stores: Stores) -> Iterator[_KeyOf]:
    """Keys of objects for the operator's eyes; the ledger has none."""
    from pratique.custody.model import ObjectId  # noqa: PLC0415 - as below
    from pratique.store.custody import open_custody  # noqa: PLC0415 - a file for a client needs none

    with closing(open_custody(stores.settings)) as state:

        @cache
        def key_of(object_id: str) -> str:
            found = state.object_by_id(ObjectId(object_id))
            return "" if found is None else found.key

        yield key_of


# ── text and JSON ────────────────────────────────────────────────────────────────────────────


def _as_text(found: AccessLog, asked: _Asked, key_of: _KeyOf, since: Instant | None) -> None:
    what = f"lease {asked.lease}" if asked.lease else f"client {asked.client}"
    if asked.dataset:
        what = f"dataset {asked.dataset} of {what}"
    span = "" if since is None else f" since {render_instant(since)}"
    if not found.leases:
        click.echo(f"{what}: nothing was disclosed{span}")
    else:
        click.echo(
            f"{what}: {human_bytes(found.bytes)} of {counted(found.objects, 'object')} disclosed{span},"
            f" {counted(found.segments, 'segment')} of 64 KiB, distinct, to"
            f" {counted(len(found.leases), 'lease')} in {counted(found.reads, 'read')}"
        )
    for one in found.leases:
        for row in _lease_rows(one, key_of, every=bool(asked.lease)):
            click.echo(printable(row))
    if found.unreadable:
        click.echo(f"{found.unreadable} entries cannot be read: what they say is not counted")


def _lease_rows(one: LeaseRead, key_of: _KeyOf, *, every: bool) -> Iterator[str]:
    yield (
        f"{one.lease}  {one.holder} of {one.vendor}/{one.project}: {human_bytes(one.bytes)} of"
        f" {one.objects:,} objects, {render_instant(one.first_at)} to {render_instant(one.last_at)}"
    )
    yield (
        f"  {one.reads:,} reads, {human_bytes(one.sent)} with repetitions; from"
        f" {_some(one.addresses)} with {_some(one.agents)}"
    )
    reads = [(dataset.dataset, read) for dataset in one.datasets for read in dataset.objects]
    shown = len(reads) if every else _SHOWN
    for dataset, read in reads[:shown]:
        yield f"  {dataset}  {key_of(read.object) or read.object}  {_object_words(read)}"
    if len(reads) > shown:
        yield f"  … and {len(reads) - shown:,} objects more; --lease {one.lease} shows all"


def _object_words(read: ObjectRead) -> str:
    whole = "all of it" if read.whole else f"segments {render_runs(read.segments)}"
    words = f"{whole}, {human_bytes(read.bytes)}"
    if read.presumed:
        words += f", of these {render_runs(read.presumed)} announced only: presumed disclosed"
    return words


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _as_events(stores: Stores, asked: _Asked, start: Instant | None, end: Instant | None) -> None:
    """One line per read, as they come."""
    import msgspec  # noqa: PLC0415 - as above

    from pratique.custody.ocsf import read_events  # noqa: PLC0415 - as above

    for entry in stores.presence.custody.read_entries(
        **asked._asdict(), since=start, until=end, tx=stores.presence.applied()
    ):
        if start is not None and entry.recorded_at < start:
            continue  # announcements from before are of no use here
        for event in read_events(entry, origin=stores.log.origin):
            click.echo(msgspec.json.encode(event))


def _as_json(found: AccessLog, asked: _Asked, key_of: _KeyOf, since: Instant | None) -> None:
    echo_json(
        {
            **{name: value or None for name, value in asked._asdict().items()},
            "since": None if since is None else render_instant(since),
            "bytes": found.bytes,
            "segments": found.segments,
            "objects": found.objects,
            "reads": found.reads,
            "unreadable": found.unreadable,
            "leases": [lease_json(one, key_of) for one in found.leases],
        }
    )


def lease_json(one: LeaseRead, key_of: _KeyOf) -> dict[str, Any]:
    """What one lease read, for programs."""
    return {
        "lease": one.lease,
        "client": one.client,
        "vendor": one.vendor,
        "project": one.project,
        "holder": one.holder,
        "bytes": one.bytes,
        "segments": one.segments,
        "objects": one.objects,
        "reads": one.reads,
        "sent": one.sent,
        "addresses": one.addresses,
        "agents": one.agents,
        "first_at": render_instant(one.first_at),
        "last_at": render_instant(one.last_at),
        "entries": one.entries,
        "datasets": [
            {
                "dataset": dataset.dataset,
                "bytes": dataset.bytes,
                "segments": dataset.segments,
                "objects": [
                    {
                        "object": read.object,
                        "key": key_of(read.object) or None,
                        "size": read.size,
                        "segments": read.segments,
                        "presumed": read.presumed,
                        "bytes": read.bytes,
                        "whole": read.whole,
                        "marked": read.marked,
                        "canonical": read.canonical,
                        "reads": read.reads,
                        "first_at": render_instant(read.first_at),
                        "last_at": render_instant(read.last_at),
                    }
                    for read in dataset.objects
                ],
            }
            for dataset in one.datasets
        ],
    }


# ── the client's own file ────────────────────────────────────────────────────────────────────


def _write(stores: Stores, asked: _Asked, file: Path, *, whole: bool, form: str) -> None:
    if not asked.client or asked.dataset or not whole:
        raise InputError(
            "a file is a client's whole log: a part of it would show no gap",
            expected="--client NAME --output FILE, without --since and --until",
        )
    from pratique.custody.client_log import render_client_log  # noqa: PLC0415 - as above
    from pratique.doors.cli.evidence_file import write_new  # noqa: PLC0415 - as above
    from pratique.ledger.bundle import ProvenLeaf  # noqa: PLC0415 - as above
    from pratique.store.log_keys import read_key  # noqa: PLC0415 - as above
    from pratique.store.log_names import KEY_FILE  # noqa: PLC0415 - as above

    settings = stores.settings
    signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
    size = stores.presence.applied()
    checkpoint = stores.log.checkpoint()
    own, withheld = _own(stores, asked.client)
    tree_size = _size_of(checkpoint)
    leaves = [
        ProvenLeaf(leaf=leaf, proof=stores.log.prove_inclusion(sequence, size=tree_size))
        for sequence, leaf in own
    ]
    data = render_client_log(
        asked.client,
        leaves,
        checkpoint=checkpoint,
        signer=signer,
        withheld=withheld,
        made_at=now_utc(),
    )
    write_new(file, data)
    key = signer.verifier.render()
    if form == "json":
        told = {"file": str(file), "client": asked.client, "entries": len(leaves)}
        echo_json({**told, "withheld": withheld, "size": size, "verifier_key": key})
        return
    click.echo(
        f"{file}: {counted(len(leaves), 'entry', 'entries')} about data of {asked.client}, with proofs"
    )
    if withheld:
        click.echo(f"{withheld} entries are withheld: their words name somebody else")
    click.echo(f"the client checks it with: pratique verify {file} --key '{key}'")


def _size_of(checkpoint: str) -> int:
    return int(checkpoint.split("\n", 2)[1])


def _own(stores: Stores, client: str) -> tuple[list[tuple[int, bytes]], int]:
    """What goes into a client's file, and how many entries stay out because they name others."""
    from pratique.exposure.guard import NameGuard  # noqa: PLC0415 - as above

    custody = stores.presence.custody
    kinds = custody.own_entries(client, tx=stores.presence.applied())
    read = {
        one.object
        for lease in custody.access_log(client=client, tx=stores.presence.applied()).leases
        for dataset in lease.datasets
        for one in dataset.objects
    }
    about = set(custody.object_entries(read))
    wanted = [
        sequence
        for sequence, kind in kinds.items()
        if kind not in {"object", "object-removed"} or sequence in about
    ]
    guard = NameGuard(custody.others(client), allowed=[client])
    kept = [
        (sequence, leaf)
        for sequence, leaf in custody.leaves(wanted)
        if guard.find_in_bytes(leaf) is None
    ]
    return kept, len(wanted) - len(kept)
