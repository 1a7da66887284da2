"""Facts of the contents of a base, beside a release that is judged against it."""

from __future__ import annotations

from collections.abc import Callable

from pratique.vet.base import Base, ContentKey
from pratique.vet.contents import Contents
from pratique.vet.examine import READ_AS_PYTHON, examine_python
from pratique.vet.limits import VetLimits
from pratique.vet.model import ContentFacts, FileEntry


def facts_of_old(
    base: Base, contents: Contents, limits: VetLimits
) -> Callable[[FileEntry], ContentFacts]:
    """Facts of the base's contents: as kept, as in the release if unchanged, else made from its archive.

    Where the release's content of that path was parsed, so is the old one: like is compared with like.
    """
    made: dict[ContentKey, ContentFacts] = {}
    parsed = contents.parsed_paths()

    def facts(entry: FileEntry) -> ContentFacts:
        key = (entry.sha256, entry.language)
        known = made.get(key) or contents.facts.get(key) or base.contents.get(key)
        if known is not None and (known.parsed or contents.plain(entry.path) not in parsed):
            return known
        data = None
        if base.read is not None and entry.language in READ_AS_PYTHON:
            data = base.read(entry.path)
        if data is not None:
            known = examine_python(data, entry.language, form="python", limits=limits)
            contents.new[key] = known  # for the store: the release after this asks again
        made[key] = known or ContentFacts(language=entry.language, size=entry.size)
        return made[key]

    return facts
