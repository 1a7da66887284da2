"""`pratique work task|submit|transform|review`: what people did, as entries."""

from __future__ import annotations

from pathlib import Path

import click

from pratique.custody.model import StoredObject
from pratique.custody.scopes import parse_word
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
    refs_of,
    whole,
)
from pratique.errors import InputError
from pratique.store.custody import open_custody
from pratique.values.counting import counted
from pratique.values.instants import now_utc
from pratique.work.entries import review_drafts, submission_drafts, task_draft, transform_drafts
from pratique.work.model import (
    FileRef,
    Review,
    ReviewVerdict,
    Submission,
    Task,
    Transform,
    TransformKind,
)


@click.command()
@click.argument("project", metavar="VENDOR/NAME")
@click.argument("title")
@click.option("--dataset", default="", help="What is worked on.")
@click.option("--assign", multiple=True, metavar="HOLDER", help="To whom; more than once for many.")
@click.option(
    "--instructions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What people are told to do; kept, and named by its hash.",
)
@home_option
@format_option
def task(
    project: str,
    title: str,
    *,
    dataset: str,
    assign: tuple[str, ...],
    instructions: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Give somebody work; prints the id that submissions name."""
    now = now_utc()
    with open_work_desk(home) as desk:
        of = desk.project(project)
        if dataset and dataset not in of.datasets:
            raise InputError(
                f"dataset {dataset!r} is not one of {of.id}", expected=", ".join(of.datasets)
            )
        kept = desk.parties.keep_evidence(whole(instructions)) if instructions is not None else ""
        made = Task(
            id=new_id("T"),
            project=of.id,
            title=title[:300],
            dataset=dataset,
            assigned=tuple(desk.holder(of, one) for one in assign),
            instructions_sha256=kept,
        )
        entry = desk.record([task_draft(made, actor=operator())], now)
    _say(form, made.id, entry, f"task {made.id}: {made.title}")


@click.command()
@click.argument("task_id", metavar="TASK")
@click.argument(
    "files", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option("--by", metavar="HOLDER", help="Who hands the files in.")
@click.option(
    "--sealed", metavar="DATASET", help="Instead of files: what leases put into a sealed dataset."
)
@home_option
@format_option
def submit(
    task_id: str,
    files: tuple[Path, ...],
    *,
    by: str | None,
    sealed: str | None,
    home: Path | None,
    form: str,
) -> None:
    """Record what was handed in for a task.

    With --sealed the objects are those that the project's leases put into that dataset and no submission
    has named yet: custody knows who put them. With files somebody says so: --by.
    """
    now = now_utc()
    if (sealed is None) is (not files) or (files and not by):
        raise InputError(
            "what was handed in?", expected="FILE… with --by HOLDER, or --sealed DATASET"
        )
    with open_work_desk(home) as desk:
        found = desk.work.tasks.get(task_id)
        if found is None:
            raise InputError(f"no task {task_id[:60]!r}", remedy="see: pratique work list")
        made = (
            _of_sealed(desk, found, sealed)
            if sealed is not None
            else [_of_files(desk, found, files, by or "")]
        )
        if not made:
            raise InputError(f"nothing new of {found.project} lies in {sealed}")
        drafts = [draft for one in made for draft in submission_drafts(one, actor=operator())]
        entry = desk.record(drafts, now)
    if form == "json":
        lines = [{"id": one.id, "by": one.by, "files": len(one.files)} for one in made]
        echo_json({"entry": entry, "submissions": lines})
        return
    for one in made:
        click.echo(
            f"submission {one.id}: {counted(len(one.files), 'file')} by {one.by}, ledger entry {entry}"
        )


def _of_files(desk: WorkDesk, task: Task, files: tuple[Path, ...], by: str) -> Submission:
    holder = desk.holder(desk.project(task.project), by)
    if task.assigned and holder not in task.assigned:
        raise InputError(
            f"{task.id} is not {holder}'s", expected=f"one of {', '.join(task.assigned)}"
        )
    return Submission(
        id=new_id("S"),
        project=task.project,
        task=task.id,
        by=holder,
        lease="",
        sealed=False,
        files=refs_of(files),
    )


def _of_sealed(desk: WorkDesk, task: Task, dataset: str) -> list[Submission]:
    known = {
        file.object for one in desk.work.submissions.values() for file in one.files if file.object
    }
    custody = open_custody(desk.parties.stores.settings)
    try:
        if custody.dataset(dataset) is None:
            raise InputError(f"no dataset {dataset[:80]!r}", remedy="see: pratique dataset list")
        vendor, _, project = task.project.partition("/")
        leases = {
            one.id: one
            for one in custody.leases()
            if (one.vendor, one.project) == (vendor, project)
        }
        by_lease: dict[str, list[StoredObject]] = {}
        after = ""
        while page := custody.objects(dataset, after=after):
            for stored in page:
                if stored.by_lease in leases and stored.id not in known:
                    by_lease.setdefault(stored.by_lease, []).append(stored)
            after = page[-1].key
    finally:
        custody.close()
    return [
        Submission(
            id=new_id("S"),
            project=task.project,
            task=task.id,
            by=next(one.holder for one in leases.values() if one.id == lease),
            lease=lease,
            sealed=True,
            files=tuple(_ref(one) for one in objects),
        )
        for lease, objects in by_lease.items()
    ]


def _ref(stored: StoredObject) -> FileRef:
    # The key may name a person, so the object's id stands for it.
    return FileRef(sha256=stored.sha256, size=stored.size, name="", object=stored.id)


@click.command()
@project_option
@click.option(
    "--kind",
    type=click.Choice([one.value for one in TransformKind]),
    default="other",
    show_default=True,
    help="What was done.",
)
@click.option("--tool", required=True, help="Name and version of what did it.")
@click.option(
    "--in",
    "inputs",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that went in; may be repeated.",
)
@click.option(
    "--out",
    "outputs",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that came out; may be repeated.",
)
@click.option(
    "--records-in", type=click.IntRange(min=0), default=0, help="How many records went in."
)
@click.option("--records-out", type=click.IntRange(min=0), default=0, help="How many came out.")
@home_option
@format_option
def transform(
    project: str,
    *,
    kind: str,
    tool: str,
    inputs: tuple[Path, ...],
    outputs: tuple[Path, ...],
    records_in: int,
    records_out: int,
    home: Path | None,
    form: str,
) -> None:
    """Record that files were made from files by another tool: said, not seen.

    `work scan` and `work dedupe` record by themselves what they do. Opening sealed submissions is
    `--kind open`: the sealed files are the input, what `pratique submission open` wrote the output.
    """
    now = now_utc()
    with open_work_desk(home) as desk:
        made = Transform(
            id=new_id("X"),
            project=desk.project(project).id,
            kind=TransformKind(kind),
            observed=False,
            tool=tool[:200],
            parameters={},
            inputs=refs_of(inputs),
            outputs=refs_of(outputs),
            records_in=records_in,
            records_out=records_out,
            changed=0,
            found={},
            manifests=(),
        )
        entry = desk.record(transform_drafts(made, actor=operator()), now)
    words = f"transform {made.id}: {counted(len(inputs), 'file')} in, {len(outputs)} out, as somebody says"
    _say(form, made.id, entry, words)


@click.command()
@files_argument
@project_option
@click.option("--by", required=True, metavar="NAME", help="Who looked at them.")
@click.option(
    "--verdict",
    required=True,
    type=click.Choice([one.value for one in ReviewVerdict]),
    help="What they say.",
)
@click.option("--reason", default="", help="Needed to reject.")
@home_option
@format_option
def review(
    files: tuple[Path, ...],
    *,
    project: str,
    by: str,
    verdict: str,
    reason: str,
    home: Path | None,
    form: str,
) -> None:
    """Record that somebody accepted or rejected these very files.

    Whoever submitted what a file was made from cannot accept it: a second person does.
    """
    now = now_utc()
    said = ReviewVerdict(verdict)
    if said is ReviewVerdict.REJECTED and not reason.strip():
        raise InputError("why is it rejected?", expected="--reason WORDS")
    with open_work_desk(home) as desk:
        of = desk.project(project)
        by = parse_word(by, what="reviewer")
        refs = tuple(ref_of(path) for path in files)
        if said is ReviewVerdict.ACCEPTED:
            _check_second(desk, of.id, refs, by)
        made = Review(
            id=new_id("R"), project=of.id, by=by, verdict=said, reason=reason[:500], files=refs
        )
        entry = desk.record(review_drafts(made, actor=operator()), now)
    _say(form, made.id, entry, f"review {made.id}: {by} {said.value} {counted(len(refs), 'file')}")


def _check_second(desk: WorkDesk, project: str, refs: tuple[FileRef, ...], by: str) -> None:
    from pratique.work.origins import Origins, same_person  # noqa: PLC0415 - only reviews need them

    origins = Origins(desk.work.of_project(project))
    for ref in refs:
        people = {same_person(one) for one in origins.of(ref.sha256).people}
        if same_person(by) in people:
            raise InputError(
                f"{by} submitted what {ref.name} was made from",
                remedy="let somebody else look at it",
            )


def _say(form: str, name: str, entry: int, words: str) -> None:
    if form == "json":
        echo_json({"id": name, "entry": entry})
    else:
        click.echo(f"{words}, ledger entry {entry}")
