"""Parts → protocols beside S3, over the same decisions, meters and reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pratique.custody.bearer import Surface
from pratique.custody.ports import DatasetState
from pratique.doors.hub.adapter import HubAdapter
from pratique.doors.hub.revisions import Revisions
from pratique.doors.s3.allowing import Allowing
from pratique.doors.s3.auth import Authentication
from pratique.doors.s3.bearers import Bearers
from pratique.doors.s3.http import Adapter
from pratique.doors.s3.objects import ObjectReads
from pratique.doors.s3.origin import Origin
from pratique.doors.sharing.adapter import SharingAdapter
from pratique.doors.sharing.footers import Footers


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the S3 door has made already."""

    authentication: Authentication
    allowing: Allowing
    objects: ObjectReads
    state: DatasetState
    region: str
    trusted_proxies: frozenset[str]


def open_adapters(shared: Shared) -> Mapping[str, Adapter]:
    """Adapters by the first piece of their paths."""
    origin = Origin(shared.trusted_proxies)

    def bearers(surface: Surface) -> Bearers:
        return Bearers(surface, authentication=shared.authentication, region=shared.region)

    return {
        "_hub": HubAdapter(
            bearers=bearers(Surface.HUB),
            allowing=shared.allowing,
            objects=shared.objects,
            revisions=Revisions(shared.state),
            origin=origin,
        ),
        "_sharing": SharingAdapter(
            bearers=bearers(Surface.SHARING),
            allowing=shared.allowing,
            footers=Footers(shared.objects),
            state=shared.state,
            origin=origin,
            region=shared.region,
        ),
    }
