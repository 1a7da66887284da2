# ruff: noqa: E501 - one specimen a line reads best
"""One disguised start of a process a row: whatever the disguise, the reader names it and its command.

The command is `whoami-look-alike`, which is no program. Nothing here runs: the reader folds.
"""

import base64
import bz2
import codecs
import gzip
import lzma
import zlib

import pytest
from cryptography.fernet import Fernet

from pratique.vet.python import Call, Label, read_python

COMMAND = "whoami-look-alike"
INNER = f'import os\nos.system("{COMMAND}")'
RAW = INNER.encode()
CODES = list(RAW)
XORED = [code ^ 23 for code in RAW]
KEYED = bytes(code ^ b"ab"[index % 2] for index, code in enumerate(RAW))
B64 = base64.b64encode(RAW)
NUMBER = int.from_bytes(COMMAND.encode(), "big")
FERNET_KEY = base64.urlsafe_b64encode(bytes(32))
FERNET_TOKEN = Fernet(FERNET_KEY).encrypt(RAW)

DECODED = {
    "char codes": f'exec("".join(chr(x) for x in {CODES}))',
    "char codes by map": f'exec("".join(map(chr, {CODES})))',
    "bytes of a list": f"exec(bytes({CODES}))",
    "bytearray": f"exec(bytearray({CODES}).decode())",
    "xor in a comprehension": f"d = {XORED}\nk = 23\nexec(bytes(x ^ k for x in d))",
    "xor in a loop": f'd = {XORED}\nout = ""\nfor x in d:\n    out += chr(x ^ 23)\nexec(out)',
    "xor in a while loop": f"d = {XORED}\ni = 0\no = []\nwhile i < len(d):\n    o.append(d[i] ^ 23)\n    i += 1\nexec(bytes(o))",
    "xor in a function": "def dec(s, k):\n    r = []\n    for i, c in enumerate(s):\n        r.append(c ^ k[i % len(k)])\n"
    f'    return bytes(r).decode()\nexec(dec({KEYED!r}, b"ab"))',
    "xor in a method": f"class D:\n    k = 23\n    def dec(self, s):\n        return bytes(c ^ self.k for c in s)\nexec(D().dec({XORED}))",
    "xor by cycle": f'from itertools import cycle\nexec(bytes(a ^ b for a, b in zip({KEYED!r}, cycle(b"ab"))))',
    "xor by a generator": f"def g(s):\n    for c in s:\n        yield c ^ 23\nexec(bytes(g({XORED})))",
    "reversed": f"exec({INNER[::-1]!r}[::-1])",
    "reversed, lambda": f"(lambda s: exec(s[::-1]))({INNER[::-1]!r})",
    "the zlib lambda": '_ = lambda __: __import__("zlib").decompress(__import__("base64").b64decode(__[::-1]))\n'
    f"exec((_)({base64.b64encode(zlib.compress(RAW))[::-1]!r}))",
    "rot13": f'import codecs\nexec(codecs.decode({codecs.encode(INNER, "rot13")!r}, "rot_13"))',
    "hex": f"exec(bytes.fromhex({RAW.hex()!r}).decode())",
    "unhexlify": f"import binascii as b\nexec(b.unhexlify({RAW.hex()!r}))",
    "hex, Python 2": f'exec {RAW.hex()!r}.decode("hex")',
    "base64, Python 2": f'exec {B64.decode()!r}.decode("base64")',
    "base16": f"import base64\nexec(base64.b16decode({base64.b16encode(RAW)!r}))",
    "base32": f"from base64 import b32decode as q\nexec(q({base64.b32encode(RAW)!r}))",
    "base85": f"import base64\nexec(base64.b85decode({base64.b85encode(RAW)!r}))",
    "ascii85": f"import base64\nexec(base64.a85decode({base64.a85encode(RAW)!r}))",
    "gzip": f"import gzip\nexec(gzip.decompress({gzip.compress(RAW)!r}))",
    "bz2": f"import bz2\nexec(bz2.decompress({bz2.compress(RAW)!r}))",
    "lzma": f"import lzma\nexec(lzma.decompress({lzma.compress(RAW)!r}))",
    "compiled": f'import base64\nexec(compile(base64.b64decode({B64!r}), "<s>", "exec"))',
    "compiled, by eval": f'import base64\neval(compile(base64.b64decode({B64!r}), "<s>", "exec"))',
    "two layers": f'import base64\nexec(base64.b64decode({base64.b64encode(b"import base64;exec(base64.b64decode(%r))" % B64)!r}))',
    "Fernet": f"from cryptography.fernet import Fernet\nexec(Fernet({FERNET_KEY!r}).decrypt({FERNET_TOKEN!r}))",
    "getdecoder": f'import codecs\nexec(codecs.getdecoder("rot13")({codecs.encode(INNER, "rot13")!r})[0])',
    "alias of exec": f"e = exec\ne({INNER!r})",
    "exec out of a list": f"l = [eval, exec]\nl[1]({INNER!r})",
    "exec out of a dict": f'd = {{"a": exec}}\nd["a"]({INNER!r})',
    "exec by namespace": f'globals()["__builtins__"].__dict__["ex" + "ec"]({INNER!r})',
    "exec by getattribute": f'__builtins__.__getattribute__("exec")({INNER!r})',
    "exec out of builtins": f'import builtins\ngetattr(builtins, "".join(["e", "xec"]))({INNER!r})',
    "a function made of code": f'type(lambda: 0)(compile({INNER!r}, "", "exec"), globals())()',
    "python -c": f'import subprocess, sys\nsubprocess.Popen([sys.executable, "-c", {INNER!r}])',
    "python -c in a shell": f"import os\nos.system(\"python3 -c \\\"import os; os.system('{COMMAND}')\\\"\")",
    "a written module": f'f = open("x.py", "w")\nf.write({INNER!r})',
    "decoded only": f"import base64\nx = base64.b64decode({B64!r})",
    "default argument": f"import base64\ndef f(c=base64.b64decode({B64!r})):\n    exec(c)\nf()",
    "constant defined later": f"def f():\n    exec(C)\nC = {INNER!r}\nf()",
    "constant set by global": f"def s():\n    global C\n    C = {INNER!r}\ns()\nexec(C)",
    "beyond column 80": "x = 1" + " " * 300 + f"; exec({INNER!r})",
    "inside a class body": f"class A:\n    exec({INNER!r})",
    "in a decorator": f"@exec\ndef f():\n    pass\nexec({INNER!r})",
    "form feed and lone carriage returns": f"x = 1\r\x0cexec({INNER!r})\r",
    "walrus": f"(c := {INNER!r}) and exec(c)",
    "after a syntax error": f"def broken(:\n    pass\n\nexec({INNER!r})\n",
}  # fmt: skip
ONE_LINERS = {
    "joined": 'import os\ngetattr(os, "".join(["s", "ys", "te", "m"]))(C)',
    "import from codes": '__import__("".join(map(chr, [111, 115]))).system(C)',
    "import_module": 'import importlib as i\ni.import_module("o" + "s").system(C)',
    "vars": 'import os\nvars(os)["system"](C)',
    "__dict__": 'import os\nos.__dict__["sys" + "tem"](C)',
    "sys.modules": 'import sys\nsys.modules["os"].system(C)',
    "globals": 'import os as q\nglobals()["q"].system(C)',
    "partial": "import functools, os\nf = functools.partial(os.system, C)\nf()",
    "attrgetter": 'import operator, os\noperator.attrgetter("system")(os)(C)',
    "methodcaller": 'import operator, os\noperator.methodcaller("system", C)(os)',
    "posix": "import posix\nposix.system(C)",
    "star import": "from os import *\nsystem(C)",
    "guarded import": "try:\n    from os import system as s\nexcept ImportError:\n    s = None\ns(C)",
    "eval of an import": "eval(\"__import__('os')\").system(C)",
    "import in exec": 'exec("import os as zz")\nzz.system(C)',
    "helper": "import os\ndef a(x):\n    os.system(x)\na(C)",
    "helper of a helper": 'import os\ndef a(x):\n    os.system(x)\ndef b(y):\n    a("whoami" + y)\nb("-look-alike")',
    "method": "import os\nclass A:\n    def r(self, c):\n        os.system(c)\nA().r(C)",
    "inherited method": "import os\nclass B:\n    def r(self, c):\n        os.system(c)\nclass A(B):\n    pass\nA().r(C)",
    "static method": "import os\nclass K:\n    @staticmethod\n    def r(c):\n        os.system(c)\nK.r(C)",
    "class method": "import os\nclass K:\n    @classmethod\n    def r(cls, c):\n        os.system(c)\nK.r(C)",
    "attribute": 'import os\nclass A:\n    c = "whoami"\n    def r(self):\n        os.system(self.c + "-look-alike")\nA().r()',
    "constructor": "import os\nclass A:\n    def __init__(self, c):\n        self.c = c\n    def r(self):\n        os.system(self.c)\nA(C).r()",
    "closure": 'import os\ndef mk(p):\n    def r(s):\n        os.system(p + s)\n    return r\nmk("whoami")("-look-alike")',
    "lambda": "import os\nr = lambda c: os.system(c)\nr(C)",
    "map": "import os\nlist(map(os.system, [C]))",
    "thread": "import os, threading\ndef a(x):\n    os.system(x)\nthreading.Thread(target=a, args=(C,)).start()",
    "at exit": "import os, atexit\natexit.register(os.system, C)",
    "decorator": "import atexit, os\n@atexit.register\ndef f():\n    os.system(C)",
    "coroutine": "import os, asyncio\nasync def f(c):\n    os.system(c)\nasyncio.run(f(C))",
    "keywords": 'import os\ndef r(**k):\n    os.system(k["c"])\nr(c=C)',
    "starred": "import os\na = [C]\nos.system(*a)",
    "unpacked": 'import os\na, b = ("whoami", "-look-alike")\nos.system(a + b)',
    "loop": 'import os\nfor c in [C, "other"]:\n    os.system(c)',
    "branch": 'import os, sys\nif sys.platform == "x":\n    c = C\nelse:\n    c = "other"\nos.system(c)',
    "conditional": 'import os, sys\nos.system(C if sys.platform == "x" else "other")',
    "returned": "import os\ndef c():\n    return C\nos.system(c())",
    "replace": 'import os\nos.system("wXhXoXaXmXiX-look-alike".replace("X", ""))',
    "split": 'import os\nos.system("".join("w|h|o|a|m|i|-look-alike".split("|")))',
    "format": 'import os\nos.system("{}{}".format("whoami", "-look-alike"))',
    "percent": 'import os\nos.system("%s%s" % ("whoami", "-look-alike"))',
    "f-string": 'import os\na = "whoami"\nos.system(f"{a}-look-alike")',
    "translate": 'import os\nt = str.maketrans("123", "who")\nos.system("123ami-l33k-alike".translate(t))',
    "slices": 'import os\nos.system("xwxhxoxaxmxix-xlxoxoxkx-xaxlxixkxex"[1::2])',
    "reduce": 'import os\nfrom functools import reduce\nos.system(reduce(lambda a, b: a + b, ["whoami", "-look-alike"]))',
    "hex words": f'import os\nos.system("".join(chr(int(x, 16)) for x in "{COMMAND.encode().hex(" ")}".split()))',
    "a number": f'import os\nn = {NUMBER}\nos.system(n.to_bytes((n.bit_length() + 7) // 8, "big").decode())',
    "a dictionary": f'import os\nd = {dict(enumerate(COMMAND))}\nos.system("".join(d[i] for i in range({len(COMMAND)})))',
    "built in a loop": 'import os\nx = "w"\nfor c in ["hoami", "-look", "-alike"]:\n    x = x + c\nos.system(x)',
    "appended": 'import os\nx = []\nx.append("whoami")\nx.append("-look-alike")\nos.system("".join(x))',
    "subprocess": "from subprocess import Popen as P\nP(C, shell=True)",
    "quoted": 'import os\nfrom urllib.parse import unquote as u\nos.system(u("whoami%2Dlook%2Dalike"))',
    "Python 2 print before it": 'import os\nprint "x"\nos.system(C)',
    "library by ctypes": "import ctypes\nctypes.CDLL(None).system(C)",
}  # fmt: skip


def starts_of_processes(source: str) -> list[Call]:
    return [call for call in read_python(source).calls if "process.run" in call.roles]


@pytest.mark.parametrize("name", sorted(ONE_LINERS))
def test_a_disguised_call_is_named_and_its_command_known(name: str) -> None:
    source = ONE_LINERS[name].replace("(C", f'("{COMMAND}"').replace("[C", f'["{COMMAND}"')
    source = source.replace(", C)", f', "{COMMAND}")').replace("=C)", f'="{COMMAND}")')
    source = source.replace("= C\n", f'= "{COMMAND}"\n').replace(
        "return C\n", f'return "{COMMAND}"\n'
    )
    found = starts_of_processes(source)
    assert any(COMMAND in value.known for call in found for value in call.values), source


@pytest.mark.parametrize("name", sorted(DECODED))
def test_code_inside_text_is_read(name: str) -> None:
    found = starts_of_processes(DECODED[name])
    inner = [call for call in found if call.name == "os.system" and call.layer >= 1]
    assert [value.known for call in inner for value in call.values] == [COMMAND] * len(inner)
    assert inner, DECODED[name]
    assert inner[0].line >= 1


def test_decoded_text_is_labelled_and_counted_in_layers() -> None:
    file = read_python(f"import base64\nexec(base64.b64decode({base64.b64encode(B64)!r}))")
    executed = next(call for call in file.calls if call.name == "builtins.exec")
    assert Label.DECODED in executed.labels
    assert executed.arguments[0].constant == B64
    assert executed.arguments[0].layer == 1


def test_hidden_names_are_marked() -> None:
    hidden = read_python('import os\ngetattr(os, "sys" + "tem")("x")').calls[-1]
    plain = read_python('import os\nos.system("x")').calls[-1]
    assert (hidden.name, hidden.hidden) == ("os.system", True)
    assert (plain.name, plain.hidden) == ("os.system", False)


def test_an_unknown_name_is_a_hole() -> None:
    (looked_up,) = [
        call
        for call in read_python("import os, sys\ngetattr(os, sys.argv[1])('x')").calls
        if call.hidden
    ]
    assert looked_up.name == "os.\N{HORIZONTAL ELLIPSIS}"


def test_marshalled_code_is_never_loaded_but_its_strings_are_texts() -> None:
    import marshal  # noqa: PLC0415 - only this test makes one

    data = marshal.dumps(compile(INNER, "", "exec"))
    file = read_python(f"import marshal\nexec(marshal.loads({data!r}))")
    executed = next(call for call in file.calls if call.name == "builtins.exec")
    assert {Label.CODE, Label.DECODED} <= executed.labels
    assert any(COMMAND in text.text and text.layer == 1 for text in file.texts)


def test_a_call_in_a_helper_is_reported_for_each_command_where_it_is_asked() -> None:
    file = read_python(
        'import os\ndef run(c):\n    os.system(c)\nrun("first")\ndef f():\n    run("second")\n'
    )
    found = [
        (call.line, file.regions[call.region].name, call.arguments[0].known) for call in file.calls
    ]
    assert (4, "", "first") in found
    assert (6, "f", "second") in found
    assert [call.line for call in file.calls].count(3) == 1
