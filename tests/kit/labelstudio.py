"""The real Label Studio, started on loopback, and a client of its API."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import secrets
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "PRATIQUE_TEST_LABELSTUDIO"
"""Names its `label-studio`; `make test-labelstudio` sets it."""
_START_SECONDS = 180
_CALL_SECONDS = 60
_MAIL = "ann@lab.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStudio:
    """A server that runs."""

    url: str
    token: str
    password: str

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One call of the API: status and what it says."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}{path}", data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:
                return answer.status, _said(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _said(error.read())

    def must(self, method: str, path: str, body: object = None) -> Any:
        """As `call`; anything but success fails the test."""
        status, said = self.call(method, path, body)
        assert 200 <= status < 300, f"{method} {path}: {status} {said}"
        return said

    def cookies(self) -> dict[str, str]:
        """Log in as a person does."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        with opener.open(f"{self.url}/user/login/", timeout=_CALL_SECONDS) as page:
            found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.read())
        assert found is not None, "no login form"
        form = {
            "csrfmiddlewaretoken": found[1].decode(),
            "email": _MAIL,
            "password": self.password,
        }
        request = urllib.request.Request(
            f"{self.url}/user/login/",
            data=urllib.parse.urlencode(form).encode(),
            headers={"Referer": f"{self.url}/user/login/"},
        )
        with opener.open(request, timeout=_CALL_SECONDS):
            pass
        return {cookie.name: cookie.value or "" for cookie in jar}


def _said(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data[:2000].decode(errors="replace")


@contextmanager
def label_studio(where: Path, port: int, told: Mapping[str, str]) -> Iterator[LabelStudio]:
    """Start a server with an empty database in `where`; `told` adds to its environment."""
    server = LabelStudio(
        url=f"http://127.0.0.1:{port}", token=secrets.token_hex(20), password=secrets.token_hex(12)
    )
    said = where / "said.txt"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [
                os.environ[PROGRAM], "start", "--no-browser", "--internal-host", "127.0.0.1",
                "--port", str(port), "--username", _MAIL, "--password", server.password,
                "--user-token", server.token, "--enable-legacy-api-token",
            ],
            stdout=log, stderr=subprocess.STDOUT, cwd=where,
            env=os.environ | {"LABEL_STUDIO_BASE_DATA_DIR": str(where / "data"), "HOST": server.url} | told,
        )  # fmt: skip
        try:
            _wait(server, process, said)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait(server: LabelStudio, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/version", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"Label Studio did not start:\n{said.read_text('utf-8')[-3000:]}")
