"""Keys and words that a policy file may use, to name the nearest one in an error."""

from __future__ import annotations

import difflib
from typing import Literal, NamedTuple, get_args, get_origin

import msgspec

from pratique.policy.toml_lines import KeyPath


class UnknownKey(NamedTuple):
    """A key that the language does not have."""

    path: KeyPath
    message: str
    expected: str


def find_unknown_key(
    raw: object, struct: type[msgspec.Struct], path: KeyPath = ()
) -> UnknownKey | None:
    """The first key below `raw` that `struct` does not define; None when all are known."""
    if not isinstance(raw, dict):
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key, value in raw.items():
        if key not in fields:
            return _describe(key, list(fields), path)
        inner = _struct_in(fields[key].type)
        if inner is None:
            continue
        entries = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, entry in entries:
            deeper = (*path, key) if index is None else (*path, key, index)
            unknown = find_unknown_key(entry, inner, deeper)
            if unknown is not None:
                return unknown
    return None


def _struct_in(annotation: object) -> type[msgspec.Struct] | None:
    """The struct that a field holds, alone or in a tuple."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None


def _describe(key: str, known: list[str], path: KeyPath) -> UnknownKey:
    place = ".".join(str(part) for part in path if isinstance(part, str))
    where = f" in [{place}]" if place else ""
    spelled = key.lower().replace("-", "_")
    by_spelling = {name.replace("-", "_"): name for name in known}
    nearest = difflib.get_close_matches(spelled, by_spelling, n=1, cutoff=0.6)
    meant = f" (did you mean {by_spelling[nearest[0]]!r}?)" if nearest else ""
    return UnknownKey(
        path=(*path, key),
        message=f"unknown key {key!r}{where}{meant}",
        expected="one of " + ", ".join(sorted(known)),
    )


def words_at(path: KeyPath, struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """The words that the key at `path` may have; empty when it takes something else."""
    inner: type[msgspec.Struct] | None = struct
    annotation: object = None
    for part in path:
        if isinstance(part, int):
            continue
        fields = {field.encode_name: field for field in msgspec.structs.fields(inner or struct)}
        if inner is None or part not in fields:
            return ()
        annotation = fields[part].type
        inner = _struct_in(annotation)
    return tuple(_literals(annotation))


def _literals(annotation: object) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for inner in get_args(annotation) for word in _literals(inner)]
