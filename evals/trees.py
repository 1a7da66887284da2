"""Archives made from git: a tagged tree, packed as an sdist or a plain wheel.

Tags are the only record of release after release that can be read without asking a package registry.
What is made is a function of the commit: members are taken as git exports them, in sorted order, with
one time stamp. The identity is over names and contents, so that another zlib makes the same archive.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from evals.metadata import core_metadata, entry_points

MAX_TREE = 64 << 20
"""Bytes of one exported tree; larger ones are left out, they are mostly test data."""
NOT_SHIPPED = (".git", ".github/", ".circleci/", ".travis", ".azure", ".gitlab")
"""What no build tool puts into an sdist."""
NOT_PACKAGES = frozenset(
    ["test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "bench", "tasks",
     "tools", "scripts", "ci", "build", "dist", "news", "requirements", "integration"]
)  # fmt: skip
"""Top folders that a wheel of the project would not hold."""
NOT_MODULES = frozenset(
    f"{name}.py"
    for name in (
        "setup", "conftest", "noxfile", "fabfile", "tasks", "release", "bootstrap", "test", "tests",
        "runtests", "run_tests", "pavement", "ez_setup", "make_release", "example", "hatch_build",
    )
)  # fmt: skip
"""Modules at the root of a tree that no build puts into a wheel."""
Files = dict[str, bytes]


def export(repo: Path, commit: str) -> Files:
    """The regular files of a commit, by path; empty when the git folder has not got it whole."""
    exported = subprocess.run(
        ["git", "-C", str(repo), "archive", "--format=tar", commit],
        check=False, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    tar = exported.stdout
    if exported.returncode or len(tar) > MAX_TREE:
        return {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        members = [member for member in opened if member.isreg()]
        files = {member.name: _read(opened, member) for member in members}
    return {path: data for path, data in files.items() if not path.startswith(NOT_SHIPPED)}


def _read(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = opened.extractfile(member)
    return stream.read() if stream else b""


def sdist_files(files: Mapping[str, bytes], *, project: str, version: str) -> Files:
    """What an sdist of the tree holds."""
    top = f"{project.replace('-', '_')}-{version}"
    made = {f"{top}/{path}": data for path, data in files.items()}
    made[f"{top}/PKG-INFO"] = core_metadata(files, project=project, version=version)
    return made


def wheel_files(files: Mapping[str, bytes], *, project: str, version: str) -> Files:
    """What a plain wheel of the tree holds: its packages and modules, and metadata. Empty without code."""
    under_src = {path[4:]: data for path, data in files.items() if path.startswith("src/")}
    made = _packages(under_src) or _packages(files)
    if not made:
        return {}
    info = f"{project.replace('-', '_')}-{version}.dist-info"
    made[f"{info}/METADATA"] = core_metadata(files, project=project, version=version)
    made[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts := entry_points(files):
        made[f"{info}/entry_points.txt"] = scripts
    made[f"{info}/RECORD"] = record(made, f"{info}/RECORD")
    return made


def _packages(files: Mapping[str, bytes]) -> Files:
    tops = {
        path.split("/")[0]
        for path in files
        if path.count("/") == 1 and path.endswith("/__init__.py")
    } - NOT_PACKAGES
    modules = {path for path in files if "/" not in path and path.endswith(".py")} - NOT_MODULES
    return {
        path: data
        for path, data in files.items()
        if path in modules or ("/" in path and path.split("/")[0] in tops)
    }


def record(files: Mapping[str, bytes], own: str) -> bytes:
    """RECORD over the members of a wheel."""
    lines = []
    for path, data in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{own},," if path == own else f"{path},sha256={digest},{len(data)}")
    if own not in files:
        lines.append(f"{own},,")
    return ("\n".join(lines) + "\n").encode()


def identity(files: Mapping[str, bytes]) -> str:
    """sha256 over names and contents in sorted order, each preceded by its length."""
    running = hashlib.sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path]):
            running.update(len(part).to_bytes(8, "big"))
            running.update(part)
    return running.hexdigest()


def pack(files: Mapping[str, bytes], filename: str) -> bytes:
    """A wheel or a `.tar.gz`, by its file name, with one fixed time stamp."""
    return pack_wheel(files) if filename.endswith(".whl") else pack_sdist(files)


def pack_wheel(files: Mapping[str, bytes]) -> bytes:
    """A zip of the members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            opened.writestr(entry, files[path])
    return made.getvalue()


def pack_sdist(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar of the members."""
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as opened,
    ):
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size, member.mtime, member.mode = len(files[path]), 1577836800, 0o644
            opened.addfile(member, io.BytesIO(files[path]))
    return made.getvalue()


def unpack(data: bytes, filename: str) -> Files:
    """The regular files of an archive of ours (or a benign published one)."""
    if filename.endswith((".whl", ".zip", ".egg")):
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            names = [entry.filename for entry in opened.infolist() if not entry.is_dir()]
            return {name: opened.read(name) for name in names}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: _read(tar, member) for member in tar if member.isreg()}


def build(repo: Path, commit: str, filename: str) -> tuple[str, bytes]:
    """Identity and bytes of the archive that `filename` names; identity is empty when it holds no code."""
    stem = filename.removesuffix("-py3-none-any.whl").removesuffix(".tar.gz")
    project, version = stem.rsplit("-", 1)
    make = wheel_files if filename.endswith(".whl") else sdist_files
    files = make(export(repo, commit), project=project, version=version)
    return (identity(files), pack(files, filename)) if files else ("", b"")
