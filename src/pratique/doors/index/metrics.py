"""Counters for Prometheus. Labels are few and never hold names from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class WorkerCounts(Protocol):
    """How the vetting workers are doing; the status of a pool is one."""

    @property
    def workers(self) -> int:
        """That live now."""
        ...

    @property
    def busy(self) -> int:
        """That have a file now."""
        ...


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.pages = Counter("pratique_pages", "Project pages answered", ["status"], registry=r)
        self.files = Counter(
            "pratique_files", "Files, sidecars and attestations answered", ["status"], registry=r
        )
        self.file_bytes = Counter("pratique_file_bytes", "Bytes of files sent", registry=r)
        self.refusals = Counter(
            "pratique_refusals", "Files refused by policy", ["outcome", "rule"], registry=r
        )
        self.login_failures = Counter("pratique_login_failures", "Refused logins", registry=r)
        self.integrity_failures = Counter(
            "pratique_integrity_failures", "Upstream bytes that were not as listed", registry=r
        )
        self.errors = Counter("pratique_errors", "Requests that failed", ["kind"], registry=r)
        self.vetted = Counter("pratique_vetted", "Files vetted", ["verdict"], registry=r)
        self.vetting_unknown = Counter(
            "pratique_vetting_unknown",
            "Files that could not be vetted: not all of it was read, or the worker failed",
            ["cause"],
            registry=r,
        )
        self.vetting_seconds = Histogram(
            "pratique_vetting_seconds",
            "Seconds from a file's last byte to its verdict",
            buckets=_SECONDS,
            registry=r,
        )
        self.vetting_cpu_seconds = Counter(
            "pratique_vetting_cpu_seconds", "CPU time of workers for files", registry=r
        )
        self.ready = Gauge("pratique_ready", "1 while every part is ready", registry=r)

    def watch_workers(self, status: Callable[[], WorkerCounts]) -> None:
        """Tell of vetting workers whenever somebody asks."""
        alive = Gauge("pratique_vetting_workers", "Vetting workers alive", registry=self.registry)
        busy = Gauge(
            "pratique_vetting_workers_busy", "Vetting workers with a file", registry=self.registry
        )
        alive.set_function(lambda: status().workers)
        busy.set_function(lambda: status().busy)

    def render(self) -> bytes:
        """Text exposition format, version 0.0.4."""
        return generate_latest(self.registry)
