"""Tokens prove a lease for one protocol and tell nothing of its secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.custody.bearer import Surface, check_bearer, parse_bearer, render_bearer
from pratique.custody.model import LeaseId
from pratique.custody.s3_errors import Code, S3Error

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
LEASE = LeaseId("PQLABCDEFGHIJKLMNOPQ")
KEY = b"k" * 32
TOKEN = render_bearer(Surface.HUB, LEASE, key=KEY, date="20261122")


def test_a_token_is_what_it_says() -> None:
    assert TOKEN.startswith("hf_PQLABCDEFGHIJKLMNOPQ_20261122_")
    claim = parse_bearer(f"Bearer {TOKEN}", Surface.HUB, now=NOW)
    assert (claim.lease, claim.date) == (LEASE, "20261122")
    check_bearer(claim, Surface.HUB, key=KEY)
    parse_bearer(f"bearer {TOKEN}", Surface.HUB, now=NOW + timedelta(hours=24))


@pytest.mark.parametrize("surface", Surface)
def test_each_protocol_has_its_own_proof(surface: Surface) -> None:
    token = render_bearer(surface, LEASE, key=KEY, date="20261122")
    assert KEY.hex() not in token
    for other in Surface:
        moved = token.replace(surface.value, other.value)
        claim = parse_bearer(f"Bearer {moved}", other, now=NOW)
        if other is surface:
            check_bearer(claim, other, key=KEY)
        else:
            with pytest.raises(S3Error) as caught:
                check_bearer(claim, other, key=KEY)
            assert caught.value.code is Code.SIGNATURE_DOES_NOT_MATCH


@pytest.mark.parametrize("days", [-1, 2, 400])
def test_a_token_of_another_day_is_over(days: int) -> None:
    with pytest.raises(S3Error) as caught:
        parse_bearer(f"Bearer {TOKEN}", Surface.HUB, now=NOW + timedelta(days=days))
    assert caught.value.code is Code.EXPIRED_TOKEN


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, Code.ACCESS_DENIED),
        ("", Code.ACCESS_DENIED),
        ("Bearer ", Code.ACCESS_DENIED),
        (f"Basic {TOKEN}", Code.ACCESS_DENIED),
        (f"Bearer {TOKEN}x", Code.INVALID_ACCESS_KEY_ID),
        (f"Bearer {TOKEN.replace('hf_', 'pds_')}", Code.INVALID_ACCESS_KEY_ID),
        (f"Bearer hf_{'x' * 34}", Code.INVALID_ACCESS_KEY_ID),
        ("Bearer " + "x" * 100_000, Code.INVALID_ACCESS_KEY_ID),
    ],
)
def test_what_is_no_token(header: str | None, code: Code) -> None:
    with pytest.raises(S3Error) as caught:
        parse_bearer(header, Surface.HUB, now=NOW)
    assert caught.value.code is code
    assert TOKEN[-64:] not in caught.value.message


@given(
    at=st.integers(0, len(TOKEN) - 1),
    letter=st.sampled_from("0123456789abcdefPQLABCDEFGHIJKLMNOPQ_"),
)
def test_a_token_with_one_other_letter_opens_nothing(at: int, letter: str) -> None:
    forged = TOKEN[:at] + letter + TOKEN[at + 1 :]
    if forged == TOKEN:
        return
    try:
        claim = parse_bearer(f"Bearer {forged}", Surface.HUB, now=NOW)
        check_bearer(claim, Surface.HUB, key=KEY)
    except S3Error:
        return
    pytest.fail(f"{forged} was taken")
