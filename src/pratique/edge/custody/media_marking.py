"""Marks of pictures and fragmented MP4, from second files that the operator prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pratique.custody.marks.index import IndexBuilder, Place
from pratique.custody.marks.layout import Stretch
from pratique.custody.marks.media import MediaError, stand_ins
from pratique.custody.model import StoredObject
from pratique.edge.custody.marking import Made
from pratique.edge.custody.operator_parts import OperatorParts

_KINDS: Final = (".png", ".jpg", ".jpeg", ".mp4", ".m4s", ".m4v")
_MOST_BYTES: Final = 2 << 30


class MediaMarker:
    """Objects for which a folder has a second form under the same key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def takes(self, stored: StoredObject) -> bool:
        """By the end of its key."""
        return stored.key.lower().endswith(_KINDS)

    async def mark(
        self, stored: StoredObject, parts: OperatorParts, index: IndexBuilder, *, most: int
    ) -> Made | str:
        """One mark for a picture, one for each fragment that fits."""
        path = (self._folder / stored.key.lstrip("/")).resolve()
        # A key is whatever a client wrote; it must not lead out of the folder.
        if not path.is_relative_to(self._folder) or not path.is_file():
            return "the folder of variants has no second form of it"
        if stored.size > _MOST_BYTES or path.stat().st_size > _MOST_BYTES:
            return "larger than 2 GiB"
        first = await parts.read_all(stored.id, stored.wrapped_key, stored.size)
        try:
            stands = stand_ins(first, path.read_bytes())
        except MediaError as error:
            return str(error)
        except OSError as error:
            return f"its second form cannot be read: {error.strerror}"
        made = Made()
        for stand in stands[:most]:
            end = stand.start + len(stand.second)
            mark = index.add_mark(Place(stored.id, stand.start, end))
            index.add_content(mark, stand.first_digest, stand.second_digest)
            made.stretches.append(Stretch(mark, stand.start, len(stand.second)))
            made.second += stand.second
        return made
