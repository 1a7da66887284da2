"""Exchanges the fronts of URLs in a lock file: to the door, and back to the upstream.

Only text inside the URLs changes; every other byte stays. An exchange is exact both ways, because
the door keeps the upstream's path (`PageFile.door_path`) and each front has one counterpart; where
that would not hold, the plan is refused instead of guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pratique.errors import InputError
from pratique.inventory.addresses import DoorAddress, file_front, is_remote, redact
from pratique.inventory.model import LockDocument, LockKind, SourceKind

# Keys under which the TOML and JSON kinds keep registry and file URLs; `git` is none of them.
_VALUE = re.compile(
    r"""(?P<lead>(?<![\w-])["']?(?:registry|url|index|file)["']?\s*[=:]\s*["'])(?P<url>https?://[^"'\n]*)""",
    re.IGNORECASE,
)
_IN_REQUIREMENTS = re.compile(r"(?P<lead>(?:^|[\s=@]))(?P<url>https?://[^\s;]+)", re.IGNORECASE)
_COMMENT = re.compile(r"(?:^|(?<=\s))#")


class RewriteError(InputError):
    """The URLs cannot be exchanged in a way that could be undone."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Exchange:
    """One front and its counterpart.

    Fronts that end in a slash stand for everything below; others for exactly that URL, with or
    without a slash at its end.
    """

    old: str
    new: str

    def inverse(self) -> Exchange:
        """The way back."""
        return Exchange(old=self.new, new=self.old)

    def apply(self, url: str) -> str | None:
        """The URL with its front exchanged; None when it is another URL."""
        if self.old.endswith("/"):
            return self.new + url[len(self.old) :] if url.startswith(self.old) else None
        bare = url.rstrip("/")
        return self.new + url[len(bare) :] if bare == self.old else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A rewritten file."""

    text: str
    changed: int
    """How many URLs were exchanged."""
    reversible: bool
    """Whether the inverse gives back every byte."""


def parse_exchange(text: str) -> Exchange:
    """Read `FROM=TO`. Raises: RewriteError."""
    found = re.fullmatch(r"(https?://.+?)=(https?://.+)", text.strip())
    if found is None or found.group(1).endswith("/") != found.group(2).endswith("/"):
        raise RewriteError(
            f"not an exchange: {redact(text)!r}",
            expected="FROM=TO, two URLs that both end in '/' (everything below) or both do not",
        )
    return Exchange(old=found.group(1), new=found.group(2))


def plan_to_door(
    document: LockDocument, door: DoorAddress, given: Sequence[Exchange]
) -> tuple[Exchange, ...]:
    """The exchanges that lead a document's URLs through the door.

    Raises: RewriteError when two upstream fronts would become one, because the way back, and with
    it where a package came from, would be lost.
    """
    registries = _uncovered(_registries(document, door), given)
    fronts = _uncovered(_fronts(document, door), given)
    planned = list(given)
    for what, found, target in (
        ("indexes", registries, door.simple),
        ("file hosts", fronts, door.packages),
    ):
        if len(found) > 1:
            raise RewriteError(
                f"{document.path}: names {len(found)} {what}: {', '.join(map(redact, found))}",
                expected="one that becomes the door, or a counterpart for each",
                remedy="say --map FROM=TO for all but one",
            )
        planned += [Exchange(old=old, new=target) for old in found]
    return tuple(planned)


def plan_to_upstream(
    document: LockDocument,
    door: DoorAddress,
    *,
    index_url: str,
    files_front: str,
    given: Sequence[Exchange],
) -> tuple[Exchange, ...]:
    """The exchanges that lead a document's URLs from the door to an upstream.

    `files_front` is what the upstream's file URLs begin with; empty when it is not known.
    Raises: RewriteError when the document needs it and it is not known.
    """
    planned = [*given, Exchange(old=door.simple, new=index_url.rstrip("/"))]
    if not needs_files_front(document, door, given):
        return tuple(planned)
    front = files_front or _only_foreign_front(document, door)
    if not front:
        raise RewriteError(
            f"{document.path}: does not say where the upstream keeps its files",
            remedy=f"say --map {door.packages}=https://HOST/packages/",
        )
    return (*planned, Exchange(old=door.packages, new=front))


def needs_files_front(document: LockDocument, door: DoorAddress, given: Sequence[Exchange]) -> bool:
    """Whether the document has file URLs at the door that no given exchange covers."""
    urls = {
        file.url
        for package in document.packages
        for file in package.files
        if file.url.startswith(door.packages)
    }
    return bool(_uncovered(urls, given))


def rewrite(text: str, kind: LockKind, exchanges: Iterable[Exchange]) -> Rewritten:
    """Exchange the fronts of all URLs in a file's text."""
    # Whole URLs first, then the longest front, so that `…/packages/private/` wins.
    ordered = sorted(exchanges, key=lambda e: (e.old.endswith("/"), -len(e.old), e.old))
    changed, count = _exchange(text, kind, ordered)
    inverse = sorted(
        (e.inverse() for e in ordered), key=lambda e: (e.old.endswith("/"), -len(e.old), e.old)
    )
    restored, _count = _exchange(changed, kind, inverse)
    return Rewritten(text=changed, changed=count, reversible=restored == text)


def _exchange(text: str, kind: LockKind, ordered: Sequence[Exchange]) -> tuple[str, int]:
    count = 0

    def swap(found: re.Match[str]) -> str:
        nonlocal count
        url = found.group("url")
        for exchange in ordered:
            new = exchange.apply(url)
            if new is not None and new != url:
                count += 1
                return found.group("lead") + new
        return found.group()

    if kind is not LockKind.REQUIREMENTS:
        return _VALUE.sub(swap, text), count
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        comment = _COMMENT.search(line)
        end = comment.start() if comment else len(line)
        lines[number] = _IN_REQUIREMENTS.sub(swap, line[:end]) + line[end:]
    return "".join(lines), count


def _registries(document: LockDocument, door: DoorAddress) -> set[str]:
    named = {index.url for index in document.indexes if index.option != "--find-links"}
    named |= {p.source.url for p in document.packages if p.source.kind is SourceKind.REGISTRY}
    return {url.rstrip("/") for url in named if is_remote(url) and not door.serves(url)}


def _fronts(document: LockDocument, door: DoorAddress) -> set[str]:
    return {
        front
        for package in document.packages
        if package.from_index
        for file in package.files
        if file.url and not door.serves(file.url) and (front := file_front(file.url))
    }


def _only_foreign_front(document: LockDocument, door: DoorAddress) -> str:
    fronts = _fronts(document, door)
    return fronts.pop() if len(fronts) == 1 else ""


def _uncovered(urls: Iterable[str], given: Sequence[Exchange]) -> list[str]:
    return sorted(url for url in urls if not any(e.apply(url) is not None for e in given))
