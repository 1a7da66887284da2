"""JSON of the Hub, and refusals in the headers that huggingface_hub reads."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from pratique.custody.s3_errors import Code, S3Error
from pratique.doors.s3.auth import Asked

_UNKNOWN: Final = frozenset({Code.INVALID_ACCESS_KEY_ID, Code.SIGNATURE_DOES_NOT_MATCH})
_NAMES: Final = {
    Code.NO_SUCH_KEY: "EntryNotFound",
    Code.NO_SUCH_VERSION: "RevisionNotFound",
    Code.NO_SUCH_BUCKET: "RepoNotFound",
    # The only name under which clients give up at once and show the sentence.
    Code.ACCESS_DENIED: "GatedRepo",
    Code.EXPIRED_TOKEN: "GatedRepo",
    Code.INVALID_OBJECT_STATE: "GatedRepo",
    Code.INVALID_ACCESS_KEY_ID: "GatedRepo",
    Code.SIGNATURE_DOES_NOT_MATCH: "GatedRepo",
}


class OutsideKeyError(S3Error):
    """A file outside of what a lease selects: noted as refused, told as missing, there or not."""


def json_answer(value: Any, *, status: int = 200) -> web.Response:  # noqa: ANN401 - whatever JSON says
    """An answer that no cache keeps."""
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def refuse(error: S3Error, asked: Asked, request_id: str) -> web.Response:
    """A refusal: its name and sentence in headers, where a HEAD shows them too."""
    status, name = error.status, _NAMES.get(error.code, "")
    if isinstance(error, OutsideKeyError):
        status, name = 404, "EntryNotFound"
    if error.code in _UNKNOWN:
        status = 401
    elif error.code is Code.EXPIRED_TOKEN:
        status = 403
    response = json_answer({"error": error.message}, status=status)
    response.headers.update(dict(error.headers))
    response.headers["X-Request-Id"] = request_id
    response.headers["X-Error-Message"] = one_line(error.message)
    if name:
        response.headers["X-Error-Code"] = name
    if error.code is Code.NOT_MODIFIED:
        response.body = None
    if asked.request.can_read_body:
        response.force_close()  # what is left of the body would be taken for the next request
    return response


def one_line(text: str) -> str:
    """A sentence as a header can hold it."""
    return " ".join(text.split()).encode("ascii", "replace").decode()[:500]
