"""Control state as a naive program would keep it: dictionaries, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pratique.index.ports import DeliveredFile, ReleaseStudy, TokenRecord, Waiver
from pratique.policy.model import VettingFacts
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName


class OracleControl:
    """`ControlState` in memory; `epoch` counts changes of decisions."""

    def __init__(self) -> None:
        self._tokens: dict[str, TokenRecord] = {}
        self._waivers: dict[str, Waiver] = {}
        self._origins: dict[tuple[str, ProjectName], str] = {}
        self._serials: dict[tuple[str, ProjectName], int] = {}
        self._vettings: dict[Sha256, VettingFacts] = {}
        self._cleared: set[tuple[ProjectName, Sha256]] = set()
        self._studies: dict[Sha256, ReleaseStudy] = {}
        self._delivered: dict[tuple[str, ProjectName, str, Sha256], DeliveredFile] = {}
        self._pins: dict[tuple[str, str], Sha256] = {}
        self._epoch = 0

    def epoch(self) -> int:
        return self._epoch

    def token_by_secret(self, secret_sha256: str) -> TokenRecord | None:
        found = [t for t in self._tokens.values() if t.secret_sha256 == secret_sha256]
        return found[0] if found else None

    def tokens(self) -> tuple[TokenRecord, ...]:
        return tuple(sorted(self._tokens.values(), key=lambda t: (t.created_at, t.id)))

    def add_token(self, token: TokenRecord) -> None:
        self._epoch += 1
        self._tokens.setdefault(token.id, token)

    def revoke_token(self, token_id: str, *, at: Instant) -> bool:
        token = self._tokens.get(token_id)
        if token is None or token.revoked_at is not None:
            return False
        self._epoch += 1
        self._tokens[token_id] = replace(token, revoked_at=at)
        return True

    def waivers(self, digests: Iterable[Sha256] | None = None) -> tuple[Waiver, ...]:
        wanted = None if digests is None else set(digests)
        found = [w for w in self._waivers.values() if wanted is None or w.sha256 in wanted]
        return tuple(sorted(found, key=lambda w: (w.created_at, w.id)))

    def add_waiver(self, waiver: Waiver) -> None:
        self._epoch += 1
        self._waivers.setdefault(waiver.id, waiver)

    def revoke_waiver(self, waiver_id: str, *, at: Instant) -> bool:
        waiver = self._waivers.get(waiver_id)
        if waiver is None or waiver.revoked_at is not None:
            return False
        self._epoch += 1
        self._waivers[waiver_id] = replace(waiver, revoked_at=at)
        return True

    def origin(self, index: str, project: ProjectName) -> str | None:
        return self._origins.get((index, project))

    def pin_origin(self, index: str, project: ProjectName, upstream: str) -> str:
        return self._origins.setdefault((index, project), upstream)

    def projects(self, index: str) -> tuple[ProjectName, ...]:
        return tuple(sorted(project for view, project in self._origins if view == index))

    def serial(self, upstream: str, project: ProjectName) -> int | None:
        return self._serials.get((upstream, project))

    def raise_serial(self, upstream: str, project: ProjectName, serial: int) -> int:
        known = self._serials.get((upstream, project))
        self._serials[upstream, project] = serial if known is None else max(known, serial)
        return self._serials[upstream, project]

    def vettings(self, digests: Iterable[Sha256]) -> dict[Sha256, VettingFacts]:
        return {d: self._vettings[d] for d in digests if d in self._vettings}

    def set_vetting(self, digest: Sha256, vetting: VettingFacts) -> None:
        if self._vettings.get(digest) != vetting:
            self._epoch += 1
            self._vettings[digest] = vetting

    def drop_vetting(self, digest: Sha256) -> None:
        self._epoch += 1
        self._vettings.pop(digest, None)

    def cleared(self, project: ProjectName) -> frozenset[Sha256]:
        return frozenset(digest for name, digest in self._cleared if name == project)

    def add_cleared(self, project: ProjectName, digest: Sha256) -> None:
        self._cleared.add((project, digest))

    def studies(self, digests: Iterable[Sha256]) -> dict[Sha256, ReleaseStudy]:
        return {d: self._studies[d] for d in digests if d in self._studies}

    def add_study(self, study: ReleaseStudy) -> None:
        known = self._studies.get(study.sha256)
        if known is None or replace(known, studied_at=study.studied_at) != study:
            self._epoch += 1
            self._studies[study.sha256] = study

    def delivered(self, index: str, project: ProjectName) -> tuple[DeliveredFile, ...]:
        found = [f for k, f in self._delivered.items() if k[:2] == (index, project)]
        return tuple(sorted(found, key=lambda f: (f.filename, f.sha256)))

    def add_delivered(self, file: DeliveredFile) -> None:
        self._delivered.setdefault((file.index, file.project, file.filename, file.sha256), file)

    def last_good(self) -> frozenset[Sha256]:
        kept = set()
        for file in self._delivered.values():
            rivals = self.delivered(file.index, file.project)
            if file.version == max(rival.version for rival in rivals):
                kept.add(file.sha256)
        return frozenset(kept)

    def pinned_hash(self, upstream: str, url: str) -> Sha256 | None:
        return self._pins.get((upstream, url))

    def pin_hash(self, upstream: str, url: str, digest: Sha256) -> Sha256:
        return self._pins.setdefault((upstream, url), digest)
