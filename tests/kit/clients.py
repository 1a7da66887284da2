"""Real pip, uv, Poetry and pdm, each in a locked environment of its own.

    uv = client_named("uv")
    result = uv.install("demo>=1", index_url=door.index_url, where=tmp_path)
    assert result.installed == {"demo": "1.1"}
    assert result.says("is in cool-down until")

Environments are made once per machine below `.tools/clients/` from requirements/clients/*.txt.
What a client is given: a home, a cache and a configuration of its own; nothing of the machine.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tomllib
import venv
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.environments import made_environment, unavailable

RUN_SECONDS = 120
"""Longest time one client command may take."""
_DECORATION = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\s│├╰─▶×]+")


# ── results ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a client's command ended and what it left behind."""

    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    site: Path
    """The folder that the command installed into; it may be missing."""

    @property
    def output(self) -> str:
        """Everything a person saw."""
        return self.stdout + self.stderr

    @property
    def installed(self) -> dict[str, str]:
        """Distributions in `site`: name to version."""
        found = importlib.metadata.distributions(path=[str(self.site)])
        return {d.metadata["Name"]: d.version for d in found}

    def says(self, text: str) -> bool:
        """Whether the output holds this text, however the client broke and framed its lines."""
        return _DECORATION.sub("", text) in _DECORATION.sub("", self.output)

    def __str__(self) -> str:
        """For assertion messages: the whole of what happened."""
        return f"{' '.join(self.command)}\nexit {self.exit_code}\n{self.output}"


# ── clients ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(ABC):
    """One installed package manager."""

    name: str
    environment: Path
    kind: str = ""

    @property
    def version(self) -> str:
        """Its own version."""
        site = next(self.environment.glob("lib/python*/site-packages"))
        found = importlib.metadata.distributions(name=self.kind, path=[str(site)])
        return next(iter(found)).version

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return self.environment / "bin" / "python"

    @abstractmethod
    def install(
        self,
        *requirements: str,
        index_url: str,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        site: str = "site",
    ) -> Result:
        """Resolve and install below `where`; the same `where` again shares the client's cache."""

    def run(
        self,
        command: Sequence[str],
        *,
        where: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        site: Path | None = None,
    ) -> Result:
        """Start it with a home of its own; kill it and its children when it takes too long."""
        where.mkdir(parents=True, exist_ok=True)
        words = [*self._program(), *command]
        process = subprocess.Popen(
            words,
            cwd=cwd or where,
            env={**isolated_environment(where), **self._settings(where), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            pytest.fail(f"{self.name} took longer than {RUN_SECONDS} s\n{stdout}\n{stderr}")
        return Result(
            command=(self.name, *command),
            exit_code=process.returncode,
            stdout=stdout,
            stderr=stderr,
            site=site or where / "site",
        )

    def _program(self) -> Sequence[str]:
        return [str(self.python), "-I", "-m", self.kind]

    def _settings(self, where: Path) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipClient(Client):
    """pip, installing into a folder (`--target`)."""

    kind: str = "pip"

    def install(
        self,
        *requirements: str,
        index_url: str,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        site: str = "site",
    ) -> Result:
        where.mkdir(parents=True, exist_ok=True)
        words = ["install", "--index-url", index_url, "--target", str(where / site)]
        words += ["--no-compile", "--retries", "0", "--timeout", "30", "--no-input"]
        words += ["--cert", str(ca)] if ca else []
        return self.run([*words, *extra, *requirements], where=where, env=env, site=where / site)

    def _settings(self, where: Path) -> Mapping[str, str]:
        return {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CACHE_DIR": str(where / "cache" / "pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Locker(Client):
    """A client that also keeps a lock file in a project folder (`where / "project"`)."""

    lock_name: str = ""
    """Name of its lock file."""
    lock_words: tuple[str, ...] = ()
    sync_words: tuple[str, ...] = ()

    @abstractmethod
    def project_tables(self, index_url: str, ca: Path | None) -> str:
        """The end of `pyproject.toml`: where packages come from, in this client's words."""

    def trusting(self, ca: Path | None) -> Mapping[str, str]:
        """Variables that make it trust an authority."""
        return {"SSL_CERT_FILE": str(ca)} if ca else {}

    def install(
        self,
        *requirements: str,
        index_url: str,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        site: str = "",
    ) -> Result:
        """Lock and sync; `site` does not apply, since these install into the project's environment."""
        assert not site, f"{self.name} has no --target"
        locked = self.lock(*requirements, index_url=index_url, where=where, ca=ca, env=env)
        if locked.exit_code:
            return locked
        synced = self.sync(where=where, ca=ca, extra=extra, env=env)
        return dataclasses.replace(
            synced, stdout=locked.stdout + synced.stdout, stderr=locked.stderr + synced.stderr
        )

    def lock(
        self,
        *requirements: str,
        index_url: str,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Write a project that needs these, and its lock file."""
        write_project(where, requirements, self.project_tables(index_url, ca))
        return self._in_project([*self.lock_words, *extra], where=where, ca=ca, env=env)

    def sync(
        self,
        *,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Install what the lock file says, without resolving."""
        return self._in_project([*self.sync_words, *extra], where=where, ca=ca, env=env)

    def locked(self, where: Path) -> dict[str, str]:
        """What the lock file holds: name to version."""
        tables = tomllib.loads((where / "project" / self.lock_name).read_text("utf-8"))
        return {p["name"]: p["version"] for p in tables["package"] if p["name"] != "scratch"}

    def _in_project(
        self,
        command: Sequence[str],
        *,
        where: Path,
        ca: Path | None,
        env: Mapping[str, str] | None,
    ) -> Result:
        project = where / "project"
        make_environment(project / ".venv")
        return self.run(
            command,
            where=where,
            cwd=project,
            env={**self.trusting(ca), **(env or {})},
            site=_site_of(project / ".venv"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UvClient(Locker):
    """uv: `uv pip install` into a folder, `uv lock` and `uv sync` in a project."""

    kind: str = "uv"
    lock_name: str = "uv.lock"
    lock_words: tuple[str, ...] = ("lock",)
    sync_words: tuple[str, ...] = ("sync", "--frozen", "--link-mode", "copy")

    def install(
        self,
        *requirements: str,
        index_url: str,
        where: Path,
        ca: Path | None = None,
        extra: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        site: str = "site",
    ) -> Result:
        """`uv pip install` into `where / site`."""
        words = ["pip", "install", "--default-index", index_url, "--target", str(where / site)]
        words += ["--python", sys.executable, "--link-mode", "copy"]
        return self.run(
            [*words, *extra, *requirements],
            where=where,
            env={**self.trusting(ca), **(env or {})},
            site=where / site,
        )

    def project_tables(self, index_url: str, ca: Path | None) -> str:
        return f'\n[[tool.uv.index]]\nname = "door"\nurl = "{index_url}"\ndefault = true\n'

    def _program(self) -> Sequence[str]:
        return [str(self.environment / "bin" / "uv")]

    def _settings(self, where: Path) -> Mapping[str, str]:
        return {
            "UV_CACHE_DIR": str(where / "cache" / "uv"),
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
            "UV_HTTP_RETRIES": "0",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PoetryClient(Locker):
    """Poetry: a scratch project with one primary source."""

    kind: str = "poetry"
    lock_name: str = "poetry.lock"
    lock_words: tuple[str, ...] = ("lock", "--no-interaction")
    sync_words: tuple[str, ...] = ("install", "--no-interaction", "--no-root")

    def project_tables(self, index_url: str, ca: Path | None) -> str:
        source = f'name = "door"\nurl = "{index_url}"\npriority = "primary"\n'
        return f"\n[tool.poetry]\npackage-mode = false\n\n[[tool.poetry.source]]\n{source}"

    def trusting(self, ca: Path | None) -> Mapping[str, str]:
        return {"POETRY_CERTIFICATES_DOOR_CERT": str(ca)} if ca else {}

    def _settings(self, where: Path) -> Mapping[str, str]:
        return {
            "POETRY_CACHE_DIR": str(where / "cache" / "poetry"),
            "POETRY_CONFIG_DIR": str(where / "home" / "poetry"),
            "POETRY_DATA_DIR": str(where / "home" / "poetry-data"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "true",
            "POETRY_KEYRING_ENABLED": "false",
            "POETRY_REQUESTS_MAX_RETRIES": "0",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PdmClient(Locker):
    """pdm: a scratch project whose source `pypi` is replaced."""

    kind: str = "pdm"
    lock_name: str = "pdm.lock"
    lock_words: tuple[str, ...] = ("lock",)
    sync_words: tuple[str, ...] = ("sync", "--no-self")

    def project_tables(self, index_url: str, ca: Path | None) -> str:
        trust = f'ca_certs = "{ca}"\n' if ca else ""
        source = f'name = "pypi"\nurl = "{index_url}"\nverify_ssl = true\n{trust}'
        return f"\n[tool.pdm]\ndistribution = false\n\n[[tool.pdm.source]]\n{source}"

    def trusting(self, ca: Path | None) -> Mapping[str, str]:
        return {}

    def _settings(self, where: Path) -> Mapping[str, str]:
        return {
            "PDM_CACHE_DIR": str(where / "cache" / "pdm"),
            "PDM_LOG_DIR": str(where / "home" / "pdm-log"),
            "PDM_CHECK_UPDATE": "false",
            "PDM_PYTHON": str(where / "project" / ".venv" / "bin" / "python"),
        }


def isolated_environment(where: Path) -> dict[str, str]:
    """What a client's process inherits: next to nothing, and no folder outside `where`."""
    home = where / "home"
    home.mkdir(parents=True, exist_ok=True)
    (where / "tmp").mkdir(exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(where / "tmp"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CONFIG_DIRS": str(home / ".config-dirs"),
        "XDG_CACHE_HOME": str(where / "cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "500",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def write_project(where: Path, requirements: Sequence[str], tables: str) -> Path:
    """Write `where/project/pyproject.toml`."""
    project = where / "project"
    project.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{r}"' for r in requirements)
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "scratch"\nversion = "0"\nrequires-python = ">=3.11,<4"\n'
        f"dependencies = [{listed}]\n{tables}",
        "utf-8",
    )
    return project


def make_environment(folder: Path) -> None:
    """Make an empty virtual environment without pip, unless there is one."""
    if not (folder / "pyvenv.cfg").exists():
        venv.create(folder, with_pip=False, symlinks=True)


def _site_of(environment: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return environment / "lib" / version / "site-packages"


# ── choosing one ────────────────────────────────────────────────────────────────────────────

CLIENTS: Mapping[str, type[Client]] = {
    "pip-22": PipClient,
    "pip-23": PipClient,
    "pip-current": PipClient,
    "uv": UvClient,
    "poetry": PoetryClient,
    "pdm": PdmClient,
}
LOCKERS = ("uv", "poetry", "pdm")

_NEWEST_PYTHON = {"pip-22": (3, 11)}
"""pip 22.0 carries a setuptools that Python 3.12 no longer runs."""


def client_named(name: str) -> Client:
    """The client, its environment made if need be; skips (or fails) when that cannot be done."""
    newest = _NEWEST_PYTHON.get(name)
    if newest is not None and sys.version_info[:2] > newest:
        pytest.skip(f"{name} does not run on Python {sys.version_info[0]}.{sys.version_info[1]}")
    made = made_environment(name)
    if isinstance(made, str):
        unavailable(f"the environment of {name} could not be made: {made}")
    return CLIENTS[name](name=name, environment=made)
