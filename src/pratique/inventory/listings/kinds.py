"""Which files list releases, by name, and how each kind is read.

A new kind is a reader somewhere and one line in `KINDS`. What sort of place a file is goes by its name
alone: a place must not change its sort when a pin in it is loosened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pratique.inventory.conda.files import (
    read_conda_lock,
    read_environment,
    read_explicit,
    split_conda_lock,
)
from pratique.inventory.listings.graph import Resolver, by_name
from pratique.inventory.listings.model import Piece, Pieces
from pratique.inventory.listings.python import constrained, piece_of
from pratique.inventory.listings.split_lines import split_pipfile, split_requirements
from pratique.inventory.listings.split_toml import shortened, splitter
from pratique.inventory.locks.pdm import read_pdm_lock
from pratique.inventory.locks.pipfile import read_pipfile_lock
from pratique.inventory.locks.poetry import read_poetry_lock
from pratique.inventory.locks.pylock import read_pylock
from pratique.inventory.locks.requirements import read_requirements
from pratique.inventory.locks.uv import read_uv_lock
from pratique.inventory.model import LockDocument
from pratique.inventory.npm.package_lock import by_folder, read_package_lock, split_package_lock
from pratique.inventory.npm.pnpm import read_pnpm_lock, split_pnpm_lock
from pratique.inventory.npm.yarn import read_yarn_lock, split_yarn_lock
from pratique.inventory.observed.model import PlaceKind
from pratique.inventory.text import SourceText
from pratique.inventory.workflows.files import read_dockerfile, read_pre_commit, read_workflow

SKIPPED_FOLDERS = frozenset({
    "node_modules", "site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "bower_components",
})  # fmt: skip
"""What lies in these came with other people's packages: it was read by nobody who installed them."""
_REQUIREMENT_FOLDERS = r"(?:requirements|requirement|constraints|reqs)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListingKind:
    """A kind of file."""

    name: str
    """As in `Look.collector`, after `sweep/`."""
    place: PlaceKind
    read: Callable[[SourceText], Piece]
    """Of the whole file, or of one piece of it."""
    split: Callable[[bytes], Pieces | None] | None = None
    """Cuts a file into pieces that say by themselves what they say in it; None: read it whole."""
    shorten: Callable[[bytes], bytes] | None = None
    """Leaves out of a piece what says nothing of what is listed."""
    resolver: Resolver = by_name
    mark: bytes = b""
    """Stands in every such file that a tool wrote to its end; where tools write it last, best so."""
    places: bool = False
    """Whether the reader must know on which line something stands."""
    globs: tuple[str, ...]
    """For git: a superset of the paths that `pattern` takes."""
    pattern: re.Pattern[str]
    """Of a path with forward slashes, as far as it is known, from a folder's beginning on."""
    media_type: str = "text/plain"


def _python(reader: Callable[[SourceText], LockDocument]) -> Callable[[SourceText], Piece]:
    def read(source: SourceText) -> Piece:
        return piece_of(reader(source))

    return read


def _read_requirements(source: SourceText) -> Piece:
    document = read_requirements(source)
    if "constraints" in source.path.rpartition("/")[2]:
        document = constrained(document)
    return piece_of(document, source.text)


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:.*/)?(?:{pattern})", re.DOTALL)


KINDS: tuple[ListingKind, ...] = (
    ListingKind(
        name="uv-lock", mark=b"version = ", place=PlaceKind.LOCK, read=_python(read_uv_lock),
        split=splitter("package"), shorten=shortened, globs=("uv.lock",),
        pattern=_named(r"uv\.lock"), media_type="application/toml",
    ),
    ListingKind(
        name="poetry-lock", mark=b"[metadata]", place=PlaceKind.LOCK, read=_python(read_poetry_lock),
        split=splitter("package"), shorten=shortened, globs=("poetry.lock",), pattern=_named(r"poetry\.lock"),
        media_type="application/toml",
    ),
    ListingKind(
        name="pdm-lock", mark=b"[metadata]", place=PlaceKind.LOCK, read=_python(read_pdm_lock),
        split=splitter("package"), shorten=shortened, globs=("pdm*.lock",),
        pattern=_named(r"pdm(?:\.[\w-]+)?\.lock"),
        media_type="application/toml",
    ),
    ListingKind(
        name="pipfile-lock", mark=b'"_meta"', place=PlaceKind.LOCK, read=_python(read_pipfile_lock),
        split=split_pipfile, globs=("Pipfile.lock",), pattern=_named(r"Pipfile\.lock"),
        media_type="application/json",
    ),
    ListingKind(
        name="pylock", mark=b"lock-version", place=PlaceKind.LOCK, read=_python(read_pylock),
        split=splitter("packages"), shorten=shortened, globs=("pylock*.toml",),
        pattern=_named(r"pylock(?:\.[^./]+)?\.toml"), media_type="application/toml",
    ),
    ListingKind(
        name="package-lock",
        mark=b'"lockfileVersion"', place=PlaceKind.LOCK, read=read_package_lock, split=split_package_lock,
        resolver=by_folder, globs=("package-lock.json", "npm-shrinkwrap.json"),
        pattern=_named(r"package-lock\.json|npm-shrinkwrap\.json"), media_type="application/json",
    ),
    ListingKind(
        name="pnpm-lock",
        mark=b"lockfileVersion", place=PlaceKind.LOCK, read=read_pnpm_lock, split=split_pnpm_lock,
        globs=("pnpm-lock*.yaml",), pattern=_named(r"pnpm-lock(?:\.[\w.-]+)?\.yaml"),
        media_type="application/yaml",
    ),
    ListingKind(
        name="yarn-lock", place=PlaceKind.LOCK, read=read_yarn_lock, split=split_yarn_lock,
        globs=("yarn.lock",), pattern=_named(r"yarn\.lock"),
    ),
    ListingKind(
        name="conda-lock", place=PlaceKind.LOCK, read=read_conda_lock, split=split_conda_lock,
        globs=("*conda-lock.yml", "*conda-lock.yaml"), pattern=_named(r"[\w.-]*conda-lock\.ya?ml"),
        media_type="application/yaml",
    ),
    ListingKind(
        name="conda-explicit", place=PlaceKind.LOCK, read=read_explicit,
        globs=("*explicit*.txt", "conda-*.lock"),
        pattern=_named(r"[\w.-]*explicit[\w.-]*\.txt|conda-[\w.-]+\.lock"),
    ),
    ListingKind(
        name="conda-environment", place=PlaceKind.MANIFEST, read=read_environment,
        globs=("*environment*.yml", "*environment*.yaml", "conda*.yml", "conda*.yaml"),
        pattern=_named(r"(?:[\w.-]*[-_.])?environment(?:[-_.][\w.-]*)?\.ya?ml|conda(?:[-_]env)?\.ya?ml"),
        media_type="application/yaml",
    ),
    ListingKind(
        name="workflow", place=PlaceKind.MANIFEST, read=read_workflow,
        globs=("action.yml", "action.yaml", ".github/workflows/*", ".gitea/workflows/*",
               ".forgejo/workflows/*"),
        pattern=_named(r"\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml|action\.ya?ml"),
        media_type="application/yaml",
    ),
    ListingKind(
        name="pre-commit", place=PlaceKind.MANIFEST, read=read_pre_commit,
        globs=(".pre-commit-config.yaml",), pattern=_named(r"\.pre-commit-config\.ya?ml"),
        media_type="application/yaml",
    ),
    ListingKind(
        name="dockerfile", place=PlaceKind.MANIFEST, read=read_dockerfile,
        globs=("*Dockerfile*", "*Containerfile*"),
        pattern=_named(r"(?:[\w.-]+\.)?(?:Dockerfile|Containerfile)(?:\.[\w.-]+)?"),
    ),
    ListingKind(
        name="requirements", place=PlaceKind.MANIFEST, read=_read_requirements,
        split=split_requirements, places=True,
        globs=("*[Rr]equirements*.txt", "*[Rr]equirements*.in", "*[Rr]equirements*.lock",
               "*[Cc]onstraints*.txt", "*[Cc]onstraints*.in", "*[Cc]onstraints*.lock",
               "requirements/*", "requirement/*", "constraints/*", "reqs/*"),
        pattern=_named(
            r"[^/]*(?:[Rr]equirements|[Cc]onstraints)[^/]*\.(?:txt|in|lock)"
            rf"|{_REQUIREMENT_FOLDERS}/[^/]+\.(?:txt|in|lock)"
        ),
    ),
)  # fmt: skip
"""The first whose pattern takes a path reads it."""


def listing_kind(path: str) -> ListingKind | None:
    """Which kind a path names; None when it names none, or lies in somebody else's package."""
    folder, _, _name = path.rpartition("/")
    if folder and not SKIPPED_FOLDERS.isdisjoint(folder.split("/")):
        return None
    return next((kind for kind in KINDS if kind.pattern.fullmatch(path)), None)
