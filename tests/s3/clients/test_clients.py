"""Unmodified clients at the whole door, and docs/reference/s3-compatibility.md, which says what is seen here.

`PRATIQUE_WRITE_DOCS=1 pytest -p no:randomly tests/s3/clients` writes the table anew.
"""

from __future__ import annotations

import asyncio
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest

from kit.doc_tables import DocTable
from kit.environments import REPOSITORY
from kit.s3_clients import CALLS, CLIENTS, LINES, ROWS, S3Client, run_client
from kit.s3_door import Custodian, settled
from pratique.custody.model import Copy, ScopeId, ScopeState, Verb
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log

pytestmark = [pytest.mark.clients, pytest.mark.slow]

TABLE = DocTable(
    page=REPOSITORY / "docs" / "reference" / "s3-compatibility.md",
    name="observed",
    head=("client", "version tested", *CALLS, "a refusal", "must be told"),
    rows=tuple(CLIENTS),
)
SUM = ROWS * (ROWS - 1) // 2
GIVES: dict[str, tuple[Any, ...]] = {
    "get": (len(LINES), 100, 13),
    "range": (LINES[2:6].decode(), SUM, sum(range(100))),
    "list": (["table/part-0.parquet", "table/part-1.parquet"], 2 * ROWS),
    "head": (len(LINES),),
    "presigned": (len(LINES),),
}
"""What a call may give: bytes, rows or names, as the client has it."""


async def test_a_client_works_and_is_told_why_it_is_stopped(
    client: S3Client, place: tuple[Custodian, ServingS3], tmp_path: Path
) -> None:
    made, serving = place
    lease, secret = made.grant(verbs=frozenset(Verb), copy=Copy.CANONICAL)
    told: dict[str, Any] = {"url": serving.url, "lease": lease, "secret": secret}
    done = await run_client(client, where=tmp_path / "work", **told)
    assert done.exit_code == 0, done.said
    assert tuple(sorted(done.gave)) == tuple(sorted(client.calls))
    for call, gave in done.gave.items():
        assert gave in GIVES.get(call, (None,)), f"{call} of {client.name} gave {gave!r}"
    assert _reads(made, lease.id), "what a client got is in the ledger"

    made.state.set_state(
        ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
    )
    await settled(serving, "vendor:acme", stopped=True)
    shown = await _refused(client, where=tmp_path / "work", **told)
    TABLE.check(client.name, [_version(client), *_cells(client), shown, client.told])


async def test_presigning_without_s3v4_is_answered_with_what_to_set(
    place: tuple[Custodian, ServingS3],
) -> None:
    """boto3's default for an endpoint of one's own is still the old scheme."""
    made, serving = place
    lease, secret = made.grant()
    s3 = boto3.client(
        "s3",
        endpoint_url=serving.url,
        aws_access_key_id=lease.id,
        aws_secret_access_key=secret,
        region_name="us-east-1",
    )
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "dialogs", "Key": "x"})
    assert "AWSAccessKeyId=" in url

    def ask() -> str:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, timeout=20)
        return caught.value.read().decode()

    assert "s3v4" in await asyncio.to_thread(ask)


def test_the_table_has_no_other_rows() -> None:
    assert list(TABLE.read()) == list(CLIENTS)


def _version(client: S3Client) -> str:
    """As locked. A machine's own program is of another version elsewhere; the page says which was seen."""
    if client.packages or os.environ.get("PRATIQUE_WRITE_DOCS") == "1":
        return client.version()
    return TABLE.read()[client.name][0]


async def _refused(client: S3Client, **told: Any) -> str:
    """What a person sees of a refusal: of a read, and where that shows nothing, of another call."""
    other = "list" if "list" in client.calls else "put"
    for call, shown in (("get", "with the reason"), (other, f"403 alone; on {other} the reason")):
        refused = await run_client(client, calls=[call], **told)
        assert refused.exit_code != 0, f"{client.name} takes a refusal for success"
        assert told["secret"] not in refused.said
        if "INC-42" in refused.said:
            return shown
    return "403 alone"


def _cells(client: S3Client) -> list[str]:
    return ["yes" if call in client.calls else "–" for call in CALLS]


def _reads(made: Custodian, lease: str) -> list[Any]:
    log = open_log(made.settings)
    try:
        return [one for one in log.entries() if one.kind == "reads" and one.subject.endswith(lease)]
    finally:
        log.close()
