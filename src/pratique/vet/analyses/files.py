"""Which files a source writes, and what it writes there: open() and write() brought together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pratique.vet.analyses import roles
from pratique.vet.analyses.reading import HOLE, Reading, text_of
from pratique.vet.python.model import Call, Value

MIN_KEY = 4
"""Characters of a name that links a written file to a started one; shorter ones are everywhere."""
MAX_WRITES = 400
"""Writes per file that are looked at; generated code has more and says nothing new."""
_HIDDEN = (
    "/tmp/", "/var/tmp", "/dev/shm",  # noqa: S108 - looked for, not written to
    "\\temp", "/temp", "%temp%", "appdata", "programdata",
    "\\public\\", "/.cache/", "/.config/", "/.local/", "tempfile", "gettempdir", "mkdtemp",
    "mkstemp", "startup", "\\roaming", "system32",
)  # fmt: skip
_FOLDERS = frozenset({"TEMP", "TMP", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PUBLIC", "TMPDIR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file that is written."""

    call: Call
    """The call that writes."""
    path: str
    """What is known of its path; "" when nothing is."""
    keys: frozenset[str]
    """Names and last parts by which another call may mean the same file."""
    data: tuple[Value, ...]
    text: str
    """What is known of what is written."""
    downloads: bool = False
    """The call itself fetches what it writes (`urlretrieve`)."""


def path_keys(value: Value) -> Iterator[str]:
    """What identifies the file that a value names: its last parts, and the names it stands for."""
    parts = value.constant if isinstance(value.constant, tuple) else (text_of(value),)
    for part in parts:
        if isinstance(part, str):
            for word in part.replace("\\", "/").replace('"', " ").split()[:40]:
                last = word.rpartition("/")[2].strip("'`;&|")
                if len(last) >= MIN_KEY and HOLE not in last:
                    yield last.lower()
    for name in value.names:
        if len(name) >= MIN_KEY:
            yield f"={name}"


def written_files(reading: Reading) -> Iterator[Written]:
    """Every write with the path it goes to, as far as that is known."""
    for call in reading.calls(roles.WRITE, roles.FETCH)[:MAX_WRITES]:
        if call.name in roles.DOWNLOAD_NAMES:
            yield _downloaded(call)
        elif roles.WRITE in call.roles:
            yield _written(call)


def _downloaded(call: Call) -> Written:
    targets = (*call.arguments[1:], *call.keywords.values())
    path = next((text for value in targets if (text := text_of(value))), "")
    keys = frozenset(key for value in targets for key in path_keys(value))
    return Written(call=call, path=path, keys=keys, data=(), text="", downloads=True)


def _written(call: Call) -> Written:
    """The reader gives the path of an opened file as `<file>`; copies have it as second argument."""
    target = call.keywords.get("<file>")
    data = call.arguments
    if target is None and len(data) > 1 and call.name.startswith(("shutil.", "os.")):
        data, target = data[:1], data[1]
    return Written(
        call=call,
        path=text_of(target) if target is not None else "",
        keys=frozenset(path_keys(target)) if target is not None else frozenset(),
        data=data,
        text=next((text for value in data if (text := text_of(value))), ""),
    )


def is_hidden_place(reading: Reading, written: Written) -> bool:
    """Whether a file goes where nobody looks: temporary folders, profile folders, dot folders."""
    place = f"{written.path} {' '.join(written.keys)}".lower()
    if any(part in place for part in _HIDDEN):
        return True
    if HOLE not in written.path and written.path:
        return False
    asked = (*reading.calls("file.temporary"), *reading.calls("environment.read"))
    return any(
        call.region == written.call.region
        and ("temp" in call.name or any(text_of(v).upper() in _FOLDERS for v in call.arguments))
        for call in asked
    )
