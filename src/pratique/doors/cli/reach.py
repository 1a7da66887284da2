"""`pratique reach`: which credentials there are, what they open, and whose data that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from pratique.doors.cli.desk import answer_open_incidents
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.plain import safe_line
from pratique.doors.cli.reach_text import described_edge, edge_lines
from pratique.doors.cli.stores import Stores, open_stores, operator
from pratique.errors import InputError
from pratique.exposure.ports import NOW_TX, Edge
from pratique.inventory.observed.entries import RetractionBody, facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    EvidenceClass,
    Fact,
    Look,
    PlaceKind,
    Relation,
)
from pratique.inventory.reach_import.relations import parse_entity
from pratique.inventory.reach_import.tables import (
    COLUMNS,
    MAX_BYTES,
    fact_of,
    read_table,
    template,
    template_rows,
)
from pratique.inventory.secrets.listings import read_listing
from pratique.ledger.entries import Draft
from pratique.values.instants import Instant, now_utc, parse_instant, render_instant
from pratique.values.spans import OPEN, to_micros

_REASON_LENGTH = 500
_RETRACTABLE = ("look", "facts")


@click.group()
def reach() -> None:
    """Record what credentials reach: systems, datasets, clients, vendors."""


# ── tables ───────────────────────────────────────────────────────────────────────────────────


@reach.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--as",
    "table_form",
    type=click.Choice(["csv", "jsonl"]),
    help="What the files are; else told by their names.",
)
@click.option("--refresh", is_flag=True, help="Record again what is known, as still being so.")
@click.option("--dry-run", is_flag=True, help="Check and count, record nothing.")
@home_option
@format_option
def import_facts(
    files: tuple[Path, ...],
    table_form: str | None,
    refresh: bool,
    dry_run: bool,
    home: Path | None,
    form: str,
) -> None:
    """Record facts from CSV or JSON lines: all of them, or none when a line is wrong.

    `pratique reach template` prints the columns. What is known already is not recorded again.
    """
    now = now_utc()
    tables = [
        read_table(_read(file), form=table_form or _form_of(file), name=file.name, now=now)
        for file in files
    ]
    with open_stores(home) as stores:
        known = _Known(stores) if not refresh else None
        drafts: list[Draft] = []
        new = 0
        for file, facts in zip(files, tables, strict=True):
            fresh = [fact for fact in facts if known is None or not known.has(fact)]
            new += len(fresh)
            drafts += facts_drafts(fresh, source=f"import/{file.name[:200]}", actor=operator())
        if drafts and not dry_run:
            stores.log.append(drafts, now=now)
            stores.presence.catch_up()
    if drafts and not dry_run:
        answer_open_incidents(home)
    total = sum(len(facts) for facts in tables)
    if form == "json":
        _echo_json({"facts": total, "recorded": 0 if dry_run else new, "known": total - new,
                    "dry_run": dry_run})  # fmt: skip
    else:
        verb = "would be recorded" if dry_run else "recorded"
        click.echo(f"{total} facts: {new} {verb}, {total - new} known already")


class _Known:
    """Facts that the ledger has; asked once per relation and subject."""

    def __init__(self, stores: Stores) -> None:
        self._queries = stores.presence.inventory
        self._edges: dict[tuple[str, str], Sequence[Edge]] = {}

    def has(self, fact: Fact) -> bool:
        """Whether some entry says the same."""
        key = (fact.relation.value, fact.subject)
        if key not in self._edges:
            self._edges[key] = self._queries.edges_from(key[0], [key[1]], tx=NOW_TX)
        return any(_same(edge, fact) for edge in self._edges[key])


def _same(edge: Edge, fact: Fact) -> bool:
    if (edge.object, edge.note, edge.evidence_class) != (
        fact.object, fact.note, int(fact.evidence_class),
    ):  # fmt: skip
        return False
    span = edge.span
    bounds = (
        (fact.from_lo, span.from_lo),
        (fact.from_hi, span.from_hi),
        (fact.to_lo, span.to_lo),
        (fact.to_hi, span.to_hi),
    )
    told = all(not text or to_micros(parse_instant(text)) == value for text, value in bounds)
    return told and bool(fact.to_hi) == (span.to_hi != OPEN)


def _form_of(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in {".jsonl", ".ndjson"}:
        return "jsonl"
    raise InputError(f"{file} may be anything", expected="--as csv or --as jsonl")


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error


@reach.command("template")
@click.option(
    "--as",
    "table_form",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="Which sort of table.",
)
@format_option
def show_template(table_form: str, form: str) -> None:
    """Print a table to fill in, with a row of each relation."""
    if form == "json":
        _echo_json({"columns": COLUMNS, "rows": template_rows()})
    else:
        click.echo(template(table_form), nl=False)


# ── listings ─────────────────────────────────────────────────────────────────────────────────


@reach.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--asset", required=True, help="Who holds them: a cluster, an account, a repository.")
@click.option(
    "--asset-kind",
    type=click.Choice([kind.value for kind in AssetKind]),
    default=AssetKind.UNKNOWN.value,
    show_default=True,
    help="What sort of thing that is.",
)
@click.option("--prefix", default="", help="Stands before names that the listing leaves relative.")
@click.option("--at", "moment", metavar="INSTANT", help="When it was made; else the file's time.")
@home_option
@format_option
def names(
    file: Path,
    asset: str,
    asset_kind: str,
    prefix: str,
    moment: str | None,
    home: Path | None,
    form: str,
) -> None:
    """Record which secrets a listing names, as vendors' own tools print it in JSON.

    Understood: `kubectl get secrets -o json`, `aws secretsmanager list-secrets`, `aws ssm
    describe-parameters`, `aws iam list-access-keys`, `list-users` and `list-roles`, `vault kv list`,
    `vault secrets list`, `gcloud secrets list`, `az keyvault secret list`, `gh secret list`, `glab
    variable list`. Values in them are not read. A later listing of the same file ends what it lacks.
    """
    identities = read_listing(_read(file), prefix=prefix)
    now = now_utc()
    at = parse_instant(moment) if moment else _changed(file)
    if at > now:
        raise InputError(f"{render_instant(at)} lies in the future", expected="--at INSTANT")
    look = Look(
        asset=parse_entity(f"asset:{asset}").removeprefix("asset:"),
        asset_kind=AssetKind(asset_kind),
        place_kind=PlaceKind.SECRETS,
        locator=f"listing/{file.name}",
        at_lo=at,
        at_hi=at,
        identities=identities,
        evidence_class=EvidenceClass.DECLARED,
        collector="reach/names",
    )
    with open_stores(home) as stores:
        known = stores.presence.inventory
        base = known.last_content(look.asset, look.place_kind, look.locator, look.lineage)
        drafts = look_drafts(look, base=base, is_recorded=known.is_recorded)
        entries = stores.log.append(drafts, now=now)
        stores.presence.catch_up()
    answer_open_incidents(home)
    if form == "json":
        _echo_json({"asset": asset, "identities": len(identities), "at": at, "entry": entries[-1]})
    else:
        click.echo(
            safe_line(
                f"{asset}: {len(identities)} secrets named at {render_instant(at)},"
                f" ledger entry {entries[-1]}"
            )
        )


def _changed(file: Path) -> Instant:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, tz=UTC)
    except (OSError, OverflowError, ValueError) as error:
        raise InputError(f"no time of change of {file}", expected="--at INSTANT") from error


# ── single facts ─────────────────────────────────────────────────────────────────────────────


@reach.command()
@click.argument("identity", metavar="IDENTITY")
@click.option("--at", "moment", required=True, metavar="INSTANT", help="Since when.")
@click.option("--source", default="", help="Where one can check it: a ticket, a log line.")
@home_option
@format_option
def rotated(identity: str, moment: str, source: str, home: Path | None, form: str) -> None:
    """Record that a credential was replaced: from then on earlier values do not work.

    IDENTITY is as `pratique reach show` names it: identity:KIND/NAME.
    """
    _state(Relation.ROTATED, identity, moment, source, home, form)


@reach.command("verified-dead")
@click.argument("identity", metavar="IDENTITY")
@click.option("--at", "moment", required=True, metavar="INSTANT", help="When it was tried.")
@click.option("--source", default="", help="Where one can check it: a ticket, a log line.")
@home_option
@format_option
def verified_dead(identity: str, moment: str, source: str, home: Path | None, form: str) -> None:
    """Record that an earlier value of a credential was tried, and was refused.

    IDENTITY is as `pratique reach show` names it: identity:KIND/NAME.
    """
    _state(Relation.VERIFIED_DEAD, identity, moment, source, home, form)


def _state(
    relation: Relation, identity: str, moment: str, source: str, home: Path | None, form: str
) -> None:
    now = now_utc()
    row = {"relation": relation.value, "subject": identity, "from": moment, "source": source}
    fact = fact_of(row, source="by hand", now=now)
    with open_stores(home) as stores:
        (draft,) = facts_drafts([fact], source="hand", actor=operator())
        entry = stores.record(draft, now=now)
        stores.presence.catch_up()
        held = stores.presence.inventory.edges_to(Relation.HOLDS.value, [fact.subject], tx=NOW_TX)
    answer_open_incidents(home)
    if form == "json":
        _echo_json({"identity": fact.subject, "relation": relation, "entry": entry,
                    "held_by": sorted({edge.subject for edge in held})})  # fmt: skip
        return
    click.echo(safe_line(f"{relation.value} {fact.subject} at {moment}, ledger entry {entry}"))
    if not held:
        click.echo("no fact says yet who holds this identity: is the name right?", err=True)


@reach.command()
@click.argument("entry", type=click.IntRange(min=0), metavar="ENTRY")
@click.option("--fact", type=click.IntRange(min=0), metavar="N", help="Only the fact N of it.")
@click.option("--reason", required=True, help="Why, in a sentence.")
@home_option
@format_option
def retract(entry: int, fact: int | None, reason: str, home: Path | None, form: str) -> None:
    """Take back what an entry said: it no longer counts, and stays in the ledger.

    ENTRY is the sequence of a `look` or `facts` entry; facts in it are counted from 0.
    """
    if not reason.strip() or len(reason) > _REASON_LENGTH or not reason.isprintable():
        raise InputError("the reason cannot be used", expected="one to 500 printable characters")
    with open_stores(home) as stores:
        _check_retraction(stores, entry, fact)
        body = RetractionBody(entry=entry, fact=fact, reason=" ".join(reason.split()))
        draft = Draft(
            kind="retraction",
            subject=f"entry:{entry}",
            actor=operator(),
            body=msgspec.to_builtins(body),
        )
        recorded = stores.record(draft, now=now_utc())
        stores.presence.catch_up()
    answer_open_incidents(home)
    what = f"entry {entry}" if fact is None else f"fact {fact} of entry {entry}"
    if form == "json":
        _echo_json({"retracted": entry, "fact": fact, "entry": recorded})
    else:
        click.echo(f"{what} no longer counts, ledger entry {recorded}")


def _check_retraction(stores: Stores, entry: int, fact: int | None) -> None:
    if entry >= stores.log.size():
        raise InputError(f"the ledger has no entry {entry}", expected="a sequence from reach show")
    said = next(iter(stores.log.entries(entry, entry + 1)))
    if said.kind not in _RETRACTABLE:
        raise InputError(f"entry {entry} is a {said.kind}", expected="a look or facts")
    if fact is None:
        return
    count = len(said.body.get("facts", ()))
    if said.kind != "facts" or fact >= count:
        expected = f"0 to {count - 1}" if said.kind == "facts" else "no --fact for a look"
        raise InputError(f"entry {entry} has no fact {fact}", expected=expected)


# ── what is known ────────────────────────────────────────────────────────────────────────────


@reach.command()
@click.argument("entity", metavar="ENTITY")
@click.option(
    "--as-known-at",
    type=click.IntRange(min=0),
    metavar="SEQUENCE",
    help="From the ledger up to this entry.",
)
@home_option
@format_option
def show(entity: str, as_known_at: int | None, home: Path | None, form: str) -> None:
    """Show every fact about an entity, in both directions, with its ledger entry.

    ENTITY is KIND:NAME, such as asset:build-7, identity:aws-access-key/ci-deploy, client:acme.
    """
    key = parse_entity(entity)
    tx = NOW_TX if as_known_at is None else as_known_at
    with open_stores(home) as stores:
        edges = list(_edges(stores, key, tx))
    if form == "json":
        _echo_json({"entity": key, "facts": [described_edge(edge) for edge in edges]})
        return
    if not edges:
        click.echo(safe_line(f"nothing is known of {key}"))
    for line in edge_lines(edges):
        click.echo(line)


def _edges(stores: Stores, key: str, tx: int) -> list[Edge]:
    queries = stores.presence.inventory
    found: dict[Edge, None] = {}
    for relation in Relation:
        found.update(dict.fromkeys(queries.edges_from(relation.value, [key], tx=tx)))
        found.update(dict.fromkeys(queries.edges_to(relation.value, [key], tx=tx)))
    return list(found)


def _echo_json(answer: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
