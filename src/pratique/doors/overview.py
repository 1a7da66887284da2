"""What the console shows and does, put together from the stores. Called in worker threads."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from pratique import __version__
from pratique.doors.console.pages import BlockedFile, WaiverRequest
from pratique.doors.console.values import HeldRow, RefusalRow, StatusView
from pratique.doors.grants import waiver_entry
from pratique.index.ports import ControlState, Waiver
from pratique.ledger.notes import parse_checkpoint, split_note
from pratique.ledger.store import LogStore, Recorder
from pratique.policy.compile import CompiledPolicy
from pratique.policy.model import Verdict
from pratique.settings import Settings
from pratique.store.presence import PresenceStore
from pratique.values.digests import Sha256
from pratique.values.instants import Clock, render_instant

_REFUSALS_SHOWN = 20
_SEARCHED = 200
"""Newest blocks and refusals that are looked through for what vetting holds."""
_OF_VETTING = frozenset({"verdict", "capability-gain"})
_FLUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Answers the console's questions."""

    settings: Settings
    public_url: str
    ledger: LogStore
    control: ControlState
    presence: PresenceStore
    policy: Callable[[], CompiledPolicy]
    clock: Clock
    problems: Callable[[], list[str]]
    vetting: Callable[[], str]
    """How files are vetted, in a sentence; empty when they are not."""
    recorder: Recorder

    def find_block(self, block: str) -> BlockedFile | None:
        """What a block id stands for; the projection is brought up to date first."""
        self.presence.catch_up()
        row = self.presence.block(block)
        if row is None:
            # Whoever was refused this very moment may be quicker than the ledger's queue.
            self.recorder.flush(seconds=_FLUSH_SECONDS)
            self.presence.catch_up()
            row = self.presence.block(block)
        if row is None:
            return None
        return BlockedFile(
            index=row.index,
            project=row.project,
            filename=row.filename,
            sha256=row.sha256,
            rule=row.rule,
            since=render_instant(row.since),
            sequence=row.sequence,
        )

    def status(self) -> StatusView:
        """The status page."""
        self.presence.catch_up()
        policy = self.policy()
        checkpoint = parse_checkpoint(split_note(self.ledger.checkpoint())[0])
        return StatusView(
            version=__version__,
            public_url=self.public_url,
            indexes=[index.name for index in self.settings.index],
            mode="audit" if policy.audit else "enforce",
            cool_down_hours=policy.policy.tables.cool_down.hours,
            policy_sha256=policy.sha256,
            ledger_origin=self.ledger.origin,
            ledger_size=checkpoint.size,
            root_hash=base64.b64encode(checkpoint.root).decode(),
            problems=self.problems(),
            vetting=self.vetting(),
            held=self._held(),
            refusals=[
                RefusalRow(
                    at=render_instant(row.at),
                    actor=row.actor,
                    filename=row.filename,
                    outcome=row.outcome,
                    rule=row.rule,
                    block=row.block,
                    sequence=row.sequence,
                )
                for row in self.presence.recent_refusals(_REFUSALS_SHOWN)
            ],
        )

    def _held(self) -> list[HeldRow]:
        """Files that were shown as blocked by vetting and that no reviewer has cleared since."""
        shown: dict[str, tuple[str, str]] = {}
        for refusal in reversed(self.presence.recent_refusals(_SEARCHED)):
            if refusal.rule in _OF_VETTING and refusal.block and refusal.sha256:
                shown[refusal.sha256] = (refusal.filename, refusal.block)
        for block in reversed(self.presence.recent_blocks(_SEARCHED)):
            if block.rule in _OF_VETTING and block.sha256:
                shown[block.sha256] = (block.filename, block.block)
        found = self.control.vettings([Sha256(digest) for digest in shown])
        return [
            HeldRow(
                filename=filename,
                verdict=facts.verdict.value,
                headline=facts.headline,
                gained=list(facts.gained),
                block=block_id,
            )
            for digest, (filename, block_id) in reversed(shown.items())
            if (facts := found.get(Sha256(digest))) is not None
            and (facts.verdict is not Verdict.CLEAN or facts.gained)
        ]

    async def grant(self, wanted: WaiverRequest) -> Waiver:
        """Grant a waiver: durable in the ledger first, then in force."""
        now = self.clock()
        waiver = Waiver(
            id=secrets.token_hex(6),
            sha256=wanted.sha256,
            filename=wanted.filename,
            index=wanted.index,
            asset=wanted.asset,
            approver=wanted.approver,
            reason=wanted.reason,
            created_at=now,
            expires_at=now + wanted.lasts,
            overrides_deny=wanted.overrides_deny,
        )
        await self.recorder.record(waiver_entry(waiver, actor=f"approver:{wanted.approver}"))
        await asyncio.to_thread(self.control.add_waiver, waiver)
        return waiver
