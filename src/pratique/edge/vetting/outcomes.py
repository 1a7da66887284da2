"""From what came back from a worker to what the rest of Pratique reads."""

from __future__ import annotations

from pratique.policy.model import Verdict
from pratique.vet.engine import ContentKey, Outcome
from pratique.vet.exchange import BaseFacts, StoredContent, Vetted
from pratique.vet.facts import decode_content, decode_release
from pratique.vet.model import ENGINE, ContentFacts, Context, Regime, Report


def unfinished(reason: str, *, context: Context | None, base: BaseFacts | None) -> Vetted:
    """The report of a file that was not judged: `unknown`, and why."""
    sentence = f"vetting was not finished: {reason}"
    regime = Regime.FIRST if base is None else Regime.CLONE if base.clone else Regime.DIFF
    report = Report(
        engine=ENGINE,
        verdict=Verdict.UNKNOWN,
        regime=regime,
        base=context.base if context is not None else "",
        score=0.0,
        features=(),
        findings=(),
        capabilities=(),
        changes=(),
        unread=(sentence,),
    )
    return Vetted(report=report, failure=reason)


def unpack(vetted: Vetted) -> Outcome | None:
    """The engine's own outcome; None when the job failed or its facts are not this engine's."""
    release = decode_release(vetted.release)
    if release is None:
        return None
    return Outcome(
        report=vetted.report,
        release=release,
        new=unpack_contents(vetted.new),
        partial=vetted.partial,
    )


def unpack_contents(contents: tuple[StoredContent, ...]) -> dict[ContentKey, ContentFacts]:
    """Facts by content; what another engine wrote is left out."""
    decoded = ((c, decode_content(c.facts)) for c in contents)
    return {(c.sha256, c.language): facts for c, facts in decoded if facts is not None}
