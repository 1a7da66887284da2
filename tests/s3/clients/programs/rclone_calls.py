"""rclone, the binary of Debian, with nothing but variables."""

from __future__ import annotations

import os
import subprocess
import sys

from told import BUCKET, ENDPOINT, KEY, REGION, SCRATCH, SECRET, large, large_file, run

SCRATCH.mkdir(parents=True, exist_ok=True)
SETTINGS = {
    "RCLONE_CONFIG": os.devnull,
    "RCLONE_CONFIG_P_TYPE": "s3",
    "RCLONE_CONFIG_P_PROVIDER": "Other",
    "RCLONE_CONFIG_P_ENDPOINT": ENDPOINT,
    "RCLONE_CONFIG_P_REGION": REGION,
    "RCLONE_CONFIG_P_ACCESS_KEY_ID": KEY,
    "RCLONE_CONFIG_P_SECRET_ACCESS_KEY": SECRET,
    "RCLONE_S3_NO_CHECK_BUCKET": "true",
    "RCLONE_RETRIES": "1",
    "RCLONE_LOW_LEVEL_RETRIES": "1",
}


def rclone(*words: str) -> str:
    done = subprocess.run(
        ["rclone", *words],
        env=os.environ | SETTINGS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        sys.exit(f"rclone {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def get() -> int:
    rclone("copy", f"p:{BUCKET}/lines.jsonl", str(SCRATCH))
    return (SCRATCH / "lines.jsonl").stat().st_size


def range_() -> str:
    return rclone("cat", "--offset", "2", "--count", "4", f"p:{BUCKET}/lines.jsonl")


def list_() -> list[str]:
    return sorted(f"table/{name}" for name in rclone("lsf", f"p:{BUCKET}/table").split())


def head() -> int:
    return int(rclone("lsl", f"p:{BUCKET}/lines.jsonl").split()[0])


def put() -> None:
    (SCRATCH / "rclone.txt").write_bytes(b"written")
    rclone("copy", str(SCRATCH / "rclone.txt"), f"p:{BUCKET}/out")
    assert rclone("cat", f"p:{BUCKET}/out/rclone.txt") == "written"


def multipart() -> None:
    rclone("copyto", "--s3-upload-cutoff", "5M", str(large_file()), f"p:{BUCKET}/out/rclone.bin")
    rclone("copyto", f"p:{BUCKET}/out/rclone.bin", str(SCRATCH / "back.bin"))
    assert (SCRATCH / "back.bin").read_bytes() == large()


def delete() -> None:
    rclone("deletefile", f"p:{BUCKET}/out/rclone.txt")
    rclone("deletefile", f"p:{BUCKET}/out/rclone.bin")


run(get=get, range=range_, list=list_, head=head, put=put, multipart=multipart, delete=delete)
