"""JSON that is legal but unkind: repeated keys, escaped keys, blanks anywhere, nested look-alikes."""

import json
from typing import Any

from hypothesis import strategies as st

from kit.index_pages import digest_of

KNOWN_KEYS = (
    "filename", "url", "hashes", "size", "upload-time", "requires-python", "yanked", "gpg-sig",
    "core-metadata", "dist-info-metadata", "data-dist-info-metadata", "provenance", "_pratique",
)  # fmt: skip
NAMES = (
    "demo-1.0.tar.gz",
    "demo-1.1-py3-none-any.whl",
    "demo-2!1.0+local.1.tar.gz",
    "demo-2.0.zip",
)
FOLDER = "https://files.example/packages/aa/bb/"

_BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t "])
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(['"url":"x"', "\\", "</a>", "_pratique"]),
)


class Pairs(list[tuple[str, Any]]):
    """An object as it is written, repeated keys included."""


def _nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.sampled_from(KNOWN_KEYS), st.text(max_size=6))
    return st.one_of(
        st.lists(children, max_size=3),
        st.lists(st.tuples(keys, children), max_size=3).map(Pairs),
    )


anything = st.recursive(_LEAVES, _nested, max_leaves=8)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """One of the many ways to write a value as JSON."""
    blank = draw(_BLANKS)
    if isinstance(value, Pairs):
        members = [f"{draw(key_text(k))}{blank}:{draw(written(v))}" for k, v in value]
        return "{" + blank + f"{blank},".join(members) + blank + "}"
    if isinstance(value, list):
        return "[" + f"{blank},{blank}".join(draw(written(item)) for item in value) + "]"
    return blank + json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def key_text(draw: st.DrawFn, key: str) -> str:
    if draw(st.integers(0, 3)) or not key or ord(key[0]) > 0xFFFF:
        return json.dumps(key, ensure_ascii=draw(st.booleans()))
    return f'"\\u{ord(key[0]):04x}' + json.dumps(key[1:])[1:]


def _links(name: str) -> st.SearchStrategy[Any]:
    path = f"{FOLDER}{name}"
    return st.sampled_from(
        [
            *[path] * 12, path + "#sha256=aa", path + "?token=1", f"../../aa/{name}",
            f"//mirror.example/{name}", f"javascript:alert(1)/{name}", f"{FOLDER}../{name}",
            f"{FOLDER}%2e%2e/{name}", f"https://user:pw@files.example/{name}", "", f"{FOLDER}other",
        ]
    )  # fmt: skip


_DIGESTS = st.sampled_from(
    [digest_of("a"), digest_of("b"), "ab" * 31, "z" * 64, digest_of("c").upper()]
)
_HASHES = st.one_of(
    _DIGESTS.map(lambda d: Pairs([("sha256", d)])),
    st.just(Pairs([("md5", "0" * 32)])),
    anything,
)


@st.composite
def hostile_file(draw: st.DrawFn) -> Pairs:
    """A file whose keys are mostly right, sometimes anything, in any order and number."""
    name = draw(st.sampled_from(NAMES))
    usual = {
        "filename": st.just(name),
        "url": _links(name),
        "hashes": _HASHES,
        "size": st.integers(-1, 2**60),
        "upload-time": st.sampled_from(
            ["2026-03-24T10:39:00Z", "2026-03-24T10:39:00", "0001-01-01T00:00:00+09:00", "soon"]
        ),
        "yanked": st.one_of(st.booleans(), st.text(max_size=8)),
        "core-metadata": st.one_of(st.booleans(), _HASHES),
        "dist-info-metadata": st.one_of(st.booleans(), _HASHES),
        "provenance": st.sampled_from([None, "https://index.example/p", "javascript:1", "../p"]),
    }
    members = [
        (key, draw(value))
        for key, value in usual.items()
        if key in {"filename", "url"} or draw(st.booleans())
    ]
    odd_keys = st.one_of(st.sampled_from(KNOWN_KEYS), st.text(max_size=6))
    odd = draw(st.lists(st.tuples(odd_keys, anything), max_size=3))
    # A repeated key counts as what it says last, so the odd ones come first more often than not.
    members = odd + members if draw(st.integers(0, 7)) else members + odd
    return Pairs(members)


@st.composite
def hostile_page(draw: st.DrawFn) -> bytes:
    files = draw(st.lists(st.one_of(*[hostile_file()] * 7, anything), min_size=1, max_size=5))
    extra = draw(st.lists(st.tuples(st.text(max_size=5), anything), max_size=2))
    page = Pairs(
        [
            *[(key, value) for key, value in extra if key not in {"name", "files", "meta"}],
            ("meta", Pairs([("api-version", "1.4"), ("tracks", ["https://other.example/demo/"])])),
            ("name", "demo"),
            ("files", files),
        ]
    )
    return draw(written(page)).encode()
