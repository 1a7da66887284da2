"""`pratique dataset export`: what a client takes away: a version's manifest, or what was sealed to them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pratique.custody.envelope import OURS, part_name, part_plaintext
from pratique.custody.manifest import render_manifest
from pratique.custody.model import Dataset, StoredObject
from pratique.custody.ports import PartStore, Version
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import readable_dataset, standing
from pratique.doors.cli.evidence_file import EVIDENCE_MODE
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError
from pratique.values.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--version", "number", type=int, help="Which version; without it, the newest.")
@click.option("--sealed", is_flag=True, help="Write the sealed files of a sealed dataset instead.")
@home_option
@format_option
def export(
    name: str, target: Path, *, number: int | None, sealed: bool, home: Path | None, form: str
) -> None:
    """Write the manifest of a version: every key with size and SHA-256, and the root they come to.

    TARGET is a new file. With --sealed it is a new folder, which gets one sealed file for each object,
    named by its id; only the client's private key opens them (`pratique submission open`).
    """
    if target.exists():
        raise InputError(f"{target} exists already", remedy="choose another name")
    with open_desk(home) as desk:
        dataset = readable_dataset(desk.custody, name)
        if sealed:
            if number is not None:
                raise InputError(
                    "--sealed writes what stands in the dataset now; leave --version out"
                )
            count = asyncio.run(_sealed_files(desk, dataset, target))
            answer: dict[str, object] = {"dataset": name, "folder": str(target), "files": count}
            said = f"{target}: {counted(count, 'sealed file')} of {name}"
        else:
            version = _version(desk, name, number)
            lines = render_manifest(version, desk.custody.version_objects(name, version.number))
            _write_lines(target, lines)
            answer = {
                "dataset": name, "file": str(target), "version": version.number,
                "root": version.root, "objects": version.objects,
            }  # fmt: skip
            said = (
                f"{target}: version {version.number} of {name}, {counted(version.objects, 'object')}, "
                f"root {version.root}"
            )
    if form == "json":
        echo_json(answer)
    else:
        click.echo(said)


def _version(desk: CustodyDesk, name: str, number: int | None) -> Version:
    found = desk.custody.versions(name)
    for version in reversed(found):
        if number in {None, version.number}:
            return version
    wanted = "sealed version" if number is None else f"version {number}"
    raise InputError(f"dataset {name} has no {wanted}", remedy=f"pratique dataset seal {name}")


def _write_lines(target: Path, lines: Iterable[bytes]) -> None:
    """Whole or not at all, and never over something else."""
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, EVIDENCE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(lines)
            os.link(aside, target)
        finally:
            aside.unlink()
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from error


async def _sealed_files(desk: CustodyDesk, dataset: Dataset, folder: Path) -> int:
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - help needs none of it

    if not dataset.sealed:
        raise InputError(
            f"dataset {dataset.name} is not sealed to its client",
            remedy="its bytes are read with a lease, through the S3 door: pratique lease grant",
        )
    count = 0
    try:
        await asyncio.to_thread(folder.mkdir, 0o700)
        with open_parts(desk.settings) as parts:
            for stored in standing(desk.custody, dataset.name):
                await _sealed_file(parts, stored, folder / f"{stored.id}.sealed")
                count += 1
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    return count


async def _sealed_file(parts: PartStore, stored: StoredObject, target: Path) -> None:
    from pratique.custody.sealing import SealedHeader, render_sealed_header  # noqa: PLC0415 - as above

    header = SealedHeader(
        dataset=stored.dataset,
        object=stored.id,
        name=stored.key,
        size=stored.size,
        sha256=stored.sha256,
        media_type=stored.media_type,
        key=stored.wrapped_key,
    )
    with target.open("xb") as out:
        out.write(render_sealed_header(header))
        for part in range(stored.parts):
            length = OURS.ciphertext(part_plaintext(stored.size, part))
            out.write(await parts.read(part_name(stored.id, part, 0), 0, length))
