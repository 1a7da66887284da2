"""`pratique submission`: the client's side of sealed intake. Needs no home, no broker, no network."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from pratique.custody.sealing import (
    make_private_key,
    open_sealed,
    parse_private_key,
    read_sealed_header,
    render_private_key,
)
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.options import format_option
from pratique.errors import InputError

_MAX_KEY_FILE = 4096


@click.group()
def submission() -> None:
    """Make a key to seal to, and open what was sealed to it."""


@submission.command("make-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@format_option
def make_key(file: Path, form: str) -> None:
    """Make a private key, and print the public one.

    FILE is for the client alone: whoever has it opens every submission, and without it nobody ever does.
    """
    key = make_private_key()
    write_new(file, render_private_key(key).encode())
    public = key.public_key().public_bytes_raw().hex()
    if form == "json":
        click.echo(msgspec.json.encode({"file": str(file), "public_key": public}))
        return
    click.echo(f"{file}: the private key. Keep a copy offline; it is never made again.")
    click.echo(f"public key, for the dataset that takes submissions: {public}")


@submission.command("open")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with the private key.",
)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write what was submitted; must not exist.",
)
@format_option
def open_submission(file: Path, key_file: Path, target: Path, form: str) -> None:
    """Open a sealed file with the client's private key.

    FILE is what the client downloaded. Nothing is left at the target unless all of it is as it was put.
    """
    key = parse_private_key(_read_key(key_file))
    if target.exists():
        raise InputError(f"{target} exists already", remedy="choose another name")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with file.open("rb") as source:
            header = read_sealed_header(source.read)
            fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(fd, "wb") as out:
                    for plain in open_sealed(header, source.read, key):
                        out.write(plain)
                os.link(aside, target)
            finally:
                aside.unlink()
    except OSError as error:
        raise InputError(f"cannot open {file} to {target}: {error.strerror}") from error
    if form == "json":
        told = {
            "file": str(target),
            "name": header.name,
            "bytes": header.size,
            "sha256": header.sha256,
        }
        click.echo(msgspec.json.encode(told))
    else:
        click.echo(
            f"{target}: {header.name} of {header.dataset}, {header.size} bytes, as it was put"
        )


def _read_key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_KEY_FILE).decode("ascii", "replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
