"""Reading a question as people write it on a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from pratique.errors import InputError, ValueFormatError
from pratique.exposure.incident import Asked, Release, WindowLine
from pratique.values.instants import Instant, parse_instant

_DIGEST: Final = re.compile(r"(md5|sha1|sha256|sha384|sha512):([0-9a-f]+)")
_DIGITS: Final = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_RELEASE: Final = "NAME==VERSION, such as litellm==1.82.7,1.82.8, or pkg:npm/axios@1.14.1"
_WINDOW: Final = "CHANNEL,START,END[,SOURCE], such as pypi,2026-03-24T10:39Z,2026-03-24T13:11Z,blog"


def parse_asked(
    releases: Sequence[str],
    *,
    digests: Sequence[str] = (),
    advisories: Sequence[str] = (),
    windows: Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    assets: Sequence[str] = (),
) -> Asked:
    """A question from the texts of a command. Raises: InputError, ValueFormatError."""
    first = None if start is None else parse_instant(start)
    last = None if end is None else parse_instant(end)
    if first is not None and last is not None and last <= first:
        raise InputError("the span ends before it starts", expected="--from earlier than --to")
    if not releases and not digests and not advisories:
        raise InputError(
            "nothing to look for", expected=f"{_RELEASE}, --sha256 HASH or --advisory ID"
        )
    return Asked(
        releases=tuple(dict.fromkeys(one for text in releases for one in parse_releases(text))),
        digests=tuple(dict.fromkeys(_parse_digest(text) for text in digests)),
        advisories=tuple(dict.fromkeys(text.strip() for text in advisories)),
        windows=tuple(parse_window(text) for text in windows),
        start=first,
        end=last,
        assets=tuple(dict.fromkeys(asset_key(text) for text in assets if text)),
    )


def parse_releases(text: str) -> Iterable[Release]:
    """`NAME==VERSION[,VERSION…]` of the Python index, or a package URL with a version."""
    if text.startswith("pkg:"):
        return (_parse_purl(text),)
    from pratique.exposure.question import parse_release_argument  # noqa: PLC0415 - loads packaging

    return tuple(
        Release(type="pypi", name=str(project), version=str(version))
        for project, version in parse_release_argument(text)
    )


def _parse_purl(text: str) -> Release:
    from urllib.parse import unquote  # noqa: PLC0415 - rare

    from pratique.exposure.advisories.ecosystems import parse_package  # noqa: PLC0415 - rare

    type_, name = parse_package(text)
    bare = text.partition("?")[0].partition("#")[0]
    version = unquote(bare.rpartition("@")[2]) if "@" in bare.rpartition("/")[2] else ""
    if not type_ or not name or not version:
        raise InputError(f"not a release: {text[:80]!r}", expected=_RELEASE)
    return Release(type=type_, name=name, version=version)


def _parse_digest(text: str) -> str:
    """`ALGORITHM:HEX`; without an algorithm SHA-256."""
    lowered = text.strip().lower()
    if ":" not in lowered:
        lowered = f"sha256:{lowered}"
    match = _DIGEST.fullmatch(lowered)
    if match is None or len(match[2]) != _DIGITS[match[1]]:
        raise ValueFormatError(
            f"not a digest: {text[:80]!r}", expected="64 hexadecimal digits, or ALGORITHM:HEX"
        )
    return lowered


def parse_window(text: str) -> WindowLine:
    """`CHANNEL,START,END[,SOURCE]`; an empty bound is not known. Raises: InputError."""
    channel, *rest = (part.strip() for part in text.split(",", 3))
    if len(rest) < 2:  # noqa: PLR2004 - start and end
        raise InputError(f"not a window: {text[:80]!r}", expected=_WINDOW)
    start, end = (_bound(part) for part in rest[:2])
    if start is not None and end is not None and end <= start:
        raise InputError(f"the window ends before it starts: {text[:80]!r}", expected=_WINDOW)
    source = rest[2] if len(rest) > 2 else "given by hand"  # noqa: PLR2004 - as above
    return WindowLine(channel=channel, start=start, end=end, source=source, confidence="low")


def _bound(text: str) -> Instant | None:
    return parse_instant(text) if text else None


def asset_key(text: str) -> str:
    """An asset by either spelling of its name, as an entity key.

    What asked our door without being an asset keeps its actor's name: `anonymous:127.0.0.1`.
    """
    kind = text.partition(":")[0]
    return text if kind in {"asset", "anonymous", "operator", "door"} else f"asset:{text}"
