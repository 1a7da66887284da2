"""Granting: whether the terms of a lease may be given at all, and who may raise a budget."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pratique.custody.model import Copy, Dataset, Lease, LeaseId, Verb
from pratique.custody.scopes import parse_word
from pratique.errors import InputError
from pratique.values.instants import Instant

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST_SELECTORS: Final = 100
_KEY_BYTES: Final = 1024
_MOST_NUMBER: Final = 1 << 53
_REASON_LENGTH: Final = 500


class RequestState(StrEnum):
    """What became of a request for a larger budget."""

    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRequest:
    """Somebody asks that a lease may disclose more."""

    id: str
    lease: LeaseId
    budget_bytes: int
    """What the budget would be, not what would be added."""
    budget_objects: int
    reason: str
    asked_by: str
    """Actor, such as `operator:alice`."""
    asked_at: Instant
    state: RequestState
    decided_by: str
    """Actor, such as `approver:bob`; empty while open."""
    decided_at: Instant | None
    asked_token: str = ""
    """Id of the token that the asker was known by; empty: by the system's user only."""


def parse_selector(text: str) -> tuple[str, str]:
    """Read `DATASET` or `DATASET/PREFIX`; gives dataset and prefix. Raises: InputError."""
    name, _, prefix = text.partition("/")
    if _BUCKET.fullmatch(name) is None or ".." in name:
        raise InputError(
            f"not a selector: {text[:120]!r}",
            expected="DATASET or DATASET/PREFIX, where DATASET is 3-63 of a-z, 0-9, '.' and '-'",
        )
    try:
        length = len(prefix.encode())
    except UnicodeEncodeError:
        length = _KEY_BYTES + 1
    if length > _KEY_BYTES or "\x00" in prefix:
        raise InputError(
            f"not a prefix of keys: {prefix[:80]!r}", expected="at most 1,024 bytes of UTF-8"
        )
    return name, prefix


def selects(lease: Lease, dataset: str, key: str) -> bool:
    """Whether a key lies within what a lease selects."""
    prefixes = _prefixes(lease.selectors).get(dataset)
    return prefixes is not None and key.startswith(prefixes)


def reaches(lease: Lease, dataset: str) -> bool:
    """Whether a lease selects anything of a dataset."""
    return dataset in _prefixes(lease.selectors)


@functools.lru_cache(maxsize=16_384)
def _prefixes(selectors: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Prefixes by dataset: asked for every request."""
    found: dict[str, tuple[str, ...]] = {}
    for selector in selectors:
        name, _, prefix = selector.partition("/")
        found[name] = (*found.get(name, ()), prefix)
    return found


def listed_prefix(lease: Lease, dataset: str, prefix: str) -> bool:
    """Whether every key with this prefix lies within what a lease selects."""
    return selects(lease, dataset, prefix)


def check_terms(
    lease: Lease,
    datasets: Mapping[str, Dataset],
    *,
    longest: timedelta,
    own_organisation: Iterable[str] = (),
    canonical_reason: str = "",
) -> None:
    """Refuse terms that must not be given.

    Raises: InputError that names the first one and says what would do.
    """
    for what in ("holder", "vendor", "project", "client", "purpose"):
        parse_word(getattr(lease, what), what=what)
    _check_numbers(lease)
    _check_times(lease, longest)
    _check_networks(lease.networks)
    chosen = _chosen(lease, datasets)
    for dataset in chosen:
        _check_dataset(lease, dataset)
    _check_verbs(lease, chosen)
    if lease.copy is Copy.CANONICAL and Verb.READ in lease.verbs:
        known = {lease.client, *own_organisation}
        if lease.vendor not in known and not canonical_reason.strip():
            raise InputError(
                f"canonical bytes for vendor {lease.vendor}: a leak would name nobody",
                remedy="grant a marked copy, or say why with --canonical-reason",
            )


def check_reason(text: str) -> str:
    """A reason as it is kept: one line. Raises: InputError."""
    words = " ".join(text.split())
    if not words or len(words) > _REASON_LENGTH or not words.isprintable():
        raise InputError("the reason cannot be used", expected="one to 500 printable characters")
    return words


def check_raise(lease: Lease, *, budget_bytes: int, budget_objects: int) -> None:
    """Refuse a request that raises nothing. Raises: InputError."""
    lower = budget_bytes < lease.budget_bytes or budget_objects < lease.budget_objects
    same = (budget_bytes, budget_objects) == (lease.budget_bytes, lease.budget_objects)
    if lower or same:
        raise InputError(
            f"lease {lease.id} has {lease.budget_bytes:,} bytes and {lease.budget_objects:,} objects: "
            "that raises nothing",
            remedy="ask for more; to give less, use: pratique scope cap lease:ID",
        )
    for number in (budget_bytes, budget_objects):
        _check_number(number, "budget", least=1)


def check_four_eyes(
    *, asked_by: str, approver: str, asked_token: str = "", approver_token: str = ""
) -> None:
    """Refuse an approver who asked, under whatever name. Raises: InputError."""
    if asked_token and asked_token == approver_token:
        raise InputError(
            "this was asked for with the same token, and cannot be decided by it",
            remedy="somebody else decides, with a token of their own",
        )
    if _person(asked_by) == _person(approver):
        raise InputError(
            f"{_person(approver)} asked for this, and cannot decide on it",
            remedy="somebody else decides, with a token of their own",
        )


def _person(actor: str) -> str:
    """The name in an actor: `operator:alice` and `approver:Alice` are one person."""
    return actor.rpartition(":")[2].casefold()


def _check_numbers(lease: Lease) -> None:
    _check_number(lease.rate, "rate", least=0)
    reads = Verb.READ in lease.verbs
    _check_number(lease.budget_bytes, "budget of bytes", least=1 if reads else 0)
    _check_number(lease.budget_objects, "budget of objects", least=1 if reads else 0)


def _check_number(value: int, what: str, *, least: int) -> None:
    if least and not value:
        option = "--budget 2GiB" if what.endswith("bytes") else "--objects 10000"
        raise InputError(
            f"a lease that reads needs a {what}",
            expected=f"what it may ever disclose, such as {option}",
        )
    if not least <= value <= _MOST_NUMBER:
        raise InputError(f"a {what} of {value:,}", expected=f"{least:,} to {_MOST_NUMBER:,}")


def _check_times(lease: Lease, longest: timedelta) -> None:
    if not lease.not_before < lease.not_after:
        raise InputError("the lease would end before it begins")
    if lease.not_after <= lease.granted_at:
        raise InputError("the lease would have ended already")
    if lease.not_after > lease.granted_at + longest:
        raise InputError(
            f"the lease would last too long: until {lease.not_after.isoformat()}",
            expected=f"at most {longest.total_seconds() / 3600:g} hours from now",
            remedy="grant a shorter one, or set [custody] lease_longest_hours",
        )


def _check_networks(networks: Sequence[str]) -> None:
    for text in networks:
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise InputError(
                f"not a network: {text[:80]!r}",
                expected="such as 203.0.113.0/24, or 2001:db8::/32, without bits of a host",
            ) from None


def _chosen(lease: Lease, datasets: Mapping[str, Dataset]) -> list[Dataset]:
    if not lease.selectors or len(lease.selectors) > _MOST_SELECTORS:
        raise InputError("which data?", expected=f"1 to {_MOST_SELECTORS} selectors")
    chosen = {}
    for selector in lease.selectors:
        name, _ = parse_selector(selector)
        if name not in datasets:
            raise InputError(f"no dataset {name!r}", remedy="see: pratique dataset list")
        chosen[name] = datasets[name]
    return list(chosen.values())


def _check_dataset(lease: Lease, dataset: Dataset) -> None:
    if dataset.shredded_at is not None:
        raise InputError(f"dataset {dataset.name} is shredded: its key is gone")
    if dataset.client != lease.client:
        raise InputError(
            f"dataset {dataset.name} belongs to {dataset.client}, not to {lease.client}",
            expected="datasets of one client in one lease",
            remedy="grant one lease for each client",
        )
    if lease.purpose not in dataset.purposes:
        allowed = ", ".join(sorted(dataset.purposes)) or "nothing"
        raise InputError(
            f"dataset {dataset.name} may not be used for {lease.purpose}",
            expected=f"one of its purposes: {allowed}",
        )


def _check_verbs(lease: Lease, datasets: Iterable[Dataset]) -> None:
    if not lease.verbs:
        raise InputError("a lease that allows nothing", expected="one or more of " + _VERBS)
    sealed = sorted(dataset.name for dataset in datasets if dataset.sealed)
    if sealed and Verb.READ in lease.verbs:
        raise InputError(
            f"dataset {sealed[0]} is sealed: nothing in it can be read here",
            remedy="grant --verb write only",
        )


_VERBS: Final = ", ".join(verb.value for verb in Verb)
