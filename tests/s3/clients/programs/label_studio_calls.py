"""What Label Studio's S3 storages do with boto3, call by call.

Source: label_studio 1.23.2, io_storages/s3/utils.py (`create_s3_client_and_resource`, `resolve_s3_url`,
`AWS.get_blob_metadata`) and io_storages/s3/models.py (`validate_connection`, `iter_objects`, `get_data`,
`get_bytes_stream`, `save_annotation`, `delete_annotation`). The package itself is a web server of 74 MB
with Django and a database, so its calls are made here instead, with its arguments.
"""

from __future__ import annotations

import json
import urllib.request

import boto3
from told import BUCKET, ENDPOINT, KEY, REGION, SECRET, run

session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, aws_session_token=None)
config = boto3.session.Config(signature_version="s3v4")
place = {"region_name": REGION, "endpoint_url": ENDPOINT}
client = session.client("s3", config=config, **place)
resource = session.resource("s3", config=config, **place)


def head() -> int:
    client.head_bucket(Bucket=BUCKET)
    found = client.list_objects_v2(Bucket=BUCKET, Prefix="table", MaxKeys=1)
    assert found["KeyCount"] == 1
    blob = client.get_object(Bucket=BUCKET, Key="lines.jsonl")
    return int(blob["ContentLength"])


def list_() -> list[str]:
    bucket = resource.Bucket(BUCKET)
    return [one.key for one in bucket.objects.filter(Prefix="table/", Delimiter="/").all()]


def get() -> int:
    return len(resource.Object(BUCKET, "lines.jsonl").get()["Body"].read())


def range_() -> str:
    answer = client.get_object(Bucket=BUCKET, Key="lines.jsonl", Range="bytes=2-5")
    assert answer["ContentRange"].startswith("bytes 2-5/")
    return answer["Body"].read().decode()


def presigned() -> int:
    url = client.generate_presigned_url(
        ClientMethod="get_object",
        Params={"Bucket": BUCKET, "Key": "lines.jsonl", "ResponseContentType": "text/plain"},
        ExpiresIn=60,
    )
    assert url.startswith(ENDPOINT)
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/plain"
        return len(answer.read())


def put() -> None:
    body = json.dumps({"id": 17, "result": []})
    resource.Object(BUCKET, "out/17").put(Body=body, ServerSideEncryption="AES256")


def delete() -> None:
    resource.Object(BUCKET, "out/17").delete()


run(head=head, list=list_, get=get, range=range_, presigned=presigned, put=put, delete=delete)
