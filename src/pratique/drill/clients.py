"""Real installers, each in a scratch folder of its own, with nobody's configuration."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from pratique.errors import UnavailableError

_SECONDS = 300
_CHARACTERS_SHOWN = 200
_PRATIQUE_SAYS = re.compile(r"Pratique (?:held|denied|refused): .*?/b/[0-9A-Z]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of a client did."""

    client: str
    asked: str
    exit_code: int
    output: str
    got: str
    """Version that is installed afterwards; empty when none is."""

    def reason(self) -> str:
        """Pratique's sentence in the client's own output, else the output's last line."""
        flat = " ".join(self.output.split())
        told = _PRATIQUE_SAYS.search(flat)
        if told is not None:
            return told.group(0)
        lines = [line for line in self.output.splitlines() if line.strip()]
        return " ".join(lines[-1].split())[:_CHARACTERS_SHOWN] if lines else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An installer and where it works."""

    name: str
    command: tuple[str, ...]
    scratch: Path

    async def install(self, requirement: str, index_url: str, *, dependencies: bool) -> Outcome:
        """Install into the client's environment, newer versions included; Poetry locks instead."""
        if self.name == "poetry":
            return await self._poetry(requirement, index_url, self.scratch / "project")
        options = ["install", "--upgrade", "--index-url", index_url, requirement]
        if self.name == "uv":
            options = ["pip", *options, "--python", str(self.scratch / "env" / "bin" / "python")]
        else:
            options += ["--no-input", "--disable-pip-version-check", "--retries", "0"]
        if not dependencies:
            options.append("--no-deps")
        code, output = await run([*self.command, *options], self.environment())
        return Outcome(
            client=self.name,
            asked=requirement,
            exit_code=code,
            output=output,
            got=installed_version(site_packages(self.scratch / "env")),
        )

    async def _poetry(self, requirement: str, index_url: str, target: Path) -> Outcome:
        """Resolve only: a lock file is what Poetry would install from, to the byte."""
        await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
        name, _, version = requirement.partition("==")
        project = (
            '[project]\nname = "drill"\nversion = "0"\nrequires-python = ">=3.11,<3.14"\n'
            f'dependencies = ["{name}{f"=={version}" if version else ">=1.82"}"]\n'
            "[tool.poetry]\npackage-mode = false\n"
            f'[[tool.poetry.source]]\nname = "drill"\nurl = "{index_url}"\npriority = "primary"\n'
        )
        await asyncio.to_thread(_write_project, target, project)
        command = [*self.command, "lock", "--no-interaction", "-C", str(target)]
        code, output = await run(command, self.environment())
        return Outcome(
            client=self.name,
            asked=requirement,
            exit_code=code,
            output=output,
            got=_locked_version(target / "poetry.lock", name),
        )

    def environment(self) -> dict[str, str]:
        """As little as possible: nobody's pip.conf, uv.toml, caches or credentials."""
        home = self.scratch / "home"
        home.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "LANG": "C.UTF-8",
        }


def _write_project(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(text)


async def run(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command to its end; both streams together.

    Raises: UnavailableError when it does not end in five minutes.
    """
    code, output, _ = await _run(command, environment, asyncio.subprocess.STDOUT)
    return code, output


async def run_apart(command: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a command to its end; its two streams apart.

    Raises: UnavailableError when it does not end in five minutes.
    """
    return await _run(command, environment, asyncio.subprocess.PIPE)


async def _run(
    command: list[str], environment: dict[str, str], errors_to: int
) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors_to,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        raise UnavailableError(f"{command[0]} did not end within {_SECONDS} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = (output.decode("utf-8", "replace"), (errors or b"").decode("utf-8", "replace"))
    return process.returncode or 0, *told


def installed_version(target: Path) -> str:
    """Version of litellm in a folder, told by its metadata folder's name."""
    found = sorted(target.glob("litellm-*.dist-info"))
    return found[-1].name.removeprefix("litellm-").removesuffix(".dist-info") if found else ""


def _locked_version(lock: Path, name: str) -> str:
    import tomllib  # noqa: PLC0415 - only where Poetry is

    if not lock.exists():
        return ""
    packages = tomllib.loads(lock.read_text("utf-8")).get("package", [])
    return next((str(p["version"]) for p in packages if p.get("name") == name), "")


async def find_clients(scratch: Path) -> list[Client]:
    """Pip in an environment of its own, and uv and Poetry where they are installed."""
    found = [await make_client("pip", None, scratch / "pip")]
    for name in ("uv", "poetry"):
        path = shutil.which(name)
        if path is not None:
            found.append(await make_client(name, path, scratch / name))
    return found


async def make_client(name: str, path: str | None, folder: Path) -> Client:
    """A client with a fresh environment to install into. `path`: the program; None: its own pip."""
    environment = folder / "env"
    command = [sys.executable, "-m", "venv", str(environment)]
    if path is not None:
        command.append("--without-pip")
    code, output = await run(command, dict(os.environ))
    if code:
        raise UnavailableError(f"cannot make a scratch environment: {output.strip()[-300:]}")
    own = (str(environment / "bin" / "python"), "-m", "pip")
    return Client(name=name, command=own if path is None else (path,), scratch=folder)


def site_packages(environment: Path) -> Path:
    """Where an environment's packages are."""
    return next(environment.glob("lib/python*/site-packages"))
