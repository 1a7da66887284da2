"""Code inside a real worker tries to leave. Each wall is tried together with the others, and alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.vetting_jobs import ESCAPES
from pratique.edge.vetting.confinement import Walls
from pratique.edge.vetting.kernel import LINUX
from pratique.edge.vetting.landlock import landlock_abi
from pratique.edge.vetting.options import MIB
from pratique.policy.model import Verdict
from pratique.vet.exchange import Vetted

pytestmark = pytest.mark.skipif(not LINUX, reason="only Linux has Landlock and seccomp")

MEMORY = 352 * MIB
ALL = Walls(memory_bytes=MEMORY)
ONLY_SECCOMP = Walls(memory_bytes=MEMORY, landlock=False, namespaces=False)
ONLY_LANDLOCK = Walls(memory_bytes=MEMORY, seccomp=False, namespaces=False)
NONE = Walls(memory_bytes=MEMORY, landlock=False, seccomp=False, namespaces=False)

KILLED = "killed for a system call that none makes"
DEADLY = {
    "connect",
    "connect-unix",
    "listen",
    "execute",
    "fork",
    "thread",
    "trace-parent",
    "kill-parent",
    "become-root",
}
"""What no worker does kills it; what a library may try in good faith is only refused."""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


def argument(deed: str, listener: socket.socket, folder: Path) -> bytes:
    if deed == "connect":
        return str(listener.getsockname()[1]).encode()
    if deed == "connect-unix":
        return b"\0pratique-test-%d" % os.getpid()
    if deed == "write-file":
        folder.chmod(0o777)
        return str(folder / "written").encode()
    if deed in {"unlink", "chmod"}:
        victim = folder / "victim"
        victim.write_bytes(b"x")
        victim.chmod(0o644)
        folder.chmod(0o777)
        return str(victim).encode()
    return b""


async def attempt(
    open_pool: Any, walls: Walls, deed: str, listener: socket.socket, folder: Path
) -> Vetted:
    pool = await open_pool(walls=walls)
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(b"\0pratique-test-%d" % os.getpid())
        abstract.listen()
        vetted: Vetted = await pool.vet_bytes(argument(deed, listener, folder), deed)
    # The pool goes on, whatever it was.
    assert (await pool.vet_bytes(b"", "echo")).report.features
    return vetted


def assert_denied(vetted: Vetted) -> None:
    assert vetted.report.features == ()
    assert vetted.report.verdict is Verdict.UNKNOWN
    assert vetted.failure
    assert vetted.report.unread


@pytest.mark.parametrize("deed", sorted(ESCAPES))
async def test_nothing_leaves(
    open_pool: Any, deed: str, listener: socket.socket, tmp_path: Path
) -> None:
    vetted = await attempt(open_pool, ALL, deed, listener, tmp_path)
    assert_denied(vetted)
    assert (KILLED in vetted.failure) == (deed in DEADLY)
    assert not (tmp_path / "written").exists()


@pytest.mark.slow
async def test_only_what_landlock_leaves_to_others_passes_it_alone(
    open_pool: Any, listener: socket.socket, tmp_path: Path
) -> None:
    if landlock_abi() < 6:
        pytest.skip("this kernel's Landlock knows neither TCP nor scopes")
    passed = set()
    for deed in ESCAPES:
        # The death signal is the parent's own business when the test runs as another user.
        vetted = await attempt(open_pool, ONLY_LANDLOCK, deed, listener, tmp_path)
        if vetted.report.features:
            passed.add(deed)
    # Names and sizes of files, and what stays inside the process.
    harmless = {"stat-passwd", "thread", "executable-memory", "signal-by-socket", "chmod"}
    assert passed <= harmless


@pytest.mark.slow
async def test_seccomp_alone_lets_nothing_pass(
    open_pool: Any, listener: socket.socket, tmp_path: Path
) -> None:
    for deed in ESCAPES:
        assert_denied(await attempt(open_pool, ONLY_SECCOMP, deed, listener, tmp_path))


@pytest.mark.slow
async def test_the_attempts_are_real(
    open_pool: Any, listener: socket.socket, tmp_path: Path
) -> None:
    """Without walls most of them succeed, so that their failure above means something."""
    for deed in (
        "read-passwd",
        "stat-passwd",
        "list-root",
        "connect",
        "connect-unix",
        "executable-memory",
    ):
        vetted = await attempt(open_pool, NONE, deed, listener, tmp_path)
        assert vetted.report.features, (deed, vetted.failure)
    # These are denied by limits, or by not being the superuser any more, without any wall.
    for deed in ("write-file", "raise-limits", "become-root", "parents-environment"):
        if deed == "parents-environment" and os.geteuid() != 0:
            continue
        assert_denied(await attempt(open_pool, NONE, deed, listener, tmp_path))


async def test_a_worker_has_one_descriptor_and_no_surroundings(open_pool: Any) -> None:
    pool = await open_pool()
    (worker,) = pool._workers
    vetted = await pool.vet_bytes(b"", "surroundings")
    # prctl is no call that a worker may make, so dumpable cannot even be asked for.
    assert vetted.report.features[:2] == ("environ={}", "dumpable=-1")
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    )
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "1"
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapPrm"], 16) == 0
    if os.geteuid() == 0:
        assert vetted.report.features[2] == "uid=65534"
        assert len(list(Path(f"/proc/{worker.pid}/fd").iterdir())) == 1
        # Not dumpable: owned by root although it runs as nobody.
        assert Path(f"/proc/{worker.pid}/environ").stat().st_uid == 0
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    for name in ("Max core file size", "Max file size", "Max processes", "Max locked memory"):
        (line,) = [line for line in limits.splitlines() if line.startswith(name)]
        assert line.removeprefix(name).split()[:2] == ["0", "0"]


async def test_what_is_in_force_is_said(open_pool: Any) -> None:
    pool = await open_pool()
    status = pool.status()
    assert status.confinement.seccomp
    assert status.confinement.unprivileged
    assert status.confinement.landlock_abi == landlock_abi()
    assert "seccomp" in status.sentence
    assert "rlimits" in status.sentence
    bare = await open_pool(walls=NONE)
    assert not bare.status().confinement.walled
    assert any("landlock" in sentence for sentence in bare.status().confinement.lacking)


async def test_a_pool_without_walls_says_so_loudly(
    open_pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await open_pool(walls=NONE)
    assert "resource limits only" in caplog.text
