"""Cases: what is measured, as small values that name their bytes; bytes are made where they are needed.

A case is malicious or benign, belongs to a half and to a cluster (project or super-campaign), and gives a
new archive and, where it is judged by its diff, a predecessor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evals import cache, grafts
from evals.lists import (
    THIN_BYTES,
    Archive,
    Half,
    Pair,
    Sample,
    Thin,
    load_pairs,
    load_published,
    load_samples,
    load_thin,
    load_top,
)
from evals.malregistry import Registry
from evals.payloads import RULES, payload

MALICIOUS, FIRST, PUBLISHED, PAIRS, GRAFTS, TOP, TOP_DIFF = (
    "malicious", "first", "published", "pairs", "grafts", "top", "top-diff"
)  # fmt: skip
GROUPS = (MALICIOUS, FIRST, PUBLISHED, PAIRS, GRAFTS, TOP, TOP_DIFF)
THIN, LARGE = "thin", "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to judge."""

    group: str
    name: str
    """Unique within the group."""
    cluster: str
    half: Half
    part: str = ""
    """What the group is broken down by: role of a thin archive, size of a published one, place of a graft."""
    rule: str = ""
    sample: Sample | None = None
    new: Archive | None = None
    old: Archive | None = None

    @property
    def malicious(self) -> bool:
        return self.group in {MALICIOUS, GRAFTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """What a case comes to."""

    data: bytes
    filename: str
    old: tuple[bytes, str] | None
    hostile: bool
    """Whether `data` holds any byte of a malicious sample: then it must not touch a disk."""


class Maker:
    """Makes the bytes of cases; keeps one git process and the pairs to graft onto."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._pairs: dict[Half, list[Pair]] = {}
        self._payload = lru_cache(maxsize=64)(self._make_payload)

    def make(self, case: Case) -> Bytes | None:
        """The bytes; None when a sample offers no payload, or no base has a place for it."""
        if case.group == GRAFTS:
            return self._graft(case)
        if case.sample:
            data = self._read(case.sample)
            return Bytes(data=data, filename=case.sample.filename, old=None, hostile=True)
        assert case.new
        old = (cache.get(case.old), case.old.filename) if case.old else None
        return Bytes(data=cache.get(case.new), filename=case.new.filename, old=old, hostile=False)

    def close(self) -> None:
        """End the git process."""
        if self._registry:
            self._registry.close()

    def _read(self, sample: Sample) -> bytes:
        if self._registry is None:
            self._registry = Registry()
        return self._registry.read(sample)

    def _make_payload(self, sample: Sample, rule: str) -> str | None:
        return payload(self._read(sample), rule)

    def _graft(self, case: Case) -> Bytes | None:
        assert case.sample
        text = self._payload(case.sample, case.rule)
        if text is None:
            return None
        if not self._pairs:
            for pair in load_pairs():
                self._pairs.setdefault(pair.new.half, []).append(pair)
        pairs = self._pairs.get(case.half, [])
        made = grafts.make(case.sample, case.rule, case.part, text, pairs)
        if made is None:
            return None
        old = (made.old, made.old_filename)
        return Bytes(data=made.new, filename=made.filename, old=old, hostile=True)


def all_cases() -> list[Case]:
    """Every case of every group, in a fixed order."""
    samples = load_samples()
    return [
        *(_of_sample(sample) for sample in samples),
        *(_of_thin(thin) for thin in load_thin()),
        *(_of_published(archive) for archive in load_published() if cache.has(archive)),
        *(_of_pair(pair) for pair in load_pairs()),
        *(
            _of_graft(sample, rule, position)
            for sample in samples
            for rule in RULES
            for position in grafts.POSITIONS
        ),
        *_of_top(load_top()),
    ]


def choose(cases: Iterable[Case], *, size: int | None) -> list[Case]:
    """At most `size` of each group and part, drawn by a hash of the name: a prefix of a larger draw."""
    kept: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases:
        kept.setdefault((case.group, case.part, case.rule), []).append(case)
    for drawn in kept.values():
        drawn.sort(key=lambda case: hashlib.sha256(case.name.encode()).digest())
    chosen = [case for drawn in kept.values() for case in drawn[:size]]
    # By name: grafts of one payload come together, so that it is extracted once.
    return sorted(chosen, key=lambda case: (GROUPS.index(case.group), case.name))


def _of_sample(sample: Sample) -> Case:
    return Case(
        group=MALICIOUS, name=sample.path, cluster=sample.super_campaign, half=sample.half, sample=sample
    )  # fmt: skip


def _of_thin(thin: Thin) -> Case:
    archive = thin.archive
    return Case(
        group=FIRST, name=f"{archive.filename} {archive.sha256[:12]}", cluster=archive.project,
        half=archive.half, part=thin.role, new=archive,
    )  # fmt: skip


def _of_published(archive: Archive) -> Case:
    thin = cache.path_of(archive).stat().st_size <= THIN_BYTES
    return Case(
        group=PUBLISHED, name=archive.filename, cluster=archive.project, half=archive.half,
        part=THIN if thin else LARGE, new=archive,
    )  # fmt: skip


def _of_pair(pair: Pair) -> Case:
    return Case(
        group=PAIRS, name=f"{pair.new.filename} {pair.new.sha256[:12]} {pair.old.sha256[:12]}",
        cluster=pair.new.project, half=pair.new.half, part=pair.new.kind, new=pair.new, old=pair.old,
    )  # fmt: skip


def _of_graft(sample: Sample, rule: str, position: str) -> Case:
    return Case(
        group=GRAFTS, name=f"{sample.path} {rule} {position}", cluster=sample.super_campaign,
        half=sample.half, part=position, rule=rule, sample=sample,
    )  # fmt: skip


def _of_top(top: Sequence[tuple[Archive, Archive | None]]) -> list[Case]:
    found = []
    for new, old in top:
        for group, base in ((TOP, None), (TOP_DIFF, old)):
            if group == TOP or base:
                found.append(
                    Case(
                        group=group,
                        name=new.filename,
                        cluster=new.project,
                        half=new.half,
                        new=new,
                        old=base,
                    )
                )
    return found
