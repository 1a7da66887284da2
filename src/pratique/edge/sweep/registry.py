"""The readers of a sweep, in the order in which they are asked. A new reader is one line here."""

from __future__ import annotations

from pratique.edge.sweep import (
    caches,
    ci_logs,
    conda_cache,
    environments,
    git_history,
    images,
    locks,
    package_files,
    sboms,
    secrets,
)
from pratique.edge.sweep.context import Reader


def all_readers() -> tuple[Reader, ...]:
    """Every reader there is."""
    return (
        *environments.READERS,
        *caches.READERS,
        *conda_cache.READERS,
        *locks.READERS,
        *git_history.READERS,
        *sboms.READERS,
        *images.READERS,
        *package_files.READERS,
        *secrets.READERS,
        *ci_logs.READERS,
    )


def reader_of_named_files() -> Reader:
    """Reads files that a person named and no other reader claims: as logs."""
    return ci_logs.NAMED_FILES
