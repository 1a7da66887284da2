"""pyarrow's S3FileSystem: the SDK for C++."""

from __future__ import annotations

import pyarrow.dataset
import pyarrow.fs
from pyarrow import parquet
from told import BUCKET, ENDPOINT, KEY, REGION, ROWS, SECRET, large, run

scheme, _, host = ENDPOINT.partition("://")
files = pyarrow.fs.S3FileSystem(
    access_key=KEY,
    secret_key=SECRET,
    region=REGION,
    scheme=scheme,
    endpoint_override=host,
    retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1),
)


def get() -> int:
    data = pyarrow.dataset.dataset(f"{BUCKET}/table", filesystem=files, format="parquet")
    numbers = data.to_table(columns=["n"])["n"]  # one column: ranges only
    assert len(numbers) == 2 * ROWS
    with files.open_input_stream(f"{BUCKET}/lines.jsonl") as stream:
        return len(stream.read())


def range_() -> str:
    footer = parquet.read_metadata(f"{BUCKET}/table/part-0.parquet", filesystem=files)
    assert footer.num_rows == ROWS
    with files.open_input_file(f"{BUCKET}/lines.jsonl") as file:
        return file.read_at(4, 2).decode()


def list_() -> list[str]:
    found = files.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/table"))
    return sorted(info.path.removeprefix(f"{BUCKET}/") for info in found)


def head() -> int:
    return int(files.get_file_info(f"{BUCKET}/lines.jsonl").size)


def put() -> None:
    with files.open_output_stream(f"{BUCKET}/out/pyarrow.txt") as stream:
        stream.write(b"written")
    with files.open_input_stream(f"{BUCKET}/out/pyarrow.txt") as stream:
        assert stream.read() == b"written"


def multipart() -> None:
    with files.open_output_stream(f"{BUCKET}/out/pyarrow.bin") as stream:
        stream.write(large())
    with files.open_input_stream(f"{BUCKET}/out/pyarrow.bin") as stream:
        assert stream.read() == large()


def delete() -> None:
    files.delete_file(f"{BUCKET}/out/pyarrow.txt")
    files.delete_file(f"{BUCKET}/out/pyarrow.bin")
    kinds = [info.type for info in files.get_file_info([f"{BUCKET}/out/pyarrow.bin"])]
    assert kinds == [pyarrow.fs.FileType.NotFound]


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete)
