"""`pratique incident bundle`: an answer with everything it rests on, in one signed file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from pratique.doors.cli.case_verifier import CaseError, check_case
from pratique.doors.cli.evidence_file import write_new
from pratique.doors.cli.options import format_option, home_option
from pratique.doors.cli.response_desk import ResponseDesk, open_response
from pratique.doors.cli.verify_case import verifier_source
from pratique.errors import InputError, IntegrityError
from pratique.exposure.bundle.case import Stamp
from pratique.exposure.bundle.collect import LogReader, Material, build_case
from pratique.exposure.bundle.scope import (
    ClientScope,
    guard_of_client,
    names_of_others,
    narrow,
    scope_of_client,
)
from pratique.exposure.guard import NameGuard
from pratique.exposure.incident import NAMES_IN_GROUP, Incident, IncidentAnswer
from pratique.exposure.standing import find_incident
from pratique.store.log_keys import read_key
from pratique.store.log_names import KEY_FILE
from pratique.store.questions import Known
from pratique.values.instants import now_utc, render_instant

_MAX_FILE = 4 << 20
"""Of tokens, certificates and checkpoints; they have a few thousand bytes."""
_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("name", metavar="ID")
@click.option("-o", "--output", "target", type=_file, required=True, help="The file: case.xpz.")
@click.option("--client", help="Only what concerns this client, and nothing of anybody else.")
@click.option("--evidence", "raw", is_flag=True, help="With raw files; else their hashes.")
@click.option(
    "--replay", is_flag=True, help="With all entries of the log: shows that none is left out."
)
@click.option("--checkpoint", type=_file, help="Prove against this signed checkpoint of the log.")
@click.option(
    "--stamp", "tokens", type=_file, multiple=True, help="Time stamp (.tsr) of --checkpoint."
)
@click.option("--tsa", metavar="URL", help="Fetch a time stamp (RFC 3161) from this authority.")
@click.option(
    "--stamp-certs", "certificates", type=_file, help="PEM of the authority, to go along."
)
@home_option
@format_option
def bundle(
    name: str,
    target: Path,
    client: str | None,
    *,
    raw: bool,
    replay: bool,
    checkpoint: Path | None,
    tokens: tuple[Path, ...],
    tsa: str | None,
    certificates: Path | None,
    home: Path | None,
    form: str,
) -> None:
    """Write an answer with its proofs, for somebody who does not trust us.

    The reader checks it with `pratique verify case.xpz` or with the verifier inside, without network
    or database.
    """
    now = now_utc()
    with open_response(home) as response:
        known = response.desk.known(None, now=now)
        incident = find_incident(response.desk.incidents(), name)
        signer = read_key(
            response.settings.home / "ledger" / KEY_FILE, response.settings.storage.log_origin
        )
        note = response.log.checkpoint() if checkpoint is None else _read(checkpoint).decode()
        reader = LogReader(response.log, note, signer)
        known = Known(min(known.tx, reader.size), known.now)
        answer, scope, guard = _answered(response, incident, known, client)
        material = Material(
            answer=answer,
            query=_query(answer, scope),
            made_at=now,
            verifier=verifier_source(),
            records=response.records(answer),
            evidence=response.evidence if raw else None,
            stamps=_stamps(note, tokens, tsa, certificates),
            replay=replay,
            more_entries=_of_incident(incident, known, scope),
            scope=scope,
            guard=guard,
        )
        data = build_case(material, reader, signer=signer)
    key = signer.verifier.render()
    try:
        check_case(data, key)
    except CaseError as error:
        raise IntegrityError(
            f"the case would not hold: {error}",
            remedy="check the log first: pratique ledger verify",
        ) from error
    write_new(target, data)
    if form == "json":
        made = {"file": str(target), "bytes": len(data), "log_size": reader.size, "key": key}
        click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
        return
    click.echo(f"{target}: {len(data):,} bytes, log of {reader.size} entries")
    click.echo(f"  check it: pratique verify {target} --key {key}")


def _answered(
    response: ResponseDesk, incident: Incident, known: Known, client: str | None
) -> tuple[IncidentAnswer, ClientScope | None, NameGuard | None]:
    """The answer, narrowed to one client when one is named."""
    if client is None:
        return response.desk.answer_incident(incident, known), None, None
    key = client if client.startswith("client:") else f"client:{client}"
    facts, tx = response.facts, known.tx
    scope = scope_of_client(key, facts, tx=tx)
    asked = incident.asked
    assets = scope.assets & set(asked.assets) if asked.assets else scope.assets
    if not assets:
        raise InputError(
            f"no asset is known that concerns {key}",
            expected="an asset that it operates, or that held a credential to its data",
            remedy="sweep for credentials: pratique sweep",
        )
    narrowed = msgspec.structs.replace(asked, assets=tuple(sorted(assets)))
    outcome = response.desk.answer(
        narrowed, known, incident=incident.id, title=incident.title, names=None
    )
    public = {one.name for one in asked.releases} | set(asked.advisories)
    public |= {sighting.name for line in outcome.answer.lines for sighting in line.sightings}
    guard = guard_of_client(scope, names_of_others(scope, facts, tx=tx), public=public)
    return narrow(outcome.answer, scope, guard), scope, guard


def _of_incident(incident: Incident, known: Known, scope: ClientScope | None) -> list[int]:
    """How it was opened, and the newest answer recorded: that one counts everybody's assets."""
    answers = incident.answers[-1:] if scope is None else ()
    found = [incident.entry, *(mark.entry for mark in answers)]
    return [one for one in found if one < known.tx]


def _query(answer: IncidentAnswer, scope: ClientScope | None) -> dict[str, Any]:
    """What `answer_again` needs to ask the same question."""
    return {
        "asked": msgspec.to_builtins(answer.asked),
        "asked_at": render_instant(answer.asked_at),
        "as_known_at": answer.as_known_at,
        "incident": answer.incident,
        "title": answer.title,
        "names_in_group": NAMES_IN_GROUP if scope is None else None,
        "scope": "all" if scope is None else scope.client,
    }


def _stamps(
    note: str, tokens: tuple[Path, ...], tsa: str | None, certificates: Path | None
) -> list[Stamp]:
    """Time stamps, checked where certificates are given: a bad one must not leave the house."""
    pem = _read(certificates) if certificates is not None else b""
    found = [_read(path) for path in tokens]
    if tsa is not None:
        from pratique.edge.time_stamps import fetch_stamp  # noqa: PLC0415 - few cases are stamped

        found.append(fetch_stamp(tsa, note.encode()))
    if pem:
        from pratique.exposure.bundle.stamps import verify_stamp  # noqa: PLC0415 - as above

        for token in found:
            verify_stamp(token, pem, note.encode())
    return [Stamp(token, pem) for token in found]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _MAX_FILE:
        raise InputError(f"{path} is too large", expected=f"at most {_MAX_FILE:,} bytes")
    return data
