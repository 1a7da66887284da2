"""The home folder: what `pratique up` puts there on its first start.

    pratique.toml   settings         policy.toml   the policy
    ledger/         the log          control.db, seen.db, facts.db   shared state, projections
    pages/          upstream pages   blobs/        files by content    sidecars/   metadata
    custody.db      datasets, leases and budgets               broker/        keys (of another user)
    tls/            local authority  node-id       random name of this node in the ledger

docs/operate/stores.md says of each what losing it costs and what a thief could do with it.
"""

from __future__ import annotations

import os
import re
import secrets
from importlib import resources
from pathlib import Path

from pratique.errors import SettingsError

_SETTINGS_TEXT = """\
# Settings of this Pratique. Every line here is a default; docs/reference/settings.md lists all.
# The policy (what may pass) is in policy.toml beside this file.

[door]
listen = "127.0.0.1:8420"
# public_url = "https://pratique.example"   # how people reach this door, when not by `listen`
# anonymous = "loopback"                    # who may come without a token: loopback, everyone, nobody
# tls_certificate = "auto"                  # pip keeps its cache only over https

[storage]
# database_url = "postgresql://..."         # for several nodes; without it: SQLite in this folder
# blob_cap_gib = 50.0

[[upstream]]
name = "public"
# url = "..."                               # without it: the public Python package index

[[index]]
name = "pypi"
upstreams = ["public"]
"""


def prepare_home(home: Path) -> bool:
    """Make the folder and its first settings and policy; what exists is left alone.

    Shape: whether this was the first time. Raises: SettingsError when it cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        policy = resources.files("pratique.policy").joinpath("default.toml").read_text("utf-8")
        first = _write_once(home / "pratique.toml", _SETTINGS_TEXT)
        _write_once(home / "policy.toml", policy)
        _write_once(home / "node-id", secrets.token_hex(4) + "\n")
    except OSError as error:
        raise SettingsError(
            f"cannot prepare the home folder {home}: {error.strerror}",
            remedy="give another with --home or PRATIQUE_HOME, or free some disk space",
        ) from error
    return first


def node_id(home: Path) -> str:
    """This node's random name, as coverage entries carry it.

    Raises: SettingsError when the file is missing or holds something else.
    """
    try:
        text = (home / "node-id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if re.fullmatch(r"[0-9a-f]{8}", text) is None:
        raise SettingsError(
            f"{home / 'node-id'} does not hold a node's name",
            expected="eight hexadecimal digits",
            remedy="remove the file; the next start makes a new one",
        )
    return text


def _write_once(path: Path, text: str) -> bool:
    """Create a file with this text, or leave the one that is there; never half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    if path.exists():
        return False
    temporary.write_text(text, "utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True
