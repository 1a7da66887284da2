"""Evidence that parties give: read within bounds, verified with the register's keys, never believed.

Owns: readers of SBOMs, signed statements, attestations, assessment results, questionnaires and
certifiers' papers. What is wrong with a piece is said in its faults; a faulty piece is recorded and
satisfies no promise. Never does: follow a reference out of a document, or raise over its contents.
Start reading at `read_evidence`.
"""

from pratique.parties.evidence.model import MAX_EVIDENCE_BYTES, Given, Verified, Witness
from pratique.parties.evidence.reading import Piece, oversized_piece, read_evidence

__all__ = [
    "MAX_EVIDENCE_BYTES",
    "Given",
    "Piece",
    "Verified",
    "Witness",
    "oversized_piece",
    "read_evidence",
]
