"""From a request line to the operation that is asked for.

Path style (`/bucket/key`) and virtual-host style (`bucket.domain/key`) give the same operations.
What is not implemented is refused by name: an unknown sub-resource that were ignored would turn
`PUT ?policy` into an object that overwrites another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from pratique.custody.operations import (
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CopyObject,
    CreateMultipartUpload,
    DeleteObject,
    DeleteObjects,
    GetObject,
    HeadBucket,
    ListBuckets,
    ListMultipartUploads,
    ListObjects,
    ListParts,
    Operation,
    PutObject,
    ReadBucketSetting,
    StsCall,
    UploadPart,
    UploadPartCopy,
)
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_names import Parameters, check_bucket, check_key, check_text, decode

MAX_KEYS: Final = 1000
MAX_PARTS: Final = 10_000
_INT32: Final = 2**31 - 1
_UPLOAD_ID: Final = 256
_REPEATED: Final = 512
"""Longest path whose meaning is kept."""

BUCKET_SETTINGS: Final = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "tagging",
        "versioning",
        "website",
    }
)
"""Sub-resources of a bucket that can be read; none can be written."""
OBJECT_SETTINGS: Final = frozenset({"acl", "legal-hold", "retention", "tagging"})
"""Sub-resources of an object that can be read; none can be written."""
_UNDONE: Final = {
    "attributes": "GetObjectAttributes is not implemented; HEAD gives size and ETag",
    "select": "SelectObjectContent is not implemented; read the object, ranges are cheap",
    "restore": "nothing is archived, so nothing is restored",
    "torrent": "torrents are not served",
    "versions": "S3 versions are not kept; a dataset's versions are sealed as a whole",
    "session": "directory buckets are not implemented; use an ordinary bucket",
    "metadataTable": "metadata tables are not kept",
    "metadataConfiguration": "metadata tables are not kept",
    "append": "appending is not implemented; write the whole object",
    "renameObject": "renaming is not implemented; copy and delete",
}
_OVERRIDES: Final = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}
_RESERVED: Final = (
    BUCKET_SETTINGS | OBJECT_SETTINGS | {"uploads", "uploadId", "partNumber", "delete"}
)
_LISTING: Final = frozenset(
    {
        "prefix",
        "delimiter",
        "marker",
        "start-after",
        "continuation-token",
        "max-keys",
        "encoding-type",
        "fetch-owner",
        "list-type",
        "key-marker",
        "upload-id-marker",
        "max-uploads",
        "uploads",
    }
)
_ALLOWED: Final[Mapping[tuple[str, bool], frozenset[str]]] = {
    ("GET", False): _LISTING,
    ("POST", False): frozenset({"delete"}),
    ("GET", True): frozenset({"uploadId", "partNumber", "part-number-marker", "max-parts"})
    | frozenset(_OVERRIDES),
    ("HEAD", True): frozenset({"partNumber"}) | frozenset(_OVERRIDES),
    ("PUT", True): frozenset({"uploadId", "partNumber"}),
    ("POST", True): frozenset({"uploads", "uploadId"}),
    ("DELETE", True): frozenset({"uploadId"}),
}
"""What a query may name by method, for an object (True) or a bucket; other names with values are noise."""
_NO_PARAMETERS: Final = Parameters("")


def classify(
    *, method: str, host: str, path: str, query: str, headers: Mapping[str, str], domain: str = ""
) -> Operation:
    """The operation that a request asks for.

    Shape: `path` and `query` raw, as they stood in the request line; `headers` as
    `s3_headers.fold_headers` gives them; `domain` is what virtual hosts end in, empty: none.
    Raises: S3Error for what cannot be answered, with a sentence that says what to do instead.
    """
    if method == "GET" and not query and len(path) <= _REPEATED:
        plain = _plain_get(host, path, domain)
        if plain is not None:
            return plain
    bucket, key = _place(host, path, domain)
    parameters = Parameters(query) if query else _NO_PARAMETERS
    if not bucket:
        return _service(method, query, parameters)
    if query:
        known = OBJECT_SETTINGS if key else BUCKET_SETTINGS
        if not known.isdisjoint(parameters.names()):
            return _setting(method, bucket, key, known & parameters.names())
        _check_names(parameters, _ALLOWED.get((method, bool(key)), frozenset()))
    if key:
        answer = _BY_METHOD.get(method)
        if answer is not None:
            return answer(bucket, key, parameters, headers)
    return _bucket(method, bucket, key, parameters)


# Objects are read in many ranges, one after another.
@lru_cache(maxsize=2048)
def _plain_get(host: str, path: str, domain: str) -> GetObject | None:
    """A read without a query; None when the path names no object."""
    bucket, key = _place(host, path, domain)
    if not (bucket and key):
        return None
    return GetObject(bucket=bucket, key=key, head=False, part_number=None, overrides=())


def _place(host: str, path: str, domain: str) -> tuple[str, str]:
    if not path.startswith("/"):
        raise S3Error(Code.INVALID_URI, "couldn't parse the URI: a path begins with '/'")
    name = host.lower().rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host.lower()
    if domain and name.endswith(f".{domain}"):
        bucket, key = name[: -len(domain) - 1], path[1:]
    else:
        bucket, _, key = path[1:].partition("/")
        bucket = decode(bucket, plus=False)
        if not bucket:
            if key:
                raise S3Error(
                    Code.INVALID_URI, "couldn't parse the URI: the bucket's name is empty"
                )
            return "", ""
    return check_bucket(bucket), check_key(decode(key, plus=False)) if key else ""


def _service(method: str, query: str, parameters: Parameters) -> Operation:
    if method == "POST":
        return StsCall(query="")
    if method == "GET" and "Action" in parameters:
        return StsCall(query=query)
    if method == "GET":
        return ListBuckets()
    raise _unknown_verb(method, "the list of buckets")


def _check_names(parameters: Parameters, allowed: frozenset[str]) -> None:
    """Refuse sub-resources that we do not have: known by name, or by having no value."""
    for name in parameters.names() - allowed:
        if name in _UNDONE:
            raise S3Error(Code.NOT_IMPLEMENTED, _UNDONE[name])
        if name in _RESERVED or parameters.bare(name):
            raise S3Error(
                Code.NOT_IMPLEMENTED,
                f"the sub-resource {name[:64]!r} is not implemented for this request",
            )
    if parameters.text("versionId", "null") != "null":
        raise S3Error(
            Code.NO_SUCH_VERSION,
            "S3 versions are not kept; a dataset's versions are sealed as a whole",
        )


def _bucket(method: str, bucket: str, key: str, parameters: Parameters) -> Operation:
    if method == "OPTIONS":
        raise S3Error(
            Code.ACCESS_FORBIDDEN,
            "CORSResponse: this CORS request is not allowed; no page of another site may read",
        )
    if key:
        raise _unknown_verb(method, "an object")
    if method == "GET" and "uploads" in parameters:
        return _list_uploads(bucket, parameters)
    if method == "GET":
        return _list_objects(bucket, parameters)
    if method == "HEAD":
        return HeadBucket(bucket=bucket)
    if method == "POST" and "delete" in parameters:
        return DeleteObjects(bucket=bucket)
    if method == "POST":
        raise S3Error(
            Code.NOT_IMPLEMENTED, "uploads by HTML form are not implemented; presign a PUT instead"
        )
    if method in {"PUT", "DELETE"}:
        raise S3Error(
            Code.ACCESS_DENIED,
            "buckets are datasets: they are made and shredded with `pratique dataset`, not over S3",
        )
    raise _unknown_verb(method, "a bucket")


def _setting(method: str, bucket: str, key: str, names: frozenset[str]) -> Operation:
    if len(names) > 1:
        raise S3Error(
            Code.INVALID_ARGUMENT, f"one request, one sub-resource: {', '.join(sorted(names))}"
        )
    (name,) = names
    if method == "GET":
        return ReadBucketSetting(bucket=bucket, key=key, name=name)
    raise S3Error(
        Code.ACCESS_DENIED,
        f"{name} cannot be set over S3: leases say who may read, and datasets how data is kept",
    )


def _get(bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str]) -> Operation:
    if "uploadId" in parameters:
        return ListParts(
            bucket=bucket,
            key=key,
            upload_id=_upload_id(parameters),
            part_number_marker=parameters.number(
                "part-number-marker", default=0, low=0, high=_INT32
            ),
            max_parts=min(
                MAX_KEYS, parameters.number("max-parts", default=MAX_KEYS, low=0, high=_INT32)
            ),
        )
    return _read(bucket, key, parameters, headers, head=False)


def _head(bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str]) -> Operation:
    return _read(bucket, key, parameters, headers, head=True)


def _read(
    bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str], *, head: bool
) -> GetObject:
    if parameters is _NO_PARAMETERS:
        return GetObject(bucket=bucket, key=key, head=head, part_number=None, overrides=())
    part = None
    if "partNumber" in parameters:
        part = _part_number(parameters)
        if "range" in headers:
            raise S3Error(Code.INVALID_REQUEST, "a request reads a range or a part, not both")
    overrides = []
    for name, header in _OVERRIDES.items():
        value = parameters.text(name)
        if value:
            # It becomes a header of the answer: no line may end inside.
            if not value.isprintable():
                raise S3Error(Code.INVALID_ARGUMENT, f"{name} has control characters")
            overrides.append((header, value))
    return GetObject(
        bucket=bucket, key=key, head=head, part_number=part, overrides=tuple(overrides)
    )


def _put(bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str]) -> Operation:
    source = headers.get("x-amz-copy-source")
    part = "partNumber" in parameters or "uploadId" in parameters
    if source is None and not part:
        return PutObject(bucket=bucket, key=key)
    if source is None:
        return UploadPart(
            bucket=bucket,
            key=key,
            upload_id=_upload_id(parameters),
            part_number=_part_number(parameters),
        )
    source_bucket, source_key = _copy_source(source)
    if part:
        return UploadPartCopy(
            bucket=bucket,
            key=key,
            upload_id=_upload_id(parameters),
            part_number=_part_number(parameters),
            source_bucket=source_bucket,
            source_key=source_key,
        )
    directive = headers.get("x-amz-metadata-directive", "COPY")
    if directive not in {"COPY", "REPLACE"}:
        raise S3Error(Code.INVALID_ARGUMENT, "x-amz-metadata-directive is COPY or REPLACE")
    return CopyObject(
        bucket=bucket,
        key=key,
        source_bucket=source_bucket,
        source_key=source_key,
        replace_metadata=directive == "REPLACE",
    )


def _post(bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str]) -> Operation:
    del headers
    if "uploads" in parameters:
        return CreateMultipartUpload(bucket=bucket, key=key)
    if "uploadId" in parameters:
        return CompleteMultipartUpload(bucket=bucket, key=key, upload_id=_upload_id(parameters))
    raise S3Error(Code.NOT_IMPLEMENTED, "POST to an object begins or completes a multipart upload")


def _delete(bucket: str, key: str, parameters: Parameters, headers: Mapping[str, str]) -> Operation:
    del headers
    if "uploadId" in parameters:
        return AbortMultipartUpload(bucket=bucket, key=key, upload_id=_upload_id(parameters))
    return DeleteObject(bucket=bucket, key=key)


_BY_METHOD: Final[Mapping[str, Callable[[str, str, Parameters, Mapping[str, str]], Operation]]] = {
    "GET": _get,
    "HEAD": _head,
    "PUT": _put,
    "POST": _post,
    "DELETE": _delete,
}


def _list_objects(bucket: str, parameters: Parameters) -> ListObjects:
    version = 2 if parameters.text("list-type") == "2" else 1
    encoding = parameters.text("encoding-type")
    if encoding not in {"", "url"}:
        raise S3Error(Code.INVALID_ARGUMENT, "the only encoding-type is url")
    after = "start-after" if version == 2 else "marker"  # noqa: PLR2004  # ListObjectsV2
    token = parameters.text("continuation-token")
    if version == 2 and "continuation-token" in parameters and not token:  # noqa: PLR2004  # V2
        raise S3Error(Code.INVALID_ARGUMENT, "the continuation token is empty")
    return ListObjects(
        bucket=bucket,
        version=version,
        prefix=check_text(parameters.text("prefix"), "prefix"),
        delimiter=check_text(parameters.text("delimiter"), "delimiter"),
        after=check_text(parameters.text(after), after),
        token=token,
        max_keys=min(MAX_KEYS, parameters.number("max-keys", default=MAX_KEYS, low=0, high=_INT32)),
        url_encoded=encoding == "url",
        fetch_owner=parameters.text("fetch-owner") == "true",
    )


def _list_uploads(bucket: str, parameters: Parameters) -> ListMultipartUploads:
    return ListMultipartUploads(
        bucket=bucket,
        prefix=check_text(parameters.text("prefix"), "prefix"),
        delimiter=check_text(parameters.text("delimiter"), "delimiter"),
        key_marker=check_text(parameters.text("key-marker"), "key-marker"),
        upload_id_marker=parameters.text("upload-id-marker"),
        max_uploads=min(
            MAX_KEYS, parameters.number("max-uploads", default=MAX_KEYS, low=0, high=_INT32)
        ),
        url_encoded=parameters.text("encoding-type") == "url",
    )


def _upload_id(parameters: Parameters) -> str:
    text = parameters.text("uploadId")
    if not (0 < len(text) <= _UPLOAD_ID and text.isascii() and text.isprintable()):
        raise S3Error(Code.NO_SUCH_UPLOAD, "there is no such upload")
    return text


def _part_number(parameters: Parameters) -> int:
    if not parameters.text("partNumber"):
        raise S3Error(Code.INVALID_ARGUMENT, "partNumber is missing")
    return parameters.number("partNumber", default=0, low=1, high=MAX_PARTS)


def _copy_source(text: str) -> tuple[str, str]:
    """`/bucket/key` or `bucket/key`, percent-encoded, with or without `?versionId=null`."""
    path, _, version = text.partition("?versionId=")
    if path.startswith("arn:") or unquote(version) not in {"", "null"}:
        raise S3Error(
            Code.INVALID_ARGUMENT, "x-amz-copy-source is BUCKET/KEY here, without a version"
        )
    bucket, _, key = decode(path, plus=False).removeprefix("/").partition("/")
    if not key:
        raise S3Error(Code.INVALID_ARGUMENT, "x-amz-copy-source is BUCKET/KEY")
    return check_bucket(bucket), check_key(key)


def _unknown_verb(method: str, what: str) -> S3Error:
    shown = method[:16] if method.isascii() and method.isalpha() else "this method"
    return S3Error(Code.NOT_IMPLEMENTED, f"{shown} is not implemented for {what}")
