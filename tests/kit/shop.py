"""A door, the upstream behind it, and small packages on its shelves: where playbooks happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.distributions import make_wheel
from kit.door import Door
from kit.upstream import FakeUpstream

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
"""The instant at which every playbook begins."""
OLD = NOW - timedelta(days=60)
FRESH = NOW - timedelta(hours=1)
FRESH_UNTIL = "2026-06-18T11:00Z"
"""When a file uploaded at FRESH has cooled down, as people read it."""

_WHEEL_OPTIONS = frozenset({"requires", "metadata_extra", "requires_python", "files"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A door and the upstream behind it."""

    upstream: FakeUpstream
    door: Door

    @property
    def index_url(self) -> str:
        """What a client is pointed to."""
        return self.door.index_url()

    def publish(
        self,
        name: str,
        version: str,
        *,
        uploaded: datetime | None = OLD,
        core_metadata: bool = True,
        **options: Any,
    ) -> str:
        """Put a small wheel on the upstream; gives its file name."""
        made = {key: options.pop(key) for key in _WHEEL_OPTIONS & set(options)}
        filename, content = make_wheel(name, version, **made)
        self.upstream.add_file(
            name,
            filename,
            content,
            upload_time=uploaded,
            core_metadata=core_metadata or None,
            **options,
        )
        return filename

    def stock_demo(self, *, newest: datetime = FRESH) -> None:
        """demo 1.0 and 1.1 have cooled down, 2.0 is as new as asked."""
        self.publish("demo", "1.0")
        self.publish("demo", "1.1", uploaded=OLD + timedelta(days=9))
        self.publish("demo", "2.0", uploaded=newest)


OpenShop = Callable[..., Shop]
"""Opens a shop with options of `running_door`; it is closed at the end of the test."""
