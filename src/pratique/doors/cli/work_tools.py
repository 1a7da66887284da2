"""`pratique work scan` and `dedupe`: files in, files out, each record known by its hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.custody_desk import echo_json
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.stores import operator
from pratique.doors.cli.work_desk import (
    WorkDesk,
    files_argument,
    new_id,
    open_work_desk,
    project_option,
    ref_of,
    ref_of_bytes,
    whole,
)
from pratique.edge.record_tools.tools import Tool, open_tool
from pratique.errors import InputError
from pratique.values.instants import now_utc
from pratique.work.entries import transform_drafts
from pratique.work.model import FileRef, Transform, TransformKind
from pratique.work.records import Line, Record, has_lines, is_json, is_text, read_records, redact

_REPORT, _REDACT, _DROP = "report", "redact", "drop"
_MANIFEST_BYTES: Final = 16 << 20

_to_option = click.option(
    "--to",
    "-o",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what comes out, under the same names; must not exist.",
)


@dataclass(slots=True)
class _Done:
    """What became of the files."""

    inputs: list[FileRef] = field(default_factory=list)
    outputs: list[FileRef] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    records_out: int = 0
    changed: int = 0
    unread: list[str] = field(default_factory=list)

    @property
    def records_in(self) -> int:
        """Records that were read."""
        return len(self.lines)


@click.command()
@files_argument
@project_option
@_to_option
@click.option(
    "--mode",
    type=click.Choice([_REPORT, _REDACT, _DROP]),
    default=_REDACT,
    show_default=True,
    help="Leave what is found, replace it by its sort, or drop the record.",
)
@click.option("--sort", "sorts", multiple=True, help="Only these, such as EMAIL_ADDRESS.")
@click.option(
    "--least", type=click.FloatRange(0, 1), default=0.4, show_default=True, help="Least score."
)
@home_option
@format_option
def scan(
    files: tuple[Path, ...],
    *,
    project: str,
    folder: Path,
    mode: str,
    sorts: tuple[str, ...],
    least: float,
    home: Path | None,
    form: str,
) -> None:
    """Look through records for data about people, in a confined process; nothing found is ever printed.

    Presidio's patterns find numbers and addresses; names of people only where a spaCy model is installed,
    and the answer says whether one is. Exit code 1 when something was found and left (report), 3 when
    files could not be looked through: they do not come out.
    """
    with open_work_desk(home) as desk, _new_folder(folder, files) as out, open_tool("pii") as tool:
        of = desk.project(project).id
        _check_sorts(sorts, tool)
        done = _Done()
        with _shown(form, files) as step:
            for path in files:
                step(path.name)
                _scan_file(path, out, done, tool, mode, sorts, least)
        parameters = {
            "mode": mode,
            "least": f"{least:g}",
            "sorts": ",".join(sorts),
            "model": tool.hello.model or "none: names of people are not found",
        }
        made = _transform(desk, of, TransformKind.PII, tool.hello.tool, parameters, done)
    _answer(form, made, done, found_is_bad=mode == _REPORT)


def _scan_file(
    path: Path, out: Path, done: _Done, tool: Tool, mode: str, sorts: Sequence[str], least: float
) -> None:
    if not is_text(path.name):
        done.inputs.append(ref_of(path))
        done.unread.append(path.name)
        return
    data = whole(path)
    source = ref_of_bytes(path.name, data)
    done.inputs.append(source)
    lines = has_lines(path.name)
    kept: list[bytes] = []
    for record in read_records(path.name, data):
        spans = tool.spans([text for _, text in record.texts], sorts=sorts, least=least)
        found = tuple(
            (pointer, span.sort, span.end - span.start)
            for (pointer, _), each in zip(record.texts, spans, strict=True)
            for span in each
        )
        done.found.update(sort for _, sort, _ in found)
        clean = (
            redact(record, spans, structured=is_json(path.name)) if mode == _REDACT else record.data
        )
        dropped = mode == _DROP and bool(found)
        done.changed += clean != record.data or dropped
        if not dropped:
            kept.append(clean)
        became = "" if dropped else hashlib.sha256(clean).hexdigest()
        done.lines.append(_line(source, record, became=became, found=found))
    done.records_out += len(kept)
    _write(out / path.name, kept, lines=lines, done=done)


@click.command()
@files_argument
@project_option
@_to_option
@click.option(
    "--threshold",
    type=click.FloatRange(0.5, 1),
    default=0.8,
    show_default=True,
    help="Share of runs of five words that two records have in common.",
)
@home_option
@format_option
def dedupe(
    files: tuple[Path, ...],
    *,
    project: str,
    folder: Path,
    threshold: float,
    home: Path | None,
    form: str,
) -> None:
    """Drop records that nearly repeat an earlier one, of these files together.

    Which record stayed in its place is kept for each that was dropped. Exit code 3 when files could not be
    compared because they are no text: they do not come out.
    """
    with (
        open_work_desk(home) as desk,
        _new_folder(folder, files) as out,
        open_tool("duplicates") as tool,
    ):
        of = desk.project(project).id
        done = _Done()
        firsts: list[str] = []
        with _shown(form, files) as step:
            for path in files:
                step(path.name)
                _dedupe_file(path, out, done, tool, threshold, firsts)
        parameters = {"threshold": f"{threshold:g}", "shingle": "5 words", "permutations": "128"}
        made = _transform(desk, of, TransformKind.DUPLICATES, tool.hello.tool, parameters, done)
    _answer(form, made, done, found_is_bad=False)


def _dedupe_file(
    path: Path, out: Path, done: _Done, tool: Tool, threshold: float, firsts: list[str]
) -> None:
    if not is_text(path.name):
        done.inputs.append(ref_of(path))
        done.unread.append(path.name)
        return
    data = whole(path)
    source = ref_of_bytes(path.name, data)
    done.inputs.append(source)
    kept: list[bytes] = []
    for record in read_records(path.name, data):
        words = "\n".join(text for pointer, text in record.texts if not pointer.endswith("#"))
        near = tool.repeats(words, threshold=threshold)
        firsts.append(record.sha256)
        if near < 0:
            kept.append(record.data)
            done.lines.append(_line(source, record, became=record.sha256))
        else:
            done.changed += 1
            done.found["near-duplicate"] += 1
            done.lines.append(_line(source, record, like=firsts[near]))
    done.records_out += len(kept)
    _write(out / path.name, kept, lines=has_lines(path.name), done=done)


def _line(
    source: FileRef,
    record: Record,
    *,
    became: str = "",
    like: str = "",
    found: tuple[tuple[str, str, int], ...] = (),
) -> Line:
    return Line(
        file=source.sha256,
        number=record.number,
        record=record.sha256,
        became=became,
        like=like,
        found=found,
    )


def _write(path: Path, kept: Sequence[bytes], *, lines: bool, done: _Done) -> None:
    """Write what came out; a file of which nothing is left does not come out."""
    if not kept:
        return
    data = b"".join(record + b"\n" for record in kept) if lines else kept[0]
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    done.outputs.append(ref_of_bytes(path.name, data))


@contextmanager
def _new_folder(folder: Path, files: Sequence[Path]) -> Iterator[Path]:
    """A folder that is there, with all that came out, only when the block has ended well."""
    names = Counter(path.name for path in files)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise InputError(f"two files are called {twice}", remedy="give one another name")
    if folder.exists():
        raise InputError(f"{folder} exists already", remedy="choose another name")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror}") from error
    try:
        yield aside
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _transform(
    desk: WorkDesk,
    project: str,
    kind: TransformKind,
    tool: str,
    parameters: dict[str, str],
    done: _Done,
) -> tuple[Transform, int]:
    """Keep the list of records, then record what was done."""
    found = dict(sorted(done.found.items()))
    if done.unread:
        found["unread"] = len(done.unread)
    made = Transform(
        id=new_id("X"),
        project=project,
        kind=kind,
        observed=True,
        tool=tool,
        parameters=parameters,
        inputs=tuple(done.inputs),
        outputs=tuple(done.outputs),
        records_in=done.records_in,
        records_out=done.records_out,
        changed=done.changed,
        found=found,
        manifests=tuple(desk.parties.keep_evidence(piece) for piece in _manifests(done.lines)),
    )
    return made, desk.record(transform_drafts(made, actor=operator()), now_utc())


def _manifests(lines: Sequence[Line]) -> Iterator[bytes]:
    piece: list[bytes] = []
    size = 0
    for line in lines:
        data = msgspec.json.encode(line) + b"\n"
        if size + len(data) > _MANIFEST_BYTES and piece:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(data)
        size += len(data)
    if piece:
        yield b"".join(piece)


def _check_sorts(sorts: Sequence[str], tool: Tool) -> None:
    wrong = [sort for sort in sorts if sort not in tool.hello.sorts]
    if "PERSON" in wrong:
        raise InputError(
            "names of people are not found here: no language model is installed",
            remedy="install a spaCy model of English, such as en_core_web_sm",
        )
    if wrong:
        raise InputError(f"no sort {wrong[0]!r}", expected=", ".join(tool.hello.sorts))


@contextmanager
def _shown(form: str, files: Sequence[Path]) -> Iterator[Callable[[str], None]]:
    """A bar of files for a person at a terminal; nothing for everybody else."""
    if form != "text" or not sys.stderr.isatty():
        yield lambda _name: None
        return
    with click.progressbar(length=len(files), file=sys.stderr, show_pos=True) as bar:
        yield lambda _name: bar.update(1)


def _answer(form: str, recorded: tuple[Transform, int], done: _Done, *, found_is_bad: bool) -> None:
    made, entry = recorded
    if form == "json":
        echo_json({"entry": entry, **msgspec.to_builtins(made), "unread": done.unread})
    else:
        click.echo(
            f"transform {made.id}: {made.records_in:,} records in, {made.records_out:,} out,"
            f" {made.changed:,} changed or dropped, ledger entry {entry}"
        )
        for sort, count in made.found.items():
            if sort != "unread":
                click.echo(f"  {sort}  {count:,}")
        if made.kind is TransformKind.PII:
            click.echo(f"  language model: {made.parameters['model']}")
        for name in done.unread[:20]:
            click.echo(f"  not looked through, and not passed on: {name}", err=True)
    if done.unread:
        raise SystemExit(EXIT_UNKNOWN)
    if found_is_bad and made.found:
        raise SystemExit(EXIT_FOUND)
