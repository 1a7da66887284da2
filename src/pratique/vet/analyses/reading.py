"""What several analyses ask of one Python file, worked out once: calls by role, kin regions, judged texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from pratique.vet.analyses import roles
from pratique.vet.content.judges import judge_command, judge_path, judge_url
from pratique.vet.python.model import Call, Label, PythonFile, Text, Value

HOLE = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in known texts for what is not known."""
MAX_TEXT = 20_000
"""Characters of one text that are judged: payloads say what they do long before, and files are many."""
MAX_LINE = 2_000
"""Characters of a line that are searched for words."""
MAX_ALL = 4_000_000
"""Characters of all texts together: twice the largest source, as decoding may add."""
MAX_JUDGED = 4_000
"""Texts judged per file: more are tables of data (word lists, host lists), judged by their first ones."""
MAX_KIN = 400
"""Regions that may be kin; beyond, a region is kin to itself only (generated code, huge modules)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A text that a judge said something about, and where it stands."""

    place: Call | Text
    trait: str
    shown: str


def text_of(value: Value) -> str:
    """What is known of a value as text; "" when nothing is."""
    constant = value.constant
    if isinstance(constant, str):
        return constant
    if isinstance(constant, bytes):
        return constant.decode("latin-1")
    return value.known


def words_of(value: Value) -> str:
    """A command as text: an argument list joined by blanks, anything else as `text_of`."""
    if isinstance(value.constant, tuple):
        return " ".join(_word(part) for part in value.constant)
    return text_of(value)


def _word(part: object) -> str:
    if isinstance(part, bytes):
        return part.decode("latin-1")
    return part if isinstance(part, str) else HOLE if part is None else str(part)


def names_of(value: Value) -> str:
    """The dotted names a value may stand for, joined, for a test by substring."""
    return " ".join(value.names)


class Reading:
    """A Python file with its indexes; every index is made at first use and kept.

    Analyses share one reading of a file. It holds nothing that is not a function of the file.
    """

    def __init__(self, file: PythonFile) -> None:
        self.file = file

    @cached_property
    def _by_role(self) -> dict[str, tuple[Call, ...]]:
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.file.calls:
            for role in call.roles:
                found[role].append(call)
                family = role.partition(".")[0]
                if not found[family] or found[family][-1] is not call:
                    found[family].append(call)
        return {role: tuple(calls) for role, calls in found.items()}

    def calls(self, *roles: str) -> tuple[Call, ...]:
        """Calls with any of these roles, in source order; `network` stands for all `network.*`."""
        if len(roles) == 1:
            return self._by_role.get(roles[0], ())
        wanted = {id(call) for role in roles for call in self._by_role.get(role, ())}
        return tuple(call for call in self.file.calls if id(call) in wanted)

    @cached_property
    def _by_name(self) -> dict[str, tuple[Call, ...]]:
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.file.calls:
            found[call.name].append(call)
        return {name: tuple(calls) for name, calls in found.items()}

    def named(self, *names: str) -> tuple[Call, ...]:
        """Calls of these dotted names, by name and then in source order."""
        return tuple(call for name in names for call in self._by_name.get(name, ()))

    @cached_property
    def talks(self) -> tuple[Call, ...]:
        """Calls that speak to another machine."""
        return self.calls(*roles.TALK)

    def near(self, call: Call | Text, others: Iterable[Call | Text]) -> bool:
        """Whether any of the others stands in the same or a kin region."""
        return any(self.are_kin(call, other) for other in others)

    @cached_property
    def modules(self) -> frozenset[str]:
        """First names of what the file imports: `requests`, `ctypes`."""
        return frozenset(entry.module.partition(".")[0] for entry in self.file.imports)

    @cached_property
    def kin(self) -> tuple[int, ...]:
        """For each region the number of its kin group.

        Kin are regions joined by local calls or by one class: what one fetches another may run.
        """
        regions = self.file.regions
        parent = list(range(len(regions)))
        if len(regions) > MAX_KIN:
            return tuple(parent)
        for index in range(len(regions)):
            for other in self.callees(index):
                parent[_root(parent, index)] = _root(parent, other)
        first_of_class: dict[str, int] = {}
        for index, region in enumerate(regions):
            owner = region.name.rpartition(".")[0]
            if owner:
                other = first_of_class.setdefault(owner, index)
                parent[_root(parent, index)] = _root(parent, other)
        return tuple(_root(parent, index) for index in range(len(regions)))

    def group(self, place: Call | Text) -> int:
        """The number of a place's group of kin regions."""
        return self.kin[place.region] if place.region < len(self.kin) else place.region

    def are_kin(self, first: Call | Text, second: Call | Text) -> bool:
        """Whether two places stand in one region or in kin regions."""
        return self.group(first) == self.group(second)

    def reached_from(self, regions: set[int]) -> set[int]:
        """These regions and all that they call within the file."""
        reached = set(regions)
        waiting = list(regions)
        while waiting:
            news = self.callees(waiting.pop()) - reached
            reached |= news
            waiting.extend(news)
        return reached

    def callees(self, index: int) -> set[int]:
        """Regions that a region calls or hands on."""
        if index >= len(self.file.regions):
            return set()
        region = self.file.regions[index]
        names = _kin_names(region.name, region.calls)
        return {self._places[name] for name in names if name in self._places}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {region.name: index for index, region in enumerate(self.file.regions)}

    def code_lines(self, limit: int) -> Iterator[tuple[int, str, int]]:
        """Lines as number, text and region, until `limit` characters were given."""
        regions = sorted(
            (
                (r.line, -r.end_line, r.end_line, i)
                for i, r in enumerate(self.file.regions)
                if r.name
            ),
        )
        position = 0
        open_regions: list[tuple[int, int]] = []
        for number, line in enumerate(self.file.lines, start=1):
            while position < len(regions) and regions[position][0] <= number:
                open_regions.append((regions[position][2], regions[position][3]))
                position += 1
            while open_regions and open_regions[-1][0] < number:
                open_regions.pop()
            limit -= len(line) + 1
            if limit < 0:
                return
            yield number, line, open_regions[-1][1] if open_regions else 0

    def source_line(self, call: Call | Text) -> str:
        """The line as written where a call or text stands; "" for a place that is not there."""
        lines = self.file.lines
        return lines[call.line - 1] if 1 <= call.line <= len(lines) else ""

    def mentions(self, call: Call, words: Iterable[str]) -> bool:
        """Whether a call's own line has one of the words: for names that stand for no value."""
        line = self.source_line(call)[:MAX_LINE]
        return not call.layer and any(word in line for word in words)

    @cached_property
    def texts(self) -> tuple[Text, ...]:
        """Texts that are no documentation, as many as are judged."""
        return tuple(text for text in self.file.texts if not text.docstring)[:MAX_JUDGED]

    @cached_property
    def all_text(self) -> str:
        """These texts in one, for a quick look whether a word stands anywhere."""
        return "\n".join(text.text[:MAX_TEXT] for text in self.texts)[:MAX_ALL]

    @cached_property
    def low_text(self) -> str:
        """The same in lower case."""
        return self.all_text.lower()

    def judge_url_values(self, call: Call) -> Iterator[Judged]:
        """What the address judge says of what flows into a call."""
        return self.judge_values(call, judge_url)

    def judge_path_values(self, call: Call) -> Iterator[Judged]:
        """What the path judge says of what flows into a call."""
        return self.judge_values(call, judge_path)

    @cached_property
    def commands(self) -> tuple[Judged, ...]:
        """What the command judge says of command lines that are started."""
        return tuple(self._judge_arguments(self.calls("process"), judge_command, words_of))

    @cached_property
    def command_texts(self) -> tuple[Judged, ...]:
        """What the command judge says of any text, started or not."""
        return tuple(self._judge_texts(judge_command))

    @cached_property
    def urls(self) -> tuple[Judged, ...]:
        """What the address judge says of all texts."""
        return tuple(self._judge_texts(judge_url))

    @cached_property
    def paths(self) -> tuple[Judged, ...]:
        """What the path judge says of all texts."""
        return tuple(self._judge_texts(judge_path))

    def judge_values(
        self, call: Call, judge: Callable[[str], Iterable[tuple[str, str]]]
    ) -> Iterator[Judged]:
        """What a judge says of each text that flows into a call."""
        for value in call.values:
            if text := words_of(value)[:MAX_TEXT]:
                for name, shown in judge(text):
                    yield Judged(place=call, trait=name, shown=shown)

    def _judge_arguments(
        self,
        calls: Iterable[Call],
        judge: Callable[[str], Iterable[tuple[str, str]]],
        text: Callable[[Value], str],
    ) -> Iterator[Judged]:
        for call in tuple(calls)[:MAX_JUDGED]:
            for value in call.arguments[:2] or tuple(call.keywords.values())[:2]:
                if words := text(value)[:MAX_TEXT]:
                    for name, shown in judge(words):
                        yield Judged(place=call, trait=name, shown=shown)

    def _judge_texts(self, judge: Callable[[str], Iterable[tuple[str, str]]]) -> Iterator[Judged]:
        for text in self.texts:
            for name, shown in judge(text.text[:MAX_TEXT]):
                yield Judged(place=text, trait=name, shown=shown)


def _kin_names(name: str, calls: Iterable[str]) -> Iterator[str]:
    """Region names that the calls of a region may mean."""
    for called in calls:
        if called.startswith("."):
            yield called[1:]
            yield f"{name}.{called[1:]}"
            yield f"{called[1:]}.__init__"


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def carries(call: Call, *labels: Label) -> bool:
    """Whether any of the labels flows into a call."""
    return not call.labels.isdisjoint(labels)
