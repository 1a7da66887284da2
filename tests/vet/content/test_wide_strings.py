"""Texts that programs for Windows hold in UTF-16 are read like others."""

from __future__ import annotations

import pytest

from pratique.vet.content.native_code import find_native
from pratique.vet.content.native_marks import seen_marks, strings_around
from pratique.vet.model import Language

HEADER = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(200)
BAD = [
    ("names-places", "https://discord.com/api/webhooks/1/x"),
    ("commands", "powershell -w hidden -enc AAAA"),
    ("commands", "schtasks /create /sc onlogon /tn Updater /tr x.exe"),
    ("names-credentials", r"C:\Users\x\AppData\Local\Google\Chrome\User Data\Default\Login Data"),
]


def traits(text: str, encoding: str, *, shift: int = 0) -> set[str]:
    program = HEADER + bytes(shift) + b"\xff\xfe" + text.encode(encoding) + bytes(40)
    return {sign.trait for sign in find_native(program, Language.NATIVE)}


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(("trait", "text"), BAD)
def test_wide_texts_say_what_narrow_ones_say(trait: str, text: str, shift: int) -> None:
    assert trait in traits(text, "ascii")
    assert trait in traits(text, "utf-16-le", shift=shift)


@pytest.mark.parametrize("text", ["https://schemas.example/SMI/2005/manifest", "Press any key", ""])
def test_ordinary_wide_texts_say_nothing(text: str) -> None:
    assert traits(text, "utf-16-le") == traits("", "ascii")


def test_the_whole_text_around_is_given_and_nothing_else() -> None:
    text = "before the address https://one.example/a?b=c and behind"
    data = b"\x01\x02" + text.encode("utf-16-le") + b"\x03\xff"
    assert list(strings_around(data, seen_marks(data))) == [text]


def test_many_wide_texts_stay_bounded() -> None:
    data = "https://x.example ".encode("utf-16-le") * 100_000
    assert len(list(strings_around(data, seen_marks(data)))) < 2_000
