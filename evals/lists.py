"""The lists: which archives, in which half, in which part they play.

Start here. `archives.txt` is the catalogue: one benign archive a line, by identity and origin; the other
lists name lines of it by identity. Lines are tab-separated, `#` starts a comment line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from evals.places import LISTS, EvalsError

THIN_BYTES = 300_000
"""First releases are small: above this, a release has a history to be compared with."""
FILE_ORIGIN = "file"
"""Origin of an archive as it was published; anything else is `owner/name@commit`."""


class Half(StrEnum):
    """Weights and thresholds are made from one half, figures from the other."""

    TRAIN = "train"
    CHECK = "check"


def half_of(group: str) -> Half:
    """The half of a project (benign) or super-campaign (malicious): all of a group is on one side."""
    return Half.TRAIN if hashlib.sha256(group.encode()).digest()[0] % 2 == 0 else Half.CHECK


def project_of(filename: str) -> str:
    """Normalised project name of a wheel or sdist by its file name; the stem when it fits no standard."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return canonicalize_name(filename.split("-", maxsplit=1)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One benign archive of the catalogue."""

    sha256: str
    """Of the file as published; of the canonical members (`trees.identity`) when made from git."""
    size: int
    """Bytes of the file (as first made, when made from git); 0 when the list does not say."""
    filename: str
    date: str
    """Day of the commit, or empty when not known."""
    origin: str

    @property
    def project(self) -> str:
        return project_of(self.filename)

    @property
    def half(self) -> Half:
        return half_of(self.project)

    @property
    def kind(self) -> str:
        return "wheel" if self.filename.endswith(".whl") else "sdist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin:
    """A small benign archive judged without a predecessor."""

    archive: Archive
    role: str
    """`first` (earliest tag of its history), `early` (another tag), `latest` (as published)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two releases of one project and one kind, one after the other."""

    old: Archive
    new: Archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One malicious archive: a blob of the dataset's git folder."""

    sha256: str
    blob: str
    campaign: str
    super_campaign: str
    path: str

    @property
    def filename(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def half(self) -> Half:
        return half_of(self.super_campaign)


def rows(path: Path) -> list[list[str]]:
    """Fields of each line that is not a comment."""
    if not path.is_file():
        raise EvalsError(
            f"expected the list {path.name} in evals/lists; to do: python -m evals.choose"
        )
    lines = path.read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def write(path: Path, comments: Iterable[str], lines: Iterable[Iterable[object]]) -> None:
    """Write a list: comment lines, then fields."""
    text = [f"# {comment}" for comment in comments]
    text += ["\t".join(str(field) for field in line) for line in lines]
    path.write_text("\n".join(text) + "\n", "utf-8")


def load_archives(folder: Path = LISTS) -> dict[str, Archive]:
    """The catalogue by identity."""
    found = {}
    for sha256, size, filename, date, origin in rows(folder / "archives.txt"):
        found[sha256] = Archive(
            sha256=sha256, size=int(size), filename=filename, date=date, origin=origin
        )
    return found


def load_thin(folder: Path = LISTS) -> list[Thin]:
    """Small benign archives, to be judged absolutely."""
    known, wrong = load_archives(folder), load_mispacked(folder)
    return [
        Thin(archive=known[sha256], role=role)
        for sha256, role, _ in rows(folder / "benign-first.txt")
        if sha256 not in wrong
    ]


def load_mispacked(folder: Path = LISTS) -> frozenset[str]:
    """Wheels made from trees that hold what no build would have put there."""
    return frozenset(sha256 for sha256, _ in rows(folder / "benign-mispacked.txt"))


def load_pairs(folder: Path = LISTS) -> list[Pair]:
    """Consecutive benign releases."""
    known, wrong = load_archives(folder), load_mispacked(folder)
    return [
        Pair(old=known[old], new=known[new])
        for old, new, _ in rows(folder / "benign-pairs.txt")
        if not {old, new} & wrong
    ]


def load_top(folder: Path = LISTS) -> list[tuple[Archive, Archive | None]]:
    """Latest releases of much-downloaded projects, with a predecessor where one is known."""
    known = load_archives(folder)
    return [
        (known[new], known[old] if old != "-" else None) for new, old, _ in rows(folder / "top.txt")
    ]


def load_published(folder: Path = LISTS) -> list[Archive]:
    """Benign archives as published; nobody needs to have all of them."""
    return [
        Archive(sha256=sha256, size=0, filename=filename, date="", origin=FILE_ORIGIN)
        for filename, sha256 in rows(folder / "benign-published.txt")
    ]


def load_samples(folder: Path = LISTS) -> list[Sample]:
    """The malicious samples for development, less those without malicious code."""
    harmless = {line[0] for line in rows(folder / "malicious-dev-harmless.txt")}
    found = []
    for sha256, blob, campaign, super_campaign, path in rows(folder / "malicious-dev.txt"):
        if path not in harmless:
            found.append(
                Sample(
                    sha256=sha256,
                    blob=blob,
                    campaign=campaign,
                    super_campaign=super_campaign,
                    path=path,
                )
            )
    return found
