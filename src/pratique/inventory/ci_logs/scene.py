"""Whose log it is: the runner's own lines, the run and job they belong to, and how the log ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pratique.inventory.ci_logs.stamps import Stamp


class Style(StrEnum):
    """Which runner wrote the log."""

    GITHUB = "github"
    GITLAB = "gitlab"
    PLAIN = "plain"


_GH_VIEW: Final = re.compile(r"([^\t]{1,200})\t([^\t]{1,200})\t(?=\ufeff?\d{4}-\d\d-\d\dT)")
_REPOSITORY: Final = re.compile(r"\s*Syncing repository: ([\w.-]+/[\w.-]+)\s*\Z")
_USES: Final = re.compile(r"\s*Uses: ([\w.-]+/[\w.-]+)/\.github/workflows/")
_JOB: Final = re.compile(r"\s*Complete job name: (.{1,200})\Z")
_RUN_URL: Final = re.compile(r"/([\w.-]+/[\w.-]+)/actions/runs/(\d{1,20})\b")
_RUN_ID: Final = re.compile(r"\s*(?:GITHUB_RUN_ID|CI_PIPELINE_ID)[:=]\s*(\d{1,20})\s*\Z")
_GITLAB_PATH: Final = re.compile(r"Git repository in /builds/([\w./-]{1,300}?)/\.git/?")
_SECRET: Final = re.compile(r"  ([A-Za-z_][A-Za-z0-9_]{0,200}): \*\*\*\s*\Z")

_ERROR_PAGE: Final = re.compile(
    r"\b(?:40[0-9]|410|429|50[0-9])\b|not found|forbidden|\bgone\b|expired|access ?denied|"
    r"bad credentials|rate limit|admin rights|authenticat|unauthorized|<html|no longer available",
    re.IGNORECASE,
)
_STATUS_LINE: Final = re.compile(
    r"\W*(?:HTTP/[\d.]+ |HTTP |gh: |error: ?|curl: )?.{0,40}\b(?:40[0-9]|410|429|50[0-9])\b"
    r".{0,200}\Z",
    re.IGNORECASE,
)
_PAGE_LINES: Final = 60
"""An error page is short."""


class Scene:
    """Learns from lines what log this is; one per log."""

    def __init__(self) -> None:
        self.style = Style.PLAIN
        self.repository = ""
        self.run = ""
        self.job = ""
        self.jobs: set[str] = set()
        """All that the log of a whole run names."""
        self.secrets: set[str] = set()
        """Names of masked variables that a step had."""
        self.in_script = False
        """Whether the lines now are the commands of a step, before it runs."""
        self._in_environment = False
        self._whole_job = False
        self._ended = False

    def unwrap(self, line: str) -> str:
        """Without `job TAB step TAB`, which `gh run view --log` puts in front."""
        found = _GH_VIEW.match(line)
        if found is None:
            return line
        self.style = Style.GITHUB
        self.job = self.job or found[1]
        self.jobs.add(found[1])
        return line[found.end() :]

    def note(self, text: str) -> Iterator[str]:
        """Learn from a text; gives sentences on what is missing."""
        stripped = text.strip()
        self._script(text, stripped)
        if stripped.startswith("Current runner version:"):
            self.style, self._whole_job = Style.GITHUB, True
        elif stripped.startswith("Running with gitlab-runner"):
            self.style = Style.GITLAB
        elif stripped.startswith(
            ("Cleaning up orphan processes", "Job succeeded", "ERROR: Job failed")
        ):
            self._ended = True
        elif stripped == "##[error]The operation was canceled.":
            yield "the run was cancelled; the log ends there"
        elif (found := _REPOSITORY.match(text) or _USES.match(text)) is not None:
            self.repository = self.repository or found[1]
        elif (found := _JOB.match(text)) is not None:
            self.job = self.job or found[1].strip()
        elif (found := _GITLAB_PATH.search(text)) is not None:
            self.repository = self.repository or found[1]
        elif (found := _RUN_ID.match(text)) is not None:
            self.run = self.run or found[1]
        elif (url := _RUN_URL.search(text)) is not None and url[1] == self.repository:
            self.run = self.run or url[2]

    def _script(self, text: str, stripped: str) -> None:
        """A GitHub step shows its commands, its shell and its variables in one group."""
        if stripped.startswith("##[group]"):
            self.style = Style.GITHUB
            self.in_script = stripped.startswith("##[group]Run ")
            if stripped == "##[group]GITHUB_TOKEN Permissions":
                self.secrets.add("GITHUB_TOKEN")
            self._in_environment = False
        elif stripped.startswith("##[endgroup]"):
            self.in_script = self._in_environment = False
        elif self.in_script and stripped.startswith("shell: "):
            self.in_script = False
            self._in_environment = True
        elif stripped in {"env:", "with:"}:
            self._in_environment = stripped == "env:"
        elif self._in_environment and (found := _SECRET.match(text)) is not None:
            self.secrets.add(found[1])

    def judge(self, head: bytes, *, lines: int, timed: Stamp | None) -> Iterator[str]:
        """Sentences on what the log as a whole does not tell."""
        text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
        if lines <= _PAGE_LINES and timed is None and _is_error_page(text):
            yield "it is no log but the answer of a server that refused it: expired or not allowed"
        if sum(not (c.isprintable() or c.isspace() or c == "\x1b") for c in text) * 10 > len(text):
            yield "it is no text"
        if self.style is Style.GITHUB and self._whole_job and not self._ended:
            yield "its end is missing: the job still ran, or the log was cut off"
        if self.style is Style.GITLAB and not self._ended:
            yield "its end is missing: the job still ran, or the log was cut off"


def _is_error_page(text: str) -> bool:
    if text.startswith(("{", "<")):
        return _ERROR_PAGE.search(text) is not None
    first = text.partition("\n")[0].strip()
    return len(text) < 1000 and _STATUS_LINE.match(first) is not None  # noqa: PLR2004 - a status is short
