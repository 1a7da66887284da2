"""Delta Sharing's Python client, unmodified, at the sharing adapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.bearers import bearer
from kit.s3_clients import ADAPTER_TABLE, CLIENTS, ROWS, Done, run_program, versions
from kit.s3_door import Custodian, settled
from pratique.custody.bearer import Surface
from pratique.custody.model import Lease, ScopeId, ScopeState
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log

pytestmark = [pytest.mark.clients, pytest.mark.slow]


async def _sharing(where: Path, serving: ServingS3, lease: Lease, secret: str, calls: str) -> Done:
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{serving.url}/_sharing",
        "bearerToken": bearer(Surface.SHARING, lease, secret),
        "expirationTime": lease.not_after.isoformat(),
    }
    told = {
        "endpoint": serving.url, "key": "", "secret": "", "region": "", "bucket": "dialogs",
        "scratch": str(where / "scratch"), "rows": ROWS, "calls": calls.split(), "profile": profile,
    }  # fmt: skip
    return await run_program(CLIENTS["pyarrow"].python(), "sharing_calls", told, where=where)


async def test_delta_sharing_works_and_is_told_why_it_is_stopped(
    place: tuple[Custodian, ServingS3], tmp_path: Path
) -> None:
    made, serving = place
    lease, secret = made.grant()
    done = await _sharing(tmp_path / "work", serving, lease, secret, "list get limit version")
    assert done.exit_code == 0, done.said
    assert done.gave == {
        "list": ["meta.dialogs.table"],
        "get": sum(range(100)),
        "limit": 7,
        "version": made.state.revision("dialogs"),
    }
    log = open_log(made.settings)
    try:
        reads = [one for one in log.entries() if one.kind == "reads"]
    finally:
        log.close()
    assert {one.subject for one in reads} == {f"lease:{lease.id}"}, "files are read as the lease"

    made.state.set_state(
        ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
    )
    await settled(serving, "vendor:acme", stopped=True)
    for call in ("list", "get"):
        refused = await _sharing(tmp_path / "after", serving, lease, secret, call)
        assert refused.exit_code != 0
        assert "INC-42" in refused.said, refused.said
    ADAPTER_TABLE.check(
        "Delta Sharing",
        [
            versions("s3-frames", "delta-sharing"),
            "[Delta Sharing](../howto/use-with-delta-sharing.md), below `/_sharing`",
            "shares, schemas, tables, `load_as_pandas`, limits, versions of tables",
            "with the reason",
        ],
    )
