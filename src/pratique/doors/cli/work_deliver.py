"""`pratique work deliver`: a sealed version handed over, with how its files came to be."""

from __future__ import annotations

import os
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
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.values.instants import now_utc
from pratique.work.entries import delivery_draft
from pratique.work.model import WorkDelivery
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
    with open_work_desk(home) as desk:
        of = desk.project(project)
        if dataset not in of.datasets:
            raise InputError(
                f"{dataset!r} is not a dataset of {of.id}", expected=", ".join(of.datasets)
            )
    with open_work_desk(home) as desk, open_desk(home) as custody:
        work = desk.work.of_project(of.id)
        version = find_version(custody, dataset, number)
        objects = list(custody.custody.version_objects(dataset, version.number))
        origins = Origins(work)
        found = [origins.of(one.sha256) for one in objects]
        lacking = [
            (one, origin) for one, origin in zip(objects, found, strict=True) if origin.lacks
        ]
        if lacking and not despite.strip():
            _refuse(form, lacking, len(objects))
        settings = custody.settings
        signer = read_key(settings.home / "ledger" / KEY_FILE, settings.storage.log_origin)
        checkpoint = open_checkpoint(custody.stores.log.checkpoint(), signer.verifier)
        predicate = delivery_predicate(
            project=of.id,
            dataset=dataset,
            version=version.number,
            root=version.root,
            origins=found,
            work=work,
            reason=despite,
            log={
                "origin": checkpoint.origin,
                "root": checkpoint.root.hex(),
                "size": checkpoint.size,
                "verifier_key": signer.verifier.render(),
            },
            made_at=now,
        )
        subject = [(one.key, one.sha256) for one in objects]
        statement = render_envelope(subject, PREDICATE, predicate, signer=signer) + b"\n"
        lineage = _lineage(custody, desk, version, objects, found)
        described = render_croissant(lineage, objects, endpoint=endpoint_of(settings))
        description = msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
        made = WorkDelivery(
            id=new_id("D"),
            project=of.id,
            dataset=dataset,
            version=version.number,
            root=version.root,
            files=len(objects),
            lacking=len(lacking),
            reason=despite[:500],
            statement_sha256=desk.parties.keep_evidence(statement),
            description_sha256=desk.parties.keep_evidence(description),
        )
        entry = desk.record([delivery_draft(made, actor=operator())], now)
    folder.mkdir(parents=True)
    write_new(folder / "statement.json", statement)
    write_new(folder / "croissant.json", description)
    if form == "json":
        echo_json({"entry": entry, **msgspec.to_builtins(made), "folder": os.fspath(folder)})
        return
    rest = f", {len(lacking):,} of them lacking: {despite}" if lacking else ""
    click.echo(
        f"delivery {made.id}: version {version.number} of {dataset}, {len(objects):,} files{rest},"
        f" ledger entry {entry}"
    )
    click.echo(
        f"check with: pratique verify {folder / 'statement.json'} --key '{signer.verifier.render()}'"
    )


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


def _lineage(
    custody: CustodyDesk,
    desk: WorkDesk,
    version: Version,
    objects: list[StoredObject],
    found: list[Origin],
) -> Lineage:
    """As the dataset's own, with the steps of the work before it."""
    dataset = custody.custody.dataset(version.dataset)
    assert dataset is not None
    work, presence = desk.work, custody.stores.presence
    names = dict.fromkeys(
        name for one in found for name in (*one.submissions, *one.transforms, *one.reviews)
    )
    steps = []
    for name in sorted(names, key=lambda one: work.recorded[one].entry):
        recorded = work.recorded[name]
        act = Act(entry=recorded.entry, at=recorded.at, actor=recorded.actor)
        steps.append((_word(desk, name), act))
    return lineage_of(
        dataset,
        version,
        origin=custody.stores.log.origin,
        events={kind: presence.events(kind) for kind in ("dataset", "dataset-version", "lease")},
        writers={one.by_lease for one in objects if one.by_lease},
        steps=steps,
        made_from={one.sha256: one.submissions for one in found if one.submissions},
    )


def _word(desk: WorkDesk, name: str) -> str:
    work = desk.work
    if name in work.submissions:
        return f"submitted as {name}"
    if name in work.transforms:
        return f"{work.transforms[name].kind.value} {name}"
    return f"reviewed as {name}"
