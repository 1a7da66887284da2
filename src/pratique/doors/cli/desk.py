"""Opening the desk at which questions about the past are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pratique.ledger.store import LogStore
from pratique.settings import load_settings
from pratique.store.incidents import AnswerDesk
from pratique.store.logs import open_log
from pratique.store.presence import open_presence


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
        closing(open_log(settings, must_exist=True)) as log,
        closing(open_presence(settings, log=log)) as presence,
    ):
        yield AnswerDesk(log, presence, evidence), log
