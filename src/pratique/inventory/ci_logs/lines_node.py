"""What npm, pnpm, yarn and bun write, line by line.

By default they say how many packages they added and not which; that is said as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.inventory.ci_logs.items import npm, npm_tarball
from pratique.inventory.ci_logs.model import Counted, Mention, Present, Said, Tool, Unread
from pratique.inventory.observed.model import Stage

_NAME: Final = r"(?:@[A-Za-z0-9._~-]{1,200}/)?[A-Za-z0-9._~][A-Za-z0-9._~-]{0,200}"
_VERSION: Final = r"\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,100}"

_NPM_FETCH: Final = re.compile(
    r".*?\bnpm http (fetch|cache) (?:GET |HEAD )?(?:(\d{3}) )?(\S+\.tgz)(?:[\s#?]|\Z)"
)
_GET_TARBALL: Final = re.compile(r"""["'\s(](https?://[^\s"'<>]+?\.tgz)(?:[#?"'\s)]|\Z)""")
_DEPRECATED: Final = re.compile(rf".*\bdeprecated\s+({_NAME})@({_VERSION})(?:[:\s]|\Z)")
_PLUS: Final = re.compile(rf"\s*\+\s({_NAME})[@ ]({_VERSION})(?:\s+\(.*\))?\s*\Z")
_TREE: Final = re.compile(rf"[\s│|]*(?:[├└]─+┬?|[+`]--)\s?({_NAME})@({_VERSION})(?:\s+(.*))?\Z")
_PLACED: Final = re.compile(rf".*\bplaceDep \S+ ({_NAME})@({_VERSION}) ")
_NPM_ADD: Final = re.compile(rf"\s*add ({_NAME}) ({_VERSION})\s*\Z")
_NPM_COUNT: Final = re.compile(
    r"\s*(?:(?:added|changed) (\d{1,6}) packages?|up to date,? (?:audited |in )(\d{1,6}) packages?)"
)
_PNPM_COUNT: Final = re.compile(r"\s*Packages: \+(\d{1,6})\b")
_YARN_FETCH: Final = re.compile(
    rf".*?YN0013: (?:[│|] )?({_NAME})@npm:({_VERSION})(?:::\S+)?\s+can't be found"
)
_YARN_PLUS: Final = re.compile(r".*?YN00\d\d: (?:[│|] )?\+ (.*)\Z")
_YARN_NAMED: Final = re.compile(rf"({_NAME})@npm:({_VERSION})")
_YARN_DONE: Final = re.compile(r".*?YN0000: (?:[·└] )?(?:Done|Failed)\b")
_YARN1: Final = re.compile(r"\s*\[3/4\] Linking dependencies")
_BUN_PRESENT: Final = re.compile(r"\s*Checked (\d{1,6}) installs? across")
_BUN_COUNT: Final = re.compile(r"\s*(\d{1,6}) packages? installed \[")


def say_node(text: str) -> Iterator[Said]:
    """What one line says."""
    if ".tgz" in text:
        yield from _fetched(text)
    elif "YN00" in text:
        yield from _berry(text)
    else:
        yield from _named(text)
        yield from _counted(text)


def _fetched(text: str) -> Iterator[Said]:
    found = _NPM_FETCH.match(text)
    if found is not None:
        item = npm_tarball(found[3])
        if item is not None:
            mention = Mention(item, Stage.FETCHED)
            yield _answered(mention, status=found[2] or "", cached=found[1] == "cache")
        return
    for one in _GET_TARBALL.finditer(text):
        item = npm_tarball(one[1])
        if item is not None:
            yield Mention(item, Stage.FETCHED)


def _answered(mention: Mention, *, status: str, cached: bool) -> Mention:
    """A status of 4xx or 5xx brought nothing; 304 and the cache brought what was there before."""
    if status[:1] in {"4", "5"}:
        return mention._replace(stage=Stage.LISTED, note=f"the registry answered {status}")
    if cached or status == "304":
        return mention._replace(note="from the installer's cache")
    return mention


def _named(text: str) -> Iterator[Said]:
    if (found := _PLUS.match(text)) is not None:
        item = npm(found[1], found[2])
        if item is not None:
            yield Mention(item, Stage.INSTALLED, direct=True)
    elif (found := _TREE.match(text)) is not None:
        item = npm(found[1], found[2])
        missing = (found[3] or "").startswith(("UNMET", "missing"))
        if item is not None:
            yield Mention(item, Stage.LISTED if missing else Stage.INSTALLED)
    elif (
        found := _DEPRECATED.match(text) or _PLACED.match(text) or _NPM_ADD.match(text)
    ) is not None:
        item = npm(found[1], found[2])
        if item is not None:
            yield Mention(item, Stage.LISTED)


def _counted(text: str) -> Iterator[Said]:
    if (found := _NPM_COUNT.match(text)) is not None:
        yield Counted(Tool.NPM, int(found[1])) if found[1] else Present(Tool.NPM, int(found[2]))
    elif (found := _PNPM_COUNT.match(text)) is not None:
        yield Counted(Tool.PNPM, int(found[1]))
    elif (found := _BUN_COUNT.match(text)) is not None:
        yield Counted(Tool.BUN, int(found[1]))
    elif (found := _BUN_PRESENT.match(text)) is not None:
        yield Present(Tool.BUN, int(found[1]))
    elif text.strip() == "Already up to date":
        yield Counted(Tool.PNPM, 0)
        yield Unread("pnpm found everything installed already and did not name it")
    elif _YARN1.match(text) is not None:
        yield Counted(Tool.YARN, 0)
        yield Unread("yarn 1 does not name what it installs")


def _berry(text: str) -> Iterator[Said]:
    if (found := _YARN_FETCH.match(text)) is not None:
        item = npm(found[1], found[2])
        if item is not None:
            yield Mention(item, Stage.FETCHED)
        return
    if (found := _YARN_PLUS.match(text)) is not None:
        for named in _YARN_NAMED.finditer(found[1]):
            item = npm(named[1], named[2])
            if item is not None:
                yield Mention(item, Stage.INSTALLED)
    elif _YARN_DONE.match(text) is not None:
        yield Counted(Tool.YARN, 0)
        yield Unread("yarn names only what it had to fetch, not what its cache had")
