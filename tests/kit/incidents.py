"""Answers of incidents made by hand, and a log that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from kit.logs import segment_log
from pratique.exposure.certainty import Certainty
from pratique.exposure.incident import (
    AdvisoryUsed,
    Asked,
    AssetLine,
    Counts,
    Group,
    Incident,
    IncidentAnswer,
    Reach,
    Reached,
    ReachSpan,
    ReachStep,
    Release,
    SightingLine,
    StageCounts,
    Times,
    WindowLine,
    sealed,
)
from pratique.inventory.observed.entries import facts_drafts, look_drafts
from pratique.inventory.observed.model import (
    AssetKind,
    Evidence,
    EvidenceClass,
    Fact,
    Identity,
    Item,
    Look,
    LookMode,
    PlaceKind,
    Relation,
    Sighting,
    Stage,
)
from pratique.ledger.entries import Draft
from pratique.store.segment_log import SegmentLog
from pratique.values.instants import render_instant

LIVE = datetime(2026, 3, 24, 10, 39, tzinfo=UTC)
GONE = datetime(2026, 3, 24, 13, 11, tzinfo=UTC)
ASKED_AT = datetime(2026, 3, 24, 16, 0, tzinfo=UTC)
ID = "inc-7f3a"
ADVISORY, OPENED, SEEN, FACTS, ROTATED, LISTED, SIZE = 0, 1, 3, 4, 5, 7, 8
"""Sequences in `incident_log`; 2 and 6 say what the looks saw."""
RECORD = b'{"id": "PYSEC-2026-2", "affected": []}'
WHEEL = "sha256:d2a0d5f564628773b6af7b9c11f6b86531a875bd2d186d7081ab62748a800ebb"


def later(minutes: int) -> datetime:
    """An instant after the upload."""
    return LIVE + timedelta(minutes=minutes)


def sighting(entry: int = SEEN, **changes: Any) -> SightingLine:
    """litellm 1.82.8 in an environment, seen by an event-driven look."""
    values: dict[str, Any] = {
        "type": "pypi",
        "name": "litellm",
        "version": "1.82.8",
        "digest": WHEEL,
        "filename": "litellm-1.82.8-py3-none-any.whl",
        "how": "digest",
        "place_kind": "environment",
        "locator": "/srv/app/.venv",
        "lineage": "",
        "times": Times(from_lo=later(5), from_hi=later(6), to_lo=later(300), to_hi=None),
        "stage": "executed",
        "evidence_class": "observed",
        "certainty": Certainty.CONFIRMED,
        "rule": "digest",
        "entry": entry,
        "at": "litellm-1.82.8.dist-info",
        "parents": ("dspy",),
        "direct": False,
    }
    return SightingLine(**(values | changes))


def line(asset: str = "build-7", *sightings: SightingLine, **changes: Any) -> AssetLine:
    """An asset that had it."""
    seen = sightings or (sighting(),)
    values: dict[str, Any] = {
        "asset": f"asset:{asset}",
        "kind": "server",
        "certainty": Certainty.CONFIRMED,
        "stage": "executed",
        "rule": "digest",
        "first_at": later(6),
        "last_at": later(300),
        "still_there": True,
        "ran": Certainty.PROBABLE,
        "theft_from": later(6),
        "theft_to": None,
        "sightings": seen,
        "entries": tuple(sorted({one.entry for one in seen})),
    }
    return AssetLine(**(values | changes))


def reached(entity: str, *steps: tuple[str, str, str, int], **changes: Any) -> Reached:
    """Something within reach, along (subject, relation, object, entry) steps."""
    values: dict[str, Any] = {
        "entity": entity,
        "certainty": Certainty.CONFIRMED,
        "start": later(6),
        "end": None,
        "spans": (ReachSpan(start=later(6), end=changes.get("end")),),
        "proof": tuple(
            ReachStep(subject=subject, relation=relation, object=object_, at=later(6), entries=(n,))
            for subject, relation, object_, n in steps
        ),
    }
    return Reached(**(values | changes))


HELD = ("asset:build-7", "holds", "identity:aws-access-key/ci-deploy", SEEN)
SSH = ("asset:build-7", "holds", "identity:ssh-key/build-7/id_ed25519", SEEN)
OPENS = ("identity:aws-access-key/ci-deploy", "opens", "dataset:interviews", FACTS)
OWNED = ("dataset:interviews", "belongs-to", "client:Globex", FACTS)
PEOPLE = ("dataset:interviews", "belongs-to", "people:candidates-eu", FACTS)
OPERATED = ("asset:build-7", "operated-by", "vendor:Initech", FACTS)


def litellm_reach() -> Reach:
    """One server with two credentials, a dataset of a client, and the vendor that runs it."""
    return Reach(
        identities=(
            reached("identity:aws-access-key/ci-deploy", HELD),
            reached("identity:ssh-key/build-7/id_ed25519", SSH, end=later(200), ended_by=ROTATED),
        ),
        datasets=(reached("dataset:interviews", HELD, OPENS),),
        clients=(reached("client:Globex", HELD, OPENS, OWNED),),
        people=(reached("people:candidates-eu", HELD, OPENS, PEOPLE),),
        vendors=(reached("vendor:Initech", OPERATED),),
        taken="what lay there while its code may have run",
    )


def answer(**changes: Any) -> IncidentAnswer:
    """A small LiteLLM answer; entries 0 to 7 of `incident_log` are what it rests on."""
    values: dict[str, Any] = {
        "incident": ID,
        "title": "LiteLLM 1.82.7 and 1.82.8",
        "asked": Asked(
            releases=(Release(type="pypi", name="litellm", version="1.82.8"),),
            advisories=("PYSEC-2026-2",),
        ),
        "asked_at": ASKED_AT,
        "as_known_at": SIZE,
        "facts": 1234,
        "advisories": (
            AdvisoryUsed(
                id="PYSEC-2026-2",
                revision=sha256(RECORD).hexdigest(),
                entry=ADVISORY,
                source="osv/PYSEC-2026-2.json",
                modified="2026-03-24T15:35:00Z",
                summary="litellm steals credentials",
            ),
        ),
        "windows": (
            WindowLine(channel="pypi", start=LIVE, end=GONE, source="index", confidence="high"),
            WindowLine(
                channel="pypi",
                start=LIVE,
                end=LIVE + timedelta(minutes=40),
                source="the project's own post",
                confidence="medium",
            ),
        ),
        "widest": WindowLine(
            channel="pypi", start=LIVE, end=GONE, source="index", confidence="high"
        ),
        "counts": Counts(confirmed=1, possible=1, cleared=40, unknown=2),
        "stages": StageCounts(listed=1, executed=1),
        "lines": (
            line(),
            line(
                "laptop-ann",
                sighting(
                    LISTED,
                    how="range",
                    version="",
                    digest="",
                    filename="",
                    range=">=1.80",
                    place_kind="lock",
                    locator="requirements.txt",
                    at="line 12",
                    stage="listed",
                    evidence_class="declared",
                    certainty=Certainty.POSSIBLE,
                    rule="admitted",
                    parents=(),
                    direct=True,
                ),
                kind="laptop",
                certainty=Certainty.POSSIBLE,
                stage="listed",
                rule="admitted",
                still_there=False,
                ran=None,
                theft_from=None,
            ),
        ),
        "groups": (
            Group(
                certainty=Certainty.CLEARED,
                rule="watched",
                kind="ci-run",
                missing="",
                count=40,
                assets=("asset:ci/acme/api/1", "asset:ci/acme/api/2"),
            ),
            Group(
                certainty=Certainty.UNKNOWN,
                rule="unwatched",
                kind="laptop",
                missing="sweep/environments has not looked since 2026-03-20",
                count=2,
                assets=("asset:laptop-bob", "asset:laptop-eve"),
            ),
        ),
        "reach": litellm_reach(),
        "not_seen": ("Installs between two looks at a machine are not seen.",),
        "unreadable": 0,
    }
    return sealed(IncidentAnswer(**(values | changes)))


def incident(**changes: Any) -> Incident:
    """The incident of `answer`."""
    values: dict[str, Any] = {
        "id": ID,
        "title": "LiteLLM 1.82.7 and 1.82.8",
        "asked": answer().asked,
        "opened_at": later(80),
        "aware_at": later(80),
        "opened_by": "operator:ann",
        "entry": OPENED,
    }
    return Incident(**(values | changes))


BLOB = b"Name: litellm\nVersion: 1.82.8\n"


def looks() -> tuple[Look, Look]:
    """What the two exposed assets of `answer` were seen with."""
    shared: dict[str, Any] = {"at_lo": later(5), "at_hi": later(300), "collector": "test"}
    seen = Look(
        asset="build-7",
        asset_kind=AssetKind.SERVER,
        place_kind=PlaceKind.ENVIRONMENT,
        locator="/srv/app/.venv",
        mode=LookMode.EVENT,
        sightings=(
            Sighting(
                item=Item(type="pypi", name="litellm", version="1.82.8", digest=WHEEL),
                stage=Stage.EXECUTED,
                parents=("dspy",),
            ),
            Sighting(item=Item(type="pypi", name="dspy", version="3.0.0"), stage=Stage.INSTALLED),
        ),
        identities=(
            Identity(kind="aws-access-key", name="ci-deploy", locator="~/.aws/credentials"),
            Identity(kind="ssh-key", name="id_ed25519", local=True),
        ),
        evidence=(
            Evidence(
                sha256=sha256(BLOB).hexdigest(),
                media_type="text/plain",
                locator="METADATA",
                size=len(BLOB),
            ),
        ),
        evidence_class=EvidenceClass.OBSERVED,
        **shared,
    )
    listed = Look(
        asset="laptop-ann",
        asset_kind=AssetKind.LAPTOP,
        place_kind=PlaceKind.LOCK,
        locator="requirements.txt",
        sightings=(
            Sighting(
                item=Item(type="pypi", name="litellm"),
                stage=Stage.LISTED,
                at="line 12",
                range=">=1.80",
            ),
        ),
        evidence_class=EvidenceClass.DECLARED,
        **shared,
    )
    return seen, listed


def incident_drafts() -> list[Draft]:
    """The entries that `answer` rests on, in order."""
    seen, listed = looks()
    relations = (
        (Relation.OPENS, *OPENS),
        (Relation.BELONGS_TO, *OWNED),
        (Relation.BELONGS_TO, *PEOPLE),
        (Relation.OPERATED_BY, *OPERATED),
    )
    facts = [Fact(relation=one, subject=s, object=o) for one, s, _, o, _ in relations]
    rotated = Fact(
        relation=Relation.ROTATED,
        subject=SSH[2],
        object=SSH[2],
        from_lo=render_instant(later(200)),
        from_hi=render_instant(later(200)),
    )
    actor = "operator:ann"
    return [
        Draft(
            kind="advisory-revision",
            subject="advisory:PYSEC-2026-2",
            actor=actor,
            body={"revision": sha256(RECORD).hexdigest(), "source": "osv"},
        ),
        Draft(kind="incident", subject=f"incident:{ID}", actor=actor, body={"title": "LiteLLM"}),
        *look_drafts(seen, base=None, is_recorded=lambda _: False),
        *facts_drafts(facts, source="reach.csv", actor=actor),
        *facts_drafts([rotated], source="vault", actor=actor),
        *look_drafts(listed, base=None, is_recorded=lambda _: False),
    ]


def incident_log(folder: Path, more: Sequence[Draft] = ()) -> SegmentLog:
    """A log with these entries, and `more` behind them."""
    log = segment_log(folder)
    log.append([*incident_drafts(), *more], now=ASKED_AT)
    return log
