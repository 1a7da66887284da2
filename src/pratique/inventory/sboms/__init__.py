"""SBOMs: what somebody else says is in something. CycloneDX and SPDX, as claims.

Owns: reading both formats within bounds, cutting purls. Never does: believe a date in a document as
the time of an install, or follow a reference out of it. Start reading at `read_sbom`.
"""

from pratique.inventory.sboms.model import MAX_SBOM_BYTES, Component, SbomDocument
from pratique.inventory.sboms.reading import read_sbom

__all__ = ["MAX_SBOM_BYTES", "Component", "SbomDocument", "read_sbom"]
