"""What can go wrong with an upstream, as one small tree.

UpstreamError (an UnavailableError)
├── UpstreamStatusError   it answered, with a status that is no answer to the question
├── UpstreamLimitError    it was too slow, sent too much, or redirected too often
├── UpstreamBrokenError   the connection was reset or broke off in the middle
├── UpstreamContentError  it answered with something that cannot be read
└── UnsafeLinkError       it pointed to a place that we refuse to ask
StorageError (an UnavailableError)   the local disk is full or does not work
"""

from __future__ import annotations

from http import HTTPStatus

from pratique.errors import UnavailableError

_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class UpstreamError(UnavailableError):
    """An upstream did not give a usable answer.

    Fields: `upstream` (configured name), `url` (without user, password and query), `what` (one
    phrase), `retry_helps` (whether the same request may succeed in a moment).
    """

    def __init__(self, *, upstream: str, url: str, what: str, retry_helps: bool) -> None:
        super().__init__(
            f"upstream {upstream!r}: {what} ({url})",
            remedy=""
            if retry_helps
            else "docs/howto/upstreams.md says what an upstream must look like",
        )
        self.upstream = upstream
        self.url = url
        self.what = what
        self.retry_helps = retry_helps


class UpstreamStatusError(UpstreamError):
    """The upstream answered with a status that is no answer; `status` says which."""

    def __init__(self, *, upstream: str, url: str, what: str, status: int) -> None:
        passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
        super().__init__(upstream=upstream, url=url, what=what, retry_helps=passing)
        self.status = status


class UpstreamLimitError(UpstreamError):
    """The upstream was too slow, sent too much, or redirected too often."""


class UpstreamBrokenError(UpstreamError):
    """The connection was reset or broke off in the middle; worth one more try."""


class UpstreamContentError(UpstreamError):
    """The upstream answered with something that cannot be read."""


class UnsafeLinkError(UpstreamError):
    """The upstream pointed to a place that we refuse to ask."""


class StorageError(UnavailableError):
    """The local disk is full or does not work."""
