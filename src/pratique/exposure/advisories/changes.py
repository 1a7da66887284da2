"""What changed between two revisions of an advisory, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pratique.exposure.advisories.model import Advisory, Affected
from pratique.values.instants import Instant, render_instant


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference."""

    what: str
    """`versions`, `ranges`, `digests`, `refs`, `windows`, `payload`, `withdrawn`, `text` …"""
    package: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def bears_on_answers(self) -> bool:
        """Whether an answer may change with it."""
        return self.what not in {"text", "references", "severity", "aliases"}


def changes_between(old: Advisory, new: Advisory) -> tuple[Change, ...]:
    """Every difference between two revisions of one advisory; empty when they say the same."""
    return (*_affected(old, new), *_record(old, new), *_overlay(old, new))


def _change(what: str, old: object, new: object, *, package: str = "") -> Iterator[Change]:
    before, after = _texts(old), _texts(new)
    if before != after:
        yield Change(
            what=what,
            package=package,
            added=tuple(text for text in after if text not in before),
            removed=tuple(text for text in before if text not in after),
        )


def _texts(values: object) -> tuple[str, ...]:
    if values is None:
        return ()
    listed = values if isinstance(values, tuple) else (values,)
    return tuple(sorted({_text(one) for one in listed}))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Instant):
        return render_instant(value)
    return msgspec.json.encode(value, order="deterministic").decode()


def _affected(old: Advisory, new: Advisory) -> Iterator[Change]:
    before = {(one.type, one.name): one for one in old.affected}
    after = {(one.type, one.name): one for one in new.affected}
    for key in sorted(before.keys() | after.keys()):
        empty = Affected(type=key[0], name=key[1])
        left, right = before.get(key, empty), after.get(key, empty)
        package = f"{key[0]}/{key[1]}"
        if (key in before) != (key in after):
            yield from _change("project", package if key in before else None,
                               package if key in after else None)  # fmt: skip
        for field in ("versions", "ranges", "digests", "refs"):
            yield from _change(field, getattr(left, field), getattr(right, field), package=package)
        if left.everything != right.everything:
            told = ("every version",)
            yield from _change("versions", told if left.everything else (),
                               told if right.everything else (), package=package)  # fmt: skip


def _record(old: Advisory, new: Advisory) -> Iterator[Change]:
    left, right = old.revision, new.revision
    for field in ("withdrawn", "published", "aliases", "severity", "references"):
        yield from _change(field, getattr(left, field), getattr(right, field))
    if (left.summary, left.details) != (right.summary, right.details):
        yield Change(what="text", added=(right.summary,), removed=(left.summary,))


def _overlay(old: Advisory, new: Advisory) -> Iterator[Change]:
    yield from _change("windows", old.windows, new.windows)
    yield from _change("payload", old.payload, new.payload)
    yield from _change("clean", old.clean, new.clean)
    before = old.overlay.first_aware if old.overlay is not None else None
    after = new.overlay.first_aware if new.overlay is not None else None
    yield from _change("first_aware", before, after)
