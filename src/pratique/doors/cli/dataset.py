"""`pratique dataset`: training data in custody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pratique.custody.budget import rest_bytes, rest_objects
from pratique.custody.manifest import content_of
from pratique.custody.model import Dataset, Lease, ScopeState
from pratique.custody.ports import Version
from pratique.custody.scopes import dataset_scope, state_refusal
from pratique.custody.sizes import human_bytes
from pratique.custody.worst_case import worst_case
from pratique.doors.cli import EXIT_FOUND
from pratique.doors.cli.custody_desk import (
    CustodyDesk,
    echo_json,
    lease_state,
    open_desk,
    unexpired,
)
from pratique.doors.cli.dataset_add import add
from pratique.doors.cli.dataset_check import check
from pratique.doors.cli.dataset_desk import existing_dataset, readable_dataset, seal_next
from pratique.doors.cli.dataset_evidence import EvidenceGroup
from pratique.doors.cli.dataset_export import export
from pratique.doors.cli.dataset_mark import mark
from pratique.doors.cli.dataset_rotate import rotate
from pratique.doors.cli.dataset_shred import shred
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError, IntegrityError
from pratique.values.instants import now_utc, render_instant, render_second


@click.group(cls=EvidenceGroup)
def dataset() -> None:
    """Put data in custody, seal its versions, check it, shred it."""


for _command in (add, check, export, mark, rotate, shred):
    dataset.add_command(_command)


@dataset.command("list")
@home_option
@format_option
def list_datasets(home: Path | None, form: str) -> None:
    """List datasets, shredded ones included."""
    with open_desk(home) as desk:
        found = [(one, *desk.custody.totals(one.name)) for one in desk.custody.datasets()]
    if form == "json":
        echo_json([_described(one, objects, size) for one, objects, size in found])
        return
    if not found:
        click.echo("no datasets; make one with: pratique dataset add")
    for one, objects, size in found:
        what = f"{objects:,} objects, {human_bytes(size)}, version {one.version}"
        if one.shredded_at is not None:
            what = f"shredded {render_second(one.shredded_at)}"
        kind = "sealed to its client, " if one.sealed else ""
        click.echo(f"{one.name:30}  {one.client}  {one.classification}  {kind}{what}")


@dataset.command()
@click.argument("name")
@home_option
@format_option
def show(name: str, home: Path | None, form: str) -> None:
    """Show one dataset: its terms, what is in it, who may read it, and what could leave at worst."""
    now = now_utc()
    with open_desk(home) as desk:
        one = existing_dataset(desk.custody, name)
        objects, size = desk.custody.totals(name)
        versions = desk.custody.versions(name)
        leases = [lease for lease in unexpired(desk.custody.leases(), now) if _reaches(lease, name)]
        worst = _worst(desk, one, leases, size)
        rows = _lease_rows(desk, leases)
    answer = _described(one, objects, size)
    answer |= {
        "versions": [_version(version) for version in versions],
        "leases": rows,
        "worst_case_bytes": worst,
    }
    if form == "json":
        echo_json(answer)
        return
    for title in ("name", "client", "classification", "purposes", "residency", "created_at"):
        value = answer[title]
        click.echo(f"{title:15} {', '.join(value) if isinstance(value, list) else value}")
    if one.sealed:
        click.echo(f"{'sealed to':15} {one.seal_key.hex()}")
    if one.shredded_at is not None:
        click.echo(f"{'shredded':15} {render_instant(one.shredded_at)}: nothing of it can be read")
        return
    click.echo(f"{'objects':15} {objects:,}, {human_bytes(size)}")
    for version in versions[-3:]:
        click.echo(f"{'version':15} {_version_line(version)}")
    for row in rows:
        left = human_bytes(row["left_bytes"] or 0)
        click.echo(f"{'lease':15} {row['id']}  {row['state']}  {row['holder']}  {left} left")
    click.echo(
        f"If every lease on it were in the wrong hands now, {human_bytes(worst)} of it could still leave."
    )


def _reaches(lease: Lease, name: str) -> bool:
    return any(selector.partition("/")[0] == name for selector in lease.selectors)


def _worst(desk: CustodyDesk, one: Dataset, leases: list[Lease], size: int) -> int:
    """Distinct bytes of a dataset that could still be disclosed; never more than it has for each lease."""
    if one.shredded_at is not None or one.sealed:
        return 0
    scopes = {scope.id: scope for scope in desk.custody.scopes()}
    own = scopes.get(dataset_scope(one.name))
    if own is not None and own.state is not ScopeState.LIVE:
        return 0
    bounds = [worst_case(scopes.values(), leases), size]
    rest = None if own is None else rest_bytes(own)
    if rest is not None:
        bounds.append(rest)
    return min(bounds)


def _lease_rows(desk: CustodyDesk, leases: list[Lease]) -> list[dict[str, Any]]:
    now = now_utc()
    scopes = {scope.id: scope for scope in desk.custody.scopes()}
    holds = desk.custody.standing_holds()
    return [
        {
            "id": lease.id,
            "state": lease_state(lease, scopes, now, holds=holds),
            "holder": f"{lease.vendor}/{lease.project}/{lease.holder}",
            "left_bytes": rest_bytes(scopes[lease.scopes[0]]),
            "left_objects": rest_objects(scopes[lease.scopes[0]]),
            "not_after": render_instant(lease.not_after),
            "because": refusal.sentence
            if (refusal := state_refusal(scopes[lease.scopes[0]]))
            else "",
        }
        for lease in leases
    ]


@dataset.command()
@click.argument("name")
@home_option
@format_option
def versions(name: str, home: Path | None, form: str) -> None:
    """List the sealed versions of a dataset."""
    with open_desk(home) as desk:
        existing_dataset(desk.custody, name)
        found = desk.custody.versions(name)
    if form == "json":
        echo_json([_version(version) for version in found])
        return
    if not found:
        click.echo(f"no version was sealed; do it with: pratique dataset seal {name}")
    for version in found:
        click.echo(_version_line(version))


@dataset.command()
@click.argument("name")
@click.option("--source", default="", help="Where it comes from, for the ledger; no secrets.")
@home_option
@format_option
def seal(name: str, source: str, home: Path | None, form: str) -> None:
    """Fix what stands in a dataset now as its next version."""
    with open_desk(home) as desk:
        readable_dataset(desk.custody, name)
        sealed = seal_next(desk, name, source=source or "objects as they stand")
        newest = desk.custody.versions(name)[-1]
    if form == "json":
        echo_json({**_version(newest), "new": sealed is not None})
        return
    said = "" if sealed is not None else "nothing has changed since "
    click.echo(f"{said}version {_version_line(newest)}")


@dataset.command()
@click.argument("name")
@click.option("--version", "number", type=int, help="Which version; without it, all.")
@home_option
@format_option
def verify(name: str, number: int | None, home: Path | None, form: str) -> None:
    """Compute the roots of versions anew, and compare them with what was sealed and recorded.

    Exit code 1 when a version is not what it was. Whether its bytes are: `pratique dataset check`.
    """
    with open_desk(home) as desk:
        existing_dataset(desk.custody, name)
        asked = [one for one in desk.custody.versions(name) if number in {None, one.number}]
        if not asked:
            wanted = "no sealed version" if number is None else f"no version {number}"
            raise InputError(f"dataset {name} has {wanted}", remedy="pratique dataset versions")
        recorded = _recorded(desk, name)
        answers = [_verified(desk, one, recorded.get(one.number)) for one in asked]
    if form == "json":
        echo_json({"dataset": name, "versions": answers})
    else:
        for one in answers:
            said = "holds" if one["holds"] else f"does not hold: {one['why']}"
            click.echo(f"version {one['version']}: {said}; root {one['root']}")
    if not all(one["holds"] for one in answers):
        sys.exit(EXIT_FOUND)


def _recorded(desk: CustodyDesk, name: str) -> dict[int, str]:
    """Roots that the ledger says, by version."""
    roots: dict[int, str] = {}
    for entry in desk.stores.log.entries():
        if entry.kind == "dataset-version" and entry.subject == f"dataset:{name}":
            roots[entry.body["version"]] = entry.body["root"]
    return roots


def _verified(desk: CustodyDesk, version: Version, recorded: str | None) -> dict[str, Any]:
    why = ""
    try:
        content = content_of(desk.custody.version_objects(version.dataset, version.number))
        root = content.root
        if (content.objects, content.bytes) != (version.objects, version.bytes):
            why = (
                f"{content.objects} objects with {content.bytes} bytes, "
                f"not {version.objects} with {version.bytes}"
            )
    except IntegrityError as error:
        root, why = "", error.message
    if root != version.root:
        why = why or f"the root of its objects is {root}"
    elif recorded != version.root:
        why = "the ledger has another root" if recorded else "the ledger does not have it"
    return {"version": version.number, "root": version.root, "holds": not why, "why": why}


def _described(one: Dataset, objects: int, size: int) -> dict[str, Any]:
    return {
        "name": one.name,
        "client": one.client,
        "classification": one.classification,
        "purposes": sorted(one.purposes),
        "residency": one.residency,
        "sealed": one.sealed,
        "created_at": render_instant(one.created_at),
        "shredded_at": render_instant(one.shredded_at) if one.shredded_at else None,
        "version": one.version,
        "objects": objects,
        "bytes": size,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "root": version.root,
        "objects": version.objects,
        "bytes": version.bytes,
        "sealed_at": render_instant(version.sealed_at),
    }


def _version_line(version: Version) -> str:
    return (
        f"{version.number}: {version.objects:,} objects, {human_bytes(version.bytes)}, "
        f"{render_second(version.sealed_at)}, root {version.root}"
    )
