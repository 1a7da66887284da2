"""Botocore signs, we verify; and whatever is changed on the way is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.s3_signing import ACCESS_KEY, REGIONS, SECRET, Wire, sign
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.sigv4 import Payload, parse_claim
from pratique.custody.sigv4_canonical import canonical_path, canonical_query

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
_HEADER_TEXT = st.text(st.sampled_from("abcXYZ019 -_.,;:/=+~%()"), max_size=20)
_NAMES = st.text(st.sampled_from("abcdefgh-"), min_size=1, max_size=8).map(
    lambda name: f"x-amz-meta-{name}"
)


def _refused(wire: Wire, **kwargs: datetime) -> S3Error:
    with pytest.raises(S3Error) as refused:
        wire.check(**kwargs)
    error = refused.value
    shown = f"{error} {error.fields}"
    assert SECRET not in shown
    return error


@settings(max_examples=60, deadline=None)
@given(
    key=_TEXT,
    query=st.lists(st.tuples(_TEXT.filter(bool), _TEXT), max_size=5),
    headers=st.dictionaries(_NAMES, _HEADER_TEXT, max_size=4),
    presigned=st.booleans(),
    token=st.sampled_from([None, "tok/+=en"]),
    host=st.sampled_from(["s3.example", "s3.example:9000", "bucket.s3.example", "[::1]:8333"]),
)
def test_what_botocore_signs_verifies(
    key: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    presigned: bool,
    token: str | None,
    host: str,
) -> None:
    wire = sign(
        path="/bucket/" + key,
        query=tuple(pair for pair in dict(query).items() if not pair[0].startswith("X-Amz-")),
        headers=headers,
        host=host,
        presigned_seconds=60 if presigned else 0,
        token=token,
    )
    claim = wire.check()
    assert claim.access_key == ACCESS_KEY
    assert claim.presigned is presigned
    assert claim.session_token == (token or "")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "a-", "b", "ä", "a b"]), _TEXT), max_size=6))
def test_repeated_and_empty_parameters_are_sorted_as_botocore_does(
    pairs: list[tuple[str, str]],
) -> None:
    sign(query=tuple(pairs)).check()


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ("a=1&b", "a=1&b="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("a-=1&a=2", "a=2&a-=1"),
        ("prefix=a/b", "prefix=a%2Fb"),
        ("prefix=a+b", "prefix=a%20b"),
        ("prefix=a%2Bb", "prefix=a%2Bb"),
        ("%7e=%7E", "~=~"),
        ("ä=ö", "%C3%A4=%C3%B6"),
        ("a=b=c", "a=b%3Dc"),
        ("a=%zz", "a=%25zz"),
        ("&&a=1&", "a=1"),
    ],
)
def test_queries_get_one_spelling(sent: str, means: str) -> None:
    assert canonical_query(sent) == means


@pytest.mark.parametrize(
    ("sent", "means"),
    [
        ("/b/k", "/b/k"),
        ("/b//k", "/b//k"),
        ("/b/../k", "/b/../k"),
        ("/b/%6B", "/b/k"),
        ("/b/a%2fb", "/b/a/b"),
        ("/b/a+b", "/b/a%2Bb"),
        ("/b/$x", "/b/%24x"),
        ("/b/\udcff", "/b/%FF"),
    ],
)
def test_paths_get_one_spelling(sent: str, means: str) -> None:
    assert canonical_path(sent) == means


@given(st.binary(max_size=30))
def test_canonical_paths_keep_what_they_mean(name: bytes) -> None:
    spelled = canonical_path("/" + quote(name))
    assert canonical_path(spelled) == spelled


@settings(max_examples=60, deadline=None)
@given(data=st.data(), presigned=st.booleans())
def test_any_changed_byte_is_refused(data: st.DataObject, presigned: bool) -> None:
    wire = sign(
        path="/bucket/some/key",
        query=(("prefix", "abc"),),
        headers={"range": "bytes=0-9"},
        presigned_seconds=60 if presigned else 0,
    )
    where = data.draw(st.sampled_from(["method", "path", "query", "header"]))
    if where == "method":
        changed = Wire("PUT", wire.path, wire.query, wire.raw_headers)
    elif where == "path":
        changed = Wire(wire.method, _other(data, wire.path), wire.query, wire.raw_headers)
    elif where == "query":
        query = _other(data, wire.query)
        if canonical_query(query) == canonical_query(wire.query):
            return  # such as a hex digit's case: it means the same
        changed = Wire(wire.method, wire.path, query, wire.raw_headers)
    else:
        names = wire.claim().signed_headers
        name = data.draw(st.sampled_from(sorted(names)))
        value = _other(data, wire.headers[name])
        if value.split() == wire.headers[name].split():
            return  # blanks around a value are no part of it
        changed = wire.with_headers(**{name: value})
    try:
        claim = changed.claim()
    except S3Error:
        return
    if claim is not None:
        _refused(changed)


def _other(data: st.DataObject, text: str) -> str:
    at = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from("aZ09/-_ %+&=.,;:").filter(lambda c: c != text[at]))
    return text[:at] + instead + text[at + 1 :]


def test_every_character_of_the_signature_counts() -> None:
    wire = sign()
    text = wire.headers["authorization"]
    start = text.index("Signature=") + len("Signature=")
    for at in range(start, len(text)):
        instead = "0" if text[at] != "0" else "1"
        changed = wire.with_headers(authorization=text[:at] + instead + text[at + 1 :])
        assert _refused(changed).code is Code.SIGNATURE_DOES_NOT_MATCH
    upper = wire.with_headers(authorization=text[:start] + text[start:].upper())
    assert _refused(upper).code is Code.SIGNATURE_DOES_NOT_MATCH
    assert _refused(wire.with_headers(authorization=text[:-1])).status == 403


def test_a_key_of_another_day_signs_nothing_today() -> None:
    """A door holds the keys of days: one that was stolen yesterday is of no use."""
    now = datetime.now(UTC)
    for days in (-1, 1):
        day = f"{now + timedelta(days=days):%Y%m%d}"
        wire = sign()
        text = wire.headers["authorization"]
        other = wire.with_headers(authorization=text.replace(f"/{wire.claim().date}/", f"/{day}/"))
        error = _refused(other)
        assert error.code is Code.AUTHORIZATION_HEADER_MALFORMED
        assert day in error.message


def test_a_plus_in_a_query_cannot_be_swapped_for_its_escape() -> None:
    # Both spellings must never share a canonical form: listing would then read another prefix.
    wire = sign(query=(("prefix", "a+b"),))
    assert "a%2Bb" in wire.query
    changed = Wire(wire.method, wire.path, wire.query.replace("%2B", "+"), wire.raw_headers)
    assert _refused(changed).code is Code.SIGNATURE_DOES_NOT_MATCH


def test_nothing_hides_behind_the_name_of_the_signature() -> None:
    wire = sign(presigned_seconds=60)
    for added in ("&X-Amz-Signatur%65=x", "&x-amz-signature=x", "&a", "&a=b"):
        changed = Wire(wire.method, wire.path, wire.query + added, wire.raw_headers)
        assert _refused(changed).code is Code.SIGNATURE_DOES_NOT_MATCH


def test_a_signature_for_the_token_service_leaves_no_body_unsigned() -> None:
    wire = sign("PUT", body=b"", service="sts")
    assert "x-amz-content-sha256" in _refused(wire).message


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} (Jan|Dec) [0-9]{1,20} 23:59:59 [+-][0-9]{4}"),
    )
)
def test_no_date_header_breaks_anything(text: str) -> None:
    try:
        sign_free_claim(text)
    except S3Error:
        return


def sign_free_claim(date: str) -> None:
    """A claim that is dated by its Date header only."""
    headers = {
        "host": "h",
        "date": date,
        "x-amz-content-sha256": "0" * 64,
        "authorization": "AWS4-HMAC-SHA256 Credential=a/20261122/us-east-1/s3/aws4_request, "
        "SignedHeaders=date;host;x-amz-content-sha256, Signature=" + "0" * 64,
    }
    parse_claim(headers=headers, query="", regions=REGIONS, now=datetime.now(UTC))


def test_amz_headers_must_be_signed() -> None:
    for presigned in (0, 60):
        error = _refused(sign(presigned_seconds=presigned).with_headers(x_amz_copy_source="b/k"))
        assert error.code is Code.ACCESS_DENIED
        assert error.fields == (("HeadersNotSigned", "x-amz-copy-source"),)


def test_the_host_must_be_signed() -> None:
    wire = sign()
    text = wire.headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    error = _refused(wire.with_headers(authorization=text))
    assert error.fields == (("HeadersNotSigned", "host"),)


def test_a_signed_header_that_is_gone_is_named() -> None:
    wire = sign(headers={"range": "bytes=0-9"}).with_headers(range=None)
    assert "header range was signed" in _refused(wire).message


def test_clocks_may_differ_by_a_quarter_of_an_hour() -> None:
    wire = sign()
    at = wire.claim().at
    for minutes in (-15, 15):
        wire.check(now=at + timedelta(minutes=minutes))
        error = _refused(wire, now=at + timedelta(minutes=minutes, seconds=minutes))
        assert error.code is Code.REQUEST_TIME_TOO_SKEWED
        assert ("RequestTime", wire.headers["x-amz-date"]) in error.fields


def test_a_presigned_url_ends() -> None:
    wire = sign(presigned_seconds=3600)
    at = wire.claim().at
    wire.check(now=at + timedelta(seconds=3600))
    wire.check(now=at - timedelta(minutes=15))
    assert "has expired" in _refused(wire, now=at + timedelta(seconds=3601)).message
    early = _refused(wire, now=at - timedelta(minutes=15, seconds=1))
    assert early.code is Code.REQUEST_TIME_TOO_SKEWED


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "1e3", "٣", "+60", "", "9" * 40])
def test_presigned_seconds_are_one_to_a_week(expires: str) -> None:
    wire = sign(presigned_seconds=60)
    query = wire.query.replace("X-Amz-Expires=60", f"X-Amz-Expires={quote(expires)}")
    error = _refused(Wire(wire.method, wire.path, query, wire.raw_headers))
    assert error.code is Code.AUTHORIZATION_QUERY_PARAMETERS_ERROR


def test_a_week_is_long_enough() -> None:
    sign(presigned_seconds=604_800).check(now=datetime.now(UTC) + timedelta(days=6))


@pytest.mark.parametrize("name", ["Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_presigned_parameters_stand_once(name: str) -> None:
    wire = sign(presigned_seconds=60)
    pieces = wire.query.split("&")
    (piece,) = (piece for piece in pieces if piece.startswith(f"X-Amz-{name}="))
    twice = "&".join([*pieces, piece])
    error = _refused(Wire(wire.method, wire.path, twice, wire.raw_headers))
    assert error.code is Code.AUTHORIZATION_QUERY_PARAMETERS_ERROR
    without = "&".join(one for one in pieces if one != piece)
    error = _refused(Wire(wire.method, wire.path, without, wire.raw_headers))
    assert error.code is Code.AUTHORIZATION_QUERY_PARAMETERS_ERROR


def test_a_wrong_region_is_told_the_right_one() -> None:
    wire = sign()
    text = wire.headers["authorization"].replace("/us-east-1/", "/eu-west-1/")
    error = _refused(wire.with_headers(authorization=text))
    assert error.code is Code.AUTHORIZATION_HEADER_MALFORMED
    assert error.fields == (("Region", "us-east-1"),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/s3/", "/ec2/"),
        ("/aws4_request", "/aws4"),
        ("Credential=", "Credential=x/"),
        (", Signature=", ", Signature="),
        ("SignedHeaders=host", "SignedHeaders=Host"),
        ("SignedHeaders=host", "SignedHeaders=zz;host"),
        ("SignedHeaders=host", "SignedHeaders=host;host"),
        ("SignedHeaders=host", "SignedHeaders="),
        ("Credential=", "Credential="),
        (", Signature", ", Extra=1, Signature"),
        (", Signature", ", Signature=00, Signature"),
        ("Signature=", "Sig="),
        ("/20", "/21"),
    ],
)
def test_broken_headers_are_refused_with_a_sentence(old: str, new: str) -> None:
    wire = sign()
    text = wire.headers["authorization"].replace(old, new, 1)
    if old == new:
        wire.with_headers(authorization=text.replace(", ", ",")).check()
        return
    error = _refused(wire.with_headers(authorization=text))
    assert error.status in {400, 403}
    assert error.message


@pytest.mark.parametrize(
    ("authorization", "code", "word"),
    [
        ("AWS AKIA:frJIUN8DYpKDtOLCwo//yllqDzg=", Code.INVALID_REQUEST, "s3v4"),
        ("AWS4-ECDSA-P256-SHA256 Credential=x", Code.NOT_IMPLEMENTED, "SigV4A"),
        ("Bearer abc", Code.INVALID_REQUEST, "lease"),
        ("Basic abc", Code.INVALID_REQUEST, "lease"),
        ("", Code.INVALID_REQUEST, "lease"),
    ],
)
def test_other_schemes_are_recognized(authorization: str, code: Code, word: str) -> None:
    error = _refused(sign().with_headers(authorization=authorization))
    assert error.code is code
    assert word in error.message


def test_presigned_urls_of_version_2_are_recognized() -> None:
    query = "AWSAccessKeyId=AKIA&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D&Expires=1141889120"
    error = _refused(Wire("GET", "/b/k", query, ((b"host", b"s3.example"),)))
    assert "AWS4-HMAC-SHA256" in error.message


def test_nobody_claims_an_unsigned_request() -> None:
    now = datetime.now(UTC)
    for query in ("", "prefix=a", "X-Amz-Date=1", "x-amz-signature=1"):
        claim = parse_claim(headers={"host": "h"}, query=query, regions=REGIONS, now=now)
        assert claim is None


def test_two_signatures_are_one_too_many() -> None:
    wire = sign(presigned_seconds=60)
    error = _refused(wire.with_headers(authorization=sign().headers["authorization"]))
    assert error.code is Code.INVALID_ARGUMENT


def test_a_request_without_a_hash_of_its_body_is_refused() -> None:
    error = _refused(sign().with_headers(x_amz_content_sha256=None))
    assert "x-amz-content-sha256" in error.message


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("E3B0C442" * 8, Code.INVALID_ARGUMENT),
        ("unsigned-payload", Code.INVALID_ARGUMENT),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Code.NOT_IMPLEMENTED),
        ("exact", Code.INVALID_ARGUMENT),
    ],
)
def test_unknown_payload_hashes_are_refused(value: str, code: Code) -> None:
    assert _refused(sign().with_headers(x_amz_content_sha256=value)).code is code


@pytest.mark.parametrize("payload", [payload for payload in Payload if payload.value != "exact"])
def test_the_kinds_of_payload_are_told(payload: Payload) -> None:
    claim = sign("PUT").with_headers(x_amz_content_sha256=payload.value).claim()
    assert claim.payload is payload


def test_the_body_of_an_exact_payload_is_signed() -> None:
    claim = sign("PUT", body=b"abc").check()
    assert claim.payload is Payload.EXACT
    assert claim.content_sha256 == sha256(b"abc").hexdigest()


def test_a_date_header_will_do() -> None:
    wire = sign()
    at = wire.claim().at
    changed = wire.with_headers(x_amz_date=None, date=at.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert changed.claim().at == at
    for text in ("", "yesterday", "Fri, 24 May 2013 00:00:00", None):
        assert _refused(wire.with_headers(x_amz_date=None, date=text)).code is Code.ACCESS_DENIED


@pytest.mark.parametrize(
    "stamp",
    ["2026112T101500Z", "20261322T101500Z", "20261122T101500", "20261122 101500Z", "٢" * 16],
)
def test_odd_stamps_are_refused(stamp: str) -> None:
    assert _refused(sign().with_headers(x_amz_date=stamp)).code is Code.ACCESS_DENIED


def test_the_token_service_signs_its_form() -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    wire = sign("POST", "/", body=body, service="sts")
    claim = wire.check(body_sha256=sha256(body).hexdigest())
    assert claim.service == "sts"
    with pytest.raises(S3Error):
        wire.check(body_sha256=sha256(b"Action=Other").hexdigest())


def test_a_session_token_in_two_places_is_refused() -> None:
    wire = sign(presigned_seconds=60, token="abc")
    assert wire.check().session_token == "abc"
    error = _refused(wire.with_headers(x_amz_security_token="abd"))
    assert error.code is Code.AUTHORIZATION_QUERY_PARAMETERS_ERROR


def test_a_dropped_session_token_is_noticed() -> None:
    wire = sign(token="abc").with_headers(x_amz_security_token=None)
    assert _refused(wire).code is Code.SIGNATURE_DOES_NOT_MATCH


@settings(max_examples=150, deadline=None)
@given(
    authorization=st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    "AWS4-HMAC-SHA256 ",
                    "Credential=",
                    "a/20261122/us-east-1/s3/aws4_request",
                    ",",
                    "SignedHeaders=host",
                    "Signature=",
                    "0" * 64,
                    "=",
                    " ",
                    "\udcff",
                    ";",
                ]
            ),
            max_size=12,
        ).map("".join),
    ),
    query=st.one_of(
        st.text(max_size=80),
        st.lists(
            st.sampled_from(
                [
                    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
                    "X-Amz-Credential=",
                    "X-Amz-Signature=",
                    "X-Amz-Date=20261122T101500Z",
                    "X-Amz-Expires=5",
                    "X-Amz-SignedHeaders=host",
                    "&",
                    "%",
                    "%2",
                    "0" * 64,
                    "\udc80",
                ]
            ),
            max_size=14,
        ).map("".join),
    ),
    signed=st.booleans(),
)
def test_nothing_but_s3_errors_comes_of_hostile_claims(
    authorization: str, query: str, signed: bool
) -> None:
    headers = {"host": "h", "x-amz-date": "20261122T101500Z"}
    if signed:
        headers["authorization"] = authorization
    now = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
    try:
        claim = parse_claim(headers=headers, query=query, regions=REGIONS, now=now)
    except S3Error:
        return
    assert claim is None or claim.signature == "0" * 64
