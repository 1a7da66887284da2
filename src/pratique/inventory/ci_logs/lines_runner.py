"""What runners and Docker write: actions, images, commands, the run itself, and what they left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.inventory.ci_logs.items import action, image
from pratique.inventory.ci_logs.model import Mention, Said, Started, Tool, Unread
from pratique.inventory.observed.model import Stage

_ACTION: Final = re.compile(
    r"\s*Download action repository '([^'\s]+)'(?: \(SHA:([0-9a-fA-F]{40})\))?"
)
_RUNS_ACTION: Final = re.compile(r"##\[group\]Run ([\w.-]+/[\w./-]+@\S+)\s*\Z")
_PACKAGE: Final = re.compile(r".*Download immutable action package '([^'\s]+)'")
_SOURCE_COMMIT: Final = re.compile(r"\s*Source commit SHA: ([0-9a-fA-F]{40})\s*\Z")
_DIGEST: Final = re.compile(r"\s*Digest: (sha256:[0-9a-f]{64})\s*\Z")
_STATUS: Final = re.compile(
    r"\s*Status: (?:Downloaded newer image|Image is up to date) for (\S+)\s*\Z"
)
_FROM: Final = re.compile(
    r"\s*(?:\[[^\]]*\]\s+FROM|FROM|resolve)\s+(?:--platform=\S+\s+)?(\S+?)(?:\s+(?:AS\s+\S+|done|.*))?\Z",
    re.IGNORECASE,
)
_GITLAB_IMAGE: Final = re.compile(
    r"Using docker image (sha256:[0-9a-f]{64}) for (\S+) with digest (\S+@(sha256:[0-9a-f]{64}))"
)

_COMMAND: Final = re.compile(
    r"(?:\s*(?:\$|\+|>|##\[command\]|\[command\]|\[[^\]]*\]\s+RUN|RUN|&&)\s+)?"
    r"(?:sudo\s+(?:-\S+\s+)*)?(?:[A-Z_][A-Z0-9_]*=\S*\s+)*(\S.*)\Z"
)
_INSTALLS: Final = (
    (Tool.PIP, re.compile(r"(?:\S*python[\d.]*\s+(?:-\S\s+)*-m\s+)?\S*pip[\d.]*x?\s+(?:-\S+\s+)*install\b")),
    (Tool.UV, re.compile(r"\S*uv\s+(?:-\S+\s+)*(?:sync|add|tool\s+install|pip\s+(?:install|sync))\b|uvx\s")),
    (Tool.POETRY, re.compile(r"\S*poetry\s+(?:-\S+\s+)*(?:install|update|add|sync)\b")),
    (Tool.PDM, re.compile(r"\S*pdm\s+(?:-\S+\s+)*(?:install|sync|update|add)\b")),
    (Tool.PNPM, re.compile(r"\S*pnpm\s+(?:-\S+\s+)*(?:install|i|add|update)\b")),
    (Tool.NPM, re.compile(r"\S*npm\s+(?:-\S+\s+)*(?:install|ci|i|add|update)\b|npx\s+-?y?e?s?\s*\S+")),
    (Tool.YARN, re.compile(r"\S*yarn(?:\s+install\b|\s+add\b|\s*\Z|\s+--\S+)")),
    (Tool.BUN, re.compile(r"\S*bun\s+(?:-\S+\s+)*(?:install|i|add)\b|bunx\s")),
)  # fmt: skip
_PLAIN_WORD: Final = re.compile(r"[\w./-]{1,60}|[\w.-]{1,60}==[\w.+!]{1,60}")
_SHOWN_WORDS: Final = 5
_SHELL_BREAK: Final = re.compile(r"\s*(?:&&|\|\||;|\|)\s*")

_CUT: Final = (
    (re.compile(r"log exceeded limit of|exceeded the (?:maximum|limit)[^.]{0,40}log|"
                r"log (?:length )?has exceeded|no more output will be collected", re.IGNORECASE),
     "the log was cut off where it reached its limit"),
    (re.compile(r"(?:logs?|output)\b[^.]{0,60}\b(?:truncated|has been erased|was erased)|"
                r"^\W{0,20}(?:output |log )?truncated\W{0,20}$|\.\.\.\s?output truncated", re.IGNORECASE),
     "parts of the log are missing"),
    (re.compile(r"logs? (?:for this (?:run|job) )?(?:have|has) (?:expired|been archived)|"
                r"logs?\b[^.]{0,40}no longer available|failed to get (?:run )?log|log not found|"
                r"this job does not have a trace", re.IGNORECASE),
     "the log is gone: it expired or was removed"),
)  # fmt: skip


class RunnerLines:
    """Reads lines one after the other; some things are told on several."""

    def __init__(self) -> None:
        self._package = ""
        """The immutable action package whose digest comes next."""
        self._digest = ""
        """The image digest whose name comes next."""

    def say(self, text: str) -> Iterator[Said]:
        """What one line says."""
        mention = self._of_action(text) or self._of_image(text)
        if mention is not None:
            yield mention
        yield from _cut_off(text)

    def _of_action(self, text: str) -> Mention | None:
        if (found := _ACTION.match(text)) is not None:
            item, stage = action(found[1], found[2] or ""), Stage.FETCHED
        elif (found := _RUNS_ACTION.match(text)) is not None:
            item, stage = action(found[1]), Stage.EXECUTED
        elif (found := _PACKAGE.match(text)) is not None:
            self._package = found[1]
            return None
        elif self._package and (found := _SOURCE_COMMIT.match(text)) is not None:
            item, stage = action(self._package, found[1]), Stage.FETCHED
            self._package = ""
        else:
            return None
        return Mention(item, stage, direct=True) if item is not None else None

    def _of_image(self, text: str) -> Mention | None:
        if (found := _GITLAB_IMAGE.search(text)) is not None:
            item, stage = image(found[2], found[4]), Stage.EXECUTED
        elif (found := _DIGEST.match(text)) is not None:
            self._digest = found[1]
            return None
        elif (found := _STATUS.match(text)) is not None:
            item, stage = image(found[1], self._digest), Stage.FETCHED
            self._digest = ""
        elif (found := _FROM.match(text)) is not None and re.search(r"[:@/]", found[1]):
            item, stage = image(found[1]), Stage.FETCHED
        else:
            return None
        return Mention(item, stage) if item is not None else None


def _cut_off(text: str) -> Iterator[Unread]:
    if len(text) < 400:  # noqa: PLR2004 - such a notice is a short line
        for pattern, why in _CUT:
            if pattern.search(text) is not None:
                yield Unread(why)


def say_command(text: str, *, marked: bool) -> Iterator[Started]:
    """Which installers a command line starts.

    `marked`: the surroundings say that this is a command; otherwise its prompt must.
    """
    found = _COMMAND.match(text)
    if found is None or not (marked or found.start(1) > 0):
        return
    for command in _SHELL_BREAK.split(found[1][:4000]):
        for tool, pattern in _INSTALLS:
            words = re.sub(r"^(?:sudo\s+|time\s+|(?:[A-Z_][A-Z0-9_]*=\S*\s+))*", "", command)
            if pattern.match(words) is not None and "--dry-run" not in words:
                yield Started(tool, _shown(words))
                break


def _shown(command: str) -> str:
    """The first words of a command; those that may hold a password are left out."""
    words = command.split()
    shown = [word if _PLAIN_WORD.fullmatch(word) else "…" for word in words[:_SHOWN_WORDS]]
    return " ".join(shown) + (" …" if len(words) > _SHOWN_WORDS else "")
