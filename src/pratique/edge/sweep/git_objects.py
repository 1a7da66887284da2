"""What a history needs of git: commits, the files they change, the contents of these files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from pratique.edge.sweep.git_process import Git, GitError, GitOutput
from pratique.inventory.listings.kinds import KINDS, listing_kind
from pratique.inventory.listings.timeline import GONE, Change, Commit, Tip

PATHSPECS: Final = tuple(f":(glob)**/{glob}" for kind in KINDS for glob in kind.globs)
_FILES: Final = frozenset({b"100644", b"100755", b"100664"})
"""Modes of regular files; links and submodules hold no list."""
_MAX_WALKS: Final = 100
"""Branches that are walked one by one in a broken repository."""
_MAX_BROKEN: Final = 20
_ALGORITHMS: Final = {40: hashlib.sha1, 64: hashlib.sha256}


@dataclass(slots=True)
class History:
    """What was read, and what was not."""

    commits: dict[str, Commit] = field(default_factory=dict)
    """Newest first."""
    changes: dict[str, list[Change]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    """Sentences."""
    cut: bool = False
    """Whether older commits were left out."""


def read_commits(git: Git, tips: Sequence[Tip], history: History, *, max_commits: int) -> None:
    """Every commit that the tips reach, with parents and date. What fails becomes a gap."""
    try:
        _walk(git, tips, history, max_commits)
    except (GitError, ValueError) as error:
        # A broken commit ends the walk of all branches; so each is walked by itself.
        history.gaps.append(f"not all commits can be read: {error}")
        for tip in tips[:_MAX_WALKS]:
            with suppress(GitError, ValueError):
                _walk(git, [tip], history, max_commits)
    for tip in tips:
        if tip.commit not in history.commits and not history.cut:
            history.gaps.append(f"branch {tip.name} points to a commit that cannot be read")
    if history.cut:
        history.gaps.append(
            f"has more than {max_commits:,} commits; only the newest were looked at"
        )


def _walk(git: Git, tips: Sequence[Tip], history: History, max_commits: int) -> None:
    wanted = [tip.commit.encode() for tip in tips]
    options = ("--parents", "--timestamp", "--ignore-missing", f"--max-count={max_commits + 1}")
    with git.run("rev-list", *options, "--stdin", lines=wanted) as output:
        for line in output.lines():
            seconds, oid, *parents = line.decode("ascii", "replace").split(" ")
            if len(history.commits) >= max_commits:
                history.cut = True
                break
            history.commits[oid] = Commit(_number(seconds), tuple(parents))


def _number(text: str) -> int:
    # A date of a million digits would be no number for Python, and is none for git.
    return int(text) if len(text) < 20 and text.isdigit() else -1  # noqa: PLR2004 - 64 bits


def read_changes(git: Git, history: History, *, max_changes: int) -> None:
    """Which commits changed a file that lists releases, against their first parent."""
    broken: list[str] = []
    for commit, change in _changes(git, list(history.commits.items()), broken):
        history.changes.setdefault(commit, []).append(change)
    if broken:
        history.gaps.append(f"what {len(broken):,} commits changed cannot be read: {broken[0]}")
    counts: dict[str, int] = {}
    for commit in history.commits:
        for change in list(history.changes.get(commit, ())):
            counts[change.path] = counts.get(change.path, 0) + 1
            if counts[change.path] > max_changes:
                history.changes[commit].remove(change)
    for path, count in counts.items():
        if count > max_changes:
            history.gaps.append(
                f"{path} has {count:,} versions; only the newest {max_changes:,} were read"
            )


def _changes(
    git: Git, commits: Sequence[tuple[str, Commit]], broken: list[str]
) -> list[tuple[str, Change]]:
    """The changes of some commits; of those that break git, a sentence in `broken`."""
    try:
        with git.run(
            "diff-tree", "--stdin", "-r", "-z", "--raw", "--root", "--no-renames", "--no-abbrev",
            "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--", *PATHSPECS,
            lines=_pairs(commits),
        ) as output:  # fmt: skip
            return list(_parsed(output))
    except (GitError, ValueError) as error:
        if len(commits) == 1 or len(broken) >= _MAX_BROKEN:
            broken.append(str(error))
            return []
    # git ends at what is broken: looked for by halves, the rest is not lost.
    half = len(commits) // 2
    return _changes(git, commits[:half], broken) + _changes(git, commits[half:], broken)


def _pairs(commits: Iterable[tuple[str, Commit]]) -> Iterator[bytes]:
    for oid, commit in commits:
        first = commit.parents[0] if commit.parents else ""
        yield f"{oid} {first}".rstrip().encode()


def _parsed(output: GitOutput) -> Iterator[tuple[str, Change]]:
    commit = ""
    kinds: dict[str, bool] = {}
    for token in output.lines(b"\0"):
        if not token.startswith(b":"):
            commit = token.decode("ascii", "replace").strip()
            continue
        name = output.until(b"\0")
        if name is None:
            raise GitError("git ended in the middle of a change")
        _mode, mode, _old, blob, _status = token.split(b" ")
        path = name.decode("utf-8", "backslashreplace")
        if path not in kinds:
            kinds[path] = listing_kind(path) is not None
        if kinds[path]:
            yield commit, Change(path, blob.decode("ascii") if mode in _FILES else GONE)


def read_snapshot(git: Git, commit: str, history: History) -> None:
    """Take the files of a commit as if it had brought them: what came before was left out."""
    found: list[Change] = []
    with suppress(GitError, ValueError), git.run("ls-tree", "-r", "-z", commit) as output:
        for token in output.lines(b"\0"):
            head, _, name = token.partition(b"\t")
            mode, _type, blob = head.split(b" ")
            path = name.decode("utf-8", "backslashreplace")
            if mode in _FILES and listing_kind(path) is not None:
                found.append(Change(path, blob.decode("ascii")))
    if found:
        history.changes[commit] = found


def read_sizes(git: Git, blobs: Sequence[str], *, partial: bool) -> dict[str, int]:
    """Sizes of those blobs that are there. Raises: GitError.

    Where contents were left out by the clone, asking for one would make old git try to fetch it; so
    everything that is there is listed instead.
    """
    sizes: dict[str, int] = {}
    options = ["--batch-check=%(objectname) %(objecttype) %(objectsize)", "--buffer"]
    if partial:
        options += ["--batch-all-objects", "--unordered"]
    wanted = set(blobs)
    with git.run("cat-file", *options, lines=() if partial else _encoded(blobs)) as output:
        for line in output.lines():
            words = line.decode("ascii", "replace").split(" ")
            if len(words) == 3 and words[1] == "blob" and words[0] in wanted:  # noqa: PLR2004 - as asked for
                sizes[words[0]] = int(words[2])
    return sizes


def read_blobs(git: Git, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The contents, in this order, each checked against its id. Raises: GitError."""
    with git.run("cat-file", "--batch", "--buffer", lines=_encoded(blobs)) as output:
        for blob in blobs:
            head = output.until(b"\n")
            words = (head or b"").split(b" ")
            if len(words) != 3 or words[0] != blob.encode():  # noqa: PLR2004 - id, type, size
                raise GitError(f"git gave no content of {blob[:12]}")
            data = output.exactly(int(words[2]))
            output.exactly(1)
            check = _ALGORITHMS[len(blob)](b"blob %d\0" % len(data), usedforsecurity=False)
            check.update(data)
            if check.hexdigest() != blob:
                raise GitError(f"the content of {blob[:12]} is not what its id says")
            yield blob, data


def _encoded(blobs: Iterable[str]) -> Iterator[bytes]:
    return (blob.encode() for blob in blobs)
