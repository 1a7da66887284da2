"""Credential files on a machine or in a tree: names, kinds and places. Bytes are never kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pratique.edge.sweep.careful import UnreadableError, read_whole, why_unreadable
from pratique.edge.sweep.context import Reader, SweepContext
from pratique.inventory.observed.model import EvidenceClass, Gap, Look, PlaceKind
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.reading import (
    MAX_BYTES,
    CredentialFile,
    SecretsFound,
    credential_file,
    read_credentials,
)


class CredentialFiles:
    """Every file whose name says that it may hold credentials, one look each."""

    name = "secrets"
    takes_folder = False

    def claims(self, path: Path, *, is_dir: bool) -> bool:
        """Whether the name is one of a credential file."""
        return not is_dir and credential_file(path.as_posix()) is not None

    def read(self, path: Path, ctx: SweepContext) -> Iterator[Look]:
        """One look; none for a file that turns out to hold no credential."""
        shown = path.as_posix()
        sort = credential_file(shown)
        if sort is None:
            return
        began = ctx.now()
        try:
            found = self._found(sort, shown, ctx)
        except UnreadableError as error:
            if error.absent:
                return
            # What cannot be read may hold a credential all the same.
            presence = read_credentials(sort, shown, None, Fingerprints(b"")).identities
            found = SecretsFound(presence if sort.mandatory else (), error.message)
        if not found.identities and not found.why:
            return
        yield Look(
            asset=ctx.asset,
            asset_kind=ctx.asset_kind,
            place_kind=PlaceKind.SECRETS,
            locator=shown,
            at_lo=began,
            at_hi=ctx.now(),
            whole=not found.why,
            identities=found.identities,
            gaps=(Gap(what=shown, why=found.why),) if found.why else (),
            evidence_class=EvidenceClass.OBSERVED,
            collector=f"sweep/{self.name}",
            machine=ctx.machine,
        )

    def _found(self, sort: CredentialFile, shown: str, ctx: SweepContext) -> SecretsFound:
        fingerprints = Fingerprints(ctx.fingerprint_key)
        if sort.parse is None:
            return self._presence(sort, shown, fingerprints)
        data = read_whole(shown, min(MAX_BYTES, ctx.limits.file_bytes))
        return read_credentials(sort, shown, data, fingerprints)

    def _presence(
        self, sort: CredentialFile, shown: str, fingerprints: Fingerprints
    ) -> SecretsFound:
        """A file that is not opened: that it is there, and not empty, is all that is told."""
        try:
            status = os.lstat(shown)
        except OSError as error:
            absent = isinstance(error, FileNotFoundError)
            raise UnreadableError(why_unreadable(error), absent=absent) from error
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return SecretsFound((), "")
        return read_credentials(sort, shown, None, fingerprints)


READERS: Final[tuple[Reader, ...]] = (CredentialFiles(),)
