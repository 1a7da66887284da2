"""Samples here are inert look-alikes: their words stand for deeds, and `collector.example` does not exist."""

import ast
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.payloads import HEAVIEST, MAX_MODULES, WHOLE, extract, modules_of, payload, replace

ACTING = "import socket\nsocket.gethostname()\n"


def sdist(**files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as opened:
        for name, text in files.items():
            member = tarfile.TarInfo("x-1.0/" + name.replace("__py", ".py").replace("9", "/"))
            member.size = len(text.encode())
            opened.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


def wheel(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, text in files.items():
            opened.writestr(name.replace("__py", ".py"), text)
    return made.getvalue()


def test_the_module_with_most_words_is_taken_and_setup_is_cut_out() -> None:
    data = sdist(
        setup__py="from setuptools import setup\nimport subprocess\n"
        "subprocess.Popen\nsubprocess.run(['true'])\n"
        "setup(\n    name='x',\n    version='1',\n)\n",
        other__py="x = 1\n",
    )
    text = payload(data, HEAVIEST)
    assert text is not None
    assert "subprocess.run(['true'])" in text
    assert "setup(" not in text
    assert "pass" in text


def test_archives_are_told_by_their_bytes_and_not_by_a_name() -> None:
    assert [m.path for m in modules_of(wheel(b__py=ACTING, a__py="x=1"))] == ["a.py", "b.py"]
    assert [m.path for m in modules_of(sdist(b__py=ACTING))] == ["x-1.0/b.py"]


def test_whole_joins_all_modules_in_order_of_path() -> None:
    text = payload(
        wheel(b__py=ACTING, a__py="from __future__ import annotations\nprint(1)\n"), WHOLE
    )
    assert text is not None
    assert text.index("print(1)") < text.index("gethostname")
    assert "__future__" not in text


def test_large_samples_and_samples_without_a_deed_offer_no_payload() -> None:
    many = {f"m{n}__py": ACTING for n in range(MAX_MODULES + 1)}
    assert payload(wheel(**many), HEAVIEST) is None
    assert payload(wheel(a__py="x = 1\n"), HEAVIEST) is None
    assert payload(wheel(a__py="x = 1\n"), WHOLE) is None
    assert payload(wheel(a__py="def ("), HEAVIEST) is None


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("from .x import y\nf()\n", "f()", "from .x"),
        ("if __name__ == '__main__':\n    go()\n", "if True:", "__main__"),
        ("def go():\n    f()\n", "\ngo()\n", ""),
        ("class A:\n    def __init__(self):\n        f()\n", "\nA()\n", ""),
        ("class A:\n    def __init__(self, x):\n        f()\ndef go(): f()\n", "\ngo()\n", "A()\n"),
        (
            "class I(install):\n    def run(self):\n        f()\nsetup(cmdclass={'install': I})\n",
            "I.run(None)",
            "cmdclass",
        ),
        ("é = 'ü'; setup(name='é'); f('é')\n", "f('é')", "setup"),
    ],
)
def test_what_would_lie_still_is_made_to_run(text: str, wanted: str, unwanted: str) -> None:
    made = extract(text)
    ast.parse(made)
    assert wanted in made
    assert not unwanted or unwanted not in made


def test_what_nothing_can_start_is_no_payload() -> None:
    assert extract("def go(argument):\n    f(argument)\n") == ""
    assert extract("X = 1\n") == ""


@given(st.binary(max_size=300))
def test_hostile_bytes_never_raise(data: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b\x08"):
        assert payload(start + data, HEAVIEST) is None


@given(st.text(alphabet="aé𝄞 ", max_size=6), st.text(alphabet="bü\t ", max_size=6))
def test_replacing_counts_bytes_as_the_parser_does(before: str, after: str) -> None:
    text = f"x = '{before}', y, '{after}'"
    tree = ast.parse(text)
    name = next(node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "y")
    assert replace(text, [(name, "zz")]) == f"x = '{before}', zz, '{after}'"
