"""Roles, and whom pseudonyms mean (`custody.ports.RoleState`)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from pratique.custody.roles import Role
from pratique.errors import InputError
from pratique.store.connect import Database, Row
from pratique.values.instants import Instant
from pratique.values.spans import from_micros, to_micros

_PSEUDONYM_BYTES: Final = 10


class RoleTables:
    """`RoleState`. Safe to call from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def role(self, name: str) -> Role | None:
        """One role."""
        rows = self._database.fetch("find_role", name=name)
        return _role_of(rows[0]) if rows else None

    def roles(self) -> Sequence[Role]:
        """All roles by name."""
        found = (_role_of(row) for row in self._database.fetch("list_roles"))
        return tuple(sorted(found, key=lambda one: one.name))

    def add_role(self, role: Role) -> None:
        """Store a new one. Raises: InputError when the name is taken."""
        with self._database.write() as session:
            if not session.run(
                "put_role",
                name=role.name,
                certificate=role.certificate,
                issuer=role.issuer,
                conditions=msgspec.json.encode(role.conditions).decode(),
                lease_seconds=role.lease_seconds,
                holder_bytes=role.holder_bytes,
                holder_objects=role.holder_objects,
                added_by=role.added_by,
                added_at=to_micros(role.added_at),
            ):
                raise InputError(
                    f"there is a role {role.name!r} already",
                    remedy="remove it first: pratique role remove",
                )

    def remove_role(self, name: str) -> bool:
        """Nobody gets leases under it any more; those that were given hold until they end."""
        with self._database.write() as session:
            return bool(session.run("remove_role", name=name))

    def holder_of(self, issuer: str, subject: str, *, now: Instant) -> str:
        """The pseudonym of somebody whom an issuer vouches for; a new one the first time."""
        with self._database.write() as session:
            rows = session.run(
                "name_holder",
                issuer=issuer,
                subject=subject,
                holder=f"w-{secrets.token_hex(_PSEUDONYM_BYTES)}",
                seen_at=to_micros(now),
            )
        return str(rows[0][0])


def _role_of(row: Row) -> Role:
    name, certificate, issuer, conditions, seconds, most_bytes, most_objects, by, at = row
    return Role(
        name=name,
        certificate=bytes(certificate),
        issuer=issuer,
        conditions=msgspec.json.decode(conditions, type=tuple[tuple[str, str], ...]),
        lease_seconds=seconds,
        holder_bytes=most_bytes,
        holder_objects=most_objects,
        added_by=by,
        added_at=from_micros(at),
    )
