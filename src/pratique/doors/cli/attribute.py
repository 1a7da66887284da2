"""`pratique attribute`: whose copy a leaked sample is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from pratique.doors.cli import EXIT_FOUND, EXIT_UNKNOWN
from pratique.doors.cli.attribute_text import as_json, print_answers
from pratique.doors.cli.custody_desk import CustodyDesk, echo_json, open_desk
from pratique.doors.cli.dataset_desk import readable_dataset
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.options import format_option, home_option
from pratique.errors import InputError
from pratique.ledger.export import Selection, export_bundle

if TYPE_CHECKING:
    from pratique.custody.marks.attribution import DatasetAnswer
    from pratique.edge.custody.attributing import AttributingGround
    from pratique.edge.custody.leaked import Looked

_LOOSEST: Final = 0.01
_STRICTEST: Final = 1e-15


@click.command()
@click.argument(
    "samples", nargs=-1, metavar="SAMPLE...", type=click.Path(path_type=Path, exists=True)
)
@click.option("--dataset", "datasets", multiple=True, help="Only this dataset; may be repeated.")
@click.option(
    "--bound",
    type=click.FloatRange(_STRICTEST, _LOOSEST),
    default=1e-6,
    show_default=True,
    help="Highest chance of naming anybody innocent, proven for this sample.",
)
@click.option(
    "--observed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help='What a detector of yours read: lines of {"mark": 17, "bit": 1}; needs one --dataset.',
)
@click.option(
    "--evidence",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the ledger's entries with their proofs here, for `pratique verify`.",
)
@home_option
@format_option
def attribute(
    samples: tuple[Path, ...],
    *,
    datasets: tuple[str, ...],
    bound: float,
    observed: Path | None,
    evidence: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Name the lease whose copy was leaked, or say that it cannot be told.

    SAMPLE is a file or folder of leaked data: JSON Lines, JSON, CSV, Parquet, text, pictures; shuffled,
    written anew or a small part. Exit code 1 when a lease is named, 3 when it cannot be said, 2 when
    there is nothing in SAMPLE that can be read.
    """
    if not samples and observed is None:
        raise InputError("nothing to look at", expected="a SAMPLE, or --observed FILE")
    if observed is not None and len(datasets) != 1:
        raise InputError("--observed needs the --dataset that its marks are of")
    if evidence is not None and evidence.exists():
        raise InputError(f"{evidence} exists already", remedy="choose another name")
    extra = _observed(observed) if observed is not None else {}
    with open_desk(home) as desk, _ground(desk, bound) as ground:
        names = _names(desk, datasets)
        looked, answers = asyncio.run(_answers(ground, names, samples, extra))
        if evidence is not None:
            write_new(evidence, _bundle(desk, answers))
        key = desk.stores.log.verifier_key()
    leases = {lease.id: lease for lease in ground.leases}
    if form == "json":
        echo_json(as_json(looked, answers, leases, verifier_key=key))
    else:
        print_answers(looked, answers, leases)
        if evidence is not None:
            click.echo(
                f"evidence: {evidence}; check with: pratique verify {evidence} --key '{key}'"
            )
    sys.exit(
        EXIT_FOUND if any(one.outcome.named or one.holders for one in answers) else EXIT_UNKNOWN
    )


def _names(desk: CustodyDesk, given: tuple[str, ...]) -> list[str]:
    """Datasets with marks that can still be asked about. Raises: InputError."""
    if given:
        names = [readable_dataset(desk.custody, name).name for name in given]
    else:
        names = [
            one.name
            for one in desk.custody.datasets()
            if one.shredded_at is None and not one.sealed
        ]
    marked = [name for name in names if desk.custody.mark_runs(name)]
    if not marked:
        raise InputError(
            "nothing here has marks",
            remedy="mark datasets before leases read them: pratique dataset mark",
        )
    return marked


@contextmanager
def _ground(desk: CustodyDesk, bound: float) -> Iterator[AttributingGround]:
    from pratique.edge.custody.attributing import AttributingGround  # noqa: PLC0415 - as above
    from pratique.edge.custody.broker_admin import broker_running  # noqa: PLC0415 - as above
    from pratique.edge.custody.operator_parts import OperatorParts  # noqa: PLC0415 - as above
    from pratique.edge.custody.part_places import open_parts  # noqa: PLC0415 - help needs none of it

    clients = {one.name: one.client for one in desk.custody.datasets()}
    with ExitStack() as stack:
        parts = stack.enter_context(open_parts(desk.settings))
        admin = stack.enter_context(broker_running(desk.settings))
        log, reads = desk.stores.log, desk.stores.presence.custody
        yield AttributingGround(
            marks=desk.custody,
            admin=admin,
            parts=OperatorParts(parts, admin),
            leases=desk.custody.leases(),
            entry=lambda sequence: next(log.entries(sequence, sequence + 1)),
            access_log=lambda name: reads.access_log(client=clients[name], dataset=name),
            bound=bound,
        )


async def _answers(
    ground: AttributingGround, names: list[str], samples: tuple[Path, ...], extra: Mapping[int, int]
) -> tuple[Looked, list[DatasetAnswer]]:
    from pratique.edge.custody.attributing import answer, open_dataset  # noqa: PLC0415 - as above
    from pratique.edge.custody.leaked import read_sample  # noqa: PLC0415 - as above

    opened = [found for name in names if (found := await open_dataset(ground, name))]
    readings = [reading for dataset in opened for _, reading in dataset.readings]
    looked = read_sample(samples, readings)
    for dataset in opened:
        if extra and max(extra) >= dataset.marks:
            raise InputError(
                f"dataset {dataset.name} has no mark {max(extra)}",
                expected=f"0 to {dataset.marks - 1}",
            )
    answers = [answer(ground, dataset, extra) for dataset in opened]
    return looked, [one for one in answers if one.positions] or answers


class _Observed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mark: int
    bit: int


def _observed(path: Path) -> dict[int, int]:
    """What somebody else's detector read. Raises: InputError."""
    found: dict[int, int] = {}
    try:
        lines = path.read_bytes().splitlines()
        for line in filter(None, lines):
            one = msgspec.json.decode(line, type=_Observed)
            if one.bit not in {0, 1} or one.mark < 0:
                raise ValueError(one)  # noqa: TRY301 - one answer to all that is wrong with a line
            found[one.mark] = one.bit
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError):
        raise InputError(
            f"{path} is not what a detector read", expected='lines of {"mark": 17, "bit": 1}'
        ) from None
    return found


def _bundle(desk: CustodyDesk, answers: list[DatasetAnswer]) -> bytes:
    """The entries that an answer rests on, with their proofs."""
    wanted: set[int] = set()
    for one in answers:
        wanted.update(one.marks_entries)
        for proof in one.proofs.values():
            wanted.add(proof.entry)
            if proof.first_read is not None:
                wanted.add(proof.first_read)
    return export_bundle(desk.stores.log, Selection(sequences=frozenset(wanted))).data
