"""Terms that the broker did not sign give nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.leases import a_lease
from pratique.custody.certificate import (
    MAX_CERTIFICATE,
    Terms,
    certify,
    certify_role,
    check_terms,
    open_certificate,
    open_role,
    parse_terms,
    read_certificate,
    render_terms,
    terms_of,
    within_role,
)
from pratique.custody.errors import CertificateError
from pratique.custody.model import Copy, Verb

KEY = bytes(32)
LEASE = a_lease()
TERMS = terms_of(LEASE)
GOOD = certify(TERMS, key=KEY)


def test_a_certificate_says_what_was_certified() -> None:
    assert open_certificate(GOOD, key=KEY) == TERMS == read_certificate(GOOD)
    assert TERMS.scopes == LEASE.scopes


def test_equal_leases_have_one_certificate() -> None:
    turned = replace(
        LEASE, selectors=tuple(reversed(LEASE.selectors)), verbs=frozenset(LEASE.verbs)
    )
    assert certify(terms_of(turned), key=KEY) == GOOD


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_one_changed_bit_and_it_is_none(bit: int) -> None:
    changed = bytearray(GOOD)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CertificateError):
        open_certificate(bytes(changed), key=KEY)


@given(st.binary(max_size=200))
def test_noise_is_no_certificate(noise: bytes) -> None:
    for data in (noise, GOOD[:36] + noise, GOOD + noise + b"x"):
        with pytest.raises(CertificateError):
            open_certificate(data, key=KEY)


def test_another_broker_s_certificate_is_none() -> None:
    with pytest.raises(CertificateError, match="not this broker's"):
        open_certificate(certify(TERMS, key=b"\1" * 32), key=KEY)
    with pytest.raises(CertificateError):
        open_certificate(GOOD[:4] + bytes(MAX_CERTIFICATE), key=KEY)


WIDER: list[dict[str, object]] = [
    {"budget_bytes": 1 << 50}, {"budget_objects": 10**9}, {"rate": 0}, {"until_us": 1 << 60},
    {"selectors": ("other",)}, {"verbs": ("delete", "list", "read", "write")}, {"networks": ()},
    {"copy": "canonical"}, {"vendor": "another"}, {"client": "another"}, {"from_us": 0},
]  # fmt: skip


@pytest.mark.parametrize("change", WIDER, ids=lambda change: next(iter(change)))
def test_no_term_can_be_widened_under_the_old_mac(change: dict[str, object]) -> None:
    wider = msgspec.structs.replace(TERMS, **change)
    assert wider != TERMS
    with pytest.raises(CertificateError):
        open_certificate(GOOD[:36] + render_terms(wider), key=KEY)


IMPOSSIBLE: list[dict[str, object]] = [
    {"holder": "a/b"}, {"vendor": ""}, {"project": "p:q"}, {"client": "c\n"}, {"lease": "PQLx"},
    {"verbs": ()}, {"verbs": ("read", "list")}, {"verbs": ("own",)}, {"copy": "all"},
    {"selectors": ()}, {"selectors": ("/x",)}, {"selectors": ("a", "a")}, {"budget_bytes": -1},
    {"until_us": TERMS.from_us},
]  # fmt: skip


@pytest.mark.parametrize("change", IMPOSSIBLE, ids=repr)
def test_impossible_terms_are_not_certified(change: dict[str, object]) -> None:
    with pytest.raises(CertificateError):
        certify(msgspec.structs.replace(TERMS, **change), key=KEY)


def test_terms_have_one_spelling() -> None:
    loose = msgspec.msgpack.encode([*msgspec.msgpack.decode(render_terms(TERMS)), "more"])
    # The same number in more bytes than it needs.
    wide = render_terms(msgspec.structs.replace(TERMS, rate=7)).replace(b"\x07", b"\xcc\x07", 1)
    for data in (loose, wide, b"", b"\xc0"):
        with pytest.raises(CertificateError):
            parse_terms(data)


def test_terms_against_a_request() -> None:
    start, end = LEASE.not_before, LEASE.not_after
    tick = timedelta(microseconds=1)
    check_terms(TERMS, now=start, verb=Verb.READ, dataset="corpus")
    check_terms(TERMS, now=end - tick, dataset="images")
    with pytest.raises(CertificateError, match="begins"):
        check_terms(TERMS, now=start - tick)
    with pytest.raises(CertificateError, match="ended"):
        check_terms(TERMS, now=end)
    with pytest.raises(CertificateError, match="write"):
        check_terms(TERMS, now=start, verb=Verb.WRITE)
    with pytest.raises(CertificateError, match="nothing in"):
        check_terms(TERMS, now=start, dataset="corpus-2")


NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}\Z")
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - the zone follows
    lambda moment: moment.replace(tzinfo=UTC)
)


@pytest.mark.slow
@given(NAMES, NAMES, st.sets(st.sampled_from(Verb), min_size=1), MOMENTS, st.sampled_from(Copy))
def test_every_lease_comes_back(
    holder: str, vendor: str, verbs: set[Verb], start: datetime, copy: Copy
) -> None:
    lease = replace(
        LEASE, holder=holder, vendor=vendor, verbs=frozenset(verbs), not_before=start, copy=copy,
        not_after=start + timedelta(microseconds=1),
    )  # fmt: skip
    terms: Terms = open_certificate(certify(terms_of(lease), key=KEY), key=KEY)
    assert terms == terms_of(lease)
    assert terms.scopes == lease.scopes
    check_terms(terms, now=start)


def test_a_role_is_no_lease_and_a_lease_no_role() -> None:
    role = certify_role(TERMS, key=KEY)
    assert open_role(role, key=KEY) == TERMS
    with pytest.raises(CertificateError):
        open_certificate(role, key=KEY)
    with pytest.raises(CertificateError):
        open_certificate(b"PQL1" + role[4:], key=KEY)
    with pytest.raises(CertificateError):
        open_role(GOOD, key=KEY)


def test_leases_of_a_role_stay_within_its_time() -> None:
    def made(start: int, end: int) -> Terms:
        return within_role(
            TERMS, lease="PQLBBBBBBBBBBBBBBBBB", holder="bo", granted_us=start, from_us=start,
            until_us=end,
        )  # fmt: skip

    assert made(TERMS.from_us, TERMS.until_us).budget_bytes == TERMS.budget_bytes
    for start, end in [
        (TERMS.from_us - 1, TERMS.until_us), (TERMS.from_us, TERMS.until_us + 1),
        (TERMS.until_us, TERMS.from_us),
    ]:  # fmt: skip
        with pytest.raises(CertificateError):
            made(start, end)
