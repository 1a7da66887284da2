"""Everything of `ControlState` but the epoch, written once for both dialects.

`control` holds what people and studies decided, `seen` what the door met; on PostgreSQL both are
the same database. Statements stand in `sql/*/control.sql` and `sql/*/seen.sql`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from packaging.version import Version

from pratique.index.ports import DeliveredFile, ReleaseStudy, TokenRecord, Waiver
from pratique.policy.model import FreshDependency, Publisher, Verdict, VettingFacts
from pratique.store.connect import Database, Row
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName
from pratique.values.spans import from_micros, from_micros_or_null, to_micros, to_micros_or_null


class ControlTables(ABC):
    """Shared state in two groups of tables. Safe to call from any thread."""

    def __init__(self, *, control: Database, seen: Database) -> None:
        self._control = control
        self._seen = seen
        self._all_waivers: tuple[int, tuple[Waiver, ...]] | None = None

    @abstractmethod
    def epoch(self) -> int:
        """A number that differs from every earlier one once a decision has changed."""

    def close(self) -> None:
        """Close the databases."""
        self._control.close()
        self._seen.close()

    def _decide(self, name: str, /, **values: object) -> list[Row]:
        """Run one statement that changes decisions; durable, and noticed by every process."""
        with self._control.write() as session:
            return session.run(name, **values)

    # ── tokens ───────────────────────────────────────────────────────────────────────────────

    def token_by_secret(self, secret_sha256: str) -> TokenRecord | None:
        """The token whose secret has this SHA-256, revoked and expired ones included."""
        rows = self._control.fetch("find_token_by_secret", secret_sha256=secret_sha256)
        return _token(rows[0]) if rows else None

    def tokens(self) -> Sequence[TokenRecord]:
        """All tokens, oldest first."""
        return tuple(_token(row) for row in self._control.fetch("list_tokens"))

    def add_token(self, token: TokenRecord) -> None:
        """Store a new token."""
        self._decide(
            "add_token",
            id=token.id,
            name=token.name,
            role=token.role,
            secret_sha256=token.secret_sha256,
            created_at=to_micros(token.created_at),
            expires_at=to_micros_or_null(token.expires_at),
            revoked_at=to_micros_or_null(token.revoked_at),
            party=token.party,
        )

    def revoke_token(self, token_id: str, *, at: Instant) -> bool:
        """Revoke; False when there is no such living token."""
        return bool(self._decide("revoke_token", id=token_id, at=to_micros(at)))

    # ── waivers ──────────────────────────────────────────────────────────────────────────────

    def waivers(self, digests: Iterable[Sha256] | None = None) -> Sequence[Waiver]:
        """Waivers of these files (None: all), revoked and expired ones included."""
        if digests is None:
            return self._every_waiver()
        rows = self._control.fetch("find_waivers", digests=list(digests))
        return tuple(_waiver(row) for row in rows)

    def _every_waiver(self) -> tuple[Waiver, ...]:
        """All waivers, kept for as long as the epoch stays: doors ask with every request."""
        # The epoch is read first, so that a change in between makes the kept ones look old.
        epoch = self.epoch()
        kept = self._all_waivers
        if kept is None or kept[0] != epoch:
            kept = epoch, tuple(_waiver(row) for row in self._control.fetch("list_waivers"))
            self._all_waivers = kept
        return kept[1]

    def add_waiver(self, waiver: Waiver) -> None:
        """Store a new waiver."""
        self._decide(
            "add_waiver",
            id=waiver.id,
            sha256=waiver.sha256,
            filename=waiver.filename,
            index_name=waiver.index,
            asset=waiver.asset,
            approver=waiver.approver,
            reason=waiver.reason,
            created_at=to_micros(waiver.created_at),
            expires_at=to_micros(waiver.expires_at),
            overrides_deny=int(waiver.overrides_deny),
            revoked_at=to_micros_or_null(waiver.revoked_at),
        )

    def revoke_waiver(self, waiver_id: str, *, at: Instant) -> bool:
        """Revoke; False when there is no such living waiver."""
        return bool(self._decide("revoke_waiver", id=waiver_id, at=to_micros(at)))

    # ── origins and serials ──────────────────────────────────────────────────────────────────

    def origin(self, index: str, project: ProjectName) -> str | None:
        """Name of the upstream that the project is pinned to on this index view."""
        rows = self._seen.fetch("find_origin", index_name=index, project=project)
        return str(rows[0][0]) if rows else None

    def pin_origin(self, index: str, project: ProjectName, upstream: str) -> str:
        """Pin the name unless it is pinned already; gives the pin that holds."""
        pinned = self.origin(index, project)
        if pinned is not None:
            return pinned
        with self._seen.write() as session:
            session.run("pin_origin", index_name=index, project=project, upstream=upstream)
            return str(session.run("find_origin", index_name=index, project=project)[0][0])

    def projects(self, index: str) -> Sequence[ProjectName]:
        """Names pinned on this index view, sorted; what the root list shows."""
        # Sorted here: databases disagree about the order of texts.
        rows = self._seen.fetch("list_projects", index_name=index)
        return tuple(sorted(ProjectName(name) for (name,) in rows))

    def serial(self, upstream: str, project: ProjectName) -> int | None:
        """Highest serial seen by any node."""
        rows = self._seen.fetch("find_serial", upstream=upstream, project=project)
        return int(rows[0][0]) if rows else None

    def raise_serial(self, upstream: str, project: ProjectName, serial: int) -> int:
        """Remember the highest serial seen by any node; gives the highest known."""
        known = self.serial(upstream, project)
        if known is not None and known >= serial:
            return known
        with self._seen.write(durable=False) as session:
            session.run("raise_serial", upstream=upstream, project=project, serial=serial)
            return int(session.run("find_serial", upstream=upstream, project=project)[0][0])

    # ── files ────────────────────────────────────────────────────────────────────────────────

    def vettings(self, digests: Iterable[Sha256]) -> dict[Sha256, VettingFacts]:
        """What vetting said of those files that were vetted."""
        rows = self._control.fetch("find_verdicts", digests=list(digests))
        return {
            Sha256(digest): VettingFacts(
                verdict=Verdict(verdict), headline=headline, gained=tuple(gained.split())
            )
            for digest, verdict, headline, gained in rows
        }

    def set_vetting(self, digest: Sha256, vetting: VettingFacts) -> None:
        """Replace what vetting said of a file; what it said already changes nothing."""
        if self.vettings([digest]).get(digest) != vetting:
            self._decide(
                "set_verdict",
                sha256=digest,
                verdict=vetting.verdict.value,
                headline=vetting.headline,
                gained=" ".join(vetting.gained),
            )

    def drop_vetting(self, digest: Sha256) -> None:
        """Forget what `set_vetting` kept, so that the file is vetted again at its next download."""
        self._decide("drop_verdict", sha256=digest)

    def cleared(self, project: ProjectName) -> frozenset[Sha256]:
        """Files of a project that vetting found clean and that `vettings` has nothing of."""
        rows = self._seen.fetch("list_cleared", project=project)
        return frozenset(Sha256(row[0]) for row in rows)

    def add_cleared(self, project: ProjectName, digest: Sha256) -> None:
        """Remember that vetting found a file clean; answers that others keep stay right."""
        with self._seen.write(durable=False) as session:
            session.run("add_cleared", project=project, sha256=digest)

    def studies(self, digests: Iterable[Sha256]) -> dict[Sha256, ReleaseStudy]:
        """Studies of those files that have one."""
        rows = self._control.fetch("find_studies", digests=list(digests))
        return {Sha256(row[0]): _study(row) for row in rows}

    def add_study(self, study: ReleaseStudy) -> None:
        """Store what was learned of a file; the same findings again change nothing."""
        known = self.studies([study.sha256]).get(study.sha256)
        if known is not None and _findings(known) == _findings(study):
            return
        self._decide(
            "set_study",
            sha256=study.sha256,
            fresh_dependencies=_json_or_null(study.fresh_dependencies),
            publisher=_json_or_null(study.publisher),
            studied_at=to_micros(study.studied_at),
        )

    def delivered(self, index: str, project: ProjectName) -> Sequence[DeliveredFile]:
        """Files of this project that this index view has delivered under `allow`."""
        rows = self._seen.fetch("list_delivered", index_name=index, project=project)
        return tuple(
            sorted((_delivered(row) for row in rows), key=lambda f: (f.filename, f.sha256))
        )

    def add_delivered(self, file: DeliveredFile) -> None:
        """Remember a delivery; the same file again changes nothing."""
        key = {
            "index_name": file.index,
            "project": file.project,
            "filename": file.filename,
            "sha256": file.sha256,
        }
        if self._seen.fetch("has_delivered", **key):
            return
        with self._seen.write(durable=False) as session:
            session.run(
                "add_delivered",
                **key,
                version=str(file.version),
                upstream=file.upstream,
                door_path=file.door_path,
                raw=file.raw,
            )

    def last_good(self) -> frozenset[Sha256]:
        """Blobs eviction must not touch: newest delivered version per index and project."""
        newest: dict[tuple[str, str], Version] = {}
        found = []
        for index, project, text, digest in self._seen.fetch("list_delivered_versions"):
            version = Version(text)
            found.append((index, project, version, Sha256(digest)))
            known = newest.get((index, project))
            if known is None or version > known:
                newest[index, project] = version
        return frozenset(
            digest for index, project, version, digest in found if newest[index, project] == version
        )

    def pinned_hash(self, upstream: str, url: str) -> Sha256 | None:
        """SHA-256 of a file without a published hash, as pinned at its first download."""
        rows = self._seen.fetch("find_pinned_hash", upstream=upstream, url=url)
        return Sha256(rows[0][0]) if rows else None

    def pin_hash(self, upstream: str, url: str, digest: Sha256) -> Sha256:
        """Pin a hash unless one is pinned already; gives the pin that holds."""
        pinned = self.pinned_hash(upstream, url)
        if pinned is not None:
            return pinned
        with self._seen.write() as session:
            session.run("pin_hash", upstream=upstream, url=url, sha256=digest)
            return Sha256(session.run("find_pinned_hash", upstream=upstream, url=url)[0][0])


def _token(row: Row) -> TokenRecord:
    token_id, name, role, secret_sha256, created_at, expires_at, revoked_at, party = row
    return TokenRecord(
        id=token_id,
        name=name,
        role=role,
        secret_sha256=secret_sha256,
        created_at=from_micros(created_at),
        expires_at=from_micros_or_null(expires_at),
        revoked_at=from_micros_or_null(revoked_at),
        party=party,
    )


def _waiver(row: Row) -> Waiver:
    (waiver_id, digest, filename, index, asset, approver, reason, *times, overrides, revoked) = row
    created_at, expires_at = times
    return Waiver(
        id=waiver_id,
        sha256=Sha256(digest),
        filename=filename,
        index=index,
        asset=asset,
        approver=approver,
        reason=reason,
        created_at=from_micros(created_at),
        expires_at=from_micros(expires_at),
        overrides_deny=bool(overrides),
        revoked_at=from_micros_or_null(revoked),
    )


def _delivered(row: Row) -> DeliveredFile:
    index, project, version, filename, digest, upstream, door_path, raw = row
    return DeliveredFile(
        index=index,
        project=ProjectName(project),
        version=Version(version),
        filename=filename,
        sha256=Sha256(digest),
        upstream=upstream,
        door_path=door_path,
        raw=bytes(raw),
    )


def _study(row: Row) -> ReleaseStudy:
    digest, fresh, publisher, studied_at = row
    return ReleaseStudy(
        sha256=Sha256(digest),
        fresh_dependencies=(
            None if fresh is None else msgspec.json.decode(fresh, type=tuple[FreshDependency, ...])
        ),
        publisher=None if publisher is None else msgspec.json.decode(publisher, type=Publisher),
        studied_at=from_micros(studied_at),
    )


def _findings(study: ReleaseStudy) -> tuple[Any, Any]:
    return study.fresh_dependencies, study.publisher


def _json_or_null(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
