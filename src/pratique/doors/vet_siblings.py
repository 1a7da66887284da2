"""Sdists and wheels of one release that a person named together: a wheel waits for its sdist's facts.

Order: sdists come before the wheels of their release (`sdists_first`), so whoever waits here waits
for one that has begun.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pratique.doors.index.locate import candidate_projects
from pratique.values.names import Distribution, DistributionKind, parse_distribution_filename
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted

T = TypeVar("T")
_Release = tuple[str, str]

_REMEMBERED = 8
"""Releases whose sdist's facts are held: their wheels come next."""


@dataclass(slots=True)
class Promise:
    """What an sdist's vetting will have found."""

    facts: BaseFacts | None = None


class Siblings:
    """Sdists being vetted, or vetted a moment ago. Lives on one event loop."""

    def __init__(self) -> None:
        self._coming: OrderedDict[_Release, asyncio.Future[BaseFacts | None]] = OrderedDict()

    @contextmanager
    def vetting(self, filename: str) -> Iterator[Promise]:
        """While a file is vetted: what is put into the promise goes to the wheels that wait."""
        promise, release = Promise(), _release(filename, DistributionKind.SDIST)
        future: asyncio.Future[BaseFacts | None] = asyncio.get_running_loop().create_future()
        if release is not None:
            self._coming[release] = future
        try:
            yield promise
        finally:
            future.set_result(promise.facts)
            while len(self._coming) > _REMEMBERED and next(iter(self._coming.values())).done():
                self._coming.popitem(last=False)

    async def of(self, filename: str) -> BaseFacts | None:
        """For a wheel, the facts of the sdist that was named beside it, once they are there."""
        release = _release(filename, DistributionKind.WHEEL)
        coming = self._coming.get(release) if release is not None else None
        return None if coming is None else await asyncio.shield(coming)


def facts_of_file(vetted: Vetted, base: BaseFacts | None) -> BaseFacts | None:
    """Facts of a file that was vetted without a store: those made now, and those of its base."""
    if vetted.failure or not vetted.release:
        return None
    kept: tuple[StoredContent, ...] = base.contents if base is not None else ()
    return BaseFacts(key="", release=vetted.release, contents=(*kept, *vetted.new))


def sdists_first(items: Sequence[T], name: Callable[[T], str]) -> list[T]:
    """The same files in the same order, but each sdist before the first wheel of its release."""
    sdists: dict[_Release, list[int]] = {}
    for i, item in enumerate(items):
        release = _release(name(item), DistributionKind.SDIST)
        if release is not None:
            sdists.setdefault(release, []).append(i)
    order: dict[int, None] = {}
    for i, item in enumerate(items):
        wheel = _release(name(item), DistributionKind.WHEEL)
        order.update(dict.fromkeys(sdists.get(wheel, ()) if wheel is not None else ()))
        order[i] = None
    return [items[i] for i in order]


def named_by(filename: str) -> Distribution | None:
    """What a file name tells without its page."""
    readings = (
        parse_distribution_filename(filename, project=project)
        for project in candidate_projects(filename)
    )
    return next((one for one in readings if one is not None), None)


def _release(filename: str, kind: DistributionKind) -> _Release | None:
    named = named_by(filename)
    if named is None or named.kind is not kind:
        return None
    return (named.project, str(named.version))
