"""What a record of the register may say: each field is read, and put into one form."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from pratique.custody.scopes import parse_word
from pratique.errors import InputError
from pratique.parties.assets import EVIDENCE_ASSETS, MAX_PATTERN, MAX_STARS
from pratique.parties.countries import parse_location
from pratique.parties.keys import parse_public_key
from pratique.parties.model import (
    NAMED_KINDS,
    Contact,
    Contract,
    Party,
    PartyKind,
    Project,
    Promise,
    PublicKey,
)

MAX_LISTED: Final = 1_000
"""Things in one list of a record."""
MAX_LINE: Final = 500
_MAX_HOURS: Final = 24 * 366
_MAX_DAYS: Final = 3_660
_MAX_BUDGET: Final = 1 << 53
_T = TypeVar("_T")
_ONLY_VENDORS: Final = ("works_for", "sub_processors")


def normal_party(party: Party) -> Party:
    """The same party as it is recorded. Raises: InputError that names the field."""
    name = parse_word(party.name, what="party")
    for field in _ONLY_VENDORS:
        if getattr(party, field) and party.kind is not PartyKind.VENDOR:
            raise InputError(f"`{field}` of {name}, which is no vendor", expected="a [[vendor]]")
    if party.datasets and party.kind is not PartyKind.PEOPLE:
        raise InputError(
            f"`datasets` of {name}, which is no group of people",
            expected="datasets of clients and vendors stand in their [[project]]",
        )
    return msgspec.structs.replace(
        party,
        title=_line(party.title, "title"),
        works_for=_names(party.works_for, "works_for", own=name),
        sub_processors=_names(party.sub_processors, "sub_processors", own=name),
        contacts=_each(party.contacts, "contacts", _contact),
        locations=_each(party.locations, "locations", parse_location),
        networks=_each(party.networks, "networks", _network),
        issuers=_each(party.issuers, "issuers", _issuer),
        keys=_keys(party.keys),
        products=_each(party.products, "products", _product),
        assets=_each(party.assets, "assets", _pattern),
        datasets=_names(party.datasets, "datasets"),
        promises=_promises(party),
        note=_line(party.note, "note"),
    )


def normal_project(project: Project) -> Project:
    """The same project as it is recorded. Raises: InputError that names the field."""
    budget = project.budget_bytes
    if budget is not None and not 0 < budget <= _MAX_BUDGET:
        raise InputError("`budget` cannot be used", expected="a size above nothing, such as 2TiB")
    return msgspec.structs.replace(
        project,
        name=parse_word(project.name, what="project"),
        vendor=parse_word(project.vendor, what="vendor"),
        client=parse_word(project.client, what="client"),
        purpose=parse_word(project.purpose, what="purpose") if project.purpose else "",
        datasets=_names(project.datasets, "datasets"),
        holders=_names(project.holders, "holders"),
        residency=parse_location(project.residency) if project.residency else "",
    )


def normal_contract(contract: Contract) -> Contract:
    """The same contract as it is recorded. Raises: InputError that names the field."""
    if contract.ends is not None and contract.ends <= contract.starts:
        raise InputError("the contract ends before it starts", expected="`ends` after `starts`")
    for field, most in (
        ("notice_hours", _MAX_HOURS),
        ("evidence_hours", _MAX_HOURS),
        ("update_hours", _MAX_HOURS),
        ("return_days", _MAX_DAYS),
        ("drill_days", _MAX_DAYS),
    ):
        value = getattr(contract, field)
        if value is not None and not 1 <= value <= most:
            raise InputError(f"`{field}` is {value}", expected=f"1 to {most}")
    return msgspec.structs.replace(
        contract,
        id=parse_word(contract.id, what="contract"),
        party=parse_word(contract.party, what="party"),
        basis=_line(contract.basis, "basis"),
    )


# ── fields ───────────────────────────────────────────────────────────────────────────────────


def _each(found: Iterable[_T], field: str, read: Callable[[_T], _T]) -> tuple[_T, ...]:
    kept: dict[_T, None] = {}
    for one in found:
        try:
            kept[read(one)] = None
        except InputError as error:
            raise InputError(f"`{field}`: {error.message}", expected=error.expected) from None
    if len(kept) > MAX_LISTED:
        raise InputError(f"`{field}` has {len(kept):,} entries", expected=f"at most {MAX_LISTED:,}")
    return tuple(kept)


def _names(found: Iterable[str], field: str, *, own: str = "") -> tuple[str, ...]:
    names = _each(found, field, lambda one: parse_word(one, what=field.rstrip("s")))
    if own and own in names:
        raise InputError(f"`{field}` of {own} names {own} itself")
    return names


def _line(text: str, field: str) -> str:
    line = " ".join(text.split())
    if len(line) > MAX_LINE or not line.isprintable():
        raise InputError(
            f"`{field}` cannot be used",
            expected=f"a printable line of at most {MAX_LINE} characters",
        )
    return line


def _contact(contact: Contact) -> Contact:
    role = parse_word(contact.role, what="role")
    address = _line(contact.address, "address")
    if not address:
        raise InputError(f"no address of {role}", expected="an office's e-mail, telephone or URL")
    return Contact(role=role, address=address)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        raise InputError(
            f"no network: {text[:60]!r} ({error})"[:200], expected="such as 198.51.100.0/24"
        ) from None


def _issuer(text: str) -> str:
    try:
        cut = urlsplit(text)
        good = cut.scheme == "https" and bool(cut.hostname) and not cut.username
    except ValueError:
        good = False
    if not good or len(text) > MAX_LINE or not text.isprintable() or " " in text:
        raise InputError(f"no issuer: {text[:80]!r}", expected="such as https://login.acme.example")
    return text


def _product(text: str) -> str:
    product = _line(text, "product")
    base = product.rpartition("/")[2]
    if not product or (product.startswith("pkg:") and ("@" in base[1:] or "?" in base)):
        raise InputError(
            f"no product: {text[:80]!r}",
            expected="a name, or a purl without version, such as pkg:generic/acme/exporter",
        )
    return product


def _pattern(text: str) -> str:
    pattern = text.strip()
    if not pattern or len(pattern) > MAX_PATTERN or not pattern.isprintable():
        raise InputError(
            f"no name of assets: {text[:80]!r}",
            expected=f"a name, or a pattern such as acme-*, of at most {MAX_PATTERN} characters",
        )
    if pattern.startswith(f"{EVIDENCE_ASSETS}/"):
        raise InputError(
            f"{text[:80]!r} belongs to a vendor's products already",
            expected=f"names that do not begin with {EVIDENCE_ASSETS}/",
        )
    if pattern.count("*") > MAX_STARS:
        raise InputError(f"too many * in {text[:80]!r}", expected=f"at most {MAX_STARS}")
    return pattern


def _keys(keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    read = _each(keys, "keys", _key)
    ids = [key.id for key in read]
    if len(set(ids)) < len(ids):
        raise InputError("`keys`: two keys have one id", expected="an id of its own for each")
    return read


@lru_cache(maxsize=20_000)
def _key(key: PublicKey) -> PublicKey:
    return PublicKey(id=parse_word(key.id, what="key"), pem=parse_public_key(key.pem).pem)


def _promises(party: Party) -> tuple[Promise, ...]:
    def read(promise: Promise) -> Promise:
        kinds = [kind.value for kind in NAMED_KINDS]
        if promise.evidence not in kinds:
            raise InputError(
                f"no kind of evidence: {promise.evidence[:40]!r}",
                expected=f"one of {', '.join(kinds)}",
            )
        if not 1 <= promise.every_days <= _MAX_DAYS:
            raise InputError(f"every {promise.every_days} days", expected=f"1 to {_MAX_DAYS}")
        if promise.product and promise.product not in party.products:
            raise InputError(
                f"a promise about {promise.product[:80]!r}, which is not among `products`",
                expected=f"one of {', '.join(party.products)[:200]}" if party.products else "",
            )
        return msgspec.structs.replace(promise, basis=_line(promise.basis, "basis"))

    return _each(party.promises, "promises", read)
