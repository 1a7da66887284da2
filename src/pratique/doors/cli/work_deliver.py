"""`pratique work deliver`: a sealed version handed over, with how its files came to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from pratique.custody.croissant import render_croissant
from pratique.custody.lineage import Act, Lineage, lineage_of
from pratique.custody.model import StoredObject
from pratique.custody.ports import Version
from pratique.custody.statements import render_envelope
from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_delivery import find_version
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.lease_credentials import endpoint_of
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.doors.cli.work_desk import WorkDesk, new_id, open_work_desk, project_option
from pratique.errors import InputError
from pratique.ledger.notes import open_checkpoint
from pratique.parties.model import Project
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.values.counting import counted
from pratique.values.instants import Instant, now_utc
from pratique.work.entries import delivery_draft
from pratique.work.model import Work, WorkDelivery
from pratique.work.origins import Origin, Origins
from pratique.work.statement import PREDICATE, delivery_predicate

_SHOWN = 20


@click.command()
@click.argument("dataset", metavar="DATASET")
@project_option
@click.option("--version", "number", type=int, help="Which version; the newest one.")
@click.option(
    "--to",
    "-o",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for statement and description; must not exist.",
)
@click.option(
    "--despite", default="", metavar="REASON", help="Deliver although something is not shown."
)
@home_option
@format_option
def deliver(
    dataset: str,
    *,
    project: str,
    number: int | None,
    folder: Path,
    despite: str,
    home: Path | None,
    form: str,
) -> None:
    """Hand over a sealed version of DATASET: who made each file, and what was done to it.

    Each file must lead to submissions, have been looked through for data about people and for
    near-duplicates, and been accepted by a second person; else nothing is delivered, what lacks is told,
    and the exit code is 1. Writes an in-toto statement (`pratique verify` checks it) and a Croissant
    description with provenance.
    """
    now = now_utc()
    if folder.exists():
        raise InputError(f"{folder} exists already", remedy="choose another name")
    with open_work_desk(home) as desk, open_desk(home) as custody:
        made = _gather(desk, custody, dataset, desk.project(project), number)
        if made.lacking and not despite.strip():
            _refuse(form, made.lacking, len(made.objects))
        statement, key = _statement(custody, made, despite, now)
        description = _description(custody, made)
        delivery = WorkDelivery(
            id=new_id("D"),
            project=made.project,
            dataset=dataset,
            version=made.version.number,
            root=made.version.root,
            files=len(made.objects),
            lacking=len(made.lacking),
            reason=despite[:500],
            statement_sha256=desk.parties.keep_evidence(statement),
            description_sha256=desk.parties.keep_evidence(description),
        )
        entry = desk.record([delivery_draft(delivery, actor=operator())], now)
    folder.mkdir(parents=True)
    write_new(folder / "statement.json", statement)
    write_new(folder / "croissant.json", description)
    if form == "json":
        echo_json({"entry": entry, **msgspec.to_builtins(delivery), "folder": os.fspath(folder)})
        return
    rest = f", {len(made.lacking):,} of them lacking: {despite}" if made.lacking else ""
    click.echo(
        f"delivery {delivery.id}: version {delivery.version} of {dataset},"
        f" {counted(len(made.objects), 'file')}{rest}, ledger entry {entry}"
    )
    click.echo(f"check with: pratique verify {folder / 'statement.json'} --key '{key}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A version, and how each of its files came to be."""

    project: str
    work: Work
    version: Version
    objects: list[StoredObject]
    origins: list[Origin]

    @property
    def lacking(self) -> list[tuple[StoredObject, Origin]]:
        """Files of which something is not shown."""
        pairs = zip(self.objects, self.origins, strict=True)
        return [(one, origin) for one, origin in pairs if origin.lacks]


def _gather(
    desk: WorkDesk, custody: CustodyDesk, dataset: str, project: Project, number: int | None
) -> _Made:
    if dataset not in project.datasets:
        raise InputError(
            f"{dataset!r} is not a dataset of {project.id}", expected=", ".join(project.datasets)
        )
    version = find_version(custody, dataset, number)
    work = desk.work.of_project(project.id)
    origins = Origins(work)
    objects = list(custody.custody.version_objects(dataset, version.number))
    return _Made(
        project=project.id,
        work=work,
        version=version,
        objects=objects,
        origins=[origins.of(one.sha256) for one in objects],
    )


def _statement(custody: CustodyDesk, made: _Made, reason: str, now: Instant) -> tuple[bytes, str]:
    """The signed statement, and the key that checks it."""
    settings = custody.settings
    signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
    checkpoint = open_checkpoint(custody.stores.log.checkpoint(), signer.verifier)
    key = signer.verifier.render()
    predicate = delivery_predicate(
        project=made.project,
        dataset=made.version.dataset,
        version=made.version.number,
        root=made.version.root,
        origins=made.origins,
        work=made.work,
        reason=reason,
        log={
            "origin": checkpoint.origin,
            "root": checkpoint.root.hex(),
            "size": checkpoint.size,
            "verifier_key": key,
        },
        made_at=now,
    )
    subject = [(one.key, one.sha256) for one in made.objects]
    return render_envelope(subject, PREDICATE, predicate, signer=signer) + b"\n", key


def _description(custody: CustodyDesk, made: _Made) -> bytes:
    lineage = _lineage(custody, made)
    endpoint = endpoint_of(custody.settings)
    described = render_croissant(lineage, made.objects, endpoint=endpoint)
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def _refuse(form: str, lacking: list[tuple[StoredObject, Origin]], every: int) -> None:
    if form == "json":
        lines = [
            {"key": one.key, "sha256": one.sha256, "lacks": origin.lacks} for one, origin in lacking
        ]
        echo_json({"delivered": False, "files": every, "lacking": lines})
    else:
        click.echo(f"not delivered: of {len(lacking):,} of {every:,} files something is not shown")
        for one, origin in lacking[:_SHOWN]:
            click.echo(f"  {one.key}: {'; '.join(origin.lacks)}")
        if len(lacking) > _SHOWN:
            click.echo(f"  and {len(lacking) - _SHOWN:,} more")
    raise SystemExit(EXIT_FOUND)


def _lineage(custody: CustodyDesk, made: _Made) -> Lineage:
    """As the dataset's own, with the steps of the work before it."""
    dataset = custody.custody.dataset(made.version.dataset)
    assert dataset is not None
    work, presence = made.work, custody.stores.presence
    names = {
        name for one in made.origins for name in (*one.submissions, *one.transforms, *one.reviews)
    }
    steps = []
    for name in sorted(names, key=lambda one: work.recorded[one].entry):
        recorded = work.recorded[name]
        act = Act(entry=recorded.entry, at=recorded.at, actor=recorded.actor)
        steps.append((_word(work, name), act))
    return lineage_of(
        dataset,
        made.version,
        origin=custody.stores.log.origin,
        events={kind: presence.events(kind) for kind in ("dataset", "dataset-version", "lease")},
        writers={one.by_lease for one in made.objects if one.by_lease},
        steps=steps,
        made_from={one.sha256: one.submissions for one in made.origins if one.submissions},
    )


def _word(work: Work, name: str) -> str:
    if name in work.submissions:
        return f"submitted as {name}"
    if name in work.transforms:
        return f"{work.transforms[name].kind.value} {name}"
    return f"reviewed as {name}"
