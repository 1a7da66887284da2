"""Inert look-alikes of litellm 1.82.7 and 1.82.8, made in memory from the real 1.82.6.

The shapes are those of the incident: a dozen lines in `litellm/proxy/proxy_server.py` that start a
child process on import, and from 1.82.8 on a `.pth` file at the archive's root that starts one
whenever Python starts. The payload only appends a line to the file that the environment variable
PRATIQUE_DRILL_MARKER names; without that variable it does nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass

from pratique.errors import IntegrityError

CLEAN = "1.82.6"
MARKER_VARIABLE = "PRATIQUE_DRILL_MARKER"
PTH_NAME = "litellm_init.pth"
MARK = "pratique-drill-payload"
"""Text that stands in every poisoned file, and in nothing else."""

_PROXY = "litellm/proxy/proxy_server.py"
_BEFORE = "def showwarning("
"""The lines go in front of this one, near line 130 as in the incident."""

_PAYLOAD = (
    f"import os; p = os.environ.get({MARKER_VARIABLE!r}); "
    f"p and open(p, 'a').write({MARK!r} + ' ' + __import__('sys').argv[-1] + chr(10))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A release file in memory."""

    filename: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Its identity."""
        return hashlib.sha256(self.content).hexdigest()


def _encoded(trigger: str) -> str:
    code = base64.b64encode(_PAYLOAD.encode()).decode()
    child = f"import base64; exec(base64.b64decode('{code}'))"
    return f'subprocess.Popen([sys.executable, "-c", "{child}", "{trigger}"])'


def _proxy_lines() -> str:
    return (
        f"# {MARK}: inert copy of the shape of March 2026\n"
        "import subprocess\nimport sys\n\n"
        f"{_encoded('import')}\n\n\n"
    )


def _pth_line() -> str:
    """One line, as `site` executes it. A child that starts Python must not start another child."""
    return (
        f"import os, subprocess, sys; os.environ.get({MARKER_VARIABLE!r}) and not "
        f"os.environ.get('PRATIQUE_DRILL_CHILD') and (os.environ.__setitem__"
        f"('PRATIQUE_DRILL_CHILD', '1'), {_encoded('start')}.wait(), "
        f"os.environ.pop('PRATIQUE_DRILL_CHILD'))  # {MARK}\n"
    )


def poisoned_wheel(clean: bytes, version: str, *, with_pth: bool) -> Archive:
    """A wheel of `version` made from the clean wheel. Deterministic; RECORD is right.

    Raises: IntegrityError when the clean wheel is not shaped as expected.
    """
    with zipfile.ZipFile(io.BytesIO(clean)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    old, new = f"litellm-{CLEAN}.dist-info/", f"litellm-{version}.dist-info/"
    files = {
        (new + name.removeprefix(old) if name.startswith(old) else name): data
        for name, data in members.items()
        if name != old + "RECORD"
    }
    files[_PROXY] = _with_payload(files.get(_PROXY))
    files[new + "METADATA"] = _with_version(files.get(new + "METADATA"), version)
    if with_pth:
        files[PTH_NAME] = _pth_line().encode()
    files[new + "RECORD"] = _record(files, new + "RECORD")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (2026, 3, 24, 10, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return Archive(filename=f"litellm-{version}-py3-none-any.whl", content=buffer.getvalue())


def poisoned_sdist(clean: bytes, version: str, *, with_pth: bool) -> Archive:
    """A source archive of `version` made from the clean one; it carries the `.pth` too."""
    old, new = f"litellm-{CLEAN}/", f"litellm-{version}/"
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(clean), mode="r:gz") as source,
        tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as target,
    ):
        for member in source:
            if not member.isfile():
                continue
            file = source.extractfile(member)
            data = file.read() if file is not None else b""
            name = member.name.removeprefix(old)
            if name == _PROXY:
                data = _with_payload(data)
            elif name in {"PKG-INFO", "pyproject.toml"}:
                data = data.replace(CLEAN.encode(), version.encode())
            _add(target, new + name, data, member.mode)
        if with_pth:
            _add(target, new + PTH_NAME, _pth_line().encode(), 0o644)
    return Archive(filename=f"litellm-{version}.tar.gz", content=buffer.getvalue())


def _add(target: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    target.addfile(info, io.BytesIO(data))


def _with_payload(source: bytes | None) -> bytes:
    text = (source or b"").decode()
    if text.count(f"\n{_BEFORE}") != 1:
        raise IntegrityError(
            f"{_PROXY} of litellm {CLEAN} is not shaped as expected",
            expected=f"one line that begins with {_BEFORE!r}",
        )
    return text.replace(f"\n{_BEFORE}", f"\n{_proxy_lines()}{_BEFORE}").encode()


def _with_version(metadata: bytes | None, version: str) -> bytes:
    old = f"\nVersion: {CLEAN}\n".encode()
    if metadata is None or old not in metadata:
        raise IntegrityError(f"METADATA of litellm {CLEAN} does not say its version")
    return metadata.replace(old, f"\nVersion: {version}\n".encode(), 1)


def _record(files: dict[str, bytes], own: str) -> bytes:
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{own},,", ""]).encode()
