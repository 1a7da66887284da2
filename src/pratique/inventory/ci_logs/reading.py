"""One job's log as a whole: what it names, when, and what it does not tell.

The rules that keep a log from looking clean when it is not:

1. Empty, cut off, expired, an error page, no text, or unlike any job's log: not whole.
2. An installer was started and nothing after says what it installed (`pip install -q`): not whole.
3. A tool says how many packages it installed and names fewer: not whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pratique.inventory.ci_logs.cutting import LineCutter, RawLine
from pratique.inventory.ci_logs.lines_node import say_node
from pratique.inventory.ci_logs.lines_python import read_row, say_python
from pratique.inventory.ci_logs.lines_runner import RunnerLines, say_command
from pratique.inventory.ci_logs.model import (
    Counted,
    Listing,
    Mention,
    Named,
    Present,
    Said,
    Started,
    Tool,
    Unread,
)
from pratique.inventory.ci_logs.scene import Scene, Style
from pratique.inventory.ci_logs.stamps import Stamp, parse_stamp
from pratique.inventory.observed.model import Gap, Stage

MAX_MENTIONS: Final = 200_000
MAX_GAPS: Final = 200
_LONG: Final = 4096
"""Longer texts are only read as pip's list of what it installed."""
_PREFIX: Final = re.compile(r"(?:#\d+ (?:\d+\.\d+ )?|[\w.-]{1,60}\s*\|\s)")
_NODE_TOOLS: Final = (Tool.NPM, Tool.PNPM, Tool.BUN, Tool.YARN)


class Seen(NamedTuple):
    """A mention with its place and time in the log."""

    mention: Mention
    line: int
    lo: int | None
    hi: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReading:
    """What the log of one job says."""

    seen: tuple[Seen, ...]
    gaps: tuple[Gap, ...]
    whole: bool
    lo: int | None
    """Earliest instant at which it may have begun; None: the log has no times."""
    hi: int | None
    """Latest at which it may have ended."""
    local_times: bool
    scene: Scene
    lines: int


@dataclass(slots=True)
class _Tally:
    """What was announced and not yet told, per tool."""

    pending: dict[Tool, list[tuple[int, str]]] = field(default_factory=dict)
    counted: dict[Tool, int] = field(default_factory=dict)
    present: dict[Tool, int] = field(default_factory=dict)
    named: dict[Tool, int] = field(default_factory=dict)
    burst: bool = False
    """pip spoke of what was there already, and the installation that it belongs to has not ended."""

    def close(self, tool: Tool, *, final: bool = True) -> None:
        """A tool told what it did."""
        if tool is Tool.PIP and (self.burst or not final):
            if not self.burst:
                self._pop(tool)
            self.burst = not final
            return
        self._pop(tool)

    def _pop(self, tool: Tool) -> None:
        waiting = self.pending.get(tool)
        if waiting:
            waiting.pop(0)


class JobReader:
    """Reads one log: feed it bytes, then `finish`."""

    def __init__(self, name: str) -> None:
        """`name` stands in gaps: a path, or `archive!member`."""
        self._name = name
        self._cutter = LineCutter(follow=lambda: self._table)
        self._table = False
        self._dry_run = False
        self._scene = Scene()
        self._runner = RunnerLines()
        self._seen: list[Seen] = []
        self._gaps: dict[str, int] = {}
        self._tally = _Tally()
        self._first: Stamp | None = None
        self._last: Stamp | None = None
        self._local = False
        self._dropped = 0
        self._head = b""
        self._spoke = False

    def feed(self, chunk: bytes) -> None:
        """Take in bytes."""
        if len(self._head) < _LONG:
            self._head += chunk[: _LONG - len(self._head)]
        for line in self._cutter.feed(chunk):
            self._line(line)

    def finish(self, *, cut: str = "") -> JobReading:
        """All bytes came; `cut` says why not, if so."""
        for line in self._cutter.close():
            self._line(line)
        self._end_time()
        self._judge(cut)
        gaps = tuple(Gap(what=self._where(line), why=why) for why, line in self._gaps.items())
        return JobReading(
            seen=tuple(self._seen),
            gaps=gaps,
            whole=not gaps,
            lo=self._first.lo if self._first else None,
            hi=self._last.hi if self._last else None,
            local_times=self._local,
            scene=self._scene,
            lines=self._cutter.lines,
        )

    # ── lines ────────────────────────────────────────────────────────────────────────────────

    def _line(self, line: RawLine) -> None:
        text = self._scene.unwrap(line.text)
        stamp = parse_stamp(text)
        if stamp is not None:
            self._timed(stamp)
            text = text[stamp.end :]
        prefix = _PREFIX.match(text)
        text = text[prefix.end() :] if prefix else text
        if not text.strip():
            self._table = False
        for piece in dict.fromkeys(text.split("\r")):
            if piece.strip():
                self._piece(piece, line.number, stamp)

    def _timed(self, stamp: Stamp) -> None:
        if self._first is None or stamp.lo < self._first.lo:
            self._first = stamp
        if self._last is None or stamp.hi > self._last.hi:
            self._last = stamp
        self._local = self._local or stamp.local

    def _piece(self, text: str, number: int, stamp: Stamp | None) -> None:
        if self._table:
            row = read_row(text)
            if isinstance(row, Mention):
                self._mention(row, number, stamp)
            self._table = bool(row)
            if row:
                return
        for said in self._say(text):
            self._heard(said, number, stamp)

    def _say(self, text: str) -> Iterator[Said]:
        if len(text) > _LONG:
            if "Successfully installed " in text[:_LONG]:
                yield from say_python(text, dry_run=False)
            return
        for name in self._scene.note(text):
            yield Unread(name)
        stripped = text.strip()
        if stripped.startswith(("Would install", "Would download", "Would uninstall")):
            self._dry_run = True
        elif stripped.startswith("Installed "):
            self._dry_run = False
        yield from self._runner.say(text)
        started = tuple(say_command(text, marked=self._scene.in_script))
        yield from started
        if not started:
            yield from say_node(text)
        yield from say_python(text, dry_run=self._dry_run)

    def _heard(self, said: Said, number: int, stamp: Stamp | None) -> None:
        self._spoke = True
        match said:
            case Mention():
                self._mention(said, number, stamp)
            case Started():
                self._tally.pending.setdefault(said.tool, []).append((number, said.command))
            case Named():
                self._tally.named[said.tool] = self._tally.named.get(said.tool, 0) + 1
                if said.tool is Tool.PIP:
                    self._tally.close(said.tool, final=said.final)
            case Counted():
                counted = self._tally.counted
                counted[said.tool] = counted.get(said.tool, 0) + said.packages
                self._tally.close(said.tool)
            case Present():
                present = self._tally.present
                present[said.tool] = max(present.get(said.tool, 0), said.packages)
                self._tally.close(said.tool)
            case Listing():
                self._table = True
            case Unread():
                self._gap(said.why, number)

    def _mention(self, mention: Mention, number: int, stamp: Stamp | None) -> None:
        if len(self._seen) >= MAX_MENTIONS:
            self._dropped += 1
            return
        lo, hi = (stamp.lo, stamp.hi) if stamp else (None, None)
        self._seen.append(Seen(mention, number, lo, hi))

    def _gap(self, why: str, line: int = 0) -> None:
        if len(self._gaps) < MAX_GAPS:
            self._gaps.setdefault(why, line)

    def _where(self, line: int) -> str:
        return f"{self._name}, line {line}" if line else self._name

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    def _end_time(self) -> None:
        for line in self._cutter.tail:
            stamp = parse_stamp(self._scene.unwrap(line))
            if stamp is not None:
                self._timed(stamp)

    def _judge(self, cut: str) -> None:
        if cut:
            self._gap(cut)
        if self._cutter.blank:
            self._gap("the log is empty")
            return
        if self._cutter.junk:
            self._gap(f"{self._cutter.junk} zero bytes: the file has holes, or is no text")
        if self._cutter.overlong:
            self._gap(f"{self._cutter.overlong} lines are longer than 1 MiB and were read in part")
        if self._dropped:
            self._gap(f"more than {MAX_MENTIONS} mentions: {self._dropped} were left out")
        for why in self._scene.judge(self._head, lines=self._cutter.lines, timed=self._first):
            self._gap(why)
        if not (self._spoke or self._first or self._scene.style is not Style.PLAIN):
            self._gap("nothing in it looks like the log of a job or of an installer")
        self._judge_tools()

    def _judge_tools(self) -> None:
        tally = self._tally
        packages = {s.mention.item for s in self._seen if s.mention.stage >= Stage.FETCHED}
        node = sum(item.type == "npm" for item in packages)
        for tool, waiting in tally.pending.items():
            for line, command in waiting:
                self._gap(f"nothing after {command!r} says what {tool} installed", line)
        for tool, count in tally.counted.items():
            named = node if tool in _NODE_TOOLS else tally.named.get(tool, 0)
            if named < count:
                self._gap(f"{tool} installed {count} packages and named {named} of them")
        for tool, count in tally.present.items():
            known = node if tool in _NODE_TOOLS else tally.named.get(tool, 0)
            # npm counts the project itself among those that it audited.
            if known < count - (tool is Tool.NPM):
                self._gap(f"{tool} found {count} packages installed and named {known} of them")
