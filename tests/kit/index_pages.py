"""Synthetic project pages in the shapes that real indexes publish."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.index.model import ProjectPage
from pratique.index.parse_json import parse_json_page
from pratique.values.names import ProjectName

PAGE_URL = "https://index.example/simple/demo/"
DEMO = ProjectName("demo")


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(keyword: str) -> str:
    """The JSON key for a keyword argument; a leading underscore stays."""
    return keyword[0] + keyword[1:].replace("_", "-")


def file_entry(filename: str, /, **changes: Any) -> dict[str, Any]:
    """A file as a modern index lists it; a change to `...` removes the key."""
    sha256 = digest_of(filename)
    entry: dict[str, Any] = {
        "core-metadata": {"sha256": digest_of(filename + ".metadata")},
        "filename": filename,
        "hashes": {"sha256": sha256},
        "provenance": None,
        "requires-python": ">=3.9",
        "size": 1234,
        "upload-time": "2026-03-20T10:00:00.123456Z",
        "url": f"https://files.example/packages/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{filename}",
        "yanked": False,
    }
    entry.update({_key(key): value for key, value in changes.items()})
    return {key: value for key, value in entry.items() if value is not ...}


def page_body(files: list[Any], *, name: str = "demo", **changes: Any) -> bytes:
    page: dict[str, Any] = {
        "meta": {"api-version": "1.4", "_last-serial": 4711},
        "name": name,
        "versions": ["1.0"],
        "files": files,
    }
    page.update({_key(key): value for key, value in changes.items()})
    page = {key: value for key, value in page.items() if value is not ...}
    return json.dumps(page, separators=(",", ":")).encode()


def parsed(files: list[Any], **changes: Any) -> ProjectPage:
    return parse_json_page(page_body(files, **changes), url=PAGE_URL, project=DEMO)


def huge_page_body(files: int = 3204, name: str = "litellm") -> bytes:
    """A page like that of a project which releases daily: wheel and sdist, two metadata keys."""
    first = datetime(2023, 7, 27, 8, 0, tzinfo=UTC)
    entries = []
    versions = []
    for number in range((files + 1) // 2):
        version = f"1.{number // 25}.{number % 25}"
        versions.append(version)
        moment = first + timedelta(hours=15 * number, microseconds=123456)
        for kind in ("-py3-none-any.whl", ".tar.gz")[: files - 2 * number]:
            wheel = kind.endswith("whl")
            filename = f"{name}-{version}{kind}"
            sha256 = digest_of(filename)
            sidecar = {"sha256": digest_of(sha256)} if wheel else False
            entries.append(
                {
                    "core-metadata": sidecar,
                    "data-dist-info-metadata": sidecar,
                    "filename": filename,
                    "hashes": {"sha256": sha256},
                    "provenance": None,
                    "requires-python": "!=2.7.*,!=3.0.*,!=3.1.*,>=3.8",
                    "size": 6_000_000 + number,
                    "upload-time": moment.isoformat().replace("+00:00", "Z"),
                    "url": f"https://files.example/packages/{sha256[:2]}/{sha256[2:4]}/"
                    f"{sha256[4:]}/{filename}",
                    "yanked": False,
                }
            )
    return json.dumps(
        {
            "alternate-locations": [],
            "files": entries,
            "meta": {"_last-serial": 30_000_000, "api-version": "1.4"},
            "name": name,
            "project-status": {"status": "active"},
            "versions": versions,
        },
        separators=(",", ":"),
    ).encode()
