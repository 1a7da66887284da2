"""Unmodified S3 clients in locked environments, and the programs that make them work.

A program (tests/s3/clients/programs) is told where the door is and which calls to make; it fails with the
client's own error, or prints what each call gave.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.clients import isolated_environment
from kit.doc_tables import DocTable
from kit.environments import REPOSITORY, made_environment, unavailable
from pratique.custody.model import Lease

PROGRAMS = Path(__file__).resolve().parents[1] / "s3" / "clients" / "programs"
CALLS = ("get", "range", "list", "head", "put", "multipart", "delete", "presigned")
BUCKET = "dialogs"
ROWS = 50_000
LINES = b"".join(b'{"line": %d, "text": "hello"}\n' % number for number in range(100))
RUN_SECONDS = 90
_FRAMES, _TOOLS = "s3-frames", "s3-tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Client:
    """One client, as the table of docs/reference/s3-compatibility.md shows it."""

    name: str
    program: str
    environment: str
    """Lock below requirements/clients; empty: what the tests themselves run in."""
    packages: tuple[str, ...]
    """Whose versions are told; empty: a program of the machine."""
    calls: tuple[str, ...]
    of: str = ""
    """Whose calls they are, where the program makes them in another's place."""
    told: str
    """What it must be told beside address, region, key and secret."""

    def python(self) -> Path:
        """The interpreter that its program runs in."""
        if not self.environment:
            return Path(sys.executable)
        made = made_environment(self.environment)
        if isinstance(made, str):
            unavailable(f"no environment for {self.name}: {made}")
        return made / "bin" / "python"

    def version(self) -> str:
        """Names and versions, for the table."""
        if not self.packages:
            said = subprocess.run(
                [self.name, "version"], capture_output=True, text=True, check=True
            )
            return said.stdout.split()[1].removeprefix("v").removesuffix("-DEV")
        root = self.python().parents[1] / "lib"
        sites = [str(site) for site in root.glob("python*/site-packages")] or sys.path
        if not self.environment:
            sites = sys.path
        versions = {
            found.metadata["Name"].lower().replace("_", "-"): found.version
            for name in self.packages
            for found in importlib.metadata.distributions(name=name, path=sites)
        }
        told = ", ".join(
            versions[name]
            if len(self.packages) == 1 and not self.of
            else f"{name} {versions[name]}"
            for name in self.packages
        )
        return f"{self.of}, {told}" if self.of else told


def _client(name: str, program: str, calls: str, told: str, **rest: Any) -> S3Client:
    wanted = {"environment": _FRAMES, "packages": (name,), **rest}
    return S3Client(name=name, program=program, calls=tuple(calls.split()), told=told, **wanted)


_ALL = "get range list head put multipart delete"
CLIENTS = {
    client.name: client
    for client in (
        _client(
            "boto3",
            "boto3_calls",
            f"{_ALL} presigned",
            '`Config(signature_version="s3v4")` to presign',
            environment="",
        ),
        _client(
            "awscli",
            "aws_cli_calls",
            _ALL,
            "`signature_version = s3v4` to presign",
            environment=_TOOLS,
        ),
        _client("s3fs", "s3fs_calls", _ALL, "–", packages=("s3fs", "pandas")),
        _client("pyarrow", "pyarrow_calls", _ALL, "`scheme` and `endpoint_override` apart"),
        _client("polars", "polars_calls", "get range list put", "`aws_allow_http` without TLS"),
        _client(
            "duckdb",
            "duckdb_calls",
            "get range list put",
            "`URL_STYLE 'path'`, `USE_SSL false` without TLS",
        ),
        _client(
            "obstore", "obstore_calls", _ALL, '`client_options={"allow_http": True}` without TLS'
        ),
        _client("datasets", "datasets_calls", "get range list put", "`storage_options` of s3fs"),
        _client(
            "rclone",
            "rclone_calls",
            _ALL,
            "`provider = Other`, `no_check_bucket`",
            environment="",
            packages=(),
        ),
        _client(
            "dvc",
            "dvc_calls",
            "put get",
            "`endpointurl`; a lease of canonical bytes",
            environment=_TOOLS,
            packages=("dvc", "dvc-s3"),
        ),
        _client(
            "label-studio",
            "label_studio_calls",
            "get range list head put delete presigned",
            "`S3_ENDPOINT` in its environment (see below)",
            environment="",
            packages=("boto3",),
            of="calls of 1.23.2",
        ),
    )
}


ADAPTER_TABLE = DocTable(
    page=REPOSITORY / "docs" / "reference" / "s3-compatibility.md",
    name="adapters",
    head=("client", "version tested", "protocol", "what works", "a refusal"),
    rows=("Hugging Face", "Delta Sharing"),
)
"""What test_hub and test_sharing observe."""


def versions(environment: str, *packages: str) -> str:
    """Names and versions of packages in an environment."""
    one = S3Client(
        name="", program="", environment=environment, packages=packages, calls=(), told=""
    )
    return one.version()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a program ended."""

    exit_code: int
    gave: Mapping[str, Any]
    """What each call gave, by name; empty after a failure."""
    said: str
    """Everything else."""


async def run_client(
    client: S3Client,
    *,
    url: str,
    lease: Lease,
    secret: str,
    where: Path,
    calls: Sequence[str] = (),
    bucket: str = BUCKET,
    rows: int = ROWS,
) -> Done:
    """Start a client's program with a home of its own and wait for its end."""
    if not client.packages and shutil.which(client.name) is None:
        unavailable(f"there is no {client.name} (Debian: apt install {client.name})")
    told = {
        "endpoint": url,
        "key": lease.id,
        "secret": secret,
        "region": "us-east-1",
        "bucket": bucket,
        "scratch": str(where / "scratch"),
        "rows": rows,
        "calls": list(calls or client.calls),
    }
    return await run_program(client.python(), client.program, told, where=where)


async def run_program(
    python: Path,
    program: str,
    told: Mapping[str, Any],
    *,
    where: Path,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run one of the programs; it is killed when it takes too long."""
    where.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(PROGRAMS / f"{program}.py"),
        json.dumps(told),
        cwd=where,
        env={**isolated_environment(where), "AWS_EC2_METADATA_DISABLED": "true", **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, 9)
        out, err = await process.communicate()
        pytest.fail(f"{program} took longer than {RUN_SECONDS} s\n{err.decode(errors='replace')}")
    text = out.decode(errors="replace")
    code = process.returncode if process.returncode is not None else -1
    last = text.rstrip().rpartition("\n")[2]
    return Done(
        exit_code=code,
        gave=json.loads(last) if code == 0 else {},
        said=text + err.decode(errors="replace"),
    )
