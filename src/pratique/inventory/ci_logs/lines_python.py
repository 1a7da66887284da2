"""What pip, uv, Poetry and pdm write, line by line.

Each pattern is one sentence of one tool, as its source code prints it. Versions are whole words:
`1.82.70` is not `1.82.7`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.inventory.ci_logs.items import pypi, pypi_file, pypi_pair
from pratique.inventory.ci_logs.model import (
    Counted,
    Listing,
    Mention,
    Named,
    Present,
    Said,
    Tool,
    Unread,
)
from pratique.inventory.observed.model import Item, Stage

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}"
_VERSION: Final = r"[0-9][A-Za-z0-9.!+_-]{0,100}"

_COLLECTING: Final = re.compile(
    rf"\s*Collecting ({_NAME})(?:\[[^\]]*\])?\s*((?:[<>=!~]=?=?[^;(@]*)?)(.*)\Z"
)
_FETCHING: Final = re.compile(
    r"\s*(?:Downloading|Using cached|Downloaded|Saved|Processing|Obtaining) (\S+?)(\.metadata)?"
    r"(?:#sha256=([0-9a-f]{64})\S*)?(?:\s+\(.*)?\Z"
)
_INSTALLED: Final = re.compile(r"\s*(Successfully installed|Would install) (\S.*)\Z")
_SATISFIED: Final = re.compile(
    rf"\s*Requirement already satisfied: ({_NAME})(?:\[[^\]]*\])?.*?\s\(({_VERSION})\)\s*\Z"
)
_SATISFIED_UNNAMED: Final = re.compile(rf"\s*Requirement already satisfied: ({_NAME})")
_FOUND: Final = re.compile(rf"\s*Found existing installation: ({_NAME}) ({_VERSION})\s*\Z")
_UNINSTALLED: Final = re.compile(r"\s*(?:Successfully uninstalled|Uninstalling) (\S+?):?\s*\Z")
_WHEEL_MADE: Final = re.compile(rf"\s*Created wheel for {_NAME}: filename=(\S+\.whl) ")
_TABLE: Final = re.compile(r"\s*Package\s+Version(?:\s+.*)?\Z")
_ROW: Final = re.compile(rf"\s*({_NAME})\s+({_VERSION})(?:\s+\S.*)?\s*\Z")
_RULE: Final = re.compile(r"\s*-{2,}[\s-]*\Z")

_UV_CHANGE: Final = re.compile(
    rf" {{0,4}}([+~-]) ({_NAME})==({_VERSION})(?: \(from ([^)]*)\))?\s*\Z"
)
_UV_COUNT: Final = re.compile(r"\s*(Installed|Would install) (\d{1,6}) packages?(?: in .*)?\s*\Z")
_UV_LOCK: Final = re.compile(
    rf"\s*(?:Updated|Added|Removed|Update|Add|Remove) ({_NAME}) (v{_VERSION}(?:, v{_VERSION})*)"
    rf"(?: -> (v{_VERSION}(?:, v{_VERSION})*))?\s*\Z"
)
_POETRY: Final = re.compile(
    rf"\s*[-•*]\s+(Installing|Updating|Downgrading|Removing) ({_NAME}) "
    rf"\(({_VERSION})(?: -> ({_VERSION}))?(?: [^)]*)?\)(.*)\Z"
)
_PDM: Final = re.compile(
    rf"\s*(?:[✔✓✖✗✘•*-]|\[\w+\]|ok)?\s*(Install|Update|Remove|Reinstall) ({_NAME}) ({_VERSION})"
    rf"(?: -> ({_VERSION}))?(?:[:\s](.*))?\Z"
)
_POETRY_COUNT: Final = re.compile(
    r"\s*Package operations: (\d{1,6}) installs?, (\d{1,6}) updates?(?:, (\d{1,6}) removals?)?"
)
_PDM_COUNT: Final = re.compile(
    r".*Synchronizing working set with (?:resolved packages|lock file): "
    r"(\d{1,6}) to add, (\d{1,6}) to update(?:, (\d{1,6}) to remove)?"
)
_NOTHING: Final = (
    (Tool.POETRY, "No dependencies to install or update"),
    (Tool.PDM, "All packages are synced to date, nothing to do"),
)
_PINNED: Final = re.compile(rf"(?<![\w.-])({_NAME})(?:\[[^\]\s]{{0,200}}\])?===?({_VERSION})")
_UV_PRESENT: Final = re.compile(r"\s*Audited (\d{1,6}) packages?")


def say_python(text: str, *, dry_run: bool) -> Iterator[Said]:
    """What one line says. `dry_run`: uv announced that it only would install what follows."""
    found = False
    for sentence in (_pip, _uv_lock, _poetry, _pdm, _announced):
        for said in sentence(text):
            found = True
            yield said
    if not found:
        for said in _uv(text, dry_run=dry_run):
            found = True
            yield said
    if not found:
        yield from _pinned(text)


def read_row(text: str) -> Mention | bool:
    """A row of a table of what is installed; True for its rule, False where the table ends."""
    if _RULE.match(text):
        return True
    row = _ROW.match(text)
    item = pypi(row[1], row[2]) if row else None
    return Mention(item, Stage.INSTALLED, note="listed as installed") if item else False


def _mention(item: Item | None, stage: Stage, **more: str) -> Iterator[Mention]:
    if item is not None:
        yield Mention(item, stage, **more)  # type: ignore[arg-type]  # range and note are texts


def _pip(text: str) -> Iterator[Said]:
    if (found := _COLLECTING.match(text)) is not None:
        yield from _collecting(found)
    elif (found := _FETCHING.match(text)) is not None:
        yield from _fetching(text, found)
    elif (found := _INSTALLED.match(text)) is not None:
        yield from _installed(found[2], dry=found[1].startswith("Would"))
    elif (found := _SATISFIED.match(text)) is not None:
        yield Named(Tool.PIP, final=False)
        yield from _mention(pypi(found[1], found[2]), Stage.INSTALLED, note="was there already")
    elif (found := _SATISFIED_UNNAMED.match(text)) is not None:
        yield Named(Tool.PIP, final=False)
        yield Unread(f"{found[1][:80]} was there already, in a version that the line does not name")
    elif (found := _FOUND.match(text)) is not None:
        yield from _mention(pypi(found[1], found[2]), Stage.INSTALLED, note="was there before")
    elif (found := _UNINSTALLED.match(text)) is not None:
        yield from _mention(pypi_pair(found[1]), Stage.INSTALLED, note="removed in this run")
    elif (found := _WHEEL_MADE.match(text)) is not None:
        note = "built from source in this run: its build code ran"
        yield from _mention(pypi_file(found[1]), Stage.FETCHED, note=note)
    elif _TABLE.match(text):
        yield Listing(Tool.PIP)


def _collecting(found: re.Match[str]) -> Iterator[Said]:
    wanted = found[2].strip()
    exact = re.fullmatch(rf"===?\s*({_VERSION})", wanted)
    item = pypi(found[1], exact[1] if exact else "")
    if item is not None and "@" not in found[3][:2]:
        yield Mention(item, Stage.LISTED, range="" if exact else wanted)


def _fetching(text: str, found: re.Match[str]) -> Iterator[Said]:
    place, metadata, digest = found[1], found[2], found[3]
    item = pypi_file(
        place.partition("?")[0].partition("#")[0].replace("\\", "/").rpartition("/")[2]
    )
    if item is None:
        return
    if digest and not metadata:
        item = Item(
            type=item.type,
            name=item.name,
            version=item.version,
            filename=item.filename,
            digest=f"sha256:{digest}",
        )
    if metadata:
        bare = Item(type=item.type, name=item.name, version=item.version, filename=item.filename)
        yield Mention(bare, Stage.LISTED, note="its metadata only")
    else:
        note = "from the installer's cache" if "Using cached" in text else ""
        yield Mention(item, Stage.FETCHED, note=note)


def _installed(words: str, *, dry: bool) -> Iterator[Said]:
    if re.fullmatch(r"\d+ packages?(?: in .*)?", words.strip()):
        return  # uv says so, and names them on lines of their own
    if not dry:
        yield Named(Tool.PIP)
    stage = Stage.LISTED if dry else Stage.INSTALLED
    for word in words.split():
        item = pypi_pair(word)
        if item is not None:
            yield Mention(item, stage)
        else:
            yield Unread(f"cannot tell name from version in {word[:80]!r}")


def _uv(text: str, *, dry_run: bool) -> Iterator[Said]:
    if (count := _UV_COUNT.match(text)) is not None:
        if count[1] == "Installed":
            yield Counted(Tool.UV, int(count[2]))
        return
    if (count := _UV_PRESENT.match(text)) is not None:
        yield Present(Tool.UV, int(count[1]))
        return
    change = _UV_CHANGE.match(text)
    if change is None:
        return
    sign, name, version, source = change.groups()
    if sign == "-":
        yield from _mention(pypi(name, version), Stage.INSTALLED, note="removed in this run")
        return
    stage = Stage.LISTED if dry_run else Stage.INSTALLED
    if not dry_run:
        yield Named(Tool.UV)
    # Only the scheme: the rest may hold a user's password.
    note = f"from {source.partition(':')[0][:20]}, not from an index" if source else ""
    yield from _mention(pypi(name, version), stage, note=note)


def _uv_lock(text: str) -> Iterator[Said]:
    """`uv lock --upgrade`: what the lock file names from now on, and what it named."""
    found = _UV_LOCK.match(text)
    for group in found.groups()[1:] if found else ():
        for version in (group or "").split(", "):
            if found is not None and version:
                yield from _mention(pypi(found[1], version.removeprefix("v")), Stage.LISTED)


def _poetry(text: str) -> Iterator[Said]:
    found = _POETRY.match(text)
    if found is None:
        return
    verb, name, old, new, end = found.groups()
    yield Named(Tool.POETRY)
    if new:
        yield from _mention(pypi(name, old), Stage.INSTALLED, note="was there before")
    stage, note = Stage.INSTALLED, "removed in this run" if verb == "Removing" else ""
    if "Failed" in end:
        stage, note = Stage.FETCHED, "its installation failed"
    elif "Already installed" in end:
        note = "was there already"
    elif "Skipped" in end:
        stage, note = Stage.LISTED, "skipped"
    yield from _mention(pypi(name, new or old), stage, note=note)


def _pdm(text: str) -> Iterator[Said]:
    found = _PDM.match(text)
    if found is None:
        return
    verb, name, old, new, end = found.groups()
    yield Named(Tool.PDM)
    if new:
        yield from _mention(pypi(name, old), Stage.INSTALLED, note="was there before")
    stage, note = Stage.INSTALLED, "removed in this run" if verb == "Remove" else ""
    if end and "fail" in end.lower():
        stage, note = Stage.FETCHED, "its installation failed"
    yield from _mention(pypi(name, new or old), stage, note=note)


def _announced(text: str) -> Iterator[Said]:
    """How many packages Poetry and pdm are about to name, removals included."""
    for tool, pattern in ((Tool.POETRY, _POETRY_COUNT), (Tool.PDM, _PDM_COUNT)):
        if (found := pattern.match(text)) is not None:
            yield Counted(tool, sum(int(number or "0") for number in found.groups()))
    for tool, phrase in _NOTHING:
        if phrase in text:
            yield Counted(tool, 0)
            yield Unread(f"{tool} found everything installed already and did not name it")


def _pinned(text: str) -> Iterator[Said]:
    """`name==version` anywhere: somebody asked for it, or printed a list of requirements."""
    note = "no such release was found" if "No matching distribution" in text else ""
    for found in _PINNED.finditer(text):
        yield from _mention(pypi(found[1], found[2]), Stage.LISTED, note=note)
