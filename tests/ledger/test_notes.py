"""Signed notes and checkpoints: vectors of C2SP and of Go's sumdb/note, then what must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.ledger.errors import NoteError
from pratique.ledger.merkle import EMPTY_ROOT
from pratique.ledger.notes import (
    Checkpoint,
    Signer,
    decode_base64,
    encode_base64,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_verifier,
    split_note,
)

# golang.org/x/mod/sumdb/note, note_test.go
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZ"
    "b6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33W"
    "Wd1RvMc+QQ=\n"
)
NOTE = f"{TEXT}\n{PETER_LINE}"

# C2SP signed-note, "Example"
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_the_published_signature() -> None:
    signer = Signer.parse(PETER_SECRET)
    assert signer.verifier.render() == PETER
    assert signer.render() == PETER_SECRET
    assert signer.sign(TEXT) == NOTE


@pytest.mark.parametrize(
    ("key", "note"),
    [
        (PETER, NOTE),
        (PETER, f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"),
        (ENOCH, f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"),
        (PETER, f"{TEXT}\n{PETER_LINE}{PETER_LINE}{ENOCH_LINE}{ENOCH_LINE}"),
    ],
)
def test_published_notes_open(key: str, note: str) -> None:
    assert open_note(note, parse_verifier(key)) == TEXT


def test_the_example_of_the_specification_opens() -> None:
    assert open_note(C2SP_NOTE, parse_verifier(C2SP_KEY)) == "This is an example message.\n"
    with pytest.raises(NoteError):
        open_note(C2SP_NOTE.replace("example m", "Example m"), parse_verifier(C2SP_KEY))


@pytest.mark.parametrize(
    "note",
    [
        TEXT,
        f"{TEXT}\n",
        NOTE[:-1],
        f"\x01{NOTE}",
        f"{TEXT}\n— Bad Name {PETER_LINE.rsplit(maxsplit=1)[-1]}",
        f"{NOTE}Unexpected line.\n",
        f"{TEXT}\n{PETER_LINE[:60]}ABCD{PETER_LINE[60:]}",
        f"{TEXT}\n{ENOCH_LINE}",
        f"{TEXT}\n" + 101 * PETER_LINE,
        f"{TEXT}\n{PETER_LINE}" + PETER_LINE.replace("x08go/Z", "x08go/z"),
        NOTE.replace("cryptography", "Cryptography"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("AM=", "AN="),
        NOTE.replace("— ", "- "),
        "x" * 70_000 + NOTE,
        "",
    ],
)
def test_notes_that_must_not_open(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, parse_verifier(PETER))


def test_no_part_of_a_key_is_a_key() -> None:
    for key, parse in ((PETER, parse_verifier), (PETER_SECRET, Signer.parse)):
        for start in range(len(key)):
            for end in range(start + 1, len(key) + 1):
                if (start, end) != (0, len(key)):
                    with pytest.raises(NoteError):
                        parse(key[start:end])
        for place in range(len(key)):
            with pytest.raises(NoteError):
                parse(key[:place] + chr(ord(key[place]) + 1) + key[place + 1 :])


@pytest.mark.parametrize(
    "key",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "++",
    ],
)
def test_published_bad_keys(key: str) -> None:
    with pytest.raises(NoteError):
        parse_verifier(key)


def test_an_error_about_a_private_key_never_shows_it() -> None:
    for place in range(0, len(PETER_SECRET), 3):
        wrong = PETER_SECRET[:place] + "!" + PETER_SECRET[place + 1 :]
        with pytest.raises(NoteError) as caught:
            Signer.parse(wrong)
        assert "YEKFALVFGyN" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "x" * 201, "a\x7f"])
def test_names_without_blanks_or_plus(name: str) -> None:
    with pytest.raises(NoteError):
        Signer.generate(name)


def test_a_new_key_signs_what_its_verifier_opens() -> None:
    signer = Signer.generate("log.example/é")
    again = Signer.parse(signer.render())
    assert open_note(again.sign("x\n\ny\n"), parse_verifier(signer.verifier.render())) == "x\n\ny\n"
    for text in ("", "x", "x\ty\n", "x\r\n"):
        with pytest.raises(NoteError):
            signer.sign(text)


def test_published_checkpoint_reads() -> None:
    # C2SP tlog-checkpoint, the example at its top.
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcy"
        "v2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    text, signatures = split_note(note)
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert len(checkpoint.root) == 32
    assert checkpoint.render() == text
    assert [(name, blob[:4].hex()) for name, blob in signatures] == [
        ("example.com/behind-the-sofa", "033de0ae")
    ]


@given(st.integers(0, 10**18), st.binary(min_size=32, max_size=32), st.lists(st.just("ext")))
def test_checkpoints_read_back(size: int, root: bytes, extensions: list[str]) -> None:
    signer = Signer.parse(PETER_SECRET)
    made = Checkpoint(origin="o", size=size, root=root, extensions=tuple(extensions))
    assert open_checkpoint(signer.sign(made.render()), signer.verifier) == made


ROOT = encode_base64(EMPTY_ROOT)


@pytest.mark.parametrize(
    "text",
    [
        f"o\n00\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n\u0661\n{ROOT}\n",
        f"o\n{10**20}\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}",
        "o\n1\n",
        "o\n1\nAAAA\n",
        f"o\n1\n{ROOT[:-2]}V=\n",
    ],
)
def test_texts_that_are_no_checkpoints(text: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


@given(st.binary(max_size=70))
def test_base64_has_one_spelling(data: bytes) -> None:
    spelled = encode_base64(data)
    assert decode_base64(spelled) == data
    for wrong in (spelled + "=", spelled + "\n", " " + spelled, spelled.rstrip("=") + "!"):
        with pytest.raises(NoteError):
            decode_base64(wrong)
