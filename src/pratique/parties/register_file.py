"""The register's file, read: TOML, or the same keys as JSON (docs/reference/parties-file.md).

Every mistake is told with its record and field, at most twenty at once; nothing is guessed and
no key is skipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, TypeVar

import msgspec
import tomli

from pratique.custody.sizes import parse_bytes
from pratique.errors import InputError
from pratique.parties.model import (
    MAX_PARTIES,
    Contact,
    Contract,
    Party,
    PartyKind,
    Project,
    Promise,
    PublicKey,
    Register,
)
from pratique.parties.references import wrong_references
from pratique.parties.validity import normal_contract, normal_party, normal_project

MAX_FILE_BYTES: Final = 64 << 20
_MAX_RECORDS: Final = 50_000
"""Projects, and contracts, in one register."""
_TOLD: Final = 20

_R = TypeVar("_R", Party, Project, Contract)


class RegisterFileError(InputError):
    """A register's file that cannot be meant; nothing of it was taken over."""


class RegisterFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a register's file says, or what a register would write into one."""

    parties: dict[str, Party]
    projects: dict[str, Project]
    """By `VENDOR/NAME`."""
    contracts: dict[str, Contract]


def file_of(register: Register) -> RegisterFile:
    """What the register's file says of this register."""
    return RegisterFile(
        parties=register.parties, projects=register.projects, contracts=register.contracts
    )


def parse_register_file(data: bytes, *, name: str) -> RegisterFile:
    """Read a register's file; JSON begins with `{`, TOML never does.

    Raises: RegisterFileError that names every mistake (at most 20).
    """
    if len(data) > MAX_FILE_BYTES:
        raise RegisterFileError(
            f"{name} is too large", expected=f"at most {MAX_FILE_BYTES >> 20} MiB"
        )
    top = _decode(data, name)
    reading = _Reading()
    parties = reading.parties(top)
    projects = reading.take(top.project, "project", _project, lambda one: one.id)
    contracts = reading.take(top.contract, "contract", _contract, lambda one: one.id)
    read = RegisterFile(parties=parties, projects=projects, contracts=contracts)
    wrong = reading.wrong or wrong_references(parties, projects, contracts)
    if wrong:
        more = [f"and {len(wrong) - _TOLD} more"] if len(wrong) > _TOLD else []
        lines = "\n    ".join([*wrong[:_TOLD], *more])
        raise RegisterFileError(
            f"{name} has mistakes, nothing was recorded:\n    {lines}",
            expected="keys and values as docs/reference/parties-file.md lists them",
        )
    return read


def source_of(data: bytes) -> str:
    """How entries name the file that said so."""
    return hashlib.sha256(data).hexdigest()


# ── shapes ───────────────────────────────────────────────────────────────────────────────────


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A word that is no key is a mistake."""


class _Top(_Strict, frozen=True, kw_only=True):
    own: dict[str, Any] | None = None
    vendor: list[dict[str, Any]] = []
    client: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    project: list[dict[str, Any]] = []
    contract: list[dict[str, Any]] = []


class _Contact(_Strict, frozen=True, kw_only=True):
    role: str
    address: str


class _Key(_Strict, frozen=True, kw_only=True):
    id: str
    pem: str


class _Promise(_Strict, frozen=True, kw_only=True):
    evidence: str
    every_days: int
    product: str = ""
    basis: str = ""


class _Party(_Strict, frozen=True, kw_only=True):
    name: str
    title: str = ""
    works_for: tuple[str, ...] = ()
    sub_processors: tuple[str, ...] = ()
    contacts: tuple[_Contact, ...] = ()
    locations: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    keys: tuple[_Key, ...] = ()
    products: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    promises: tuple[_Promise, ...] = ()
    note: str = ""


class _Project(_Strict, frozen=True, kw_only=True):
    name: str
    vendor: str
    client: str
    purpose: str = ""
    datasets: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    budget: int | str | None = None
    residency: str = ""


class _Contract(_Strict, frozen=True, kw_only=True):
    id: str
    party: str
    starts: date
    ends: date | None = None
    notice_hours: int | None = None
    evidence_hours: int | None = None
    update_hours: int | None = None
    return_days: int | None = None
    drill_days: int | None = None
    audit_right: bool | None = None
    basis: str = ""


# ── reading ──────────────────────────────────────────────────────────────────────────────────


def _decode(data: bytes, name: str) -> _Top:
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        if body.lstrip()[:1] == b"{":
            found = msgspec.json.decode(body)
        else:
            found = tomli.loads(body.decode("utf-8").replace("\r\n", "\n"))
        return msgspec.convert(found, _Top)
    except msgspec.ValidationError as error:
        raise RegisterFileError(
            f"{name}: {_told(error)}",
            expected="[own], [[vendor]], [[client]], [[people]], [[project]], [[contract]]",
        ) from None
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        tomli.TOMLDecodeError,
        RecursionError,
    ) as error:
        raise RegisterFileError(
            f"{name} cannot be read: {str(error)[:200]}", expected="TOML, or JSON"
        ) from None


class _Reading:
    """Collects records, and what is wrong with them."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def parties(self, top: _Top) -> dict[str, Party]:
        """Every party; their names are one space, whatever they are to us."""
        tables = {
            PartyKind.OWN: [top.own] if top.own is not None else [],
            PartyKind.VENDOR: top.vendor,
            PartyKind.CLIENT: top.client,
            PartyKind.PEOPLE: top.people,
        }
        found: dict[str, Party] = {}
        for kind, rows in tables.items():

            def read(row: Mapping[str, Any], kind: PartyKind = kind) -> Party:
                return _party(row, kind)

            for name, party in self.take(rows, kind.value, read, lambda one: one.name).items():
                if name in found:
                    self.wrong.append(f"two parties are called {name}")
                found[name] = party
        if len(found) > MAX_PARTIES:
            self.wrong.append(f"{len(found):,} parties; at most {MAX_PARTIES:,}")
        return found

    def take(
        self,
        rows: list[dict[str, Any]],
        table: str,
        read: Callable[[Mapping[str, Any]], _R],
        name_of: Callable[[_R], str],
    ) -> dict[str, _R]:
        """Records of one table by their names."""
        if len(rows) > _MAX_RECORDS:
            self.wrong.append(f"{len(rows):,} times {table}; at most {_MAX_RECORDS:,}")
            return {}
        found: dict[str, _R] = {}
        for number, row in enumerate(rows, 1):
            called = str(row.get("name", row.get("id", f"number {number}")))[:80]
            try:
                record = read(row)
            except msgspec.ValidationError as error:
                self.wrong.append(f"{table} {called!r}: {_told(error)}")
            except InputError as error:
                hint = f"; expected: {error.expected}" if error.expected else ""
                self.wrong.append(f"{table} {called!r}: {error.message}{hint}")
            else:
                if name_of(record) in found:
                    self.wrong.append(f"{table} {name_of(record)!r} stands there twice")
                found[name_of(record)] = record
        return found


def _party(row: Mapping[str, Any], kind: PartyKind) -> Party:
    read = msgspec.convert(row, _Party)
    plain = {field: getattr(read, field) for field in read.__struct_fields__}
    plain |= {
        "contacts": tuple(Contact(role=one.role, address=one.address) for one in read.contacts),
        "keys": tuple(PublicKey(id=one.id, pem=one.pem) for one in read.keys),
        "promises": tuple(
            Promise(
                evidence=one.evidence,
                every_days=one.every_days,
                product=one.product,
                basis=one.basis,
            )
            for one in read.promises
        ),
    }
    return normal_party(Party(kind=kind, **plain))


def _project(row: Mapping[str, Any]) -> Project:
    read = msgspec.convert(row, _Project)
    budget = parse_bytes(read.budget) if isinstance(read.budget, str) else read.budget
    plain = {field: getattr(read, field) for field in read.__struct_fields__ if field != "budget"}
    return normal_project(Project(budget_bytes=budget, **plain))


def _contract(row: Mapping[str, Any]) -> Contract:
    read = msgspec.convert(row, _Contract)
    plain = {field: getattr(read, field) for field in read.__struct_fields__}
    return normal_contract(Contract(**plain))


def _told(error: msgspec.ValidationError) -> str:
    """Msgspec's sentence with the path as people write it."""
    return str(error).replace("- at `$.", "at `").replace("- at `$", "at `")[:300]
