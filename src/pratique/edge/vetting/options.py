"""How many workers, how much of everything for each, how long for a job."""

from __future__ import annotations

from dataclasses import dataclass, field

from pratique.edge.vetting.confinement import Walls
from pratique.settings import VetSettings

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """Time for one file. The kernel counts CPU time; the pool counts how long it waits for the worker."""

    cpu_seconds: float = 20.0
    """The slowest popular archives take a tenth of this."""
    cpu_seconds_per_mib: float = 0.1
    """Reading and hashing runs at hundreds of MiB a second on a slow core."""
    wait_factor: float = 3.0
    """Waiting may take this many times the CPU time: a machine with other things to do is slower."""

    def wait_seconds(self, size: int) -> float:
        """How long the pool waits for a worker over a file of this size, in all."""
        return self.wait_factor * (self.cpu_seconds + self.cpu_seconds_per_mib * size / MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """What a pool is made with; the defaults are those of `[vet]` in pratique.toml."""

    workers: int = 2
    memory_bytes: int = 352 * MIB
    """What a worker may write to, as the kernel counts it. With shared code it stays below 400 MB."""
    recycle_bytes: int = 224 * MIB
    """A worker that holds more after a job is exchanged: the next big file needs the room."""
    jobs_per_worker: int = 500
    """Then a worker is exchanged, so that nothing that goes wrong inside one lasts."""
    job: JobLimits = field(default_factory=JobLimits)
    idle_seconds: float = 2.0
    """A stream that brings nothing for so long gives up its worker when others wait for one."""
    hold_seconds: float = 30.0
    """And so does one that has had it for so long, however little it brings each time."""
    require_confinement: bool = False
    """Refuse to work when the kernel has neither Landlock nor seccomp."""
    prepare: str = "pratique.edge.vetting.engine_job:prepare"
    known_bad: str = ""
    """Path of a table of indicators of one's own; empty for none."""
    walls: Walls | None = None
    """Leaves out walls, for tests and for finding out what a kernel lacks."""

    @classmethod
    def of(cls, settings: VetSettings) -> PoolOptions:
        """As `[vet]` in pratique.toml says."""
        memory = settings.memory_mib * MIB
        return cls(
            workers=settings.workers,
            memory_bytes=memory,
            recycle_bytes=memory * 2 // 3,
            job=JobLimits(cpu_seconds=settings.cpu_seconds),
            require_confinement=settings.require_confinement,
            known_bad=settings.known_bad,
        )

    def walls_or_all(self) -> Walls:
        """Every wall, unless some were chosen."""
        return self.walls or Walls(memory_bytes=self.memory_bytes)
