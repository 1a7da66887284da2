"""The second meter: parts are written down, durably, before their keys leave.

One file for each slot of five minutes, records appended; many charges share one fsync. A process that
dies between writing and answering has counted keys that nobody got, never the other way round.

`meter/SLOT.SERIAL.log`: records of length (2 bytes), CRC-32 (4 bytes), MessagePack `[vendor, digests]`.
`meter/totals`: what slots that left the window held, by vendor.
"""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.edge.custody.broker.counting import (
    DIGEST_BYTES,
    SLOT_SECONDS,
    WINDOW_SLOTS,
    Limits,
    Window,
)
from pratique.edge.custody.broker.key_files import KEY_MODE, make_folder, sync_folder, write_durably
from pratique.edge.custody.broker.options import Caps

_HEAD = struct.Struct(">HI")
_MAX_DIGESTS = 1024
"""In one record, so that its length fits."""


class _Totals(msgspec.Struct, frozen=True, kw_only=True):
    through: int
    """Slots up to here are in it, and their files are no more."""
    ever: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Charge:
    """Parts that wait for the disk; none: their payer does."""

    vendor: str
    digests: Sequence[bytes]
    done: asyncio.Future[None]


class Meter:
    """Charges for one event loop; disk work happens in its default executor, one job at a time."""

    def __init__(self, folder: Path, caps: Caps, *, now: Callable[[], float]) -> None:
        """Read what was charged. Raises: KeyBrokenError, OSError."""
        self._folder, self._caps, self._now = folder / "meter", caps, now
        make_folder(self._folder)
        self.window = Window()
        self._through = 0
        self._serial = 0
        self._open: tuple[int, int] | None = None
        """Slot and descriptor of the file that is written to."""
        self._waiting: list[_Charge] = []
        self._flusher: asyncio.Task[None] | None = None
        self._load()

    # ── charging ─────────────────────────────────────────────────────────────────────────────

    async def charge(self, vendor: str, digests: Sequence[bytes]) -> int:
        """Return once these parts are paid for, durably; gives how many were new.

        Raises: BrokerRefusedError when a cap would break; then nothing of this call is charged.
        """
        window = self.window
        window.move_to(self._slot())
        fresh = window.fresh(digests)
        if not fresh:
            # Paid for by a charge that may still be on its way to the disk.
            if self._flusher is not None:
                await self._durable(vendor, ())
            return 0
        broken = window.exceeded(vendor, len(fresh), self._limits(vendor))
        if broken is not None:
            raise BrokerRefusedError(
                f"the broker's cap is reached: {broken.what}",
                reason="cap",
                scope=broken.scope,
                remedy="wait, or let the operator raise it in broker.toml",
            )
        # From here on these count, whatever becomes of the write: errors are against the reader.
        window.add(window.now_slot, vendor, fresh)
        await self._durable(vendor, fresh)
        return len(fresh)

    def _limits(self, vendor: str) -> Limits:
        caps = self._caps
        return Limits(
            hourly=caps.hourly(vendor), all_hourly=caps.all_parts_per_hour, ever=caps.ever(vendor)
        )

    def _slot(self) -> int:
        return int(self._now()) // SLOT_SECONDS

    async def _durable(self, vendor: str, digests: Sequence[bytes]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Charge(vendor=vendor, digests=digests, done=done))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Write all that waits, again and again until nothing does."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                data = b"".join(record for charge in batch for record in _records(charge))
                try:
                    await asyncio.to_thread(self._append, self.window.now_slot, data)
                except (OSError, KeyBrokenError) as error:
                    self._abandon_file()
                    # Who came meanwhile may rely on parts of this batch: they fail with it.
                    batch, self._waiting = batch + self._waiting, []
                    self._settle(batch, _unwritten(error))
                else:
                    self._settle(batch, None)
        finally:
            self._flusher = None

    def _settle(self, batch: Sequence[_Charge], error: BrokerRefusedError | None) -> None:
        for charge in batch:
            if error is not None:
                self.window.forget(charge.digests)
            if charge.done.done():
                continue
            if error is None:
                charge.done.set_result(None)
            else:
                charge.done.set_exception(error)

    # ── the disk ─────────────────────────────────────────────────────────────────────────────

    def _append(self, slot: int, data: bytes) -> None:
        if self._open is not None and self._open[0] != slot:
            self._abandon_file()
            self._fold(slot)
        if not data:
            return
        if self._open is None:
            self._serial += 1
            path = self._folder / f"{slot}.{self._serial}.log"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._open = slot, os.open(path, flags, KEY_MODE)
            sync_folder(self._folder)
        fd, left = self._open[1], memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        os.fdatasync(fd)

    def _abandon_file(self) -> None:
        """The next record begins a new file: what follows half a record is never read."""
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _fold(self, slot: int) -> None:
        """Add slots that left the window to the totals, then remove their files."""
        through = slot - WINDOW_SLOTS
        old = [path for path in self._logs() if _slot_of(path) <= through]
        if not old:
            return
        ever = dict(self._totals().ever)
        for path in old:
            if _slot_of(path) > self._through:
                for vendor, digests in _read_log(path):
                    ever[vendor] = ever.get(vendor, 0) + len(digests)
        totals = _Totals(through=through, ever=ever)
        write_durably(self._folder / "totals", msgspec.msgpack.encode(totals))
        self._through = through
        for path in old:
            path.unlink()

    def _load(self) -> None:
        totals = self._totals()
        self._through = totals.through
        self.window.ever.update(totals.ever)
        logs = sorted(self._logs(), key=_slot_of)
        slots = [_slot_of(path) for path in logs]
        self.window.move_to(max(self._slot(), *slots, totals.through) if slots else self._slot())
        for path, slot in zip(logs, slots, strict=True):
            self._serial = max(self._serial, int(path.name.split(".")[1]))
            if slot > totals.through:
                for vendor, digests in _read_log(path):
                    self.window.add(slot, vendor, digests)

    def _logs(self) -> Iterator[Path]:
        return self._folder.glob("[0-9]*.[0-9]*.log")

    def _totals(self) -> _Totals:
        path = self._folder / "totals"
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=_Totals)
        except FileNotFoundError:
            return _Totals(through=0, ever={})
        except msgspec.DecodeError:
            raise KeyBrokenError(f"{path} is damaged", remedy="put it back from its copy") from None

    def close(self) -> None:
        """Close the file; everything answered is durable already."""
        self._abandon_file()


def _records(charge: _Charge) -> Iterator[bytes]:
    for at in range(0, len(charge.digests), _MAX_DIGESTS):
        joined = b"".join(charge.digests[at : at + _MAX_DIGESTS])
        body = msgspec.msgpack.encode((charge.vendor, joined))
        yield _HEAD.pack(len(body), zlib.crc32(body)) + body


def _read_log(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Records up to the first that is not whole: behind it nothing was ever answered."""
    data, at = path.read_bytes(), 0
    while at + _HEAD.size <= len(data):
        length, crc = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(body) != length or zlib.crc32(body) != crc:
            return
        vendor, joined = msgspec.msgpack.decode(body, type=tuple[str, bytes])
        yield vendor, [joined[i : i + DIGEST_BYTES] for i in range(0, len(joined), DIGEST_BYTES)]
        at += _HEAD.size + length


def _slot_of(path: Path) -> int:
    return int(path.name.split(".")[0])


def _unwritten(error: OSError | KeyBrokenError) -> BrokerRefusedError:
    why = error.strerror if isinstance(error, OSError) else error.message
    return BrokerRefusedError(
        f"the broker cannot write its meter: {why}",
        reason="meter",
        remedy="free disk space; no key leaves uncounted",
    )
