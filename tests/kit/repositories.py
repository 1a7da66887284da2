"""Real git repositories, made on the spot with chosen dates.

repo = Repo(tmp_path / "api")
repo.commit({"uv.lock": text}, at="2026-03-24T10:00:00Z")
repo.git("checkout", "-b", "feature")
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path


class Repo:
    """A repository with a work tree."""

    def __init__(self, folder: Path, *, bare: bool = False) -> None:
        """Make it, with the branch `main`."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._at = "2026-01-01T00:00:00Z"
        self.git("init", "-q", "-b", "main", *(["--bare"] if bare else []))

    @property
    def dot_git(self) -> Path:
        return self.folder / ".git"

    def git(self, *arguments: str, at: str = "", input_: bytes | None = None) -> str:
        """Run git as its owner would; gives its output."""
        self._at = at or self._at
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a.example", "GIT_AUTHOR_DATE": "@0 +0000",
            "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@c.example",
            "GIT_COMMITTER_DATE": raw_date(self._at),
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments], cwd=self.folder, check=True,
            capture_output=True, env=environment, input=input_,
        )  # fmt: skip
        return done.stdout.decode().strip()

    def commit(self, files: Mapping[str, str | bytes | None], *, at: str = "") -> str:
        """Write these files (None: remove) and commit; gives the commit."""
        for name, content in files.items():
            path = self.folder / name
            if content is None:
                self.git("rm", "-q", "--", name)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            self.git("add", "--", name)
        self.git("commit", "-q", "--allow-empty", "-m", "x", at=at)
        return self.git("rev-parse", "HEAD")


def raw_date(text: str) -> str:
    """As git takes any date, however odd."""
    if text.startswith("@"):
        return text
    return f"@{int(datetime.fromisoformat(text).timestamp())} +0000"
