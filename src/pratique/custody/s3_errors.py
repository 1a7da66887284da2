"""What the S3 door answers when it refuses: one table of codes, statuses and sentences.

Every module of the S3 vocabulary raises `S3Error`; leases and budgets give a `Refusal`, which
`of_refusal` turns into the same. Each row is explained in docs/reference/s3.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pratique.custody.errors import BrokerRefusedError
from pratique.custody.model import Refusal, Stop
from pratique.custody.xml_text import element, xml_document
from pratique.errors import PratiqueError


class Code(StrEnum):
    """S3's error codes that this door uses. Clients act on them, people read the sentence."""

    ACCESS_CONTROL_LIST_NOT_SUPPORTED = "AccessControlListNotSupported"
    ACCESS_DENIED = "AccessDenied"
    ACCESS_FORBIDDEN = "AccessForbidden"
    AUTHORIZATION_HEADER_MALFORMED = "AuthorizationHeaderMalformed"
    AUTHORIZATION_QUERY_PARAMETERS_ERROR = "AuthorizationQueryParametersError"
    BAD_DIGEST = "BadDigest"
    BUCKET_ALREADY_EXISTS = "BucketAlreadyExists"
    CONDITIONAL_REQUEST_CONFLICT = "ConditionalRequestConflict"
    CONTENT_SHA256_MISMATCH = "XAmzContentSHA256Mismatch"
    ENTITY_TOO_LARGE = "EntityTooLarge"
    ENTITY_TOO_SMALL = "EntityTooSmall"
    EXPIRED_TOKEN = "ExpiredToken"  # noqa: S105  # a code of S3's, no password
    INCOMPLETE_BODY = "IncompleteBody"
    INTERNAL_ERROR = "InternalError"
    INVALID_ACCESS_KEY_ID = "InvalidAccessKeyId"
    INVALID_ARGUMENT = "InvalidArgument"
    INVALID_BUCKET_NAME = "InvalidBucketName"
    INVALID_DIGEST = "InvalidDigest"
    INVALID_IDENTITY_TOKEN = "InvalidIdentityToken"  # noqa: S105  # a code of STS's, no password
    INVALID_OBJECT_STATE = "InvalidObjectState"
    INVALID_PART = "InvalidPart"
    INVALID_PART_NUMBER = "InvalidPartNumber"
    INVALID_PART_ORDER = "InvalidPartOrder"
    INVALID_RANGE = "InvalidRange"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_STORAGE_CLASS = "InvalidStorageClass"
    INVALID_TOKEN = "InvalidToken"  # noqa: S105  # a code of S3's, no password
    INVALID_URI = "InvalidURI"
    KEY_TOO_LONG = "KeyTooLongError"
    MALFORMED_TRAILER = "MalformedTrailerError"
    MALFORMED_XML = "MalformedXML"
    METADATA_TOO_LARGE = "MetadataTooLarge"
    METHOD_NOT_ALLOWED = "MethodNotAllowed"
    MISSING_CONTENT_LENGTH = "MissingContentLength"
    MISSING_SECURITY_HEADER = "MissingSecurityHeader"
    NO_SUCH_BUCKET = "NoSuchBucket"
    NO_SUCH_BUCKET_POLICY = "NoSuchBucketPolicy"
    NO_SUCH_CORS = "NoSuchCORSConfiguration"
    NO_SUCH_KEY = "NoSuchKey"
    NO_SUCH_LIFECYCLE = "NoSuchLifecycleConfiguration"
    NO_SUCH_OBJECT_LOCK = "ObjectLockConfigurationNotFoundError"
    NO_SUCH_OWNERSHIP_CONTROLS = "OwnershipControlsNotFoundError"
    NO_SUCH_REPLICATION = "ReplicationConfigurationNotFoundError"
    NO_SUCH_TAG_SET = "NoSuchTagSet"
    NO_SUCH_UPLOAD = "NoSuchUpload"
    NO_SUCH_VERSION = "NoSuchVersion"
    NO_SUCH_WEBSITE = "NoSuchWebsiteConfiguration"
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_MODIFIED = "NotModified"
    PRECONDITION_FAILED = "PreconditionFailed"
    REQUEST_HEADER_SECTION_TOO_LARGE = "RequestHeaderSectionTooLarge"
    REQUEST_TIME_TOO_SKEWED = "RequestTimeTooSkewed"
    REQUEST_TIMEOUT = "RequestTimeout"
    SERVICE_UNAVAILABLE = "ServiceUnavailable"
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch"
    SLOW_DOWN = "SlowDown"
    TOO_MANY_PARTS = "TooManyParts"


_FORBIDDEN = frozenset(
    {
        Code.ACCESS_DENIED,
        Code.ACCESS_FORBIDDEN,
        Code.INVALID_ACCESS_KEY_ID,
        Code.INVALID_OBJECT_STATE,
        Code.REQUEST_TIME_TOO_SKEWED,
        Code.SIGNATURE_DOES_NOT_MATCH,
    }
)
_NOT_FOUND = frozenset(
    {
        Code.NO_SUCH_BUCKET,
        Code.NO_SUCH_BUCKET_POLICY,
        Code.NO_SUCH_CORS,
        Code.NO_SUCH_KEY,
        Code.NO_SUCH_LIFECYCLE,
        Code.NO_SUCH_OBJECT_LOCK,
        Code.NO_SUCH_OWNERSHIP_CONTROLS,
        Code.NO_SUCH_REPLICATION,
        Code.NO_SUCH_TAG_SET,
        Code.NO_SUCH_UPLOAD,
        Code.NO_SUCH_VERSION,
        Code.NO_SUCH_WEBSITE,
    }
)
_OTHERS: Mapping[Code, int] = {
    Code.BUCKET_ALREADY_EXISTS: 409,
    Code.CONDITIONAL_REQUEST_CONFLICT: 409,
    Code.INTERNAL_ERROR: 500,
    Code.INVALID_PART_NUMBER: 416,
    Code.INVALID_RANGE: 416,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.MISSING_CONTENT_LENGTH: 411,
    Code.NOT_IMPLEMENTED: 501,
    Code.NOT_MODIFIED: 304,
    Code.PRECONDITION_FAILED: 412,
    Code.SERVICE_UNAVAILABLE: 503,
    Code.SLOW_DOWN: 503,
}


_SERVERS_OWN: Final = range(500, 600)


def _status(code: Code) -> int:
    if code in _FORBIDDEN:
        return 403
    if code in _NOT_FOUND:
        return 404
    return _OTHERS.get(code, 400)


STATUS: Final[Mapping[Code, int]] = MappingProxyType({code: _status(code) for code in Code})
"""HTTP status of each code."""

OF_STOP: Final[Mapping[Stop, Code]] = MappingProxyType(
    {
        Stop.UNKNOWN_LEASE: Code.INVALID_ACCESS_KEY_ID,
        Stop.BAD_SIGNATURE: Code.SIGNATURE_DOES_NOT_MATCH,
        Stop.SKEWED: Code.REQUEST_TIME_TOO_SKEWED,
        Stop.NOT_YET: Code.ACCESS_DENIED,
        # SDKs that can fetch new credentials do so on this code, and on no other.
        Stop.EXPIRED: Code.EXPIRED_TOKEN,
        Stop.REVOKED: Code.ACCESS_DENIED,
        Stop.SUSPENDED: Code.ACCESS_DENIED,
        Stop.NETWORK: Code.ACCESS_DENIED,
        Stop.VERB: Code.ACCESS_DENIED,
        # Not NoSuchBucket: whether it exists is no business of who may not see it.
        Stop.OUTSIDE: Code.ACCESS_DENIED,
        Stop.BUDGET: Code.ACCESS_DENIED,
        # The two below are tried again by every SDK, with growing pauses.
        Stop.RATE: Code.SLOW_DOWN,
        Stop.UNSURE: Code.SERVICE_UNAVAILABLE,
        Stop.BROKER: Code.SERVICE_UNAVAILABLE,
        Stop.SHREDDED: Code.INVALID_OBJECT_STATE,
        Stop.SEALED: Code.ACCESS_DENIED,
    }
)
"""S3's code for each reason that custody has to refuse."""


class S3Error(PratiqueError):
    """A request that gets an S3 error for an answer."""

    def __init__(
        self,
        code: Code,
        sentence: str,
        *,
        fields: tuple[tuple[str, str], ...] = (),
        retry_seconds: float | None = None,
    ) -> None:
        """`fields` are further elements of the XML, such as the region that was expected."""
        super().__init__(sentence)
        self.code = code
        self.fields = fields
        self.retry_seconds = retry_seconds

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUS[self.code]

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers that belong to the answer: when to try again."""
        if self.retry_seconds is None:
            return ()
        return (("Retry-After", str(max(1, math.ceil(self.retry_seconds)))),)


def of_refusal(refusal: Refusal) -> S3Error:
    """The S3 error of a refusal; the sentence stays as it is, because clients print it."""
    return S3Error(OF_STOP[refusal.stop], refusal.sentence, retry_seconds=refusal.retry_seconds)


_OF_BROKER: Final = MappingProxyType(
    {
        "suspended": Stop.SUSPENDED,
        "shredded": Stop.SHREDDED,
        "terms": Stop.OUTSIDE,
        "cap": Stop.RATE,
    }
)


def of_broker(error: BrokerRefusedError) -> S3Error:
    """The S3 error of a broker's refusal: what is final is told as final, so that nobody tries again."""
    stop = _OF_BROKER.get(error.reason, Stop.BROKER)
    retry = 60.0 if stop is Stop.RATE else None
    return of_refusal(
        Refusal(stop=stop, sentence=error.message, scope=error.scope, retry_seconds=retry)
    )


def render_error(error: S3Error, *, resource: str, request_id: str) -> bytes:
    """The error as S3's XML. `resource` is the path that was asked for."""
    return xml_document(
        "Error",
        element("Code", error.code.value),
        element("Message", error.message),
        *(element(name, value) for name, value in error.fields),
        element("Resource", resource),
        element("RequestId", request_id),
        namespace="",
    )


def render_sts_error(error: S3Error, *, request_id: str) -> bytes:
    """The error as STS writes it."""
    fault = "Receiver" if error.status in _SERVERS_OWN else "Sender"
    inner = element("Type", fault) + element("Code", error.code.value)
    return xml_document(
        "ErrorResponse",
        "<Error>" + inner + element("Message", error.message) + "</Error>",
        element("RequestId", request_id),
        namespace="https://sts.amazonaws.com/doc/2011-06-15/",
    )
