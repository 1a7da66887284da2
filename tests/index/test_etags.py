"""Validators: RFC 9110 sections 8.8.3 and 13.1.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.index.etags import if_none_match, strong_etag
from pratique.index.negotiate import Encoding, Representation


@pytest.mark.parametrize(
    ("header", "etag", "expected"),
    [
        # RFC 9110 section 13.1.2, the examples
        ('"xyzzy"', '"xyzzy"', True),
        ('W/"xyzzy"', '"xyzzy"', True),
        ('"xyzzy", "r2d2xxxx", "c3piozzzz"', '"c3piozzzz"', True),
        ('W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz"', '"r2d2xxxx"', True),
        ("*", '"anything"', True),
        # RFC 9110 section 8.8.3.2, weak comparison
        ('W/"1"', 'W/"1"', True),
        ('W/"1"', 'W/"2"', False),
        ('"1"', 'W/"1"', True),
        # lists and oddities
        ('"a,b"', '"a,b"', True),
        ('"a,b"', '"a"', False),
        (' ,, "x" ,\t"y",', '"y"', True),
        ('"x""y"', '"y"', False),
        ('"x" garbage', '"x"', False),
        ("xyzzy", '"xyzzy"', False),
        ('"open', '"open"', False),
        ('w/"x"', '"x"', False),
        ('"X"', '"x"', False),
        ('*, "x"', '"x"', False),
        ("", '""', False),
        ('""', '""', True),
    ],
)
def test_if_none_match(header: str, etag: str, expected: bool) -> None:
    assert if_none_match(header, etag) is expected


def test_a_tag_names_bytes_format_and_encoding() -> None:
    tags = {
        strong_etag(body, representation=representation, encoding=encoding)
        for body in (b"a", b"b")
        for representation in Representation
        for encoding in Encoding
    }
    assert len(tags) == 2 * len(Representation) * len(Encoding)
    for tag in tags:
        assert not tag.startswith("W/")
        assert if_none_match(f'"other", W/{tag}', tag)


@given(st.text(max_size=40))
def test_any_header_is_answered(header: str) -> None:
    assert if_none_match(header, '"tag-that-nobody-has"') in {True, False}
