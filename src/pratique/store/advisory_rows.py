"""What an `advisory-revision` adds to the projection."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.exposure.advisories.bodies import parse_advisory_body
from pratique.ledger.entries import Entry
from pratique.values.spans import to_micros


def advisory_rows(entry: Entry) -> Iterator[tuple[str, dict[str, object]]]:
    """(statement, values) that an `advisory-revision` adds to the projection.

    Raises: ValueFormatError, msgspec.ValidationError for an entry that is not as documented.
    """
    id_, body = parse_advisory_body(entry)
    yield (
        "add_advisory_revision",
        {
            "seq": entry.sequence,
            "id": id_,
            "at": to_micros(entry.recorded_at),
            "revision": body.revision,
            "overlay": body.overlay_sha256,
            "source": body.source,
            "modified": body.modified,
            "withdrawn": int(body.withdrawn),
            "summary": body.summary,
        },
    )
    aliases = {f"alias:{alias}" for alias in body.aliases}
    packages = {f"package:{package}" for package in body.packages}
    for what in sorted(aliases | packages):
        yield "add_advisory_mention", {"what": what, "seq": entry.sequence, "id": id_}
