"""Facts of two contents that have one path: which of them counts, readers may tell apart or not."""

from __future__ import annotations

from msgspec.structs import replace

from pratique.vet.model import ContentFacts, Language, Region


def join_facts(one: ContentFacts, other: ContentFacts, language: Language) -> ContentFacts:
    """Facts of two contents in one place: everything that either has."""
    shift = max(len(one.regions) - 1, 0)

    def moved(region: int) -> int:
        return region + shift if region else 0

    regions: tuple[Region, ...] = one.regions + other.regions[1:] if one.regions else other.regions
    return ContentFacts(
        language=language,
        size=one.size + other.size,
        form=one.form or other.form,
        parsed=one.parsed and other.parsed,
        regions=regions,
        imports=(*one.imports, *(replace(i, region=moved(i.region)) for i in other.imports)),
        signs=(*one.signs, *(replace(s, region=moved(s.region)) for s in other.signs)),
        uses=(*one.uses, *(replace(u, region=moved(u.region)) for u in other.uses)),
        unfinished=(*one.unfinished, *other.unfinished),
        hits=one.hits | other.hits,
    )
