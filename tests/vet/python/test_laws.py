# ruff: noqa: E501 - one specimen a line reads best
"""Laws: folding agrees with CPython, nothing raises, everything is determined by the source."""

import base64
import codecs
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.vet.python import read_python
from pratique.vet.python.repair import repaired

TEXT = st.text("abcXYZ 019_%{}é\\'\n", max_size=12)
SMALL = st.integers(-20, 60)

# A grammar of pure expressions of our own: only what it makes is ever evaluated here.
strings = st.deferred(
    lambda: st.one_of(
        TEXT.map(repr),
        st.tuples(strings, strings).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        st.tuples(strings, st.integers(0, 3)).map(lambda pair: f"({pair[0]} * {pair[1]})"),
        st.tuples(strings, slices).map(lambda pair: f"{pair[0]}[{pair[1]}]"),
        st.tuples(strings, st.lists(strings, max_size=3)).map(
            lambda pair: f"{pair[0]}.join([{', '.join(pair[1])}])"
        ),
        st.tuples(strings, TEXT, TEXT).map(
            lambda three: f"{three[0]}.replace({three[1]!r}, {three[2]!r})"
        ),
        st.tuples(strings, st.sampled_from(["upper", "lower", "strip", "title", "swapcase"])).map(
            lambda pair: f"{pair[0]}.{pair[1]}()"
        ),
        strings.map(lambda text: f"base64.b64decode(base64.b64encode({text}.encode())).decode()"),
        strings.map(lambda text: f"bytes.fromhex({text}.encode().hex()).decode()"),
        strings.map(lambda text: f"codecs.decode(codecs.encode({text}, 'rot13'), 'rot_13')"),
        strings.map(lambda text: f"''.join(chr(ord(c) ^ 7 ^ 7) for c in {text})"),
        strings.map(lambda text: f"''.join(map(chr, [ord(c) for c in {text}]))"),
        strings.map(lambda text: f"''.join(reversed({text}))"),
        strings.map(lambda text: f"(lambda s: s[::-1])({text})"),
        strings.map(lambda text: f"bytes([b for b in {text}.encode()]).decode()"),
        strings.map(lambda text: f"{text}.translate(str.maketrans('abc', 'cab'))"),
        st.tuples(strings, strings).map(lambda pair: f"'{{}}-{{}}'.format({pair[0]}, {pair[1]})"),
        st.tuples(strings, strings).map(lambda pair: f"('%s-%s' % ({pair[0]}, {pair[1]}))"),
        st.tuples(strings, numbers).map(lambda pair: f"({pair[0]} if {pair[1]} > 5 else 'other')"),
        numbers.map(lambda number: f"str({number})"),
        numbers.map(lambda number: f"hex({number})"),
        st.tuples(strings, st.integers(0, 2)).map(lambda pair: f"[{pair[0]}, 'b', 'c'][{pair[1]}]"),
        strings.map(lambda text: f"{{1: {text}}}[1]"),
        strings.map(lambda text: f"(' '.join({text}.split()))"),
    )
)
slices = st.tuples(
    *[st.one_of(st.just(""), st.integers(-5, 5).map(str))] * 2,
    st.sampled_from(["", "1", "2", "-1"]),
).map(":".join)
numbers = st.deferred(
    lambda: st.one_of(
        SMALL.map(lambda number: f"({number})"),
        st.tuples(numbers, st.sampled_from("+-*^&|"), numbers).map(
            lambda three: f"({three[0]} {three[1]} {three[2]})"
        ),
        strings.map(lambda text: f"len({text})"),
        strings.map(lambda text: f"sum(ord(c) for c in {text})"),
        st.integers(0, 999).map(lambda number: f"int('{number:x}', 16)"),
        st.tuples(numbers, numbers).map(lambda pair: f"max({pair[0]}, {pair[1]})"),
    )
)
expressions = st.one_of(strings, numbers)
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
@given(expressions)
@QUICK
def test_folding_agrees_with_the_interpreter(expression: str) -> None:
    expected = eval(expression, {"base64": base64, "codecs": codecs})
    value = read_python(f"import base64, codecs\nx = {expression}").stored["x"]
    assert (value.folded, value.constant) == (True, expected), expression


@pytest.mark.slow
@given(expressions)
@QUICK
def test_folding_in_a_function_agrees_too(expression: str) -> None:
    expected = eval(expression, {"base64": base64, "codecs": codecs})
    source = f"import base64, codecs\ndef f():\n    y = {expression}\n    return y\nx = f()"
    value = read_python(source).stored["x"]
    assert (value.folded, value.constant) == (True, expected), expression


@given(st.binary(max_size=80), st.binary(min_size=1, max_size=5))
@QUICK
def test_xor_loops_agree_with_the_interpreter(data: bytes, key: bytes) -> None:
    hidden = bytes(byte ^ key[index % len(key)] for index, byte in enumerate(data))
    source = (
        "def decode(data, key):\n    out = bytearray()\n    i = 0\n    while i < len(data):\n"
        "        out.append(data[i] ^ key[i % len(key)])\n        i += 1\n    return bytes(out)\n"
        f"x = decode({hidden!r}, {key!r})"
    )
    assert read_python(source).stored["x"].constant == data


@given(st.binary(max_size=200))
@QUICK
def test_layers_of_decoding_are_undone(data: bytes) -> None:
    packed = base64.b85encode(zlib.compress(data))[::-1]
    value = read_python(
        f"import base64, zlib\nx = zlib.decompress(base64.b85decode({packed!r}[::-1]))"
    ).stored["x"]
    assert (value.constant, value.layer) == (data, 2)


PIECES = [
    "import os\n", "from a import *\n", "os.system(x)\n", "exec(", ")", "'", '"""', "\\\n", "\n", "  ", "\t", "def f(x, *a, **k):\n", "class A(B):\n",
    "lambda: ", "x = ", "yield ", "await ", "for i in x:\n", "while x:\n", "if __name__ == '__main__':\n", "try:\n", "except E, e:\n", "finally:\n", "with a as b:\n",
    "print x\n", "`", "f'{x!r:>{y}}'", "b'\\xff'", "[i for i in ", "]", "{", "}", "*", "**", "@", ":=", "->", "...", "0777L", "\x00", "\x0c", "\ufeff", "é", "global x\n",
    "return x\n", "self.x = x\n", "x[1:2] += 'a'\n", 'match x:\n case [1, *y] | {"a": True, **z} | None:\n  pass\n', "del x\n", "eval('x')", "getattr(os, 'a' + 'b')", "# coding: utf-7\n", "\r", ";",
]  # fmt: skip


@pytest.mark.slow
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    )
)
@settings(max_examples=400, deadline=None)
def test_nothing_raises_and_all_is_determined(source: bytes | str) -> None:
    file = read_python(source)
    assert not any(sentence.startswith("reading failed") for sentence in file.unfinished), (
        file.unfinished
    )
    assert read_python(source) == file
    assert all(0 <= call.region < len(file.regions) for call in file.calls)
    assert all(1 <= call.line <= len(file.lines) for call in file.calls)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=200, deadline=None)
def test_repairs_keep_lines(source: str) -> None:
    assert repaired(source).count("\n") == source.count("\n")
