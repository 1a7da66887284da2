"""Which kinds of entities each relation joins, and how an entity is written."""

from __future__ import annotations

from typing import Final, NamedTuple

from pratique.errors import InputError
from pratique.inventory.observed.model import ENTITY_KINDS, Relation

MAX_KEY: Final = 512
"""Characters of an entity's key."""


class Ends(NamedTuple):
    """Kinds that a relation joins."""

    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    to_itself: bool = False
    """The object is the subject, and need not be written."""
    says: str = ""


ENDS: Final[dict[Relation, Ends]] = {
    Relation.HOLDS: Ends(("asset",), ("identity",), says="the asset holds the credential"),
    Relation.ASSUMES: Ends(
        ("identity",), ("identity",), says="whoever has the first gets the second"
    ),
    Relation.OPENS: Ends(("identity",), ("dataset",), says="the credential reads the dataset"),
    Relation.BELONGS_TO: Ends(("dataset",), ("client", "people"), says="whose data it is"),
    Relation.OPERATED_BY: Ends(("asset",), ("vendor", "client"), says="who runs the asset"),
    Relation.ROTATED: Ends(
        ("identity",), ("identity",), to_itself=True, says="from then on earlier values do not work"
    ),
    Relation.VERIFIED_DEAD: Ends(
        ("identity",), ("identity",), to_itself=True, says="an earlier value was tried and refused"
    ),
    Relation.POINTS_TO: Ends(("ref",), ("digest",), says="the moving ref pointed at this content"),
    Relation.FETCHES_THROUGH: Ends(("asset",), ("door",), says="it can install from nowhere else"),
}
EXAMPLES: Final = {
    "asset": "asset:build-7",
    "identity": "identity:aws-access-key/ci-deploy",
    "dataset": "dataset:speech-2026",
    "client": "client:acme",
    "people": "people:annotators-eu",
    "vendor": "vendor:labelco",
    "ref": "ref:githubactions/tj-actions/changed-files@v45",
    "digest": "digest:sha1:0e58ed8671d6b60d0890c21b07f8835ace038e67",
    "door": "door:index",
}


class EntityError(InputError):
    """A text that names no entity."""


def parse_entity(text: str, kinds: tuple[str, ...] = ENTITY_KINDS) -> str:
    """An entity's key.

    Raises: EntityError when it is none, or none of these kinds.
    """
    key = text.strip()
    kind, colon, name = key.partition(":")
    expected = " or ".join(EXAMPLES[one] for one in kinds)
    if not colon or kind not in ENTITY_KINDS:
        raise EntityError(
            f"not an entity: {text[:80]!r}", expected=f"KIND:NAME, such as {expected}"
        )
    if kind not in kinds:
        raise EntityError(f"{key[:80]!r} is of the kind {kind}", expected=expected)
    if not name.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise EntityError(
            f"not a name of an entity: {text[:80]!r}",
            expected=f"printable, at most {MAX_KEY} characters",
        )
    if kind == "identity" and "/" not in name:
        raise EntityError(f"{key[:80]!r} has no kind of identity", expected=EXAMPLES["identity"])
    return key
