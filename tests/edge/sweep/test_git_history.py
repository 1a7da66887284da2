"""Histories of real repositories: what was in force on which branch, when."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.repositories import Repo
from pratique.edge.sweep.context import ForgetfulNotes, Notes, SweepContext, SweepLimits
from pratique.edge.sweep.git_history import READERS, GitHistories, history_looks
from pratique.edge.sweep.git_repository import remote_name
from pratique.inventory.observed.model import AssetKind, Look, LookMode, PlaceKind

NOW = datetime(2026, 4, 1, tzinfo=UTC)
BAD, GOOD = "litellm==1.82.8\n", "litellm==1.82.6\n"


def context(
    *, notes: Notes | None = None, now: datetime = NOW, limits: SweepLimits | None = None,
    kind: AssetKind = AssetKind.LAPTOP, history: bool = True, stop_after: int = 10**9,
) -> SweepContext:  # fmt: skip
    asked = iter(range(10**9))
    return SweepContext(
        asset="laptop-7", asset_kind=kind, machine="m", now=lambda: now, history=history,
        notes=notes or ForgetfulNotes(), limits=limits or SweepLimits(),
        stop=lambda: next(asked) >= stop_after,
    )  # fmt: skip


def looks(path: Path, ctx: SweepContext | None = None) -> list[Look]:
    return list(GitHistories().read(path, ctx or context()))


def told(found: Iterable[Look]) -> list[tuple[str, str, str, str, bool]]:
    """(place, versions, from, to, ended) of each look at a file."""
    return [
        (
            one.locator,
            " ".join(f"{s.item.name} {s.item.version}" for s in one.sightings),
            one.at_lo.isoformat()[:16],
            one.at_hi.isoformat()[:16],
            one.ended,
        )
        for one in found
        if one.place_kind is not PlaceKind.ASSET
    ]


def whole(found: list[Look]) -> Look:
    (last,) = [one for one in found if one.place_kind is PlaceKind.ASSET]
    assert found[-1] is last
    return last


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "api")


def test_a_version_is_in_force_until_the_next_commit(repo: Repo) -> None:
    first = repo.commit({"requirements.txt": GOOD}, at="2026-03-20T10:00Z")
    repo.commit({"other.py": "x"}, at="2026-03-21T10:00Z")
    repo.commit({"requirements.txt": BAD}, at="2026-03-24T10:40Z")
    repo.commit({"requirements.txt": GOOD}, at="2026-03-24T12:00Z")
    repo.commit({"requirements.txt": None}, at="2026-03-25T12:00Z")
    found = looks(repo.dot_git)
    place = "requirements.txt@main"
    assert told(found) == [
        (place, "litellm 1.82.6", "2026-03-20T10:00", "2026-03-24T10:40", False),
        (place, "litellm 1.82.8", "2026-03-24T10:40", "2026-03-24T12:00", False),
        (place, "litellm 1.82.6", "2026-03-24T12:00", "2026-03-25T12:00", True),
    ]
    look = found[0]
    name = f"repo/laptop-7/{repo.folder.as_posix().strip('/')}"
    assert (look.asset, look.asset_kind) == (name, AssetKind.REPOSITORY)
    assert look.lineage == f"{name}:requirements.txt"
    assert (look.mode, look.whole, look.machine) == (LookMode.EVENT, True, "")
    (evidence,) = look.evidence
    assert evidence.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    blob = repo.git("rev-parse", f"{first}:requirements.txt")
    assert evidence.locator == f"git blob {blob} in commit {first}"
    assert whole(found).whole


def test_what_is_there_now_lasts_until_now(repo: Repo) -> None:
    repo.commit({"a/requirements.txt": BAD, "b/uv.lock": "version = 1\n"}, at="2026-03-24T10:40Z")
    assert told(looks(repo.dot_git)) == [
        (
            "a/requirements.txt@main",
            "litellm 1.82.8",
            "2026-03-24T10:40",
            "2026-04-01T00:00",
            False,
        ),
        ("b/uv.lock@main", "", "2026-03-24T10:40", "2026-04-01T00:00", False),
    ]


def test_a_place_ends_where_nothing_follows_it(repo: Repo) -> None:
    """The branch takes over what `main` has and says: that is told there, so here it ends."""
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.git("checkout", "-q", "-b", "wip")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    repo.git("checkout", "-q", "main")
    repo.commit({"requirements.txt": "litellm==1.83.0\n"}, at="2026-03-03T00:00Z")
    repo.git("checkout", "-q", "wip")
    repo.commit({"requirements.txt": "litellm==1.83.0\n"}, at="2026-03-04T00:00Z")
    repo.git("checkout", "-q", "main")
    assert [one for one in told(looks(repo.dot_git)) if one[0].endswith("@wip")] == [
        ("requirements.txt@wip", "litellm 1.82.8", "2026-03-02T00:00", "2026-03-04T00:00", True),
    ]


def test_branches_merges_and_deleted_branches(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.git("checkout", "-q", "-b", "bot")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    repo.commit({"requirements.txt": "litellm==1.83.0\n"}, at="2026-03-03T00:00Z")
    repo.git("checkout", "-q", "main")
    repo.commit({"x": "x"}, at="2026-03-04T00:00Z")
    repo.git("merge", "-q", "--no-ff", "bot", "-m", "m", at="2026-03-05T00:00Z")
    merge = repo.git("rev-parse", "HEAD")
    repo.git("branch", "-q", "-D", "bot")
    repo.git("branch", "old", "HEAD~1")
    side = f"requirements.txt@merged/{merge[:12]}"
    assert sorted(told(looks(repo.dot_git)), key=lambda one: (one[1], one[0])) == [
        ("requirements.txt@main", "litellm 1.82.6", "2026-03-01T00:00", "2026-03-05T00:00", False),
        ("requirements.txt@old", "litellm 1.82.6", "2026-03-04T00:00", "2026-04-01T00:00", False),
        (side, "litellm 1.82.8", "2026-03-02T00:00", "2026-03-03T00:00", False),
        ("requirements.txt@main", "litellm 1.83.0", "2026-03-05T00:00", "2026-04-01T00:00", False),
        (side, "litellm 1.83.0", "2026-03-03T00:00", "2026-03-05T00:00", True),
    ]


def test_remote_branches_and_a_detached_head_count(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.git("checkout", "-q", "-b", "wip")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    clone = Repo(tmp_path / "clone")
    clone.git("fetch", "-q", str(repo.folder), "+refs/heads/*:refs/remotes/origin/*")
    assert {one[0] for one in told(looks(clone.dot_git))} == {
        "requirements.txt@origin/main", "requirements.txt@origin/wip",
    }  # fmt: skip
    repo.git("checkout", "-q", "--detach")
    repo.commit({"requirements.txt": "litellm==9\n"}, at="2026-03-03T00:00Z")
    assert ("requirements.txt@HEAD", "litellm 9") in {one[:2] for one in told(looks(repo.dot_git))}


def test_tags_without_a_branch_and_stashes_count(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00:00Z")
    repo.git("tag", "v0")
    repo.git("checkout", "-q", "-b", "release")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00:00Z")
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-q", "-D", "release")
    (repo.folder / "requirements.txt").write_text("stashed==1\n")
    repo.git("stash", "-q", at="2026-03-03T00:00:00Z")
    found = told(looks(repo.dot_git))
    assert {(place, what) for place, what, *_ in found} == {
        ("requirements.txt@main", "litellm 1.82.6"),
        ("requirements.txt@tags/v1", "litellm 1.82.8"),
        ("requirements.txt@stash", "stashed 1"),
    }


def test_what_only_a_log_reaches_is_a_gap(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00:00Z")
    repo.commit({"README": "x"}, at="2026-03-02T00:00:00Z")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert whole(looks(repo.dot_git)).whole  # what it changed is of no interest
    repo.commit({"requirements.txt": BAD}, at="2026-03-03T00:00:00Z")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    last = whole(looks(repo.dot_git))
    assert not last.whole
    assert "no branch or tag reaches" in last.gaps[0].why


@pytest.mark.parametrize(
    ("files", "told_of"),
    [
        ({"pyproject.toml": '[project]\ndependencies = [\n  "litellm>=1"]\n'}, "pyproject.toml"),
        ({"pyproject.toml": "[project]\ndependencies = []\n"}, ""),
        ({"pyproject.toml": '[project]\ndependencies = ["a"]\n', "uv.lock": "version = 1\n"}, ""),
        ({"setup.py": 'setup(install_requires=["litellm"])\n'}, "setup.py"),
        ({"x/package.json": '{"dependencies": {"axios": "^1"}}\n'}, "x/package.json"),
        ({"x/package.json": '{"dependencies": {"axios": "^1"}}\n', "yarn.lock": "# x\n"}, ""),
        ({"x/package.json": '{"dependencies": {"a": "1"}}\n', "uv.lock": "version = 1\n"}, "x/p"),
        ({"node_modules/a/package.json": '{"dependencies": {"b": "1"}}\n'}, ""),
    ],
)
def test_a_project_without_a_lock_is_a_gap(
    repo: Repo, files: dict[str, str | bytes | None], told_of: str
) -> None:
    repo.commit({"requirements.txt": GOOD, **files}, at="2026-03-01T00:00:00Z")
    last = whole(looks(repo.dot_git))
    assert last.whole is (not told_of)
    assert all(f"without a lock file: {told_of}" in gap.why for gap in last.gaps)


def test_the_second_sweep_reads_only_what_is_new(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pratique.edge.sweep import git_contents  # noqa: PLC0415 - to count what is read

    read: list[int] = []
    real = git_contents.read_blobs

    def counted(git: object, blobs: list[str]) -> object:
        read.append(len(blobs))
        return real(git, blobs)  # type: ignore[arg-type] # the module is not typed for tests

    monkeypatch.setattr(git_contents, "read_blobs", counted)
    notes = ForgetfulNotes()
    for day in range(1, 9):
        repo.commit({"requirements.txt": f"demo=={day}\n"}, at=f"2026-03-0{day}T00:00Z")
    first = looks(repo.dot_git, context(notes=notes))
    repo.commit({"requirements.txt": "demo==9\n"}, at="2026-03-09T00:00Z")
    second = looks(repo.dot_git, context(notes=notes))
    third = looks(repo.dot_git, context(notes=notes))
    assert read == [8, 2, 1]
    assert [one[1:] for one in told(second)] == [
        ("demo 8", "2026-03-08T00:00", "2026-03-09T00:00", False),
        ("demo 9", "2026-03-09T00:00", "2026-04-01T00:00", False),
    ]
    assert told(third) == told(second)[1:]
    fresh = looks(repo.dot_git)
    assert {*told(first)[:-1], *told(second)} == set(told(fresh))


def test_what_a_deleted_branch_held_is_ended(repo: Repo) -> None:
    notes = ForgetfulNotes()
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.git("checkout", "-q", "-b", "wip")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    repo.git("checkout", "-q", "main")
    looks(repo.dot_git, context(notes=notes))
    repo.git("branch", "-q", "-D", "wip")
    (gone,) = [one for one in looks(repo.dot_git, context(notes=notes)) if "wip" in one.locator]
    assert (gone.ended, gone.mode, gone.sightings, gone.whole) == (True, LookMode.SAMPLED, (), True)
    assert not [one for one in looks(repo.dot_git, context(notes=notes)) if "wip" in one.locator]


def test_a_stopped_sweep_says_so_and_begins_again(repo: Repo) -> None:
    notes = ForgetfulNotes()
    for day in range(1, 9):
        repo.commit({"requirements.txt": f"demo=={day}\n"}, at=f"2026-03-0{day}T00:00Z")
    stopped = looks(repo.dot_git, context(notes=notes, stop_after=2))
    assert len(told(stopped)) == 3
    assert not whole(stopped).whole
    assert len(told(looks(repo.dot_git, context(notes=notes)))) == 8


def test_a_wrong_clock_is_noted_and_spoils_no_other_date(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    odd = repo.commit({"requirements.txt": BAD}, at="@0 +0000")
    repo.commit({"requirements.txt": GOOD + "#\n"}, at="2026-03-03T00:00Z")
    late = repo.commit({"requirements.txt": "demo==1\n"}, at="2031-01-01T00:00Z")
    found = looks(repo.dot_git)
    assert [one[1:4] for one in told(found)] == [
        ("litellm 1.82.6", "2026-03-01T00:00", "2026-03-03T00:00"),
        ("litellm 1.82.8", "2026-03-01T00:00", "2026-03-03T00:00"),
        ("litellm 1.82.6", "2026-03-03T00:00", "2026-04-01T00:00"),
        ("demo 1", "2026-03-03T00:00", "2026-04-01T00:00"),
    ]
    assert [{gap.what for gap in one.gaps} for one in found[:-1]] == [
        {f"commit {odd}"}, {f"commit {odd}"}, {f"commit {late}"}, {f"commit {late}"},
    ]  # fmt: skip


def test_bare_repositories_worktrees_and_submodules(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"requirements.txt": BAD}, at="2026-03-01T00:00Z")
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "mirror.git"))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    outer = Repo(tmp_path / "outer")
    outer.git("submodule", "--quiet", "add", str(repo.folder), "inner")
    reader = GitHistories()
    for path in (tmp_path / "mirror.git", tmp_path / "tree/.git", outer.folder / "inner/.git"):
        assert reader.claims(path, is_dir=path.is_dir())
        assert "litellm 1.82.8" in {one[1] for one in told(looks(path))}, path


def test_a_pointer_to_a_repository_that_does_not_know_of_it_is_not_followed(
    repo: Repo, tmp_path: Path
) -> None:
    repo.commit({"requirements.txt": BAD})
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / ".git").write_text(f"gitdir: {repo.dot_git}\n")
    (look,) = looks(trap / ".git")
    assert not look.whole
    assert look.asset == "laptop-7"
    assert "does not know" in look.gaps[0].why
    for text in ("", "gitdir: ", "hello", "gitdir: /nowhere\n", "gitdir: a\nb\n", "\x00"):
        (trap / ".git").write_text(text)
        (look,) = looks(trap / ".git")
        assert look.gaps


def test_a_shallow_clone_is_not_whole(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}", str(tmp_path / "shallow"))
    found = looks(tmp_path / "shallow/.git")
    assert [one[1] for one in told(found)] == ["litellm 1.82.8"]
    assert "shallow" in whole(found).gaps[0].why


def test_a_partial_clone_fetches_nothing(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    repo.git("clone", "-q", "--filter=blob:none", f"file://{repo.folder}", str(partial))
    before = files_of(partial / ".git")
    found = looks(partial / ".git")
    assert files_of(partial / ".git") == before
    by_version = {one[1]: one for one in told(found)}
    assert "litellm 1.82.8" in by_version  # checked out, so it is there
    (absent,) = [one for one in found if one.place_kind is not PlaceKind.ASSET and not one.whole]
    assert "not in this clone" in absent.gaps[0].why


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_the_repository_is_not_changed(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD})
    (repo.folder / "requirements.txt").write_text("touched, so that the index is stale")
    before = files_of(repo.folder)
    looks(repo.dot_git)
    assert files_of(repo.folder) == before


def test_limits_leave_out_the_oldest_and_say_so(repo: Repo) -> None:
    repo.commit({"yarn.lock": 'a@1:\n  version "1"\n'}, at="2026-03-01T00:00Z")
    for day in range(1, 25):
        repo.commit({"requirements.txt": f"demo=={day}\n"}, at=f"2026-03-01T{day % 24:02}:30Z")
    found = looks(repo.dot_git, context(limits=SweepLimits(history_commits=2)))
    assert {"demo 23", "demo 24"} <= {one[1] for one in told(found)}
    # Older than what was looked at, but there all the time.
    assert "a 1" in {one[1] for one in told(found)}
    assert {"20 commits" in gap.why or "2 were read" in gap.why for gap in whole(found).gaps} == {
        True
    }
    notes = ForgetfulNotes()
    looks(repo.dot_git, context(limits=SweepLimits(history_commits=2), notes=notes))
    assert len(told(looks(repo.dot_git, context(notes=notes)))) == 25


def test_a_version_that_cannot_be_read_is_a_gap_and_the_others_are_read(repo: Repo) -> None:
    repo.commit({"uv.lock": "version = 1\n"}, at="2026-03-01T00:00Z")
    repo.commit({"uv.lock": "<<<<<<< HEAD\n"}, at="2026-03-02T00:00Z")
    repo.commit({"uv.lock": b"\xff\xfe"}, at="2026-03-03T00:00Z")
    repo.commit({"uv.lock": "version = 2\n"}, at="2026-03-04T00:00Z")
    assert [one.whole for one in looks(repo.dot_git)] == [True, False, False, True, True]


def test_a_broken_object_costs_one_version(repo: Repo) -> None:
    for day in range(1, 6):
        repo.commit({"requirements.txt": f"demo=={day}\n"}, at=f"2026-03-0{day}T00:00Z")
    blob = repo.git("rev-parse", "HEAD~2:requirements.txt")
    loose = repo.dot_git / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o600)
    notes = ForgetfulNotes()
    for damage in (b"", b"garbage", loose.read_bytes()[:-4]):
        loose.write_bytes(damage)
        found = looks(repo.dot_git, context(notes=notes))
        assert [one[1] for one in told(found) if one[1]] == ["demo 1", "demo 2", "demo 4", "demo 5"]
        (broken,) = [one for one in found[:-1] if not one.whole]
        assert broken.at_lo == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_content_under_a_false_name_is_not_believed(repo: Repo) -> None:
    repo.commit({"requirements.txt": BAD}, at="2026-03-01T00:00Z")
    blob = repo.git("rev-parse", "HEAD:requirements.txt")
    other = repo.git("hash-object", "-w", "--stdin", input_=GOOD.encode())
    objects = repo.dot_git / "objects"
    target = objects / blob[:2] / blob[2:]
    target.chmod(0o600)
    target.write_bytes((objects / other[:2] / other[2:]).read_bytes())
    (look,) = [one for one in looks(repo.dot_git) if one.place_kind is not PlaceKind.ASSET]
    assert look.sightings == ()
    assert look.gaps


@pytest.mark.parametrize(
    "broken", ["HEAD", "refs/heads/main", "objects", "config", "commit", "tree"]
)
def test_damaged_repositories_are_gaps(repo: Repo, broken: str) -> None:
    repo.commit({"requirements.txt": GOOD}, at="2026-03-01T00:00Z")
    repo.commit({"requirements.txt": BAD}, at="2026-03-02T00:00Z")
    if broken in {"commit", "tree"}:
        oid = repo.git("rev-parse", "HEAD~1" if broken == "commit" else "HEAD~1^{tree}")
        path = repo.dot_git / "objects" / oid[:2] / oid[2:]
        path.chmod(0o600)
        path.write_bytes(b"x")
    elif broken == "objects":
        (repo.dot_git / "objects").rename(repo.dot_git / "elsewhere")
    else:
        (repo.dot_git / broken).write_bytes(b"\xff\x00garbage [")
    found = looks(repo.dot_git)
    assert found
    assert any(one.gaps for one in found) or broken == "HEAD"


def test_an_empty_repository_was_looked_at(repo: Repo) -> None:
    (look,) = looks(repo.dot_git)
    assert look.whole
    assert look.place_kind is PlaceKind.ASSET


def test_odd_paths_and_links(repo: Repo) -> None:
    names = ["a\nb/uv.lock", 'q"uote/uv.lock', "ü/uv.lock", "node_modules/x/yarn.lock"]
    repo.commit(dict.fromkeys(names, "version = 1\n"))
    (repo.folder / "link").mkdir()
    (repo.folder / "link/uv.lock").symlink_to("/etc/passwd")
    odd = repo.folder / os.fsdecode(b"\xff.d")
    odd.mkdir()
    (odd / "uv.lock").write_text("version = 1\n")
    repo.git("add", ".")
    repo.commit({}, at="2026-03-01T00:00Z")
    assert {one.locator for one in looks(repo.dot_git)[:-1]} == {
        "a\nb/uv.lock@main", 'q"uote/uv.lock@main', "ü/uv.lock@main", "\\xff.d/uv.lock@main",
    }  # fmt: skip


def test_histories_can_be_left_out(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD})
    assert looks(repo.dot_git, context(history=False)) == []
    assert READERS[0].takes_folder


SECRET = """on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - run: ./deploy
        env:
          KEY: ${{ secrets.%s }}
"""


def test_the_secrets_that_each_version_of_a_workflow_names(repo: Repo) -> None:
    path = ".github/workflows/ci.yml"
    repo.commit({path: SECRET % "OLD_KEY"}, at="2026-03-01T00:00Z")
    repo.commit(
        {path: SECRET % "NEW_KEY", f"copy/{path}": SECRET % "OTHER"}, at="2026-03-20T00:00Z"
    )
    found = {
        one.name: (look.at_lo.isoformat()[:10], one.locator, one.kind, one.local)
        for look in looks(repo.dot_git)
        for one in look.identities
    }
    assert found == {
        "OLD_KEY": ("2026-03-01", f"{path}, job deploy", "ci-secret", True),
        "NEW_KEY": ("2026-03-20", f"{path}, job deploy", "ci-secret", True),
    }


def test_the_asset_is_called_as_its_origin_is(repo: Repo) -> None:
    repo.commit({"requirements.txt": GOOD})
    repo.git("remote", "add", "mirror", "https://git.example/x/y.git")
    repo.git("remote", "add", "origin", "git@github.com:acme/api.git")
    assert {one.asset for one in looks(repo.dot_git)} == {"repo/acme/api"}
    named = looks(repo.dot_git, context(kind=AssetKind.REPOSITORY))
    assert {one.asset for one in named} == {"laptop-7"}


@pytest.mark.parametrize(("url", "name"), [
    ("git@github.com:acme/api.git", "acme/api"), ("https://github.com/Acme/API", "acme/api"),
    ("https://git.example/Acme/API", "git.example/Acme/API"),
    ("https://user:secret@github.com/acme/api", "acme/api"),
    ("https://user:se/cret@github.com/acme/api", ""),
    ("ssh://git@git.example:2222/team/sub/api.git/", "git.example/team/sub/api"),
    ("https://dev.example/o/p/_git/r", "dev.example/o/p/_git/r"),
    ("/srv/git/api.git", ""), ("../api", ""), ("file:///srv/api", ""), ("x" * 600, ""),
])  # fmt: skip
def test_names_of_origins(url: str, name: str) -> None:
    config = f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {url}\n\tfetch = +refs/*:refs/*\n'
    assert remote_name(config) == name


def test_without_git_it_is_a_gap(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    from pratique.edge.sweep import git_process  # noqa: PLC0415 - its finding of git is replaced

    monkeypatch.setattr(git_process, "git_program", lambda: "")
    (look,) = looks(repo.dot_git)
    assert "not installed" in look.gaps[0].why


def test_sha256_repositories(tmp_path: Path) -> None:
    made = subprocess.run(
        ["git", "init", "-q", "-b", "main", "--object-format=sha256", str(tmp_path / "s")],
        check=False, capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("this git makes no SHA-256 repositories")
    repo = Repo(tmp_path / "s")
    repo.commit({"requirements.txt": BAD}, at="2026-03-01T00:00Z")
    assert [one[1] for one in told(looks(repo.dot_git))] == ["litellm 1.82.8"]


def test_the_entry_point_shares_what_it_read(repo: Repo) -> None:
    repo.commit({"requirements.txt": BAD})
    assert told(history_looks(repo.dot_git, context())) == told(looks(repo.dot_git))
