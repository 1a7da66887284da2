# ruff: noqa: E501 - one specimen a line reads best
"""Sources that are made to exhaust the reader: all end soon, and say nothing that is not so."""

import base64
import time
import zlib

import pytest

from pratique.vet.python import ReadLimits, read_python

N = 20_000
SECONDS = 2.0
"""CPU time that any source may take, whatever is in it; measured: 1.6 s for the worst, most far below."""
BOMB = base64.b64encode(zlib.compress(b"a" * 50_000_000)).decode()
HOSTILE = {
    "unary": "-" * N + "1",
    "not": "not " * N + "1",
    "attributes": "a" + ".a" * N,
    "brackets": "(" * N,
    "square brackets": "[" * 1_000_000,
    "lambdas": "lambda:" * N + "1",
    "blocks": "".join(" " * depth + "if x:\n" for depth in range(99)) + " " * 99 + "pass\n",
    "elif": "if x:\n a = 1\n" + "elif y:\n a = 2\n" * N,
    "conditionals": "a if b else " * N + "c",
    "call chain": "f" + "()" * N,
    "powers": "1**" * N + "1",
    "sum of strings": "x = " + '"a" + ' * N + '"b"',
    "sum of names": "x = " + "a + " * 2500 + "b",
    "list": "x = [" + "1," * 1_000_000 + "]",
    "doubling": 's = "a"\n' + "s = s + s\n" * 60,
    "doubling in a loop": 's = "a"\nfor i in range(100):\n    s += s\n',
    "endless doubling": 's = "a"\nwhile True:\n    s += s\n',
    "endless": "while True:\n    pass",
    "endless names": "import a\ndef f(x):\n    while x.next:\n        x = x.next\n    return x\nf(a)\n",
    "endless attributes": "import a\nx = a\nwhile True:\n    x = x.next\n",
    "endless counting": "x = 0\nwhile 1:\n    x += 1",
    "endless generator": "def g():\n    while True:\n        yield 1\nx = list(g())",
    "wide": 'x = "a" * 10**9\ny = "%1000000000d" % 1\nz = "{:1000000000}".format(1)\nw = f"{1:1000000000}"\n'
    'v = b"a".ljust(10**9)\nu = 9**9**9\nt = 1 << 10**9\nbytes(10**10)\nlist(range(10**9))\n"a".zfill(10**9)\n'
    'int("9" * 10**6)\nstr(7**7**5)\n"a".replace("", "b" * 10**6)\npow(2, 10**9)\n',
    "recursion": "def a(x):\n    return a(x + 'a')\na('x')",
    "mutual recursion": "def a(x):\n    return b(x)\ndef b(x):\n    return a(x)\na('x')",
    "recursive lambda": "f = lambda x: f(x + 'a')\nf('b')",
    "fan": "import os\n"
    + "".join(f"def f{i}(x):\n    f{i + 1}(x + 'a'); f{i + 1}(x + 'b'); f{i + 1}(x + 'c')\n" for i in range(30))
    + "def f30(x):\n    os.system(x)\nf0('q')\n",
    "many commands": "import os\nf = lambda x: os.system(x)\n" + "".join(f'f("a{i}")\n' for i in range(5000)),
    "nested loops": "import os\n"
    + "".join(" " * depth + f"for x{depth} in y{depth}:\n" for depth in range(19))
    + " " * 20 + "os.system(a)\n",
    "loops over constants": "import os\n" + "for i in range(16):\n  for j in range(16):\n    for k in range(16):\n      os.system(str(i + j * k))\n" * 50,
    "appending while walking": "x = [y]\nfor i in x:\n    x.append(i)\n",
    "comprehensions": "x = [[[[i + j + k + l for i in range(100)] for j in range(100)] for k in range(100)] for l in range(100)]",
    "sum of lists": "x = sum([[1]] * 100000, [])",
    "f-string": 'x = f"' + "{a}" * 100_000 + '"',
    "quotes": "'" + "\\'" * 500_000,
    "open strings": "x = '\n" * N + '"""',
    "decompression": f"import zlib, base64\nx = zlib.decompress(base64.b64decode('{BOMB}'))",
    "inheritance": "".join(f"class A{i + 1}(A{i}): pass\n" for i in range(3000)) + "A2999().x()",
    "class of itself": "class A(A): pass\nA().x()",
    "one long line": "import os;" + 'os.system("é");' * N,
    "fluent": 'import os\nos.popen("x")' + ".read()" * 1400,
    "self in a list": "x = [1]\nx.append(x)\ny = str(x) + repr(x)\nx == x\n",
    "format of itself": 'x = "%s" * 100000 % tuple(["a" * 1000] * 100000)',
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_source_ends_soon(name: str) -> None:
    begun = time.process_time()
    read_python(HOSTILE[name])
    assert time.process_time() - begun < SECONDS


def test_nested_layers_end() -> None:
    source = "print(1)"
    for _ in range(12):
        source = f"import base64\nexec(base64.b64decode({base64.b64encode(source.encode())!r}))"
    file = read_python(source)
    assert max(call.layer for call in file.calls) == ReadLimits().layers
    assert len(file.inner) == ReadLimits().layers


def test_many_inner_sources_end() -> None:
    source = "".join(f"exec('import os; os.system({index})')\n" for index in range(500))
    assert len(read_python(source).inner) <= ReadLimits().inner_sources


def test_only_so_much_is_read() -> None:
    file = read_python(b"import os\n" * 20, limits=ReadLimits(read_bytes=50))
    assert file.unfinished == ("only the first 50 bytes were read",)


def test_constants_are_not_folded_beyond_the_limit() -> None:
    file = read_python('x = "ab" * 1000', limits=ReadLimits(value_bytes=1000))
    assert not file.stored["x"].folded
