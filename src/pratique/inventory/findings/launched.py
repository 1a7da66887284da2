"""Launch commands: what has no version, and what asks an index other than the door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pratique.inventory.addresses import DoorAddress, is_remote
from pratique.inventory.findings.rules import (
    FOREIGN_INDEX,
    UNPINNED_LAUNCH,
    Finding,
    Severity,
    found,
)
from pratique.inventory.launches.model import Launch


def launch_findings(
    path: str, launches: Iterable[Launch], door: DoorAddress | None
) -> Iterator[Finding]:
    """One finding per command, however many packages it leaves open."""
    for launch in launches:
        if launch.unpinned:
            yield _unpinned(path, launch)
        for index in launch.indexes:
            if door is not None and is_remote(index) and not door.serves(index):
                yield found(
                    FOREIGN_INDEX,
                    path=path,
                    location=launch.location,
                    subject=index,
                    excerpt=launch.excerpt,
                    message=f"'{launch.tool}' asks the index {index}",
                )


def _unpinned(path: str, launch: Launch) -> Finding:
    mild = all(item.mild for item in launch.unpinned)
    specs = ", ".join(f"{item.spec} ({item.why})" for item in launch.unpinned)
    return found(
        UNPINNED_LAUNCH,
        path=path,
        location=launch.location,
        severity=Severity.NOTE if mild else Severity.WARNING,
        subject=launch.unpinned[0].spec,
        count=len(launch.unpinned),
        excerpt=launch.excerpt,
        message=f"'{launch.tool}' takes the newest {specs}",
    )
