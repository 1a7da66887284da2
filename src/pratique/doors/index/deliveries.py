"""Deliveries and refusals as the ledger gets to know them, and what is remembered of them.

A delivery is noted before its bytes flow and again at its end; one without an end counts as fetched,
so the error is on the safe side.
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

from aiohttp import web

from pratique.doors.index.answers import ascii_line, reason_line
from pratique.doors.index.cooked import block_of
from pratique.doors.index.locate import Located
from pratique.doors.index.metrics import Metrics
from pratique.doors.index.sending import Sent
from pratique.errors import IntegrityError
from pratique.index.model import PageFile
from pratique.index.ports import ControlState, DeliveredFile, Identity
from pratique.ledger.entries import Draft
from pratique.ledger.store import Recorder
from pratique.policy.model import Outcome
from pratique.values.digests import Sha256
from pratique.values.instants import render_instant

log = logging.getLogger(__name__)


class Deliveries:
    """Writes down what became of requests for files. Lives on one event loop."""

    def __init__(self, *, control: ControlState, recorder: Recorder, metrics: Metrics) -> None:
        self._control = control
        self._recorder = recorder
        self._metrics = metrics
        self._remembered: set[tuple[str, Sha256]] = set()

    def refused(
        self, request: web.BaseRequest, located: Located, door: str, identity: Identity
    ) -> None:
        """A file was refused."""
        decision = located.decision
        body = self._body(request, located, door, status=403)
        body |= {
            "reason": reason_line(decision, ""),
            "until": render_instant(decision.until) if decision.until else None,
            "block": block_of(located.described, located.position),
        }
        self._recorder.enqueue(
            Draft(
                kind="refusal",
                subject=f"{located.described.index}/{located.described.project.project}",
                actor=identity.actor,
                body=body,
            )
        )
        self._metrics.refusals.labels(decision.outcome.value, decision.rule).inc()

    def _body(
        self, request: web.BaseRequest, located: Located, door: str, *, status: int
    ) -> dict[str, Any]:
        decision, facts = located.decision, located.facts
        version = facts.distribution.version if facts.distribution else ""
        return {
            "index": located.described.index,
            "project": located.described.project.project,
            "version": str(version),
            "filename": located.file.filename,
            "sha256": located.file.sha256 or "",
            "door": door,
            "outcome": decision.outcome.value,
            "audited": decision.audited.value if decision.audited else "",
            "rule": decision.rule,
            "waiver": decision.waived_by,
            "method": request.method,
            "status": status,
            "range": ascii_line(request.headers.get("Range", ""), 60),
            "agent": agent_of(request),
        }

    def begun(
        self,
        request: web.BaseRequest,
        located: Located,
        door: str,
        identity: Identity,
        *,
        status: int,
    ) -> Draft:
        """The entry of a delivery that is about to begin; the caller decides how durable it is first."""
        body = self._body(request, located, door, status=status)
        body["delivery"] = secrets.token_hex(8)
        return Draft(
            kind="delivery",
            subject=f"sha256:{located.file.sha256 or ''}",
            actor=identity.actor,
            body=body,
        )

    def ended(self, draft: Draft, located: Located, identity: Identity, sent: Sent) -> None:
        """A delivery ended, whole or not."""
        self._metrics.file_bytes.inc(sent.bytes)
        self._recorder.enqueue(
            Draft(
                kind="delivered",
                subject=draft.subject,
                actor=identity.actor,
                body={
                    "delivery": draft.body["delivery"],
                    "filename": located.file.filename,
                    "bytes": sent.bytes,
                    "complete": sent.complete,
                    "error": sent.error,
                },
            )
        )
        if sent.complete:
            self._remember(located)

    def _remember(self, located: Located) -> None:
        """Note a plain delivery, so that the file stays available when upstream removes it."""
        decision, described, file = located.decision, located.described, located.file
        plain = decision.outcome is Outcome.ALLOW and not decision.audited
        if not plain or decision.waived_by or file.sha256 is None:
            return
        distribution = located.facts.distribution
        key = (described.index, file.sha256)
        if distribution is None or key in self._remembered:
            return
        self._control.add_delivered(
            DeliveredFile(
                index=described.index,
                project=described.project.project,
                version=distribution.version,
                filename=file.filename,
                sha256=file.sha256,
                upstream=described.upstream,
                door_path=file.door_path,
                raw=absolute_raw(file),
            )
        )
        self._remembered.add(key)

    def damaged(self, located: Located, error: IntegrityError) -> None:
        """What came from upstream is not what its page says."""
        self._metrics.integrity_failures.inc()
        log.error("upstream bytes differ", extra={"file": located.file.filename})
        self._recorder.enqueue(
            Draft(
                kind="integrity",
                subject=f"{located.described.index}/{located.described.project.project}",
                actor="door:index",
                body={
                    "upstream": located.described.upstream,
                    "filename": located.file.filename,
                    "expected": located.file.sha256 or "",
                    "got": ascii_line(f"{error.message}; {error.expected}", 300),
                },
            )
        )


def agent_of(request: web.BaseRequest) -> str:
    """The client's own name for itself, as the ledger keeps it."""
    return ascii_line(request.headers.get("User-Agent", ""), 200)


def absolute_raw(file: PageFile) -> bytes:
    """The file's JSON object with an absolute URL and the hash it is kept under."""
    members = json.loads(file.raw)
    members["url"] = file.url
    hashes = members.get("hashes")
    members["hashes"] = {**(hashes if isinstance(hashes, dict) else {}), "sha256": file.sha256}
    return json.dumps(members).encode()
