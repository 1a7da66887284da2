"""Counters for Prometheus. Labels are few and never hold names from outside."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


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
        self.ready = Gauge("pratique_ready", "1 while every part is ready", registry=r)

    def render(self) -> bytes:
        """Text exposition format, version 0.0.4."""
        return generate_latest(self.registry)
