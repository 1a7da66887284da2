"""What an image holds after all its layers, and what it held in between.

A package that layer 3 brought and layer 5 took away is in no file system that anybody sees, and yet its
bytes are in the image, and its code may have run in the build. So what ends is kept, with both layers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pratique.inventory.images.layers import Layer, LayerFile

MAX_FILES: Final = 2_000_000
"""Wanted files of one image, over all layers."""


class Placed(NamedTuple):
    """A file and the number of the layer that brought it, from 1."""

    layer: int
    file: LayerFile


class Ended(NamedTuple):
    """A file that a later layer took away or replaced."""

    path: str
    layer: int
    file: LayerFile
    ended: int
    """Number of the layer that did."""


class ImageState:
    """Folds layers, lowest first."""

    def __init__(self) -> None:
        """Start with an empty image."""
        self.present: dict[str, Placed] = {}
        self.ended: list[Ended] = []
        self.full = False
        """Whether files were left out because there were too many."""
        self._below: dict[str, set[str]] = {}
        """Folder → present files below it, at any depth."""

    @property
    def standing(self) -> frozenset[str]:
        """Folders that hold something: what takes the place of one removes it."""
        return frozenset(self._below)

    def apply(self, layer: Layer, number: int) -> None:
        """Put a layer on top.

        Removals concern what is below this layer, wherever in it they are written; so they go first.
        """
        gone: dict[str, Placed] = {}
        for folder in layer.emptied:
            inner = set(self.present) if not folder else self._below.get(folder, ())
            for path in tuple(inner):
                gone[path] = self._take(path)
        for path in layer.removed:
            for inner in (path, *self._below.get(path, ())):
                if inner in self.present:
                    gone[inner] = self._take(inner)
        for path, file in layer.files.items():
            if len(self.present) + len(self.ended) >= MAX_FILES:
                self.full = True
                break
            before = gone.get(path)
            if before is not None and before.file.content == file.content:
                # The same again, as a `chmod` or `touch` in a build leaves it: nothing ended.
                del gone[path]
                self._put(path, before)
            else:
                self._put(path, Placed(number, file))
        self.ended += [
            Ended(path, placed.layer, placed.file, number) for path, placed in gone.items()
        ]

    def _put(self, path: str, placed: Placed) -> None:
        self.present[path] = placed
        for folder in _folders(path):
            self._below.setdefault(folder, set()).add(path)

    def _take(self, path: str) -> Placed:
        for folder in _folders(path):
            below = self._below[folder]
            below.discard(path)
            if not below:
                del self._below[folder]
        return self.present.pop(path)


def _folders(path: str) -> list[str]:
    """All folders above a path, the root not."""
    found: list[str] = []
    at = path.rfind("/")
    while at > 0:
        found.append(path[:at])
        at = path.rfind("/", 0, at)
    return found
