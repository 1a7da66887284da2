"""A suspension by the velocity rule is in the ledger within a second."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from kit.s3_door import boto, custodian, s3_door
from kit.waiting import comes
from pratique.store.logs import open_log


async def test_the_entry_follows_a_suspension_by_rule_at_once(tmp_path: Path) -> None:
    with custodian(tmp_path, velocity_floor_gib=200_000 / (1 << 30)) as made:
        made.dataset()
        made.put("a", os.urandom(2 << 20))
        async with s3_door(made.settings) as serving:
            lease, secret = made.grant()
            client = boto(serving.url, lease, secret)

            def read() -> bytes:
                return bytes(client.get_object(Bucket="dialogs", Key="a")["Body"].read())

            with pytest.raises(ClientError, match="velocity rule"):
                await asyncio.to_thread(read)

            def rules() -> list[object]:
                with closing(open_log(made.settings)) as log:
                    return [one.body["by_rule"] for one in log.entries() if one.kind == "scope"]

            assert await comes(rules, within=3.0)
            assert rules() == ["velocity"]
