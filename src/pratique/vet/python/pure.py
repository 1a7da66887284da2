"""Library functions that depend on nothing but their arguments, by dotted name, each bounded."""

from __future__ import annotations

import html
import itertools
import math
import operator
import string
import struct
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from pratique.vet.python.decoders import DECODERS, ENCODERS, decode
from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.operations import PLAIN, TEXT, Cycle, size_of, subscript
from pratique.vet.python.plain import Folded
from pratique.vet.python.plain_methods import transcode

_ITEMS = 500_000
"""Elements of a sequence that folding makes: as many as there are evaluator steps, and a few."""
_SHOWN = 80_000
"""Bytes of a container that is written out as text."""
_POWER = (3, 4096)
"""Arguments and bits of `pow` with a modulus."""
_INTEGER_DIGITS = 4000
"""Digits of a number that is read: the interpreter's own limit is 4300, as the time is quadratic."""


def listed(value: Folded, budget: Budget) -> list[Any]:
    """The elements of something plain that can be walked over."""
    kind = type(value)
    if kind not in PLAIN or kind in {int, float, bool, type(None)}:
        raise Spent
    size = operator.length_hint(value)
    if size > _ITEMS:
        raise Spent
    budget.make(8 * size)
    return list(value)


def _int(arguments: list[Any], keywords: dict[str, Any], _budget: Budget) -> int:
    value: Folded = arguments[0] if arguments else 0
    if type(value) in TEXT and len(value) > _INTEGER_DIGITS:
        raise Spent
    return int(*arguments, **keywords)


def _str(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> str:
    if not arguments:
        return ""
    value = arguments[0]
    if type(value) in {bytes, bytearray}:
        codec = arguments[1] if len(arguments) > 1 else keywords.get("encoding")
        if codec is not None:
            return str(transcode(value, str(codec), "decode", arguments[2:], keywords, budget))
    return _shown(value, budget)


def _shown(value: Folded, budget: Budget) -> str:
    budget.make(4 * size_of(value) + 64)
    if (
        type(value) not in {str, bytes, bytearray, int, float, bool, type(None)}
        and size_of(value) > _SHOWN
    ):
        raise Spent
    return str(value)


def _bytes(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> bytes:
    if not arguments:
        return b""
    value = arguments[0]
    if type(value) is str:
        codec = arguments[1] if len(arguments) > 1 else keywords.get("encoding", "utf-8")
        return bytes(transcode(value, str(codec), "encode", arguments[2:], keywords, budget))
    if type(value) is int:
        budget.make(value)
        return bytes(value)
    budget.make(size_of(value))
    return bytes(value)


def _range(arguments: list[Any], _keywords: dict[str, Any], _budget: Budget) -> range:
    made = range(*arguments)
    if len(made) > _ITEMS:
        raise Spent
    return made


def _zip(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> list[Any]:
    finite = [len(listed(item, budget)) for item in arguments if type(item) is not Cycle]
    if not finite:
        raise Spent
    budget.make(64 * min(finite))
    return list(
        zip(
            *(itertools.cycle(item.items) if type(item) is Cycle else item for item in arguments),
            strict=False,
        )
    )


def _collect(kind: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    def collect(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> Folded:
        return kind(listed(arguments[0], budget)) if arguments else kind(())

    return collect


def _dict(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> dict[Any, Any]:
    if arguments and type(arguments[0]) is dict:
        return dict(arguments[0], **keywords)
    return dict(listed(arguments[0], budget) if arguments else (), **keywords)


def _only(arguments: list[Any]) -> Folded:
    (value,) = arguments
    return value


def _sorted(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> list[Any]:
    if set(keywords) - {"reverse"}:
        raise Spent
    return sorted(listed(arguments[0], budget), **keywords)


def _simple(function: Callable[..., Any], types: frozenset[Any] = PLAIN) -> Callable[..., Any]:
    """A function whose result is never larger than what goes in."""

    def call(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> Folded:
        for item in arguments:
            if type(item) not in types:
                raise Spent
            budget.make(size_of(item))
        return function(*arguments, **keywords)

    return call


def _text(function: Callable[..., Any], growth: int) -> Callable[..., Any]:
    def call(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> Folded:
        for item in arguments:
            budget.make(growth * size_of(item) + 16)
        return function(*arguments, **keywords)

    return call


def _pow(arguments: list[Any], _keywords: dict[str, Any], _budget: Budget) -> Folded:
    if len(arguments) != _POWER[0] or any(
        type(item) is not int or item.bit_length() > _POWER[1] for item in arguments
    ):
        raise Spent
    return pow(*arguments)


def _cycle(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> Cycle:
    items = listed(arguments[0], budget)
    if not items:
        raise Spent
    return Cycle(items)


def _chain(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> list[Any]:
    return [item for piece in arguments for item in listed(piece, budget)]


def _unpack(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> Folded:
    layout, data = arguments[0], arguments[1]
    budget.make(16 * len(data))
    if struct.calcsize(layout) != len(data):
        raise Spent
    return struct.unpack(layout, data)


def _pack(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> bytes:
    budget.make(struct.calcsize(arguments[0]))
    return struct.pack(*arguments)


def _path(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> str:
    if any(type(item) is not str for item in arguments):
        raise Spent
    budget.make(sum(map(len, arguments)) + len(arguments))
    if len(arguments) == 1:
        return str(arguments[0])
    head = "/".join(item.rstrip("/") if item != "/" else "" for item in arguments[:-1])
    return f"{head}/{arguments[-1]}"


def _coded(name: str) -> Callable[..., Any]:
    def call(arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> Folded:
        if not arguments and keywords:
            arguments = [keywords.pop(next(iter(keywords)))]
        return decode(name, arguments, keywords, budget)

    return call


def _getitem(arguments: list[Any], _keywords: dict[str, Any], budget: Budget) -> Folded:
    return subscript(arguments[0], arguments[1], budget)


_NUMBERS: frozenset[Any] = frozenset({int, float, bool})
_LIST = _collect(list)
PURE: dict[str, Callable[[list[Any], dict[str, Any], Budget], Any]] = {
    "builtins.chr": lambda a, _k, _b: chr(*a),
    "builtins.unichr": lambda a, _k, _b: chr(*a),
    "builtins.ord": lambda a, _k, _b: ord(*a),
    "builtins.int": _int,
    "builtins.long": _int,
    "builtins.str": _str,
    "builtins.unicode": _str,
    "builtins.bytes": _bytes,
    "builtins.bytearray": lambda a, k, b: bytearray(_bytes(a, k, b)),
    "builtins.memoryview": _bytes,
    "builtins.range": _range,
    "builtins.xrange": _range,
    "builtins.zip": _zip,
    "builtins.list": _LIST,
    "builtins.iter": _LIST,
    "builtins.tuple": _collect(tuple),
    "builtins.set": _collect(set),
    "builtins.dict": _dict,
    "builtins.reversed": _collect(lambda items: list(items)[::-1]),
    "builtins.enumerate": lambda a, k, b: list(enumerate(listed(a[0], b), *a[1:], **k)),
    "builtins.sorted": _sorted,
    "builtins.len": _simple(len),
    "builtins.sum": lambda a, _k, b: sum(
        listed(_only(a), b)
    ),  # no start: adding up lists is quadratic
    "builtins.min": _simple(min),
    "builtins.max": _simple(max),
    "builtins.abs": _simple(abs, _NUMBERS),
    "builtins.round": _simple(round, _NUMBERS),
    "builtins.divmod": _simple(divmod, _NUMBERS),
    "builtins.any": _simple(any),
    "builtins.all": _simple(all),
    "builtins.bool": _simple(bool),
    "builtins.float": _simple(float, frozenset({int, float, bool, str})),
    "builtins.hex": _simple(hex, frozenset({int})),
    "builtins.oct": _simple(oct, frozenset({int})),
    "builtins.bin": _simple(bin, frozenset({int})),
    "builtins.slice": lambda a, _k, _b: slice(*a),
    "builtins.repr": lambda a, _k, b: repr(a[0]) if _shown(a[0], b) is not None else "",
    "builtins.pow": _pow,
    "itertools.cycle": _cycle,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": lambda a, k, b: _chain(listed(a[0], b), k, b),
    "math.floor": _simple(math.floor, _NUMBERS),
    "math.ceil": _simple(math.ceil, _NUMBERS),
    "math.sqrt": _simple(math.sqrt, _NUMBERS),
    "operator.getitem": _getitem,
    "operator.xor": _simple(operator.xor, frozenset({int, bool})),
    "struct.unpack": _unpack,
    "struct.pack": _pack,
    "urllib.parse.unquote": _text(urllib.parse.unquote, 2),
    "urllib.parse.unquote_plus": _text(urllib.parse.unquote_plus, 2),
    "urllib.parse.quote": _text(urllib.parse.quote, 9),
    "urllib.parse.urljoin": _text(urllib.parse.urljoin, 1),
    "html.unescape": _text(html.unescape, 1),
    "os.path.join": _path,
    **{name: _coded(name) for name in (*DECODERS, *ENCODERS)},
}

CONSTANTS: dict[str, Any] = {
    "string.ascii_letters": string.ascii_letters,
    "string.letters": string.ascii_letters,
    "string.ascii_lowercase": string.ascii_lowercase,
    "string.lowercase": string.ascii_lowercase,
    "string.ascii_uppercase": string.ascii_uppercase,
    "string.uppercase": string.ascii_uppercase,
    "string.digits": string.digits,
    "string.hexdigits": string.hexdigits,
    "string.octdigits": string.octdigits,
    "string.punctuation": string.punctuation,
    "string.whitespace": string.whitespace,
    "string.printable": string.printable,
    "os.sep": "/",
    "os.path.sep": "/",
    "os.linesep": "\n",
    "os.devnull": "/dev/null",
    "math.pi": math.pi,
    "Crypto.Cipher.AES.MODE_ECB": 1,
    "Crypto.Cipher.AES.MODE_CBC": 2,
}

STATIC_METHODS = {"builtins.str": str, "builtins.bytes": bytes, "builtins.bytearray": bytearray}
"""Types whose methods may be called unbound: `str.join("", parts)`, `bytes.fromhex(…)`."""


def call(name: str, arguments: list[Any], keywords: dict[str, Any], budget: Budget) -> Folded:
    """Call a pure function by its dotted name.

    Raises: Spent when it does not take these, or would make too much.
    """
    try:
        return PURE[name](arguments, keywords, budget)
    except (
        TypeError,
        ValueError,
        LookupError,
        ArithmeticError,
        AttributeError,
        struct.error,
        MemoryError,
        RecursionError,
        StopIteration,
    ) as error:
        raise Spent from error
