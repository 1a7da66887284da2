"""What is found after the day: credentials, a repository, logs of CI runs, a table, an advisory.

All of it is made up here and inert. The times are those of 24 March 2026.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pratique.drill.clients import run
from pratique.drill.releases import CLEAN, Archive
from pratique.errors import UnavailableError

UNPROTECTED: Final = "laptop-unprotected"
PROTECTED: Final = "laptop-protected"
REPOSITORY: Final = "repo/northwind/api"
_RUNS: Final = "ci/github/northwind/api"
RUN_7, RUN_8, RUN_CLEAN, RUN_CUT = (f"{_RUNS}/{number}" for number in (101, 102, 103, 104))
ADVISORY_ID: Final = "MAL-2026-2144"

CLIENT, OTHER_CLIENT, VENDOR = "Aldersgate", "Brightwater", "Labelyard"
DATASET, OTHER_DATASET = "speech-2026", "labels-2026"
DEPLOY_KEY: Final = f"identity:env/{RUN_8}/DEPLOY_KEY"
"""What run 102 had in its environment; named by its log."""
_TOKEN: Final = "LABEL_STORE_TOKEN"  # noqa: S105 - the name of a variable

JOB_SECRET: Final = f"identity:ci-secret/{REPOSITORY}/SIGNING_KEY"
"""What the workflow gave that run's job; its log says nothing of it."""
_WORKFLOW: Final = """\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: pip install litellm
        env:
          DEPLOY_KEY: ${{ secrets.DEPLOY_KEY }}
      - run: ./sign
        env:
          SIGNING_KEY: ${{ secrets.SIGNING_KEY }}
"""

_WINDOWS: Final = {"1.82.7": "2026-03-24T10:39:00Z", "1.82.8": "2026-03-24T10:52:00Z"}
_QUARANTINED: Final = "2026-03-24T13:11:00Z"
_HEAD = """\
{at}:00.0000000Z Current runner version: '2.333.0'
{at}:00.1000000Z Syncing repository: northwind/api
{at}:00.2000000Z Complete job name: test
{at}:01.0000000Z ##[group]Run pip install litellm
{at}:01.1000000Z pip install litellm
{at}:01.2000000Z shell: /usr/bin/bash -e {{0}}
{at}:01.3000000Z env:
{at}:01.4000000Z   DEPLOY_KEY: ***
{at}:01.5000000Z ##[endgroup]
"""
_TAIL = """\
{at}:02.0000000Z Collecting litellm
{at}:03.0000000Z   Downloading litellm-{version}-py3-none-any.whl (14.4 MB)
{at}:05.0000000Z Installing collected packages: litellm
{at}:06.0000000Z Successfully installed litellm-{version}
{at}:09.0000000Z Cleaning up orphan processes
"""


def plant_credentials(machine: Path) -> str:
    """A token in an env file, for the sweep to name. Shape: its value, which must appear nowhere."""
    value = secrets.token_hex(24)
    machine.mkdir(parents=True, exist_ok=True)
    (machine / ".env").write_text(f"{_TOKEN}={value}\n")
    return value


def token_of(machine: Path) -> str:
    """Entity key of the planted token, as a sweep spells it."""
    return f"identity:env/{UNPROTECTED}/{machine / '.env'}:{_TOKEN}"


async def make_repository(folder: Path, clean: Archive, poisoned: Archive) -> bool:
    """Two commits, the second with the bad pin. Shape: whether git is there to make them.

    Raises: UnavailableError when git fails.
    """
    git = shutil.which("git")
    if git is None:
        return False
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "drill" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "drill@northwind.example" for who in ("AUTHOR", "COMMITTER")},
    }
    await _git(git, folder.parent, environment, "init", "-q", folder.name)
    workflows = folder / ".github" / "workflows"
    await asyncio.to_thread(workflows.mkdir, parents=True)
    (workflows / "ci.yml").write_text(_WORKFLOW)
    pins = ((CLEAN, clean, "2026-03-20T09:00:00Z"), ("1.82.8", poisoned, "2026-03-24T10:57:00Z"))
    for version, archive, when in pins:
        pin = f"litellm=={version} --hash=sha256:{archive.sha256}\n"
        (folder / "requirements.txt").write_text(pin)
        dated = {**environment, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        await _git(git, folder, dated, "add", "requirements.txt", ".github")
        await _git(git, folder, dated, "commit", "-q", "-m", f"litellm {version}")
    return True


async def _git(git: str, folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
    code, output = await run([git, "-C", str(folder), *arguments], dict(environment))
    if code:
        raise UnavailableError(f"git {arguments[0]} failed: {output.strip()[-200:]}")


def write_logs(folder: Path) -> list[Path]:
    """Logs of four runs: 1.82.7, 1.82.8, the clean release, and one that was cut off."""
    folder.mkdir()
    told = ((RUN_7, "10:45", "1.82.7"), (RUN_8, "10:58", "1.82.8"), (RUN_CLEAN, "11:05", CLEAN))
    return [
        *(_write_log(folder, asset, at, _HEAD + _TAIL, version) for asset, at, version in told),
        _write_log(folder, RUN_CUT, "12:30", _HEAD, ""),
    ]


def _write_log(folder: Path, asset: str, at: str, text: str, version: str) -> Path:
    number = asset.rpartition("/")[2]
    when = f"2026-03-24T{at}"
    path = folder / f"{number}.log"
    path.write_text(text.format(at=when, version=version))
    record = {
        "databaseId": int(number),
        "url": f"https://github.com/northwind/api/actions/runs/{number}",
        "startedAt": f"{when}:00Z",
        "updatedAt": f"{when}:10Z",
    }
    path.with_suffix(".json").write_text(json.dumps(record))
    return path


def write_reach(path: Path, machine: Path) -> int:
    """What the credentials open, and whose data it is. Shape: how many facts."""
    rows = (
        ("opens", DEPLOY_KEY, f"dataset:{DATASET}"),
        ("belongs-to", f"dataset:{DATASET}", f"client:{CLIENT}"),
        ("opens", token_of(machine), f"dataset:{OTHER_DATASET}"),
        ("belongs-to", f"dataset:{OTHER_DATASET}", f"client:{OTHER_CLIENT}"),
        ("operated-by", f"asset:{UNPROTECTED}", f"vendor:{VENDOR}"),
    )
    lines = [
        json.dumps({"relation": relation, "subject": one, "object": other, "from": "2026-01-15"})
        for relation, one, other in rows
    ]
    path.write_text("\n".join([*lines, ""]))
    return len(rows)


def record(versions: Iterable[str], *, modified: str, overlay: object = None) -> dict[str, Any]:
    """The advisory, as it named these versions."""
    found: dict[str, Any] = {
        "schema_version": "1.7.3",
        "id": ADVISORY_ID,
        "published": "2026-03-24T11:15:14Z",
        "modified": modified,
        "summary": "Malicious code in litellm (replayed for the drill)",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "litellm"}, "versions": list(versions)}
        ],
    }
    if overlay is not None:
        found["database_specific"] = {"pratique": overlay}
    return found


def overlay_of(releases: Mapping[str, Iterable[Archive]]) -> dict[str, Any]:
    """Windows, the hashes of the inert look-alikes, and what the real payload did."""
    starts = {"1.82.7": "import", "1.82.8": "interpreter_start"}
    return {
        "source": "the drill",
        "windows": [
            {"channel": "pypi", "package": "pypi/litellm", "versions": [version],
             "from": _WINDOWS[version], "to": _QUARANTINED, "source": "the drill",
             "confidence": "high"}
            for version in releases
        ],
        "digests": [
            {"digest": f"sha256:{archive.sha256}", "package": "pypi/litellm", "version": version,
             "filename": archive.filename}
            for version, archives in releases.items()
            for archive in archives
        ],
        "payload": [
            {"trigger": [starts[version]], "versions": [version], "reads": ["env", "aws", "ssh"],
             "persists": ["~/.config/sysmon/sysmon.py"]}
            for version in releases
        ],
    }  # fmt: skip
