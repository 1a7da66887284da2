"""The roles and names that several analyses ask for; `vet/catalogue.toml` says what has which role."""

from __future__ import annotations

from typing import Final

EXECUTE: Final = "code.execute"
COMPILE: Final = "code.compile"
LOAD: Final = "code.load"
"""Objects out of bytes: marshal, pickle and their kin."""
IMPORT: Final = "code.import"
PACKED: Final = "code.packed"
FETCH: Final = "network.receive"
SEND: Final = "network.send"
CONNECT: Final = "network.connect"
DNS: Final = "network.dns"
LISTEN: Final = "network.listen"
RUN: Final = "process.run"
CONTROL: Final = "process.control"
READ: Final = "file.read"
WRITE: Final = "file.write"
DELETE: Final = "file.delete"
MODE: Final = "file.mode"
ARCHIVE: Final = "file.archive"
LIST: Final = "file.list"
NATIVE_LOAD: Final = "native.load"
NATIVE_MEMORY: Final = "native.memory"
PIP: Final = "pip.main"

TALK: Final = (SEND, FETCH, CONNECT, DNS)
"""What speaks to another machine."""

OPEN_NAMES: Final = ("builtins.open", "os.fdopen", "pathlib.Path().open", "os.open", "io.FileIO")
DOWNLOAD_NAMES: Final = (
    "urllib.request.urlretrieve", "urllib.request.URLopener().retrieve", "wget.download",
    "urllib.request.FancyURLopener().retrieve", "gdown.download", "pget.download",
    "torch.hub.download_url_to_file", "boto3.client().download_file", "?.urlretrieve",
)  # fmt: skip
"""Calls that fetch and write in one; the file is their second argument."""
START_NAMES: Final = ("os.startfile", "webbrowser.get().open")
"""Hand a file to the program that the system has for it."""
UNPACK_ENDINGS: Final = (".extractall", ".extract", ".unpack_archive")
