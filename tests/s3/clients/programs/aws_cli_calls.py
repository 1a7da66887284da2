"""The aws command line, in the words that people type. One process runs all of them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from awscli.clidriver import create_clidriver
from told import BUCKET, ENDPOINT, KEY, REGION, SCRATCH, SECRET, large, large_file, run

SCRATCH.mkdir(parents=True, exist_ok=True)
config = SCRATCH / "aws.ini"
config.write_text(
    f"[default]\nregion = {REGION}\nendpoint_url = {ENDPOINT}\n"
    "s3 =\n  addressing_style = path\n  signature_version = s3v4\n"
)
os.environ |= {
    "AWS_CONFIG_FILE": str(config),
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
}
TEXT, BINARY = f"s3://{BUCKET}/out/aws.txt", f"s3://{BUCKET}/out/aws.bin"


def aws(*words: str) -> str:
    said = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with contextlib.redirect_stdout(said):
        code = create_clidriver().main(list(words))
    if code:
        sys.exit(f"aws {' '.join(words)} ended with {code}")
    said.seek(0)
    return said.read()


def get() -> int:
    aws("s3", "cp", "--quiet", f"s3://{BUCKET}/lines.jsonl", str(SCRATCH / "lines.jsonl"))
    return (SCRATCH / "lines.jsonl").stat().st_size


def range_() -> str:
    place = SCRATCH / "range"
    aws("s3api", "get-object", "--bucket", BUCKET, "--key", "lines.jsonl", "--range", "bytes=2-5",
        str(place))  # fmt: skip
    return place.read_text()


def list_() -> list[str]:
    rows = aws("s3", "ls", "--recursive", f"s3://{BUCKET}/table/").splitlines()
    return [row.split()[-1] for row in rows]


def head() -> int:
    answer = aws("s3api", "head-object", "--bucket", BUCKET, "--key", "lines.jsonl")
    return int(json.loads(answer)["ContentLength"])


def put() -> None:
    (SCRATCH / "aws.txt").write_bytes(b"written")
    aws("s3", "cp", "--quiet", str(SCRATCH / "aws.txt"), TEXT)
    aws("s3", "cp", "--quiet", TEXT, str(SCRATCH / "back.txt"))
    assert (SCRATCH / "back.txt").read_bytes() == b"written"


def multipart() -> None:
    aws("s3", "cp", "--quiet", str(large_file()), BINARY)
    aws("s3", "cp", "--quiet", BINARY, str(SCRATCH / "back.bin"))
    assert (SCRATCH / "back.bin").read_bytes() == large()


def delete() -> None:
    aws("s3", "rm", "--quiet", TEXT)
    aws("s3", "rm", "--quiet", "--recursive", f"s3://{BUCKET}/out/aws")


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete)
