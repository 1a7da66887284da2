"""Published files, read as zipfile and tarfile read them, with nothing to complain about.

A few wheels of the evaluation's benign list, by hash, and the sdists beside them, fetched when the test
runs. Any folder of archives can be compared the same way: benchmarks/vet_reading.py --agree FOLDER.
"""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from packaging.utils import parse_wheel_filename
from pypi_simple import DistributionPackage, PyPISimple

from kit.archive_oracle import seen_by_python, seen_here
from pratique.vet.archives.model import ProblemClass

pytestmark = [pytest.mark.network, pytest.mark.slow]

LIST = Path(__file__).parents[3] / "evals" / "lists" / "archives.txt"
COUNT = 10
SMALL = 200_000
SMALL_SDIST = 5_000_000


def sample() -> list[tuple[str, str]]:
    """Name and hash of some small published wheels."""
    rows = [line.split("\t") for line in LIST.read_text("utf-8").splitlines() if line[0] != "#"]
    wheels = [
        (name, sha256)
        for sha256, size, name, _, origin in rows
        if origin == "file" and name.endswith(".whl") and int(size) < SMALL
    ]
    return random.Random(3).sample(wheels, COUNT)


def check(data: bytes, filename: str) -> None:
    here, reading = seen_here(data, filename)
    assert here == seen_by_python(data, filename)
    assert reading.whole
    assert [p for p in reading.problems if p.problem_class is not ProblemClass.NOTE] == []


@pytest.mark.parametrize(("filename", "sha256"), sample(), ids=lambda value: value[:40])
def test_published_files_are_read_as_python_reads_them(
    filename: str, sha256: str, tmp_path: Path
) -> None:
    project, version, *_ = parse_wheel_filename(filename)

    def wanted(package: DistributionPackage) -> bool:
        sdist = package.package_type == "sdist" and (package.size or 0) < SMALL_SDIST
        return package.filename == filename or (sdist and package.version == str(version))

    with PyPISimple() as index:
        packages = [p for p in index.get_project_page(project).packages if wanted(p)]
        for package in packages:
            index.download_package(package, tmp_path / package.filename)
    assert filename in {package.filename for package in packages}
    for package in packages:
        data = (tmp_path / package.filename).read_bytes()
        digest = sha256 if package.filename == filename else package.digests["sha256"]
        assert hashlib.sha256(data).hexdigest() == digest
        check(data, package.filename)
