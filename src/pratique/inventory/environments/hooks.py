"""What runs when Python starts, and who owns it.

`*.pth` lines that begin with `import`, `*.start` (PEP 829), `sitecustomize` and `usercustomize` run in
every Python of the environment without being asked for. Each is a sighting of type `generic` with its
digest, so that an advisory's known bad digests find it.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.inventory.environments.items import join_notes, plain
from pratique.inventory.observed.model import Item, Sighting, Stage

MAX_HOOK_BYTES: Final = 64 << 20
"""Of one start hook, hashed whole: LiteLLM's had 34 kB, and size is no excuse."""
_CUSTOMIZE: Final = ("sitecustomize", "usercustomize")
_CODE_LINE: Final = re.compile(rb"^import[ \t]", re.MULTILINE)


def is_hook(name: str) -> bool:
    """Whether a file directly in a site folder runs when Python starts."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        return False
    if suffix in {"pth", "start"}:
        return True
    return stem.partition(".")[0] in _CUSTOMIZE and suffix in {"py", "pyc", "so", "pyd"}


def runs_code(name: str, data: bytes) -> bool:
    """Whether a hook holds code; a `.pth` without `import` lines only adds folders."""
    return not name.endswith(".pth") or _CODE_LINE.search(data.replace(b"\r", b"\n")) is not None


def hook_sighting(
    at: str,
    *,
    sha256: str,
    owner: str,
    runs: bool,
    since: tuple[str, str],
    note: str = "",
) -> Sighting:
    """A start hook. `owner` is the distribution whose RECORD lists it; empty: none does."""
    owned = f"RECORD of {owner} lists it" if owner else "no RECORD lists it"
    what = "runs whenever Python starts" if runs else "adds folders to the path, runs nothing"
    return _generic(at, sha256, since, [what, owned, note], parents=(owner,) if owner else ())


def stray_sighting(at: str, *, sha256: str, since: tuple[str, str], note: str = "") -> Sighting:
    """A file of code that no RECORD lists."""
    return _generic(at, sha256, since, ["no RECORD lists it", note], parents=())


def _generic(
    at: str, sha256: str, since: tuple[str, str], notes: list[str], *, parents: tuple[str, ...]
) -> Sighting:
    name = plain(at.rpartition("/")[2])
    return Sighting(
        item=Item(
            type="generic", name=name, digest=f"sha256:{sha256}" if sha256 else "", filename=name
        ),
        stage=Stage.INSTALLED,
        since_lo=since[0],
        since_hi=since[1],
        at=plain(at),
        parents=parents,
        note=join_notes(notes),
    )
