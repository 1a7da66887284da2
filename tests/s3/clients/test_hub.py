"""Hugging Face's tools, unmodified, at the Hub adapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.bearers import bearer
from kit.s3_clients import ADAPTER_TABLE, CLIENTS, LINES, ROWS, Done, run_program, versions
from kit.s3_door import Custodian, settled
from pratique.custody.bearer import Surface
from pratique.custody.model import Copy, Lease, ScopeId, ScopeState
from pratique.custody.ports import Version
from pratique.doors.s3.serving import ServingS3
from pratique.store.logs import open_log
from pratique.values.instants import now_utc

pytestmark = [pytest.mark.clients, pytest.mark.slow]
OLD = b'{"line": 0, "text": "old"}\n'


async def _hub(
    where: Path,
    serving: ServingS3,
    lease: Lease,
    secret: str,
    calls: str,
    *,
    repo: str = "meta/dialogs",
) -> Done:
    told = {
        "endpoint": serving.url, "key": "", "secret": "", "region": "", "bucket": "dialogs",
        "scratch": str(where / "scratch"), "rows": ROWS, "calls": calls.split(), "repo": repo,
    }  # fmt: skip
    env = {
        "HF_ENDPOINT": f"{serving.url}/_hub",
        "HF_TOKEN": bearer(Surface.HUB, lease, secret),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(where / "hf"),
    }
    return await run_program(CLIENTS["datasets"].python(), "hub_calls", told, where=where, env=env)


async def test_the_hubs_tools_work_and_are_told_why_they_are_stopped(
    place: tuple[Custodian, ServingS3], tmp_path: Path
) -> None:
    made, serving = place
    made.put("lines.jsonl", OLD)
    made.state.seal_version(
        Version(
            dataset="dialogs", number=1, root="ab" * 32, objects=3, bytes=1, sealed_at=now_utc()
        )
    )
    made.put("lines.jsonl", LINES)
    lease, secret = made.grant(copy=Copy.CANONICAL)
    where = tmp_path / "work"
    calls = "get list snapshot version missing load stream whoami"
    done = await _hub(where, serving, lease, secret, calls)
    assert done.exit_code == 0, done.said
    assert done.gave == {
        "get": len(LINES),
        "list": ["table/part-0.parquet", "table/part-1.parquet"],
        "snapshot": ["lines.jsonl", "table/part-0.parquet", "table/part-1.parquet"],
        "version": OLD.decode()[:20],
        "missing": None,
        "load": 2 * ROWS,
        "stream": 100,
        "whoami": lease.id,
    }
    log = open_log(made.settings)
    try:
        reads = [one for one in log.entries() if one.kind == "reads"]
    finally:
        log.close()
    assert {one.subject for one in reads} == {f"lease:{lease.id}"}
    assert any("hf_hub" in str(one.body) for one in reads)

    bare = await _hub(tmp_path / "bare", serving, lease, secret, "get", repo="dialogs")
    assert bare.exit_code == 0, bare.said
    stranger = await _hub(tmp_path / "other", serving, lease, secret, "get", repo="bank/dialogs")
    assert "does not cover this dataset" in stranger.said

    narrow = made.grant(selectors=("dialogs/table/",))
    loaded = await _hub(tmp_path / "narrow", serving, *narrow, "list load snapshot")
    assert loaded.exit_code == 0, loaded.said
    assert loaded.gave["snapshot"] == ["table/part-0.parquet", "table/part-1.parquet"]

    made.state.set_state(
        ScopeId("vendor:acme"), ScopeState.SUSPENDED, reason="break-in", incident="INC-42"
    )
    await settled(serving, "vendor:acme", stopped=True)
    shown = []
    for number, call in enumerate(("get", "snapshot", "load")):
        refused = await _hub(tmp_path / f"after-{number}", serving, lease, secret, call)
        assert refused.exit_code != 0, call
        # load_dataset has words of its own for every refusal (docs/howto/use-with-huggingface.md).
        words = "INC-42" if call != "load" else "is a gated dataset"
        assert words in refused.said, refused.said
        shown.append("INC-42" in refused.said)
        assert secret not in refused.said
    assert shown == [True, True, False]
    ADAPTER_TABLE.check(
        "Hugging Face",
        [
            versions("s3-frames", "huggingface-hub", "datasets"),
            "[Hub](../howto/use-with-huggingface.md), below `/_hub`",
            "files, lists, snapshots, versions, `load_dataset`, streaming, `whoami`",
            "with the reason; `load_dataset` without",
        ],
    )
