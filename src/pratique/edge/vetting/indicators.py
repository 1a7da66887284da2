"""The table of indicators that an installation adds: read and checked before workers read it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pratique.errors import SettingsError
from pratique.vet.listed import MOST_BYTES, parse_listed

_EXPECTED = (
    "TOML with tables [contents], [hosts] and [texts] of indicator = incident, as in "
    "docs/explain/vetting.md"
)


def check_known_bad(path: str) -> str:
    """Read the table; its digest, empty where none is set.

    Reports that were made with another table are of yesterday. Raises: SettingsError.
    """
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        parse_listed(text)
    except OSError as error:
        raise SettingsError(
            f"cannot read the table of indicators {path}: {error.strerror}", expected=_EXPECTED
        ) from error
    except ValueError as error:
        raise SettingsError(f"{path}: {error}", expected=_EXPECTED) from error
    return hashlib.sha256(text).hexdigest()[:16]
