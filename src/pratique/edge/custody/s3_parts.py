"""Encrypted parts as objects of any S3, by obstore (Rust's object_store).

The S3 sees ciphertext and random names. Every wait has a deadline, every request is tried a few times,
and what fails in spite of it is an UnavailableError: doors then refuse, and nothing stored is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from pratique.custody.errors import PartMissingError
from pratique.edge.custody.aws_access import AwsAccess, BucketPlace
from pratique.edge.custody.part_listing import KeptPart
from pratique.errors import UnavailableError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

    from pratique.custody.envelope import Bytes

CHUNK: Final = 16 * 1024 * 1024
"""Larger parts go up as several requests side by side, each tried again by itself."""
_SIDE_BY_SIDE: Final = 4
_CONNECT: Final = timedelta(seconds=5)
_REQUEST: Final = timedelta(seconds=60)
"""Longest time of one request, body included: 16 MiB at 300 KB/s."""
_RETRIES: Final = 3
_RETRY_FOR: Final = timedelta(seconds=20)
_READ_SECONDS: Final = 30.0
_WRITE_SECONDS: Final = 300.0
_WRITES_AT_ONCE: Final = 16
_SHOWN: Final = 400


class S3Parts:
    """A `PartStore` in a bucket. Safe from any task."""

    def __init__(self, place: BucketPlace, access: AwsAccess | None = None) -> None:
        """Raises: UnavailableError when there are no credentials."""
        self._access = access or AwsAccess()
        self._access.now()
        self._place = place
        config: S3Config = {"region": place.region}
        if place.endpoint:
            config["endpoint"] = place.endpoint
        self._store = S3Store(
            place.bucket,
            prefix=place.prefix.rstrip("/") or None,
            config=config,
            client_options={
                # Parts are encrypted and authenticated by themselves; only their names are seen.
                "allow_http": place.endpoint.startswith("http://"),
                "connect_timeout": _CONNECT,
                "timeout": _REQUEST,
                "user_agent": "pratique",
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_FOR},
            credential_provider=self._given,
        )

    def _given(self) -> S3Credential:
        found = self._access.now()
        return {
            "access_key_id": found.access_key_id,
            "secret_access_key": found.secret_access_key,
            "token": found.token,
            "expires_at": found.expires_at,
        }

    async def read(self, name: str, start: int, end: int) -> bytes | bytearray:
        """Ciphertext `[start, end)`. Raises: PartMissingError, UnavailableError."""
        with _told("read", self._place):
            async with asyncio.timeout(_READ_SECONDS):
                found = await obstore.get_range_async(self._store, name, start=start, end=end)
        data = bytes(found)
        if len(data) != end - start:
            raise PartMissingError(f"the part {name} ends before its bytes do")
        return data

    def cached(self, name: str, start: int, into: memoryview) -> bool:
        """Nothing of a bucket is here already."""
        del name, start, into
        return False

    async def write(self, name: str, data: Bytes) -> None:
        """Keep a part: the S3 has said that it has it. Raises: UnavailableError."""
        with _told("written", self._place):
            async with asyncio.timeout(_WRITE_SECONDS):
                await obstore.put_async(
                    self._store,
                    name,
                    data,
                    use_multipart=len(data) > CHUNK,
                    chunk_size=CHUNK,
                    max_concurrency=_SIDE_BY_SIDE,
                )

    async def write_many(self, parts: Sequence[tuple[str, Bytes]]) -> None:
        """Keep small parts, several requests side by side. Raises: UnavailableError."""
        turns = asyncio.Semaphore(_WRITES_AT_ONCE)

        async def write(name: str, data: Bytes) -> None:
            async with turns:
                await self.write(name, data)

        try:
            async with asyncio.TaskGroup() as group:
                for name, data in parts:
                    group.create_task(write(name, data))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def delete(self, name: str) -> None:
        """Forget a part; a missing one is none. Raises: UnavailableError."""
        with _told("deleted", self._place):
            async with asyncio.timeout(_READ_SECONDS):
                try:
                    await obstore.delete_async(self._store, name)
                except FileNotFoundError:
                    return

    async def listed(self) -> AsyncIterator[KeptPart]:
        """Everything below the prefix, in the order of the bytes of names, as S3 has it."""
        pages = obstore.list(self._store)
        while True:
            with _told("listed", self._place):
                async with asyncio.timeout(_READ_SECONDS):
                    page = await anext(pages, None)
            if page is None:
                return
            for found in page:
                yield KeptPart(
                    name=found["path"], size=found["size"], changed_at=found["last_modified"]
                )

    def close(self) -> None:
        """Nothing to do: connections end with the process or when they idle."""


@contextmanager
def _told(what: str, place: BucketPlace) -> Iterator[None]:
    """Errors of obstore as ours. Its texts hold addresses and S3's own words, never credentials."""
    try:
        yield
    except FileNotFoundError as error:
        raise PartMissingError(
            f"a part of this object is missing in {place.name}",
            remedy="restore it from a backup; what is damaged is told by: pratique dataset check",
        ) from error
    except TimeoutError as error:
        raise UnavailableError(
            f"a part cannot be {what}: {place.name} does not answer in time"
        ) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise UnavailableError(
            f"a part cannot be {what}: {place.name} refuses our credentials",
            remedy="check AWS_PROFILE or AWS_ACCESS_KEY_ID of this process, and the bucket's policy",
        ) from error
    except (BaseError, ValueError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"a part cannot be {what}: {place.name}: {said[:_SHOWN]}") from error
