"""Paths of the Hub that are answered, taken apart; everything else is no route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import check_bucket, check_key, decode

MAIN: Final = "main"
_VERBS: Final = frozenset({"revision", "tree", "paths-info", "refs", "resolve"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is asked of which dataset."""

    what: str
    """`whoami`, `datasets`, `info`, `tree`, `paths-info`, `refs` or `resolve`."""
    namespace: str = ""
    """The client's name, where it was said."""
    dataset: str = ""
    revision: str = MAIN
    path: str = ""


def parse_route(path: str) -> Route:
    """A path behind the adapter's own, such as `/api/datasets/faces/tree/main`.

    Shape: raw; pieces are decoded after they are cut, so that a revision may hold a slash.
    Raises: S3Error for what is none, and for names that nothing can have.
    """
    if path == "/api/whoami-v2":
        return Route(what="whoami")
    if path in {"/api/datasets", "/api/datasets/"}:
        return Route(what="datasets")
    for head, is_api in (("/api/datasets/", True), ("/datasets/", False)):
        if path.startswith(head):
            return _of_dataset(path[len(head) :], is_api=is_api)
    raise _none(path)


def _of_dataset(rest: str, *, is_api: bool) -> Route:
    pieces = rest.split("/")
    named = 1 if len(pieces) == 1 or pieces[1] in _VERBS else 2
    name = [decode(piece, plus=False) for piece in pieces[:named]]
    repo = {"namespace": name[0] if named > 1 else "", "dataset": check_bucket(name[-1])}
    if len(pieces) == named and is_api:
        return Route(what="info", **repo)
    verb, *more = pieces[named:] or [""]
    if (verb == "resolve") is is_api or verb not in _VERBS:
        raise _none(rest)
    if verb == "refs":
        return Route(what="refs", **repo)
    revision = decode(more[0], plus=False) if more else MAIN
    inner = decode("/".join(more[1:]), plus=False)
    if inner:
        check_key(inner)
    what = "info" if verb == "revision" else verb
    if what == "resolve" and not inner:
        raise _none(rest)
    return Route(
        what=what, revision=revision, path=inner.rstrip("/") if what == "tree" else inner, **repo
    )


def _none(path: str) -> S3Error:
    shown = path[:80].encode("ascii", "replace").decode()
    return S3Error(
        Code.NOT_IMPLEMENTED, f"the Hub's {shown!r} is not answered here: only datasets are read"
    )
