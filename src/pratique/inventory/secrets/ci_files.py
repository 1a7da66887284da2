"""Which secrets the jobs of a pipeline are given, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pratique.inventory.errors import LockError
from pratique.inventory.observed.model import Identity
from pratique.inventory.secrets.fingerprints import Fingerprints
from pratique.inventory.secrets.text import NotUnderstoodError, name_of, table_at
from pratique.inventory.text import SourceText
from pratique.inventory.yaml_text import parse_mapping

_EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_SECRET: Final = re.compile(
    r"""(?<![\w.-])secrets(?:\.([A-Za-z_][A-Za-z0-9_-]{0,255})|\[\s*['"]([^'"\]]{1,256})['"]\s*\])"""
)
_ALL: Final = re.compile(r"(?<![\w.-])secrets(?!\s*[.\[\w-])")
_TOKEN: Final = re.compile(r"(?<![\w.-])github\.token(?!\w)")
EVERY_SECRET: Final = "(every secret)"  # noqa: S105 - a name that stands for all
"""Name when a job is given all: `secrets: inherit`, `toJSON(secrets)`."""
_SECRETIVE: Final = re.compile(
    r"(?i)(?:^|_)(?:api_?key|token|secret|password|passwd|credentials?|private_?key|access_?key)(?:_|$)"
)
_NO_JOBS: Final = frozenset(
    {"default", "include", "stages", "variables", "workflow", "image", "services", "cache",
     "before_script", "after_script", "spec", "pages"}
)  # fmt: skip


def github(path: str, data: bytes, _fingerprints: Fingerprints) -> Iterator[Identity]:
    """Secrets that each job of a GitHub workflow names."""
    document = _mapping(path, data)
    shared = {name for key, value in document.items() if key != "jobs" for name in _named(value)}
    for job_name, job in table_at(document, "jobs").items():
        if not isinstance(job, dict):
            continue
        names = shared | set(_named(job))
        if job.get("secrets") == "inherit":
            names.add(EVERY_SECRET)
        environment = job.get("environment")
        stage = environment if isinstance(environment, str) else table_at(environment).get("name")
        yield from _identities(path, job_name, names, stage if isinstance(stage, str) else "")
    if not table_at(document, "jobs"):
        yield from _identities(path, "", shared, "")


def _identities(path: str, job: str, names: set[str], stage: str) -> Iterator[Identity]:
    for name in sorted(names):
        where = f"{name_of(stage)}/{name}" if stage and "${{" not in stage else name
        yield Identity(
            kind="ci-secret",
            name=where,
            locator=f"{path}, job {name_of(job)}" if job else path,
            local=True,
        )


def _named(value: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - YAML of anything
    """Secrets that a value's expressions name. The YAML reader bounds depth and count."""
    if isinstance(value, str):
        yield from _in_text(value)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "if" and isinstance(one, str):  # an expression even without braces
                yield from _in_expression(one)
            yield from _named(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _named(one, depth + 1)


def _in_text(text: str) -> Iterator[str]:
    for match in _EXPRESSION.finditer(text):
        yield from _in_expression(match[1])


def _in_expression(text: str) -> Iterator[str]:
    for match in _SECRET.finditer(text):
        yield (match[1] or match[2]).upper()
    if _TOKEN.search(text):
        yield "GITHUB_TOKEN"
    if _ALL.search(text):
        yield EVERY_SECRET


def gitlab(path: str, data: bytes, _fingerprints: Fingerprints) -> Iterator[Identity]:
    """Secrets, identity tokens and secret-looking variables that each job of a GitLab pipeline has.

    Masked variables of the project do not stand in the file: export their names
    (docs/howto/record-reach.md).
    """
    document = _mapping(path, data)
    shared = set(_variables(document)) | set(_variables(document.get("default")))
    for job_name, job in document.items():
        if job_name in _NO_JOBS or not isinstance(job, dict):
            continue
        names = shared | set(_variables(job))
        names.update(name_of(name) for name in table_at(job, "secrets"))
        names.update(name_of(name) for name in table_at(job, "id_tokens"))
        environment = job.get("environment")
        stage = environment if isinstance(environment, str) else table_at(environment).get("name")
        plain = stage if isinstance(stage, str) and "$" not in stage else ""
        yield from _identities(path, job_name, names, plain)


def _variables(value: object) -> Iterator[str]:
    yield from (name_of(n) for n in table_at(value, "variables") if _SECRETIVE.search(n))


def _mapping(path: str, data: bytes) -> dict[str, Any]:
    try:
        return parse_mapping(SourceText(path, data))
    except LockError:
        raise NotUnderstoodError("it is not a pipeline in YAML") from None
