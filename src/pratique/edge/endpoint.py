"""Where the public index is, told by the library that knows it.

`pypi_simple` names the endpoint, but importing it costs a worker some 20 MB (requests, pydantic,
BeautifulSoup). So its source is found and read, not run: one assignment of a constant.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pratique.errors import SettingsError

_CONSTANT = "PYPI_SIMPLE_ENDPOINT"


@cache
def public_index_url() -> str:
    """Base of the public index's Simple API.

    Raises: SettingsError when the installed library no longer says it in that way.
    """
    spec = find_spec("pypi_simple")  # finds without importing, since it is a top-level package
    if spec is not None and spec.origin is not None:
        tree = ast.parse(Path(spec.origin).read_text("utf-8"))
        for statement in tree.body:
            url = _assigned(statement)
            if url:
                return url
    raise SettingsError(
        "the address of the public index is not known",
        expected=f"pypi_simple.{_CONSTANT}",
        remedy="set url in the [[upstream]] table of pratique.toml",
    )


def _assigned(statement: ast.stmt) -> str:
    match statement:
        case (
            ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() as url))
            | ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() as url))
        ) if name == _CONSTANT:
            return url
    return ""
