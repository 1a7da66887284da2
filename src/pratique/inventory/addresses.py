"""Addresses in lock files: comparing, shortening and showing them without their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]*@")
_QUERY_SECRET = re.compile(
    r"(?i)([?&;](?:token|key|secret|password|sig|signature)[^=&\s]{0,40}=)[^&\s'\"]+"
)


def redact(text: str) -> str:
    """The text without user names, passwords and tokens of the URLs in it."""
    return _QUERY_SECRET.sub(r"\1…", _USERINFO.sub("…@", text))


def split_address(url: str) -> SplitResult | None:
    """The parts of an absolute http(s) URL; None when it is not one."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme in _DEFAULT_PORTS and parts.hostname else None


def is_remote(url: str) -> bool:
    """Whether the address is fetched over a network (a `file:` URL or a path is not)."""
    return "://" in url and not url.lower().startswith("file:")


def archive_name(url: str) -> str:
    """The file name at the end of an archive's URL or path, unquoted."""
    path = url.partition("#")[0].partition("?")[0]
    return unquote(path.replace("\\", "/").rstrip("/").rpartition("/")[2])


def file_front(url: str) -> str:
    """The part of a file's URL that a door exchanges: scheme, host and a leading `packages/`.

    Shape: ends with a slash; empty when the URL is not an absolute http(s) one. Spelled exactly as
    in the URL, so that exchanging it back restores every character.
    Source: `PageFile.door_path`.
    """
    if split_address(url) is None:
        return ""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if not slash:
        return ""
    front = f"{scheme}://{host}/"
    return front + "packages/" if path.startswith("packages/") else front


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorAddress:
    """The address of an index view at a door, such as `http://127.0.0.1:8420/pypi`."""

    base: str
    """Without credentials and without a slash at the end."""

    @property
    def simple(self) -> str:
        """The index URL that clients are configured with, without a slash at the end."""
        return f"{self.base}/simple"

    @property
    def packages(self) -> str:
        """What the URLs of all its files begin with."""
        return f"{self.base}/packages/"

    def serves(self, url: str) -> bool:
        """Whether a URL points at this view of the door."""
        mine, other = split_address(self.base), split_address(url)
        if mine is None or other is None or _origin(mine) != _origin(other):
            return False
        path = other.path
        if "/../" in path + "/" or "/./" in path + "/" or "%2e" in path.lower():
            return False
        return (path.rstrip("/") + "/").startswith(mine.path.rstrip("/") + "/")


def parse_door(url: str) -> DoorAddress | None:
    """Read a door's address as people give it: with or without `/simple`, slashes or a token."""
    parts = split_address(url)
    if parts is None:
        return None
    path = parts.path.rstrip("/").removesuffix("/simple").rstrip("/")
    host = parts.netloc.rpartition("@")[2]
    return DoorAddress(base=f"{parts.scheme}://{host}{path}")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return parts.scheme, (parts.hostname or "").lower().rstrip("."), port
