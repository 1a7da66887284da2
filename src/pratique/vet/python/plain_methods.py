"""Methods of plain values without effect, each refused when its result would be large."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pratique.vet.python.limits import Budget, Spent
from pratique.vet.python.operations import PLAIN, TEXT, WIDTH_DIGITS, shown_size, size_of
from pratique.vet.python.plain import Folded

_STRING_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "encode",
        "decode",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isprintable",
        "isspace",
        "istitle",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "hex",
    ]
)
"""Methods whose result is no larger than a few times their receiver."""
_CONTAINER_METHODS = frozenset(["copy", "count", "index", "get", "items", "keys", "values"])
_INTEGER_METHODS = frozenset(["bit_length", "bit_count", "conjugate"])
_TEXT_CODECS = frozenset(
    [
        "ascii",
        "utf-8",
        "utf8",
        "u8",
        "utf",
        "utf-16",
        "utf16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-le",
        "utf-32-be",
        "latin-1",
        "latin1",
        "iso-8859-1",
        "iso8859-1",
        "l1",
        "cp1252",
        "cp437",
        "utf-7",
        "utf-8-sig",
        "unicode-escape",
        "raw-unicode-escape",
        "cp1251",
        "gbk",
        "big5",
        "shift-jis",
        "euc-jp",
        "euc-kr",
        "koi8-r",
        "cp866",
        "cp850",
        "mac-roman",
        "idna",
        "punycode",
    ]
)
_QUADRATIC = 1000
"""Longest text for the two codecs whose time is quadratic."""
_MAP_AT_MOST = 70_000
"""Entries of a translation table: all of the basic plane."""
_DEEP = frozenset({list, tuple, dict, set})


def method(
    value: Folded, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    """`value.name(*arguments, **keywords)` for a method without effect.

    Raises: Spent when it is unknown, too large, or does not take these.
    """
    kind = type(value)
    try:
        if kind in TEXT:
            return _text_method(value, name, arguments, keywords, budget)
        if kind in {list, tuple, dict, set} and name in _CONTAINER_METHODS:
            budget.make(size_of(value))
            result = getattr(value, name)(*arguments, **keywords)
            return list(result) if name in {"items", "keys", "values"} else result
        if kind is int:
            if name == "to_bytes":
                length = arguments[0] if arguments else keywords.get("length", 1)
                budget.make(int(length))
                return value.to_bytes(*arguments, **keywords)
            if name in _INTEGER_METHODS:
                return getattr(value, name)(*arguments, **keywords)
    except (
        TypeError,
        ValueError,
        LookupError,
        OverflowError,
        AttributeError,
        MemoryError,
    ) as error:
        raise Spent from error
    raise Spent


def _text_method(
    value: Folded, name: str, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    if name in {"encode", "decode"}:
        codec = arguments[0] if arguments else keywords.get("encoding", "utf-8")
        return transcode(value, str(codec), name, list(arguments[1:]), keywords, budget)
    if name in _STRING_METHODS:
        budget.make(2 * len(value))
        # `split` of a long text makes many objects: sixty bytes for each character at worst.
        if "split" in name and len(value) > budget.limits.value_bytes // 8:
            raise Spent
        return getattr(value, name)(*arguments, **keywords)
    special = _LARGER.get(name)
    if special is None:
        raise Spent
    return special(value, arguments, keywords, budget)


def transcode(
    value: Folded,
    codec: str,
    direction: str,
    errors: list[Any],
    keywords: Mapping[str, Any],
    budget: Budget,
) -> Folded:
    """`value.encode(codec)` or `.decode`, only for codecs between text and bytes."""
    word = codec.lower().replace("_", "-").replace(" ", "-")
    if word not in _TEXT_CODECS:
        raise Spent
    if word in {"idna", "punycode"} and len(value) > _QUADRATIC:
        raise Spent
    budget.make(4 * len(value) if "32" in word else 2 * len(value))
    handler = errors[0] if errors else keywords.get("errors", "strict")
    return getattr(value, direction)(word, str(handler))


def _join(
    value: Folded, arguments: Sequence[Any], _keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    (items,) = arguments
    items = items if type(items) in {list, tuple, str, bytes, bytearray} else list(items)
    budget.step(len(items) // 8)
    budget.make(sum(map(len, items)) + len(value) * len(items))
    return value.join(items)


def _replace(
    value: Folded, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    old, new = arguments[0], arguments[1]
    times = len(value) + 1 if not old else len(value) // len(old)
    if len(new) > len(old) and times * len(new) > budget.limits.value_bytes:
        times = value.count(old)
    budget.make(len(value) + max(0, len(new) - len(old)) * times)
    return value.replace(*arguments, **keywords)


def _padded(name: str) -> Callable[..., Any]:
    def pad(
        value: Folded, arguments: Sequence[Any], _keywords: Mapping[str, Any], budget: Budget
    ) -> Folded:
        budget.make(len(value) + max(0, int(arguments[0])))
        return getattr(value, name)(*arguments)

    return pad


def _translate(
    value: Folded, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    table = arguments[0]
    if type(table) is dict:
        if len(table) > _MAP_AT_MOST or type(value) is not str:
            raise Spent
        longest = max((len(item) for item in table.values() if type(item) is str), default=1)
        budget.make(len(value) * max(1, longest))
        return value.translate(table)
    budget.make(len(value))
    return value.translate(*arguments, **keywords)


def _maketrans(
    value: Folded, arguments: Sequence[Any], _keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    budget.make(sum(16 * len(item) for item in arguments))
    return type(value).maketrans(*arguments)


def _format(
    value: Folded, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    if type(value) is not str or ("." in value and "{" in value and _reaches_in(value)):
        raise Spent
    braces = value.count("{")
    most = max((shown_size(item) for item in (*arguments, *keywords.values())), default=0)
    budget.make(len(value) + braces * most)
    return value.format(*arguments, **keywords)


def _reaches_in(template: str) -> bool:
    """Whether a format reaches into its arguments or pads wildly: `{0.__class__}`, `{:>99999}`."""
    for piece in template.split("{")[1:]:
        field = piece.partition("}")[0]
        if "." in field or "[" in field:
            return True
    return False


def _format_checked(
    value: Folded, arguments: Sequence[Any], keywords: Mapping[str, Any], budget: Budget
) -> Folded:
    if type(value) is str:
        for piece in value.split("{")[1:]:
            specification = piece.partition("}")[0].partition(":")[2]
            if sum(map(str.isdigit, specification)) > WIDTH_DIGITS or "{" in specification:
                raise Spent
    return _format(value, arguments, keywords, budget)


_LARGER: dict[str, Callable[..., Any]] = {
    "join": _join,
    "replace": _replace,
    "translate": _translate,
    "maketrans": _maketrans,
    "format": _format_checked,
    "zfill": _padded("zfill"),
    "center": _padded("center"),
    "ljust": _padded("ljust"),
    "rjust": _padded("rjust"),
}


def format_value(value: Folded, conversion: int, specification: str, budget: Budget) -> str:
    """One replacement field of an f-string.

    Raises: Spent when it does not fit.
    """
    if type(value) not in PLAIN or sum(map(str.isdigit, specification)) > WIDTH_DIGITS:
        raise Spent
    budget.make(shown_size(value) + len(specification))
    try:
        if conversion == ord("r"):
            value = repr(value)
        elif conversion == ord("a"):
            value = ascii(value)
        elif conversion == ord("s"):
            value = str(value)
        return format(value, specification)
    except (TypeError, ValueError, RecursionError) as error:
        raise Spent from error
