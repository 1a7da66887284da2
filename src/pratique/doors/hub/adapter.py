"""The Hub's read protocol: routes to answers. Started by the S3 door for paths below `/_hub`.

Checklist of every request: the door has the token checked (`bearers`); then the same decision as for S3
(`Allowing`), for `list` over what the lease selects or for `read` of one key; then the same reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote

import msgspec
from aiohttp import web

from pratique.custody.granting import reaches, selects
from pratique.custody.listing import SelectedKeys
from pratique.custody.model import Dataset, Lease, Refusal, Stop, StoredObject, Verb
from pratique.custody.operations import GetObject
from pratique.custody.s3_errors import Code, S3Error, of_refusal
from pratique.custody.s3_names import Parameters
from pratique.doors.hub.answers import OutsideKeyError, json_answer, refuse
from pratique.doors.hub.revisions import Keys, Revisions, prefixes_of
from pratique.doors.hub.routes import Route, parse_route
from pratique.doors.hub.trees import (
    deep_page,
    directories_between,
    directory_entry,
    file_entry,
    flat_page,
)
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bearers import Bearers
from pratique.doors.s3.bodies import Body, Patience
from pratique.doors.s3.listings import page_tokens
from pratique.doors.s3.objects import ObjectReads
from pratique.doors.s3.origin import Origin
from pratique.values.instants import render_instant

PREFIX: Final = "/_hub"
_MOST_SIBLINGS: Final = 50_001
"""Clients page through the tree of what has more than 50,000 files."""
_BODY_BYTES: Final = 256 * 1024
_MOST_PATHS: Final = 1000
_SAFE: Final = frozenset({"GET", "HEAD"})


class HubAdapter:
    """Answers the Hub's clients. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        bearers: Bearers,
        allowing: Allowing,
        objects: ObjectReads,
        revisions: Revisions,
        origin: Origin,
    ) -> None:
        self._bearers = bearers
        self._origin = origin
        self._allowing = allowing
        self._objects = objects
        self._revisions = revisions

    async def identify(self, asked: Asked) -> Caller:
        """Whose token it is. Raises: S3Error, UnavailableError."""
        return await self._bearers.identify(asked)

    def refuse(self, error: S3Error, asked: Asked, request_id: str) -> web.Response:
        """A refusal in the headers that huggingface_hub looks at."""
        return refuse(error, asked, request_id)

    async def answer(self, asked: Asked, caller: Caller) -> web.StreamResponse:
        """Answer one request. Raises: S3Error, RefusedError, PratiqueError."""
        route = parse_route(asked.path[len(PREFIX) :])
        if (asked.method == "POST") is not (route.what == "paths-info") or (
            asked.method not in _SAFE and asked.method != "POST"
        ):
            raise S3Error(
                Code.METHOD_NOT_ALLOWED, "datasets are read over this protocol, not written"
            )
        match route.what:
            case "whoami":
                await self._allowing.allow_lease(caller, asked)
                return json_answer(_whoami(caller.lease))
            case "datasets":
                await self._allowing.allow_lease(caller, asked)
                return await self._datasets(caller)
            case "resolve":
                return await self._resolve(asked, caller, route)
        dataset = await self._seen(asked, caller, route)
        match route.what:
            case "refs":
                return await self._refs(caller, dataset)
            case "tree":
                return await self._tree(asked, caller, dataset, route)
            case "paths-info":
                return await self._paths(asked, caller, dataset, route)
            case _:
                return await self._info(caller, dataset, route)

    # ── who may see what ─────────────────────────────────────────────────────────────────────

    async def _seen(self, asked: Asked, caller: Caller, route: Route) -> Dataset:
        """The dataset, if the lease may list everything in it that it selects."""
        prefixes = prefixes_of(caller.lease, route.dataset)
        dataset = None
        for prefix in prefixes or ("",):
            dataset = await self._allowing.allow(caller, asked, Verb.LIST, route.dataset, prefix)
        return _named(dataset, route)

    async def _resolve(self, asked: Asked, caller: Caller, route: Route) -> web.StreamResponse:
        """A file: the same reading as S3's."""
        await self._readable(asked, caller, route)
        revision = await self._revisions.find(caller.lease, route.dataset, route.revision)
        fixed = None
        if revision.number:
            fixed = await self._revisions.object(revision, route.path)
            if fixed is None:
                raise S3Error(Code.NO_SUCH_KEY, "no such file in this version")
        operation = GetObject(
            bucket=route.dataset,
            key=route.path,
            head=asked.method == "HEAD",
            part_number=None,
            overrides=(("X-Repo-Commit", revision.commit),),
        )
        return await self._objects.read(asked, caller, operation, fixed=fixed)

    async def _readable(self, asked: Asked, caller: Caller, route: Route) -> None:
        """Raise unless the lease may read this path now."""
        lease, dataset = caller.lease, route.dataset
        if reaches(lease, dataset) and not selects(lease, dataset, route.path):
            # Tools probe for README.md and the like, and work without. If nothing but the key stands
            # against it, they are told what they are told of every other key outside: no such file.
            own = prefixes_of(lease, dataset)[0]
            allowed = await self._allowing.allow(caller, asked, Verb.READ, dataset, own)
            _named(allowed, route)
            raise OutsideKeyError(Code.ACCESS_DENIED, "the lease does not cover this file")
        allowed = await self._allowing.allow(caller, asked, Verb.READ, dataset, route.path)
        _named(allowed, route)

    # ── answers ──────────────────────────────────────────────────────────────────────────────

    async def _datasets(self, caller: Caller) -> web.Response:
        names = sorted({selector.partition("/")[0] for selector in caller.lease.selectors})
        found = [await self._allowing.dataset(name) for name in names]
        return json_answer(
            [
                {"id": f"{one.client}/{one.name}", "author": one.client, "private": True}
                for one in found
                if one is not None and one.client == caller.lease.client
            ]
        )

    async def _info(self, caller: Caller, dataset: Dataset, route: Route) -> web.Response:
        revision = await self._revisions.find(caller.lease, dataset.name, route.revision)
        keys = Keys(self._revisions.state, revision, caller.lease)
        siblings: list[dict[str, str]] = []
        after = ""
        while len(siblings) < _MOST_SIBLINGS:
            files, after = await asyncio.to_thread(deep_page, keys.selected, prefix="", after=after)
            siblings += [{"rfilename": one.key} for one in files]
            if not after:
                break
        return json_answer(
            {
                "_id": revision.commit[:24],
                "id": _repo_id(dataset, route),
                "author": dataset.client,
                "sha": revision.commit,
                "private": True,
                "gated": False,
                "disabled": False,
                "createdAt": render_instant(dataset.created_at),
                "lastModified": render_instant(dataset.created_at),
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": siblings[:_MOST_SIBLINGS],
            }
        )

    async def _refs(self, caller: Caller, dataset: Dataset) -> web.Response:
        main = await self._revisions.main(caller.lease, dataset.name)
        tags = await self._revisions.versions(caller.lease, dataset.name)
        return json_answer(
            {
                "branches": [
                    {"name": "main", "ref": "refs/heads/main", "targetCommit": main.commit}
                ],
                "converts": [],
                "tags": [
                    {
                        "name": f"v{version.number}",
                        "ref": f"refs/tags/v{version.number}",
                        "targetCommit": commit,
                    }
                    for version, commit in tags
                ],
            }
        )

    async def _tree(
        self, asked: Asked, caller: Caller, dataset: Dataset, route: Route
    ) -> web.Response:
        revision = await self._revisions.find(caller.lease, dataset.name, route.revision)
        query = Parameters(asked.query)
        recursive = query.text("recursive").lower() in {"true", "1"}
        prefix = f"{route.path}/" if route.path else ""
        place = {
            "bucket": f"{dataset.name}@{revision.commit}",
            "prefix": prefix,
            "delimiter": "" if recursive else "/",
        }
        tokens = page_tokens(caller.lease)
        cursor = query.text("cursor")
        after = tokens.parse(cursor, **place) if cursor else ""
        keys = Keys(self._revisions.state, revision, caller.lease).selected
        if recursive:
            files, following = await asyncio.to_thread(deep_page, keys, prefix=prefix, after=after)
            opened = directories_between(after, [one.key for one in files], root=prefix)
            folders = [path for _, path in opened]
        else:
            files, names, following = await asyncio.to_thread(
                flat_page, keys, prefix=prefix, after=after
            )
            folders = list(names)
        if not files and not folders and not after and prefix:
            raise S3Error(Code.NO_SUCH_KEY, "no such directory")
        rows = [directory_entry(path) for path in folders]
        rows += [await self._entry(caller.lease, one) for one in files]
        answer = json_answer(rows)
        if following:
            answer.headers["Link"] = self._next(
                asked, tokens.render(after=following, **place), recursive=recursive
            )
        return answer

    async def _paths(
        self, asked: Asked, caller: Caller, dataset: Dataset, route: Route
    ) -> web.Response:
        revision = await self._revisions.find(caller.lease, dataset.name, route.revision)
        keys = Keys(self._revisions.state, revision, caller.lease).selected
        rows = []
        for path in await _asked_paths(asked, caller):
            found = await asyncio.to_thread(_file_or_folder, keys, path)
            if isinstance(found, StoredObject):
                rows.append(await self._entry(caller.lease, found))
            elif found:
                rows.append(directory_entry(path))
        return json_answer(rows)

    def _next(self, asked: Asked, cursor: str, *, recursive: bool) -> str:
        """The `Link` to the next page."""
        where = f"{self._origin.of(asked)}{asked.path}?cursor={quote(cursor, safe='')}"
        return f'<{where}{"&recursive=true" if recursive else ""}>; rel="next"'

    async def _entry(self, lease: Lease, stored: StoredObject) -> dict[str, Any]:
        return file_entry(stored, await self._objects.etag(lease, stored))


def _file_or_folder(keys: SelectedKeys, path: str) -> StoredObject | bool:
    """The file of this path, or whether there is a directory of it."""
    for one in keys.after("", prefix=path, limit=1):
        if one.key == path and isinstance(one, StoredObject):
            return one
    return bool(keys.after("", prefix=f"{path}/", limit=1))


async def _asked_paths(asked: Asked, caller: Caller) -> Sequence[str]:
    """Paths of a `paths-info`: a form or JSON."""
    body = await Body(asked, caller, limit=_BODY_BYTES, patience=Patience()).read()
    try:
        if "json" in asked.headers.get("content-type", ""):
            paths = msgspec.json.decode(body, type=dict[str, Any]).get("paths", [])
        else:
            paths = parse_qs(body.decode()).get("paths", [])
        paths = [paths] if isinstance(paths, str) else msgspec.convert(paths, list[str])
    except (UnicodeDecodeError, msgspec.DecodeError, msgspec.ValidationError, ValueError):
        raise S3Error(Code.INVALID_REQUEST, "expected paths, as a form or as JSON") from None
    if len(paths) > _MOST_PATHS:
        raise S3Error(Code.INVALID_REQUEST, f"at most {_MOST_PATHS} paths at once")
    return [path.strip("/") for path in paths if path.strip("/")]


def _named(dataset: Dataset | None, route: Route) -> Dataset:
    """The dataset, if it was called by its client's name or by none."""
    if dataset is None or route.namespace not in {"", dataset.client}:
        outside = Refusal(stop=Stop.OUTSIDE, sentence="the lease does not cover this dataset")
        raise of_refusal(outside)
    return dataset


def _repo_id(dataset: Dataset, route: Route) -> str:
    return f"{route.namespace}/{dataset.name}" if route.namespace else dataset.name


def _whoami(lease: Lease) -> dict[str, Any]:
    return {
        "type": "user",
        "id": lease.id,
        "name": lease.id,
        "fullname": f"{lease.holder} of {lease.vendor}/{lease.project}",
        "orgs": [{"type": "org", "name": lease.client}],
        "auth": {
            "type": "access_token",
            "accessToken": {
                "displayName": lease.purpose,
                "role": "read",
                "createdAt": render_instant(lease.granted_at),
            },
        },
    }
