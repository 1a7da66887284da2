"""Errors of vetting at the edge.

UnavailableError
└── VettingUnavailableError   workers cannot be started, or not confined as was asked for
"""

from __future__ import annotations

from pratique.errors import UnavailableError


class VettingUnavailableError(UnavailableError):
    """No worker can be had; whoever asks must treat the file as `unknown`."""
