"""HTML pages as private indexes, GPU indexes and plain web servers publish them."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.index_pages import DEMO, PAGE_URL
from pratique.index.errors import IndexPageError
from pratique.index.model import ProjectPage
from pratique.index.parse_html import convert_html_page, parse_html_page
from pratique.index.parse_json import parse_json_page
from pratique.values.names import ProjectName, ProjectStatus

SHA = "a" * 64
SDIST = "demo-1.0.tar.gz"


def read(anchors: str, *, head: str = "", tail: str = "", url: str = PAGE_URL) -> ProjectPage:
    body = f"<!DOCTYPE html><html><head>{head}</head><body>{anchors}</body></html>{tail}"
    return parse_html_page(body.encode(), url=url, project=DEMO)


def test_reads_every_attribute() -> None:
    (file,) = read(
        f'<a href="../../packages/aa/{SDIST}#sha256={SHA}" data-requires-python="&gt;=3.8,&lt;4"'
        ' data-yanked="bad &amp; old" data-gpg-sig="true" data-core-metadata="sha256='
        f'{"b" * 64}" data-dist-info-metadata="true" data-provenance="../p.json">{SDIST}</a>'
    ).files
    assert file.url == f"https://index.example/packages/aa/{SDIST}"
    assert file.sha256 == SHA
    assert file.requires_python == ">=3.8,<4"
    assert (file.yanked, file.yanked_reason) == (True, "bad & old")
    assert (file.core_metadata, file.core_metadata_sha256) == (True, "b" * 64)
    assert file.provenance_url == "https://index.example/simple/p.json"
    assert (file.size, file.uploaded_at) == (None, None)  # HTML cannot say, so nobody invents
    raw = json.loads(file.raw)
    assert raw["gpg-sig"] is True
    assert raw["url"] == file.url


@pytest.mark.parametrize(
    ("attribute", "yanked", "reason"),
    [
        ("", False, ""),
        ("data-yanked", True, ""),
        ('data-yanked=""', True, ""),
        ('data-yanked="x"', True, "x"),
    ],
)
def test_yanks(attribute: str, yanked: bool, reason: str) -> None:
    (file,) = read(f'<a href="{SDIST}" {attribute}>x</a>').files
    assert (file.yanked, file.yanked_reason) == (yanked, reason)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('data-dist-info-metadata="true"', (True, None)),
        (f'data-dist-info-metadata="sha256={SHA}"', (True, SHA)),
        ('data-dist-info-metadata="sha256=short"', (False, None)),
        ('data-core-metadata="false" data-dist-info-metadata="true"', (False, None)),
        ('data-core-metadata=""', (False, None)),
        ("", (False, None)),
    ],
)
def test_core_metadata(attributes: str, expected: object) -> None:
    (file,) = read(f'<a href="{SDIST}" {attributes}>x</a>').files
    assert (file.core_metadata, file.core_metadata_sha256) == expected


def test_a_gpu_index() -> None:
    page = parse_html_page(
        b"<!DOCTYPE html><html><body><h1>Links for torch</h1>"
        b'<a href="/whl/cu118/torch-2.0.1%2Bcu118-cp311-cp311-linux_x86_64.whl#sha256='
        + SHA.encode()
        + b'">torch-2.0.1+cu118-cp311-cp311-linux_x86_64.whl</a><br/>'
        b'<a href="https://cdn.example/whl/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl">x</a>'
        b"</body></html><!--TIMESTAMP 1711276740-->",
        url="https://gpu.example/whl/torch/",
        project=ProjectName("torch"),
    )
    first, second = page.files
    assert first.filename == "torch-2.0.1+cu118-cp311-cp311-linux_x86_64.whl"
    assert first.url.startswith("https://gpu.example/whl/cu118/torch-2.0.1%2Bcu118-")
    assert first.door_path == "whl/cu118/torch-2.0.1%2Bcu118-cp311-cp311-linux_x86_64.whl"
    assert (first.sha256, second.sha256) == (SHA, None)
    assert page.api_version == "1.0"
    assert page.last_serial is None
    assert not page.offers_provenance


def test_a_base_element_moves_relative_links() -> None:
    (file,) = read(f'<a href="aa/{SDIST}">x</a>', head='<base href="/files/">').files
    assert file.url == f"https://index.example/files/aa/{SDIST}"
    (file,) = read(f'<a href="{SDIST}">x</a>', head='<base href="https://cdn.example/d/">').files
    assert file.url == f"https://cdn.example/d/{SDIST}"


def test_meta_tags() -> None:
    page = read(
        "",
        head='<meta name="pypi:repository-version" content="1.4">'
        '<meta name="pypi:project-status" content="archived">'
        '<meta name="pypi:project-status-reason" content="no &lt;more&gt;">'
        '<meta name="pypi:tracks" content="https://t.example/">'
        '<meta name="pypi:alternate-locations" content="https://o.example/1/">'
        '<meta name="pypi:alternate-locations" content="https://o.example/2/">',
        tail="<!--SERIAL 4711-->\n",
    )
    assert page.api_version == "1.4"
    assert (page.status, page.status_reason) == (ProjectStatus.ARCHIVED, "no <more>")
    assert page.last_serial == 4711
    assert json.loads(bytes(page.meta_extra["tracks"])) == ["https://t.example/"]
    assert json.loads(bytes(page.extra["alternate-locations"])) == [
        "https://o.example/1/",
        "https://o.example/2/",
    ]


def test_an_unknown_status_is_quarantined() -> None:
    page = read("", head='<meta name="pypi:project-status" content="seized">')
    assert page.status is ProjectStatus.QUARANTINED


def test_later_minor_versions_are_read_in_silence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = read("", head='<meta name="pypi:repository-version" content="1.99">')
    assert page.api_version == "1.99"


@pytest.mark.parametrize("version", ["2.0", "x", "1!1.0"])
def test_other_major_versions_are_refused(version: str) -> None:
    with pytest.raises(IndexPageError):
        read("", head=f'<meta name="pypi:repository-version" content="{version}">')


def test_links_that_are_no_files_are_left_out() -> None:
    page = read(
        '<a href="../">up</a><a href="?C=N;O=D">Name</a><a name="top">x</a><a href="">y</a>'
        '<a href="http://[broken/demo-1.0.zip">z</a>'
        f'<a href="{SDIST}">{SDIST}</a>'
    )
    assert [f.filename for f in page.files] == [SDIST]


@pytest.mark.parametrize(
    "href",
    [f"javascript:alert(1)/{SDIST}", f"file:///etc/{SDIST}", "a%2Fdemo-1.0.zip", "../%2e%2e/demo-1.0.zip",
     f"https://u:p@h.example/{SDIST}", "demo%0a-1.0.zip"],
)  # fmt: skip
def test_links_that_may_not_be_used_are_defects(href: str) -> None:
    page = read(f'<a href="{href}">{SDIST}</a>')
    assert page.files == ()
    assert len(page.defects) == 1


def test_hashes_other_than_sha256_are_kept_for_the_record() -> None:
    (file,) = read(f'<a href="{SDIST}#md5={"0" * 32}&amp;egg=demo">x</a>').files
    assert file.sha256 is None
    assert json.loads(file.raw)["hashes"] == {"md5": "0" * 32}


def test_a_declared_character_set_is_used() -> None:
    body = f'<a href="{SDIST}" data-yanked="défaut">x</a>'.encode("latin-1")
    page = parse_html_page(body, url=PAGE_URL, project=DEMO, charset="iso-8859-1")
    assert page.files[0].yanked_reason == "défaut"


def test_what_is_stored_reads_back_as_the_same_page() -> None:
    body = f'<a href="aa/{SDIST}#sha256={SHA}" data-yanked="x">x</a><!--SERIAL 3-->'.encode()
    stored = convert_html_page(body, url=PAGE_URL, project=DEMO)
    assert parse_json_page(stored, url=PAGE_URL, project=DEMO) == parse_html_page(
        body, url=PAGE_URL, project=DEMO
    )


_SCRAPS = st.sampled_from(
    ["<a href=", "<a ", '"demo-1.0.zip"', "'", '"', ">", "</a>", "<base href='//[x'>", "<!--", "-->",
     "<![CDATA[", "<meta name=pypi:repository-version content=", "1.0", "&#xD800;", "&#0;", "<!", "<?",
     "\x00", "data-yanked", "<base href=javascript:1>", "#sha256=", "é", "</", "<html", "<!--SERIAL 9-->"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_SCRAPS, max_size=14).map("".join))
def test_any_html_gives_a_page_or_a_refusal(html: str) -> None:
    try:
        page = parse_html_page(html.encode(), url=PAGE_URL, project=DEMO)
    except IndexPageError:
        return
    assert all(f.url.startswith(("http://", "https://")) for f in page.files)
