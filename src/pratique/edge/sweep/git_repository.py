"""Finding a repository, and what its own files say of it without git."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pratique.edge.sweep.context import SweepContext
from pratique.edge.sweep.git_process import Git, GitError
from pratique.edge.sweep.listing_looks import read_regular
from pratique.inventory.errors import LockError
from pratique.inventory.listings.timeline import Tip
from pratique.inventory.observed.model import AssetKind

MAX_REFS: Final = 5_000
MAX_OTHERS: Final = 1_000
"""Tags and stashes followed that no branch reaches, and forgotten commits counted."""
_SMALL: Final = 1 << 20
_POINTER: Final = re.compile(r"gitdir: (.+)\s*")
_OID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SECTION: Final = re.compile(r'^\s*\[\s*remote\s+"([^"\n]*)"\s*\]', re.MULTILINE | re.IGNORECASE)
_URL: Final = re.compile(r"^\s*url\s*=\s*\"?([^\s\"]+)", re.MULTILINE | re.IGNORECASE)
_ADDRESS: Final = re.compile(
    r"(?:[a-z+]+://)?(?:[^@/]*@)?([A-Za-z0-9.-]+)(?::\d+)?[:/]+(.+?)(?:\.git)?/*"
)
_PUBLIC: Final = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
"""Hosts that a name does without, as everybody does."""
_MAIN: Final = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository."""

    folder: Path
    """Where its objects and branches are: `.git`, a bare repository, what a worktree points to."""
    own: Path
    """Where its HEAD is: the same, except for a worktree."""
    config: str

    @property
    def shallow(self) -> bool:
        """Whether the beginning of the history was never fetched."""
        return (self.folder / "shallow").exists()

    @property
    def partial(self) -> bool:
        """Whether contents were left out when it was cloned."""
        return "promisor" in self.config.lower() or "partialclone" in self.config.lower()


def looks_like_repository(path: Path, *, is_dir: bool) -> bool:
    """Whether a path is a `.git` (folder or pointer), or a bare repository."""
    if path.name == ".git":
        return True
    if not is_dir or not path.name.endswith(".git"):
        return False
    try:
        return (path / "HEAD").is_file() and (path / "objects").is_dir()
    except OSError:
        return False


def find_repository(path: Path) -> Repository:
    """The repository of a `.git` or a bare folder. Raises: GitError."""
    try:
        own = path if path.is_dir() else _pointed_to(path)
        shared = own / "commondir"
        folder = own
        if shared.is_file() and not shared.is_symlink():
            text = _text(shared).strip()
            folder = Path(text) if text.startswith("/") else (own / text).resolve()
        if not (folder / "objects").is_dir():
            raise GitError("is no git repository: it has no objects")
        config = folder / "config"
        return Repository(folder=folder, own=own, config=_text(config) if config.is_file() else "")
    except (OSError, ValueError) as error:
        raise GitError(f"cannot be read ({type(error).__name__})") from error
    except LockError as error:
        raise GitError(f"{error.path} {error.reason}") from error


def _pointed_to(path: Path) -> Path:
    """What a `.git` file names, if that agrees: a hostile one could name anybody's repository."""
    match = _POINTER.fullmatch(_text(path))
    if match is None:
        raise GitError("is a file that does not say where its repository is")
    target = Path(match.group(1).strip())
    own = target if target.is_absolute() else (path.parent / target).resolve()
    back = own / "gitdir"
    if back.is_file() and Path(_text(back).strip()).resolve() == path.resolve():
        return own  # a worktree, as the repository itself says
    inside = next((one for one in own.parents if one.name == "modules"), None)
    if inside is not None and path.resolve().is_relative_to(inside.parent.parent):
        return own  # a submodule of the repository around it
    raise GitError("points to a repository that does not know of it")


def _text(path: Path) -> str:
    return read_regular(path, max_bytes=_SMALL).decode("utf-8", "replace")


def asset_of(repository: Repository, path: Path, ctx: SweepContext) -> str:
    """What the repository is called: as its origin calls it, else by its place on this asset."""
    if ctx.asset_kind is AssetKind.REPOSITORY:
        return ctx.asset
    if name := remote_name(repository.config):
        return f"repo/{name}"
    folder = path.parent if path.name == ".git" else path
    return f"repo/{ctx.asset}/{folder.as_posix().strip('/')}"


def remote_name(config: str) -> str:
    """`acme/api` of the origin in a configuration; empty when it has none elsewhere."""
    sections = list(_SECTION.finditer(config))
    by_name: dict[str, str] = {}
    for section in sections:
        end = config.find("\n[", section.end())
        found = _URL.search(config, section.end(), len(config) if end < 0 else end)
        if found:
            by_name.setdefault(section.group(1), found.group(1))
    url = by_name.get("origin") or next(iter(by_name.values()), "")
    if not url or url.startswith(("/", ".", "file:")) or len(url) > 500:  # noqa: PLR2004 - no address is
        return ""
    match = _ADDRESS.fullmatch(url)
    if match is None or "@" in match.group(2):  # a password with a slash in it
        return ""
    host, name = match.group(1).lower(), match.group(2).strip("/")
    # These do not tell `Acme/API` from `acme/api`, and CI runs are named in small letters.
    return name.lower() if host in _PUBLIC else f"{host}/{name}"


def tips_of(git: Git, repository: Repository) -> tuple[list[Tip], str]:
    """Branches, remote branches and a HEAD of its own, the most telling first.

    Shape: with a sentence about what could not be read or was left out; empty when that is nothing.
    Raises: GitError.
    """
    current = _head(repository)
    found: dict[str, str] = {}
    form = "--format=%(objectname)%00%(refname)%00"
    with git.run("for-each-ref", form, "refs/heads", "refs/remotes") as output:
        for line in output.lines():
            oid, name, _rest = line.decode("utf-8", "backslashreplace").split("\0")
            found[name] = oid
            if len(found) > MAX_REFS:
                break
        output.finish()
        said = output.said()
    if _OID.fullmatch(current):
        found["HEAD"] = current
    names = sorted(found, key=lambda name: _rank(name, current))
    tips = [Tip(_short(name), found[name]) for name in names[:MAX_REFS]]
    if len(found) > MAX_REFS:
        return tips, f"has more than {MAX_REFS:,} branches; the rest were not followed"
    return tips, f"not all branches can be read: {said}" if said else ""


def other_tips(git: Git, known: Container[str]) -> tuple[list[Tip], str]:
    """What only tags, stashes, pulled requests and the like reach; as `tips_of`.

    Releases are built from tags whose branch is gone, and a stash was once a tree that was worked in.
    Raises: GitError.
    """
    found: dict[str, str] = {}
    form = (
        "--format=%(objectname)%00%(*objectname)%00%(objecttype)%00%(*objecttype)%00%(refname)%00"
    )
    with git.run("for-each-ref", form, "--sort=refname") as output:
        for line in output.lines():
            text = line.decode("utf-8", "backslashreplace")
            oid, peeled, kind, peeled_kind, name, _rest = text.split("\0")
            commit = oid if kind == "commit" else peeled if peeled_kind == "commit" else ""
            if commit and commit not in known and not name.startswith("refs/notes/"):
                found.setdefault(commit, name.removeprefix("refs/"))
        output.finish()
    tips = [Tip(name, commit) for commit, name in found.items()]
    if len(tips) > MAX_OTHERS:
        why = (
            f"has {len(tips):,} tags and stashes beside its branches; {MAX_OTHERS:,} were followed"
        )
        return tips[:MAX_OTHERS], why
    return tips, ""


def forgotten(git: Git, tips: Sequence[Tip], paths: Sequence[str]) -> str:
    """What only logs of moved branches still reach, as a sentence; "" when that is nothing.

    Raises: GitError.
    """
    options = ("--reflog", "--ignore-missing", f"--max-count={MAX_OTHERS + 1}", "--stdin")
    lines = [f"^{tip.commit}".encode() for tip in tips]
    with git.run("rev-list", *options, "--", *paths, lines=lines) as output:
        count = sum(1 for _line in output.lines())
        output.finish()
    if not count:
        return ""
    many = f"more than {MAX_OTHERS:,}" if count > MAX_OTHERS else f"{count:,}"
    return f"commits that no branch or tag reaches changed what is read here ({many}): not read"


def _head(repository: Repository) -> str:
    try:
        text = _text(repository.own / "HEAD").strip()
    except LockError:
        return ""
    return text.removeprefix("ref: ").strip()


def _rank(name: str, current: str) -> tuple[bool, bool, int, bool, str]:
    last = name.rpartition("/")[2]
    place = _MAIN.index(last) if last in _MAIN else len(_MAIN)
    return name not in {current, "HEAD"}, name == "HEAD", place, "refs/heads/" not in name, name


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
