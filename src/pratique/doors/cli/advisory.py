"""`pratique advisory`: which releases are bad, as several databases and we ourselves say."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_NOTHING_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.advisory_recording import AdvisoryRecorder, Wanted, parse_packages
from pratique.doors.cli.advisory_text import (
    advisory_lines,
    change_lines,
    contradiction_lines,
    described,
    described_row,
    row_lines,
)
from pratique.doors.cli.desk import answer_open_incidents
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.plain import safe_line
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.edge.advisory_sources import FOLDER, open_source
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.errors import InputError, ValueFormatError
from pratique.exposure.advisories.changes import changes_between
from pratique.exposure.advisories.checks import check_advisory
from pratique.exposure.advisories.model import Advisory
from pratique.exposure.advisories.overlay import combine, parse_overlay
from pratique.store.advisories import AdvisoryStore, RevisionRow
from pratique.values.counting import counted
from pratique.values.instants import now_utc

_SHOWN = 20
"""Warnings and ids named in a text answer."""


@click.group()
def advisory() -> None:
    """Record which releases are bad, and keep every revision."""


@contextmanager
def _opened(home: Path | None) -> Iterator[tuple[Stores, AdvisoryStore, EvidenceStore]]:
    with open_stores(home) as stores:
        evidence = EvidenceStore(stores.settings.home / EVIDENCE_FOLDER)
        yield stores, stores.presence.advisories(evidence.get), evidence


@advisory.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only this advisory (or alias).")
@click.option("--about", multiple=True, metavar="TYPE/NAME", help="Only those about this project.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, record nothing.")
@home_option
@format_option
def add(
    sources: tuple[str, ...],
    ids: tuple[str, ...],
    about: tuple[str, ...],
    dry_run: bool,
    home: Path | None,
    form: str,
) -> None:
    """Record OSV records that are new or have changed.

    SOURCE is a record (.json), a folder of them, an all.zip, or an https URL of one of these. A
    record whose content is the newest one already is not recorded again. Exit code 3 when a record
    could not be read.
    """
    wanted = Wanted(ids=frozenset(ids), packages=parse_packages(about))
    with _opened(home) as (stores, store, evidence):
        now = now_utc()
        recorder = AdvisoryRecorder(
            store=store,
            put_evidence=evidence.put,
            append=lambda drafts: stores.log.append(drafts, now=now),
            now=now,
            actor=operator(),
            dry_run=dry_run,
        )
        for text in sources:
            with _progress(form) as progress:
                source = open_source(text, cache=stores.settings.home / FOLDER, progress=progress)
                for name, data in source.records():
                    recorder.offer(name, data, source=source.text, wanted=wanted)
            recorder.warnings += source.warnings
            recorder.counts["left out"] += len(source.warnings)
        recorder.finish()
        stores.presence.catch_up()
    _tell(recorder, form)
    if recorder.counts["recorded"] and not dry_run:
        answer_open_incidents(home)
    sys.exit(EXIT_UNKNOWN if recorder.counts["left out"] else EXIT_NOTHING_FOUND)


def _tell(recorder: AdvisoryRecorder, form: str) -> None:
    counts = {
        word: recorder.counts[word]
        for word in ("read", "recorded", "unchanged", "not wanted", "left out")
    }
    if form == "json":
        _echo_json(
            {**counts, "dry_run": recorder.dry_run, "ids": recorder.recorded,
             "warnings": recorder.warnings}
        )  # fmt: skip
        return
    verb = "would be recorded" if recorder.dry_run else "recorded"
    click.echo(
        f"{counted(counts['read'], 'record')} read: {counts['recorded']} {verb},"
        f" {counts['unchanged']} unchanged, {counts['not wanted']} not wanted, {counts['left out']} left out"
    )
    for id_ in recorder.recorded[:_SHOWN]:
        click.echo(f"  {id_}")
    if len(recorder.recorded) > _SHOWN:
        click.echo(f"  and {len(recorder.recorded) - _SHOWN} more")
    for warning in recorder.warnings[:_SHOWN]:
        click.echo(safe_line(warning), err=True)
    if len(recorder.warnings) > _SHOWN:
        click.echo(f"and {len(recorder.warnings) - _SHOWN} more warnings", err=True)


@advisory.command("list")
@click.option("--about", metavar="TYPE/NAME", help="Only those about this project.")
@click.option("--alias", metavar="ID", help="Only those with this alias.")
@click.option("--revisions", is_flag=True, help="All revisions, not only the newest.")
@home_option
@format_option
def list_advisories(
    about: str | None, alias: str | None, revisions: bool, home: Path | None, form: str
) -> None:
    """List recorded advisories."""
    with _opened(home) as (_stores, store, _evidence):
        rows = list(_listed(store, about, alias, revisions=revisions))
    if form == "json":
        _echo_json([described_row(row) for row in rows])
        return
    if not rows:
        click.echo("no advisories")
    for line in row_lines(rows):
        click.echo(line)


def _listed(
    store: AdvisoryStore, about: str | None, alias: str | None, *, revisions: bool
) -> Iterator[RevisionRow]:
    if about is None and alias is None:
        newest: Iterable[RevisionRow] = store.newest_rows()
    else:
        ids: set[str] = set()
        for type_, name in parse_packages((about,) if about else ()):
            ids.update(store.mentioning(f"package:{type_}/{name}"))
        ids.update(store.mentioning(f"alias:{alias}") if alias else ())
        newest = [row for id_ in sorted(ids) if (row := store.newest_row(id_)) is not None]
    for row in newest:
        yield from store.revisions(row.id) if revisions else (row,)


@advisory.command()
@click.argument("advisory_id", metavar="ID")
@click.option("--revision", default="", metavar="HASH", help="This one; the newest otherwise.")
@home_option
@format_option
def show(advisory_id: str, revision: str, home: Path | None, form: str) -> None:
    """Show an advisory: record and overlay together.

    ID is the advisory's own id, as in `advisory list`.
    """
    with _opened(home) as (_stores, store, _evidence):
        found = store.load(_row(store, advisory_id, revision).entry)
        rows = store.revisions(advisory_id)
    if form == "json":
        _echo_json({**described(found), "revisions": [described_row(row) for row in rows]})
        return
    for line in advisory_lines(found):
        click.echo(line)
    click.echo(f"  {len(rows)} revisions: {', '.join(row.revision[:12] for row in rows)}")


@advisory.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@home_option
@format_option
def check(ids: tuple[str, ...], home: Path | None, form: str) -> None:
    """Name contradictions in recorded advisories.

    Compares text with versions, windows with each other, versions with what evidence and index
    pages have shown, and aliases with each other. ID may be left out: all are checked. Exit code 1
    when there is a contradiction, 3 when a record cannot be read any more.
    """
    answer: list[dict[str, Any]] = []
    unread = 0
    with _opened(home) as (_stores, store, _evidence):
        rows = [_row(store, id_, "") for id_ in ids] if ids else store.newest_rows()
        for row in rows:
            try:
                found = check_advisory(
                    (one := store.load(row.entry)),
                    known=_versions(one, store.known_versions),
                    listed=_versions(one, _pages(store)),
                    others=_others(store, one),
                )
            except ValueFormatError as error:
                unread += 1
                click.echo(f"{row.id}: {error}", err=True)
                continue
            answer.append({"id": row.id, "contradictions": found})
            if form == "text":
                for line in contradiction_lines(row.id, found):
                    click.echo(line)
    count = sum(len(one["contradictions"]) for one in answer)
    if form == "json":
        _echo_json(answer)
    else:
        click.echo(f"{len(answer)} advisories checked, {count} contradictions")
    sys.exit(EXIT_FOUND if count else EXIT_UNKNOWN if unread else EXIT_NOTHING_FOUND)


def _versions(one: Advisory, ask: Any) -> dict[tuple[str, str], tuple[str, ...]]:  # noqa: ANN401 - two questions of the store
    return {key: tuple(ask(*key)) for key in one.names}


def _pages(store: AdvisoryStore) -> Any:  # noqa: ANN401 - as above
    return lambda type_, name: store.listed_versions(name) if type_ == "pypi" else ()


def _others(store: AdvisoryStore, one: Advisory) -> Iterator[Advisory]:
    names = {one.revision.id, *one.revision.aliases}
    ids = {id_ for name in names for id_ in store.mentioning(f"alias:{name}")} | names
    for id_ in sorted(ids - {one.revision.id}):
        other = store.newest(id_)
        if other is not None:
            yield other


@advisory.command()
@click.argument("advisory_id", metavar="ID")
@click.option("--from", "old", default="", metavar="HASH", help="Older revision; the one before.")
@click.option("--to", "new", default="", metavar="HASH", help="Newer revision; the newest.")
@home_option
@format_option
def diff(advisory_id: str, old: str, new: str, home: Path | None, form: str) -> None:
    """Say what changed between two revisions of an advisory.

    ID is the advisory's own id. Exit code 1 when an answer may depend on the change.
    """
    with _opened(home) as (_stores, store, _evidence):
        later = _row(store, advisory_id, new)
        rows = store.revisions(advisory_id)
        before = [row for row in rows if row.entry < later.entry]
        if not old and not before:
            raise InputError(f"{advisory_id} has one revision only", expected="two revisions")
        earlier = _row(store, advisory_id, old) if old else before[-1]
        changes = changes_between(store.load(earlier.entry), store.load(later.entry))
    if form == "json":
        _echo_json({"from": described_row(earlier), "to": described_row(later), "changes": changes})
    else:
        click.echo(f"{advisory_id}: {earlier.revision[:12]} → {later.revision[:12]}")
        for line in change_lines(changes):
            click.echo(line)
    bears = any(change.bears_on_answers for change in changes)
    sys.exit(EXIT_FOUND if bears else EXIT_NOTHING_FOUND)


@advisory.command()
@click.argument("advisory_id", metavar="ID")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--remove", is_flag=True, help="Take the overlay away.")
@home_option
@format_option
def overlay(
    advisory_id: str, file: Path | None, remove: bool, home: Path | None, form: str
) -> None:
    """Say of an advisory what OSV has no place for: windows, digests, moved refs, behaviour.

    ID is a recorded advisory; FILE is JSON as in docs/reference/advisory-overlay.md. It replaces
    the overlay of before, and stays when the record itself changes.
    """
    if (file is None) == (not remove):
        raise InputError("say what the overlay is", expected="FILE, or --remove")
    with _opened(home) as (stores, store, evidence):
        row = _row(store, advisory_id, "")
        newest = store.load(row.entry)
        told = parse_overlay(_read(file), advisory=advisory_id, source=str(file)) if file else None
        now = now_utc()
        recorder = AdvisoryRecorder(
            store=store,
            put_evidence=evidence.put,
            append=lambda drafts: stores.log.append(drafts, now=now),
            now=now,
            actor=operator(),
        )
        record = store.record_bytes(row.entry)
        changed = recorder.record(combine(newest.revision, told), record)
        recorder.finish()
        stores.presence.catch_up()
    if form == "json":
        _echo_json({"id": advisory_id, "recorded": changed})
    else:
        click.echo(f"{advisory_id}: overlay {'recorded' if changed else 'unchanged'}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error


def _row(store: AdvisoryStore, id_: str, revision: str) -> RevisionRow:
    """The revision that is meant. Raises: InputError."""
    rows = store.revisions(id_)
    if not rows:
        ids = store.mentioning(f"alias:{id_}")
        raise InputError(
            f"no advisory {id_[:80]!r} is recorded",
            remedy=f"it is an alias of {', '.join(ids)}" if ids else "see: pratique advisory list",
        )
    if not revision:
        return rows[-1]
    found = [row for row in rows if row.revision.startswith(revision.lower())]
    if not found:
        raise InputError(
            f"{id_} has no revision {revision[:80]!r}",
            expected=f"the beginning of one of {', '.join(row.revision[:12] for row in rows)}",
        )
    return found[-1]


@contextmanager
def _progress(form: str) -> Iterator[Any]:
    """A progress bar for a person at a terminal; nothing for everybody else."""
    if form != "text" or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only for a terminal
    from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading advisories", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
