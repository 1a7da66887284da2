"""The cache folder: benign archives by identity, outside the repository."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Container
from pathlib import Path

from evals import places
from evals.lists import Archive


def path_of(archive: Archive) -> Path:
    """Where an archive lies: by identity, under its own name, since tools judge by names."""
    return places.cache() / "archives" / archive.sha256[:2] / archive.sha256 / archive.filename


def has(archive: Archive) -> bool:
    """Whether it lies there; it was verified when it was put there."""
    return path_of(archive).is_file()


def put(archive: Archive, data: bytes) -> None:
    """Keep it; a file is there whole or not at all."""
    target = path_of(archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        part.write(data)
    Path(part.name).replace(target)


def get(archive: Archive) -> bytes:
    """Its bytes."""
    try:
        return path_of(archive).read_bytes()
    except FileNotFoundError:
        raise places.EvalsError(
            f"expected {archive.filename} in the cache folder; to do: python -m evals.collect"
        ) from None


def prune(keep: Container[str]) -> int:
    """Remove archives of other identities; gives how many."""
    others = [
        folder for folder in (places.cache() / "archives").glob("??/*") if folder.name not in keep
    ]
    for folder in others:
        shutil.rmtree(folder)
    return len(others)
