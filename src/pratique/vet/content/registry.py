"""Every analysis of contents, in the order of their pages."""

from __future__ import annotations

from typing import Final

from pratique.vet.analyses.kit import ContentAnalysis
from pratique.vet.content import network_place

CONTENT_ANALYSES: Final[tuple[ContentAnalysis, ...]] = (network_place.ANALYSIS,)
