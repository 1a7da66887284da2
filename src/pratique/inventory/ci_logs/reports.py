"""What pip writes with `--report`: every file it chose, with URL and hash, as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from pratique.inventory.ci_logs.items import pypi
from pratique.inventory.ci_logs.model import Mention
from pratique.inventory.observed.model import Stage

NOTE = "chosen by pip; whether it was installed the report does not say"


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = msgspec.field(default_factory=dict)
    hash: str = ""


class _Download(msgspec.Struct):
    url: str = ""
    archive_info: _Archive | None = None
    vcs_info: dict[str, Any] | None = None


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Install(msgspec.Struct):
    metadata: _Metadata
    download_info: _Download = msgspec.field(default_factory=_Download)
    requested: bool | None = None


class _Report(msgspec.Struct):
    pip_version: str
    install: list[_Install]


def parse_report(content: bytes) -> list[Mention] | None:
    """The files that a report names; None when it is no such report."""
    try:
        report = msgspec.json.decode(content, type=_Report)
    except (msgspec.DecodeError, RecursionError):
        return None
    mentions = []
    for one in report.install:
        filename = one.download_info.url.partition("?")[0].partition("#")[0].rpartition("/")[2]
        item = pypi(one.metadata.name, one.metadata.version, filename=filename, digest=_digest(one))
        if item is not None:
            mentions.append(Mention(item, Stage.FETCHED, direct=one.requested, note=NOTE))
    return mentions


def _digest(one: _Install) -> str:
    archive = one.download_info.archive_info
    if archive is None:
        return ""
    sha256 = archive.hashes.get("sha256", "") or archive.hash.removeprefix("sha256=")
    is_digest = len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")  # noqa: PLR2004 - digits of a SHA-256
    return f"sha256:{sha256}" if is_digest else ""
