"""Where things are: lists in the repository, everything else in folders outside it.

Every folder is named by an environment variable; what is missing is said in one sentence.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

LISTS = Path(__file__).parent / "lists"
ROOT = Path(__file__).parents[1]


class EvalsError(Exception):
    """The command cannot be carried out as given; its text says what was expected and what to do."""


def cache() -> Path:
    """The folder of benign archives, peers and results (`PRATIQUE_EVALS_CACHE`)."""
    named = os.environ.get("PRATIQUE_EVALS_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("pratique-evals")


def sources() -> tuple[Path, ...]:
    """Folders that hold published archives under their own names (`PRATIQUE_EVALS_SOURCES`)."""
    named = os.environ.get("PRATIQUE_EVALS_SOURCES", "")
    return tuple(Path(part) for part in named.split(os.pathsep) if part)


def repositories() -> Path | None:
    """The folder of git folders, `owner+name/repo` or `owner+name` (`PRATIQUE_EVALS_REPOS`)."""
    named = os.environ.get("PRATIQUE_EVALS_REPOS")
    return Path(named) if named else None


def repository(name: str) -> Path | None:
    """The git folder of `owner/name`, if it is here."""
    folder = repositories()
    if folder is None:
        return None
    stem = folder / name.replace("/", "+")
    for place in (stem / "repo", stem / "repo" / ".git", stem / ".git", stem):
        if (place / "objects").is_dir():
            return place
    return None


def malregistry() -> Path:
    """The bare git folder of the public dataset of malicious samples (`PRATIQUE_MALREGISTRY`)."""
    named = os.environ.get("PRATIQUE_MALREGISTRY")
    if not named or not (Path(named) / "objects").is_dir():
        raise EvalsError(
            "expected PRATIQUE_MALREGISTRY to name a bare git folder of lxyeternal/pypi_malregistry"
            f" (it is {named or 'not set'}); to do: git clone --bare, then set it"
        )
    return Path(named)


def main(command: Callable[[], int]) -> None:
    """Run a command: a sentence and exit code 2 when it cannot be carried out, 130 on Ctrl-C."""
    try:
        sys.exit(command())
    except EvalsError as error:
        print(f"evals: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("evals: stopped; what was finished is kept", file=sys.stderr)
        sys.exit(130)
