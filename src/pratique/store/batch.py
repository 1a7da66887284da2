"""One batch of ledger entries as rows, collected by statement and written together."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from packaging.version import InvalidVersion, Version

from pratique.errors import ValueFormatError
from pratique.exposure.question import release_key
from pratique.ledger.entries import Entry, ReadEntry
from pratique.store.advisory_rows import advisory_rows
from pratique.store.bodies import (
    DeliveredBody,
    DeliveryBody,
    PageBody,
    RefusalBody,
    TokenBody,
    ViewBody,
    WaiverBody,
    WatchBody,
)
from pratique.store.connect import Session
from pratique.store.custody_facts import KINDS as CUSTODY_KINDS
from pratique.store.inventory_batch import KINDS as INVENTORY_KINDS
from pratique.store.inventory_batch import InventoryBatch
from pratique.store.sittings import Sitting, SittingKey, fold_answers, read_sittings
from pratique.values.names import parse_project_name
from pratique.values.spans import to_micros, to_micros_or_null

EVENT_KINDS = frozenset(
    {
        "advisory-revision",
        "auth-failed",
        "contract",
        "dataset",
        "dataset-version",
        "erasure",
        "evidence",
        "finding",
        "incident",
        "incident-answer",
        "incident-closed",
        "incident-note",
        "incident-step",
        "intake",
        "integrity",
        "key",
        "lease",
        "lease-budget",
        "notice",
        "notice-clock",
        "notice-clock-met",
        "origin",
        "party",
        "party-project",
        "policy",
        "read-refused",
        "resumption",
        "revocation-drill",
        "rollback",
        "scope",
        "suspension",
        "token",
        "token-revoked",
        "verdict",
        "waiver",
        "waiver-revoked",
        "work-delivery",
        "work-review",
        "work-submission",
        "work-task",
        "work-transform",
    }
)
"""Kinds kept whole: for the console, for healing control state and custody, for the register of parties."""


class Batch:
    """Takes in entries one by one, then writes; lives within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[str, list[dict[str, object]]] = {}
        self._pages: dict[tuple[str, str], int] = {}
        self._answers: list[tuple[SittingKey, Sitting]] = []
        self._assets: dict[str, int] = {}
        self._inventory = InventoryBatch(session)

    def add(self, entry: Entry | ReadEntry) -> None:
        """Take in one entry; one that is not as documented is noted as unreadable."""
        try:
            if isinstance(entry, ReadEntry) or entry.kind in INVENTORY_KINDS:
                self._inventory.add(entry)
            elif entry.kind in CUSTODY_KINDS:
                self._custody(entry)
            else:
                self._dispatch(entry)
        except (msgspec.ValidationError, ValueFormatError) as error:
            self._unreadable(entry, error)

    def _custody(self, entry: Entry) -> None:
        if entry.kind in EVENT_KINDS:
            self._event(entry)
        self._inventory.add(entry)

    def _unreadable(self, entry: Entry | ReadEntry, error: Exception) -> None:
        why = str(error).partition("\n")[0][:300]
        self._put("add_unreadable", seq=entry.sequence, kind=entry.kind, why=why)

    def _dispatch(self, entry: Entry) -> None:
        if entry.kind in EVENT_KINDS:
            self._event(entry)
        match entry.kind:
            case "view":
                self._view(entry)
            case "page":
                self._page_answer(entry)
            case "delivery":
                self._delivery(entry)
            case "delivered":
                self._delivered(entry)
            case "refusal":
                self._refusal(entry)
            case "watch":
                self._watch(entry)
            case "token":
                self._token(entry)
            case "waiver":
                # Kept whole as an event; read here only so that a spoiled one is noticed.
                msgspec.convert(entry.body, WaiverBody)
            case _:
                self._dispatch_evidence(entry)

    def _dispatch_evidence(self, entry: Entry) -> None:
        """What did not come from a door: advisories, and what collectors saw."""
        match entry.kind:
            case "advisory-revision":
                for statement, values in advisory_rows(entry):
                    self._put(statement, **values)
            case _:
                pass  # a kind of another part of the product, or of a newer version

    def write(self) -> None:
        """Write what was collected."""
        for actor, sequence in self._assets.items():
            self._put("add_asset", actor=actor, seq=sequence)
        self._write_sessions()
        for entry, error in self._inventory.write():
            self._unreadable(entry, error)
        for name, rows in self._rows.items():
            self._session.run_many(name, rows)

    def _put(self, statement: str, **values: object) -> None:
        row = {name: _storable(v) if isinstance(v, str) else v for name, v in values.items()}
        self._rows.setdefault(statement, []).append(row)

    def _page(self, index: str, project: str, entry: Entry) -> int:
        """Number of a page; a page first named here gets this entry's sequence."""
        key = (index, parse_project_name(project))
        if not index or not index.isascii() or not index.isprintable():
            raise ValueFormatError(f"no index in {entry.subject!r}", expected="INDEX/PROJECT")
        if key not in self._pages:
            values = {"index_name": key[0], "project": key[1]}
            rows = self._session.run("find_page", **values)
            if not rows:
                self._session.run("add_page", page=entry.sequence, **values)
            self._pages[key] = rows[0][0] if rows else entry.sequence
        return self._pages[key]

    def _subject_page(self, entry: Entry) -> int:
        index, _, project = entry.subject.partition("/")
        return self._page(index, project, entry)

    def _asked(self, entry: Entry) -> None:
        if not entry.actor.startswith(("door:", "operator:")):
            self._assets.setdefault(entry.actor, entry.sequence)

    # ── kinds ────────────────────────────────────────────────────────────────────────────────

    def _event(self, entry: Entry) -> None:
        self._put(
            "add_event",
            seq=entry.sequence,
            at=to_micros(entry.recorded_at),
            kind=entry.kind,
            subject=entry.subject,
            actor=entry.actor,
            body=json.dumps(entry.body, sort_keys=True),
        )

    def _view(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, ViewBody)
        page = self._subject_page(entry)
        key = {"page": page, "view": body.view, "base": body.base}
        rows = self._session.run("find_recording", **key)
        recording = rows[0][0] if rows else entry.sequence
        if not rows:
            at = to_micros(entry.recorded_at)
            self._session.run("add_recording", recording=recording, at=at, **key)
        common: dict[str, object] = {"recording": recording, "page": page, "seq": entry.sequence}
        for change in body.changes:
            self._put(
                "add_view_line",
                **common,
                filename=change.f,
                version=_version_column(change.v),
                sha256=change.s,
                outcome=change.o,
                rule=change.r,
                until=to_micros_or_null(change.u),
                block=change.b,
            )
        nothing = {"version": "", "sha256": "", "rule": "", "until": None, "block": ""}
        for filename in body.removed:
            line = {**common, **nothing, "filename": filename, "outcome": "removed"}
            self._put("add_view_line", **line)
        # Parts come in order, so the last one completes the view, even if two processes mix.
        if body.part == body.parts - 1:
            self._session.run("complete_recording", recording=recording, seq=entry.sequence)

    def _page_answer(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, PageBody)
        page = self._subject_page(entry)
        at = to_micros(entry.recorded_at)
        self._asked(entry)
        sitting = Sitting(
            first_seq=entry.sequence,
            last_seq=entry.sequence,
            first_at=at,
            last_at=at,
            answers=1,
            stale_answers=int(body.stale),
            agents=[_storable(body.agent)],
        )
        self._answers.append((SittingKey(page, body.view, entry.actor), sitting))

    def _write_sessions(self) -> None:
        if not self._answers:
            return
        keys = list(dict.fromkeys(key for key, _ in self._answers))
        rows = self._session.run("find_last_sessions", keys=json.dumps(keys))
        self._session.run_many("put_session", fold_answers(read_sittings(rows), self._answers))

    def _delivery(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, DeliveryBody)
        self._asked(entry)
        self._put(
            "add_delivery",
            **_asked_file(body),
            seq=entry.sequence,
            at=to_micros(entry.recorded_at),
            actor=entry.actor,
            page=self._page(body.index, body.project, entry),
            status=body.status,
            byte_range=body.range,
            waiver=body.waiver,
            delivery=body.delivery or f"entry-{entry.sequence}",
        )

    def _delivered(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, DeliveredBody)
        self._put(
            "add_delivery_end",
            delivery=body.delivery,
            seq=entry.sequence,
            at=to_micros(entry.recorded_at),
            bytes_sent=body.bytes,
            complete=int(body.complete),
            error=body.error,
        )

    def _refusal(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, RefusalBody)
        self._asked(entry)
        self._put(
            "add_refusal",
            **_asked_file(body),
            seq=entry.sequence,
            at=to_micros(entry.recorded_at),
            actor=entry.actor,
            page=self._page(body.index, body.project, entry),
            reason=body.reason,
            until=to_micros_or_null(body.until),
            block=body.block,
        )

    def _watch(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, WatchBody)
        at = to_micros(entry.recorded_at)
        moment = {"collector": entry.subject, "seq": entry.sequence, "at": at}
        stopped = int(body.state == "stop")
        rows = self._session.run("find_last_watch", collector=entry.subject)
        if rows and body.state != "start":
            first_seq, last_at, mode, period, ended = rows[0]
            heard_in_time = at - last_at <= 2 * period * 1_000_000
            if not ended and heard_in_time and (mode, period) == (body.mode, body.period_seconds):
                self._session.run("extend_watch", first_seq=first_seq, stopped=stopped, **moment)
                return
        self._session.run(
            "add_watch",
            node=body.node,
            mode=body.mode,
            period_seconds=body.period_seconds,
            stopped=stopped,
            **moment,
        )

    def _token(self, entry: Entry) -> None:
        body = msgspec.convert(entry.body, TokenBody)
        if body.role == "asset":
            self._assets.setdefault(f"asset:{body.name}", entry.sequence)


def _asked_file(body: DeliveryBody | RefusalBody) -> dict[str, Any]:
    return {
        "version": _version_column(body.version),
        "filename": body.filename,
        "sha256": body.sha256,
        "door": body.door,
        "outcome": body.outcome,
        "rule": body.rule,
        "method": body.method,
        "agent": body.agent,
    }


def _version_column(text: str) -> str:
    """Equal releases get equal keys; what is no version at all stays as it is."""
    try:
        return release_key(Version(text))
    except InvalidVersion:
        return text


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL in a text; nothing of ours writes one, but a log is only read."""
    return text.replace("\x00", "\ufffd")
