"""Bytes as a JSON document, within bounds; base64 as signers write it."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from pratique.parties.evidence.model import UnreadablePieceError


def decode_object(data: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises: UnreadablePieceError."""
    found = decode_value(data)
    if not isinstance(found, dict):
        raise UnreadablePieceError("it is JSON, but no object")
    return found


def decode_value(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in these bytes. Raises: UnreadablePieceError."""
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except RecursionError:
        raise UnreadablePieceError("it is nested too deeply to be honest") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadablePieceError(f"it is not well-formed JSON: {str(error)[:160]}") from None


def decode_base64(text: object, what: str) -> bytes:
    """Standard or URL-safe base64, as DSSE allows both. Raises: UnreadablePieceError."""
    if not isinstance(text, str):
        raise UnreadablePieceError(f"{what} is no text")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadablePieceError(f"{what} is not base64") from None
