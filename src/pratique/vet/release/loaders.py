"""Calls that bring a file of the release to life: open it, load it, run it.

Which file they take is rarely known, so each may take any file of its kind in its own package.
"""

from __future__ import annotations

from enum import StrEnum

from pratique.vet.model import Language
from pratique.vet.release.paths import extension


class Load(StrEnum):
    """What a call does with a file."""

    OPEN = "open"
    UNPICKLE = "unpickle"
    NATIVE = "native"
    RUN = "run"


_RUNS = [
    "Popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "getoutput",
    "getstatusoutput",
    "system",
    "popen",
    "startfile",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "execl",
    "execle",
    "execlp",
    "execlpe",
    "spawnv",
    "spawnve",
    "spawnl",
    "spawnlp",
    "spawnvp",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "run_path",
    "exec",
    "execSync",
    "spawn",
    "spawnSync",
    "execFile",
    "execFileSync",
    "fork",
    "ShellExecuteW",
]
_OPENS = [
    "open",
    "open_text",
    "open_binary",
    "read_text",
    "read_bytes",
    "read_binary",
    "get_data",
    "get_resource",
    "resource_string",
    "resource_stream",
    "resource_filename",
    "files",
    "path",
    "as_file",
    "fromfile",
    "memmap",
    "zipimporter",
    "ZipFile",
    "readFile",
    "readFileSync",
    "fopen",
    "read",
    "load_source",
    "spec_from_file_location",
]
_UNPICKLES = ["load", "loads", "read_pickle", "Unpickler", "load_model", "load_state_dict"]
_NATIVES = [
    "CDLL",
    "WinDLL",
    "OleDLL",
    "PyDLL",
    "LoadLibrary",
    "dlopen",
    "load_library",
    "load_dynamic",
    "LoadLibraryA",
    "LoadLibraryW",
]

LOADERS: dict[str, tuple[Load, ...]] = {}
"""Last part of a call's name → what it may do."""
for _names, _kind in (
    (_RUNS, Load.RUN),
    (_OPENS, Load.OPEN),
    (_UNPICKLES, Load.UNPICKLE),
    (_NATIVES, Load.NATIVE),
):
    for _name in _names:
        LOADERS[_name] = (*LOADERS.get(_name, ()), _kind)

_RUN_OWNERS = ("subprocess", "os", "asyncio", "child_process", "runpy", "sh", "ctypes", "shell32")
_PICKLE_OWNERS = (
    "pickle",
    "torch",
    "joblib",
    "numpy",
    "dill",
    "cloudpickle",
    "pandas",
    "marshal",
    "shelve",
)


def loads_of(name: str) -> tuple[Load, ...]:
    """What a call of that name may do; names that many things share must come from the right module."""
    head, _, _ = name.partition(".")
    kinds = LOADERS[name.rpartition(".")[2]]
    if kinds == (Load.RUN,):
        return kinds if head in _RUN_OWNERS else ()
    if kinds == (Load.UNPICKLE,):
        return kinds if head in _PICKLE_OWNERS else ()
    return kinds


_OPENED_AS: dict[Language, tuple[Load, ...]] = {
    Language.SHELL: (Load.RUN,),
    Language.POWERSHELL: (Load.RUN,),
    Language.JAVASCRIPT: (Load.RUN,),
    Language.NATIVE: (Load.NATIVE, Load.RUN),
    Language.PICKLE: (Load.UNPICKLE, Load.OPEN),
    Language.PYTHON: (Load.OPEN, Load.RUN),
    Language.PYC: (Load.OPEN, Load.RUN, Load.UNPICKLE),
    Language.ARCHIVE: (Load.OPEN, Load.RUN),
    Language.METADATA: (),
}


def opens(path: str, language: Language) -> tuple[Load, ...]:
    """Which kinds of calls could bring that file to life."""
    if extension(path) in {".md", ".rst", ".typed", ".pyi"}:
        return ()
    return _OPENED_AS.get(language, (Load.OPEN,))
