"""Repositories that a stranger prepared: nothing of theirs runs, nothing hangs, nothing raises."""

from __future__ import annotations

import os
import random
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.repositories import Repo
from pratique.edge.sweep import git_process
from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.git_history import GitHistories
from pratique.edge.sweep.git_process import Git, GitError
from pratique.inventory.observed.model import AssetKind, Look

BAD = "litellm==1.82.8\n"


def looks(path: Path) -> list[Look]:
    ctx = SweepContext(
        asset="host", asset_kind=AssetKind.HOST, machine="", now=lambda: datetime.now(UTC)
    )
    return list(GitHistories().read(path, ctx))


def versions(found: list[Look]) -> set[str]:
    return {sighting.item.version for look in found for sighting in look.sightings}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "trap")
    made.commit(
        {"requirements.txt": "litellm==1.82.6\n", ".gitattributes": "* diff=evil filter=evil\n"}
    )
    made.commit({"requirements.txt": BAD})
    return made


def test_no_program_that_a_repository_names_is_started(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "it-ran"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\necho ran >> {canary}\ncat\n")
    evil.chmod(0o755)
    for name in ("post-checkout", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman"):
        hook = repo.dot_git / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(evil.read_bytes())
        hook.chmod(0o755)
    more = tmp_path / "more.config"
    more.write_text(f"[core]\n\tpager = {evil}\n[diff]\n\texternal = {evil}\n")
    with (repo.dot_git / "config").open("a") as out:
        out.write(f"""
[include]
	path = {more}
[core]
	fsmonitor = {evil}
	hooksPath = {repo.dot_git}/hooks
	pager = {evil}
	editor = {evil}
	sshCommand = {evil}
	askPass = {evil}
	alternateRefsCommand = {evil}
	gitProxy = {evil}
	attributesFile = {tmp_path}/attributes
[pager]
	rev-list = {evil}
	diff-tree = {evil}
	cat-file = {evil}
[diff]
	external = {evil}
[diff "evil"]
	command = {evil}
	textconv = {evil}
	cachetextconv = true
[filter "evil"]
	clean = {evil}
	smudge = {evil}
	process = {evil}
	required = true
[log]
	showSignature = true
[gpg]
	program = {evil}
[credential]
	helper = {evil}
[alias]
	rev-list = "!{evil}"
	for-each-ref = "!{evil}"
[uploadpack]
	packObjectsHook = {evil}
[protocol]
	allow = always
[protocol "ext"]
	allow = always
[extensions]
	partialClone = origin
[remote "origin"]
	url = "ext::{evil} %S"
	promisor = true
	uploadpack = {evil}
	vcs = {evil}
[trace2]
	eventTarget = {canary}
[maintenance]
	auto = true
""")
    for name in (
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_SSH_COMMAND",
        "GIT_EDITOR",
        "GIT_PROXY_COMMAND",
    ):
        monkeypatch.setenv(name, str(evil))
    monkeypatch.setenv("GIT_TRACE", str(canary))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.pager={evil}'")
    blob = repo.git("hash-object", "--no-filters", "requirements.txt")  # before it goes missing
    canary.unlink(missing_ok=True)
    found = looks(repo.dot_git)
    assert "1.82.8" in versions(found)
    assert not canary.exists(), canary.read_text()
    (repo.dot_git / "objects" / blob[:2] / blob[2:]).unlink()
    canary.unlink(missing_ok=True)
    found = looks(repo.dot_git)
    assert any(not look.whole for look in found)
    assert not canary.exists(), canary.read_text()


def test_history_cannot_be_replaced(repo: Repo) -> None:
    head = repo.git("rev-parse", "HEAD")
    innocent = repo.git("commit-tree", "HEAD~1^{tree}", "-m", "x")
    repo.git("replace", head, innocent)
    bad = repo.git("--no-replace-objects", "rev-parse", f"{head}:requirements.txt")
    good = repo.git("--no-replace-objects", "rev-parse", f"{head}~1:requirements.txt")
    repo.git("replace", bad, good)
    (repo.dot_git / "info").mkdir(exist_ok=True)
    (repo.dot_git / "info/grafts").write_text(f"{head}\n")
    assert versions(looks(repo.dot_git)) == {"1.82.6", "1.82.8"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_an_object_does_not_hang(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = repo.git("rev-parse", "HEAD:requirements.txt")
    place = repo.dot_git / "objects" / blob[:2] / blob[2:]
    place.unlink()
    os.mkfifo(place)
    monkeypatch.setattr(git_process, "SILENT_SECONDS", 0.5)
    started = time.monotonic()
    found = looks(repo.dot_git)
    assert time.monotonic() - started < 20
    assert any(not look.whole for look in found)


def test_names_that_look_like_options_are_names(repo: Repo) -> None:
    repo.commit({"--output=x/uv.lock": "version = 1\n", ":(glob)/uv.lock": "version = 1\n"})
    for name in ("--all", "-n1", "--output=x"):
        (repo.dot_git / "refs/heads" / name).write_text(repo.git("rev-parse", "HEAD") + "\n")
    found = looks(repo.dot_git)
    assert {"--output=x/uv.lock@main", ":(glob)/uv.lock@main"} <= {look.locator for look in found}


def test_what_git_says_of_a_failure_is_one_short_line(repo: Repo) -> None:
    (repo.dot_git / "config").write_text(
        "[core]\n\trepositoryformatversion = 9\n" + "\x1b[31m" * 500
    )
    (look,) = looks(repo.dot_git)
    (gap,) = look.gaps
    assert gap.why
    assert len(gap.why) <= 300
    assert gap.why.isprintable()


def test_output_that_ends_early_or_is_too_long_is_an_error(repo: Repo) -> None:
    git = Git(repo.dot_git)
    with pytest.raises(GitError), git.run("cat-file", "--batch") as output:
        output.exactly(1)
    with (
        pytest.raises(GitError, match=r"bad|unknown|not"),
        git.run("cat-file", "blob", "nothing") as output,
    ):
        assert output.until(b"\n") is None
    with git.run("rev-list", "HEAD") as output:
        assert output.until(b"\n")  # and the rest is left


@pytest.mark.slow
def test_flipped_bytes_anywhere_in_the_repository_never_raise(repo: Repo) -> None:
    repo.git("gc", "-q")
    files = [path for path in repo.dot_git.rglob("*") if path.is_file()
             and not {"hooks", "logs"} & set(path.parts)]  # fmt: skip
    chance = random.Random(7)
    for path in sorted(files):
        data = path.read_bytes()
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        for _ in range(2):
            at = chance.randrange(len(data) or 1)
            path.write_bytes(data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :])
            assert looks(repo.dot_git), path
        path.write_bytes(data[: len(data) // 2])
        assert looks(repo.dot_git), path
        path.write_bytes(data)
    assert versions(looks(repo.dot_git)) == {"1.82.6", "1.82.8"}
