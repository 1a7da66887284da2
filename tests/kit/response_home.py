"""A home folder with the LiteLLM story of `kit.incidents`, an advisory with its overlay, an incident."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from kit.incidents import ASKED_AT, incident_drafts
from pratique.doors.cli import cli
from pratique.edge.sweep.evidence import EVIDENCE_FOLDER, EvidenceStore
from pratique.home import prepare_home
from pratique.ledger.entries import Draft
from pratique.settings import load_settings
from pratique.store.logs import open_log

BLOB = b"Name: litellm\nVersion: 1.82.8\n"
TITLE = "LiteLLM 1.82.8"


class Home:
    """Runs commands in a home folder."""

    def __init__(self, folder: Path, more: list[Draft] | None = None) -> None:
        self.path = folder
        settings = load_settings(folder)
        prepare_home(folder)
        log = open_log(settings)
        drafts = [d for d in incident_drafts() if d.kind not in {"incident", "advisory-revision"}]
        log.append([*drafts, *(more or [])], now=ASKED_AT)
        self.key = log.verifier_key()
        log.close()
        EvidenceStore(folder / EVIDENCE_FOLDER).put(BLOB)

    def append(self, drafts: list[Draft]) -> None:
        log = open_log(load_settings(self.path))
        log.append(drafts, now=ASKED_AT)
        log.close()

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--home", str(self.path)])

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--format", "json").stdout)

    def open(self) -> Home:
        """Open the incident; its id is `litellm-1.82.8`."""
        opened = self.run("incident", "open", "litellm==1.82.8", "--title", TITLE)
        assert opened.exit_code == 1, opened.output
        return self


ID = "litellm-1.82.8"
