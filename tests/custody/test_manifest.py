"""The root of a version: RFC 6962 over canonical leaves, checked against naive code of our own."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from kit.custody import an_object
from pratique.custody.manifest import (
    content_of,
    leaf,
    media_type_of,
    render_manifest,
    verify_manifest,
)
from pratique.custody.model import StoredObject
from pratique.custody.ports import Version
from pratique.errors import InputError, IntegrityError
from pratique.values.digests import Sha256

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@st.composite
def objects(draw: st.DrawFn) -> list[StoredObject]:
    keys = draw(st.sets(KEYS, max_size=9))
    return [
        an_object(
            number,
            key=key,
            size=draw(st.integers(0, 1 << 40)),
            sha256=Sha256(hashlib.sha256(key.encode()).hexdigest()),
            media_type=draw(st.sampled_from(["text/plain", 'odd"\\/type', "größe/ß"])),
        )
        for number, key in enumerate(sorted(keys, key=str.encode))
    ]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    pair = naive_root(leaves[:split]) + naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + pair).digest()


def sealed(found: list[StoredObject]) -> Version:
    content = content_of(found)
    return Version(
        dataset="dialogs",
        number=3,
        root=content.root,
        objects=content.objects,
        bytes=content.bytes,
        sealed_at=NOON,
    )


@given(objects())
def test_the_root_is_rfc_6962_over_rfc_8785(found: list[StoredObject]) -> None:
    leaves = [
        rfc8785.dumps(
            {"key": o.key, "size": o.size, "sha256": o.sha256, "media_type": o.media_type}
        )
        for o in found
    ]
    assert [leaf(one) for one in found] == leaves
    content = content_of(found)
    assert content.root == naive_root(leaves).hex()
    assert (content.objects, content.bytes) == (len(found), sum(o.size for o in found))


@given(objects(), st.data())
def test_no_byte_of_a_manifest_can_be_changed(
    found: list[StoredObject], data: st.DataObject
) -> None:
    lines = b"".join(render_manifest(sealed(found), found))
    head = verify_manifest(lines.splitlines(keepends=True))
    assert (head.dataset, head.version, head.objects) == ("dialogs", 3, len(found))
    first = lines.index(b"\n") + 1
    if first == len(lines):
        return
    at = data.draw(st.integers(first, len(lines) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != lines[at]))
    changed = lines[:at] + bytes([other]) + lines[at + 1 :]
    with pytest.raises(IntegrityError):
        verify_manifest(changed.splitlines(keepends=True))


def test_lines_cannot_be_dropped_doubled_or_moved() -> None:
    found = [an_object(n, key=f"k{n}", size=n) for n in range(5)]
    head, *lines = render_manifest(sealed(found), found)
    for wrong in (lines[:-1], lines[1:], [*lines, lines[-1]], [lines[1], lines[0], *lines[2:]]):
        with pytest.raises(IntegrityError):
            verify_manifest([head, *wrong])
    with pytest.raises(IntegrityError):
        verify_manifest([head, *lines[:-1], lines[-1].rstrip(b"\n")])


@pytest.mark.parametrize("head", [b"", b"{}\n", b"\xff\n", b'{"format":"other"}\n'])
def test_what_is_no_manifest_is_said(head: bytes) -> None:
    with pytest.raises(InputError, match="manifest"):
        verify_manifest([head])
    wrong = json.dumps(
        {"bytes": 0, "dataset": "d", "format": "x/v1", "objects": 0, "root": "", "version": 1}
    )
    with pytest.raises(InputError, match="format"):
        verify_manifest([wrong.encode()])


def test_objects_out_of_order_are_never_sealed() -> None:
    late, early = an_object(1, key="b"), an_object(2, key="a")
    with pytest.raises(IntegrityError):
        content_of([late, early])
    with pytest.raises(IntegrityError):
        content_of([early, early])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a.parquet", "application/vnd.apache.parquet"), ("a/b.JSONL", "application/jsonl"),
        ("x.json", "application/json"), ("x.png", "image/png"), ("x.tar.gz", "application/gzip"),
        ("noending", "application/octet-stream"), (".hidden", "application/octet-stream"),
        ("a.b/c", "application/octet-stream"), ("x.html", "text/html"), ("s.txt", "text/plain"),
    ],
)  # fmt: skip
def test_media_types_follow_the_name(key: str, expected: str) -> None:
    assert media_type_of(key) == expected
