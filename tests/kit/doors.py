"""Every way to a byte of custody, as raw requests: S3, presigned, the Hub, Delta Sharing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kit.bearers import bearer
from pratique.custody.bearer import Surface
from pratique.custody.model import Lease

REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who asks, of which door."""

    session: aiohttp.ClientSession
    url: str
    lease: Lease
    secret: str
    dataset: str = "dialogs"
    share: str = "meta"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came: all that a person could see."""

    status: int
    body: bytes
    headers: str

    def says(self, text: str) -> bool:
        return text.encode() in self.body or text in self.headers


async def ask(
    holder: Holder,
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    data: bytes = b"",
) -> Answer:
    async with holder.session.request(
        method, aiohttp.client.URL(url, encoded=True), headers=headers, data=data or None
    ) as answer:
        try:
            body = await answer.read()
        except aiohttp.ClientPayloadError:
            body = b"(cut)"
        told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        return Answer(status=answer.status, body=body, headers=told)


def _signed(holder: Holder, url: str) -> AWSRequest:
    request = AWSRequest(method="GET", url=url)
    request.context["client_config"] = None
    return request


def _path(holder: Holder, key: str) -> str:
    return f"{holder.url}/{holder.dataset}/{quote(key, safe='/-._~')}"


async def s3_get(holder: Holder, key: str) -> Answer:
    request = _signed(holder, _path(holder, key))
    S3SigV4Auth(Credentials(holder.lease.id, holder.secret), "s3", REGION).add_auth(request)
    return await ask(holder, "GET", request.url, headers=dict(request.headers.items()))


async def s3_presigned(holder: Holder, key: str) -> Answer:
    request = _signed(holder, _path(holder, key))
    credentials = Credentials(holder.lease.id, holder.secret)
    S3SigV4QueryAuth(credentials, "s3", REGION, expires=60).add_auth(request)
    return await ask(holder, "GET", request.url)


async def s3_list(holder: Holder, prefix: str) -> Answer:
    query = f"list-type=2&prefix={quote(prefix, safe='')}"
    request = _signed(holder, f"{holder.url}/{holder.dataset}?{query}")
    S3SigV4Auth(Credentials(holder.lease.id, holder.secret), "s3", REGION).add_auth(request)
    return await ask(holder, "GET", request.url, headers=dict(request.headers.items()))


def _bearer(holder: Holder, surface: Surface) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer(surface, holder.lease, holder.secret)}"}


async def hub_get(
    holder: Holder, key: str, *, method: str = "GET", revision: str = "main"
) -> Answer:
    where = f"{holder.url}/_hub/datasets/{holder.share}/{holder.dataset}/resolve/{revision}/"
    headers = _bearer(holder, Surface.HUB)
    return await ask(holder, method, where + quote(key, safe="/-._~"), headers=headers)


async def hub_head(holder: Holder, key: str) -> Answer:
    return await hub_get(holder, key, method="HEAD")


async def hub_list(holder: Holder, prefix: str = "") -> Answer:
    where = f"{holder.url}/_hub/api/datasets/{holder.share}/{holder.dataset}/tree/main"
    where += f"/{quote(prefix.rstrip('/'), safe='/')}" if prefix else ""
    return await ask(holder, "GET", f"{where}?recursive=true", headers=_bearer(holder, Surface.HUB))


async def hub_info(holder: Holder, prefix: str = "") -> Answer:
    where = f"{holder.url}/_hub/api/datasets/{holder.share}/{holder.dataset}/revision/main"
    return await ask(holder, "GET", where, headers=_bearer(holder, Surface.HUB))


async def sharing_list(holder: Holder, prefix: str = "") -> Answer:
    where = f"{holder.url}/_sharing/shares/{holder.share}/schemas/{holder.dataset}/tables"
    return await ask(holder, "GET", where, headers=_bearer(holder, Surface.SHARING))


async def sharing_query(holder: Holder, table: str) -> Answer:
    where = f"{holder.url}/_sharing/shares/{holder.share}/schemas/{holder.dataset}/tables/{quote(table)}"
    headers = _bearer(holder, Surface.SHARING) | {"Content-Type": "application/json"}
    return await ask(holder, "POST", f"{where}/query", headers=headers, data=b"{}")


async def sharing_get(holder: Holder, key: str) -> Answer:
    """A table's file, by the URL that a query gives; the refusal of the query where it gives none."""
    table = key.partition("/")[0].removesuffix(".parquet")
    query = await sharing_query(holder, table)
    if query.status != 200:
        return query
    lines = [json.loads(line) for line in query.body.splitlines()]
    [url] = [one["file"]["url"] for one in lines if f"/{quote(key)}?" in str(one.get("file", {}))]
    return await ask(holder, "GET", url)


READS: dict[str, Callable[[Holder, str], Awaitable[Answer]]] = {
    "s3": s3_get,
    "presigned": s3_presigned,
    "hub": hub_get,
    "hub-head": hub_head,
    "sharing": sharing_get,
}
LISTS: dict[str, Callable[[Holder, str], Awaitable[Answer]]] = {
    "s3-list": s3_list,
    "hub-tree": hub_list,
    "hub-info": hub_info,
    "sharing-tables": sharing_list,
}


def _about(path: str, surface: Surface) -> Callable[[Holder, str], Awaitable[Answer]]:
    async def asked(holder: Holder, _: str) -> Answer:
        return await ask(holder, "GET", holder.url + path, headers=_bearer(holder, surface))

    return asked


async def s3_buckets(holder: Holder, _: str) -> Answer:
    request = _signed(holder, f"{holder.url}/")
    S3SigV4Auth(Credentials(holder.lease.id, holder.secret), "s3", REGION).add_auth(request)
    return await ask(holder, "GET", request.url, headers=dict(request.headers.items()))


ABOUT: dict[str, Callable[[Holder, str], Awaitable[Answer]]] = {
    "s3-buckets": s3_buckets,
    "hub-whoami": _about("/_hub/api/whoami-v2", Surface.HUB),
    "hub-datasets": _about("/_hub/api/datasets", Surface.HUB),
    "sharing-shares": _about("/_sharing/shares", Surface.SHARING),
    "sharing-share": _about("/_sharing/shares/meta", Surface.SHARING),
    "sharing-schemas": _about("/_sharing/shares/meta/schemas", Surface.SHARING),
}
"""What a lease learns of itself: as long as it works, whatever becomes of a dataset."""
