"""Workflows and actions of GitHub and its kin, pre-commit's configuration, Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pratique.inventory.listings.model import Listed, Piece
from pratique.inventory.listings.python import piece_of
from pratique.inventory.locks.requirements import read_requirements
from pratique.inventory.tables import table_of, tables_of, text_of, texts_of
from pratique.inventory.text import SourceText
from pratique.inventory.workflows.refs import action_of, image_of, repository_of
from pratique.inventory.yaml_text import parse_mapping

_COMPARED = re.compile(r"[=<>~!]=|[<>]")
_MAX_REFS = 10_000
_FROM = re.compile(
    r"^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)(?:[ \t]+AS[ \t]+(\S+))?", re.IGNORECASE | re.MULTILINE
)
_COPY_FROM = re.compile(
    r"^[ \t]*COPY[ \t]+(?:--\S+[ \t]+)*?--from=(\S+)", re.IGNORECASE | re.MULTILINE
)


def read_workflow(source: SourceText) -> Piece:
    """What a workflow or an action uses: actions, other workflows, images. Raises: LockError."""
    document = parse_mapping(source)
    texts: list[tuple[str, bool]] = []
    runs = table_of(document, "runs")
    texts += _steps(runs)
    if image := text_of(runs, "image"):
        texts.append((image.removeprefix("docker://"), True))
        texts = [one for one in texts if one != ("Dockerfile", True)]
    for job in table_of(document, "jobs").values():
        if isinstance(job, dict):
            texts += _job(job)
    return _piece(texts)


def _job(job: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """References of a job, and whether each is an image."""
    if uses := text_of(job, "uses"):
        yield uses, False
    yield from _steps(job)
    places = [job.get("container"), *table_of(job, "services").values()]
    for place in places:
        image = place if isinstance(place, str) else ""
        if isinstance(place, dict):
            image = text_of(place, "image")
        if image:
            yield image, True


def _steps(table: Any) -> list[tuple[str, bool]]:  # noqa: ANN401 - a mapping of anything
    return [(uses, False) for step in tables_of(table, "steps") if (uses := text_of(step, "uses"))]


def _piece(texts: Iterable[tuple[str, bool]]) -> Piece:
    listed: dict[Listed, None] = {}
    defects: dict[str, None] = {}
    for text, is_image in list(texts)[:_MAX_REFS]:
        if text.startswith(".") or "$" in text:
            continue  # of the repository itself, or filled in when it runs
        found = image_of(text) if is_image else action_of(text)
        if found is None:
            defects[f"not a reference: {text[:80]!r}"] = None
        else:
            listed[found] = None
    return Piece(listed=tuple(listed), defects=tuple(list(defects)[:100]))


def read_pre_commit(source: SourceText) -> Piece:
    """What `.pre-commit-config.yaml` fetches and installs. Raises: LockError."""
    document = parse_mapping(source)
    listed: dict[Listed, None] = {}
    defects: dict[str, None] = {}
    for repo in tables_of(document, "repos")[:_MAX_REFS]:
        address = text_of(repo, "repo")
        if address not in {"local", "meta", "builtin"}:
            found = repository_of(address, text_of(repo, "rev"))
            if found is None:
                defects[f"not a repository: {address[:80]!r}"] = None
            else:
                listed[found] = None
        for hook in tables_of(repo, "hooks")[:_MAX_REFS]:
            listed.update(dict.fromkeys(_installed(source.path, hook)))
    return Piece(listed=tuple(listed), defects=tuple(list(defects)[:100]))


def _installed(path: str, hook: Any) -> list[Listed]:  # noqa: ANN401 - a mapping of anything
    """Python requirements that a hook adds.

    A hook need not say its language: what has no comparison could as well be a package of npm.
    """
    language = text_of(hook, "language")
    if language not in {"", "python"}:
        return []
    wanted = [
        one.replace("\n", " ")
        for one in texts_of(hook, "additional_dependencies")
        if one[:1].isalnum() and "@" not in one and (language or _COMPARED.search(one))
    ]
    text = "\n".join(wanted)
    found = piece_of(read_requirements(SourceText(path, text.encode()))).listed
    return [
        Listed(item=one.item, names=one.names, range=one.range, note=one.note, direct=True)
        for one in found
    ]


def read_dockerfile(source: SourceText) -> Piece:
    """The images that a Dockerfile builds on and copies from. Raises: LockError."""
    text = source.text.replace("\\\r\n", " ").replace("\\\n", " ")
    stages: set[str] = set()
    refs: list[tuple[str, bool]] = []
    for found in _FROM.finditer(text):
        image, stage = found.groups()
        if image.lower() not in stages and image != "scratch":
            refs.append((image, True))
        if stage:
            stages.add(stage.lower())
    for found in _COPY_FROM.finditer(text):
        name = found.group(1)
        if name.lower() not in stages and not name.isdigit():
            refs.append((name, True))
    return _piece(refs)
