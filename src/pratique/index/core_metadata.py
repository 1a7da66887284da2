"""Core metadata: which projects a release depends on."""

from __future__ import annotations

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement

from pratique.errors import ValueFormatError
from pratique.values.names import ProjectName, parse_project_name


def dependency_names(metadata: bytes) -> frozenset[ProjectName]:
    """Names of all projects that `Requires-Dist` lines name, extras and markers included.

    A line that cannot be read names nothing: installers refuse such a release themselves.
    Source: core metadata specification, "Requires-Dist"; PEP 508.
    """
    raw, _unparsed = parse_email(metadata)
    names: set[ProjectName] = set()
    for line in raw.get("requires_dist", []):
        try:
            names.add(parse_project_name(Requirement(line).name))
        except (InvalidRequirement, ValueFormatError):
            continue
    return frozenset(names)
