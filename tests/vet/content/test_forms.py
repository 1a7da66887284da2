"""What bytes are, and as what they are read."""

from __future__ import annotations

import base64
import gzip
import io
import pickle
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.vet.content.disguised_content import RULE, judge_disguise
from pratique.vet.content.forms import form_of, form_of_source, language_of
from pratique.vet.model import Language

SOURCE = b"import sys\n\n\ndef main():\n    print(sys.argv)\n\n\nif __name__ == '__main__':\n    main()\n"


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "x" * 20)
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return held.getvalue()


FORMS = [
    ("elf", b"\x7fELF\x02\x01\x01" + bytes(60)),
    ("pe", b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(60)),
    ("mach-o", b"\xcf\xfa\xed\xfe" + bytes(40)),
    ("mach-o", b"\xca\xfe\xba\xbe" + (2).to_bytes(4, "big") + bytes(40)),
    ("java-class", b"\xca\xfe\xba\xbe" + (52).to_bytes(4, "big") + bytes(40)),
    ("wasm", b"\0asm\x01\0\0\0"),
    ("zip", zipped("a.txt")),
    ("jar", zipped("META-INF/MANIFEST.MF")),
    ("wheel", zipped("a.py", "a-1.dist-info/RECORD")),
    ("torch", zipped("model/data.pkl", "model/version")),
    ("gzip", gzip.compress(b"x")),
    ("tar", tarred()),
    ("pickle", pickle.dumps({"a": [1, 2]})),
    ("pickle", pickle.dumps({"a": [1, 2]}, protocol=2)),
    ("pyc", b"\xa7\r\r\n" + bytes(12) + b"\xe3" + bytes(40)),
    ("png", b"\x89PNG\r\n\x1a\n" + bytes(30)),
    ("jpeg", b"\xff\xd8\xff\xe0" + bytes(30)),
    ("wav", b"RIFF\x24\0\0\0WAVEfmt " + bytes(30)),
    ("webp", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30)),
    ("mp4", b"\0\0\0\x18ftypmp42" + bytes(30)),
    ("pdf", b"%PDF-1.7\n"),
    ("sqlite", b"SQLite format 3\0" + bytes(30)),
    ("pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
    ("der", b"0\x82\x04\x000\x82\x03\x00" + bytes(40)),
    ("utf-16", "hello".encode("utf-16")),
    ("base64", base64.encodebytes(bytes(range(256)) * 4)),
    ("hex", (bytes(range(256)) * 4).hex().encode()),
    ("python", SOURCE),
    ("python", b"#!/usr/bin/env python3\nx\n"),
    ("shell", b"#!/bin/sh\nls\n"),
    ("node", b"#!/usr/bin/env node\n1\n"),
    ("", b"A plain text, about nothing.\nFrom here on it goes.\n"),
    ("", b"MZ is how this sentence begins, and it is no program at all, however long it goes on so."),
    ("", b"BMW builds cars, and this is text about them."),
    ("", b'{\n  "import": 1\n}\n'),
    ("", b"body { color: red }\n@media (x) {\n  a { b: c }\n}\n"),
    ("", b""),
]  # fmt: skip


@pytest.mark.parametrize(("form", "data"), FORMS)
def test_forms(form: str, data: bytes) -> None:
    assert form_of(data) == form


LANGUAGES = [
    (Language.PYTHON, "a/b.py", b"x"),
    (Language.PYTHON, "a/b.pyw", b"x"),
    (Language.PYTHON, "a/b.PY", b"\x7fELF"),
    (Language.PYTHON, "bin/tool", b"#!/usr/bin/python\nx"),
    (Language.DATA, "a/notes.txt", SOURCE),
    (Language.DATA, "a/logo.png", SOURCE),
    (Language.SHELL, "a/run", b"#!/bin/bash\nls"),
    (Language.SHELL, "a/run.sh", b"ls"),
    (Language.POWERSHELL, "a/run.ps1", b"ls"),
    (Language.POWERSHELL, "a/run.bat", b"dir"),
    (Language.JAVASCRIPT, "a/b.mjs", b"1"),
    (Language.NOTEBOOK, "a.ipynb", b"{}"),
    (Language.PTH, "a.pth", b"import os\n"),
    (Language.PTH, "a.start", b"a:b\n"),
    (Language.PICKLE, "weights.pth", zipped("m/data.pkl", "m/version")),
    (Language.PTH, "a.pth", zipped("m/data.pkl", "m/version") + b"\nimport os; os.getcwd()\n"),
    (Language.PTH, "a.pth", b"\x80\x02}\nimport os\n."),
    (Language.PICKLE, "a.bin", pickle.dumps([1])),
    (Language.NATIVE, "a.so", b"\x7fELF" + bytes(60)),
    (Language.NATIVE, "a.txt", b"\x7fELF" + bytes(60)),
    (Language.DATA, "a.so", SOURCE),
    (Language.ARCHIVE, "server.crt", zipped("a")),
    (Language.IMAGE, "a", b"\x89PNG\r\n\x1a\n" + bytes(30)),
    (Language.AUDIO, "ring.wav", b"RIFF\x24\0\0\0WAVEfmt " + bytes(30)),
    (Language.METADATA, "a-1.dist-info/METADATA", b"Name: a\n"),
    (Language.METADATA, "pyproject.toml", b"[project]\n"),
    (Language.TEXT, "README.md", b"# Read me\n"),
    (Language.TEXT, "LICENSE", b"Free.\n"),
    (Language.DATA, "a.dat", b"\0\1\2"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "path", "data"), LANGUAGES)
def test_languages(language: Language, path: str, data: bytes) -> None:
    assert language_of(path, data) is language


@given(st.binary(max_size=400), st.sampled_from(["a.pth", "a.so", "a", "a.txt", "x.py"]))
def test_any_bytes_have_a_language(data: bytes, path: str) -> None:
    assert isinstance(language_of(path, data), Language)


DISGUISES = [
    ("archive", "pkg/server.crt", "zip"),
    ("executable", "pkg/notes.txt", "elf"),
    ("executable", "pkg/LICENSE", "pe"),
    ("program-as-source", "pkg/_build.py", "pe"),
    (None, "pkg/table.py", "base64"),
    ("python", "pkg/logo.png", "python"),
    ("script", "pkg/logo.png", "shell"),
    ("code-object", "pkg/data.json", "pickle"),
    ("encoded", "pkg/table.csv", "base64"),
    ("other", "pkg/config.yaml", "png"),
    (None, "pkg/logo.png", "png"),
    (None, "pkg/logo.png", "jpeg"),
    (None, "pkg/README.md", "python"),
    (None, "pkg/a.whl", "zip"),
    (None, "pkg/data.dat", "elf"),
    (None, "pkg/cert.pem", "pem"),
    (None, "pkg/text.txt", ""),
]


@pytest.mark.parametrize(("trait", "path", "form"), DISGUISES)
def test_disguises(trait: str | None, path: str, form: str) -> None:
    assert judge_disguise(path, form) == trait


def test_every_disguise_is_proven() -> None:
    assert {trait for trait, _, _ in DISGUISES} - {None} == set(RULE.traits)


def test_a_program_named_as_a_source_keeps_its_form_and_is_read_as_python() -> None:
    program = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(64)
    assert form_of_source(program) == "pe"
    assert language_of("pkg/_build.py", program) is Language.PYTHON
    assert form_of_source(b"MZ = 1\nprint(MZ)\n") == "python"
