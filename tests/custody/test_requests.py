"""What a request line asks for, in both styles, and what becomes of tricks."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.s3_signing import ACCESS_KEY, SECRET
from pratique.custody import operations as op
from pratique.custody.operations import Operation
from pratique.custody.requests import BUCKET_SETTINGS, OBJECT_SETTINGS, classify
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_headers import fold_headers
from pratique.custody.s3_names import check_bucket, check_key, decode

HOST = "s3.example:9000"


def ask(
    method: str, target: str, *, host: str = HOST, domain: str = "s3.example", **headers: str
) -> Operation:
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(method=method, host=host, path=path, query=query, headers=named, domain=domain)


def refused(method: str, target: str, **kwargs: str) -> S3Error:
    with pytest.raises(S3Error) as error:
        ask(method, target, **kwargs)
    assert error.value.message
    return error.value


class Seen(Exception):  # noqa: N818  # no error: it carries what botocore was about to send
    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.operation = operation


def client(style: str) -> Any:
    made = boto3.client(
        "s3",
        endpoint_url="http://s3.example:9000",
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": style}),
    )

    def stop(request: Any, **_: Any) -> None:
        host, _, target = request.url.partition("//")[2].partition("/")
        path, _, query = f"/{target}".partition("?")
        raw = [
            (n.encode(), v if isinstance(v, bytes) else v.encode())
            for n, v in request.headers.items()
        ]
        raise Seen(
            classify(
                method=request.method,
                host=host,
                path=path,
                query=query,
                headers=fold_headers(raw),
                domain="s3.example",
            )
        )

    made.meta.events.register("before-send.s3", stop)
    return made


CLIENTS = {style: client(style) for style in ("path", "virtual")}
B: dict[str, Any] = {"Bucket": "some-data"}
K: dict[str, Any] = {**B, "Key": "a folder/ü+&?%41//key"}
KEY = K["Key"]
CALLS: list[tuple[str, dict[str, Any], Operation]] = [
    ("list_buckets", {}, op.ListBuckets()),
    ("head_bucket", B, op.HeadBucket(bucket="some-data")),
    (
        "get_object",
        K,
        op.GetObject(bucket="some-data", key=KEY, head=False, part_number=None, overrides=()),
    ),
    (
        "get_object",
        {**K, "PartNumber": 3, "ResponseContentType": "text/x-odd; a=b"},
        op.GetObject(
            bucket="some-data",
            key=KEY,
            head=False,
            part_number=3,
            overrides=(("Content-Type", "text/x-odd; a=b"),),
        ),
    ),
    (
        "head_object",
        K,
        op.GetObject(bucket="some-data", key=KEY, head=True, part_number=None, overrides=()),
    ),
    ("put_object", {**K, "Body": b"x"}, op.PutObject(bucket="some-data", key=KEY)),
    ("delete_object", K, op.DeleteObject(bucket="some-data", key=KEY)),
    (
        "delete_objects",
        {**B, "Delete": {"Objects": [{"Key": "k"}]}},
        op.DeleteObjects(bucket="some-data"),
    ),
    (
        "copy_object",
        {**K, "CopySource": {"Bucket": "other-data", "Key": "ö +/k"}},
        op.CopyObject(
            bucket="some-data",
            key=KEY,
            source_bucket="other-data",
            source_key="ö +/k",
            replace_metadata=False,
        ),
    ),
    ("create_multipart_upload", K, op.CreateMultipartUpload(bucket="some-data", key=KEY)),
    (
        "upload_part",
        {**K, "UploadId": "u-1", "PartNumber": 10_000, "Body": b"x"},
        op.UploadPart(bucket="some-data", key=KEY, upload_id="u-1", part_number=10_000),
    ),
    (
        "upload_part_copy",
        {**K, "UploadId": "u-1", "PartNumber": 1, "CopySource": "/other-data/k"},
        op.UploadPartCopy(
            bucket="some-data",
            key=KEY,
            upload_id="u-1",
            part_number=1,
            source_bucket="other-data",
            source_key="k",
        ),
    ),
    (
        "list_parts",
        {**K, "UploadId": "u-1", "MaxParts": 5, "PartNumberMarker": 2},
        op.ListParts(
            bucket="some-data", key=KEY, upload_id="u-1", part_number_marker=2, max_parts=5
        ),
    ),
    (
        "complete_multipart_upload",
        {**K, "UploadId": "u-1", "MultipartUpload": {"Parts": [{"ETag": "e", "PartNumber": 1}]}},
        op.CompleteMultipartUpload(bucket="some-data", key=KEY, upload_id="u-1"),
    ),
    (
        "abort_multipart_upload",
        {**K, "UploadId": "u-1"},
        op.AbortMultipartUpload(bucket="some-data", key=KEY, upload_id="u-1"),
    ),
    (
        "list_objects_v2",
        {
            **B,
            "Prefix": "a b+c/",
            "Delimiter": "/",
            "StartAfter": "a b+c/d",
            "ContinuationToken": "t",
            "MaxKeys": 5000,
            "FetchOwner": True,
        },
        op.ListObjects(
            bucket="some-data",
            version=2,
            prefix="a b+c/",
            delimiter="/",
            after="a b+c/d",
            token="t",
            max_keys=1000,
            url_encoded=True,
            fetch_owner=True,
        ),
    ),
    (
        "list_objects",
        {**B, "Marker": "m", "MaxKeys": 0},
        op.ListObjects(
            bucket="some-data",
            version=1,
            prefix="",
            delimiter="",
            after="m",
            token="",
            max_keys=0,
            url_encoded=True,
            fetch_owner=False,
        ),
    ),
    (
        "list_multipart_uploads",
        {**B, "Prefix": "p", "KeyMarker": "k", "UploadIdMarker": "u", "MaxUploads": 7},
        op.ListMultipartUploads(
            bucket="some-data",
            prefix="p",
            delimiter="",
            key_marker="k",
            upload_id_marker="u",
            max_uploads=7,
            url_encoded=False,
        ),
    ),
    *(
        (call, B, op.ReadBucketSetting(bucket="some-data", key="", name=name))
        for call, name in {
            "get_bucket_location": "location",
            "get_bucket_versioning": "versioning",
            "get_bucket_acl": "acl",
            "get_bucket_tagging": "tagging",
            "get_bucket_cors": "cors",
            "get_bucket_lifecycle_configuration": "lifecycle",
            "get_bucket_policy": "policy",
            "get_bucket_policy_status": "policyStatus",
            "get_bucket_encryption": "encryption",
            "get_bucket_website": "website",
            "get_bucket_logging": "logging",
            "get_bucket_notification_configuration": "notification",
            "get_bucket_replication": "replication",
            "get_object_lock_configuration": "object-lock",
            "get_bucket_request_payment": "requestPayment",
            "get_public_access_block": "publicAccessBlock",
            "get_bucket_ownership_controls": "ownershipControls",
            "get_bucket_accelerate_configuration": "accelerate",
            "list_bucket_metrics_configurations": "metrics",
        }.items()
    ),
    *(
        (call, K, op.ReadBucketSetting(bucket="some-data", key=KEY, name=name))
        for call, name in {
            "get_object_acl": "acl",
            "get_object_tagging": "tagging",
            "get_object_legal_hold": "legal-hold",
            "get_object_retention": "retention",
        }.items()
    ),
]


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize(("call", "arguments", "operation"), CALLS)
def test_calls_of_boto3_are_understood(
    style: str, call: str, arguments: dict[str, Any], operation: Operation
) -> None:
    with pytest.raises(Seen) as seen:
        getattr(CLIENTS[style], call)(**arguments)
    assert seen.value.operation == operation


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("create_bucket", B),
        ("delete_bucket", B),
        ("put_bucket_versioning", {**B, "VersioningConfiguration": {"Status": "Enabled"}}),
        ("put_bucket_policy", {**B, "Policy": "{}"}),
        ("delete_bucket_policy", B),
        ("put_object_acl", {**K, "ACL": "public-read"}),
        ("put_object_tagging", {**K, "Tagging": {"TagSet": []}}),
        ("delete_object_tagging", K),
        ("get_object_attributes", {**K, "ObjectAttributes": ["ETag"]}),
        ("list_object_versions", B),
        ("restore_object", K),
        ("get_object", {**K, "VersionId": "3"}),
        ("select_object_content", {
            **K, "Expression": "x", "ExpressionType": "SQL",
            "InputSerialization": {"CSV": {}}, "OutputSerialization": {"CSV": {}},
        }),
    ],
)  # fmt: skip
def test_calls_that_cannot_be_answered_say_why(call: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(S3Error) as error:
        getattr(CLIENTS["path"], call)(**arguments)
    assert error.value.code in {Code.NOT_IMPLEMENTED, Code.ACCESS_DENIED, Code.NO_SUCH_VERSION}
    assert len(error.value.message) > 20


@pytest.mark.parametrize("name", sorted(BUCKET_SETTINGS))
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_no_setting_of_a_bucket_is_written(method: str, name: str) -> None:
    assert refused(method, f"/some-data?{name}").code is Code.ACCESS_DENIED
    assert refused(method, f"/some-data?{name}=x").code is Code.ACCESS_DENIED


@pytest.mark.parametrize("name", sorted(OBJECT_SETTINGS))
def test_no_setting_of_an_object_is_written(name: str) -> None:
    assert refused("PUT", f"/some-data/k?{name}").code is Code.ACCESS_DENIED


@pytest.mark.parametrize(
    "query",
    ["policy", "uploads", "uploads=x", "delete", "unknownThing", "unknownThing=", "versioning=1"],
)
def test_a_subresource_never_becomes_an_object(query: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert refused(method, f"/some-data/k?{query}").code is Code.NOT_IMPLEMENTED


def test_noise_with_a_value_is_ignored() -> None:
    assert ask("GET", "/some-data/k?x-id=GetObject") == ask("GET", "/some-data/k")
    assert ask("PUT", "/some-data/k?X-Amz-Date=1&tag=2") == ask("PUT", "/some-data/k")
    assert ask("GET", "/some-data/k?versionId=null") == ask("GET", "/some-data/k")


@pytest.mark.parametrize(
    "target",
    ["/some-data?prefix=a&prefix=b", "/some-data/k?uploadId=a&uploadId=b",
     "/some-data/k?partNumber=1&partNumber=1"],
)  # fmt: skip
def test_a_parameter_stands_once(target: str) -> None:
    assert refused("GET", target).code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("value", ["-1", "1.0", "x", "٣", "9" * 30, "2147483648", "+1", " 1"])
def test_numbers_are_numbers(value: str) -> None:
    assert refused("GET", f"/some-data?max-keys={value}").code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("value", ["0", "10001", "x", ""])
def test_part_numbers_are_one_to_ten_thousand(value: str) -> None:
    error = refused("PUT", f"/some-data/k?uploadId=u&partNumber={value}")
    assert error.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/some-data/a%2Fb", "a/b"),
        ("/some-data//a", "/a"),
        ("/some-data/a//b", "a//b"),
        ("/some-data/a/", "a/"),
        ("/some-data/...", "..."),
        ("/some-data/..a/b..", "..a/b.."),
        ("/some-data/.hidden", ".hidden"),
        ("/some-data/a+b", "a+b"),
        ("/some-data/%EF%BF%BD", "\ufffd"),
        ("/some-data/ä", "ä"),
        ("/some-data/\udcc3\udca4", "ä"),
        ("/some-data/%252e%252e/x", "%2e%2e/x"),
        ("/some-data/a\\..\\b", "a\\..\\b"),
        ("/some-data/" + "k" * 1024, "k" * 1024),
        ("/some-data/" + "%C3%A4" * 512, "ä" * 512),
        ("/some-data/%C2%A0%E2%80%AE", "\u00a0\u202e"),
    ],
)
def test_keys_are_exactly_what_was_sent(path: str, key: str) -> None:
    operation = ask("PUT", path)
    assert isinstance(operation, op.PutObject)
    assert operation.key == key


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/some-data/..", Code.INVALID_URI),
        ("/some-data/../other-data/k", Code.INVALID_URI),
        ("/some-data/a/../b", Code.INVALID_URI),
        ("/some-data/a/%2e%2E/b", Code.INVALID_URI),
        ("/some-data/a%2F..%2Fb", Code.INVALID_URI),
        ("/some-data/./a", Code.INVALID_URI),
        ("/some-data/a/.", Code.INVALID_URI),
        ("/some-data/a%00b", Code.INVALID_URI),
        ("/some-data/a%0d%0ab", Code.INVALID_URI),
        ("/some-data/a%7Fb", Code.INVALID_URI),
        ("/some-data/%EF%BF%BF", Code.INVALID_URI),
        ("/some-data/%FF", Code.INVALID_URI),
        ("/some-data/%C0%AE%C0%AE/", Code.INVALID_URI),
        ("/some-data/%ED%A0%80", Code.INVALID_URI),
        ("/some-data/\udcff", Code.INVALID_URI),
        ("/some-data/%", Code.INVALID_URI),
        ("/some-data/%g0", Code.INVALID_URI),
        ("/some-data/%u0041", Code.INVALID_URI),
        ("/some-data/" + "k" * 1025, Code.KEY_TOO_LONG),
        ("/some-data/" + "%C3%A4" * 513, Code.KEY_TOO_LONG),
        ("some-data/k", Code.INVALID_URI),
        ("http://evil.example/some-data/k", Code.INVALID_URI),
        ("", Code.INVALID_URI),
        ("*", Code.INVALID_URI),
        ("//some-data/k", Code.INVALID_URI),
        ("/some-data%2Fk", Code.INVALID_BUCKET_NAME),
        ("/../k", Code.INVALID_BUCKET_NAME),
        ("/%2e%2e/k", Code.INVALID_BUCKET_NAME),
        ("/Some-Data/k", Code.INVALID_BUCKET_NAME),
        ("/ab/k", Code.INVALID_BUCKET_NAME),
        ("/" + "b" * 64, Code.INVALID_BUCKET_NAME),
        ("/a..b", Code.INVALID_BUCKET_NAME),
        ("/-abc", Code.INVALID_BUCKET_NAME),
        ("/abc.", Code.INVALID_BUCKET_NAME),
        ("/some-dat\u0430", Code.INVALID_BUCKET_NAME),
    ],
)
def test_tricks_have_one_answer(path: str, code: Code) -> None:
    assert refused("GET", path).code is code


@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("some-data.s3.example", "/k", "some-data", "k"),
        ("SOME-data.S3.example:9000", "/k", "some-data", "k"),
        ("a.b.s3.example", "/x/y", "a.b", "x/y"),
        ("s3.example", "/some-data/k", "some-data", "k"),
        ("s3.example:9000", "/some-data/k", "some-data", "k"),
        ("127.0.0.1:9000", "/some-data/k", "some-data", "k"),
        ("[::1]:9000", "/some-data/k", "some-data", "k"),
        ("[::1]", "/some-data/k", "some-data", "k"),
        ("notS3.example", "/some-data/k", "some-data", "k"),
        ("xs3.example", "/some-data/k", "some-data", "k"),
        ("", "/some-data/k", "some-data", "k"),
    ],
)
def test_hosts(host: str, path: str, bucket: str, key: str) -> None:
    operation = ask("DELETE", path, host=host)
    assert operation == op.DeleteObject(bucket=bucket, key=key)


def test_a_virtual_host_is_checked_like_a_path() -> None:
    assert refused("GET", "/k", host="..s3.example").code is Code.INVALID_BUCKET_NAME
    assert ask("HEAD", "/", host="some-data.s3.example") == op.HeadBucket(bucket="some-data")


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "", "\udcff"])
@pytest.mark.parametrize("target", ["/", "/some-data", "/some-data/k"])
def test_unknown_verbs(method: str, target: str) -> None:
    assert refused(method, target).code is Code.NOT_IMPLEMENTED


def test_a_range_of_a_part_is_refused() -> None:
    error = refused("GET", "/some-data/k?partNumber=1", range="bytes=0-1")
    assert error.code is Code.INVALID_REQUEST


def test_browsers_are_told_no() -> None:
    assert refused("OPTIONS", "/some-data/k").code is Code.ACCESS_FORBIDDEN


def test_the_token_service_shares_the_root() -> None:
    assert ask("POST", "/") == op.StsCall(query="")
    query = "Action=GetCallerIdentity&Version=2011-06-15"
    assert ask("GET", f"/?{query}") == op.StsCall(query=query)


@pytest.mark.parametrize(
    "source",
    ["", "some-data", "some-data/", "/", "some-data/k?versionId=3", "some-data/../k",
     "arn:aws:s3:::accesspoint/x/object/k", "Some/k", "some-data/%FF", "//some-data/k"],
)  # fmt: skip
def test_odd_copy_sources_are_refused(source: str) -> None:
    refused("PUT", "/some-data/k", x_amz_copy_source=source)


def test_answers_cannot_be_split_by_overrides() -> None:
    target = "/some-data/k?response-content-type=a%0d%0aSet-Cookie:x"
    assert refused("GET", target).code is Code.INVALID_ARGUMENT


@given(st.text(max_size=40))
def test_a_key_that_is_accepted_survives_xml_and_utf8(key: str) -> None:
    try:
        check_key(key)
    except S3Error:
        return
    key.encode("utf-8")
    assert not any(ord(character) < 0x20 for character in key)
    assert not {".", ".."} & set(key.split("/"))


@given(st.text(max_size=70))
def test_a_bucket_that_is_accepted_is_a_plain_name(name: str) -> None:
    try:
        check_bucket(name)
    except S3Error:
        return
    assert name.isascii()
    assert "/" not in name
    assert 3 <= len(name) <= 63


@given(st.binary(max_size=40))
def test_decoding_is_strict(data: bytes) -> None:
    raw = data.decode("latin-1")
    try:
        text = decode(raw, plus=False)
    except S3Error:
        return
    text.encode("utf-8")


@pytest.mark.slow
@settings(max_examples=300)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "X"]),
    target=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                ["/", "some-data", "k", "..", "%2e", "%2F", "%00", "?", "&", "=", "uploads",
                 "uploadId", "partNumber", "list-type=2", "max-keys", "1", "acl", "versionId",
                 "\udcff", "%", "prefix", "\ufffd", "*"]
            ),
            max_size=14,
        ).map("".join),
    ),
    host=st.sampled_from(["", "s3.example", ".s3.example", "x.y.s3.example:1", "a" * 80]),
    source=st.one_of(st.none(), st.text(max_size=30)),
)  # fmt: skip
def test_nothing_but_s3_errors_comes_of_hostile_requests(
    method: str, target: str, host: str, source: str | None
) -> None:
    path, _, query = target.partition("?")
    headers = {} if source is None else {"x-amz-copy-source": source}
    try:
        operation = classify(
            method=method, host=host, path=path, query=query, headers=headers, domain="s3.example"
        )
    except S3Error:
        return
    key = getattr(operation, "key", "")
    assert not {".", ".."} & set(key.split("/"))
    assert "\0" not in key
