"""Opening the desk at which questions about the past are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pratique.errors import PratiqueError
from pratique.settings import Settings, load_settings
from pratique.store.logs import ask_log
from pratique.store.presence import PresenceStore, open_presence
from pratique.store.questions import QuestionDesk
from pratique.values.instants import now_utc

if TYPE_CHECKING:
    from pratique.ledger.store import LogStore
    from pratique.store.incidents import AnswerDesk


@contextmanager
def open_questions(home: Path | None) -> Iterator[QuestionDesk]:
    """The desk of an installation, for a question that nobody keeps.

    Raises: SettingsError when nothing was ever logged there.
    """
    settings = load_settings(home)
    with _opened(settings) as (log, presence):
        yield QuestionDesk(log, presence, _evidence(settings))


@contextmanager
def open_desk(home: Path | None) -> Iterator[tuple[AnswerDesk, LogStore]]:
    """The desk of an installation with its standing incidents, and its log.

    Raises: SettingsError when nothing was ever logged there.
    """
    from pratique.store.incidents import AnswerDesk  # noqa: PLC0415 - a single question needs none

    settings = load_settings(home)
    with _opened(settings) as (log, presence):
        yield AnswerDesk(log, presence, _evidence(settings)), log


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[LogStore, PresenceStore]]:
    with (
        closing(ask_log(settings)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        yield log, presence


def _evidence(settings: Settings) -> Callable[[str], bytes | None]:
    def evidence(digest: str) -> bytes | None:
        from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore  # noqa: PLC0415 - rare

        return EvidenceStore(settings.home / EVIDENCE_FOLDER).get(digest)

    return evidence


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
