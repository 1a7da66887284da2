"""Rendered pages: checked against a naive reference that decodes everything."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import msgspec
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from pypi_simple.html import RepositoryPage

from kit.hostile_json import hostile_page
from kit.index_pages import DEMO, PAGE_URL, digest_of, file_entry, huge_page_body, page_body, parsed
from pratique.index.cook import Metadata, Offer, compress, render_html, render_json
from pratique.index.errors import IndexPageError
from pratique.index.model import ProjectPage
from pratique.index.offers import MAX_NOTE, yank_note
from pratique.index.parse_html import parse_html_page
from pratique.index.parse_json import parse_json_page
from pratique.policy.model import Decision, Outcome
from pratique.values.digests import Sha256
from pratique.values.names import ProjectName, ProjectStatus

WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
SIDECAR = digest_of(WHEEL + ".metadata")
BLOCK = "https://fw.example/b/K7Q2ABCD"
DOOR_URL = "https://fw.example/pypi/simple/demo/"
ALLOW = Decision(outcome=Outcome.ALLOW, rule="default")
HOLD = Decision(
    outcome=Outcome.HOLD,
    rule="cool-down",
    reason="demo 1.0 is in cool-down until 2026-03-27T10:39Z",
    until=datetime(2026, 3, 27, 10, 39, tzinfo=UTC),
)
HIDE = Decision(outcome=Outcome.HIDE, rule="provenance", reason="demo 1.0 lost its attestation")
DENY = Decision(outcome=Outcome.DENY, rule="advisory", reason="MAL-2026-1")
AUDITED = Decision(outcome=Outcome.ALLOW, rule="cool-down", reason="too new", audited=Outcome.HOLD)


def offers_of(page: ProjectPage, *decisions: Decision) -> list[Offer]:
    padded = [*decisions, *[ALLOW] * len(page.files)][: len(page.files)]
    return [
        Offer(
            file=file,
            decision=decision,
            block_url="" if decision is ALLOW else BLOCK,
            metadata=Metadata.UPSTREAM if file.core_metadata else Metadata.NONE,
        )
        for file, decision in zip(page.files, padded, strict=True)
    ]


def json_files(page: ProjectPage, offers: list[Offer]) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads(render_json(page, offers))["files"]
    return files


def html_attributes(page: ProjectPage, offers: list[Offer]) -> list[dict[str, Any]]:
    soup = BeautifulSoup(render_html(page, offers), "html.parser")
    return [{**a.attrs, "": a.get_text()} for a in soup.find_all("a")]


# ── the outcomes ─────────────────────────────────────────────────────────────────────────────


def test_an_allowed_file_is_as_upstream_published_it_but_for_its_links() -> None:
    entry = file_entry(
        WHEEL, gpg_sig=True, yanked="old", x_new={"url": "kept"}, provenance="https://p.example/x"
    )
    page = parsed([entry])
    (file,) = json_files(page, offers_of(page))
    path = entry["url"].removeprefix("https://files.example/packages/")
    assert file == {
        **entry,
        "url": f"../../packages/{path}",
        "provenance": f"../../packages/{path}.provenance",
    }
    assert urljoin(DOOR_URL, file["url"]) == f"https://fw.example/pypi/packages/{path}"


@pytest.mark.parametrize("decision", [HOLD, HIDE])
def test_a_closed_file_stays_listed_as_yanked_with_the_reason(decision: Decision) -> None:
    page = parsed([file_entry(WHEEL), file_entry(SDIST)])
    closed, open_ = json_files(page, offers_of(page, decision))
    assert closed["yanked"] == f"{decision.reason} {BLOCK}"
    assert closed["_pratique"] == {
        "outcome": decision.outcome.value,
        "rule": decision.rule,
        "until": "2026-03-27T10:39:00Z" if decision is HOLD else None,
        "block": "K7Q2ABCD",
        "reason": decision.reason,
    }
    assert open_["yanked"] is False
    assert "_pratique" not in open_
    html_closed, html_open = html_attributes(page, offers_of(page, decision))
    assert html_closed["data-yanked"] == closed["yanked"]
    assert "data-yanked" not in html_open


def test_a_denied_file_leaves_both_lists() -> None:
    page = parsed([file_entry(WHEEL), file_entry(SDIST)])
    offers = offers_of(page, DENY)
    assert [f["filename"] for f in json_files(page, offers)] == [SDIST]
    assert [f[""] for f in html_attributes(page, offers)] == [SDIST]
    assert WHEEL.encode() not in render_json(page, offers) + render_html(page, offers)


def test_audit_mode_changes_nothing_but_the_private_note() -> None:
    page = parsed([file_entry(WHEEL, yanked="theirs")])
    (audited,) = json_files(page, offers_of(page, AUDITED))
    (plain,) = json_files(page, offers_of(page))
    note = audited.pop("_pratique")
    assert audited == plain
    assert note["outcome"] == "allow"
    assert note["audited"] == "hold"
    assert render_html(page, offers_of(page, AUDITED)) == render_html(page, offers_of(page))


def test_upstreams_own_private_note_is_not_passed_off_as_ours() -> None:
    page = parsed([file_entry(WHEEL, _pratique={"outcome": "allow"})])
    assert "_pratique" not in json_files(page, offers_of(page))[0]


@pytest.mark.parametrize(
    ("metadata", "sha256", "json_value", "html_value"),
    [
        (Metadata.UPSTREAM, None, {"sha256": SIDECAR}, f"sha256={SIDECAR}"),
        (Metadata.MADE, None, True, "true"),
        (Metadata.MADE, "c" * 64, {"sha256": "c" * 64}, "sha256=" + "c" * 64),
        (Metadata.NONE, "c" * 64, None, None),
    ],
)  # fmt: skip
def test_core_metadata_is_what_the_door_can_serve(
    metadata: Metadata, sha256: Sha256 | None, json_value: object, html_value: str | None
) -> None:
    entry = file_entry(WHEEL)
    entry["data-dist-info-metadata"] = entry["dist-info-metadata"] = entry["core-metadata"]
    page = parsed([entry])
    offers = [Offer(file=page.files[0], decision=ALLOW, metadata=metadata, metadata_sha256=sha256)]
    (file,) = json_files(page, offers)
    assert file.get("core-metadata") == json_value
    if metadata is not Metadata.UPSTREAM:
        assert not {"dist-info-metadata", "data-dist-info-metadata"} & file.keys()
    (anchor,) = html_attributes(page, offers)
    assert anchor.get("data-core-metadata") == html_value
    assert anchor.get("data-dist-info-metadata") == html_value


def test_a_sidecar_whose_hash_is_unusable_is_not_announced() -> None:
    page = parsed([file_entry(WHEEL, core_metadata={"sha256": "short"})])
    offers = [Offer(file=page.files[0], decision=ALLOW, metadata=Metadata.UPSTREAM)]
    assert "core-metadata" not in json_files(page, offers)[0]
    assert "data-core-metadata" not in html_attributes(page, offers)[0]


def test_an_unusable_provenance_link_is_not_passed_on() -> None:
    page = parsed([file_entry(WHEEL, provenance="javascript:alert(1)")])
    assert json_files(page, offers_of(page))[0]["provenance"] is None
    assert b"javascript" not in render_html(page, offers_of(page))


def test_provenance_is_absolute_where_the_door_knows_its_address() -> None:
    page = parsed([file_entry(WHEEL, provenance="https://p.example/x")])
    base = "https://fw.example/pypi/packages/"
    body = render_json(page, offers_of(page), provenance_base=base)
    assert json.loads(body)["files"][0]["provenance"].startswith(base)


def test_a_pinned_hash_is_listed_in_both_formats() -> None:
    page = parsed([file_entry(WHEEL, hashes={"md5": "0" * 32})])
    pinned = msgspec.structs.replace(page.files[0], sha256=Sha256("d" * 64))
    offers = [Offer(file=pinned, decision=ALLOW)]
    assert json_files(page, offers)[0]["hashes"] == {"md5": "0" * 32, "sha256": "d" * 64}
    assert html_attributes(page, offers)[0]["href"].endswith("#sha256=" + "d" * 64)


def test_a_file_with_another_hash_only_keeps_that_one_in_html() -> None:
    page = parsed([file_entry(WHEEL, hashes={"md5": "0" * 32}), file_entry(SDIST, hashes={})])
    first, second = html_attributes(page, offers_of(page))
    assert first["href"].endswith(WHEEL + "#md5=" + "0" * 32)
    assert second["href"].endswith(SDIST)


# ── yank notes ───────────────────────────────────────────────────────────────────────────────


def note_for(reason: str, *, url: str = BLOCK, yanked: object = False) -> str:
    page = parsed([file_entry(WHEEL, yanked=yanked)])
    decision = Decision(outcome=Outcome.HOLD, rule="cool-down", reason=reason)
    return yank_note(Offer(file=page.files[0], decision=decision, block_url=url))


def test_upstreams_own_yank_reason_is_kept_where_it_fits() -> None:
    assert (
        note_for("held", yanked="broken wheel") == f"held {BLOCK} (yanked upstream: broken wheel)"
    )
    assert note_for("held", yanked="x" * 200) == f"held {BLOCK}"
    assert note_for("held", yanked=True) == f"held {BLOCK}"


def test_a_closed_file_always_has_a_reason() -> None:
    assert note_for("", url="") == "not offered by policy, rule cool-down"


@settings(max_examples=150)
@given(
    st.text(max_size=300),
    st.one_of(st.just(BLOCK), st.text(max_size=150)),
    st.one_of(st.booleans(), st.text(max_size=220)),
)
def test_notes_are_one_short_plain_line(reason: str, url: str, yanked: object) -> None:
    note = note_for(reason, url=url, yanked=yanked)
    assert 0 < len(note) <= MAX_NOTE
    assert note.isascii()
    assert note.isprintable()
    assert not set(note) & set("\"'`\\\n\r\t")
    if url == BLOCK:
        assert BLOCK in note


# ── the page ─────────────────────────────────────────────────────────────────────────────────


def test_page_keys_are_kept() -> None:
    page = parsed(
        [file_entry(WHEEL)],
        meta={"api-version": "1.9", "_last-serial": 5, "tracks": ["https://t.example/"], "x": [1]},
        project_status={"status": "archived", "reason": "<done>", "y": 1},
        alternate_locations=["https://other.example/demo/"],
        zzz={"files": [1]},
    )
    told = json.loads(render_json(page, offers_of(page)))
    told.pop("files")
    assert told == {
        "meta": {"api-version": "1.9", "_last-serial": 5, "tracks": ["https://t.example/"], "x": [1]},
        "name": "demo",
        "versions": ["1.0"],
        "project-status": {"status": "archived", "reason": "<done>", "y": 1},
        "alternate-locations": ["https://other.example/demo/"],
        "zzz": {"files": [1]},
    }  # fmt: skip
    html = RepositoryPage.from_html(
        render_html(page, offers_of(page)).replace(b"1.9", b"1.4"), base_url=DOOR_URL
    )
    assert html.pypi_meta == {
        "repository-version": ["1.4"],
        "project-status": ["archived"],
        "project-status-reason": ["<done>"],
        "tracks": ["https://t.example/"],
        "alternate-locations": ["https://other.example/demo/"],
    }


@pytest.mark.parametrize(
    ("said", "told"), [("1.0", "1.1"), ("1.1", "1.1"), ("1.4", "1.4"), ("1.10", "1.10")]
)
def test_the_api_version_is_at_least_1_1(said: str, told: str) -> None:
    page = parsed([], meta={"api-version": said})
    assert json.loads(render_json(page, []))["meta"]["api-version"] == told


def test_an_unknown_status_is_told_as_quarantined_in_both_formats() -> None:
    page = parsed([], project_status={"status": "seized", "by": "x"})
    told = json.loads(render_json(page, []))["project-status"]
    assert told["status"] == "quarantined"
    assert told["by"] == "x"
    assert b'name="pypi:project-status" content="quarantined"' in render_html(page, [])
    assert page.status is ProjectStatus.QUARANTINED


def test_versions_are_those_of_the_files_listed() -> None:
    files = [
        file_entry("demo-1.0.tar.gz"),
        file_entry("demo-1.0-py3-none-any.whl"),
        file_entry("demo-2.0b1.tar.gz"),
        file_entry("demo-3.0.tar.gz"),
    ]
    page = parsed(files, versions=["3.0", "2.0-beta1", "1.0"])

    def versions(*decisions: Decision) -> list[str]:
        told: list[str] = json.loads(render_json(page, offers_of(page, *decisions)))["versions"]
        return told

    assert versions() == ["3.0", "2.0-beta1", "1.0"]
    assert versions(HOLD, HOLD) == ["3.0", "2.0-beta1", "1.0"]  # held files stay listed
    assert versions(DENY) == ["3.0", "2.0-beta1", "1.0"]  # the wheel of 1.0 is left
    assert versions(DENY, DENY) == ["3.0", "2.0-beta1"]
    assert versions(ALLOW, ALLOW, DENY, DENY) == ["1.0"]
    assert versions(DENY, DENY, DENY, DENY) == []


def test_versions_are_told_even_if_upstream_told_none() -> None:
    page = parsed([file_entry("demo-1.0.tar.gz"), file_entry("demo-2!1.0+a.1.zip")], versions=...)
    told = json.loads(render_json(page, offers_of(page)))["versions"]
    assert told == ["1.0", "2!1.0+a.1"]


def test_kept_files_bring_their_versions_along() -> None:
    page = parsed([file_entry("demo-2.0.tar.gz")], versions=["2.0"])
    kept = parsed([file_entry("demo-1.0.tar.gz")])
    offers = offers_of(page) + offers_of(kept)
    assert json.loads(render_json(page, offers))["versions"] == ["2.0", "1.0"]


def test_a_kept_file_in_place_of_a_denied_one_changes_the_versions() -> None:
    page = parsed(
        [file_entry("demo-1.0.tar.gz"), file_entry("demo-2.0.tar.gz")], versions=["1.0", "2.0"]
    )
    kept = parsed([file_entry("demo-3.0.tar.gz")])
    offers = offers_of(page, DENY) + offers_of(kept)
    assert json.loads(render_json(page, offers))["versions"] == ["2.0", "3.0"]


# ── laws ─────────────────────────────────────────────────────────────────────────────────────


def naive_json(page: ProjectPage, body: bytes, offers: list[Offer]) -> dict[str, Any]:
    """What the page must say, by decoding everything and editing dictionaries."""
    told = json.loads(body)
    spans = {offer.file.filename: json.loads(offer.file.raw) for offer in offers}
    files = []
    for offer in offers:
        file, decision = spans[offer.file.filename], offer.decision
        if decision.outcome is Outcome.DENY:
            continue
        path = offer.file.door_path
        file["url"] = "../../packages/" + path
        if offer.file.provenance_url:
            file["provenance"] = f"../../packages/{path}.provenance"
        elif "provenance" in file:
            file["provenance"] = None
        if offer.metadata is not Metadata.UPSTREAM or not offer.file.core_metadata:
            for key in ("core-metadata", "dist-info-metadata", "data-dist-info-metadata"):
                file.pop(key, None)
        if offer.metadata is Metadata.MADE:
            sha256 = offer.metadata_sha256
            file["core-metadata"] = {"sha256": sha256} if sha256 else True
        file.pop("_pratique", None)
        if decision.outcome is not Outcome.ALLOW:
            file["yanked"] = yank_note(offer)
        if decision is not ALLOW:
            until = decision.until
            file["_pratique"] = {
                "outcome": decision.outcome.value,
                "rule": decision.rule,
                "until": until.isoformat().replace("+00:00", "Z") if until else None,
                "block": "K7Q2ABCD",
                "reason": decision.reason,
                **({"audited": decision.audited.value} if decision.audited else {}),
            }
        files.append(file)
    kept = {o.file.filename for o in offers if o.decision.outcome is not Outcome.DENY}
    versions = {"demo-1.0.tar.gz": "1.0", "demo-1.1-py3-none-any.whl": "1.1",
                "demo-2!1.0+local.1.tar.gz": "2!1.0+local.1", "demo-2.0.zip": "2.0"}  # fmt: skip
    published = told.get("versions")
    whole = isinstance(published, list) and published and all(isinstance(v, str) for v in published)
    order = [o.file.filename for o in offers if o.file.filename in kept]
    told["versions"] = (
        published if whole and len(kept) == len(page.files) else [versions[name] for name in order]
    )
    told["files"] = files
    return told


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(
    hostile_page(),
    st.lists(st.sampled_from([ALLOW, HIDE, HOLD, DENY, AUDITED]), min_size=5, max_size=5),
    st.lists(
        st.tuples(st.sampled_from(Metadata), st.sampled_from([None, Sha256("c" * 64)])),
        min_size=5,
        max_size=5,
    ),
)
def test_json_says_what_the_naive_reference_says(
    body: bytes, decisions: list[Decision], sidecars: list[tuple[Metadata, Sha256 | None]]
) -> None:
    try:
        page = parse_json_page(body, url=PAGE_URL, project=DEMO)
    except IndexPageError:
        return
    offers = [
        Offer(
            file=file,
            decision=decision,
            block_url="" if decision is ALLOW else BLOCK,
            metadata=metadata,
            metadata_sha256=sha256,
        )
        for file, decision, (metadata, sha256) in zip(page.files, decisions, sidecars, strict=False)
    ]
    rendered = render_json(page, offers)
    expected = naive_json(page, body, offers)
    status = expected.get("project-status")
    if status is not None and page.status is ProjectStatus.QUARANTINED:
        expected.pop("project-status")
        page.extra.pop("project-status")
        rendered = render_json(page, offers)
        expected["project-status"] = {"status": "quarantined", "reason": page.status_reason}
    assert json.loads(rendered) == expected
    assert rendered == render_json(page, offers)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    hostile_page(),
    st.lists(st.sampled_from([ALLOW, HIDE, HOLD, DENY, AUDITED]), min_size=5, max_size=5),
)
def test_html_and_json_offer_the_same(body: bytes, decisions: list[Decision]) -> None:
    try:
        page = parse_json_page(body, url=PAGE_URL, project=DEMO)
    except IndexPageError:
        return
    offers = offers_of(page, *decisions[: len(page.files)])
    from_json = parse_json_page(render_json(page, offers), url=DOOR_URL, project=DEMO)
    from_html = parse_html_page(render_html(page, offers), url=DOOR_URL, project=DEMO)
    assert from_json.defects == from_html.defects == ()

    def essence(read: ProjectPage) -> list[tuple[object, ...]]:
        return [
            (f.filename, f.url, f.sha256, f.requires_python.strip(), f.yanked, f.yanked_reason,
             f.core_metadata, f.core_metadata_sha256, f.provenance_url)
            for f in read.files
        ]  # fmt: skip

    assert essence(from_json) == essence(from_html)
    assert from_json.last_serial == from_html.last_serial
    assert all(f.url.startswith("https://fw.example/pypi/packages/") for f in from_json.files)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_text_of_upstream_escapes_its_attribute(reason: str, python: str, status: str) -> None:
    hostile = f'"><script>alert(1)</script>{reason}'
    page = parsed(
        [file_entry(WHEEL, yanked=hostile, requires_python=hostile + python)],
        project_status={"status": "archived", "reason": hostile + status},
        alternate_locations=[hostile],
    )
    soup = BeautifulSoup(render_html(page, offers_of(page)), "html.parser")
    assert soup.find("script") is None
    (anchor,) = soup.find_all("a")
    assert anchor.get_text() == WHEEL
    assert set(anchor.attrs) == {
        "href", "data-requires-python", "data-yanked", "data-core-metadata", "data-dist-info-metadata"
    }  # fmt: skip


_TERMS = st.lists(
    st.tuples(
        st.sampled_from([ALLOW, HIDE, HOLD, DENY, AUDITED]),
        st.sampled_from(Metadata),
        st.sampled_from([None, Sha256("c" * 64)]),
        st.sampled_from([None, Sha256("d" * 64)]),
    ),
    min_size=3,
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(_TERMS, min_size=2, max_size=4),
    st.sampled_from(["../../packages/", "https://a.example/"]),
)
def test_what_was_rendered_before_never_shows_through(
    rounds: list[list[tuple[Decision, Metadata, Sha256 | None, Sha256 | None]]], base: str
) -> None:
    """One page rendered under changing decisions, sidecars and pinned hashes."""
    entries = [
        file_entry(f"demo-{i}.0.zip", hashes={}, provenance="https://p.example/x") for i in range(3)
    ]
    page = parsed(entries)
    for number, terms in enumerate(rounds):
        used = base if number % 2 else "../../packages/"
        answers = []
        for read in (page, parsed(entries)):
            offers = [
                Offer(
                    file=file if pin is None else msgspec.structs.replace(file, sha256=pin),
                    decision=decision,
                    block_url=BLOCK,
                    metadata=metadata,
                    metadata_sha256=sha256,
                )
                for file, (decision, metadata, sha256, pin) in zip(read.files, terms, strict=True)
            ]
            answers.append(render_json(read, offers, provenance_base=used))
        assert answers[0] == answers[1]


# ── the huge page, and bytes on the wire ─────────────────────────────────────────────────────


def test_the_huge_page_loses_only_what_is_denied() -> None:
    project = ProjectName("litellm")
    body = huge_page_body()
    page = parse_json_page(body, url=PAGE_URL, project=project)
    decisions = [DENY if i % 7 == 0 else HOLD if i % 11 == 0 else ALLOW for i in range(3204)]
    offers = offers_of(page, *decisions)
    told = json.loads(render_json(page, offers))
    names = [f.filename for f, d in zip(page.files, decisions, strict=True) if d is not DENY]
    assert [f["filename"] for f in told["files"]] == names
    assert {Version(v) for v in told["versions"]} == {
        Version(n.removeprefix("litellm-").split("-py3")[0].removesuffix(".tar.gz")) for n in names
    }
    assert b"files.example" not in render_json(page, offers) + render_html(page, offers)


def test_compression_is_deterministic_and_lossless() -> None:
    body = page_body([file_entry(WHEEL)]) * 50
    packed = compress(body)
    assert packed == compress(body)
    assert gzip.decompress(packed) == body
    assert packed[4:8] == bytes(4)  # RFC 1952 MTIME
    assert len(packed) < len(body) / 10
