"""Opening the desk at which questions about the past are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from pratique.errors import PratiqueError
from pratique.ledger.store import LogStore
from pratique.settings import load_settings
from pratique.store.incidents import AnswerDesk
from pratique.store.logs import ask_log
from pratique.store.presence import open_presence
from pratique.values.instants import now_utc


@contextmanager
def open_desk(home: Path | None) -> Iterator[tuple[AnswerDesk, LogStore]]:
    """The desk of an installation, and its log.

    Raises: SettingsError when nothing was ever logged there.
    """
    settings = load_settings(home)

    def evidence(digest: str) -> bytes | None:
        from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore  # noqa: PLC0415 - rare

        return EvidenceStore(settings.home / EVIDENCE_FOLDER).get(digest)

    with (
        closing(ask_log(settings)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        yield AnswerDesk(log, presence, evidence), log


def answer_open_incidents(home: Path | None) -> None:
    """Answer open incidents anew after something was recorded, and say on stderr what changed.

    What fails here fails none of what the command did before; it is said, and asked again later.
    """
    from pratique.doors.cli.stores import operator  # noqa: PLC0415 - only this needs it

    try:
        with open_desk(home) as (desk, _):
            now = now_utc()
            for one in desk.answer_all(actor=operator(), now=now, most=_MOST):
                if one.difference is not None:
                    count = len(one.difference.sentences)
                    click.echo(
                        f"incident {one.incident.id}: {count} changes in the answer; see"
                        f" `pratique incident diff {one.incident.id}`",
                        err=True,
                    )
    except PratiqueError as error:
        click.echo(
            f"open incidents were not answered anew ({error}); run: pratique incident answer --all",
            err=True,
        )


_MOST = 20
"""Incidents answered after a command; a running door, or `incident answer --all`, does the rest."""
