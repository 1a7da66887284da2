import hashlib
import subprocess
from pathlib import Path

import pytest

from evals.lists import Sample
from evals.malregistry import Registry
from evals.places import EvalsError

CONTENTS = [b"inert\n", b"", b"binary \x00\n\n" * 1000]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True)
    return tmp_path


def put(folder: Path, data: bytes) -> str:
    done = subprocess.run(
        ["git", "--git-dir", folder, "hash-object", "-w", "--stdin"],
        input=data, check=True, capture_output=True,
    )  # fmt: skip
    return done.stdout.decode().strip()


def sample(blob: str, data: bytes) -> Sample:
    return Sample(
        sha256=hashlib.sha256(data).hexdigest(), blob=blob, campaign="c", super_campaign="s", path="x/1/x.whl"
    )  # fmt: skip


def test_blobs_are_read_one_after_another_and_verified(folder: Path) -> None:
    samples = [(sample(put(folder, data), data), data) for data in CONTENTS]
    with Registry(folder) as registry:
        for one, data in [*samples, *reversed(samples)]:
            assert registry.read(one) == data


def test_other_contents_are_refused(folder: Path) -> None:
    with Registry(folder) as registry, pytest.raises(EvalsError, match="sha256"):
        registry.read(sample(put(folder, b"this"), b"that"))


@pytest.mark.parametrize("blob", ["0" * 40, "HEAD", "zz", "0" * 39 + "\n", ""])
def test_what_is_no_blob_of_the_dataset_is_refused(folder: Path, blob: str) -> None:
    with Registry(folder) as registry, pytest.raises(EvalsError, match="blob"):
        registry.read(sample(blob, b""))


def test_the_reading_goes_on_after_a_blob_that_is_missing(folder: Path) -> None:
    kept = sample(put(folder, b"here"), b"here")
    with Registry(folder) as registry:
        with pytest.raises(EvalsError):
            registry.read(sample("1" * 40, b""))
        assert registry.read(kept) == b"here"
