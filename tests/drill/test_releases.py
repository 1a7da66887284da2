"""The inert releases have the shapes of the incident, install, and do nothing unless asked."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pratique.drill.releases import (
    MARK,
    MARKER_VARIABLE,
    PTH_NAME,
    Archive,
    poisoned_sdist,
    poisoned_wheel,
)
from pratique.errors import IntegrityError

PROXY = "litellm/proxy/proxy_server.py"
SOURCE = "import os\n\n\ndef showwarning(message):\n    return message\n"
METADATA = "Metadata-Version: 2.1\nName: litellm\nVersion: 1.82.6\n\nText about 1.82.6\n"


def clean_wheel(source: str = SOURCE) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("litellm/__init__.py", "")
        archive.writestr(PROXY, source)
        archive.writestr("litellm-1.82.6.dist-info/METADATA", METADATA)
        archive.writestr("litellm-1.82.6.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("litellm-1.82.6.dist-info/RECORD", "")
    return buffer.getvalue()


def clean_sdist() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in (("PKG-INFO", METADATA), (PROXY, SOURCE)):
            info = tarfile.TarInfo(f"litellm-1.82.6/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def members(archive: Archive) -> dict[str, bytes]:
    if archive.filename.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(fileobj=io.BytesIO(archive.content)) as tar:
        found = ((m.name.partition("/")[2], tar.extractfile(m)) for m in tar if m.isfile())
        return {name: file.read() for name, file in found if file is not None}


@pytest.mark.parametrize("with_pth", [False, True])
def test_wheel_and_source_archive_carry_the_payload_where_the_incident_did(with_pth: bool) -> None:
    wheel = members(poisoned_wheel(clean_wheel(), "1.82.8", with_pth=with_pth))
    sdist = members(poisoned_sdist(clean_sdist(), "1.82.8", with_pth=with_pth))
    for files in (wheel, sdist):
        code = files[PROXY].decode()
        assert code.index(MARK) < code.index("def showwarning")
        compile(code, PROXY, "exec")
        assert (PTH_NAME in files) is with_pth
    assert b"\nVersion: 1.82.8\n" in wheel["litellm-1.82.8.dist-info/METADATA"]
    assert b"Version: 1.82.8" in sdist["PKG-INFO"]


def test_record_is_right_so_that_nothing_but_looking_finds_it() -> None:
    files = members(poisoned_wheel(clean_wheel(), "1.82.8", with_pth=True))
    record = files["litellm-1.82.8.dist-info/RECORD"].decode()
    listed = {row[0]: row[1:] for row in csv.reader(record.splitlines())}
    assert set(listed) == set(files)
    for name, data in files.items():
        if name.endswith("/RECORD"):
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert listed[name] == [f"sha256={digest}", str(len(data))]


def test_the_same_bytes_every_time() -> None:
    one = poisoned_wheel(clean_wheel(), "1.82.7", with_pth=False)
    two = poisoned_wheel(clean_wheel(), "1.82.7", with_pth=False)
    assert one.sha256 == two.sha256


def test_a_wheel_of_another_shape_is_refused() -> None:
    with pytest.raises(IntegrityError, match="shaped"):
        poisoned_wheel(clean_wheel(source="x = 1\n"), "1.82.7", with_pth=False)


def start_python(folder: Path, marker: Path | None) -> None:
    environment = {key: value for key, value in os.environ.items() if key != MARKER_VARIABLE}
    if marker is not None:
        environment[MARKER_VARIABLE] = str(marker)
    code = f"import site; site.addsitedir({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)


def test_the_pth_fires_once_at_the_start_of_python_and_only_when_asked(tmp_path: Path) -> None:
    files = members(poisoned_wheel(clean_wheel(), "1.82.8", with_pth=True))
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / PTH_NAME).write_bytes(files[PTH_NAME])
    marker = tmp_path / "marker"
    start_python(folder, None)
    assert not marker.exists()
    start_python(folder, marker)
    assert marker.read_text() == f"{MARK} start\n"
