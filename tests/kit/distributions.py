"""Small, inert, deterministic wheels and sdists that real pip, uv and Poetry install.

Same arguments, same bytes: tests may compute expectations from them. Building an sdist needs no
network and no installed backend, because its backend lies inside it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping

_EPOCH = (2026, 1, 1, 0, 0, 0)

_BACKEND = '''"""Builds the wheel of this source tree from PKG-INFO and src/, with the standard library."""
import base64, hashlib, pathlib, zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _metadata():
    text = (ROOT / "PKG-INFO").read_text("utf-8")
    fields = dict(line.split(": ", 1) for line in text.split("\\n\\n")[0].splitlines())
    return text, fields["Name"].replace("-", "_").replace(".", "_").lower(), fields["Version"]


def _record_line(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\\n"


def _info_files():
    text, name, version = _metadata()
    wheel = "Wheel-Version: 1.0\\nGenerator: inert\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    folder = f"{name}-{version}.dist-info"
    return folder, {f"{folder}/METADATA": text.encode(), f"{folder}/WHEEL": wheel.encode()}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _, name, version = _metadata()
    folder, members = _info_files()
    source = ROOT / "src"
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        members[path.relative_to(source).as_posix()] = path.read_bytes()
    record = "".join(_record_line(p, d) for p, d in members.items()) + f"{folder}/RECORD,,\\n"
    filename = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / filename, "w") as archive:
        for path, data in {**members, f"{folder}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)
    return filename


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder, members = _info_files()
    target = pathlib.Path(metadata_directory)
    (target / folder).mkdir()
    for path, data in members.items():
        (target / path).write_bytes(data)
    return folder


def build_sdist(sdist_directory, config_settings=None):
    raise RuntimeError("this tree is an sdist already")
'''


def make_wheel(
    name: str,
    version: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    requires: Iterable[str] = (),
    metadata_extra: str = "",
    requires_python: str = "",
    tag: str = "py3-none-any",
    build: str = "",
    compression: int = zipfile.ZIP_DEFLATED,
) -> tuple[str, bytes]:
    """A wheel. `files` maps archive paths to contents; the default is one package with a version.

    `metadata_extra` holds further header lines; after an empty line it may hold a description.
    """
    escaped = _escape(name)
    folder = f"{escaped}-{version}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: inert\nRoot-Is-Purelib: true\nTag: {tag}\n"
    members: dict[str, bytes] = {
        path: _as_bytes(content)
        for path, content in _files_or_default(name, version, files).items()
    }
    metadata = make_metadata(
        name, version, requires=requires, extra=metadata_extra, requires_python=requires_python
    )
    members[f"{folder}/METADATA"] = metadata
    members[f"{folder}/WHEEL"] = wheel.encode()
    record = "".join(_record_line(path, data) for path, data in members.items())
    members[f"{folder}/RECORD"] = (record + f"{folder}/RECORD,,\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in members.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compress_type=compression)
    dashed_build = f"-{build}" if build else ""
    return f"{escaped}-{version}{dashed_build}-{tag}.whl", buffer.getvalue()


def make_sdist(
    name: str,
    version: str,
    *,
    files: Mapping[str, str | bytes] | None = None,
    requires: Iterable[str] = (),
    metadata_extra: str = "",
    requires_python: str = "",
) -> tuple[str, bytes]:
    """An sdist (.tar.gz) with static metadata and an in-tree backend; `files` go below `src/`."""
    requires = tuple(requires)
    escaped = _escape(name)
    top = f"{escaped}-{version}"
    listed = ", ".join(f'"{r}"' for r in requires)
    python = f'requires-python = "{requires_python}"\n' if requires_python else ""
    pyproject = (
        '[build-system]\nrequires = []\nbuild-backend = "inert_backend"\n'
        'backend-path = ["_backend"]\n\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n{python}dependencies = [{listed}]\n'
    )
    members = {
        f"{top}/PKG-INFO": make_metadata(
            name, version, requires=requires, extra=metadata_extra, requires_python=requires_python
        ),
        f"{top}/pyproject.toml": pyproject.encode(),
        f"{top}/_backend/inert_backend.py": _BACKEND.encode(),
    }
    for path, content in _files_or_default(name, version, files).items():
        members[f"{top}/src/{path}"] = _as_bytes(content)
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in members.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            entry.mtime = 1_767_225_600  # 2026-01-01, as in the wheels
            archive.addfile(entry, io.BytesIO(data))
    return f"{top}.tar.gz", buffer.getvalue()


def make_metadata(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    extra: str = "",
    requires_python: str = "",
) -> bytes:
    """Core metadata as in METADATA and PKG-INFO."""
    lines = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {r}" for r in requires]
    if extra:
        lines.append(extra.rstrip("\n"))
    return ("\n".join(lines) + "\n").encode()


def sha256_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _escape(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _files_or_default(
    name: str, version: str, files: Mapping[str, str | bytes] | None
) -> Mapping[str, str | bytes]:
    if files is not None:
        return files
    return {f"{_escape(name)}/__init__.py": f'__version__ = "{version}"\n'}


def _record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"
