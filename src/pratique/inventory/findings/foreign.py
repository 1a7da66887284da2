"""Addresses that lead around the door: with `--frozen`, an installer goes straight to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pratique.inventory.addresses import DoorAddress, file_front, is_remote
from pratique.inventory.findings.rules import FOREIGN_INDEX, FOREIGN_URL, Finding, Severity, found
from pratique.inventory.model import (
    Location,
    LockDocument,
    LockKind,
    NamedIndex,
    SourceKind,
)

_CONFIGURED = {LockKind.PIPENV, LockKind.REQUIREMENTS}
"""Kinds in which an index is configuration of the installer, not a record of where files were."""


@dataclass(slots=True)
class _Places:
    """The places where one foreign address is named."""

    first: Location
    count: int = 1


def foreign_addresses(document: LockDocument, door: DoorAddress) -> Iterator[Finding]:
    """URLs and indexes of a document that are not the door's, one finding per host and role."""
    for index in document.indexes:
        if document.kind in _CONFIGURED:
            yield from _configured_index(document, index, door)
    yield from _registries(document, door)
    yield from _files(document, door)


def _configured_index(
    document: LockDocument, index: NamedIndex, door: DoorAddress
) -> Iterator[Finding]:
    if "${" in index.url or index.url.startswith("$"):
        yield found(
            FOREIGN_INDEX,
            path=document.path,
            location=index.location,
            severity=Severity.WARNING,
            subject=index.url,
            message=f"{index.option} is taken from the environment ({index.url}); not checked",
        )
    elif is_remote(index.url) and not door.serves(index.url):
        yield found(
            FOREIGN_INDEX,
            path=document.path,
            location=index.location,
            subject=index.url,
            message=f"{index.option} {index.url} is asked beside or instead of the door",
        )


def _registries(document: LockDocument, door: DoorAddress) -> Iterator[Finding]:
    if document.kind in _CONFIGURED:
        return
    places: dict[str, _Places] = {}
    for package in document.packages:
        url = package.source.url
        foreign = package.source.kind is SourceKind.REGISTRY and is_remote(url)
        if foreign and not door.serves(url):
            _note(places, url, package.source.location or package.location)
    for url, seen in places.items():
        yield found(
            FOREIGN_URL,
            path=document.path,
            location=seen.first,
            subject=url,
            count=seen.count,
            message=f"{_counted(seen.count, 'package')} locked to the registry {url}",
        )


def _files(document: LockDocument, door: DoorAddress) -> Iterator[Finding]:
    places: dict[str, _Places] = {}
    for package in document.packages:
        if not package.from_index:
            continue  # `direct-url` reports it
        for file in package.files:
            if is_remote(file.url) and not door.serves(file.url):
                _note(places, file_front(file.url) or file.url, file.location)
    for front, seen in places.items():
        yield found(
            FOREIGN_URL,
            path=document.path,
            location=seen.first,
            subject=front,
            count=seen.count,
            message=f"{_counted(seen.count, 'file')} fetched from {front} without asking the door",
        )


def _note(places: dict[str, _Places], address: str, location: Location) -> None:
    if address in places:
        places[address].count += 1
    else:
        places[address] = _Places(first=location)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}" + (" is" if count == 1 else " are")
