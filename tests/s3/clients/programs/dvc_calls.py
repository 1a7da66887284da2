"""DVC: a remote that is pushed to, and pulled from into an empty copy."""

from __future__ import annotations

import os
import shutil
import sys

from dvc.cli import main
from told import BUCKET, ENDPOINT, KEY, REGION, SCRATCH, SECRET, large_file, run

os.environ |= {"DVC_NO_ANALYTICS": "1", "DVC_IGNORE_ISATTY": "1"}
PROJECT = SCRATCH / "project"


def dvc(*words: str) -> None:
    code = main([*words, "--quiet"])
    if code:
        sys.exit(f"dvc {' '.join(words)} ended with {code}")


def project() -> None:
    if not PROJECT.exists():
        PROJECT.mkdir(parents=True)
        os.chdir(PROJECT)
        dvc("init", "--no-scm")
        dvc("remote", "add", "--default", "p", f"s3://{BUCKET}/out/dvc")
        for name, value in (
            ("endpointurl", ENDPOINT),
            ("access_key_id", KEY),
            ("secret_access_key", SECRET),
            ("region", REGION),
        ):
            dvc("remote", "modify", "--local", "p", name, value)
        (PROJECT / "labels.txt").write_text("a few labels\n")
        shutil.copyfile(large_file(), PROJECT / "large.bin")
        dvc("add", "labels.txt", "large.bin")
    os.chdir(PROJECT)


def put() -> None:
    project()
    dvc("push")


def get() -> int:
    project()
    for name in ("labels.txt", "large.bin"):
        (PROJECT / name).unlink(missing_ok=True)
    shutil.rmtree(PROJECT / ".dvc" / "cache", ignore_errors=True)
    dvc("pull")
    return len((PROJECT / "labels.txt").read_text())


run(put=put, get=get)
