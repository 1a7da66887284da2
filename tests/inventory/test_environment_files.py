"""METADATA, RECORD, direct_url.json, package.json and package databases, as bytes."""

from __future__ import annotations

import base64
import csv
import email.parser
import hashlib
import io
import json
import posixpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.inventory.environments.distributions import read_distribution, sightings_of
from pratique.inventory.environments.hooks import is_hook, runs_code
from pratique.inventory.environments.items import best_digest, plain, without_secrets
from pratique.inventory.environments.metadata import parse_head
from pratique.inventory.environments.node import (
    parse_hidden_lock,
    parse_package_json,
    read_integrity,
)
from pratique.inventory.environments.origin import parse_origin
from pratique.inventory.environments.record import parse_record
from pratique.inventory.environments.system import (
    parse_apk,
    parse_conda_record,
    parse_dpkg,
    parse_os_id,
)

WORD = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
FIELD = st.sampled_from(
    ["Name", "name", "VERSION", "Version", "Summary", "Requires-Dist", "X-Name"]
)


@given(
    st.lists(st.tuples(FIELD, WORD, st.booleans()), max_size=12),
    WORD,
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=200)
def test_heads_are_what_email_parser_says(fields: list, prose: str, newline: str) -> None:
    lines = ["Metadata-Version: 2.1"]
    for field, value, folded in fields:
        lines.append(f"{field}: {value}")
        if folded:
            lines.append(f"        Name: {value} folded")
    text = newline.join([*lines, "", f"Name: {prose}", f"Version: {prose}", "", prose])
    head = parse_head(text.encode())
    oracle = email.parser.Parser().parsestr(text)
    first = {key: (oracle[key] or "").split("\n")[0].strip() for key in ("Name", "Version")}
    assert (head.name, head.version) == (first["Name"], first["Version"])


def test_requirements_of_extras_are_nobodys_parents() -> None:
    head = parse_head(
        b"Name: a\nVersion: 1\nRequires-Dist: B.c>=2 ; python_version > '3'\n"
        b"Requires-Dist: d ; extra == 'x'\nRequires-Dist:e\n\nRequires-Dist: prose\n"
    )
    assert head.requires() == ("b-c", "e")


@given(st.binary(max_size=400))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    parse_head(data)
    parse_record(data)
    parse_origin(data)
    parse_package_json(data)
    parse_hidden_lock(data)
    parse_conda_record(data, at="x")
    parse_dpkg(data, vendor="debian", at="x")
    parse_apk(data, vendor="alpine", at="x")
    parse_os_id(data)
    read_integrity(data.decode("latin-1"))
    read_distribution("x.dist-info", metadata=data, direct_url=data, provenance_url=data)


def test_depth_makes_no_reader_raise() -> None:
    deep = b'{"packages":' * 100_000
    assert parse_hidden_lock(deep) is None
    assert parse_package_json(b'{"name":' + b"[" * 200_000) is None
    assert parse_origin(b'{"url":"x","archive_info":' + b"{" * 200_000) is None


PATHS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    min_size=1,
    max_size=30,
).filter(lambda path: path.strip() == path)


@pytest.mark.slow
@given(st.lists(st.tuples(PATHS, st.binary(max_size=20), st.booleans()), max_size=10))
@settings(max_examples=200)
def test_records_are_what_csv_says(rows: list) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for path, content, hashed in rows:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow(
            [path, f"sha256={digest}" if hashed else "", len(content) if hashed else ""]
        )
    record = parse_record(buffer.getvalue().encode())
    assert record.malformed == 0
    assert [(line.path, line.sha256, line.size) for line in record.lines] == [
        (
            posixpath.normpath(path.replace("\\", "/")),
            hashlib.sha256(content).hexdigest() if hashed else "",
            len(content) if hashed else -1,
        )
        for path, content, hashed in rows
    ]


@pytest.mark.parametrize(
    "row", ["a", "a,b", "a,sha256=short,1", "a,sha256=,1", "a,sha256=x,one", ",,", "a,nohash,1"]
)
def test_rows_that_make_no_sense_are_counted(row: str) -> None:
    record = parse_record(f"good.py,,\n{row}\n".encode())
    assert (len(record.lines), record.malformed) == (1, 1)


def test_a_folder_that_says_another_release_is_noted() -> None:
    metadata = b"Name: innocent\nVersion: 1.0\n"
    one = read_distribution("litellm-1.82.8.dist-info", metadata=metadata)
    (sighting,) = sightings_of([one])
    assert (sighting.item.name, sighting.item.version) == ("innocent", "1.0")
    assert "its folder litellm-1.82.8.dist-info" in sighting.note


@pytest.mark.parametrize(
    ("folder", "metadata"),
    [
        ("ruamel.yaml-0.18.dist-info", b"Name: ruamel.yaml\nVersion: 0.18\n"),
        ("jaraco_context-1.0.dist-info", b"Name: jaraco.context\nVersion: 1.0\n"),
        ("torch-2.1.0_cu118.dist-info", b"Name: torch\nVersion: 2.1.0+cu118\n"),
        ("old-1.0-py3.11.egg-info", b"Name: old\nVersion: 1.0\n"),
        ("develop.egg-info", b"Name: develop\nVersion: 3\n"),
    ],
)
def test_spellings_of_folders_are_no_difference(folder: str, metadata: bytes) -> None:
    assert read_distribution(folder, metadata=metadata).notes == ()


def test_requested_tells_under_pip_only() -> None:
    def one(name: str, installer: bytes, *, requested: bool):  # noqa: ANN202 - a Distribution
        return read_distribution(
            f"{name}-1.dist-info",
            metadata=f"Name: {name}\nVersion: 1\nRequires-Dist: c\n".encode(),
            installer=installer,
            requested=requested,
        )

    by_pip = sightings_of([one("a", b"pip\n", requested=True), one("c", b"pip", requested=False)])
    assert [(s.item.name, s.direct, s.parents) for s in by_pip] == [
        ("a", True, ()),
        ("c", False, ("a",)),
    ]
    by_uv = sightings_of([one("a", b"uv", requested=True), one("c", b"uv", requested=True)])
    assert [s.direct for s in by_uv] == [None, None]
    old_pip = sightings_of([one("a", b"pip", requested=False)])
    assert [s.direct for s in old_pip] == [None]


@pytest.mark.parametrize(
    ("document", "digest", "filename", "note"),
    [
        (
            {"url": "https://u:secret@h.example/f/a-1-py3-none-any.whl?token=secret#x=secret",
             "archive_info": {"hashes": {"md5": "b" * 32, "sha256": "A" * 64}}},
            "sha256:" + "a" * 64, "a-1-py3-none-any.whl", "from https://h.example/f/a-1-py3-none-any.whl",
        ),
        (
            {"url": "https://h.example/a.whl", "archive_info": {"hash": "sha256=" + "c" * 64}},
            "sha256:" + "c" * 64, "a.whl", "from https://h.example/a.whl",
        ),
        (
            {"url": "https://h.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "d" * 40,
             "requested_revision": "v1"}},
            "sha1:" + "d" * 40, "", "from https://h.example/r.git at v1",
        ),
        (
            {"url": "file:///srv/app", "dir_info": {"editable": True}},
            "", "", "editable, from file:///srv/app",
        ),
        ({"url": "https://h.example/a", "archive_info": {"hashes": 3}}, "", "a", "from https://h.example/a"),
    ],
)  # fmt: skip
def test_origins_give_digests_and_no_secrets(
    document: dict, digest: str, filename: str, note: str
) -> None:
    origin = parse_origin(json.dumps(document).encode())
    assert origin is not None
    assert (origin.digest, origin.filename, origin.note) == (digest, filename, note)


@given(st.text(max_size=40))
def test_plain_texts_fit_anywhere(text: str) -> None:
    shown = plain(text + "\ud800\x1b[31m\u202e", 20)
    assert len(shown) <= 20
    shown.encode()
    assert "\x1b" not in shown
    without_secrets(text)


def test_the_strongest_digest_counts() -> None:
    hashes = {
        "MD5": "a" * 32,
        "SHA-512": "b" * 128,
        "SHA-256": "C" * 64,
        "sha1": "not hex" * 5 + "abcde",
    }
    assert best_digest(hashes) == "sha256:" + "c" * 64
    assert best_digest({"sha256": "zz", "md5": "a" * 32}) == "md5:" + "a" * 32
    assert best_digest({"sha256": 7}) == ""


def test_integrities() -> None:
    sha512 = base64.b64encode(bytes(64)).decode()
    sha1 = base64.b64encode(bytes(20)).decode()
    assert read_integrity(f"sha1-{sha1} sha512-{sha512}?opt") == "sha512:" + "0" * 128
    assert read_integrity("sha512-????") == ""
    assert read_integrity(None) == ""


@pytest.mark.parametrize(
    ("name", "hook"),
    [
        ("a.pth", True), ("b.start", True), ("sitecustomize.py", True),
        ("usercustomize.cpython-311.so", True),
        ("usercustomize.pyc", True), ("a.py", False), ("pth", False), ("sitecustomize.txt", False),
        ("a.pth.txt", False),
    ],
)  # fmt: skip
def test_what_runs_when_python_starts(name: str, hook: bool) -> None:
    assert is_hook(name) is hook


@pytest.mark.parametrize(
    ("data", "runs"),
    [(b"import os; os.system('x')\n", True), (b"/opt/lib\n", False), (b"# import x\n./a\n", False),
     (b"/a\rimport x\r", True), (b"import\tx", True), (b"important\n", False)],
)  # fmt: skip
def test_pth_lines_that_run(data: bytes, runs: bool) -> None:
    assert runs_code("a.pth", data) is runs
    assert runs_code("sitecustomize.py", b"")


def test_apk_and_dpkg() -> None:
    apk = parse_apk(
        b"C:Q1\nP:xz-libs\nV:5.6.1-r0\no:xz\nF:usr/lib\nR:x\n\nP:noversion\n", vendor="", at="x"
    )
    assert [(s.item.type, s.item.name, s.item.version, s.note) for s in apk.sightings] == [
        ("apk", "alpine/xz-libs", "5.6.1-r0", "built from xz")
    ]
    assert apk.malformed == 1
    dpkg = parse_dpkg(
        b"Package: a\nVersion: 1\nStatus: install ok installed\nDescription: x\n Package: fake\n\n"
        b"Package: b\nVersion: 2\nStatus: purge ok not-installed\n",
        vendor="ubuntu", at="x",
    )  # fmt: skip
    assert [s.item.name for s in dpkg.sightings] == ["ubuntu/a"]
    assert parse_os_id(b'NAME="x"\nID="ubuntu"\nVERSION_ID=1\n') == "ubuntu"
