"""Provenance objects (PEP 740): who says that they published a file.

Only the claim is read, not the signature: provenance counts as regression, never as a pass, and a
forged claim can at most look like the predecessor's, which opens nothing.
"""

from __future__ import annotations

import msgspec

from pratique.index.errors import IndexPageError
from pratique.policy.model import Publisher


class _Publisher(msgspec.Struct, kw_only=True):
    kind: str = ""
    repository: str = ""
    workflow: str | None = None
    environment: str | None = None


class _Bundle(msgspec.Struct, kw_only=True):
    publisher: _Publisher


class _Provenance(msgspec.Struct, kw_only=True):
    version: int
    attestation_bundles: list[_Bundle]


def parse_publisher(body: bytes) -> Publisher | None:
    """The publisher that a provenance object names first; None when it names none.

    Raises: IndexPageError when it is not a version 1 provenance object. Source: PEP 740.
    """
    try:
        provenance = msgspec.json.decode(body, type=_Provenance)
    except msgspec.DecodeError as error:
        raise IndexPageError(f"provenance object cannot be read: {error}") from error
    if provenance.version != 1:
        raise IndexPageError(f"provenance object of version {provenance.version}", expected="1")
    for bundle in provenance.attestation_bundles:
        publisher = bundle.publisher
        if publisher.kind and publisher.repository:
            return Publisher(
                kind=publisher.kind,
                repository=publisher.repository,
                workflow=publisher.workflow or "",
                environment=publisher.environment or "",
            )
    return None
