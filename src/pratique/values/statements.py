"""Names by which signed statements of every room say what they are.

Source: in-toto attestation framework, Statement v1; DSSE v1.0.2.
"""

from __future__ import annotations

from typing import Final

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
