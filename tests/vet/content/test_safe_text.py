"""What is shown of hostile text: bounded, visible, without secrets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.safe_text import excerpt, mask_secrets, printable

KEY_ID = "AKIA" + "J2XQ7ZPLMNV3RTYB"
TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"


def test_what_cannot_be_seen_is_spelled_out() -> None:
    assert printable("a\u202eb\u200b\x1b[31m\n\ud800") == r"a\u202eb\u200b\x1b[31m\n\ud800"
    assert printable("x\ufe0f\u3164\U000e0101") == r"x\ufe0f\u3164\U000e0101"
    assert printable("Grüße, 世界") == "Grüße, 世界"


def test_bytes_that_are_not_text_are_spelled_out() -> None:
    assert printable(b"\x7fELF\xff") == r"\x7fELF\xff"


def test_long_runs_are_counted() -> None:
    assert printable("x = '" + "A" * 500 + "'") == f"x = '{'A' * 32}…[500 encoded characters]'"
    assert printable("x;" + " " * 300 + "y") == "x; [300 blanks] y"


def test_secrets_keep_kind_and_last_four() -> None:
    masked = mask_secrets(f"k={KEY_ID} t={TOKEN}")
    assert masked == "k=[aws-key-id …RTYB] t=[github-token …3hJ5]"


def test_a_password_in_an_address_keeps_nothing() -> None:
    assert "hunter" not in mask_secrets("https://user:hunter22@host.example/")


def test_a_private_key_keeps_nothing() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEA" * 3
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert body[:20] not in mask_secrets(text)
    assert "[private-key …]" in mask_secrets(text)


def test_overlapping_secrets_leave_nothing_behind() -> None:
    inner = f"https://user:{TOKEN}@host.example/"
    assert TOKEN[:20] not in mask_secrets(inner)


def test_an_excerpt_is_the_line_around_the_place() -> None:
    text = "first\n    second(here)  \nthird"
    assert excerpt(text, text.index("here")) == "second(here)"


def test_an_excerpt_of_a_long_line_shows_the_place() -> None:
    text = "a b " * 5000 + "NEEDLE" + " c d" * 5000
    shown = excerpt(text, text.index("NEEDLE"), 100)
    assert "NEEDLE" in shown
    assert len(shown) <= 100
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_an_excerpt_masks_what_its_window_would_cut() -> None:
    text = "x" * 30 + f" '{TOKEN}' " + "call()"
    assert TOKEN[4:20] not in excerpt(text, text.index("call"), 40)


@given(st.text(max_size=600), st.integers(0, 700), st.integers(10, 240))
def test_excerpts_are_bounded_and_printable(text: str, at: int, width: int) -> None:
    shown = excerpt(text, at, width)
    assert len(shown) <= width
    assert shown.isprintable()


@given(st.one_of(st.text(max_size=900), st.binary(max_size=900)), st.integers(2, 300))
def test_printable_is_bounded_and_printable(text: str | bytes, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
