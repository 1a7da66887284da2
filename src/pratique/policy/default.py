"""The policy that a new installation starts with, as text with comments (`default.toml`)."""

from __future__ import annotations

import importlib.resources


def default_policy_text() -> str:
    """What `pratique up` writes to `policy.toml` the first time; its values are all defaults."""
    package = importlib.resources.files("pratique.policy")
    return package.joinpath("default.toml").read_text("utf-8")
