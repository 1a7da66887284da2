"""How much vetting one release file may cost, beyond what reading its archive may.

Every limit counts bytes, items or steps, never time: two runs over the same bytes stop at the same place.
"""

from __future__ import annotations

import msgspec

from pratique.vet.archives.model import MIB
from pratique.vet.archives.model import Limits as ArchiveLimits


class VetLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What goes beyond is not analysed, said so in the report, and makes `unknown`."""

    archive: ArchiveLimits = ArchiveLimits()
    source_bytes: int = 2 * MIB
    """One Python source that is parsed: its tree takes about fifty times its bytes of memory."""
    parsed_bytes: int = 48 * MIB
    """All sources of one file that are parsed: about a minute of one core."""
    parsed_contents: int = 20_000
    """The largest honest wheels hold some ten thousand modules, of which few pass the gate."""
    first_bytes: int = 64 * 1024
    """Of a first release, sources that are parsed as they come. Malicious ones are small: eight of ten
    that evals know have less code than this."""
    chosen_bytes: int = 128 * 1024
    """Of its other sources those densest in chains of hits, parsed at the end."""
    deferred_bytes: int = 32 * MIB
    """Sources that are held until then; the least suspicious go first."""
    normalised_bytes: int = 8 * MIB
    """Text of other alphabets that is normalised for the gate; what is held is never larger."""
    signs_per_content: int = 2_000
    """A content with more is one long alarm already; the rest would only fill the store."""
    uses_per_content: int = 400
    """Different names a capability comes from, per region; generated clients stay below."""
    imports_per_content: int = 4_000
    """Registers that import every module of a package hold about a thousand."""
    metadata_bytes: int = MIB
    """One metadata file that is kept until the end; descriptions of a megabyte exist."""
    metadata_total_bytes: int = 8 * MIB
    """All of them; an sdist can hold hundreds of `pyproject.toml` in its tests."""
    findings: int = 200
    """What a report shows; a person stops reading long before."""
    sentences: int = 100
    """Of what was not read; past that only their number is said."""


DEFAULT = VetLimits()

THOROUGH = VetLimits(first_bytes=DEFAULT.parsed_bytes)
"""For a base, which is read once and compared with many times."""
