"""Spreads: publishes packages and changes repositories with tokens that it finds."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Label

RULE = Rule(
    name="worm",
    title="Publishes or pushes with what it finds",
    techniques=("T1195.002", "T1528", "T1098", "T1080"),
    what="Uploads packages, pushes commits, creates repositories or writes workflow files.",
    danger="A worm uses the victim's own rights to poison what the victim publishes; that is how "
    "one release becomes hundreds.",
    benign="Release tools publish; they are asked to, and take a token given to them.",
    traits={
        "publish": trait("publishes packages", Severity.HIGH, Confidence.LOW),
        "push": trait("pushes commits", Severity.MEDIUM, Confidence.LOW),
        "workflow": trait("writes a build server's workflow", Severity.HIGH, Confidence.MEDIUM),
        "repository": trait(
            "creates repositories or uploads through a code host's API", Severity.HIGH, Confidence.MEDIUM
        ),
        "secrets-api": trait(
            "lists secrets of clouds, clusters or code hosts", Severity.MEDIUM, Confidence.LOW
        ),
        "with-secret": trait(
            "publishes or pushes with a secret it looked for", Severity.CRITICAL, Confidence.HIGH
        ),
    },
)  # fmt: skip

_PUBLISH = ("twine upload", "npm publish", "uv publish", "poetry publish", "flit publish", "hatch publish",
            "yarn publish", "cargo publish", "sdist upload")  # fmt: skip
_PUSH = ("git push", "git remote set-url", "git remote add")
_API = (
    "api.github.com/user/repos",
    "/contents/",
    "/git/refs",
    "/actions/secrets",
    "/dispatches",
    "/user/repos",
)
MAX_SCAN = 400_000
"""Characters of source searched line by line."""
_SECRET_CALLS = frozenset([
    "list_secrets", "get_secret_value", "get_parameters_by_path", "list_secret_for_all_namespaces",
    "describe_parameters", "list_namespaced_secret",
])  # fmt: skip
_WORKFLOWS = (".github/workflows", ".gitlab-ci.yml", ".circleci/config")


def run(reading: Reading) -> Iterator[Sign]:
    """Commands, API addresses that are written to, and workflow files."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.calls(roles.RUN):
        command = " ".join(words_of(value) for value in call.arguments[:1])
        name = "publish" if any(p in command for p in _PUBLISH) else ""
        name = name or ("push" if any(p in command for p in _PUSH) else "")
        if name:
            yield signs.at(call, name, shown=command)
            if carries(call, Label.SECRET):
                yield signs.at(call, "with-secret", shown=command)
    for call in reading.calls(roles.SEND):
        address = " ".join(text_of(value)[:500] for value in call.values)
        if "api.github.com" in address and any(part in address for part in _API):
            yield signs.at(call, "repository", shown=address)
            if carries(call, Label.SECRET):
                yield signs.at(call, "with-secret", shown=address)
    asked = any(f".{name}(" in reading.file.source for name in _SECRET_CALLS)
    for number, line, region in reading.code_lines(MAX_SCAN) if asked else ():
        if any(f".{name}(" in line for name in _SECRET_CALLS):
            yield signs.line(number, region, "secrets-api", shown=line.strip()[:200])
    yield from _workflows(reading, signs)


def _workflows(reading: Reading, signs: Signs) -> Iterator[Sign]:
    writes = (*reading.calls(roles.WRITE), *reading.calls(roles.SEND))
    for text in reading.texts:
        if any(place in text.text[:400] for place in _WORKFLOWS) and reading.near(text, writes):
            yield signs.at(text, "workflow", shown=text.text)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
