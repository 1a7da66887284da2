"""Relief `waiver`: a named approver lets one file pass until an instant.

It opens hide and hold, and deny only where the approver said so expressly.
"""

from __future__ import annotations

from pratique.policy.model import Decision, FileFacts, Outcome, WaiverFacts
from pratique.policy.wording import label, sentence
from pratique.values.instants import Instant, render_minute

NAME = "waiver"


def opens(waiver: WaiverFacts, outcome: Outcome, now: Instant) -> bool:
    """Whether a waiver opens a door that is closed like this."""
    if now >= waiver.expires_at:
        return False
    return outcome is not Outcome.DENY or waiver.overrides_deny


def waived(waiver: WaiverFacts, closed: Decision, file: FileFacts) -> Decision:
    """The answer by a waiver that opens."""
    return Decision(
        outcome=Outcome.ALLOW,
        rule=NAME,
        reason=sentence(
            f"{label(file)} passes until {render_minute(waiver.expires_at)} by waiver {waiver.id} "
            f"of {waiver.approver}"
        ),
        until=waiver.expires_at,
        recheck_at=waiver.expires_at,
        evidence=(f"{closed.outcome.value} by {closed.rule}", closed.reason),
        waived_by=waiver.id,
    )
