"""Bases of releases, made with little work: contents that were met before are not analysed again.

A wheel and the sdist of its release share most of their contents, and so do a release and the one made
from it. What a vetter is given is the same: facts of a content depend on its bytes.
"""

from __future__ import annotations

import hashlib

from pratique.vet.base import Base, ContentKey
from pratique.vet.engine import facts_of
from pratique.vet.model import ContentFacts, Language


class Bases:
    """Those of one project; each is made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Base] = {}
        self._met: dict[ContentKey, ContentFacts] = {}

    def of(self, data: bytes, filename: str) -> Base:
        """The thorough facts of a release file."""
        key = (filename, hashlib.sha256(data).hexdigest())
        if key not in self._made:
            self._made[key] = facts_of(data, filename, known=self._find)
            self._met.update(self._made[key].contents)
        return self._made[key]

    def _find(self, sha256: str, language: Language) -> ContentFacts | None:
        return self._met.get((sha256, language))
