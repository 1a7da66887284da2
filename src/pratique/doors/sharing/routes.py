"""Paths of the sharing protocol that are answered, taken apart.

Source: PROTOCOL.md of delta-sharing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is asked for."""

    what: str
    """`shares`, `share`, `schemas`, `tables`, `all-tables`, `version`, `metadata` or `query`."""
    share: str = ""
    schema: str = ""
    table: str = ""


def parse_route(path: str) -> Route:
    """A path behind the adapter's own, such as `/shares/meta/schemas/dialogs/tables`.

    Raises: S3Error for what is none.
    """
    pieces = [decode(piece, plus=False) for piece in path.strip("/").split("/")]
    match pieces:
        case ["shares"]:
            return Route(what="shares")
        case ["shares", share]:
            return Route(what="share", share=share)
        case ["shares", share, "schemas" | "all-tables" as what]:
            return Route(what=what, share=share)
        case ["shares", share, "schemas", schema, "tables"]:
            return Route(what="tables", share=share, schema=schema)
        case ["shares", share, "schemas", schema, "tables", table, verb] if verb in _VERBS:
            return Route(what=verb, share=share, schema=schema, table=table)
    if pieces[-1] == "changes":
        raise S3Error(
            Code.NOT_IMPLEMENTED, "tables have no change feed here; read a table as it is"
        )
    raise S3Error(Code.NOT_IMPLEMENTED, "this call of the sharing protocol is not answered here")


_VERBS = frozenset({"version", "metadata", "query"})
