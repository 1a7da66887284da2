"""The JSON page parser: what it reads, what it forgives, what it refuses."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.hostile_json import hostile_page
from kit.index_pages import (
    DEMO,
    PAGE_URL,
    digest_of,
    file_entry,
    huge_page_body,
    page_body,
    parsed,
)
from pratique.errors import InputError
from pratique.index.errors import IndexPageError, UnusableFileError
from pratique.index.links import _are_all_plain, resolve_file_url
from pratique.index.parse_json import parse_json_page
from pratique.values.names import ProjectName, ProjectStatus, is_safe_filename

WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"


def refuse(body: bytes, **kwargs: Any) -> IndexPageError:
    with pytest.raises(IndexPageError) as caught:
        parse_json_page(body, url=PAGE_URL, project=DEMO, **kwargs)
    assert isinstance(caught.value, InputError)
    return caught.value


# ── one ordinary file ────────────────────────────────────────────────────────────────────────


def test_reads_every_key_of_a_modern_file() -> None:
    entry = file_entry(WHEEL, provenance="https://index.example/integrity/demo", x_new={"url": 1})
    (file,) = parsed([entry]).files
    assert file.filename == WHEEL
    assert file.url == entry["url"]
    assert file.sha256 == digest_of(WHEEL)
    assert file.size == 1234
    assert file.uploaded_at == datetime(2026, 3, 20, 10, 0, 0, 123456, tzinfo=UTC)
    assert file.requires_python == ">=3.9"
    assert (file.yanked, file.yanked_reason) == (False, "")
    assert file.core_metadata
    assert file.core_metadata_sha256 == digest_of(WHEEL + ".metadata")
    assert file.provenance_url == "https://index.example/integrity/demo"
    assert json.loads(file.raw) == entry


def test_reads_the_page() -> None:
    page = parsed(
        [file_entry(WHEEL)],
        versions=["1.0", "0.9"],
        project_status={"status": "deprecated", "reason": "use other", "since": 3},
        alternate_locations=["https://other.example/simple/demo/"],
        meta={"api-version": "1.4", "_last-serial": 7, "tracks": ["https://t.example/"], "x": None},
        _private={"deep": [1, {"url": "x"}]},
    )
    assert (page.project, page.api_version, page.last_serial) == ("demo", "1.4", 7)
    assert page.versions == ("1.0", "0.9")
    assert (page.status, page.status_reason) == (ProjectStatus.DEPRECATED, "use other")
    extra = {key: json.loads(bytes(raw)) for key, raw in page.extra.items()}
    assert extra == {
        "project-status": {"status": "deprecated", "reason": "use other", "since": 3},
        "alternate-locations": ["https://other.example/simple/demo/"],
        "_private": {"deep": [1, {"url": "x"}]},
    }
    meta = {key: json.loads(bytes(raw)) for key, raw in page.meta_extra.items()}
    assert meta == {"tracks": ["https://t.example/"], "x": None}
    assert page.defects == ()


def test_a_page_does_not_keep_the_body_it_was_read_from() -> None:
    body = page_body([file_entry(WHEEL)], alternate_locations=["https://other.example/"])
    before = sys.getrefcount(body)
    page = parse_json_page(body, url=PAGE_URL, project=DEMO)
    assert page.extra
    assert sys.getrefcount(body) == before


# ── odd but honest pages ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        ({"upload_time": ...}, "uploaded_at", None),
        ({"upload_time": None}, "uploaded_at", None),
        ({"upload_time": "yesterday"}, "uploaded_at", None),
        ({"upload_time": 1711276740}, "uploaded_at", None),
        ({"upload_time": "2026-03-20"}, "uploaded_at", None),  # no time of day
        ({"upload_time": "2026-03-20T10:00:00"}, "uploaded_at", None),  # no zone: a guess
        ({"upload_time": "0001-01-01T00:00:00+05:00"}, "uploaded_at", None),  # before all time
        ({"upload_time": "9999-12-31T23:59:59Z"}, "uploaded_at", None),  # nonsense
        (
            {"upload_time": "2026-03-20T12:00:00+02:00"},
            "uploaded_at",
            datetime(2026, 3, 20, 10, tzinfo=UTC),
        ),
        ({"hashes": ...}, "sha256", None),
        ({"hashes": {}}, "sha256", None),
        ({"hashes": None}, "sha256", None),
        ({"hashes": {"md5": "0" * 32}}, "sha256", None),
        ({"hashes": {"sha256": "ab" * 31}}, "sha256", None),
        ({"hashes": {"sha256": "ab" * 33}}, "sha256", None),
        ({"hashes": {"sha256": "g" * 64}}, "sha256", None),
        ({"hashes": {"sha256": " " + "a" * 63}}, "sha256", None),
        ({"hashes": {"sha256": 5}}, "sha256", None),
        ({"hashes": "sha256=" + "a" * 64}, "sha256", None),
        ({"hashes": {"sha256": "AB" * 32}}, "sha256", "ab" * 32),
        ({"size": ...}, "size", None),
        ({"size": -1}, "size", None),
        ({"size": 2**53 + 1}, "size", None),
        ({"size": 10**30}, "size", None),
        ({"size": "12"}, "size", None),
        ({"size": True}, "size", None),
        ({"size": 0}, "size", 0),
        ({"requires_python": ...}, "requires_python", ""),
        ({"requires_python": None}, "requires_python", ""),
        ({"requires_python": 3}, "requires_python", ""),
        ({"yanked": ...}, "yanked", False),
        ({"yanked": True}, "yanked", True),
        ({"yanked": ""}, "yanked", True),
        ({"yanked": "broken"}, "yanked_reason", "broken"),
        ({"yanked": 0}, "yanked", True),  # unreadable, so the careful reading
        ({"provenance": "../integrity/x"}, "provenance_url", "https://index.example/simple/integrity/x"),
        ({"provenance": "javascript:alert(1)"}, "provenance_url", ""),
        ({"provenance": 5}, "provenance_url", ""),
    ],
)  # fmt: skip
def test_an_odd_value_counts_as_absent_and_costs_nothing_else(
    change: dict[str, Any], attribute: str, expected: object
) -> None:
    other = file_entry(SDIST)
    page = parsed([file_entry(WHEEL, **change), other])
    assert getattr(page.files[0], attribute) == expected
    assert page.files[1].sha256 == digest_of(SDIST)
    assert page.files[1].uploaded_at is not None
    assert page.defects == ()


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"core-metadata": True}, (True, None)),
        ({"core-metadata": {"sha256": "a" * 64}}, (True, "a" * 64)),
        ({"core-metadata": {}}, (True, None)),
        ({"core-metadata": {"sha512": "a" * 128}}, (True, None)),
        ({"core-metadata": False}, (False, None)),
        ({"core-metadata": {"sha256": "short"}}, (False, None)),
        ({"dist-info-metadata": True}, (True, None)),
        ({"dist-info-metadata": {"sha256": "b" * 64}}, (True, "b" * 64)),
        ({"core-metadata": False, "dist-info-metadata": True}, (False, None)),
        ({"core-metadata": True, "dist-info-metadata": {"sha256": "b" * 64}}, (True, None)),
        ({}, (False, None)),
    ],
)
def test_core_metadata_in_both_spellings(keys: dict[str, Any], expected: object) -> None:
    entry = {**file_entry(WHEEL, core_metadata=...), **keys}
    (file,) = parsed([entry]).files
    assert (file.core_metadata, file.core_metadata_sha256) == expected


@pytest.mark.parametrize("name", ["Demo", "DEMO", "demo"])
def test_a_name_in_any_spelling_is_the_same_project(name: str) -> None:
    assert parsed([], name=name).project == "demo"


def test_runs_of_separators_normalize() -> None:
    body = page_body([], name="My__Demo.pkg")
    assert parse_json_page(body, url=PAGE_URL, project=ProjectName("my-demo-pkg")).files == ()


@pytest.mark.parametrize(
    ("page_url", "link", "expected"),
    [
        (PAGE_URL, f"../../packages/aa/{SDIST}", f"https://index.example/packages/aa/{SDIST}"),
        (PAGE_URL, SDIST, f"https://index.example/simple/demo/{SDIST}"),
        (PAGE_URL, f"/whl/{SDIST}", f"https://index.example/whl/{SDIST}"),
        (PAGE_URL, f"//cdn.example/{SDIST}", f"https://cdn.example/{SDIST}"),
        (PAGE_URL, f"https://h.example:8443/a/{SDIST}#sha256=1", f"https://h.example:8443/a/{SDIST}"),
        (PAGE_URL, f"https://h.example/{SDIST}?a=b/c#f", f"https://h.example/{SDIST}?a=b/c"),
        (PAGE_URL, f"HTTPS://h.example/{SDIST}", f"https://h.example/{SDIST}"),
        ("http://10.0.0.1/s/demo", SDIST, f"http://10.0.0.1/s/{SDIST}"),
        (PAGE_URL, "demo-1.0%2Etar.gz", "https://index.example/simple/demo/demo-1.0%2Etar.gz"),
    ],
)  # fmt: skip
def test_links_are_resolved_against_the_page(page_url: str, link: str, expected: str) -> None:
    body = page_body([file_entry(SDIST, url=link)])
    (file,) = parse_json_page(body, url=page_url, project=DEMO).files
    assert file.url == expected


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://files.example/packages/aa/bb/demo-1.0.tar.gz", "aa/bb/demo-1.0.tar.gz"),
        (
            "https://pt.example/whl/cu118/demo-1.0%2Bcu118.tar.gz",
            "whl/cu118/demo-1.0%2Bcu118.tar.gz",
        ),
        ("https://files.example/packages/packages/demo-1.0.tar.gz", "packages/demo-1.0.tar.gz"),
        ("https://files.example//packages/demo-1.0.tar.gz?x=/a", "demo-1.0.tar.gz"),
        ("https://files.example/demo-1.0.tar.gz", "demo-1.0.tar.gz"),
    ],
)
def test_the_door_path_is_the_upstream_path(url: str, path: str) -> None:
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    (file,) = parsed([file_entry(filename, url=url)]).files
    assert file.door_path == path


def test_epochs_and_local_versions_are_file_names_like_any_other() -> None:
    names = ["demo-1!2.0.tar.gz", "demo-2.0+cu118-cp311-cp311-linux_x86_64.whl"]
    assert [f.filename for f in parsed([file_entry(n) for n in names]).files] == names


def test_serials() -> None:
    def serial(meta: dict[str, Any], header: str = "") -> int | None:
        body = page_body([], meta={"api-version": "1.0", **meta})
        return parse_json_page(body, url=PAGE_URL, project=DEMO, serial_header=header).last_serial

    assert serial({"_last-serial": 12}, "13") == 12
    assert serial({"_last-serial": "12"}) == 12
    assert serial({}, " 13 ") == 13
    assert serial({}) is None
    for bad in (-1, 1.5, True, [1], "x", "9" * 30):
        assert serial({"_last-serial": bad}) is None
    assert serial({}, "²") is None


def test_a_huge_page() -> None:
    page = parse_json_page(huge_page_body(), url=PAGE_URL, project=ProjectName("litellm"))
    assert len(page.files) == 3204
    assert page.defects == ()
    assert all(f.sha256 == digest_of(f.filename) and f.size and f.uploaded_at for f in page.files)


def test_whether_an_upstream_speaks_of_provenance() -> None:
    assert parsed([file_entry(WHEEL)]).offers_provenance
    assert not parsed([file_entry(WHEEL, provenance=...)]).offers_provenance


# ── statuses (PEP 792) ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", list(ProjectStatus))
def test_known_statuses(status: ProjectStatus) -> None:
    assert parsed([], project_status={"status": status}).status is status


def test_no_status_is_active() -> None:
    for value in (None, {}, {"reason": "none given"}):
        assert parsed([], project_status=value).status is ProjectStatus.ACTIVE


@pytest.mark.parametrize(
    "value", [{"status": "seized"}, {"status": 5}, {"status": None}, "active", []]
)
def test_an_unknown_status_is_quarantined_and_says_so(value: Any) -> None:
    page = parsed([], project_status=value)
    assert page.status is ProjectStatus.QUARANTINED
    assert "not known here" in page.status_reason
    told = json.loads(bytes(page.extra["project-status"]))
    assert told == {"status": "quarantined", "reason": page.status_reason}


# ── what the standards forbid ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "link",
    [
        f"javascript:alert(1)/{SDIST}",
        f"data:text/plain,/{SDIST}",
        f"file:///etc/{SDIST}",
        f"ftp://h.example/{SDIST}",
        f"https:///{SDIST}",
        f"https://user:secret@h.example/{SDIST}",
        f"https://h.example/a b/{SDIST}",
        f"https://h.example/a\n/{SDIST}",
        f"\thttps://h.example/{SDIST}",
        f"https://h.example/a\\b/{SDIST}",
        f"https://h.example/ä/{SDIST}",
        f'https://h.example/"><script>/{SDIST}',
        f"https://h.example/../{SDIST}",
        f"https://h.example/a/./{SDIST}",
        f"https://h.example/%2e%2E/{SDIST}",
        f"https://h.example/a%2fb/{SDIST}",
        f"https://h.example/a%5cb/{SDIST}",
        f"https://h.example/a%00/{SDIST}",
        f"https://h.example:99999/{SDIST}",
        f"https://[::1/{SDIST}",
        "https://h.example/other-1.0.tar.gz",
        f"https://h.example/a%2F{SDIST}",
        f"https://h.example/x{SDIST}",
        "",
    ],
)
def test_links_that_cannot_be_used_are_defects(link: str) -> None:
    good = file_entry(WHEEL)
    page = parsed([file_entry(SDIST, url=link), good])
    assert [f.filename for f in page.files] == [WHEEL]
    (defect,) = page.defects
    assert SDIST in defect
    assert defect.isascii()
    assert defect.isprintable()


@pytest.mark.parametrize(
    "filename",
    [
        "", ".", "..", "a/demo-1.0.tar.gz", "a\\demo-1.0.tar.gz", "demo-1.0.tar.gz\n", "-demo-1.0.zip",
        ".demo-1.0.tar.gz", "demo-1..0.tar.gz", "demo 1.0.tar.gz", "démo-1.0.tar.gz", "demo-1.0.zip\x00",
        "d" * 300 + ".zip", "demo-1.0-py3-none-any.whl.metadata", "demo-1.0.tar.gz.provenance",
        "demo-1.0.tar.gz.asc", "<script>.zip",
    ],
)  # fmt: skip
def test_file_names_that_cannot_be_used_are_defects(filename: str) -> None:
    entry = file_entry(SDIST, filename=filename, url=f"https://files.example/{filename}")
    page = parsed([entry, file_entry(WHEEL)])
    assert [f.filename for f in page.files] == [WHEEL]
    assert len(page.defects) == 1


@pytest.mark.parametrize(
    "bad",
    [
        None, 5, "x", [], {}, {"filename": SDIST}, {"url": f"https://h.example/{SDIST}"},
        {"filename": 5, "url": "https://h.example/5"}, {"filename": SDIST, "url": None},
        {"filename": None, "url": f"https://h.example/{SDIST}"},
    ],
)  # fmt: skip
def test_one_bad_file_never_loses_the_page(bad: Any) -> None:
    page = parsed([file_entry(WHEEL), bad, file_entry("demo-2.0.tar.gz")])
    assert [f.filename for f in page.files] == [WHEEL, "demo-2.0.tar.gz"]
    assert len(page.defects) == 1


def test_twins_are_kept_once() -> None:
    twin = file_entry(SDIST, url=f"https://mirror.example/{SDIST}", size=9)
    page = parsed([file_entry(SDIST), twin, file_entry(WHEEL)])
    assert [(f.filename, f.size) for f in page.files] == [(SDIST, 1234), (WHEEL, 1234)]
    assert page.defects == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"sha256": "a" * 64}, {"sha256": "b" * 64}),
        ({"sha256": "a" * 64}, {}),
        ({}, {"sha256": "b" * 64}),
    ],
)
def test_of_rivals_neither_is_offered(first: dict[str, str], second: dict[str, str]) -> None:
    page = parsed(
        [file_entry(SDIST, hashes=first), file_entry(WHEEL), file_entry(SDIST, hashes=second)]
    )
    assert [f.filename for f in page.files] == [WHEEL]
    assert "twice" in page.defects[0]


def test_hashless_twins_must_share_their_url() -> None:
    hashless = file_entry(SDIST, hashes={})
    assert len(parsed([hashless, hashless]).files) == 1
    elsewhere = {**hashless, "url": f"https://mirror.example/{SDIST}"}
    assert parsed([hashless, elsewhere]).files == ()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"x"', b"{", b"{}", b'{"files":{}}', b'{"files":null}', b"<html></html>",
        b'{"files":[],"meta":[]}', b'{"files":[],"meta":null,"name":5}', b'{"files":[1,]}',
        b'{"files":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"files":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'\xff\xfe{"files":[]}', b'{"files":[],"x":"\xff"}', b'{"files":[],"x":"\xed\xa0\x80"}',
        b'{"files":[]} trailing', b'{"files":[],"x":NaN}',
    ],
)  # fmt: skip
def test_pages_that_are_no_pages_are_refused_whole(body: bytes) -> None:
    assert refuse(body).message


@pytest.mark.parametrize(
    "version", ["2.0", "0.9", "10.1", "x", "1", "1.x", "", 1.0, None, "1.1.1", "²."]
)
def test_other_major_versions_are_refused(version: Any) -> None:
    refuse(page_body([], meta={"api-version": version}))


@pytest.mark.parametrize(("version", "kept"), [("1.0", "1.0"), ("1.4", "1.4"), ("1.99", "1.99")])
def test_later_minor_versions_are_read(version: str, kept: str) -> None:
    assert parsed([], meta={"api-version": version}).api_version == kept


def test_a_page_without_meta_is_version_one() -> None:
    assert parsed([], meta=...).api_version == "1.0"


@pytest.mark.parametrize("name", ["other", "", "demo/../x", 5, "demo2"])
def test_another_projects_page_is_refused(name: Any) -> None:
    assert "demo" in refuse(page_body([], name=name)).message


# ── laws ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(hostile_page())
def test_whatever_is_offered_is_what_the_standards_allow(body: bytes) -> None:
    try:
        page = parse_json_page(body, url=PAGE_URL, project=DEMO)
    except IndexPageError:
        return
    assert len({f.filename for f in page.files}) == len(page.files)
    listed = json.loads(body)["files"]
    for file in page.files:
        parts = urlsplit(file.url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert "@" not in parts.netloc
        assert parts.fragment == ""
        assert is_safe_filename(file.filename)
        assert unquote(parts.path).endswith("/" + file.filename)
        assert not {".", ".."} & set(unquote(parts.path).split("/"))
        said = json.loads(file.raw)
        assert said in listed
        assert file.filename == said["filename"]
        if file.sha256 is not None:
            assert file.sha256 == said["hashes"]["sha256"].lower()
            assert len(bytes.fromhex(file.sha256)) == 32
        if file.size is not None:
            assert 0 <= file.size <= 2**53
        if file.uploaded_at is not None:
            assert file.uploaded_at.tzinfo is UTC
        assert file.yanked or said.get("yanked") in {False, None}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_bytes_give_a_page_or_a_refusal(body: bytes) -> None:
    with suppress(IndexPageError):
        parse_json_page(body, url=PAGE_URL, project=DEMO)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(hostile_page(), st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_damaged_pages_give_a_page_or_a_refusal(body: bytes, at: int, noise: bytes) -> None:
    at %= len(body)
    with suppress(IndexPageError):
        parse_json_page(body[:at] + noise + body[at + 1 :], url=PAGE_URL, project=DEMO)


_pieces = st.sampled_from(
    [
        "https://h.example/",
        "http://",
        "a",
        "/",
        ".",
        "..",
        "./",
        "\n",
        "%2e",
        "demo-1.0.zip",
        ".metadata",
    ]
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(_pieces, max_size=5).map("".join), st.lists(_pieces, max_size=3).map("".join)
        ).map(lambda pair: ("https://h.example/" + pair[0] + "/" + pair[1], pair[1])),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_plain_in_bulk_is_usable_one_by_one(pairs: list[tuple[str, str]]) -> None:
    links, names = zip(*pairs, strict=True)
    if _are_all_plain(links, names):
        for link, name in pairs:
            assert resolve_file_url(link, page_url=PAGE_URL, filename=name) == link
    one_by_one = []
    for link, name in pairs:
        try:
            one_by_one.append(resolve_file_url(link, page_url=PAGE_URL, filename=name))
        except UnusableFileError:
            one_by_one.append("")
    entries = [file_entry("x", filename=n, url=u) for u, n in pairs]
    kept = {f.filename: f.url for f in parsed(entries).files}
    assert set(kept.values()) <= set(one_by_one)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(hostile_page())
def test_one_odd_file_does_not_change_how_its_neighbours_are_read(body: bytes) -> None:
    try:
        alone = parse_json_page(body, url=PAGE_URL, project=DEMO)
    except IndexPageError:
        return
    page = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    files = msgspec.json.decode(page["files"], type=list[msgspec.Raw])
    odd = msgspec.Raw(b'{"filename":"demo-9.zip","url":"https://h.example/demo-9.zip","size":"1"}')
    body = msgspec.json.encode({**page, "files": [odd, *files]})
    beside = parse_json_page(body, url=PAGE_URL, project=DEMO)
    assert [f.filename for f in beside.files] == ["demo-9.zip", *(f.filename for f in alone.files)]
    assert beside.files[1:] == alone.files
