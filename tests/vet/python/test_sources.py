"""Encodings, other Pythons, and sources that no Python reads."""

import pytest

from pratique.vet.python import read_python
from pratique.vet.python.repair import repaired

CALL = 'import os\nos.system("some command")\n'


def names(source: bytes | str) -> list[str]:
    return [call.name for call in read_python(source).calls]


@pytest.mark.parametrize(
    "source",
    [
        CALL.encode(),
        b"\xef\xbb\xbf" + CALL.encode(),
        CALL.encode("utf-16"),
        b"# -*- coding: latin-1 -*-\n# \xe9\n" + CALL.encode(),
        b"# \xe9 without a cookie\n" + CALL.encode(),
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + CALL.encode(),
        b"# coding: no-such-codec\n" + CALL.encode(),
        CALL.replace("\n", "\r\n").encode(),
        CALL.replace("\n", "\r").encode(),
        b"\x0c\n" + CALL.encode(),
        CALL.encode() + b"\x00",
    ],
)
def test_encodings(source: bytes) -> None:
    assert names(source) == ["os.system"]


def test_a_cookie_that_turns_text_into_other_text_is_followed_and_said() -> None:
    file = read_python(b"# coding: utf-7\nimport os\nos.system+ACgAIg-some command+ACIAKQ-\n")
    assert [call.name for call in file.calls] == ["os.system"]
    assert file.unfinished == ("the source declares the unusual encoding utf-7",)


def test_an_unknown_cookie_is_said() -> None:
    assert "not known" in read_python(b"# coding: no-such-codec\nx = 1\n").unfinished[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('print "a"\n', 'print("a")\n'),
        ('print "a" % (1, 2)\nx = 1\n', 'print("a" % (1, 2))\nx = 1\n'),
        ('for x in y: print x; print "z"\n', 'for x in y: print(x); print("z")\n'),
        ("print\n", "print\n"),
        ('print("a")\n', 'print("a")\n'),
        ("exec code in ns\n", "exec(code , ns)\n"),
        ("try:\n  x\nexcept (A, B), e:\n  y\n", "try:\n  x\nexcept (A, B) as  e:\n  y\n"),
        ('raise E, "m"\n', 'raise E( "m")\n'),
        ("x = `a`\n", "x = repr(a)\n"),
        ("x = a <> b\n", "x = a != b\n"),
        ("x = 0777 + 10L\n", "x = 0o777 + 10\n"),
        ('x = ur"a"\n', 'x = r"a"\n'),
        ("type X = int\n", "X = int\n"),
        ("def f[T: int](a: T): pass\n", "def f(a: T): pass\n"),
        ("class A[T](B): pass\n", "class A(B): pass\n"),
        ('x = "print 1"\n# print 2\n', 'x = "print 1"\n# print 2\n'),
    ],
)
def test_other_pythons_are_repaired(old: str, new: str) -> None:
    assert repaired(old) == new


@pytest.mark.parametrize(
    "source",
    [
        'import os\nprint "x"\nos.system("some command")\n',
        'import os\nif 1:\n\tprint "x"\n        os.system("some command")\n',
        'import os\nx = = 3\nos.system("some command")\n',
        'import os\nos.system("some command")\ndef broken(:\n    pass\n',
        'import os\n<<<<<<< HEAD\nos.system("some command")\n=======\n',
        '{{ cookie }}\nimport os\nos.system("some command")\n{% end %}\n',
        'import os\ndef f(:\n    os.system("some command")\n',
        'import os\nx = (((\nos.system("some command")\n',
        'import os as o\n%matplotlib inline\no.system("some command")\n',
        "(" * 300 + '\nimport os\nos.system("some command")\n',
    ],
)
def test_a_syntax_error_hides_nothing(source: str) -> None:
    file = read_python(source)
    found = next(call for call in file.calls if call.name == "os.system")
    assert found.arguments[0].constant == "some command"
    assert file.lines[found.line - 1].strip().endswith('system("some command")')
    assert "some command" in {text.text for text in file.texts}


def test_the_token_reader_knows_imports_and_aliases() -> None:
    file = read_python(
        "(((\nfrom subprocess import Popen as P, run\nimport urllib2\nP('x')\nurllib2.urlopen('y')\n"
    )
    assert {call.name for call in file.calls} == {"subprocess.Popen", "urllib.request.urlopen"}
    assert ("subprocess", "Popen") in {(item.module, item.name) for item in file.imports}


def test_a_source_too_large_to_parse_is_read_by_tokens_and_said_to_be() -> None:
    file = read_python("x = [" + "1," * 500_000 + '2]\nimport os\nos.system("some command")\n')
    assert [call.name for call in file.calls] == ["os.system"]
    assert "too large" in file.unfinished[0]


def test_an_empty_source() -> None:
    file = read_python(b"")
    assert (file.calls, file.texts, file.unfinished, len(file.regions)) == ((), (), (), 1)
