"""An S3-compatible server that is not ours, in a process of its own on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from kit.environments import made_environment, unavailable

KEY, SECRET = "AKIATESTSERVER", "s3-server-secret-canary"
_START_SECONDS = 60.0


@dataclass(kw_only=True)
class S3Server:
    """Where it listens, and boto3 to look at what lies there."""

    url: str
    process: subprocess.Popen[bytes]

    def boto(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Moto's server: the one that Python's registry has and that starts without anything else."""
    made = made_environment("s3-server")
    if isinstance(made, str):
        unavailable(f"no S3 server: {made}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(made / "bin" / "python"),
        "-m",
        "moto.server",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(url=f"http://127.0.0.1:{port}", process=process)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "the S3 server ended"
                assert time.monotonic() < deadline, "the S3 server does not start"
                time.sleep(0.05)
        yield server
    finally:
        if process.poll() is None:
            server.stop()
