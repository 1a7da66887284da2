"""Content negotiation: PEP 691's own examples first."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.index.negotiate import (
    Encoding,
    NotAcceptableError,
    Representation,
    negotiate,
    negotiate_encoding,
)

J, V, H = Representation.JSON, Representation.HTML_V1, Representation.HTML
JSON, HTML = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        # PEP 691, "Content-Types" and "Version + Format Selection"
        (JSON, J),
        (HTML, V),
        ("text/html", H),
        ("application/vnd.pypi.simple.latest+json", J),
        ("application/vnd.pypi.simple.latest+html", V),
        (f"{JSON}, {HTML};q=0.2, text/html;q=0.01", J),
        (f"{HTML};q=0.2, text/html;q=0.01", V),
        # what clients send (measured): pip, uv, poetry's requests, a browser, curl
        (f"{JSON}, {HTML}; q=0.1, text/html; q=0.01", J),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", H),
        ("*/*", H),
        (None, H),
        ("", H),
        # quality and wildcards
        (f"text/html;q=0.5, {JSON};q=0.4", H),
        (f"text/html, {JSON}", J),
        (f"text/html, {HTML}", V),
        ("application/*", J),
        ("text/*", H),
        (f"{JSON};q=0, */*", H),
        ("text/html;q=0, */*", J),
        (f"text/html;q=0, {JSON};q=0, */*;q=0.1", V),
        ("application/*;q=0.5, */*;q=0.1", J),
        ("text/html;q=0.1, */*;q=0.9", J),
        (f"{JSON.upper()};Q=0.3", J),
        (f"image/png, {HTML};q=0.001", V),
        (f"{JSON};q=broken, text/html;q=0.1", H),
        (f" , ,{JSON} , ", J),
    ],
)
def test_accept(accept: str | None, expected: Representation) -> None:
    assert negotiate(accept, None) is expected


@pytest.mark.parametrize(
    "accept",
    ["image/png", f"{JSON};q=0", "*/*;q=0", "application/vnd.pypi.simple.v2+json", "garbage"],
)
def test_nothing_fits(accept: str) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        negotiate(accept, None)
    assert JSON in caught.value.expected


@pytest.mark.parametrize(
    ("format_param", "expected"),
    [
        (JSON, J), (JSON.replace("+", " "), J), (HTML, V), ("text/html", H),
        ("application/vnd.pypi.simple.latest+json", J),
    ],
)  # fmt: skip
def test_the_format_parameter_wins(format_param: str, expected: Representation) -> None:
    assert negotiate("image/png", format_param) is expected


@pytest.mark.parametrize("format_param", ["", "json", "application/json", "x" * 500])
def test_an_unknown_format_is_not_acceptable(format_param: str) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        negotiate(JSON, format_param)
    assert len(str(caught.value)) < 400


def test_content_types() -> None:
    assert [r.content_type for r in (J, V, H)] == [JSON, HTML, "text/html; charset=utf-8"]
    assert len({r.short for r in Representation}) == 3


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip, deflate, zstd", Encoding.GZIP),
        ("gzip, deflate", Encoding.GZIP),
        ("GZIP", Encoding.GZIP),
        ("x-gzip", Encoding.GZIP),
        ("*", Encoding.GZIP),
        ("br;q=1.0, gzip;q=0.1", Encoding.GZIP),
        ("gzip;q=0.5, identity;q=0.5", Encoding.GZIP),
        ("gzip;q=0.4, identity;q=0.5", Encoding.IDENTITY),
        ("gzip;q=0", Encoding.IDENTITY),
        ("gzip;q=0, *", Encoding.IDENTITY),
        ("*;q=0", Encoding.IDENTITY),
        ("identity", Encoding.IDENTITY),
        ("br", Encoding.IDENTITY),
        ("gzip;q=oops", Encoding.IDENTITY),
        ("", Encoding.IDENTITY),
        (None, Encoding.IDENTITY),
    ],
)
def test_encodings(header: str | None, expected: Encoding) -> None:
    assert negotiate_encoding(header) is expected


@given(st.text(max_size=60), st.none() | st.text(max_size=30))
def test_any_header_gives_a_representation_or_a_refusal(
    accept: str, format_param: str | None
) -> None:
    negotiate_encoding(accept)
    with suppress(NotAcceptableError):
        assert negotiate(accept, format_param) in Representation
