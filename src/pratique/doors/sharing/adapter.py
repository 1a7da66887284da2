"""Delta Sharing's routes to answers. Started by the S3 door for paths below `/_sharing`.

Checklist of every request: the door has the token checked (`bearers`); what is listed is what the lease may
list; a table's metadata and files are told only to who may read each of its files now.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from aiohttp import web

from pratique.custody.listing import SelectedKeys
from pratique.custody.model import Dataset, Lease, Refusal, Stop, StoredObject, Verb
from pratique.custody.ports import DatasetState
from pratique.custody.presigning import presign_get
from pratique.custody.s3_errors import Code, S3Error, of_refusal
from pratique.custody.s3_names import Parameters
from pratique.doors.hub.answers import json_answer
from pratique.doors.hub.revisions import Keys, Revision, prefixes_of
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Asked, Caller
from pratique.doors.s3.bearers import Bearers
from pratique.doors.s3.bodies import Body, Patience
from pratique.doors.s3.origin import Origin
from pratique.doors.sharing.footers import Footers
from pratique.doors.sharing.routes import Route, parse_route
from pratique.doors.sharing.tables import (
    Table,
    TooLargeError,
    find_table,
    list_tables,
    table_files,
)

PREFIX: Final = "/_sharing"
URL_SECONDS: Final = 900
"""How long a file's URL is good; a stopped lease's is not even that."""
_BODY_BYTES: Final = 1024 * 1024
_PAGE: Final = 500
_UNKNOWN: Final = frozenset({Code.INVALID_ACCESS_KEY_ID, Code.SIGNATURE_DOES_NOT_MATCH})


class SharingAdapter:
    """Answers clients of Delta Sharing. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        bearers: Bearers,
        allowing: Allowing,
        footers: Footers,
        state: DatasetState,
        origin: Origin,
        region: str,
    ) -> None:
        self._bearers = bearers
        self._allowing = allowing
        self._footers = footers
        self._state = state
        self._origin = origin
        self._region = region

    async def identify(self, asked: Asked) -> Caller:
        """Whose token it is. Raises: S3Error, UnavailableError."""
        return await self._bearers.identify(asked)

    def refuse(self, error: S3Error, asked: Asked, request_id: str) -> web.Response:
        """A refusal as the protocol words it: `errorCode` and `message`."""
        status = 401 if error.code in _UNKNOWN else error.status
        status = 403 if error.code is Code.EXPIRED_TOKEN else status
        body = {"errorCode": error.code.value, "message": error.message}
        response = json_answer(body, status=status)
        response.headers.update({**dict(error.headers), "x-amz-request-id": request_id})
        if asked.request.can_read_body:
            response.force_close()  # what is left of the body would be taken for the next request
        return response

    async def answer(self, asked: Asked, caller: Caller) -> web.StreamResponse:
        """Answer one request. Raises: S3Error, RefusedError, PratiqueError."""
        route = parse_route(asked.path[len(PREFIX) :])
        if asked.method != ("POST" if route.what == "query" else "GET"):
            raise S3Error(Code.METHOD_NOT_ALLOWED, f"{route.what} is not asked with this method")
        lease = caller.lease
        await self._allowing.allow_lease(caller, asked)
        if route.share and route.share != lease.client:
            raise _outside("share")
        match route.what:
            case "shares":
                return _page(asked, [{"name": lease.client, "id": lease.client}])
            case "share":
                return json_answer({"share": {"name": lease.client, "id": lease.client}})
            case "schemas":
                rows = [
                    {"name": one.name, "share": one.client} for one in await self._datasets(lease)
                ]
                return _page(asked, rows)
            case "tables":
                return _page(asked, await self._tables(asked, caller, route.schema))
            case "all-tables":
                names = [one.name for one in await self._datasets(lease)]
                listed = [await self._tables(asked, caller, name) for name in names]
                return _page(asked, [table for tables in listed for table in tables])
            case "version":
                await self._files(asked, caller, route)
                return _lines((), await self._version(route.schema))
            case _:
                return await self._table(asked, caller, route)

    async def _datasets(self, lease: Lease) -> Sequence[Dataset]:
        names = sorted({selector.partition("/")[0] for selector in lease.selectors})
        found = [await self._allowing.dataset(name) for name in names]
        return [one for one in found if one is not None and one.client == lease.client]

    async def _tables(self, asked: Asked, caller: Caller, name: str) -> list[dict[str, str]]:
        keys = await self._keys(asked, caller, name)
        try:
            tables = await asyncio.to_thread(lambda: list(list_tables(keys)))
        except TooLargeError:
            raise S3Error(Code.INVALID_REQUEST, f"{name} has too many tables to list") from None
        share = caller.lease.client
        return [
            {"name": table.name, "schema": name, "share": share, "id": f"{name}/{table.name}"}
            for table in tables
        ]

    async def _keys(self, asked: Asked, caller: Caller, name: str) -> SelectedKeys:
        """Keys of a dataset that the lease may list. Raises: S3Error."""
        for prefix in prefixes_of(caller.lease, name) or ("",):
            await self._allowing.allow(caller, asked, Verb.LIST, name, prefix)
        now = Revision(dataset=name, number=0, commit="")
        return Keys(self._state, now, caller.lease).selected

    async def _files(
        self, asked: Asked, caller: Caller, route: Route
    ) -> tuple[Table, list[StoredObject]]:
        """A table and its files, each of which the lease may read now. Raises: S3Error."""
        keys = await self._keys(asked, caller, route.schema)
        table = await asyncio.to_thread(find_table, keys, route.table)
        if table is None:
            raise S3Error(Code.NO_SUCH_KEY, "there is no such table in what the lease covers")
        try:
            files = await asyncio.to_thread(lambda: list(table_files(keys, table)))
        except TooLargeError:
            raise S3Error(
                Code.INVALID_REQUEST, "the table has too many files for one answer; read it over S3"
            ) from None
        # All keys are selected ones, so that one decision is the decision for each.
        await self._allowing.allow(caller, asked, Verb.READ, route.schema, files[0].key)
        return table, files

    async def _version(self, name: str) -> int:
        return await asyncio.to_thread(self._state.revision, name)

    async def _table(self, asked: Asked, caller: Caller, route: Route) -> web.Response:
        """Metadata, and for a query the files."""
        hints = await _hints(asked, caller) if route.what == "query" else {}
        if any(hints.get(name) is not None for name in ("version", "timestamp", "startingVersion")):
            raise S3Error(
                Code.INVALID_REQUEST,
                "a table is read as it is now; sealed versions are read over the Hub or by manifest",
            )
        version = await self._version(route.schema)
        table, files = await self._files(asked, caller, route)
        schema = await self._footers.schema(asked, caller, files[0])
        lines: list[Mapping[str, Any]] = [
            {"protocol": {"minReaderVersion": 1}},
            {"metaData": _metadata(route, table, schema, files)},
        ]
        if route.what == "query":
            # The token may be of yesterday; a URL is signed today.
            key = await self._bearers.signing_key(caller.lease.id, asked.at)
            lines += [{"file": self._file(asked, caller.lease, one, key)} for one in files]
        return _lines(lines, version)

    def _file(
        self, asked: Asked, lease: Lease, stored: StoredObject, key: bytes
    ) -> Mapping[str, Any]:
        """One file, by a URL of our own door that is good for this lease and for minutes."""
        ends = min(asked.at + timedelta(seconds=URL_SECONDS), lease.not_after)
        seconds = max(1, int((ends - asked.at).total_seconds()))
        url = presign_get(
            self._origin.of(asked),
            stored.dataset,
            stored.key,
            lease=lease.id,
            region=self._region,
            signing_key=key,
            at=asked.at,
            seconds=seconds,
        )
        return {
            "url": url,
            "id": stored.id,
            "partitionValues": {},
            "size": stored.size,
            "expirationTimestamp": int(ends.timestamp() * 1000),
        }


def _metadata(
    route: Route, table: Table, schema: Mapping[str, Any], files: Sequence[StoredObject]
) -> Mapping[str, Any]:
    return {
        "id": f"{route.schema}/{table.name}",
        "name": table.name,
        "format": {"provider": "parquet"},
        "schemaString": json.dumps(schema, ensure_ascii=False),
        "partitionColumns": [],
        "size": sum(one.size for one in files),
        "numFiles": len(files),
    }


async def _hints(asked: Asked, caller: Caller) -> Mapping[str, Any]:
    """What a query says beside the table; hints may be ignored, and are."""
    body = await Body(asked, caller, limit=_BODY_BYTES, patience=Patience()).read()
    try:
        return msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise S3Error(Code.INVALID_REQUEST, "expected a JSON object") from None


def _page(asked: Asked, rows: Sequence[Mapping[str, str]]) -> web.Response:
    """A page of a list: the token is how many came before."""
    query = Parameters(asked.query)
    limit = query.number("maxResults", default=_PAGE, low=0, high=2**31 - 1) or _PAGE
    begin = query.number("pageToken", default=0, low=0, high=2**31 - 1)
    end = begin + min(limit, _PAGE)
    answer: dict[str, Any] = {"items": rows[begin:end]}
    if end < len(rows):
        answer["nextPageToken"] = str(end)
    return json_answer(answer)


def _lines(lines: Iterable[Mapping[str, Any]], version: int) -> web.Response:
    return web.Response(
        body=b"".join(msgspec.json.encode(line) + b"\n" for line in lines),
        content_type="application/x-ndjson",
        headers={
            "Delta-Table-Version": str(version),
            "delta-sharing-capabilities": "responseformat=parquet",
            "Cache-Control": "no-store",
        },
    )


def _outside(what: str) -> S3Error:
    return of_refusal(Refusal(stop=Stop.OUTSIDE, sentence=f"the lease does not cover this {what}"))
