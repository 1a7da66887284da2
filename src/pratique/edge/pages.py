"""Upstream pages on disk, as last fetched: one per (upstream, project).

    <folder>/<upstream>/<ab>/<project>/page.json        where the body is, and what we know of it
    <folder>/<upstream>/<ab>/<project>/<sha256>.body    the page

The body is named by its content, so that `page.json` always points to a body that fits or to none;
readers in other processes never see half of a pair. Anything unreadable, cut short or altered
counts as not stored: it is fetched again. Nothing here is synced to disk, because losing a page
costs one request.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from pathlib import Path
from urllib.parse import quote

import msgspec

from pratique.index.ports import StoredPage
from pratique.values.instants import Instant, as_instant
from pratique.values.names import ProjectName

log = logging.getLogger(__name__)

_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,254}[a-z0-9])?")
_ORPHAN_SECONDS = 60.0
_LONGEST_NAME = 100


class _Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    etag: str
    fetched_at: Instant
    last_serial: int | None
    sha256: str


_DECODER = msgspec.json.Decoder(_Sidecar)


class DiskPageStore:
    """Pages in a folder. Fulfils `index.ports.PageStore`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, upstream: str, project: ProjectName) -> StoredPage | None:
        """The stored page, or None; a damaged one counts as none."""
        place = self._place(upstream, project)
        for _ in range(2):  # another process may replace the pair between our two reads
            sidecar = _read_sidecar(place)
            if sidecar is None:
                return None
            try:
                body = (place / f"{sidecar.sha256}.body").read_bytes()
            except OSError:
                continue
            if hashlib.sha256(body).hexdigest() != sidecar.sha256:
                log.warning(
                    "stored page is damaged", extra={"upstream": upstream, "project": project}
                )
                return None
            return StoredPage(
                url=sidecar.url,
                body=body,
                etag=sidecar.etag,
                fetched_at=as_instant(sidecar.fetched_at),
                last_serial=sidecar.last_serial,
            )
        return None

    def save(self, upstream: str, project: ProjectName, stored: StoredPage) -> None:
        """Replace the stored page atomically.

        A full or broken disk is logged and otherwise ignored: the page is served from memory and
        fetched again later.
        """
        place = self._place(upstream, project)
        sidecar = _Sidecar(
            url=stored.url,
            etag=stored.etag,
            fetched_at=stored.fetched_at,
            last_serial=stored.last_serial,
            sha256=hashlib.sha256(stored.body).hexdigest(),
        )
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o750)
            _replace(place / f"{sidecar.sha256}.body", stored.body)
            _replace(place / "page.json", msgspec.json.encode(sidecar))
            _remove_orphans(place, keep=f"{sidecar.sha256}.body")
        except OSError as error:
            log.warning(
                "page was not kept",
                extra={"upstream": upstream, "project": project, "error": str(error.strerror)},
            )

    def touch(self, upstream: str, project: ProjectName, *, fetched_at: Instant) -> None:
        """Note that the upstream confirmed the stored page; the body is not touched."""
        place = self._place(upstream, project)
        sidecar = _read_sidecar(place)
        if sidecar is None:
            return
        confirmed = msgspec.structs.replace(sidecar, fetched_at=fetched_at)
        try:
            _replace(place / "page.json", msgspec.json.encode(confirmed))
        except OSError as error:
            log.warning(
                "page was not confirmed",
                extra={"upstream": upstream, "project": project, "error": str(error.strerror)},
            )

    def forget(self, upstream: str, project: ProjectName) -> None:
        """Remove the stored page; without its sidecar a body counts as none."""
        try:
            (self._place(upstream, project) / "page.json").unlink(missing_ok=True)
        except OSError as error:
            log.warning(
                "page was not forgotten",
                extra={"upstream": upstream, "project": project, "error": str(error.strerror)},
            )

    def _place(self, upstream: str, project: ProjectName) -> Path:
        """Names are safe by construction: no separators, no leading dots, bounded length."""
        if _PROJECT.fullmatch(project) is None:
            raise ValueError(f"not a parsed project name: {project[:80]!r}")
        shard = hashlib.sha256(project.encode()).hexdigest()[:2]
        quoted = quote(upstream, safe="").replace("~", "%7E")
        # The prefix keeps "." and ".." out.
        return self._folder / f"u-{_short(quoted)}" / shard / _short(project)


def _short(name: str) -> str:
    """Names longer than a file system takes go by their hash; no other name has a tilde in front."""
    return name if len(name) <= _LONGEST_NAME else "~" + hashlib.sha256(name.encode()).hexdigest()


def _read_sidecar(place: Path) -> _Sidecar | None:
    try:
        sidecar = _DECODER.decode((place / "page.json").read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if sidecar.fetched_at.tzinfo is None or re.fullmatch(r"[0-9a-f]{64}", sidecar.sha256) is None:
        return None
    return sidecar


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _remove_orphans(place: Path, *, keep: str) -> None:
    """Remove older bodies; young ones may belong to another process that is saving right now."""
    for path in place.iterdir():
        if path.name in {keep, "page.json"}:
            continue
        try:
            if time.time() - path.stat().st_mtime > _ORPHAN_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue
