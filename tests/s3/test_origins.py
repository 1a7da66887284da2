"""Web pages that may read answers (CORS), over a real door."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from kit.s3_door import boto, custodian, s3_door
from pratique.doors.s3.origins import Origins
from pratique.errors import SettingsError

LABELS = "https://labels.example"
BIG = 3 << 20


def ask(url: str, method: str, **headers: str) -> tuple[int, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer.read()
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}


@pytest.mark.parametrize("key", ["small", "big"])
async def test_a_named_page_may_read_and_no_other(tmp_path: Path, key: str) -> None:
    with custodian(tmp_path / "home", s3_origins=(LABELS,)) as made:
        made.dataset()
        made.put(key, b"x" * (BIG if key == "big" else 10))
        lease, secret = made.grant()
        async with s3_door(made.settings) as serving:
            client = boto(serving.url, lease, secret)
            url = client.generate_presigned_url(
                "get_object", Params={"Bucket": "dialogs", "Key": key}
            )
            for _ in range(2):  # the second read is the one that waits for nothing
                status, said = await asyncio.to_thread(ask, url, "GET", Origin=LABELS)
                assert status == 200
                assert said["access-control-allow-origin"] == LABELS
                assert "etag" in said["access-control-expose-headers"].lower()
                assert said["vary"] == "Origin"
            for _ in range(3):
                _, plain = await asyncio.to_thread(ask, url, "GET")
                assert plain["vary"] == "Origin"  # else its answer could be kept for the page
            _, other = await asyncio.to_thread(ask, url, "GET", Origin="https://evil.example")
            assert "access-control-allow-origin" not in other
            assert other["vary"] == "Origin"
            status, first = await asyncio.to_thread(
                ask,
                url,
                "OPTIONS",
                Origin=LABELS,
                Access_Control_Request_Method="GET",
                Access_Control_Request_Headers="range",
            )
            assert (status, first["access-control-allow-headers"]) == (204, "range")
            assert "GET" in first["access-control-allow-methods"]
            refused, told = await asyncio.to_thread(
                ask, url, "OPTIONS", Origin="https://evil.example"
            )
            assert refused == 403
            assert "access-control-allow-origin" not in told


async def test_a_refusal_can_be_read_by_the_page_too(tmp_path: Path) -> None:
    with custodian(tmp_path / "home", s3_origins=(LABELS,)) as made:
        made.dataset()
        async with s3_door(made.settings) as serving:
            url = f"{serving.url}/dialogs/x"
            status, said = await asyncio.to_thread(ask, url, "GET", Origin=LABELS)
            assert status == 403
            assert said["access-control-allow-origin"] == LABELS


def test_without_origins_nothing_is_said() -> None:
    none = Origins(())
    assert none.headers({"origin": LABELS}) == {}
    assert none.preflight({"origin": LABELS}) is None
    assert none.preflight({}) is None


@pytest.mark.parametrize(
    "wrong",
    ["*", "null", "labels.example", "https://labels.example/", "https://a b", "ftp://x", ""],
)
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="not an origin"):
        Origins((wrong,))
