"""The gate lets through whatever an analysis could see something in."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.specimens import Specimen, load_specimens
from pratique.vet.catalogue import catalogue
from pratique.vet.gate import (
    Standing,
    added_lines,
    imports_of,
    must_parse,
    scan,
    standing_of,
    strength,
)
from pratique.vet.gate_words import CLASS_OF_ROLE, Hit
from pratique.vet.model import Import

_NEED_ANOTHER_WORD = {
    "ast.parse",  # compiles nothing that runs, but for `compile`
    "asyncio.StreamReader().read",  # made by `open_connection` or `start_server`
    "asyncio.StreamReader().readline",
    "numpy.load",  # harmless without `allow_pickle`
    "pandas.eval",  # knows no calls
    "pkg_resources.require",  # installs nothing
    "signal.signal",
}
_BUILTINS_AND_METHODS = {"builtins", "?", "bytes", "bytearray"}


def _deeds() -> list[str]:
    """Names of the catalogue whose use must not pass unread: those that act on the world outside."""
    acting = {"network", "process", "code", "native", "pip"}
    return sorted(
        name
        for name, entry in catalogue().entries()
        if name not in _NEED_ANOTHER_WORD
        and not entry.roles <= {"process.list", "import.hook"}
        and any(role.partition(".")[0] in acting for role in entry.roles)
    )


def _uses(name: str) -> list[bytes]:
    """Ways to use a name: plainly, from its module, and behind an alias."""
    parts = name.replace("()", "").replace(".*", ".anything").split(".")
    if parts[0] in _BUILTINS_AND_METHODS:
        code = f"x.{parts[-1]}(1)" if parts[0] == "?" else f"{parts[-1]}(1)"
        return [code.encode()]
    module, last = ".".join(parts[:-1]), parts[-1]
    return [
        f"import {parts[0]}\n{name.replace('.*', '.anything')}(1)\n".encode(),
        f"from {module} import {last} as f\nf(1)\n".encode(),
        f"import {module} as m\nm.{last}(1)\n".encode(),
        f"import \\\n {parts[0]}\n{'.'.join(parts)}(1)\n".encode(),
        f"import os,{parts[0]}\n{'.'.join(parts)}(1)\n".encode(),
    ]


def test_every_deed_of_the_catalogue_is_let_through() -> None:
    unseen = [
        (name, source)
        for name in _deeds()
        for source in _uses(name)
        if not must_parse(scan(source), Standing.MODULE)
    ]
    assert unseen == []


def test_roles_that_are_named_exist() -> None:
    roles = {role for _, entry in catalogue().entries() for role in entry.roles}
    families = {role.partition(".")[0] for role in roles}
    assert set(CLASS_OF_ROLE) <= roles | families


@pytest.mark.parametrize(
    "source",
    [
        "getattr(o, 'sys' + 'tem')('id')",
        "globals()['__buil' + 'tins__']",
        "vars(o)['po' + 'pen']('id')",
        "print.__self__.__dict__['ex' + 'ec']('1')",
        "().__class__.__bases__[0].__subclasses__()",
        "\N{MATHEMATICAL BOLD SMALL E}xec('1')",
        "\N{FULLWIDTH LATIN SMALL LETTER E}val('1')",
        "import sys; sys.modules['o' + 's']",
        "x = compile('1', '', 'eval')",
        "import importlib as i",
        "exec\\\n('1')",
        "e = eval; e('1')",
    ],
)
def test_disguised_names_are_let_through(source: str) -> None:
    assert must_parse(scan(source.encode()), Standing.MODULE)


@pytest.mark.parametrize(
    "data",
    [
        "import os\nos.system('id')".encode("utf-16"),
        b"# coding: utf-7\n+AGkAbQBwAG8AcgB0-",
        b"# -*- coding: rot13 -*-\nvzcbeg bf",
        b"#!/x\n# vim: set fileencoding=cp037 :\n",
        b"x = '\xff'\n",
        b"x = 1\0",
    ],
)
def test_what_cannot_be_searched_is_let_through(data: bytes) -> None:
    assert Hit.ODD in scan(data)
    assert must_parse(scan(data), Standing.MODULE)


@pytest.mark.parametrize(
    "source",
    [
        "def add(a, b):\n    return a + b\n",
        "import re\nPATTERN = re.compile('[a-z]+')\n",
        "from dataclasses import dataclass\n\n@dataclass\nclass Point:\n    x: int\n",
        "frame.eval('a + b')\nmodel.eval()\n",
        "# -*- coding: utf-8 -*-\nNAME = 'é'\n",
    ],
)
def test_ordinary_code_is_passed_by(source: str) -> None:
    assert not must_parse(scan(source.encode()), Standing.MODULE)


SPECIMENS = load_specimens(Path(__file__).parent / "analyses" / "specimens")
HIDES_NOTHING_YET = {"obfuscation/catches/marks.py", "obfuscation/disguised/joined.py"}
"""Odd texts alone: where no word of the source does anything, there is nothing to hide."""
CAUGHT = [s for s in SPECIMENS if s.folder != "ignores" and s.name not in HIDES_NOTHING_YET]


@pytest.mark.parametrize("specimen", CAUGHT, ids=lambda one: one.name)
def test_every_specimen_of_every_analysis_is_let_through(specimen: Specimen) -> None:
    assert must_parse(scan(specimen.source), Standing.MODULE)


def test_most_code_without_deeds_is_passed_by() -> None:
    """The gate is worth its name: of the standard library's sources a third need no parsing."""
    folder = Path(os.__file__).parent
    sources = [path.read_bytes() for path in sorted(folder.glob("*.py"))]
    passed = [data for data in sources if must_parse(scan(data), Standing.ASIDE)]
    assert len(passed) < len(sources) / 3


def test_imports_are_told_by_their_looks() -> None:
    source = b"""import os, sys as s
from .a import b as c, d
from . import (
    e,  # a comment, with a comma
    f,
)
if True:
    from pkg.sub import *
text = "import nothing"
"""
    found = {(item.module, item.name) for item in imports_of(source, 100)}
    assert found == {
        ("os", ""), ("sys", ""), (".a", "b"), (".a", "d"), (".", "e"), (".", "f"), ("pkg.sub", "*"),
    }  # fmt: skip
    assert imports_of(source, 2) == (Import(module="os", line=1), Import(module="sys", line=1))


def test_added_lines_are_those_that_were_nowhere() -> None:
    assert added_lines(b"a\nb\nc", b"c\nb\nd\na\nd") == b"d\nd"


@pytest.mark.parametrize(
    ("path", "standing"),
    [
        ("pkg-1.0/setup.py", Standing.UNASKED),
        ("evil.pth", Standing.UNASKED),
        ("sitecustomize.py", Standing.UNASKED),
        ("pkg/__init__.py", Standing.UNASKED),
        ("pkg-1.0/src/pkg/__init__.py", Standing.UNASKED),
        ("pkg/a/b/c/__init__.py", Standing.MODULE),
        ("pkg/module.py", Standing.MODULE),
        ("pkg-1.0/tests/test_a.py", Standing.ASIDE),
        ("demo/module.py", Standing.MODULE),
        ("demo-1.0/demo/module.py", Standing.MODULE),
        ("demo/tests/data/module.py", Standing.ASIDE),
        ("pkg/module.pyi", Standing.ASIDE),
        ("pkg/wheels/pip.whl!pip/__init__.py", Standing.ASIDE),
    ],
)
def test_paths_tell_when_code_runs(path: str, standing: Standing) -> None:
    assert standing_of(path, "demo") is standing


@given(st.integers(0, 2**25 - 1), st.sampled_from(sorted(Standing)))
def test_more_hits_never_ask_for_less(bits: int, standing: Standing) -> None:
    found = Hit(bits)
    for hit in Hit:
        if must_parse(found, standing):
            assert must_parse(found | hit, standing)
        assert strength(found | hit) >= strength(found)


@given(st.integers(0, 2**25 - 1))
def test_who_runs_earlier_is_read_sooner(bits: int) -> None:
    asks = [must_parse(Hit(bits), standing) for standing in Standing]
    assert asks == sorted(asks)
