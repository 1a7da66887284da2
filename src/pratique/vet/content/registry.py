"""Every analysis of contents, in the order of their pages."""

from __future__ import annotations

from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis
from pratique.vet.content import (
    hidden_text,
    instruction_injection,
    javascript,
    known_bad,
    native_code,
    network_place,
    opaque_blob,
    pickle_code,
    secret_inside,
    sensitive_place,
    shell_command,
    start_hook,
)
from pratique.vet.content.first_pass import first_pass
from pratique.vet.content.native_marks import seen_marks

CONTENT_ANALYSES: Final[tuple[ContentAnalysis, ...]] = (
    hidden_text.ANALYSIS,
    instruction_injection.ANALYSIS,
    javascript.ANALYSIS,
    known_bad.ANALYSIS,
    native_code.ANALYSIS,
    network_place.ANALYSIS,
    opaque_blob.ANALYSIS,
    pickle_code.ANALYSIS,
    secret_inside.ANALYSIS,
    sensitive_place.ANALYSIS,
    shell_command.ANALYSIS,
    start_hook.ANALYSIS,
)


def warm_contents() -> None:
    """Compile what the analyses compile at their first use, a fifth of a second of it."""
    first_pass(b"")
    seen_marks(b"")
