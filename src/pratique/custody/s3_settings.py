"""Sub-resources that tools read before they work: fixed answers, each of them true of every dataset."""

from __future__ import annotations

from typing import Final

from pratique.custody.operations import ReadBucketSetting
from pratique.custody.s3_errors import Code, S3Error
from pratique.custody.s3_xml import OWNER_ID
from pratique.custody.xml_text import element, escape, flag, xml_document

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_ABSENT: Final = {
    "cors": (Code.NO_SUCH_CORS, "no page of another site may read"),
    "lifecycle": (Code.NO_SUCH_LIFECYCLE, "nothing expires by itself; datasets are shredded"),
    "object-lock": (Code.NO_SUCH_OBJECT_LOCK, "versions of a dataset are never changed anyway"),
    "policy": (Code.NO_SUCH_BUCKET_POLICY, "leases say who may read"),
    "replication": (Code.NO_SUCH_REPLICATION, "the store behind the door replicates, if any does"),
    "website": (Code.NO_SUCH_WEBSITE, "websites are not served"),
    "legal-hold": (Code.NO_SUCH_OBJECT_LOCK, "there is no object lock"),
    "retention": (Code.NO_SUCH_OBJECT_LOCK, "there is no object lock"),
}
_EMPTY: Final = {
    "accelerate": "AccelerateConfiguration",
    "analytics": "ListBucketAnalyticsConfigurationResult",
    "intelligent-tiering": "ListBucketIntelligentTieringConfigurationsOutput",
    "inventory": "ListInventoryConfigurationsResult",
    "logging": "BucketLoggingStatus",
    "metrics": "ListMetricsConfigurationsResult",
    "notification": "NotificationConfiguration",
    "versioning": "VersioningConfiguration",
}
"""An empty document says: never switched on."""
_LISTS: Final = frozenset({"analytics", "intelligent-tiering", "inventory", "metrics"})


def render_setting(asked: ReadBucketSetting, *, region: str) -> bytes:
    """The answer to `GET ?NAME`.

    Raises: S3Error where the true answer is that there is none.
    """
    absent = _ABSENT.get(asked.name)
    if absent is not None:
        code, sentence = absent
        raise S3Error(code, f"there is no {asked.name} configuration: {sentence}")
    if asked.name == "tagging":
        if not asked.key:
            raise S3Error(Code.NO_SUCH_TAG_SET, "there is no tag set: datasets have no tags")
        return xml_document("Tagging", "<TagSet></TagSet>")
    empty = _EMPTY.get(asked.name)
    if empty is not None:
        return xml_document(empty, flag("IsTruncated", value=False) if asked.name in _LISTS else "")
    return _BY_NAME[asked.name](region)


def _location(region: str) -> bytes:
    # S3 writes its oldest region as nothing at all, and SDKs know that.
    text = "" if region == "us-east-1" else region
    return xml_document("LocationConstraint", escape(text))


def _acl(region: str) -> bytes:
    del region
    grantee = (
        f'<Grantee xmlns:xsi="{_XSI}" xsi:type="CanonicalUser">{element("ID", OWNER_ID)}'
        f"{element('DisplayName', OWNER_ID)}</Grantee>"
    )
    grant = f"<Grant>{grantee}<Permission>FULL_CONTROL</Permission></Grant>"
    owner = f"<Owner>{element('ID', OWNER_ID)}{element('DisplayName', OWNER_ID)}</Owner>"
    return xml_document(
        "AccessControlPolicy", owner, f"<AccessControlList>{grant}</AccessControlList>"
    )


def _encryption(region: str) -> bytes:
    del region
    default = (
        "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
        "</ApplyServerSideEncryptionByDefault>"
    )
    return xml_document("ServerSideEncryptionConfiguration", f"<Rule>{default}</Rule>")


def _public_access(region: str) -> bytes:
    del region
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return xml_document(
        "PublicAccessBlockConfiguration", *(flag(name, value=True) for name in names)
    )


def _ownership(region: str) -> bytes:
    del region
    rule = "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
    return xml_document("OwnershipControls", rule)


def _payment(region: str) -> bytes:
    del region
    return xml_document("RequestPaymentConfiguration", element("Payer", "BucketOwner"))


def _policy_status(region: str) -> bytes:
    del region
    return xml_document("PolicyStatus", "<IsPublic>FALSE</IsPublic>")


_BY_NAME: Final = {
    "acl": _acl,
    "encryption": _encryption,
    "location": _location,
    "ownershipControls": _ownership,
    "policyStatus": _policy_status,
    "publicAccessBlock": _public_access,
    "requestPayment": _payment,
}
