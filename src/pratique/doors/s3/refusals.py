"""Refusals on their way into the ledger: counted, because who is refused tries again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pratique.custody.s3_errors import Code, S3Error
from pratique.doors.s3.auth import Asked, Caller
from pratique.ledger.entries import Draft

_MOST_ADDRESSES: Final = 10
_MOST_KINDS: Final = 1000
"""Kinds of refusals that are counted between two entries; what comes beyond is counted as one."""
_TELLING: Final = frozenset(
    {
        Code.ACCESS_DENIED,
        Code.EXPIRED_TOKEN,
        Code.INVALID_ACCESS_KEY_ID,
        Code.INVALID_OBJECT_STATE,
        Code.REQUEST_TIME_TOO_SKEWED,
        Code.SERVICE_UNAVAILABLE,
        Code.SIGNATURE_DOES_NOT_MATCH,
        Code.SLOW_DOWN,
    }
)
"""Codes that tell of an attempt; a missing key or a failed condition is everyday."""


@dataclass(slots=True)
class _Counted:
    sentence: str
    count: int = 0
    addresses: dict[str, None] = field(default_factory=dict)


class Refusals:
    """Counts refusals by lease and reason. Belongs to the event loop's thread."""

    def __init__(self, note: Callable[[Draft], None]) -> None:
        self._note = note
        self._counted: dict[tuple[str, str], _Counted] = {}

    def add(self, caller: Caller | None, error: S3Error, asked: Asked) -> None:
        """Take note of one. Without a proven signature no lease is named: anybody can claim one."""
        if error.code not in _TELLING:
            return
        lease = f"lease:{caller.lease.id}" if caller is not None else "address:unproven"
        key = (lease, error.code.value)
        if key not in self._counted and len(self._counted) >= _MOST_KINDS:
            key = ("address:unproven", "others")
        sentence = error.message[:300].encode("utf-8", "replace").decode()
        counted = self._counted.setdefault(key, _Counted(sentence))
        counted.count += 1
        if len(counted.addresses) < _MOST_ADDRESSES:
            counted.addresses[asked.address] = None

    def flush(self) -> None:
        """Write what was counted since the last time."""
        counted, self._counted = self._counted, {}
        for (subject, code), one in counted.items():
            self._note(
                Draft(
                    kind="read-refused",
                    subject=subject,
                    actor="door:s3",
                    body={
                        "stop": code,
                        "sentence": one.sentence,
                        "count": one.count,
                        "addresses": list(one.addresses),
                    },
                )
            )
