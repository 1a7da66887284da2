"""References to actions, repositories and images.

A tag is no identity: in March 2026 all but one of an action's 76 tags were moved. So the ref is kept as
the version, and a digest only where the file itself names a full commit or image digest.
Source: docs.github "Workflow syntax", `uses`; OCI distribution "reference"; purl types.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.inventory.listings.model import Listed
from pratique.inventory.observed.model import Item

_COMMIT = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_ACTION = re.compile(r"([A-Za-z0-9][\w.-]*)/([\w.-]+)((?:/[^@\s]*)?)@(\S+)")
_IMAGE = re.compile(
    r"((?:[\w.-]+(?::\d+)?/)*[a-zA-Z0-9][\w.-]*)(?::([\w][\w.-]{0,127}))?(?:@(sha\d+:[0-9a-fA-F]+))?"
)
_REPOSITORY = re.compile(
    r"(?:https?://|ssh://|git://)?(?:[^@/\s]+@)?([\w.-]+)[:/]([\w.~-]+(?:/[\w.~-]+)+)/?"
)
_MAX_TEXT: Final = 1_000
_DEFAULT_HOSTS: Final = ("docker.io/", "index.docker.io/")


def action_of(text: str) -> Listed | None:
    """What `uses:` names; None for what lies in the repository itself, or is nothing."""
    text = text.strip()
    if len(text) > _MAX_TEXT or text.startswith("."):
        return None
    if text.startswith("docker://"):
        return image_of(text.removeprefix("docker://"))
    found = _ACTION.fullmatch(text)
    if found is None:
        return None
    owner, name, path, ref = found.groups()
    return Listed(
        item=Item(
            type="githubactions",
            name=f"{owner}/{name}".lower(),
            version=ref,
            digest=commit_digest(ref),
        ),
        note=f"in {path[1:]}" if len(path) > 1 else "",
        direct=True,
    )


def image_of(text: str) -> Listed | None:
    """What an image reference names; None for `scratch` and for what is filled in later."""
    text = text.strip()
    found = _IMAGE.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if found is None or text == "scratch":
        return None
    name, tag, digest = found.groups()
    for host in _DEFAULT_HOSTS:
        name = name.removeprefix(host)
    item = Item(
        type="docker",
        name=name.removeprefix("library/").lower(),
        version=tag or ("" if digest else "latest"),
        digest=(digest or "").lower(),
    )
    return Listed(item=item, direct=True)


def repository_of(address: str, ref: str) -> Listed | None:
    """A repository at a ref, as pre-commit names hooks."""
    found = _REPOSITORY.fullmatch(address.strip()) if len(address) <= _MAX_TEXT else None
    if found is None:
        return None
    host, path = found.group(1).lower(), found.group(2).removesuffix(".git")
    known = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
    kind = known.get(host, "generic")
    name = path.lower() if kind != "generic" else f"{host}/{path}"
    item = Item(type=kind, name=name, version=ref, digest=commit_digest(ref))
    return Listed(item=item, range="" if ref else "*", direct=True)


def commit_digest(ref: str) -> str:
    """`sha1:…` when a ref is a full commit; a short one can be made to mean another."""
    if _COMMIT.fullmatch(ref) is None:
        return ""
    return f"{'sha1' if len(ref) == 40 else 'sha256'}:{ref.lower()}"  # noqa: PLR2004 - as git has it
