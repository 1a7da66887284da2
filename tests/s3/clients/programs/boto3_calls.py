"""boto3: the client, its transfers, and presigned URLs."""

from __future__ import annotations

import io
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from told import BUCKET, ENDPOINT, KEY, LARGE, REGION, SECRET, large, run

s3 = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    aws_access_key_id=KEY,
    aws_secret_access_key=SECRET,
    region_name=REGION,
    config=Config(signature_version="s3v4", retries={"max_attempts": 1}),
)


def get() -> int:
    return len(s3.get_object(Bucket=BUCKET, Key="lines.jsonl")["Body"].read())


def range_() -> str:
    found = s3.get_object(Bucket=BUCKET, Key="lines.jsonl", Range="bytes=2-5")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    return found["Body"].read().decode()


def list_() -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="table/", PaginationConfig={"PageSize": 1}
    )
    return [found["Key"] for page in pages for found in page["Contents"]]


def head() -> int:
    return s3.head_object(Bucket=BUCKET, Key="lines.jsonl")["ContentLength"]


def put() -> None:
    s3.put_object(Bucket=BUCKET, Key="out/boto3.txt", Body=b"written", Metadata={"by": "boto3"})
    assert s3.get_object(Bucket=BUCKET, Key="out/boto3.txt")["Body"].read() == b"written"


def multipart() -> None:
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(large()), BUCKET, "out/boto3.bin", Config=parts)
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "out/boto3.bin", back, Config=parts)
    assert back.getvalue() == large()
    assert s3.head_object(Bucket=BUCKET, Key="out/boto3.bin")["ContentLength"] == LARGE


def delete() -> None:
    s3.delete_object(Bucket=BUCKET, Key="out/boto3.txt")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "out/boto3.bin"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["out/boto3.bin"]
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="out/boto3")["KeyCount"] == 0


def presigned() -> int:
    url = s3.generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": "lines.jsonl"}, ExpiresIn=60
    )
    with urllib.request.urlopen(url, timeout=20) as answer:
        return len(answer.read())


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete,
    presigned=presigned)  # fmt: skip
