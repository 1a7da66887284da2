"""Facts per file: what the page says, joined with what this installation knows.

Pure joining: the page and the shared state go in, facts come out. Files that were delivered once
and have left the page are put back here, so that the last good version stays installable when an
upstream deletes or quarantines it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pratique.index.model import PageFile, ProjectPage
from pratique.index.parse_json import parse_json_page
from pratique.index.ports import ControlState, DeliveredFile, ReleaseStudy, Upstream, Waiver
from pratique.policy.model import (
    FileFacts,
    ProjectFacts,
    ProvenanceFacts,
    Verdict,
    VettingFacts,
    WaiverFacts,
)
from pratique.values.digests import Sha256
from pratique.values.names import DistributionKind, ProjectName, ProjectStatus
from pratique.values.names import parse_distribution_filename as parse_filename

_KEPT_PAGE_URL = "https://kept.example/simple/"
"""Base for pages made of kept files only; every kept file carries its absolute URL."""


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Gathered:
    """A page's files, kept ones included, with the facts that decide them."""

    project: ProjectFacts
    page: ProjectPage
    files: tuple[PageFile, ...]
    facts: tuple[FileFacts, ...]


_CLEARED = VettingFacts(verdict=Verdict.CLEAN)


def gather_facts(
    *,
    index: str,
    project: ProjectName,
    page: ProjectPage | None,
    upstream: Upstream | None,
    control: ControlState,
    asset: str,
) -> Gathered | None:
    """Join a page with shared state.

    Shape: files in page order, then kept files; `facts[i]` is about `files[i]`. None when there is
    neither a page nor a kept file. `asset` is empty unless the asset has waivers of its own.
    """
    delivered = control.delivered(index, project)
    if page is None and not delivered:
        return None
    listed = page.files if page else ()
    kept = _kept_files(project, delivered, listed)
    if page is None:
        page = _page_of(project, delivered)
    files = tuple(_with_pinned_hash(f, upstream, control) for f in listed) + kept
    digests = [f.sha256 for f in files if f.sha256 is not None]
    known = _Known(
        vettings=control.vettings(digests),
        cleared=control.cleared(project),
        studies=control.studies(digests),
        waivers=_applicable(control.waivers(), index=index, asset=asset),
        delivered=frozenset(d.sha256 for d in delivered),
        provenance=_provenance(files, project) if page.offers_provenance else {},
        digest_of={f.filename: f.sha256 for f in files if f.sha256 is not None}
        if page.offers_provenance
        else {},
    )
    return Gathered(
        project=ProjectFacts(
            index=index,
            project=project,
            origin=upstream.name if upstream else control.origin(index, project) or "",
            private=upstream.private if upstream else False,
            hashless_pinned=upstream is not None and upstream.hashless == "pin",
            status=page.status if listed or not kept else _status_of_gone(page),
            status_reason=page.status_reason,
            newest_approved=max((d.version for d in delivered), default=None),
        ),
        page=page,
        files=files,
        facts=tuple(
            _facts(f, project, known, listed_upstream=i < len(listed)) for i, f in enumerate(files)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    vettings: Mapping[Sha256, VettingFacts]
    cleared: frozenset[Sha256]
    studies: Mapping[Sha256, ReleaseStudy]
    waivers: Mapping[Sha256, WaiverFacts]
    delivered: frozenset[Sha256]
    provenance: Mapping[str, ProvenanceFacts]
    digest_of: Mapping[str, Sha256]


def _facts(
    file: PageFile, project: ProjectName, known: _Known, *, listed_upstream: bool
) -> FileFacts:
    digest = file.sha256
    if digest is None:
        return FileFacts(
            filename=file.filename,
            project=project,
            uploaded_at=file.uploaded_at,
            yanked=file.yanked,
            yanked_reason=file.yanked_reason,
            listed_upstream=listed_upstream,
        )
    study = known.studies.get(digest)
    provenance = known.provenance.get(file.filename)
    if provenance is not None and study is not None:
        provenance = _with_publishers(provenance, study, known)
    return FileFacts(
        filename=file.filename,
        project=project,
        sha256=digest,
        uploaded_at=file.uploaded_at,
        yanked=file.yanked,
        yanked_reason=file.yanked_reason,
        listed_upstream=listed_upstream,
        delivered_before=digest in known.delivered,
        vetting=known.vettings.get(digest) or (_CLEARED if digest in known.cleared else None),
        provenance=provenance,
        fresh_dependencies=study.fresh_dependencies if study else None,
        waiver=known.waivers.get(digest),
    )


def _with_publishers(
    provenance: ProvenanceFacts, study: ReleaseStudy, known: _Known
) -> ProvenanceFacts:
    before = known.studies.get(known.digest_of.get(provenance.predecessor, Sha256("")))
    return msgspec.structs.replace(
        provenance,
        publisher=study.publisher,
        predecessor_publisher=before.publisher if before else None,
    )


def _applicable(waivers: Iterable[Waiver], *, index: str, asset: str) -> dict[Sha256, WaiverFacts]:
    """Living waivers for this view and asset; of several for one file the longest counts."""
    found: dict[Sha256, WaiverFacts] = {}
    for waiver in sorted(waivers, key=lambda w: (w.overrides_deny, w.expires_at)):
        if waiver.revoked_at is not None or waiver.index not in {"*", index}:
            continue
        if waiver.asset == "*" or (asset and waiver.asset == asset):
            found[waiver.sha256] = waiver.facts()
    return found


def _with_pinned_hash(file: PageFile, upstream: Upstream | None, control: ControlState) -> PageFile:
    if file.sha256 is not None or upstream is None or upstream.hashless != "pin":
        return file
    pinned = control.pinned_hash(upstream.name, file.url)
    return file if pinned is None else msgspec.structs.replace(file, sha256=pinned)


# ── files that left the page ─────────────────────────────────────────────────────────────────


def _kept_files(
    project: ProjectName, delivered: Sequence[DeliveredFile], listed: Sequence[PageFile]
) -> tuple[PageFile, ...]:
    """Delivered files that the page no longer has under the same name.

    A file that upstream now lists with another hash is upstream's new file, and decided as such;
    the old bytes are not put back under a name that would then mean two things.
    """
    names = {f.filename for f in listed}
    gone = [d for d in delivered if d.filename not in names]
    return _page_of(project, gone).files if gone else ()


def _page_of(project: ProjectName, delivered: Sequence[DeliveredFile]) -> ProjectPage:
    body = json.dumps(
        {
            "meta": {"api-version": "1.1"},
            "name": project,
            "files": [json.loads(d.raw) for d in delivered],
        }
    ).encode()
    return parse_json_page(body, url=_KEPT_PAGE_URL + project + "/", project=project)


def _status_of_gone(page: ProjectPage) -> ProjectStatus:
    """A page without any file whose files we once delivered was emptied upstream."""
    return page.status if page.status is not ProjectStatus.ACTIVE else ProjectStatus.QUARANTINED


# ── provenance beside the predecessor ────────────────────────────────────────────────────────


def _provenance(files: Sequence[PageFile], project: ProjectName) -> dict[str, ProvenanceFacts]:
    """Whether each file is attested, and its newest earlier attested sibling in the major line.

    Siblings are of the same kind (wheel with wheel, sdist with sdist); only files whose name can
    be read and whose upload time is known take part, and "earlier" is by upload time.
    """
    facts: dict[str, ProvenanceFacts] = {}
    newest: dict[tuple[DistributionKind, int, int], PageFile] = {}
    timed = [(f.uploaded_at, f) for f in files if f.uploaded_at is not None]
    for _, file in sorted(timed, key=lambda pair: pair[0]):
        distribution = parse_filename(file.filename, project=project)
        if distribution is None:
            continue
        version = distribution.version
        line = (distribution.kind, version.epoch, version.major)
        before = newest.get(line)
        facts[file.filename] = ProvenanceFacts(
            attested=bool(file.provenance_url),
            predecessor=before.filename if before else "",
        )
        if file.provenance_url:
            newest[line] = file
    return facts
