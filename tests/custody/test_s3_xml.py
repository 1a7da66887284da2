"""Our XML as botocore reads it, and hostile XML as we read it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import fromstring

import botocore.session
import pytest
from botocore.parsers import create_parser
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.custody.model import (
    LeaseId,
    ObjectId,
    Refusal,
    Stop,
    StoredObject,
)
from pratique.custody.operations import (
    ListMultipartUploads,
    ListObjects,
    ListParts,
    ReadBucketSetting,
)
from pratique.custody.ports import Upload
from pratique.custody.requests import BUCKET_SETTINGS, OBJECT_SETTINGS
from pratique.custody.s3_errors import (
    OF_STOP,
    STATUS,
    Code,
    S3Error,
    of_refusal,
    render_error,
    render_sts_error,
)
from pratique.custody.s3_headers import (
    check_write_headers,
    fold_headers,
    parse_metadata,
    with_hoisted,
)
from pratique.custody.s3_settings import render_setting
from pratique.custody.s3_xml import (
    DeleteResult,
    SentPart,
    render_buckets,
    render_copied,
    render_deleted,
    render_objects,
    render_parts,
    render_upload_begun,
    render_upload_completed,
    render_uploads,
)
from pratique.custody.s3_xml_parse import (
    MAX_XML_BYTES,
    NamedPart,
    parse_completion,
    parse_deletions,
)
from pratique.custody.sts import (
    CallerIdentity,
    WebIdentity,
    parse_sts,
    render_caller,
    render_web_identity,
)
from pratique.custody.xml_text import element
from pratique.values.digests import Sha256

AT = datetime(2026, 11, 22, 10, 15, 0, tzinfo=UTC)
ODD = "a <b>&\"'/ü+%41 \U0001f600]]>"
_SESSION = botocore.session.Session()
_MODELS = {name: _SESSION.get_service_model(name) for name in ("s3", "sts")}


def read(call: str, body: bytes, *, service: str = "s3", status: int = 200) -> dict[str, Any]:
    shape = _MODELS[service].operation_model(call).output_shape
    parser = create_parser("rest-xml" if service == "s3" else "query")
    answer = parser.parse({"body": body, "headers": {}, "status_code": status}, shape)
    answer.pop("ResponseMetadata", None)
    return answer


def stored(key: str) -> StoredObject:
    return StoredObject(
        id=ObjectId("0" * 32),
        dataset="some-data",
        key=key,
        size=7,
        sha256=Sha256("ab" * 32),
        media_type="text/plain",
        metadata=(),
        wrapped_key=b"",
        created_at=AT,
        by_lease="",
    )


def asked(**changed: Any) -> ListObjects:
    fields: dict[str, Any] = {
        "bucket": "some-data",
        "version": 2,
        "prefix": "a ",
        "delimiter": "/",
        "after": "a b",
        "token": "tok",
        "max_keys": 2,
        "url_encoded": False,
        "fetch_owner": False,
    }
    return ListObjects(**(fields | changed))


def test_buckets() -> None:
    answer = read("ListBuckets", render_buckets([("some-data", AT)]))
    assert answer["Buckets"] == [{"Name": "some-data", "CreationDate": AT}]


@pytest.mark.parametrize("url", [False, True])
def test_listings_of_version_2(url: bool) -> None:
    body = render_objects(
        asked(url_encoded=url),
        entries=[stored(ODD)],
        prefixes=["a c/"],
        next_after="a c/",
        next_token="more",
    )
    answer = read("ListObjectsV2", body)
    assert answer["Contents"][0]["ETag"] == f'"{"ab" * 16}-1"'
    assert answer["Contents"][0]["LastModified"] == AT
    assert answer["Contents"][0]["Size"] == 7
    assert answer["KeyCount"] == 2
    assert answer["IsTruncated"] is True
    assert (answer["ContinuationToken"], answer["NextContinuationToken"]) == ("tok", "more")
    if url:
        assert answer["EncodingType"] == "url"
        assert answer["CommonPrefixes"] == [{"Prefix": "a%20c/"}]
        assert answer["Contents"][0]["Key"].startswith("a%20%3Cb%3E%26%22%27/%C3%BC%2B%2541")
    else:
        assert answer["Contents"][0]["Key"] == ODD
        assert (answer["Prefix"], answer["StartAfter"]) == ("a ", "a b")


def test_listings_of_version_1() -> None:
    page = {"entries": [stored("k")], "prefixes": [], "next_after": "k", "next_token": ""}
    answer = read("ListObjects", render_objects(asked(version=1), **page))
    assert answer["NextMarker"] == "k"
    assert answer["Marker"] == "a b"
    assert "Owner" in answer["Contents"][0]
    bare = read("ListObjects", render_objects(asked(version=1, delimiter=""), **page))
    assert "NextMarker" not in bare
    last = read("ListObjects", render_objects(asked(version=1), **(page | {"next_after": ""})))
    assert last["IsTruncated"] is False


def test_uploads_and_parts() -> None:
    upload = Upload(
        id="u-1",
        dataset="some-data",
        key=ODD,
        lease=LeaseId("PQL"),
        object=ObjectId("0" * 32),
        media_type="",
        metadata=(),
        wrapped_key=b"secret",
        begun_at=AT,
    )
    question = ListMultipartUploads(
        bucket="some-data",
        prefix="",
        delimiter="/",
        key_marker="k",
        upload_id_marker="u",
        max_uploads=1,
        url_encoded=False,
    )
    body = render_uploads(question, uploads=[upload], prefixes=["p/"], truncated=True)
    assert b"secret" not in body
    answer = read("ListMultipartUploads", body)
    assert (answer["NextKeyMarker"], answer["NextUploadIdMarker"]) == (ODD, "u-1")
    assert answer["Uploads"][0]["Initiated"] == AT
    parts = ListParts(
        bucket="some-data", key=ODD, upload_id="u-1", part_number_marker=1, max_parts=1
    )
    body = render_parts(
        parts, parts=[SentPart(number=2, etag='"e"', size=5, at=AT)], truncated=True
    )
    answer = read("ListParts", body)
    assert answer["Parts"] == [{"PartNumber": 2, "LastModified": AT, "ETag": '"e"', "Size": 5}]
    assert (answer["NextPartNumberMarker"], answer["Key"]) == (2, ODD)


def test_small_answers() -> None:
    begun = render_upload_begun(bucket="b", key=ODD, upload_id="u")
    assert read("CreateMultipartUpload", begun) == {"Bucket": "b", "Key": ODD, "UploadId": "u"}
    done = render_upload_completed(location="http://x/b", bucket="b", key=ODD, etag='"e"')
    assert read("CompleteMultipartUpload", done)["ETag"] == '"e"'
    copied = {"ETag": '"e"', "LastModified": AT}
    assert read("CopyObject", render_copied(etag='"e"', at=AT)) == {"CopyObjectResult": copied}
    part = render_copied(etag='"e"', at=AT, part=True)
    assert read("UploadPartCopy", part) == {"CopyPartResult": copied}


def test_deletions_answer_key_by_key() -> None:
    results = [
        DeleteResult(key=ODD, error=None),
        DeleteResult(key="k", error=S3Error(Code.ACCESS_DENIED, "not <yours>")),
    ]
    answer = read("DeleteObjects", render_deleted(results, quiet=False))
    assert answer["Deleted"] == [{"Key": ODD}]
    assert answer["Errors"] == [{"Key": "k", "Code": "AccessDenied", "Message": "not <yours>"}]
    assert "Deleted" not in read("DeleteObjects", render_deleted(results, quiet=True))


@given(st.text(max_size=30))
def test_any_text_makes_a_document_that_can_be_read(text: str) -> None:
    document = fromstring(element("A", text))
    plain = all(
        character in "\t\n\r"
        or " " <= character < "\ud800"
        or "\ue000" <= character <= "\ufffd"
        or character > "\uffff"
        for character in text
    )
    if plain:
        assert (document.text or "") == text


_CALLS = {
    "acl": "GetBucketAcl", "encryption": "GetBucketEncryption", "location": "GetBucketLocation",
    "ownershipControls": "GetBucketOwnershipControls", "policyStatus": "GetBucketPolicyStatus",
    "publicAccessBlock": "GetPublicAccessBlock", "requestPayment": "GetBucketRequestPayment",
    "versioning": "GetBucketVersioning", "logging": "GetBucketLogging",
    "notification": "GetBucketNotificationConfiguration",
    "accelerate": "GetBucketAccelerateConfiguration",
    "metrics": "ListBucketMetricsConfigurations",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BUCKET_SETTINGS))
def test_settings_of_buckets_are_answered(name: str) -> None:
    question = ReadBucketSetting(bucket="some-data", key="", name=name)
    try:
        body = render_setting(question, region="eu-central-1")
    except S3Error as error:
        assert error.status == 404  # noqa: PT017  # both are answers
        return
    assert fromstring(body) is not None
    if name in _CALLS:
        read(_CALLS[name], body)


def test_some_settings_as_botocore_reads_them() -> None:
    def setting(name: str, call: str, *, key: str = "", region: str = "eu-central-1") -> Any:
        question = ReadBucketSetting(bucket="some-data", key=key, name=name)
        return read(call, render_setting(question, region=region))

    assert setting("versioning", "GetBucketVersioning") == {}
    question = ReadBucketSetting(bucket="some-data", key="", name="location")
    # Botocore takes the text of the root, and nothing for its oldest region.
    assert fromstring(render_setting(question, region="eu-central-1")).text == "eu-central-1"
    assert fromstring(render_setting(question, region="us-east-1")).text is None
    assert setting("acl", "GetBucketAcl")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert setting("tagging", "GetObjectTagging", key="k") == {"TagSet": []}
    assert setting("policyStatus", "GetBucketPolicyStatus") == {"PolicyStatus": {"IsPublic": False}}
    assert all(
        setting("publicAccessBlock", "GetPublicAccessBlock")[
            "PublicAccessBlockConfiguration"
        ].values()
    )


@pytest.mark.parametrize("name", sorted(OBJECT_SETTINGS))
def test_settings_of_objects_are_answered(name: str) -> None:
    question = ReadBucketSetting(bucket="some-data", key="k", name=name)
    try:
        render_setting(question, region="us-east-1")
    except S3Error as error:
        assert error.status == 404  # noqa: PT017  # both are answers


def test_every_stop_has_a_code_and_every_code_a_status() -> None:
    assert set(OF_STOP) == set(Stop)
    assert set(STATUS) == set(Code)


@pytest.mark.parametrize("stop", list(Stop))
def test_a_refusal_reaches_the_person_unchanged(stop: Stop) -> None:
    sentence = "lease suspended: vendor acme & co, INC-42"
    error = of_refusal(Refusal(stop=stop, sentence=sentence, retry_seconds=0.2))
    assert 400 <= error.status <= 503
    assert error.headers == (("Retry-After", "1"),)
    body = render_error(error, resource="/b/<k>", request_id="r1")
    answer = read("GetObject", body, status=error.status)
    assert answer["Error"]["Message"] == sentence
    assert answer["Error"]["Code"] == error.code.value
    assert answer["Error"]["Resource"] == "/b/<k>"


def test_errors_of_the_token_service() -> None:
    error = S3Error(Code.INVALID_IDENTITY_TOKEN, "the token is of another issuer")
    answer = read(
        "AssumeRoleWithWebIdentity",
        render_sts_error(error, request_id="r1"),
        service="sts",
        status=400,
    )
    assert answer["Error"]["Message"] == "the token is of another issuer"
    assert answer["Error"]["Code"] == "InvalidIdentityToken"


NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def completion(*parts: tuple[int, str]) -> bytes:
    rows = "".join(
        f"<Part><ETag>{tag}</ETag><PartNumber>{n}</PartNumber></Part>" for n, tag in parts
    )
    return f"<CompleteMultipartUpload {NAMESPACE}>{rows}</CompleteMultipartUpload>".encode()


def test_lists_of_parts_are_read() -> None:
    body = completion((1, "&quot;a&quot;"), (3, "b"))
    assert parse_completion(body) == (NamedPart(number=1, etag="a"), NamedPart(number=3, etag="b"))
    assert parse_completion(body.replace(NAMESPACE.encode(), b"")) == parse_completion(body)
    assert len(parse_completion(completion(*((n, "x") for n in range(1, 10_001))))) == 10_000


def test_lists_of_keys_are_read() -> None:
    body = (
        f"<Delete {NAMESPACE}><Quiet>true</Quiet><Object><Key>{'a &lt;ü'}</Key></Object></Delete>"
    )
    found = parse_deletions(body.encode())
    assert found.keys == ("a <ü",)
    assert found.quiet


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "&a{n - 1 or ""};&a{n - 1 or ""};">' for n in range(1, 30))
    + "]><Delete><Object><Key>&a29;</Key></Object></Delete>"
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BOMB.encode(), id="billion-laughs"),
        pytest.param(
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            b"<Delete><Object><Key>&e;</Key></Object></Delete>",
            id="external-entity",
        ),
        pytest.param(b'<!DOCTYPE Delete SYSTEM "http://evil.example/x.dtd"><Delete/>', id="dtd"),
        pytest.param(b"<?php x?><Delete><Object><Key>k</Key></Object></Delete>", id="instruction"),
        pytest.param(b"<Delete>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Delete>", id="depth"),
        pytest.param(
            b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>", id="too-many"
        ),
        pytest.param(
            b"<Delete><Object><Key>" + b"k" * 100_000 + b"</Key></Object></Delete>", id="long-text"
        ),
        pytest.param(b" " * (MAX_XML_BYTES + 1), id="too-big"),
        pytest.param(
            b"<Delete>" + b"".join(b"<a%d/>" % n for n in range(50_000)) + b"</Delete>", id="leaves"
        ),
        pytest.param(
            b"<Delete " + b" ".join(b'a%d="x"' % n for n in range(50_000)) + b"/>", id="attributes"
        ),
        pytest.param(b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", id="two-keys"),
        pytest.param(b"<Delete><Object></Object></Delete>", id="no-key"),
        pytest.param(b"<Delete></Delete>", id="empty"),
        pytest.param(b"<Delete><Quiet>maybe</Quiet><Object><Key>k</Key></Object></Delete>", id="q"),
        pytest.param(b"<Other><Object><Key>k</Key></Object></Other>", id="root"),
        pytest.param(b'<Delete xmlns="urn:x"><Object><Key>k</Key></Object></Delete>', id="ns"),
        pytest.param(b"<Delete><Object><Key>../k</Key></Object></Delete>", id="path"),
        pytest.param(b"<Delete><Object><Key>a&#10;b</Key></Object></Delete>", id="newline"),
        pytest.param(b"<Delete><Object><Key>\xff</Key></Object></Delete>", id="no-utf8"),
        pytest.param(b'<?xml version="1.0" encoding="nope"?><Delete/>', id="encoding"),
        pytest.param(
            b"<Delete><Object><Key>k</Key><VersionId>3</VersionId></Object></Delete>", id="version"
        ),
        pytest.param(
            b"<Delete><Object><Key>k</Key><ETag>x</ETag></Object></Delete>", id="condition"
        ),
        pytest.param(b"", id="nothing"),
        pytest.param(b"<Delete><Object><Key>k</Key></Object></Delete>x", id="behind"),
        pytest.param(b"\0\0\0<", id="utf-32"),
    ],
)
def test_hostile_xml_is_refused_quickly(body: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(S3Error) as error:
        parse_deletions(body)
    assert time.process_time() - begun < 0.5
    assert error.value.status in {400, 404, 501}


@pytest.mark.parametrize(
    "parts",
    [(), ((0, "a"),), ((10_001, "a"),), ((1, ""),), ((2, "a"), (1, "b")), ((1, "a"), (1, "b"))],
)
def test_odd_lists_of_parts_are_refused(parts: tuple[tuple[int, str], ...]) -> None:
    with pytest.raises(S3Error):
        parse_completion(completion(*parts))


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                [b"<Delete>", b"</Delete>", b"<Object>", b"</Object>", b"<Key>", b"</Key>", b"k",
                 b"&amp;", b"&x;", b"<!DOCTYPE", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"\xff",
                 b"<Part>", b"<CompleteMultipartUpload>", b"</CompleteMultipartUpload>"]
            ),
            max_size=15,
        ).map(b"".join),
    )
)  # fmt: skip
def test_nothing_but_s3_errors_comes_of_hostile_xml(body: bytes) -> None:
    for parse in (parse_deletions, parse_completion):
        try:
            parse(body)
        except S3Error:
            continue


def test_forms_of_the_token_service_are_read() -> None:
    form = (
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&DurationSeconds=900&RoleSessionName=ci-7"
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Ftrain&WebIdentityToken=a.b.c"
    )
    assert parse_sts(form) == WebIdentity(
        role="train", session="ci-7", token="a.b.c", duration_seconds=900
    )
    assert parse_sts("Action=GetCallerIdentity&Version=2011-06-15") == CallerIdentity()
    for old, new in (
        ("DurationSeconds=900", "DurationSeconds=899"),
        ("RoleSessionName=ci-7", "RoleSessionName=a%2F.."),
        ("RoleArn=", "RoleAr="),
        ("WebIdentityToken=a.b.c", "WebIdentityToken="),
        ("Action=Assume", "Action=Xssume"),
        ("Version=", "Action=GetCallerIdentity&Version="),
    ):
        with pytest.raises(S3Error) as error:
            parse_sts(form.replace(old, new))
        assert "a.b.c" not in str(error.value)
    with pytest.raises(S3Error):
        parse_sts("x" * 70_000)


def test_answers_of_the_token_service() -> None:
    role = WebIdentity(role="train", session="ci-7", token="a.b.c", duration_seconds=900)
    body = render_web_identity(
        lease=LeaseId("PQLAAA"),
        secret="s3cr<t",
        session_token="st",
        expires=AT + timedelta(microseconds=5),
        role=role,
        subject="repo:x",
        request_id="r",
    )
    answer = read("AssumeRoleWithWebIdentity", body, service="sts")
    assert answer["Credentials"] == {
        "AccessKeyId": "PQLAAA",
        "SecretAccessKey": "s3cr<t",
        "SessionToken": "st",
        "Expiration": AT,
    }
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/train/ci-7")
    body = render_caller(lease=LeaseId("PQLAAA"), project="p", holder="h", request_id="r")
    answer = read("GetCallerIdentity", body, service="sts")
    assert answer["UserId"] == "PQLAAA"
    assert answer["Arn"].endswith("/p/h")


def test_headers_are_folded() -> None:
    raw = [(b"Host", b" h "), (b"X-Amz-Meta-A", b"1"), (b"x-amz-meta-a", b"2"), (b"X", b"\xff")]
    assert fold_headers(raw) == {"host": "h", "x-amz-meta-a": "1,2", "x": "\udcff"}


def test_headers_in_a_presigned_query_count() -> None:
    query = (
        "X-Amz-Date=1&X-Amz-Signature=2&x-amz-checksum-crc32=y%2FQ5Jg%3D%3D&X-Amz-Acl=private&a=b"
    )
    found = with_hoisted({"host": "h"}, query)
    assert found == {"host": "h", "x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-acl": "private"}
    for headers, twice in (({"x-amz-acl": "a"}, query), ({}, f"{query}&x-amz-acl=a")):
        with pytest.raises(S3Error):
            with_hoisted(headers, twice)


def test_metadata() -> None:
    assert parse_metadata({"x-amz-meta-b": "2", "x-amz-meta-a": "ü", "x": "y"}) == (
        ("a", "ü"),
        ("b", "2"),
    )
    for headers in (
        {"x-amz-meta-a": "x" * 2048},
        {"x-amz-meta-a": "\udcff"},
        {"x-amz-meta-a": "a\tb"},
        {"x-amz-meta-:set-cookie": "a"},
        {"x-amz-meta-a\r\nset-cookie": "a"},
        {"x-amz-meta-a b": "a"},
        {"x-amz-meta-ü": "a"},
    ):
        with pytest.raises(S3Error):
            parse_metadata(headers)


def test_writes_get_what_they_ask_for_or_an_error() -> None:
    check_write_headers(
        {"x-amz-acl": "private", "x-amz-storage-class": "STANDARD", "x-amz-meta-a": "b"}
    )
    check_write_headers({"x-amz-server-side-encryption": "AES256"})
    for name, value in (
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=x"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-customer-key", "canary"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-website-redirect-location", "/x"),
        ("x-amz-write-offset-bytes", "5"),
        ("x-amz-expected-bucket-owner", "1"),
    ):
        with pytest.raises(S3Error) as error:
            check_write_headers({name: value})
        assert "canary" not in str(error.value)
