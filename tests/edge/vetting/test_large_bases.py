"""A base's archive is read by pieces: its size costs a worker no memory."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from kit.distributions import make_wheel
from pratique.edge.vetting.options import PoolOptions
from pratique.edge.vetting.pool import VettingPool
from pratique.vet.exchange import BaseFacts
from pratique.vet.model import Verdict

BALLAST = 100 << 20
MOST_RESIDENT = 300 << 20
RUNS = "import subprocess\n\n\ndef run(name):\n    return subprocess.run([name], check=True)\n"


def large_wheel(folder: Path, version: str, source: str) -> Path:
    name, content = make_wheel("demo", version, files={"demo/__init__.py": source})
    path = folder / name
    path.write_bytes(content)
    block = random.Random(1).randbytes(1 << 20)
    with zipfile.ZipFile(path, "a") as archive, archive.open("demo/data.bin", "w") as member:
        for _ in range(BALLAST >> 20):
            member.write(block)
    return path


def most_resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
async def test_a_base_larger_than_a_worker_may_hold_is_compared_by_line(tmp_path: Path) -> None:
    old = large_wheel(tmp_path, "1.0", RUNS)
    new = large_wheel(tmp_path, "1.1", RUNS + "# one\n")
    async with VettingPool(PoolOptions(workers=1)) as pool:
        before = await pool.vet_file(old)
        base = BaseFacts(key="old", release=before.release, contents=before.new)
        vetted = await pool.vet_file(new, base=base, base_archive=old)
        [pid] = pool.status().pids
        resident = most_resident(pid)
    assert (vetted.failure, vetted.report.verdict) == ("", Verdict.CLEAN)
    assert vetted.partial  # of the changed source only the added line was looked at
    assert resident < MOST_RESIDENT
