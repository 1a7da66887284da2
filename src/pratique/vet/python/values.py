"""Values inside the reader: cheap to make, turned into `model.Value` only when reported."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from pratique.vet.python.labels import labels_of
from pratique.vet.python.model import Constant, Value
from pratique.vet.python.plain import Folded

if TYPE_CHECKING:
    from pratique.vet.python.scan import Outline

HOLE = "\N{HORIZONTAL ELLIPSIS}"
_NAMES_AT_MOST = 4
"""Names that one value may stand for; more says nothing to a person."""
_KNOWN_CHARACTERS = 20_000
"""Known text of a reported value; longer constants are reported whole as constants anyway."""
_REPORTED_ITEMS = 10_000
"""Elements of a reported sequence; a longer one is data."""


class _Unset:
    """Marks that a value is not known."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "unset"


UNSET: Final = _Unset()


class V(msgspec.Struct):
    """One value as the walk knows it."""

    const: Folded = UNSET
    text: str = ""
    """Known text when the constant is not known; the hole stands for what is missing."""
    bits: int = 0
    names: tuple[str, ...] = ()
    layer: int = 0
    inner: object = None
    """What it is made of: list[V], dict[Folded, V], a Routine, a ClassValue, an Instance."""
    built: bool = False
    """Put together from pieces or decoded."""
    hidden: bool = False
    """The name it stands for was hidden (folded out of pieces, getattr, globals() …)."""


NONE = V()
"""The value of which nothing is known. Shared: never changed."""
PYTHON_NONE = V(None)


class ClassValue:
    """A class of this source, with what is known of its attributes."""

    __slots__ = ("attributes", "bases", "name", "node", "routines")

    def __init__(self, name: str, node: ast.ClassDef, bases: tuple[V, ...]) -> None:
        self.name = name
        self.node = node
        self.bases = bases
        self.attributes: dict[str, V] = {}
        """Class attributes and everything that is stored on `self` in any method."""
        self.routines: dict[str, Routine] = {}


class Routine:
    """A function of this source."""

    __slots__ = (
        "busy",
        "closure",
        "generic",
        "name",
        "node",
        "outline",
        "owner",
        "pure_failed",
        "region",
        "results",
        "sinks",
    )

    def __init__(
        self,
        name: str,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        *,
        owner: ClassValue | None,
        outline: Outline | None,
        closure: list[dict[str, V]],
    ) -> None:
        self.name = name
        self.node = node
        self.owner = owner
        self.outline = outline
        self.closure = closure
        """Scopes around it, innermost last."""
        self.generic: V | None = None
        """What it returns when nothing is known of its parameters."""
        self.sinks = False
        """Whether a reported call in it depends on a parameter."""
        self.results: dict[object, V] = {}
        """What it returned for arguments that were followed."""
        self.busy = False
        self.region = 0
        """Region that its calls belong to."""
        self.pure_failed = False


class Instance:
    """An object of a class of this source."""

    __slots__ = ("of",)

    def __init__(self, of: ClassValue) -> None:
        self.of = of


class Bound:
    """A method of this source with the object it belongs to."""

    __slots__ = ("owner", "routine")

    def __init__(self, routine: Routine, owner: Instance) -> None:
        self.routine = routine
        self.owner = owner


class Partial:
    """A callable with some arguments already given."""

    __slots__ = ("arguments", "keywords", "target")

    def __init__(self, target: V, arguments: list[V], keywords: dict[str, V]) -> None:
        self.target = target
        self.arguments = arguments
        self.keywords = keywords


class FileValue:
    """An opened file."""

    __slots__ = ("mode", "path")

    def __init__(self, path: V, mode: str) -> None:
        self.path = path
        self.mode = mode


class Made:
    """The result of a call whose arguments a later call needs: a cipher, a hash, a getter, a code object."""

    __slots__ = ("arguments", "keywords", "name")

    def __init__(self, name: str, arguments: list[V], keywords: dict[str, V]) -> None:
        self.name = name
        self.arguments = arguments
        self.keywords = keywords


def known(value: V) -> str:
    """The known text of a value, the hole when nothing is known."""
    const = value.const
    kind = type(const)
    if kind is str:
        return str(const)
    if const is UNSET:
        return value.text or HOLE
    if kind is bytes or kind is bytearray:
        return bytes(const[:_KNOWN_CHARACTERS]).decode("latin-1")
    if kind is int or kind is float or kind is bool or const is None:
        try:
            return str(const)
        except ValueError:  # an integer of too many digits to be written
            return HOLE
    return HOLE


def join(one: V, other: V) -> V:
    """What is either: labels and names of both; the constant only if they agree."""
    if one is other:
        return one
    if one is NONE or (one.const is None and not one.bits):
        return other
    if other is NONE or (other.const is None and not other.bits):
        return one
    same = type(one.const) is type(other.const) and _equal(one.const, other.const)
    names = one.names
    if other.names and other.names != names:
        names = tuple(dict.fromkeys((*names, *other.names)))[:_NAMES_AT_MOST]
    return V(
        one.const if same else UNSET,
        "" if same else _either_text(one, other),
        one.bits | other.bits,
        names,
        max(one.layer, other.layer),
        one.inner if one.inner is not None else other.inner,
        one.built or other.built,
        one.hidden or other.hidden,
    )


_EITHER_CHARACTERS = 2000
"""Known text of alternatives; each is a line."""


def _either_text(one: V, other: V) -> str:
    """Both texts as lines, so that whoever judges them sees each alternative."""
    first, second = _plain_text(one), _plain_text(other)
    if not first or not second:
        return first or second
    if second in first.split("\n"):
        return first
    return f"{first}\n{second}" if len(first) + len(second) < _EITHER_CHARACTERS else first


def _plain_text(value: V) -> str:
    if type(value.const) is str:
        return str(value.const) if len(value.const) < _EITHER_CHARACTERS else ""
    return value.text


_SAME_AT_MOST = 5000
"""Longer constants are compared by identity only: joins happen in loops."""


def _equal(one: Folded, other: Folded) -> bool:
    if one is other:
        return True
    if isinstance(one, (str, bytes, list, tuple, dict)) and len(one) > _SAME_AT_MOST:
        return False
    return bool(one == other)


def joined_bits(values: Iterable[V]) -> int:
    """Labels of any of these."""
    bits = 0
    for value in values:
        bits |= value.bits
    return bits


_REPORTED_NOTHING = Value()


def reported(value: V) -> Value:
    """The value as analyses see it."""
    if value is NONE:
        return _REPORTED_NOTHING
    constant, folded = _constant(value.const)
    text = (
        known(value)
        if folded and type(constant) is not tuple
        else (value.text if constant is None else _joined_text(constant))
    )
    return Value(
        constant=constant,
        folded=folded,
        known=text[:_KNOWN_CHARACTERS],
        labels=labels_of(value.bits),
        names=value.names,
        layer=value.layer,
    )


def _joined_text(constant: Constant) -> str:
    if type(constant) is not tuple:
        return ""
    return " ".join(
        item
        if isinstance(item, str)
        else item.decode("latin-1")
        if isinstance(item, bytes)
        else str(item)
        for item in constant[:200]
        if not isinstance(item, (tuple, int)) or isinstance(item, bool)
    )


def _constant(const: Folded) -> tuple[Constant, bool]:
    if const is UNSET:
        return None, False
    kind = type(const)
    if kind in {str, bytes, int, float, bool, type(None)}:
        return const, True
    if kind is bytearray:
        return bytes(const), True
    if kind in {list, tuple} and len(const) <= _REPORTED_ITEMS:
        items = [_constant(item) for item in const]
        if all(folded for _, folded in items):
            return tuple(item for item, _ in items), True
    return None, False
