"""The list of projects, `/{index}/simple/`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import msgspec

from pratique.index.negotiate import Representation
from pratique.values.names import ProjectName

_API_VERSION = "1.1"


def render_project_list(names: Iterable[ProjectName], representation: Representation) -> bytes:
    """Render the list of projects, sorted by name.

    Source: PEP 503 (root page), PEP 691 "Project List".
    """
    ordered = sorted(set(names))
    if representation is Representation.JSON:
        return msgspec.json.encode(
            {
                "meta": {"api-version": _API_VERSION},
                "projects": [{"name": name} for name in ordered],
            }
        )
    lines = [
        "<!DOCTYPE html>",
        "<html>",
        "<head>",
        f'<meta name="pypi:repository-version" content="{_API_VERSION}">',
        "<title>Simple index</title>",
        "</head>",
        "<body>",
        *(f'<a href="{escape(name)}/">{escape(name)}</a><br>' for name in ordered),
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + "\n").encode()
