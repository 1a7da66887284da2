"""Settings → the place that keeps encrypted parts."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing

from pratique.edge.custody.disk_parts import DiskParts
from pratique.settings import Settings

PARTS_FOLDER = "parts"


def open_parts(settings: Settings) -> AbstractContextManager[DiskParts]:
    """The store of parts that `[custody] parts` names; closed at the end."""
    return closing(DiskParts(settings.home / PARTS_FOLDER))
