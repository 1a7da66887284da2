"""What is answered to one advisory on the same inputs: Pratique beside pip-audit.

No times: answers. The advisory is the golden record of LiteLLM's March releases; pip-audit asks a
loopback service of OSV's shape that knows this record, so both know the same. pip-audit is given
each input in the way its help says; where it has no way, that is its answer. Dependency-Track and
osv-scanner need servers or binaries that no package index carries and were not run.

Run: .venv/bin/python benchmarks/answers.py [--small]
Table: docs/explain/compared.md.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import BIN, ROOT, Report, arguments, run_main
from peers import install

RECORD = ROOT / "tests" / "golden" / "data" / "litellm-2026-03.json"
BAD, GOOD = "1.82.8", "1.82.6"
SECONDS = 60


# ── the service pip-audit asks ───────────────────────────────────────────────────────────────


class _Osv(http.server.BaseHTTPRequestHandler):
    record: Any = None

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        affected = self.record["affected"][0]
        known = asked["package"]["name"] == affected["package"]["name"]
        hit = known and asked["version"] in affected["versions"]
        body = json.dumps({"vulns": [self.record]} if hit else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def osv_service() -> Iterator[str]:
    _Osv.record = json.loads(RECORD.read_text("utf-8"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Osv)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


# ── inputs ───────────────────────────────────────────────────────────────────────────────────


def environment(site: Path, version: str) -> None:
    """An inert dist-info: nothing in it could run."""
    shutil.rmtree(site, ignore_errors=True)
    folder = site / f"litellm-{version}.dist-info"
    folder.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: litellm\nVersion: {version}\n"
    (folder / "METADATA").write_text(head, "utf-8")
    (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n", "utf-8")


def lock(version: str) -> str:
    return (
        'version = 1\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "dspy" }]\n\n'
        '[[package]]\nname = "dspy"\nversion = "3.1.0"\n'
        'source = { registry = "https://index.example/simple" }\n'
        'dependencies = [{ name = "litellm" }]\n\n'
        f'[[package]]\nname = "litellm"\nversion = "{version}"\n'
        'source = { registry = "https://index.example/simple" }\n'
    )


def log(version: str) -> str:
    times = "2026-03-24T10:41:07.1234567Z "
    return "".join(
        times + line + "\n"
        for line in (
            "##[group]Run pip install dspy",
            "Collecting litellm>=1.60 (from dspy)",
            f"  Downloading litellm-{version}-py3-none-any.whl (9.2 MB)",
            f"Successfully installed dspy-3.1.0 litellm-{version}",
        )
    )


def git(folder: Path, *words: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, env=environ, check=True, capture_output=True)


# ── the two ──────────────────────────────────────────────────────────────────────────────────


class Ours:
    """A home of its own for each input."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._run("advisory", "add", str(RECORD))

    def sweep(self, path: Path, asset: str, kind: str = "environment") -> None:
        self._run("sweep", str(path), "--asset", asset, "--kind", kind)

    def answer(self) -> str:
        done = self._run("exposed", "litellm==1.82.7,1.82.8", "--format", "json")
        counts = json.loads(done.stdout)["counts"]
        words = [word for word, count in counts.items() if count]
        return f"{', '.join(words) or 'nothing known'} (exit {done.returncode})"

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "pratique", *words, "--home", self.home],
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip


def audit(tool: Path, service: str, *words: str) -> str:
    done = subprocess.run(
        [tool / "pip-audit", "-s", "osv", "--osv-url", service, "--progress-spinner", "off", *words],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    for line in done.stderr.splitlines():
        text = line.removeprefix("ERROR:pip_audit._cli:")
        if text.startswith(("Found", "No known")) or text != line:
            # A folder of this run says nothing to a reader.
            return f"{text.partition(' in /')[0]} (exit {done.returncode})"
    return f"nothing (exit {done.returncode})"


def compare(report: Report, tool: Path, service: str, root: Path) -> None:
    def case(name: str, peer: str, path: Path, kind: str) -> None:
        ours = Ours(root / f"home-{len(report.rows)}")
        ours.sweep(path, "ci/github/acme/api/1" if kind == "ci-run" else "the-asset", kind)
        report.row(name, ours.answer(), peer)

    pins = root / "pins"
    pins.mkdir()
    for version in ("1.82.7", "1.82.70"):
        path = pins / f"requirements-{version}.txt"
        path.write_text(f"litellm=={version}\n", "utf-8")
        said = audit(tool, service, "--no-deps", "--disable-pip", "-r", str(path))
        case(f"requirements that pin {version}", said, path, "repository")

    site = root / "venv" / "lib" / "python3.11" / "site-packages"
    environment(site, BAD)
    said = audit(tool, service, "--path", str(site))
    case(f"an environment that has {BAD}", said, site.parents[2], "environment")
    mended = Ours(root / "home-mended")
    mended.sweep(site.parents[2], "the-asset")
    environment(site, GOOD)
    mended.sweep(site.parents[2], "the-asset")
    said = audit(tool, service, "--path", str(site))
    report.row(f"the same after it was replaced by {GOOD}", mended.answer(), said)

    project = root / "project"
    project.mkdir()
    (project / "uv.lock").write_text(lock(BAD), "utf-8")
    said = audit(tool, service, "--locked", str(project))
    case(f"a uv.lock that gets {BAD} through dspy", said, project, "repository")
    git(project, "init", "-q")
    for version in (BAD, GOOD):
        (project / "uv.lock").write_text(lock(version), "utf-8")
        git(project, "add", "uv.lock")
        git(project, "commit", "-q", "-m", version)
    said = audit(tool, service, "--locked", str(project))
    case(f"a repository whose uv.lock had {BAD} one commit ago", said, project, "repository")

    logs = root / "logs"
    logs.mkdir()
    for name, text in (
        (f"a CI log that installed {BAD}", log(BAD)),
        ("a CI log that expired (410)", "HTTP 410 Gone: logs expired\n"),
    ):
        path = logs / f"{len(report.rows)}.log"
        path.write_text(text, "utf-8")
        case(name, "has no way to read it", path, "ci-run")


def main() -> int:
    options = arguments(__doc__ or "")
    tool = install("pip-audit")
    report = Report(
        name="answers", small=options.small, columns=("input", "pratique", "pip-audit"),
    )  # fmt: skip
    with osv_service() as service, tempfile.TemporaryDirectory() as folder:
        compare(report, tool, service, Path(folder))
    return report.finish()


if __name__ == "__main__":
    run_main(main)
